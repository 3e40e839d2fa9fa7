"""What a schema may say here: a small, safe part of Avro with a rule on every value.

Each check returns problems in words; nothing raises, so that all of them are reported together.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

Json = Any

STRING_RULES = frozenset({"id", "word", "text", "currency", "date", "period"})
LONG_RULES = frozenset({"amount_minor", "amount_minor_not_negative", "count"})
DECIMAL_RULES = frozenset({"quantity", "unit_price", "rate"})
DECIMAL_PRECISION, DECIMAL_SCALE = 38, 12
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Sizes a schema may have, and lists in its records."""

    schema_bytes: int
    fields: int
    depth: int
    symbols: int
    list_items: int
    """Items of one array or map in a record."""


def lint(schema: Json, limits: Limits) -> list[str]:
    """Return every problem of an inlined schema, each with the path of what it is about."""
    if not isinstance(schema, dict) or schema.get("type") != "record":
        return ["the top must be a record"]
    size = len(msgspec.json.encode(schema))
    problems = list(_lint(schema, "", limits, (), {}))
    if size > limits.schema_bytes:
        problems.append(f"{size} bytes; a schema may have {limits.schema_bytes}")
    return problems


def _lint(
    schema: Json, path: str, limits: Limits, inside: tuple[str, ...], named: dict[str, Json]
) -> Iterator[str]:
    """`inside` holds the names of the records around; `named` what was defined so far."""
    # A list in a list adds no name to the path, but a level all the same.
    if path.count(".") + path.count("[]") > limits.depth:
        yield f"{path}: nested deeper than {limits.depth}"
        return
    if isinstance(schema, list):
        yield from _lint_union(schema, path, limits, inside, named)
    elif isinstance(schema, str):
        yield from _lint_reference(schema, path, inside, named)
    else:
        yield from _lint_type(schema, path, limits, inside, named)


def _lint_union(
    schema: Json, path: str, limits: Limits, inside: tuple[str, ...], named: dict[str, Json]
) -> Iterator[str]:
    if len(schema) != 2 or schema[0] != "null" or schema[1] == "null":
        yield f'{path}: a union must be ["null", T]'
        return
    yield from _lint(schema[1], path, limits, inside, named)


def _lint_reference(
    schema: str, path: str, inside: tuple[str, ...], named: dict[str, Json]
) -> Iterator[str]:
    if schema in inside:
        yield f"{path}: {schema} contains itself; a few bytes could then nest without end"
    elif schema in ("float", "double"):
        yield f"{path}: {schema} cannot hold money or quantities exactly; use decimal"
    elif schema not in ("boolean", "long", "string", "bytes") and schema not in named:
        yield f"{path}: {schema} is not used here"


def _lint_type(
    schema: Json, path: str, limits: Limits, inside: tuple[str, ...], named: dict[str, Json]
) -> Iterator[str]:
    kind = schema.get("type")
    if kind == "record":
        yield from _lint_record(schema, path, limits, inside, named)
    elif kind == "enum":
        yield from _lint_enum(schema, path, limits)
        named[schema["name"]] = schema
    elif kind in ("array", "map"):
        inner = schema["items" if kind == "array" else "values"]
        if _is_zero_width(inner, named):
            yield f"{path}: items without bytes; five bytes could then name millions of them"
        yield from _lint(inner, f"{path}[]", limits, inside, named)
    elif "logicalType" in schema:
        yield from _lint_logical(schema, path)
    else:
        yield from _lint_reference(str(kind), path, inside, named)


def _lint_record(
    schema: Json, path: str, limits: Limits, inside: tuple[str, ...], named: dict[str, Json]
) -> Iterator[str]:
    name, fields = schema["name"], schema.get("fields", [])
    named[name] = schema
    yield from _lint_name(name, path)
    if len(fields) > limits.fields:
        yield f"{path}: {len(fields)} fields; a record may have {limits.fields}"
    seen: set[str] = set()
    for field in fields:
        at = f"{path}.{field['name']}" if path else field["name"]
        if field["name"] in seen:
            yield f"{at}: named twice"
        seen.add(field["name"])
        yield from _lint_name(field["name"], at)
        yield from _lint(field["type"], at, limits, (*inside, name), named)
        yield from _lint_rule(field, at)
        yield from _lint_default(field, at)
        yield from _lint_enum_default(field, at)
    yield from _lint_aliases(fields, path)


def _lint_name(name: str, path: str) -> Iterator[str]:
    if not _NAME.fullmatch(name):
        yield f"{path}: {name!r} is not a name"


def _lint_enum(schema: Json, path: str, limits: Limits) -> Iterator[str]:
    symbols = schema.get("symbols", [])
    if schema.get("default", symbols[0] if symbols else None) not in symbols:
        yield f"{path}: the enum's default is not a symbol"
    if len(symbols) > limits.symbols:
        yield f"{path}: {len(symbols)} symbols; an enum may have {limits.symbols}"
    if not symbols or len(set(symbols)) != len(symbols):
        yield f"{path}: symbols must be given, each once"
    for name in (schema["name"], *symbols):
        yield from _lint_name(name, path)


