"""Every example in the registry is what its folder says: accepted, or refused for its reason."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import fastavro
import pytest

from schemas.registry import PACKAGE_ROOT, Registry, load_registry
from schemas.rules import SchemaViolation
from schemas.versions import SubjectVersion

SUBJECTS = PACKAGE_ROOT / "subjects"
OK = sorted(SUBJECTS.glob("*/examples/v*/ok/*.json"))
BAD = sorted(SUBJECTS.glob("*/examples/v*/bad/*.json"))


def name_of(path: Path) -> str:
    return f"{path.parts[-5]}-{path.stem}"


def version_of(path: Path, registry: Registry) -> SubjectVersion:
    return registry.version(path.parts[-5], int(path.parts[-3][1:]))


def test_every_version_has_good_and_bad_examples() -> None:
    for subject in load_registry().subjects.values():
        for version in subject.versions:
            folder = SUBJECTS / subject.name / "examples" / f"v{version.number}"
            assert len(list((folder / "ok").glob("*.json"))) >= 2, version.label
            assert len(list((folder / "bad").glob("*.json"))) >= 5, version.label


@pytest.mark.parametrize("path", OK, ids=name_of)
def test_a_good_example_is_read_and_survives_avro(path: Path, registry: Registry) -> None:
    version = version_of(path, registry)
    record = version.decode_json(path.read_bytes())
    assert version.decode(version.encode(record)) == record


@pytest.mark.parametrize("path", OK, ids=name_of)
def test_a_stock_avro_reader_reads_what_we_write(path: Path, registry: Registry) -> None:
    version = version_of(path, registry)
    record = version.decode_json(path.read_bytes())
    stock = fastavro.schemaless_reader(
        io.BytesIO(version.encode(record)), fastavro.parse_schema(version.schema), None
    )
    assert comparable(stock) == comparable(record)


@pytest.mark.parametrize("path", BAD, ids=name_of)
def test_a_bad_example_is_refused_for_its_reason(path: Path, registry: Registry) -> None:
    version = version_of(path, registry)
    example = json.loads(path.read_text())
    assert example.keys() == {"reason", "checked_by", "record"}
    if example["checked_by"] == "meaning":
        version.decode_json(example["record"])  # well formed: tests/connectors refuse it
        return
    with pytest.raises(SchemaViolation) as caught:
        version.decode_json(json.dumps(example["record"]).encode())
    assert caught.value.violation.reason == example["reason"]
    assert caught.value.violation.path != ""


def comparable(value: Any) -> Any:
    """Stock readers give datetimes and lists where records have microseconds and tuples."""
    if isinstance(value, dict):
        return {key: comparable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [comparable(item) for item in value]
    if hasattr(value, "timestamp"):
        return round(value.timestamp() * 1_000_000)
    return value
