"""Forms of a schema: named types inlined, canonical forms, and the fingerprints over them.

Three identities, from loosest to strictest: Avro's Rabin fingerprint (ignores logical types,
defaults and everything else that is not needed to parse), the wire digest (adds logical types,
precision and scale: what bytes *mean*), and the full digest (adds defaults, aliases, rules and
tags: what is locked).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

import fastavro.schema

Json = Any

PRIMITIVES = frozenset("null boolean int long float double bytes string".split())
_WIRE_KEYS = frozenset(
    "type name namespace fields symbols items values size logicalType precision scale".split()
)


class UnknownType(Exception):
    """A schema refers to a named type that is neither its own nor a common one."""


MALFORMED = (UnknownType, KeyError, TypeError, AttributeError, IndexError, RecursionError)
"""What looking into JSON that is no Avro raises: a list without items, a number for a type."""


def inline(schema: Json, common: Mapping[str, Json]) -> Json:
    """Return `schema` with full names everywhere and common types defined where first used.

    A type that the schema defines itself wins over a common one of that name, so a later
    version can have another shape of it. Raises UnknownType; recursive types end as a plain
    reference inside their own definition.
    """
    return _inline(schema, "", common, set())


def _inline(schema: Json, namespace: str, common: Mapping[str, Json], seen: set[str]) -> Json:
    if isinstance(schema, list):
        return [_inline(branch, namespace, common, seen) for branch in schema]
    if isinstance(schema, str):
        return _inline_name(schema, namespace, common, seen)
    kind = schema.get("type")
    if not isinstance(kind, str):
        return {**schema, "type": _inline(kind, namespace, common, seen)}
    if kind in ("record", "enum", "fixed"):
        return _inline_named(schema, namespace, common, seen)
    result = dict(schema)
    for key in ("items", "values"):
        if key in schema:
            result[key] = _inline(schema[key], namespace, common, seen)
    return result


def _inline_name(name: str, namespace: str, common: Mapping[str, Json], seen: set[str]) -> Json:
    if name in PRIMITIVES:
        return name
    full = full_name(name, namespace)
    if full in seen:
        return full
    if full in common:
        return _inline(common[full], namespace, common, seen)
    raise UnknownType(f"refers to {full}, which is not defined")


def _inline_named(schema: Json, namespace: str, common: Mapping[str, Json], seen: set[str]) -> Json:
    full = full_name(schema["name"], schema.get("namespace", namespace))
    seen.add(full)
    result = {key: value for key, value in schema.items() if key != "namespace"}
    result["name"] = full
    inner = full.rpartition(".")[0]
    if "fields" in schema:
        result["fields"] = [
            {**field, "type": _inline(field["type"], inner, common, seen)}
            for field in schema["fields"]
        ]
    return result


def full_name(name: str, namespace: str) -> str:
    """Avro's rule: a dotted name is full already, else it is in the namespace."""
    return name if "." in name or not namespace else f"{namespace}.{name}"


def rabin(schema: Json) -> str:
    """Avro's CRC-64 fingerprint of the parsing canonical form, as 16 hex digits.

    The number reads as the specification prints it; single-object encoding writes it little
    endian.
    """
    canonical = fastavro.schema.to_parsing_canonical_form(schema)
    little_endian = fastavro.schema.fingerprint(canonical, "CRC-64-AVRO")
    return bytes.fromhex(little_endian)[::-1].hex()


def wire_digest(schema: Json) -> str:
    """SHA-256 over what the bytes mean: canonical form plus logical types and their scale."""
    return _digest(_strip(schema, lambda key: key in _WIRE_KEYS))


def full_digest(schema: Json, tags: Mapping[str, list[str]]) -> str:
    """SHA-256 over everything but docs, with `tags` (name -> field paths) added."""
    return _digest({"schema": _strip(schema, lambda key: key != "doc"), "tags": dict(tags)})


def _digest(form: Json) -> str:
    text = json.dumps(form, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _strip(schema: Json, keep: Callable[[str], bool]) -> Json:
    """Copy of a schema with only the properties that `keep` accepts (defaults untouched).

    `{"type": "string"}` and `"string"` are the same and come out the same.
    """
    if isinstance(schema, list):
        return [_strip(branch, keep) for branch in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {
        key: value if key == "default" else _strip(value, keep)
        for key, value in schema.items()
        if keep(key)
    }
    return kept["type"] if kept.keys() == {"type"} else kept