def _lint_enum_default(field: Json, path: str) -> Iterator[str]:
    """Only a field that says so itself may read symbols it does not know as another."""
    leaf, mark = _leaf(field["type"]), field.get("enum_default")
    has_default = isinstance(leaf, dict) and leaf.get("type") == "enum" and "default" in leaf
    if has_default and mark != "safe":
        yield f"{path}: an enum default would silently turn an unknown symbol into another"
    if mark is not None and not (has_default and mark == "safe"):
        yield f'{path}: "enum_default": "safe" belongs to a field whose enum has a default'


def _lint_aliases(fields: Json, path: str) -> Iterator[str]:
    """Readers differ in what they do when an alias could mean two fields."""
    names = [field["name"] for field in fields]
    aliases = [alias for field in fields for alias in field.get("aliases", [])]
    for alias in sorted({a for a in aliases if a in names or aliases.count(a) > 1}):
        at = f"{path}.{alias}" if path else alias
        yield f"{at}: an alias that names two fields; readers disagree on which is meant"


def _lint_logical(schema: Json, path: str) -> Iterator[str]:
    logical, kind = schema["logicalType"], schema["type"]
    if logical == "timestamp-micros" and kind == "long":
        return
    if logical != "decimal" or kind != "bytes":
        yield f"{path}: logical type {logical} on {kind} is not used here"
    elif (schema.get("precision"), schema.get("scale")) != (DECIMAL_PRECISION, DECIMAL_SCALE):
        yield f"{path}: decimals have precision {DECIMAL_PRECISION} and scale {DECIMAL_SCALE}"


def _lint_rule(field: Json, path: str) -> Iterator[str]:
    """Every string, plain long and decimal states how its values are checked."""
    leaf = _leaf(field["type"])
    rule = field.get("crossfoot")
    allowed = _rules_for(leaf)
    if allowed and rule not in allowed:
        yield f"{path}: `crossfoot` must be one of {', '.join(sorted(allowed))}"
    if not allowed and rule is not None:
        yield f"{path}: `crossfoot` has no meaning on this type"
    name = field["name"]
    if name.endswith("_minor") and rule not in ("amount_minor", "amount_minor_not_negative"):
        yield f"{path}: named _minor, so it must be an amount"
    if name.endswith("_micros") != (_logical_of(leaf) == "timestamp-micros"):
        yield f"{path}: timestamps, and only they, are timestamp-micros and named _micros"


def _rules_for(leaf: Json) -> frozenset[str]:
    if leaf == "string":
        return STRING_RULES
    if leaf == "long":
        return LONG_RULES
    return DECIMAL_RULES if _logical_of(leaf) == "decimal" else frozenset()


def _logical_of(leaf: Json) -> str | None:
    return leaf.get("logicalType") if isinstance(leaf, dict) else None


def _leaf(schema: Json) -> Json:
    """What an optional, an array or a map is made of."""
    while True:
        if isinstance(schema, list):
            schema = schema[-1]
        elif isinstance(schema, dict) and schema["type"] in ("array", "map"):
            schema = schema["items" if schema["type"] == "array" else "values"]
        elif isinstance(schema, dict) and schema.keys() == {"type"}:
            schema = schema["type"]
        else:
            return schema


_DEFAULTS: dict[str, type] = {"boolean": bool, "long": int, "string": str, "array": list}


def _lint_default(field: Json, path: str) -> Iterator[str]:
    if "default" not in field:
        return
    schema, default = field["type"], field["default"]
    kind = schema["type"] if isinstance(schema, dict) else schema
    if isinstance(schema, list):
        if default is not None:
            yield f"{path}: an optional field's default must be null"
    elif kind == "enum":
        if default not in schema["symbols"]:
            yield f"{path}: the default is not a symbol"
    elif kind == "map":
        if default != {}:
            yield f"{path}: a map's default must be empty"
    elif type(default) is not _DEFAULTS.get(kind):
        yield f"{path}: the default has another type"
    elif kind == "array" and default:
        yield f"{path}: an array's default must be empty"


def _is_zero_width(schema: Json, named: dict[str, Json]) -> bool:
    """True when a value of this type may take no bytes at all."""
    if isinstance(schema, list):
        return False
    if isinstance(schema, str):
        return schema == "null" or (schema in named and _is_zero_width(named[schema], named))
    if schema["type"] == "record":
        inner = {name: known for name, known in named.items() if name != schema["name"]}
        return all(_is_zero_width(field["type"], inner) for field in schema["fields"])
    return bool(schema["type"] == "null" or schema.get("size") == 0)
