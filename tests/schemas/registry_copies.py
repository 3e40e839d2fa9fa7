"""Copies of the registry that a test may change: fewer subjects, more versions, other states."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from schemas.publishing import publish
from schemas.registry import PACKAGE_ROOT, Registry, load_registry

Json = Any
VOIDED = "billing.invoice_voided"
PAID = "payments.payout_paid"


def copy_registry(root: Path, *subjects: str) -> Path:
    """Copy these subjects and what all share to `root`, and publish them."""
    root.mkdir(parents=True, exist_ok=True)
    for name in ("registry.yaml", "common", *(f"subjects/{subject}" for subject in subjects)):
        source = PACKAGE_ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, root / name)
    publish(root)
    return root


def add_version(root: Path, subject: str, change: Callable[[list[Json]], object]) -> None:
    """Publish the latest version with changed fields as the next one."""
    folder = root / "subjects" / subject
    number = len(list(folder.glob("v*.avsc")))
    schema = json.loads((folder / f"v{number}.avsc").read_text())
    change(schema["fields"])
    (folder / f"v{number + 1}.avsc").write_text(json.dumps(schema))
    publish(root)


def set_about(root: Path, subject: str, **lines: str) -> None:
    """Replace or add lines of subject.yaml."""
    path = root / "subjects" / subject / "subject.yaml"
    kept = [x for x in path.read_text().splitlines() if x.partition(":")[0] not in lines]
    path.write_text("\n".join([*kept, *(f"{k}: {v}" for k, v in lines.items())]) + "\n")


def optional(name: str, type_: Json = "string", rule: str = "word") -> Json:
    """A field that older records do not have."""
    return {"name": name, "type": ["null", type_], "crossfoot": rule, "default": None}


def two_versions(root: Path, **about: str) -> Registry:
    """`billing.invoice_voided` whose v2 also says why."""
    copy_registry(root, VOIDED)
    if about:
        set_about(root, VOIDED, **about)
    add_version(root, VOIDED, lambda fields: fields.append(optional("why")))
    return load_registry(root)
