"""What is different between two versions of a contract, as facts; what follows from them is
judged in `schemas.judging`.

Fields are matched by name, then by the newer one's aliases, as Avro's readers do.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Any

import msgspec

from schemas.contracts import Contract
from schemas.natures import Nature, nature_of

Json = Any


class ChangeKind(StrEnum):
    """What became different; `before` and `after` of a Change hold what is named here."""

    FIELD_ADDED = "field_added"
    """after: the field."""
    FIELD_REMOVED = "field_removed"
    """before: the field."""
    FIELD_RENAMED = "field_renamed"
    """The names; the newer field has the older name as an alias."""
    TYPE = "type"
    """The types in words."""
    LOGICAL_TYPE = "logical_type"
    SCALE = "scale"
    PRECISION = "precision"
    SIZE = "size"
    """Bytes of a fixed."""
    TAG = "tag"
    """(property, value): whatever a field or type says that is not Avro's own: crossfoot, unit."""
    DEFAULT = "default"
    """The defaults; UNSET for none."""
    OPTIONAL = "optional"
    """A value may now be absent; the fields' rules."""
    REQUIRED = "required"
    """A value may no longer be absent."""
    SYMBOL_ADDED = "symbol_added"
    SYMBOL_REMOVED = "symbol_removed"
    ENUM_DEFAULT = "enum_default"
    """The symbol that unknown symbols are read as; None for none."""
    TYPE_NAME = "type_name"
    """Full names of a record, enum or fixed."""
    FIELD_ORDER = "field_order"
    DOC = "doc"
    KEY = "key"
    """Tuples of field names; the path is `keys.customer`, `keys.contract`, `keys.idempotency`."""
    EVENT_TIME = "event_time"
    PERSONAL_DATA_ADDED = "personal_data_added"
    PERSONAL_DATA_REMOVED = "personal_data_removed"


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One difference; `nature` is what the field is about, in either version."""

    kind: ChangeKind
    path: str
    nature: Nature = Nature.PLAIN
    before: Json = None
    after: Json = None
    marked_safe: bool = False
    """The newer field says that its enum may have a default (`"enum_default": "safe"`)."""


def _change(
    kind: ChangeKind, path: str, nature: Nature, before: Json = None, after: Json = None
) -> Change:
    return Change(kind=kind, path=path, nature=nature, before=before, after=after)


_AVROS_OWN = frozenset(
    "type name namespace fields symbols items values size logicalType precision scale "
    "default doc aliases order enum_default".split()
)
_CONTAINERS = {"array": "items", "map": "values"}


def find_changes(old: Contract, new: Contract) -> list[Change]:
    """Return every difference, contract first, then field by field in the newer order."""
    return [*_about_changes(old, new), *_Comparison(old, new).changes()]


def _about_changes(old: Contract, new: Contract) -> Iterator[Change]:
    """What subject.yaml says differently."""
    for name in old.keys.__struct_fields__:
        before, after = getattr(old.keys, name), getattr(new.keys, name)
        if before != after:
            yield _change(ChangeKind.KEY, f"keys.{name}", Nature.KEY, before, after)
    if old.event_time != new.event_time:
        times = old.event_time, new.event_time
        yield _change(ChangeKind.EVENT_TIME, "event_time", Nature.TIME, *times)


class _Comparison:
    """Walks two schemas side by side; `key_paths` are those of either version."""

    def __init__(self, old: Contract, new: Contract) -> None:
        self.old, self.new = old, new
        self.key_paths = old.key_paths | new.key_paths
        self.named = _definitions(old.schema), _definitions(new.schema)
        self.inside: set[tuple[str, str]] = set()

    def changes(self) -> Iterator[Change]:
        yield from self.types(self.old.schema, self.new.schema, "", {}, {})

    def nature(self, path: str, *fields: Json) -> Nature:
        if path in self.key_paths:
            return Nature.KEY
        natures = [
            nature_of(field, named)
            for named in self.named
            for field in fields
            if field.get("name") or field.get("type")
        ]
        return max(natures, default=Nature.PLAIN, key=Nature.weight)

    def fields(self, old: Json, new: Json, path: str) -> Iterator[Change]:
        """Fields of two records: those of the newer one in order, then what is gone."""
        before = {field["name"]: field for field in old["fields"]}
        matched: list[str] = []
        names = {field["name"] for field in new["fields"]}
        for field in new["fields"]:
            at = _join(path, field["name"])
            match = _match(field, before, names)
            if match is None:
                yield _change(ChangeKind.FIELD_ADDED, at, self.nature(at, field), after=field)
                continue
            matched.append(match["name"])
            yield from self.field(match, field, at, path)
        for name, field in before.items():
            if name not in matched:
                at = _join(path, name)
                yield _change(ChangeKind.FIELD_REMOVED, at, self.nature(at, field), field)
        common = [name for name in before if name in matched]
        if matched != common:
            yield _change(ChangeKind.FIELD_ORDER, path, Nature.PLAIN, common, matched)

    def field(self, old: Json, new: Json, at: str, path: str) -> Iterator[Change]:
        """One field in both versions: its name, tags, default, doc and type."""
        before_at = _join(path, old["name"])
        nature = max(self.nature(at, old, new), self.nature(before_at, old, new), key=Nature.weight)

        def change(kind: ChangeKind, before: Json, after: Json) -> Change:
            return _change(kind, at, nature, before, after)

        if old["name"] != new["name"]:
            yield change(ChangeKind.FIELD_RENAMED, old["name"], new["name"])
        for name, before, after in _tags(old, new):
            yield change(ChangeKind.TAG, (name, before), (name, after))
        if _default(old) != _default(new) or type(_default(old)) is not type(_default(new)):
            yield change(ChangeKind.DEFAULT, _default(old), _default(new))
        if old.get("doc") != new.get("doc"):
            yield change(ChangeKind.DOC, old.get("doc"), new.get("doc"))
        was, is_now = before_at in self.old.personal_data, at in self.new.personal_data
        if was != is_now:
            added = ChangeKind.PERSONAL_DATA_ADDED
            yield change(added if is_now else ChangeKind.PERSONAL_DATA_REMOVED, None, None)
        yield from self.types(old["type"], new["type"], at, old, new)

    def types(
        self, old: Json, new: Json, path: str, old_field: Json, new_field: Json
    ) -> Iterator[Change]:
        """Two types of the same field (or of its items)."""
        nature = self.nature(path, old_field, new_field)
        was_optional, old = _unwrapped(old)
        is_optional, new = _unwrapped(new)
        if was_optional != is_optional:
            yield _change(
                ChangeKind.OPTIONAL if is_optional else ChangeKind.REQUIRED,
                path,
                nature,
                before=old_field.get("crossfoot"),
                after=new_field.get("crossfoot"),
            )
        old, new = _resolved(old, self.named[0]), _resolved(new, self.named[1])
        if _kind(old) != _kind(new):
            words = type_in_words(old), type_in_words(new)
            yield _change(ChangeKind.TYPE, path, nature, *words)
            return
        yield from self._details(old, new, path, nature, new_field)
        inner = _CONTAINERS.get(_kind(old))
        if inner is not None:
            yield from self.types(old[inner], new[inner], path, old_field, new_field)
        elif _kind(old) == "record" and (old["name"], new["name"]) not in self.inside:
            self.inside.add((old["name"], new["name"]))
            yield from self.fields(old, new, path)
            self.inside.discard((old["name"], new["name"]))

    def _details(
        self, old: Json, new: Json, path: str, nature: Nature, new_field: Json
    ) -> Iterator[Change]:
        """What two types of one kind say differently, their insides apart."""
        if _get(old, "logicalType") != _get(new, "logicalType"):
            logical = _get(old, "logicalType"), _get(new, "logicalType")
            yield _change(ChangeKind.LOGICAL_TYPE, path, nature, *logical)
        else:
            yield from _digits(old, new, path, nature)
        if _get(old, "size") != _get(new, "size"):
            yield _change(ChangeKind.SIZE, path, nature, old["size"], new["size"])
        if _kind(old) in ("record", "enum", "fixed") and old["name"] != new["name"]:
            yield _change(ChangeKind.TYPE_NAME, path, nature, old["name"], new["name"])
        for name, before, after in _tags(old, new):
            yield _change(ChangeKind.TAG, path, nature, (name, before), (name, after))
        if _kind(old) == "enum":
            yield from _symbols(old, new, path, nature, new_field)


def _definitions(schema: Json) -> dict[str, Json]:
    """Every named type by its name: where it is defined may move between versions."""
    if isinstance(schema, list):
        parts = schema
    elif isinstance(schema, dict):
        fields = [field["type"] for field in schema.get("fields", [])]
        parts = [*fields, *(schema[key] for key in ("items", "values") if key in schema)]
    else:
        return {}
    found = {name: inner for part in parts for name, inner in _definitions(part).items()}
    if isinstance(schema, dict) and "name" in schema:
        found[schema["name"]] = schema
    return found


def _resolved(schema: Json, named: dict[str, Json]) -> Json:
    """The definition that a name stands for."""
    return named.get(schema, schema) if isinstance(schema, str) else schema


def _digits(old: Json, new: Json, path: str, nature: Nature) -> Iterator[Change]:
    # Avro: a decimal without a scale has scale 0.
    for kind, otherwise in ((ChangeKind.SCALE, 0), (ChangeKind.PRECISION, None)):
        before, after = _get(old, kind, otherwise), _get(new, kind, otherwise)
        if before != after:
            yield _change(kind, path, nature, before, after)


def _symbols(old: Json, new: Json, path: str, nature: Nature, new_field: Json) -> Iterator[Change]:
    for symbol in (s for s in old["symbols"] if s not in new["symbols"]):
        yield _change(ChangeKind.SYMBOL_REMOVED, path, nature, before=symbol)
    for symbol in (s for s in new["symbols"] if s not in old["symbols"]):
        yield _change(ChangeKind.SYMBOL_ADDED, path, nature, after=symbol)
    if old.get("default") != new.get("default"):
        yield Change(
            kind=ChangeKind.ENUM_DEFAULT,
            path=path,
            nature=nature,
            before=old.get("default"),
            after=new.get("default"),
            marked_safe=new_field.get("enum_default") == "safe",
        )


def _match(field: Json, before: dict[str, Json], names: set[str]) -> Json | None:
    """The older field that `field` reads: of its name, else of an alias nobody has as a name."""
    if field["name"] in before:
        return before[field["name"]]
    aliases = field.get("aliases", [])
    return next((before[a] for a in aliases if a in before and a not in names), None)


def _tags(old: Json, new: Json) -> Iterator[tuple[str, Json, Json]]:
    """Properties that Avro does not know and that differ."""
    old = old if isinstance(old, dict) else {}
    new = new if isinstance(new, dict) else {}
    for name in sorted((old.keys() | new.keys()) - _AVROS_OWN):
        if old.get(name) != new.get(name):
            yield name, old.get(name), new.get(name)


def _default(field: Json) -> Json:
    return field.get("default", msgspec.UNSET)


def _get(schema: Json, name: str, otherwise: Json = None) -> Json:
    return schema.get(name, otherwise) if isinstance(schema, dict) else otherwise


def _kind(schema: Json) -> str:
    """Avro's word for a type; unions that are more than an optional are told by their branches."""
    if isinstance(schema, list):
        return " or ".join(type_in_words(branch) for branch in schema)
    if isinstance(schema, dict):
        return _kind(schema["type"])
    return str(schema)


def _unwrapped(schema: Json) -> tuple[bool, Json]:
    """(True, T) for a union of null and T; (has null, the union) for any other."""
    if not isinstance(schema, list):
        return False, schema
    branches = [branch for branch in schema if branch != "null"]
    return "null" in schema, branches[0] if len(branches) == 1 else branches


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def type_in_words(schema: Json) -> str:
    """A type for people: `optional decimal(38,12)`, `list of crossfoot.common.InvoiceLine`."""
    if isinstance(schema, list):
        optional, inner = _unwrapped(schema)
        words = type_in_words(inner) if not isinstance(inner, list) else _kind(inner)
        return f"optional {words}" if optional else words
    if isinstance(schema, str):
        return schema
    kind = schema["type"]
    if kind == "array":
        return f"list of {type_in_words(schema['items'])}"
    if kind == "map":
        return f"map of {type_in_words(schema['values'])}"
    if kind == "enum":
        return " | ".join(schema["symbols"])
    if schema.get("logicalType") == "decimal":
        return f"decimal({schema.get('precision')},{schema.get('scale', 0)})"
    if not isinstance(kind, str):
        return type_in_words(kind)
    return str(schema.get("logicalType") or schema.get("name") or kind)
