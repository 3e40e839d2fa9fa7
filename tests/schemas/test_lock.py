"""The lock: what was published stays as it was."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from schemas.lock import LOCK_NAME, append_to_lock, check_lock, expected_lock, read_lock
from schemas.registry import PACKAGE_ROOT, Registry, RegistryError, load_registry

VOIDED = Path("subjects") / "billing.invoice_voided"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A registry with two locked versions."""
    for name in ("registry.yaml", "common", str(VOIDED), "subjects/payments.payout_paid"):
        source = PACKAGE_ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / name)
    append_to_lock(load_registry(tmp_path), tmp_path)
    return tmp_path


def edit(path: Path, change: Any) -> None:
    schema = json.loads(path.read_text())
    change(schema)
    path.write_text(json.dumps(schema))


def test_the_lock_matches_the_files(registry: Registry) -> None:
    assert check_lock(registry, read_lock()) == []


def test_locking_again_adds_nothing(root: Path) -> None:
    before = (root / LOCK_NAME).read_bytes()
    assert append_to_lock(load_registry(root), root) == []
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
    registry = load_registry(root)
    assert check_lock(registry, read_lock(root)) == [
        "billing.invoice_voided@1 changed after it was locked: make v2.avsc instead"
    ]
    before = (root / LOCK_NAME).read_bytes()
    with pytest.raises(RegistryError, match=r"make v2\.avsc instead"):
        append_to_lock(registry, root)
    assert (root / LOCK_NAME).read_bytes() == before


def test_a_tag_is_locked_too(root: Path) -> None:
    path = root / VOIDED / "subject.yaml"
    path.write_text(path.read_text().replace("personal_data: []", "personal_data: [customer_id]"))
    (problem,) = check_lock(load_registry(root), read_lock(root))
    assert "changed after it was locked" in problem


def test_a_doc_may_be_written_better(root: Path) -> None:
    edit(root / VOIDED / "v1.avsc", lambda s: s.update(doc="In other words."))
    assert check_lock(load_registry(root), read_lock(root)) == []


def test_a_new_version_is_missed_and_then_appended(root: Path) -> None:
    before = (root / LOCK_NAME).read_bytes()
    shutil.copy(root / VOIDED / "v1.avsc", root / VOIDED / "v2.avsc")
    new = {"name": "note", "type": ["null", "string"], "crossfoot": "text", "default": None}
    edit(root / VOIDED / "v2.avsc", lambda s: s["fields"].append(new))
    registry = load_registry(root)
    assert check_lock(registry, read_lock(root)) == ["billing.invoice_voided@2 is not locked yet"]
    (added,) = append_to_lock(registry, root)
    assert (added.subject, added.version) == ("billing.invoice_voided", 2)
    assert (root / LOCK_NAME).read_bytes().startswith(before)
    assert check_lock(registry, read_lock(root)) == []


def test_a_locked_version_may_not_vanish(root: Path) -> None:
    shutil.rmtree(root / VOIDED)
    registry = load_registry(root)
    expected = "billing.invoice_voided@1 is locked and has no file"
    assert check_lock(registry, read_lock(root)) == [expected]
    with pytest.raises(RegistryError, match="has no file"):
        append_to_lock(registry, root)


def test_a_line_of_a_later_release_is_read(root: Path) -> None:
    path = root / LOCK_NAME
    lines = [json.loads(line) | {"ids": {"confluent": 7}} for line in path.open()]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert read_lock(root) == expected_lock(load_registry(root))
