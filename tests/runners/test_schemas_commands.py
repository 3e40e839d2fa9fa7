"""`crossfoot schemas …` on a registry in a git repository of its own."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from runners.exit_codes import ExitCode
from schemas.lock import read_lock
from schemas.publishing import publish
from schemas.registry import PACKAGE_ROOT, load_registry
from schemas.versions import SubjectVersion

PAID = "payments.payout_paid"
VOIDED = "billing.invoice_voided"
Run = Callable[..., Result]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two subjects with one locked version each, committed as `main`."""
    root = tmp_path / "company" / "contracts"
    (root / "subjects").mkdir(parents=True)
    shutil.copy(PACKAGE_ROOT / "registry.yaml", root)
    shutil.copytree(PACKAGE_ROOT / "common", root / "common")
    for subject in (PAID, VOIDED):
        shutil.copytree(PACKAGE_ROOT / "subjects" / subject, root / "subjects" / subject)
    publish(root)
    git(root.parent, "init", "--quiet", "--initial-branch=main")
    commit(root)
    return root


def git(folder: Path, *words: str) -> None:
    who = ("-c", "user.name=A", "-c", "user.email=a@example.com")
    subprocess.run(["git", "-C", folder, *who, *words], check=True, capture_output=True)


def commit(root: Path) -> None:
    git(root.parent, "add", "--all")
    git(root.parent, "commit", "--quiet", "--message", "as it is")


@pytest.fixture
def schemas(crossfoot: Run, root: Path) -> Run:
    """Run `crossfoot schemas WORDS…` on that registry."""
    return lambda *words: crossfoot("schemas", *words, "--registry", root)


def edit(root: Path, subject: str, number: int, change: Callable[[list[Any]], Any]) -> None:
    """Change the fields of a version's file."""
    path = root / "subjects" / subject / f"v{number}.avsc"
    schema = json.loads(path.read_text())
    change(schema["fields"])
    path.write_text(json.dumps(schema, indent=2))


def field(name: str) -> Callable[[list[Any]], Any]:
    return lambda fields: next(f for f in fields if f["name"] == name)


def told(done: Result) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def drafted(schemas: Run, subject: str = PAID) -> None:
    done = schemas("new-version", subject, "--summary", "Adds what was missing.")
    assert done.exit_code == ExitCode.OK, done.stderr


REGION = {
    "name": "region", "type": ["null", "string"], "crossfoot": "word", "default": None,
    "doc": "Where it went.",
}  # fmt: skip


# --- looking ---------------------------------------------------------------------------------


def test_list_names_every_subject_of_the_installation(crossfoot: Run) -> None:
    done = crossfoot("schemas", "list", "--json")
    assert {row["subject"] for row in told(done)} == set(load_registry().subjects)
    assert all(name in crossfoot("schemas", "list").stdout for name in load_registry().subjects)


def test_show_tells_every_field_with_its_rule_and_default(crossfoot: Run) -> None:
    shown = json.loads(crossfoot("schemas", "show", "billing.invoice_issued", "--json").stdout)
    fields = {row["path"]: row for row in shown["fields"]}
    assert fields["lines.amount_minor"]["rule"] == "amount_minor"
    assert fields["lines.taxes.inclusive"]["default"] is False
    assert "default" not in fields["invoice_id"]
    assert fields["lines.description"]["personal_data"] is True
    assert fields["exchange_rate"]["type"] == "optional decimal(38,12)"
    people = crossfoot("schemas", "show", "billing.invoice_issued").stdout
    assert "lines.amount_minor" in people and "required" in people


@pytest.mark.parametrize(
    "words",
    [
        ("show", "billing.invoice_lost"),
        ("show", PAID, "--version", "2"),
        ("diff", "../../etc"),
        ("diff", PAID, "--to", "7"),
        ("doc", "billing.invoice_lost"),
        ("new-version", "../x", "--summary", "x"),
        ("deprecate", "billing.invoice_lost", "--sunset", "2031-01-01"),
        ("check", "--against", "no-such-branch"),
        ("check", "--against", "--help"),
    ],
    ids=" ".join,
)
def test_what_is_not_there_is_a_usage_error(schemas: Run, words: tuple[str, ...]) -> None:
    done = schemas(*words)
    assert done.exit_code == ExitCode.USAGE
    assert "to mend:" in done.stderr


