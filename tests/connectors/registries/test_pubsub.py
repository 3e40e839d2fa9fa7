"""Pub/Sub's schemas: what fits, what does not, and the ids that decoding rests on."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from connectors.decoding import DecodeContext
from connectors.decoding_any import decode_delivery
from connectors.registries.file_steps import MANIFEST
from connectors.registries.pubsub_steps import (
    MOST_BYTES,
    MOST_REVISIONS,
    Revision,
    definition_of,
    pubsub_steps,
)
from connectors.registries.steps import Action, Step
from ledger.messages import Message
from runners.crossfoot import app
from runners.exit_codes import ExitCode
from schemas.lock import read_lock
from schemas.registry import PACKAGE_ROOT, load_registry
from schemas.versions import SubjectVersion
from tests.schemas.registry_copies import PAID, VOIDED, add_version, copy_registry, optional

BASE = load_registry().latest(VOIDED)


def versions(count: int, doc: str = "") -> list[SubjectVersion]:
    """So many versions that differ in their documentation."""
    return [
        dataclasses.replace(BASE, number=n, schema={**BASE.schema, "doc": f"{n}{doc}"})
        for n in range(1, count + 1)
    ]


def there(some: list[SubjectVersion]) -> list[Revision]:
    return [Revision(f"{v.number:08x}", definition_of(v)) for v in some]


def plan(
    ours: list[SubjectVersion], held: list[Revision], name: str = VOIDED, drop: bool = False
) -> list[Step]:
    return list(pubsub_steps(name, ours, held, drop_oldest=drop))


def told(steps: list[Step]) -> list[tuple[str, int | None]]:
    return [(step.action.value, step.version) for step in steps]


def test_what_is_missing_is_committed_in_order_and_what_is_there_is_kept() -> None:
    ours = versions(3)
    assert told(plan(ours, [])) == [("register", 1), ("register", 2), ("register", 3)]
    steps = plan(ours, there(ours[:2]))
    assert told(steps) == [("keep", 1), ("keep", 2), ("register", 3)]
    assert steps[0].id == f"{VOIDED}@00000001"


def test_spaces_and_the_order_of_keys_make_no_new_revision() -> None:
    (one,) = versions(1)
    spaced = json.dumps(dict(reversed(one.schema.items())), indent=3)
    assert told(plan([one], [Revision("a", spaced)])) == [("keep", 1)]


def test_revisions_of_others_are_left_and_counted() -> None:
    steps = plan(versions(1), [Revision("x", "{}"), Revision("y", "not json")])
    assert told(steps) == [("leave", None), ("leave", None), ("register", 1)]


def test_twenty_revisions_fit_and_room_is_made_only_when_asked() -> None:
    ours = versions(MOST_REVISIONS + 1)
    held = there(ours[:MOST_REVISIONS])
    assert told(plan(ours, held))[-1] == ("refused", MOST_REVISIONS + 1)
    made = plan(ours, held, drop=True)
    assert told(made)[-2:] == [("drop_revision", None), ("register", MOST_REVISIONS + 1)]
    assert made[-2].id == f"{VOIDED}@00000001"
    # Of more than fit, the newest are held.
    assert told(plan(versions(MOST_REVISIONS + 2), []))[0] == ("register", 3)


def test_a_definition_has_300_kb() -> None:
    fits, large = versions(1, "x" * 200_000), versions(1, "x" * MOST_BYTES)
    assert told(plan(fits, [])) == [("register", 1)]
    assert told(plan(large, [])) == [("refused", 1)]


@pytest.mark.parametrize("name", ["ab", "9abc", "google.x", "a/b", "a" * 256, "a b c"])
def test_a_name_that_pubsub_does_not_take_is_refused(name: str) -> None:
    assert told(plan(versions(1), [], name)) == [("refused", None)]


def test_types_are_inlined() -> None:
    text = definition_of(load_registry().latest("billing.invoice_issued"))
    assert text.count('"name":"crossfoot.common.TaxAmount"') == 1
    assert '"type":"record"' in text and "  " not in text[:200]


# --- with Google's own test server -------------------------------------------------------------


@pytest.fixture(scope="module")
def pubsub() -> Iterator[None]:
    """Google's test double, where the tests' servers have it."""
    servers = pytest.importorskip(
        "tests.servers.pubsub_server", reason="no Pub/Sub test server comes with these tests"
    )
    server = servers.PubSubServer()
    yield
    server.close()


def run(*words: str, expected: ExitCode = ExitCode.OK) -> Any:
    done = CliRunner().invoke(app, ["schemas", *words, "--json"])
    assert done.exit_code == expected, done.output
    return json.loads(done.stdout)


@pytest.mark.usefixtures("pubsub")
def test_apply_commits_revisions_and_their_ids_decode_messages(tmp_path: Path) -> None:
    assert os.environ["PUBSUB_EMULATOR_HOST"]
    root = copy_registry(tmp_path, VOIDED, PAID)
    target = ("--target", "pubsub", "--project", "p", "--registry", str(root))
    assert [s["action"] for s in run("plan", *target)] == ["register", "register"]
    run("apply", "--yes", "--name", "topics", *target)
    add_version(root, VOIDED, lambda fields: fields.append(optional("why")))
    assert [s["action"] for s in run("plan", *target)] == ["keep", "register", "keep"]
    run("apply", "--yes", "--name", "topics", *target)
    assert {s["action"] for s in run("plan", *target)} == {"keep"}

    ids = {(x.subject, x.version): str(x.id) for x in read_lock(root).ids}
    assert ids.keys() == {(VOIDED, 1), (VOIDED, 2), (PAID, 1)}
    registry = load_registry(root)
    version = registry.version(PAID, 1)
    example = PACKAGE_ROOT / "subjects" / PAID / "examples" / "v1" / "ok" / "full.json"
    record = version.decode_json(example.read_bytes())
    name, _, revision = ids[PAID, 1].rpartition("@")
    attributes = [
        ("googclient_schemaname", f"projects/p/schemas/{name}"),
        ("googclient_schemarevisionid", revision),
        ("googclient_schemaencoding", "BINARY"),
    ]
    context = DecodeContext(tenant=record["tenant"], registry=registry)
    (found,) = decode_delivery(version.encode(record), attributes, "topic:1", context)
    assert isinstance(found, Message) and found.schema_version == f"{PAID}@1"


# --- files and the command line ---------------------------------------------------------------


def test_files_are_written_once_and_named_in_a_manifest(tmp_path: Path) -> None:
    root, out = copy_registry(tmp_path / "registry", VOIDED, PAID), tmp_path / "out"
    target = ("--target", "files", "--out", str(out), "--registry", str(root))
    assert {s["action"] for s in run("plan", *target)} == {"write"}
    assert {s["action"] for s in run("apply", *target)} == {"write"}
    assert not out.exists()  # a dry run
    run("apply", "--yes", *target)
    manifest = json.loads((out / MANIFEST).read_text())
    assert manifest.keys() == {f"{VOIDED}/v1.avsc", f"{PAID}/v1.avsc"}
    schema = json.loads((out / VOIDED / "v1.avsc").read_text())
    assert schema == load_registry(root).latest(VOIDED).schema
    assert {s["action"] for s in run("plan", *target)} == {"keep"}


def test_only_what_is_locked_leaves_the_house(tmp_path: Path) -> None:
    root = copy_registry(tmp_path / "registry", VOIDED, PAID)
    folder = root / "subjects" / VOIDED
    (folder / "v2.avsc").write_bytes((folder / "v1.avsc").read_bytes())
    target = ("--target", "files", "--out", str(tmp_path / "out"), "--registry", str(root))
    assert [s["version"] for s in run("plan", VOIDED, *target) if s["subject"]] == [1]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--target", "confluent"], ExitCode.USAGE),
        (["--target", "pubsub"], ExitCode.USAGE),
        (["--target", "files"], ExitCode.USAGE),
        (["--target", "files", "--out", "x", "--naming", "y"], ExitCode.USAGE),
        (["--target", "files", "--out", "x", "billing.lost"], ExitCode.USAGE),
        (["--target", "confluent", "--url", "http://127.0.0.1:1"], ExitCode.ENVIRONMENT),
    ],
)
def test_what_is_missing_on_the_command_line_is_said(words: list[str], code: ExitCode) -> None:
    done = CliRunner().invoke(app, ["schemas", "plan", *words])
    assert done.exit_code == code, done.output


def test_actions_are_words_of_their_own() -> None:
    assert len({action.value for action in Action}) == len(Action)
