"""Identities of schemas: what each of the three sees and what it is blind to."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import avro.schema
import pytest

from schemas import forms
from schemas.registry import Registry

Json = Any


@pytest.fixture
def schema(registry: Registry) -> Json:
    return deepcopy(registry.latest("billing.invoice_issued").schema)


def field(schema: Json, name: str) -> Json:
    (found,) = (each for each in schema["fields"] if each["name"] == name)
    return found


def test_the_specification_s_own_example_has_its_fingerprint() -> None:
    # Avro specification, "Schema Fingerprints": the fingerprint of "int".
    assert forms.rabin("int") == "7275d51a3f395c8f"


def test_apache_avro_gives_every_version_the_same_fingerprint(registry: Registry) -> None:
    # Apache's Python, unlike its Java, keeps `{"type": "long"}` of a logical type in the
    # canonical form, against the rule [PRIMITIVES]: it is given the schema without them.
    for subject in registry.subjects.values():
        for version in subject.versions:
            text = json.dumps(without_logical_types(version.schema))
            theirs = avro.schema.parse(text).fingerprint("CRC-64-AVRO")
            assert theirs[::-1].hex() == version.rabin, version.label


def without_logical_types(schema: Json) -> Json:
    if isinstance(schema, list):
        return [without_logical_types(branch) for branch in schema]
    if not isinstance(schema, dict):
        return schema
    if "logicalType" in schema:
        return schema["type"]
    return {key: without_logical_types(value) for key, value in schema.items()}


def test_avro_s_fingerprint_is_blind_to_the_scale_and_the_other_two_are_not(schema: Json) -> None:
    changed = deepcopy(schema)
    field(changed, "exchange_rate")["type"][1]["scale"] = 4
    assert forms.rabin(changed) == forms.rabin(schema)
    assert forms.wire_digest(changed) != forms.wire_digest(schema)
    assert forms.full_digest(changed, {}) != forms.full_digest(schema, {})


@pytest.mark.parametrize(
    "change",
    [
        lambda s: field(s, "balance_applied_minor").update(default=1),
        lambda s: field(s, "currency").update(aliases=["currency_code"]),
        lambda s: field(s, "currency").update(crossfoot="word"),
    ],
    ids=["default", "alias", "rule"],
)
def test_only_the_full_digest_sees_what_does_not_change_the_bytes(
    schema: Json, change: Any
) -> None:
    changed = deepcopy(schema)
    change(changed)
    assert forms.wire_digest(changed) == forms.wire_digest(schema)
    assert forms.full_digest(changed, {}) != forms.full_digest(schema, {})


def test_tags_count_and_docs_do_not(schema: Json) -> None:
    changed = deepcopy(schema)
    changed["doc"] = field(changed, "currency")["doc"] = "in other words"
    assert forms.full_digest(changed, {}) == forms.full_digest(schema, {})
    assert forms.full_digest(schema, {"personal_data": ["number"]}) != forms.full_digest(schema, {})


def test_ways_to_write_the_same_schema_mean_the_same_bytes() -> None:
    short = {
        "type": "record",
        "name": "a.b.C",
        "fields": [
            {"name": "x", "type": "string"},
            {"name": "y", "type": {"type": "enum", "name": "E", "symbols": ["A"]}},
            {"name": "z", "type": "a.b.E"},
        ],
    }
    long = {
        "namespace": "a.b",
        "doc": "as Java's tools write it",
        "name": "C",
        "type": "record",
        "fields": [
            {"name": "x", "type": {"type": "string", "avro.java.string": "String"}},
            {"name": "y", "type": {"type": "enum", "name": "E", "symbols": ["A"]}},
            {"name": "z", "type": "E"},
        ],
    }
    digests = {forms.wire_digest(forms.inline(schema, {})) for schema in (short, long)}
    assert len(digests) == 1


def test_a_name_that_is_defined_nowhere_is_unknown() -> None:
    schema = {"type": "record", "name": "a.B", "fields": [{"name": "x", "type": "Missing"}]}
    with pytest.raises(forms.UnknownType, match=r"a\.Missing"):
        forms.inline(schema, {})