def test_doc_writes_a_page_of_every_field(schemas: Run, tmp_path: Path) -> None:
    page = schemas("doc", PAID).stdout
    assert page.startswith(f"# {PAID}\n") and "| idempotency key | event_id |" in page
    assert "| `payout_id` | string | id | required |  |" in page
    assert schemas("doc", "--out", tmp_path / "pages").exit_code == ExitCode.OK
    assert (tmp_path / "pages" / f"{PAID}.md").read_text() == page
    assert sorted(path.stem for path in (tmp_path / "pages").iterdir()) == [VOIDED, PAID]


def test_lint_tells_a_float_and_every_other_mistake_at_once(schemas: Run, root: Path) -> None:
    assert schemas("lint").exit_code == ExitCode.OK
    edit(root, PAID, 1, lambda fields: field("amount_minor")(fields).update(type="double"))
    (root / "subjects" / VOIDED / "v1.avsc").write_text("{")
    done = schemas("lint", "--json")
    assert done.exit_code == ExitCode.DATA
    sentences = " ".join(f"{row['path']}: {row['what']}" for row in told(done))
    assert "amount_minor: double cannot hold money" in sentences
    assert f"{VOIDED}/v1.avsc" in sentences


def test_lint_also_looks_at_what_ties_the_files_together(schemas: Run, root: Path) -> None:
    path = root / "subjects" / PAID / "subject.yaml"
    path.write_text(path.read_text().replace("[event_id]", "[no_field]"))
    done = schemas("lint")
    assert done.exit_code == ExitCode.DATA and "names no_field" in done.stderr


@pytest.mark.parametrize(
    "broken",
    [
        {"type": "array"},
        {"type": "record", "name": "Q"},
        {"type": "enum", "symbols": ["A"]},
        5,
        [],
        {},
    ],
    ids=str,
)
def test_what_is_no_avro_is_a_mistake_and_no_crash(schemas: Run, root: Path, broken: Any) -> None:
    edit(root, PAID, 1, lambda fields: fields.append({"name": "x", "type": broken}))
    for command in ("lint", "check", "list"):
        assert schemas(command).exit_code == ExitCode.DATA, command


# --- a new version, from the first file to the lock ------------------------------------------


def test_a_version_is_begun_changed_checked_and_locked(schemas: Run, root: Path) -> None:
    before = (root / "registry.lock").read_bytes()
    drafted(schemas)
    folder = root / "subjects" / PAID
    assert "## v2\n\nAdds what was missing.\n" in (folder / "CHANGELOG.md").read_text()
    assert len(list((folder / "examples" / "v2" / "ok").iterdir())) >= 2
    edit(root, PAID, 2, lambda fields: fields.append(REGION))

    difference = schemas("diff", PAID)
    assert difference.exit_code == ExitCode.OK
    assert "region: added as optional string, null in older records" in difference.stdout

    unlocked = schemas("check", "--against", "main")
    assert unlocked.exit_code == ExitCode.DATA
    assert f"{PAID}@2 is not locked yet, BREAKING: unlocked" in unlocked.stdout
    assert schemas("lock").stdout.startswith(f"locked {PAID}@2 ")
    assert schemas("check", "--against", "main", "--transitive").exit_code == ExitCode.OK
    assert (root / "registry.lock").read_bytes().startswith(before)
    assert schemas("lock", "--json").stdout == "[]\n"


