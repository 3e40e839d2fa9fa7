"""ERP postings of versions 1 and 2: each reader reads what the other wrote."""

from __future__ import annotations

import io
from typing import Any

import fastavro

from schemas.registry import PACKAGE_ROOT, Registry

EXAMPLES = PACKAGE_ROOT / "subjects" / "erp.posting" / "examples"


def read_as(registry: Registry, written: int, wanted: int, name: str) -> dict[str, Any]:
    """An example of version `written`, as a reader of version `wanted` has it."""
    writer = registry.version("erp.posting", written)
    body = writer.encode(writer.decode_json((EXAMPLES / f"v{written}/ok/{name}.json").read_bytes()))
    reader = registry.version("erp.posting", wanted)
    found = fastavro.schemaless_reader(
        io.BytesIO(body),
        fastavro.parse_schema(writer.schema),
        fastavro.parse_schema(reader.schema),
    )
    assert isinstance(found, dict)
    return found


def test_a_new_reader_reads_old_postings_without_mapping_and_region(registry: Registry) -> None:
    found = read_as(registry, 1, 2, "full")
    assert (found["mapping"], found["region"]) == (None, None)
    assert [line["gl_account"] for line in found["lines"]] == ["1400", "3900", "3806"]


def test_an_old_reader_reads_new_postings_and_does_not_see_them(registry: Registry) -> None:
    found = read_as(registry, 2, 1, "full")
    assert "mapping" not in found and "region" not in found
    assert [line["gl_account"] for line in found["lines"]] == ["1400", "3900", "3806"]


def test_the_new_version_names_mapping_and_region(registry: Registry) -> None:
    found = read_as(registry, 2, 2, "full")
    assert (found["mapping"], found["region"]) == ("acme@3", "EMEA")
