"""Compiles a shape into a Python function that checks a record, as fast as Python can.

The generated code has one cheap inline guard per value that lets good values through; only
when the guard trips is the explaining function of `schemas.rules` asked what is wrong, if
anything. A guard may be stricter than its rule (it trips on a no-break space, which the rule
allows), never laxer.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from schemas import rules
from schemas.rules import Violation
from schemas.shapes import (
    ArrayShape,
    EnumShape,
    MapShape,
    OptionalShape,
    RecordShape,
    Scalar,
    Shape,
)

_STRING = "{v}.__class__ is not str or not {v}.isprintable() or not "
_LONG = "{v}.__class__ is not int or not "
_AMOUNT_MAX = rules.AMOUNT_LIMIT_MINOR

_GUARDS: dict[str, str] = {
    "id": f"{_STRING}0 < len({{v}}) <= {rules.ID_LIMIT_CHARS}",
    "word": f"{_STRING}0 < len({{v}}) <= {rules.ID_LIMIT_CHARS}",
    "text": f"{_STRING}len({{v}}) <= {rules.TEXT_LIMIT_CHARS}",
    "date": f"{_STRING}is_date({{v}})",
    "period": f"{_STRING}is_period({{v}})",
    "currency": "{v}.__class__ is not str or {v} not in currencies",
    "amount_minor": f"{_LONG}{-_AMOUNT_MAX} <= {{v}} <= {_AMOUNT_MAX}",
    "amount_minor_not_negative": f"{_LONG}0 <= {{v}} <= {_AMOUNT_MAX}",
    "count": f"{_LONG}0 <= {{v}} <= {rules.COUNT_LIMIT}",
    "timestamp": f"{_LONG}{rules.EARLIEST_MICROS} <= {{v}} < {rules.LATEST_MICROS}",
    "quantity": "{v}.__class__ is not Decimal or not fits_decimal({v})",
    "unit_price": "{v}.__class__ is not Decimal or not fits_decimal({v})",
    "rate": "{v}.__class__ is not Decimal or not fits_decimal({v}) or {v} <= 0",
    "boolean": "{v}.__class__ is not bool",
    "bytes": "{v}.__class__ is not bytes",
}


def compile_validator(
    shape: RecordShape, currencies: frozenset[str], list_limit: int, *, mappings: bool = False
) -> Callable[[Any], Violation | None]:
    """Return `validate(record) -> Violation | None` for records of this shape.

    Records are structs read by attribute or, with `mappings`, dicts read by key. The first
    fault in field order is the one returned.
    """
    source = validator_source(shape, list_limit, mappings=mappings)
    names: dict[str, Any] = {
        "Decimal": Decimal,
        "currencies": currencies,
        "fits_decimal": rules.fits_decimal,
        "is_date": rules.is_date,
        "is_period": rules.is_period,
        "fault_symbol": rules.fault_symbol,
        "fault_list": rules.fault_list,
        "fault_map": rules.fault_map,
        "fault_record": rules.fault_record,
        **{f"fault_{rule}": explain for rule, explain in rules.FAULTS.items()},
    }
    exec(compile(source, f"<validator of {shape.name}>", "exec"), names)
    validate: Callable[[Any], Violation | None] = names["validate"]
    return validate


def validator_source(shape: RecordShape, list_limit: int, *, mappings: bool = False) -> str:
    """The generated code, for reading; `compile_validator` runs it."""
    writer = _Writer(list_limit, mappings)
    writer.line(0, "def validate(r0):")
    writer.record(shape, 1, 0, "")
    writer.line(1, "return None")
    return "\n".join(writer.lines) + "\n"


class _Writer:
    """Writes the checks of one shape; variables are numbered by nesting level.

    A path is the inside of an f-string: `lines[{i1}].taxes`.
    """

    def __init__(self, list_limit: int, mappings: bool) -> None:
        self.lines: list[str] = []
        self.list_limit = list_limit
        self.mappings = mappings

    def line(self, indent: int, text: str) -> None:
        self.lines.append("    " * indent + text)

    def record(self, shape: RecordShape, indent: int, level: int, path: str) -> None:
        """Checks of the record in `r<level>`."""
        if self.mappings:
            self._check(f"r{level}.__class__ is not dict", f"fault_record(r{level}", indent, path)
        for field in shape.fields:
            access = f'["{field.name}"]' if self.mappings else f".{field.name}"
            at = f"{path}.{field.name}" if path else field.name
            self.line(indent, f"v{level} = r{level}{access}")
            self.value(field.shape, indent, level, at)

    def value(self, shape: Shape, indent: int, level: int, path: str) -> None:
        """Checks of the value in `v<level>`."""
        match shape:
            case OptionalShape():
                self.line(indent, f"if v{level} is not None:")
                self.value(shape.inner, indent + 1, level, path)
            case Scalar():
                self._scalar(shape.rule or shape.kind, indent, level, path)
            case EnumShape():
                self._enum(shape, indent, level, path)
            case ArrayShape():
                self._array(shape, indent, level, path)
            case MapShape():
                self._map(shape, indent, level, path)
            case RecordShape():
                self.line(indent, f"r{level + 1} = v{level}")
                self.record(shape, indent, level + 1, path)

    def _scalar(self, rule: str, indent: int, level: int, path: str) -> None:
        guard = _GUARDS[rule].format(v=f"v{level}")
        self._check(guard, f"fault_{rule}(v{level}", indent, path)

    def _enum(self, shape: EnumShape, indent: int, level: int, path: str) -> None:
        symbols = f"({', '.join(map(repr, shape.symbols))},)"
        guard = f"v{level}.__class__ is not str or v{level} not in {symbols}"
        self._check(guard, f"fault_symbol(v{level}", indent, path, f", {symbols}")

    def _array(self, shape: ArrayShape, indent: int, level: int, path: str) -> None:
        guard = f"v{level}.__class__ is not tuple or len(v{level}) > {self.list_limit}"
        self._check(guard, f"fault_list(v{level}", indent, path, f", {self.list_limit}")
        self.line(indent, f"for i{level}, v{level + 1} in enumerate(v{level}):")
        self.value(shape.items, indent + 1, level + 1, f"{path}[{{i{level}}}]")

    def _map(self, shape: MapShape, indent: int, level: int, path: str) -> None:
        guard = f"v{level}.__class__ is not dict or len(v{level}) > {self.list_limit}"
        self._check(guard, f"fault_map(v{level}", indent, path, f", {self.list_limit}")
        self.line(indent, f"for v{level + 1}, w{level} in v{level}.items():")
        self._scalar("id", indent + 1, level + 1, f"{path}{{{{key}}}}")
        self.line(indent + 1, f"v{level + 1} = w{level}")
        self.value(shape.values, indent + 1, level + 1, f"{path}{{{{value}}}}")

    def _check(self, guard: str, call: str, indent: int, path: str, more: str = "") -> None:
        self.line(indent, f"if {guard}:")
        self.line(indent + 1, f'x = {call}, f"{path}"{more})')
        self.line(indent + 1, "if x is not None:")
        self.line(indent + 2, "return x")