def test_a_change_of_money_is_told_and_neither_checked_in_nor_locked(
    schemas: Run, root: Path
) -> None:
    drafted(schemas)
    edit(root, PAID, 2, lambda fields: field("amount_minor")(fields).update(default=0))
    before = (root / "registry.lock").read_bytes()
    sentence = (
        "amount_minor: default 0 added; a record that lacks it would be taken, BREAKING: money"
    )
    for words in (("diff", PAID), ("check",), ("check", "--against", "main")):
        done = schemas(*words)
        assert done.exit_code == ExitCode.DATA, words
        assert sentence in done.stdout, words
    refused = schemas("lock")
    assert refused.exit_code == ExitCode.DATA and sentence in refused.stderr
    assert (root / "registry.lock").read_bytes() == before


def test_only_one_version_is_begun_at_a_time(schemas: Run) -> None:
    drafted(schemas)
    done = schemas("new-version", PAID, "--summary", "More.")
    assert done.exit_code == ExitCode.USAGE and "is not locked yet" in done.stderr


def test_transitive_looks_beyond_the_mode(schemas: Run, root: Path) -> None:
    path = root / "registry.yaml"
    path.write_text(path.read_text().replace("BACKWARD_TRANSITIVE", "BACKWARD"))
    drafted(schemas)
    edit(root, PAID, 2, lambda fields: fields.remove(field("entity")(fields)))
    assert schemas("lock").exit_code == ExitCode.OK
    drafted(schemas)
    number = {"name": "entity", "type": ["null", "long"], "crossfoot": "count", "default": None}
    edit(root, PAID, 3, lambda fields: fields.append(number))
    assert schemas("lock").exit_code == ExitCode.OK
    assert schemas("check").exit_code == ExitCode.OK
    done = schemas("check", "--transitive", "--json")
    assert done.exit_code == ExitCode.DATA
    assert {(f["before"], f["after"]) for f in told(done) if f["severity"] == "breaking"} == {
        (1, 3)
    }


def test_two_branches_that_each_locked_a_version_are_chained_in_one_order(
    schemas: Run, root: Path
) -> None:
    (root.parent / ".gitattributes").write_text("contracts/registry.lock merge=union\n")
    commit(root)
    for branch, subject in (("ours", VOIDED), ("theirs", PAID)):
        git(root.parent, "checkout", "--quiet", "-b", branch, "main")
        drafted(schemas, subject)
        edit(root, subject, 2, lambda fields: fields.append(REGION))
        assert schemas("lock").exit_code == ExitCode.OK
        commit(root)
    git(root.parent, "rebase", "--quiet", "ours")
    broken = schemas("lock")
    assert broken.exit_code == ExitCode.DATA and "does not follow" in broken.stderr
    assert schemas("lock", "--rebuild-chain", "ours").exit_code == ExitCode.OK
    assert schemas("check", "--against", "ours").exit_code == ExitCode.OK
    assert [line.label for line in _latest(root)] == [f"{VOIDED}@2", f"{PAID}@2"]


def _latest(root: Path) -> list[SubjectVersion]:
    return [
        load_registry(root).version(x.subject, x.version) for x in read_lock(root).versions[-2:]
    ]


def test_ids_that_a_pipeline_had_to_ask_for_are_locked(
    schemas: Run, root: Path, tmp_path: Path
) -> None:
    file = tmp_path / "ids.jsonl"
    line = {"subject": PAID, "version": 1, "registry": "prod", "id": 7}
    file.write_text(json.dumps(line) + "\n")
    done = schemas("lock", "--learned", file)
    assert f"locked prod id 7 of {PAID}@1" in done.stdout
    assert load_registry(root).by_outer_id(7).label == f"{PAID}@1"
    assert schemas("check").exit_code == ExitCode.OK
    assert json.loads(schemas("lock", "--learned", file, "--json").stdout) == []
    file.write_text("{}")
    assert schemas("lock", "--learned", file).exit_code == ExitCode.DATA
    assert schemas("lock", "--learned", tmp_path / "no").exit_code == ExitCode.USAGE


# --- against a commit ------------------------------------------------------------------------


def sentences(done: Result) -> list[str]:
    assert done.exit_code == ExitCode.DATA
    return [f"{row['path']}: {row['what']}" for row in told(done) if row["severity"] == "breaking"]


