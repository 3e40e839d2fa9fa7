"""A schema in parts: the shared types as schemas of their own, the record that refers to them.

The opposite of inlining, for registries that keep references between schemas.
"""

from __future__ import annotations

from typing import Any

import msgspec

Json = Any


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A schema whose shared types are named only."""

    name: str
    """Full name."""
    schema: Json
    inlined: Json
    """The same with the shared types inside: two forms of a type may differ only in there."""
    uses: tuple[str, ...]
    """Full names of the shared types it names, in order."""


def parts_of(schema: Json, shared_namespace: str) -> list[Part]:
    """Take an inlined schema apart: the shared types it uses, each before who uses it, itself last.

    Shared are the named types of `shared_namespace`.
    """
    parts: list[Part] = []
    _apart(schema, f"{shared_namespace}.", parts, [], top=True)
    return parts


def _apart(
    schema: Json, prefix: str, parts: list[Part], uses: list[str], *, top: bool = False
) -> Json:
    """Replace shared types by their names; adds each to `parts` and to the `uses` around it."""
    if isinstance(schema, list):
        return [_apart(branch, prefix, parts, uses) for branch in schema]
    if isinstance(schema, str):
        if schema.startswith(prefix):
            _use(uses, schema)
        return schema
    name = schema.get("name", "")
    own = top or (isinstance(name, str) and name.startswith(prefix))
    inner: list[str] = [] if own else uses
    result = dict(schema)
    for key in ("type", "items", "values"):
        if key in schema and not isinstance(schema[key], str):
            result[key] = _apart(schema[key], prefix, parts, inner)
        elif key in schema and schema[key].startswith(prefix):
            _use(inner, schema[key])
    if "fields" in schema:
        result["fields"] = [
            {**field, "type": _apart(field["type"], prefix, parts, inner)}
            for field in schema["fields"]
        ]
    if not own:
        return result
    parts.append(Part(name=name, schema=result, inlined=schema, uses=tuple(inner)))
    if not top:
        _use(uses, name)
    return name


def _use(uses: list[str], name: str) -> None:
    if name not in uses:
        uses.append(name)
