"""A page per subject for people: what it means, who answers for it, every field."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from schemas.changes import type_in_words
from schemas.registry import Subject
from schemas.versions import SubjectVersion

Json = Any


class FieldRow(msgspec.Struct, frozen=True, kw_only=True):
    """One field of a version, however deep; the JSON output."""

    path: str
    type: str
    rule: str | None
    default: Json = msgspec.UNSET
    personal_data: bool
    doc: str


def field_rows(version: SubjectVersion) -> list[FieldRow]:
    """Return every field in order, those of records inside after the field that holds them."""
    return list(_rows(version.schema, "", version, {}))


def _rows(
    schema: Json, path: str, version: SubjectVersion, named: dict[str, Json]
) -> Iterator[FieldRow]:
    schema = named.get(schema, schema) if isinstance(schema, str) else schema
    if isinstance(schema, list):
        for branch in schema:
            yield from _rows(branch, path, version, named)
    elif isinstance(schema, dict) and schema["type"] in ("array", "map"):
        inner = schema["items" if schema["type"] == "array" else "values"]
        yield from _rows(inner, path, version, named)
    elif isinstance(schema, dict) and schema["type"] == "record":
        named[schema["name"]] = schema
        for field in schema["fields"]:
            at = f"{path}.{field['name']}" if path else field["name"]
            yield FieldRow(
                path=at,
                type=type_in_words(field["type"]),
                rule=field.get("crossfoot"),
                default=field.get("default", msgspec.UNSET),
                personal_data=at in version.personal_data,
                doc=field.get("doc", ""),
            )
            yield from _rows(field["type"], at, version, named)


def default_in_words(row: FieldRow) -> str:
    """`required`, or the default as the schema writes it."""
    if row.default is msgspec.UNSET:
        return "required"
    return msgspec.json.encode(row.default).decode()


def subject_page(subject: Subject) -> str:
    """Return the page in Markdown, newest version's fields in full."""
    about, latest = subject.about, subject.latest
    keys = about.keys
    lines = [
        f"# {subject.name}",
        "",
        about.purpose.strip(),
        "",
        *_about_rows(
            ("owner", about.owner),
            ("state", _state(subject)),
            ("service class", about.service_class),
            ("compatibility", subject.compatibility),
            ("consumers", ", ".join(about.consumers)),
            ("customer key", ", ".join(keys.customer)),
            ("contract key", ", ".join(keys.contract)),
            ("idempotency key", ", ".join(keys.idempotency)),
            ("event time", about.event_time),
            ("personal data", ", ".join(latest.personal_data)),
        ),
        "",
        f"## Fields of v{latest.number}",
        "",
        latest.schema.get("doc", ""),
        "",
        "| field | type | rule | default | personal | meaning |",
        "|---|---|---|---|---|---|",
        *(_field_line(row) for row in field_rows(latest)),
        "",
        "## Versions",
        "",
        "| version | fingerprint (CRC-64-AVRO) | SHA-256 |",
        "|---|---|---|",
        *(f"| v{v.number} | `{v.rabin}` | `{v.sha256}` |" for v in reversed(subject.versions)),
    ]
    return "\n".join(lines) + "\n"


def _state(subject: Subject) -> str:
    about = subject.about
    until = f", until {about.sunset}" if about.sunset else ""
    then = f", then {about.successor}" if about.successor else ""
    return f"{about.state}{until}{then}"


def _about_rows(*rows: tuple[str, str]) -> list[str]:
    return ["| | |", "|---|---|", *(f"| {name} | {_cell(text) or 'none'} |" for name, text in rows)]


def _field_line(row: FieldRow) -> str:
    default = "" if row.default is msgspec.UNSET else f"`{default_in_words(row)}`"
    cells = (
        f"`{row.path}`",
        _cell(row.type),
        row.rule or "",
        default or "required",
        "yes" if row.personal_data else "",
        _cell(row.doc),
    )
    return f"| {' | '.join(cells)} |"


def _cell(text: str) -> str:
    """Text that keeps a table whole."""
    return text.replace("|", "\\|").replace("\n", " ").strip()