def test_a_published_version_may_not_change_even_with_its_line_in_the_lock(
    schemas: Run, root: Path
) -> None:
    edit(root, PAID, 1, lambda fields: field("currency")(fields).update(crossfoot="word"))
    locked = schemas("check", "--json")
    assert f": {PAID}@1 changed after it was locked: make v2.avsc instead" in sentences(locked)
    (root / "registry.lock").unlink()
    assert schemas("lock").exit_code == ExitCode.OK
    assert schemas("check").exit_code == ExitCode.OK
    found = sentences(schemas("check", "--against", "main", "--json"))
    assert ": the lock may only grow: lines in it changed" in found
    assert ": v1 changed after publication: make v2 instead" in found
    assert "currency: rule currency -> word" in found


def test_keys_and_times_in_subject_yaml_may_not_change(schemas: Run, root: Path) -> None:
    path = root / "subjects" / PAID / "subject.yaml"
    text = path.read_text().replace("[event_id]", "[payout_id]")
    path.write_text(text)
    assert schemas("check").exit_code == ExitCode.OK
    found = sentences(schemas("check", "--against", "main", "--json"))
    assert found == ["keys.idempotency: key fields event_id -> payout_id"]


def test_a_subject_may_not_vanish(schemas: Run, root: Path) -> None:
    shutil.rmtree(root / "subjects" / PAID)
    found = sentences(schemas("check", "--against", "main", "--json"))
    assert ": the subject was removed" in found


def test_a_mode_that_promises_otherwise_is_pointed_out(schemas: Run, root: Path) -> None:
    path = root / "registry.yaml"
    path.write_text(path.read_text().replace("BACKWARD_TRANSITIVE", "NONE"))
    done = schemas("check", "--against", "main")
    assert done.exit_code == ExitCode.OK
    assert "compatibility BACKWARD_TRANSITIVE -> NONE" in done.stdout


def test_a_commit_without_a_registry_is_pointed_out(schemas: Run, root: Path) -> None:
    git(root.parent, "mv", "contracts", "elsewhere")
    git(root.parent, "commit", "--quiet", "--message", "before")
    git(root.parent, "mv", "elsewhere", "contracts")
    done = schemas("check", "--against", "HEAD")
    assert done.exit_code == ExitCode.OK
    assert "not compared: HEAD:registry.yaml: is missing" in done.stdout


def test_a_folder_outside_git_is_checked_but_not_against_a_commit(
    crossfoot: Run, root: Path, tmp_path: Path
) -> None:
    copy = shutil.copytree(root, tmp_path / "copy")
    check = ("schemas", "check", "--registry", copy)
    assert crossfoot(*check).exit_code == ExitCode.OK
    assert crossfoot(*check, "--against", "main").exit_code == ExitCode.USAGE


def test_the_project_s_own_registry_passes_its_check(crossfoot: Run) -> None:
    done = crossfoot("schemas", "check", "--transitive", "--with-samples", "--json")
    assert done.exit_code == ExitCode.OK
    assert {row["severity"] for row in told(done)} <= {"note", "caution"}


# --- usage, deprecate, retire ----------------------------------------------------------------


def test_usage_counts_versions_by_source(crossfoot: Run, books: Any) -> None:
    rows = told(crossfoot("schemas", "usage", "--store", books.url, "--json"))
    seen = {(r["subject"], r["version"], r["source"]): r["messages"] for r in rows}
    # Two invoices, one of them told again when it was paid; the redelivery counts once.
    newest = load_registry().latest("billing.invoice_issued").number
    assert seen[("billing.invoice_issued", newest, "stripe")] == 3
    assert seen[("payments.payment_succeeded", 1, "stripe")] == 1
    one = crossfoot("schemas", "usage", "--store", books.url, "--subject", PAID)
    assert one.stdout == "versions in use: none\n"
    recent = crossfoot("schemas", "usage", "--store", books.url, "--days", "30", "--json")
    assert recent.stdout == "[]\n"


def in_days(days: int) -> str:
    return (datetime.now(UTC).date() + timedelta(days=days)).isoformat()


