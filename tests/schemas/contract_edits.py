"""One contract that tests change: its fields, and edits of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from schemas.contracts import Contract
from schemas.files import Keys

Json = Any
Edit = Callable[[list[Json]], list[Json]]

MICROS = {"type": "long", "logicalType": "timestamp-micros"}
MILLIS = {"type": "long", "logicalType": "timestamp-millis"}
DECIMAL = {"type": "bytes", "logicalType": "decimal", "precision": 38, "scale": 12}
STATUS = {"type": "enum", "name": "x.Status", "symbols": ["open", "paid"]}
LINE_FIELDS = [
    {"name": "line_id", "type": "string", "crossfoot": "id"},
    {"name": "amount_minor", "type": "long", "crossfoot": "amount_minor"},
    {"name": "inclusive", "type": "boolean", "default": False},
]
LINE = {"type": "record", "name": "x.Line", "fields": LINE_FIELDS}


def f(name: str, type_: Json, rule: str | None = None, **more: Any) -> Json:
    return {"name": name, "type": type_, **({"crossfoot": rule} if rule else {}), **more}


BASE = [
    f("event_id", "string", "id"),
    f("customer_id", ["null", "string"], "id", default=None),
    f("contract_id", ["null", "string"], "id", default=None),
    f("at_micros", MICROS),
    f("currency", "string", "currency"),
    f("total_minor", "long", "amount_minor", doc="Taxes included."),
    f("fee_minor", "long", "amount_minor", default=0),
    f("tax_minor", ["null", "long"], "amount_minor_not_negative", default=None),
    f("rate", DECIMAL, "rate"),
    f("price", ["null", DECIMAL], "unit_price", default=None),
    f("start_micros", ["null", MICROS], default=None),
    f("period", ["null", "string"], "period", default=None),
    f("note", ["null", "string"], "text", default=None, doc="For people."),
    f("label", "string", "word", default="none"),
    f("seats", "long", "count", default=0),
    f("status", STATUS, default="open"),
    f("lines", {"type": "array", "items": LINE}),
    f("prorated", "boolean", default=False),
]


def add(*fields: Json, at: int | None = None) -> Edit:
    """Fields at the end, or from position `at`."""
    return lambda all_: [*all_[:at], *fields, *(all_[at:] if at is not None else [])]


def drop(*names: str) -> Edit:
    return lambda all_: [field for field in all_ if field["name"] not in names]


def put(name_: str, **more: Any) -> Edit:
    """Other properties of a field; `...` takes one away."""

    def edit(field: Json) -> Json:
        changed = {**field, **more}
        return {key: value for key, value in changed.items() if value is not ...}

    return lambda all_: [edit(field) if field["name"] == name_ else field for field in all_]


def retype(name: str, type_: Json, **more: Any) -> Edit:
    return put(name, type=type_, **more)


def decimal(**more: Any) -> Json:
    return {**DECIMAL, **more}


def lines(*edits: Edit, **more: Any) -> Edit:
    """The items of `lines`, edited."""
    fields = LINE_FIELDS
    for edit in edits:
        fields = edit(fields)
    return retype("lines", {"type": "array", "items": {**LINE, "fields": fields, **more}})


def unchanged(fields: list[Json]) -> list[Json]:
    return fields


class Case(NamedTuple):
    """`old` and `new` edit BASE; `says` is a whole sentence that must be told."""

    new: Edit
    avro: str
    ok: str
    says: str
    old: Edit = unchanged


SYMBOLS = {**STATUS, "symbols": ["open", "paid", "void"]}
READ_AS_OPEN = {**STATUS, "default": "open"}
AS_BIGGER = {**SYMBOLS, "default": "open"}


def contract(number: int, *edits: Edit, **about: Any) -> Contract:
    """A version of one subject; `about` replaces what subject.yaml says."""
    fields = BASE
    for edit in edits:
        fields = edit(fields)
    told: dict[str, Any] = {
        "keys": Keys(
            customer=("customer_id",), contract=("contract_id",), idempotency=("event_id",)
        ),
        "event_time": "at_micros",
    }
    schema = {"type": "record", "name": "x.Invoice", "fields": fields}
    return Contract(subject="x.invoice", number=number, schema=schema, **{**told, **about})
