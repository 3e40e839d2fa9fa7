"""The lock: what was published stays as it was."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from schemas.checking import identity_of
from schemas.contracts import read_contracts
from schemas.lock import (
    LOCK_NAME,
    Lock,
    LockDamaged,
    LockedId,
    LockedVersion,
    LockState,
    compare_lock,
    parse_lock,
    read_lock,
    starts_with,
)
from schemas.publishing import NotPublished, publish, rebuild_chain, record_ids, write_lock
from schemas.registry import PACKAGE_ROOT

VOIDED = Path("subjects") / "billing.invoice_voided"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A registry with two locked versions."""
    for name in ("registry.yaml", "common", str(VOIDED), "subjects/payments.payout_paid"):
        source = PACKAGE_ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / name)
    publish(tmp_path)
    return tmp_path


def identities(root: Path = PACKAGE_ROOT) -> list[LockedVersion]:
    return [identity_of(v) for h in read_contracts(root).histories.values() for v in h.versions]


def state(root: Path = PACKAGE_ROOT) -> LockState:
    return compare_lock(identities(root), read_lock(root))


def edit(path: Path, change: Any) -> None:
    schema = json.loads(path.read_text())
    change(schema)
    path.write_text(json.dumps(schema))


def test_the_lock_matches_the_files() -> None:
    assert state() == LockState(wrong=(), unlocked=())


def test_locking_again_adds_nothing(root: Path) -> None:
    before = (root / LOCK_NAME).read_bytes()
    assert publish(root) == []
    assert (root / LOCK_NAME).read_bytes() == before


@pytest.mark.parametrize(
    "change",
    [
        lambda s: s["fields"].pop(),
        lambda s: s["fields"][-1].update(crossfoot="word"),
        lambda s: s["fields"][5].update(aliases=["customer"]),
    ],
    ids=["field", "rule", "alias"],
)
def test_a_locked_version_may_not_change(root: Path, change: Any) -> None:
    edit(root / VOIDED / "v1.avsc", change)
    expected = "billing.invoice_voided@1 changed after it was locked: make v2.avsc instead"
    assert state(root).wrong == (expected,)
    before = (root / LOCK_NAME).read_bytes()
    with pytest.raises(NotPublished, match=r"make v2\.avsc instead"):
        publish(root)
    assert (root / LOCK_NAME).read_bytes() == before


def test_a_tag_is_locked_too(root: Path) -> None:
    path = root / VOIDED / "subject.yaml"
    path.write_text(path.read_text().replace("personal_data: []", "personal_data: [customer_id]"))
    (problem,) = state(root).wrong
    assert "changed after it was locked" in problem


def test_a_doc_may_be_written_better(root: Path) -> None:
    edit(root / VOIDED / "v1.avsc", lambda s: s.update(doc="In other words."))
    assert state(root).wrong == ()


NOTE = {"name": "note", "type": ["null", "string"], "crossfoot": "text", "default": None}


def add_version(root: Path, number: int, **more: Any) -> None:
    shutil.copy(root / VOIDED / f"v{number - 1}.avsc", root / VOIDED / f"v{number}.avsc")
    new = {**NOTE, "name": f"note{number}", **more}
    edit(root / VOIDED / f"v{number}.avsc", lambda s: s["fields"].append(new))


def test_a_new_version_is_missed_and_then_appended(root: Path) -> None:
    before = (root / LOCK_NAME).read_bytes()
    add_version(root, 2)
    (missed,) = state(root).unlocked
    assert (missed.subject, missed.version, state(root).wrong) == ("billing.invoice_voided", 2, ())
    assert publish(root) == [missed]
    assert (root / LOCK_NAME).read_bytes().startswith(before)
    assert state(root) == LockState(wrong=(), unlocked=())


def test_no_version_is_locked_past_the_check_of_its_compatibility(root: Path) -> None:
    before = (root / LOCK_NAME).read_bytes()
    shutil.copy(root / VOIDED / "v1.avsc", root / VOIDED / "v2.avsc")
    required = {"name": "city", "type": "string", "crossfoot": "word"}
    edit(root / VOIDED / "v2.avsc", lambda s: s["fields"].append(required))
    add_version(root, 3)  # takes nothing back: v2 would still be published
    with pytest.raises(NotPublished, match="city: new readers cannot read older records"):
        publish(root)
    assert (root / LOCK_NAME).read_bytes() == before