def test_deprecate_changes_three_lines_and_nothing_else(schemas: Run, root: Path) -> None:
    path = root / "subjects" / PAID / "subject.yaml"
    before = path.read_text()
    words = ("deprecate", PAID, "--sunset", in_days(90), "--successor", VOIDED)
    assert schemas(*words).exit_code == ExitCode.OK
    lines = f'state: deprecated\nsunset: "{in_days(90)}"\nsuccessor: {VOIDED}\n'
    assert path.read_text() == before.replace("state: active\n", lines)
    assert schemas(*words).exit_code == ExitCode.OK
    assert path.read_text() == before.replace("state: active\n", lines)
    assert schemas("check", "--against", "main").exit_code == ExitCode.OK
    assert load_registry(root).subject(PAID).about.successor == VOIDED
    refused = schemas("new-version", PAID, "--summary", "x")
    assert refused.exit_code == ExitCode.USAGE and "is deprecated" in refused.stderr


@pytest.mark.parametrize(
    "more", [("--sunset", "2020-01-01"), ("--sunset", "soon"),
             ("--sunset", "2999-01-01", "--successor", PAID),
             ("--sunset", "2999-01-01", "--successor", "billing.invoice_lost")]
)  # fmt: skip
def test_a_deprecation_that_cannot_be_meant_is_refused(
    schemas: Run, root: Path, more: tuple[str, ...]
) -> None:
    path = root / "subjects" / PAID / "subject.yaml"
    before = path.read_text()
    assert schemas("deprecate", PAID, *more).exit_code == ExitCode.USAGE
    assert path.read_text() == before


def ended(root: Path, subject: str, consumers: str = "[]") -> None:
    """As if it had been deprecated long ago."""
    path = root / "subjects" / subject / "subject.yaml"
    text = path.read_text().replace("consumers: [ledger]", f"consumers: {consumers}")
    path.write_text(text.replace("state: active", 'state: deprecated\nsunset: "2020-01-31"'))


def test_what_nobody_sends_or_reads_is_retired(schemas: Run, root: Path, books: Any) -> None:
    ended(root, PAID)
    done = schemas("retire", PAID, "--store", books.url, "--json")
    assert done.exit_code == ExitCode.OK, done.stderr
    assert json.loads(done.stdout)["state"] == "retired"
    about = load_registry(root).subject(PAID).about
    assert (about.state, about.sunset) == ("retired", "2020-01-31")
    again = schemas("deprecate", PAID, "--sunset", "2999-01-01")
    assert again.exit_code == ExitCode.USAGE and "is retired" in again.stderr


def test_what_is_in_use_is_not_retired_and_every_reason_is_told(
    schemas: Run, root: Path, books: Any
) -> None:
    shutil.copytree(
        PACKAGE_ROOT / "subjects" / "billing.invoice_issued",
        root / "subjects" / "billing.invoice_issued",
    )
    path = root / "subjects" / "billing.invoice_issued" / "subject.yaml"
    before = path.read_text()
    days = (datetime.now(UTC) - datetime(2019, 1, 1, tzinfo=UTC)).days
    retire = ("retire", "billing.invoice_issued", "--store", books.url, "--days", days)
    done = schemas(*retire)
    assert done.exit_code == ExitCode.DATA
    assert path.read_text() == before
    newest = load_registry().latest("billing.invoice_issued").number
    sent_of = f"stripe sent 3 of v{newest}, last on 2019-01-15"
    for reason in ("it is active", "ledger read it", sent_of):
        assert reason in done.stderr
    ended(root, "billing.invoice_issued")
    sent = schemas(*retire)
    assert sent.exit_code == ExitCode.DATA and "it is active" not in sent.stderr
    assert f"stripe sent 3 of v{newest}" in sent.stderr
    path.write_text(path.read_text().replace("2020-01-31", in_days(5)))
    early = schemas("retire", "billing.invoice_issued", "--store", books.url)
    assert early.exit_code == ExitCode.DATA and f"its sunset is {in_days(5)}" in early.stderr
