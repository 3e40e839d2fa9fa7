"""The registry and the ledger say the same: fields, defaults, currencies, limits, reasons.

Neither room imports the other, so a test holds them together.
"""

from __future__ import annotations

import types
import typing
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from ledger import events, money
from ledger.messages import DeadLetter
from ledger.reasons import Reason
from ledger.results import LifecycleUpdate
from schemas import (
    avro_containers,
    avro_walk,
    later_versions,
    rules,
    single_objects,
    wire_format,
)
from schemas.registry import Registry
from schemas.shapes import ArrayShape, EnumShape, MapShape, OptionalShape, RecordShape, Shape

EVENTS = {str(kind.__struct_config__.tag): kind for kind in typing.get_args(events.CanonicalEvent)}
STRUCTS: dict[str, type[msgspec.Struct]] = {
    **EVENTS,
    "lifecycle.update": LifecycleUpdate,
    "ops.dead_letter": DeadLetter,
}


def test_every_event_has_a_subject_and_every_subject_a_use(registry: Registry) -> None:
    assert set(registry.subjects) == {*STRUCTS, "erp.posting"}


@pytest.mark.parametrize("subject", sorted(STRUCTS))
def test_the_latest_version_has_exactly_the_struct_s_fields(
    subject: str, registry: Registry
) -> None:
    assert_same(registry.latest(subject).shape, STRUCTS[subject], subject)


def assert_same(shape: RecordShape, struct: type[msgspec.Struct], path: str) -> None:
    fields = {field.name: field for field in msgspec.structs.fields(struct)}
    hints = typing.get_type_hints(struct)
    assert [field.name for field in shape.fields] == list(fields), path
    for field in shape.fields:
        at = f"{path}.{field.name}"
        assert field.default == default_of(fields[field.name]), at
        assert_type(field.shape, hints[field.name], at)


def default_of(field: Any) -> Any:
    """The struct's default as an `.avsc` writes it."""
    if field.default is not msgspec.NODEFAULT:
        default = field.default
    elif field.default_factory is not msgspec.NODEFAULT:
        default = field.default_factory()
    else:
        return msgspec.UNSET
    return list(default) if isinstance(default, tuple) else default


SCALARS = {
    "string": str,
    "long": int,
    "timestamp": int,
    "boolean": bool,
    "bytes": bytes,
    "decimal": Decimal,
}


def assert_type(shape: Shape, hint: Any, path: str) -> None:
    arguments = typing.get_args(hint)
    match shape:
        case OptionalShape():
            assert isinstance(hint, types.UnionType), path
            (inner,) = (argument for argument in arguments if argument is not types.NoneType)
            assert_type(shape.inner, inner, path)
        case ArrayShape():
            assert typing.get_origin(hint) is tuple and arguments[1] is Ellipsis, path
            assert_type(shape.items, arguments[0], path)
        case MapShape():
            assert typing.get_origin(hint) is dict and arguments[0] is str, path
            assert_type(shape.values, arguments[1], path)
        case RecordShape():
            assert_same(shape, hint, path)
        case EnumShape():
            assert hint is str, path
        case _:
            assert hint is SCALARS[shape.kind], path


def test_records_carry_exactly_the_currencies_the_ledger_can_keep(registry: Registry) -> None:
    assert registry.currencies == set(money.EXPONENT)


def test_amounts_have_the_ledger_s_limit() -> None:
    assert rules.AMOUNT_LIMIT_MINOR == money.MAX_MINOR


def test_every_reason_code_of_the_registry_is_one_of_the_ledger() -> None:
    codes = {
        value
        for module in (
            rules,
            avro_walk,
            avro_containers,
            single_objects,
            later_versions,
            wire_format,
        )
        for name, value in vars(module).items()
        if name.isupper() and isinstance(value, str)
    }
    assert {"missing_field", "avro_damaged", "unknown_fingerprint", "expands_too_much"} <= codes
    assert codes <= set(Reason)
