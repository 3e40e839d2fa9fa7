"""What a field is about: money, time, a key or nothing that the books rest on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

from schemas.lint import DECIMAL_RULES, LONG_RULES

Json = Any

MONEY_RULES = (LONG_RULES - {"count"}) | DECIMAL_RULES | {"currency"}
TIME_RULES = frozenset({"date", "period"})
UNIT_WORDS = frozenset(
    "minor major cents micros millis seconds minutes hours days months percent bps units".split()
)
"""Last words of field names that state a unit."""
_MONEY_UNITS = ("minor", "major", "cents")
_TIMES = ("timestamp", "local-timestamp", "date", "time", "duration")


class Nature(StrEnum):
    """What breaks when the field is read otherwise than it was written."""

    PLAIN = "meaning"
    """Nothing but what it says."""
    TIME = "time"
    """Days and periods: when revenue is earned and in which month it is booked."""
    MONEY = "money"
    """Amounts, currencies, prices, quantities and rates."""
    KEY = "key"
    """By which customer, contract or event a record is found."""

    def weight(self) -> int:
        """A field that is several things is judged as the last of them."""
        return list(Nature).index(self)


def nature_of(
    field: Json, named: Mapping[str, Json], inside: frozenset[str] = frozenset()
) -> Nature:
    """Return the weightiest thing that a field, or anything inside it, is about.

    `named`: definitions of the types it may refer to; `inside`: records it is part of.
    """
    rule = field.get("crossfoot")
    if rule in MONEY_RULES or unit_of(field.get("name", "")) in _MONEY_UNITS:
        return Nature.MONEY
    inner = _nature_of_type(field.get("type"), named, inside)
    return Nature.TIME if rule in TIME_RULES and inner is Nature.PLAIN else inner


def _nature_of_type(schema: Json, named: Mapping[str, Json], inside: frozenset[str]) -> Nature:
    if isinstance(schema, list):
        return _weightiest(_nature_of_type(branch, named, inside) for branch in schema)
    if isinstance(schema, str):
        schema = named.get(schema)
    if not isinstance(schema, dict) or schema.get("name") in inside:
        return Nature.PLAIN
    logical = schema.get("logicalType", "")
    if logical == "decimal":
        return Nature.MONEY
    if logical.startswith(_TIMES):
        return Nature.TIME
    if schema.get("type") == "record":
        around = inside | {schema["name"]}
        return _weightiest(nature_of(field, named, around) for field in schema["fields"])
    return _nature_of_type(schema.get("items", schema.get("values")), named, inside)


def _weightiest(natures: Iterable[Nature]) -> Nature:
    return max(natures, default=Nature.PLAIN, key=Nature.weight)


def unit_of(name: str) -> str | None:
    """The unit that a field's name ends in: `total_minor` -> `minor`; None when it states none."""
    last = name.rpartition("_")[2]
    return last if last in UNIT_WORDS else None