def test_a_locked_version_may_not_vanish(root: Path) -> None:
    shutil.rmtree(root / VOIDED)
    assert state(root).wrong == ("billing.invoice_voided@1 is locked and has no file",)
    with pytest.raises(NotPublished, match="has no file"):
        publish(root)


def test_a_line_of_a_later_release_is_read_and_kept(root: Path) -> None:
    later = LockedVersion(subject="x.y", version=1, rabin="0" * 16, sha256="0" * 64)
    lock = read_lock(root).with_added([later])
    text = lock.encode().replace(b'"x.y"', b'"x.y","reviewed":"yes"')
    found = parse_lock(text)
    assert found.versions == lock.versions
    assert b'"reviewed":"yes"' in found.encode()


# --- the chain -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "tamper",
    [
        lambda lines: lines[1:],
        lambda lines: lines[::-1],
        lambda lines: [lines[0], *lines],
        lambda lines: [lines[0].replace(b'"version":1', b'"version":1,"note":"x"'), *lines[1:]],
        lambda lines: [lines[0].replace(b'"chain":"', b'"chain":"0'), *lines[1:]],
    ],
    ids=["taken out", "moved", "twice", "changed", "another chain"],
)
def test_the_chain_tells_that_a_line_is_not_as_it_was(root: Path, tamper: Any) -> None:
    path = root / LOCK_NAME
    path.write_bytes(b"".join(tamper(path.read_bytes().splitlines(keepends=True))))
    assert any("of the lock does not follow" in told for told in state(root).wrong)
    with pytest.raises(NotPublished):
        publish(root)


def test_a_lock_of_before_the_chain_is_chained_and_has_only_grown(root: Path) -> None:
    chained = read_lock(root)
    lines = [json.loads(line) for line in (root / LOCK_NAME).open()]
    for line in lines:
        del line["chain"]
    (root / LOCK_NAME).write_text("".join(json.dumps(line) + "\n" for line in lines))
    plain = read_lock(root)
    assert any("has no chain" in told for told in state(root).wrong)
    assert rebuild_chain(root, plain) == chained
    assert starts_with(chained, plain) and not starts_with(plain, chained)


def test_two_branches_that_added_lines_are_put_in_one_order(root: Path) -> None:
    base = read_lock(root)
    one, two = (
        LockedVersion(subject=name, version=1, rabin="0" * 16, sha256="0" * 64)
        for name in ("x.one", "x.two")
    )
    published, ours = base.with_added([one]), base.with_added([two])
    union = Lock(lines=(*ours.lines, published.lines[-1]))  # as git puts both sides together
    write_lock(root, union)
    mended = rebuild_chain(root, published)
    assert mended == published.with_added([two]) == read_lock(root)


def test_a_published_line_is_never_lost_by_rebuilding(root: Path) -> None:
    published = read_lock(root)
    write_lock(root, Lock(lines=published.lines[:1]))
    with pytest.raises(LockDamaged, match="a published line is missing"):
        rebuild_chain(root, published)


@pytest.mark.parametrize("line", [b"<<<<<<< ours", b"[1]", b'{"subject": "x"}', b"\xff"])
def test_what_is_no_line_is_named(line: bytes) -> None:
    with pytest.raises(LockDamaged, match="line 2: "):
        parse_lock(b"\n" + line + b"\n")


# --- ids in outer registries -----------------------------------------------------------------


def an_id(number: int | str, version: int = 1, registry: str = "prod") -> LockedId:
    return LockedId(subject="billing.invoice_voided", version=version, registry=registry, id=number)


def test_ids_are_recorded_once_and_chained(root: Path) -> None:
    assert record_ids(root, [an_id(7), an_id(7), an_id("x@1a2b", registry="topics")]) == [
        an_id(7),
        an_id("x@1a2b", registry="topics"),
    ]
    assert record_ids(root, [an_id(7)]) == []
    assert read_lock(root).ids == (an_id(7), an_id("x@1a2b", registry="topics"))
    assert state(root) == LockState(wrong=(), unlocked=())


def test_an_id_means_one_version_that_was_published(root: Path) -> None:
    record_ids(root, [an_id(7, version=2)])
    assert state(root).wrong == ("prod id 7 names billing.invoice_voided@2, not locked",)
    record_ids(root, [an_id(7)])
    assert "prod id 7 names two versions" in state(root).wrong
