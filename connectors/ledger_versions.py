"""Which version of a subject this program reads events as: the newest that its structs can hold.

The registry's files may be ahead of the program, when a version is published before the pipelines
are upgraded. Such a version is then read as the newest one known, as `schemas.later_versions`
allows it: nothing is dropped without a promise.
"""

from __future__ import annotations

import typing

import msgspec

from ledger.events import CanonicalEvent
from schemas.registry import Registry
from schemas.shapes import (
    ArrayShape,
    EnumShape,
    MapShape,
    OptionalShape,
    RecordShape,
    Shape,
)
from schemas.versions import SubjectVersion

EVENT_TYPES: dict[str, type[CanonicalEvent]] = {
    str(kind.__struct_config__.tag): kind for kind in typing.get_args(CanonicalEvent)
}
"""Subject -> struct of every canonical event."""


def ledger_version(subject: str, registry: Registry) -> SubjectVersion:
    """Return the newest version that the ledger's struct can hold; the latest where it is none.

    Raises UnknownSubject.
    """
    found = registry.readers.get(subject)
    if found is None:
        found = registry.readers[subject] = _newest_held(subject, registry)
    return found


def is_held(version: SubjectVersion) -> bool:
    """True when the ledger's struct can hold every record of a version."""
    kind = EVENT_TYPES.get(version.subject)
    return kind is not None and _holds(msgspec.inspect.type_info(kind), version.shape)


def _newest_held(subject: str, registry: Registry) -> SubjectVersion:
    latest = registry.latest(subject)
    return next((v for v in reversed(registry.subject(subject).versions) if is_held(v)), latest)


def _holds(kind: msgspec.inspect.Type, shape: Shape) -> bool:
    """True when every value of the shape can be said in the struct's type."""
    match shape:
        case OptionalShape():
            return any(_holds(branch, shape.inner) for branch in _branches(kind))
        case RecordShape():
            return any(_has_fields(branch, shape) for branch in _branches(kind))
        case ArrayShape():
            items = [getattr(branch, "item_type", None) for branch in _branches(kind)]
            return any(item is not None and _holds(item, shape.items) for item in items)
        case MapShape():
            values = [getattr(branch, "value_type", None) for branch in _branches(kind)]
            return any(value is not None and _holds(value, shape.values) for value in values)
        case EnumShape():
            return any(_has_symbols(branch, shape) for branch in _branches(kind))
    return True


def _branches(kind: msgspec.inspect.Type) -> tuple[msgspec.inspect.Type, ...]:
    return kind.types if isinstance(kind, msgspec.inspect.UnionType) else (kind,)


def _has_fields(kind: msgspec.inspect.Type, shape: RecordShape) -> bool:
    if not isinstance(kind, msgspec.inspect.StructType):
        return False
    known = {field.name: field.type for field in kind.fields}
    if {field.name for field in kind.fields if field.required} - {f.name for f in shape.fields}:
        return False
    return all(f.name in known and _holds(known[f.name], f.shape) for f in shape.fields)


def _has_symbols(kind: msgspec.inspect.Type, shape: EnumShape) -> bool:
    match kind:
        case msgspec.inspect.LiteralType():
            return set(shape.symbols) <= set(kind.values)
        case msgspec.inspect.EnumType():
            return set(shape.symbols) <= {member.value for member in kind.cls}
    return isinstance(kind, msgspec.inspect.StrType)
