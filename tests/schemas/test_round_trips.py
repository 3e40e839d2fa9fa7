"""What is valid under a version survives a compatible change there and back."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.compatibility import check_pair, is_breaking
from schemas.contracts import Contract
from schemas.linking import field_paths
from schemas.natures import Nature, nature_of
from schemas.registry import load_registry
from schemas.versions import SubjectVersion
from tests.schemas.change_cases import PLAIN
from tests.schemas.contract_edits import BASE, contract
from tests.schemas.test_avro_records import values
from tests.schemas.test_compatibility import LIMITS

REGISTRY = load_registry()
COMPATIBLE = [name for name, case in PLAIN.items() if "U" in case.ok]
"""Changes of the table that FULL lets pass: both sides read each other."""


def version_of(made: Contract) -> SubjectVersion:
    return SubjectVersion(
        subject=made.subject,
        number=made.number,
        schema=json.loads(json.dumps(made.schema)),
        currencies=REGISTRY.currencies,
        limits=LIMITS,
        personal_data=(),
    )


def lasting(old: SubjectVersion, new: SubjectVersion) -> set[str]:
    """Fields that must come back: all that both have, and whatever is money, time or a key."""
    both = {f["name"] for f in new.schema["fields"]} & {f["name"] for f in old.schema["fields"]}
    heavy = {f["name"] for f in old.schema["fields"] if nature_of(f, {}) is not Nature.PLAIN}
    return both | heavy


def survives(old: SubjectVersion, new: SubjectVersion, record: dict[str, Any]) -> None:
    assert old.validate_mapping(record) is None
    there = old.decode(old.encode(record), new)
    assert new.validate_mapping(there) is None
    back = new.decode(new.encode(there), old)
    kept = lasting(old, new)
    assert {k: back[k] for k in kept} == {k: record[k] for k in kept}
    shared = kept & there.keys()
    assert {k: there[k] for k in shared if not _grew(record[k], there[k])} == {
        k: record[k] for k in shared if not _grew(record[k], there[k])
    }


def _grew(old: Any, new: Any) -> bool:
    """Records inside that have more fields now; their amounts are compared on the way back."""
    return isinstance(old, tuple) and old != new and any(isinstance(x, dict) for x in new)


@pytest.mark.parametrize("name", COMPATIBLE)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_value_survives_every_compatible_change_of_the_table(name: str, data: Any) -> None:
    case = PLAIN[name]
    old, new = version_of(contract(1, case.old)), version_of(contract(2, case.new))
    survives(old, new, data.draw(values(old.shape)))


def test_the_table_has_changes_to_try() -> None:
    assert len(COMPATIBLE) >= 8


ADDED = {
    "string": {"type": ["null", "string"], "crossfoot": "text", "default": None},
    "amount": {"type": "long", "crossfoot": "amount_minor", "default": 0},
    "flag": {"type": "boolean", "default": False},
    "list": {"type": {"type": "array", "items": "string"}, "crossfoot": "id", "default": []},
    "rate": {
        "type": ["null", {"type": "bytes", "logicalType": "decimal", "precision": 38, "scale": 12}],
        "crossfoot": "rate", "default": None,
    },
}  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_value_survives_any_mixture_of_additions_and_reorderings(data: Any) -> None:
    subject = data.draw(st.sampled_from(sorted(REGISTRY.subjects)))
    old = REGISTRY.latest(subject)
    fields = list(old.schema["fields"])
    for number, kind in enumerate(data.draw(st.lists(st.sampled_from(sorted(ADDED)), max_size=4))):
        name = f"added_{number}" + ("_minor" if kind == "amount" else "")
        at = data.draw(st.integers(0, len(fields)))
        if "lines" not in {f["name"] for f in fields[:at]}:
            fields.insert(at, {"name": name, **ADDED[kind]})
    schema = {**old.schema, "fields": fields}
    new = SubjectVersion(
        subject=subject, number=old.number + 1, schema=schema, currencies=old.currencies,
        limits=old.limits, personal_data=(),
    )  # fmt: skip
    about = REGISTRY.subject(subject).about
    pair = [
        Contract(subject=v.subject, number=v.number, schema=v.schema, keys=about.keys,
                 event_time=about.event_time)
        for v in (old, new)
    ]  # fmt: skip
    assert not is_breaking(check_pair(pair[0], pair[1], "FULL"))
    survives(old, new, data.draw(values(old.shape)))


HISTORY = [
    (subject.versions[i], subject.versions[j])
    for _, subject in sorted(REGISTRY.subjects.items())
    for i in range(len(subject.versions))
    for j in range(i + 1, len(subject.versions))
]


@pytest.mark.parametrize(("old", "new"), HISTORY, ids=lambda v: v.label)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_value_survives_what_was_published(
    old: SubjectVersion, new: SubjectVersion, data: Any
) -> None:
    survives(old, new, data.draw(values(old.shape)))


@settings(max_examples=300, deadline=None)
@given(
    amount=st.integers(-(10**17), 10**17),
    price=st.decimals(allow_nan=False, allow_infinity=False, places=12,
                      min_value=-(10**20), max_value=10**20),
)  # fmt: skip
def test_no_decode_returns_another_amount_than_was_written(amount: int, price: Decimal) -> None:
    version = version_of(contract(1))
    record: dict[str, Any] = {
        f["name"]: f["default"] for f in BASE if "default" in f
    } | {
        "event_id": "e", "at_micros": 1_768_467_600_000_000, "currency": "EUR",
        "total_minor": amount, "rate": Decimal(1), "price": price, "lines": (),
    }  # fmt: skip
    record["status"] = "open"
    if version.validate_mapping(record) is not None:
        return
    for read in (
        version.decode(version.encode(record)),
        version.decode_json(json.dumps(record, default=str).encode()),
    ):
        assert read["total_minor"] == amount
        assert read["price"] == price
    assert "total_minor" in field_paths(version.schema)
