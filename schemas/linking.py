"""Links what the registry's files say: inlines types, lints schemas, finds the fields named."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from schemas import files, forms
from schemas.instants import is_day
from schemas.lint import lint
from schemas.versions import SubjectVersion

Json = Any


def link_subject(
    folder: files.SubjectFolder,
    settings: files.RegistryFile,
    common: Mapping[str, Json],
    currencies: frozenset[str],
    problems: list[str],
) -> tuple[SubjectVersion, ...]:
    """Turn a folder's content into versions, oldest first; adds to `problems` what is wrong."""
    about = folder.file
    versions = []
    for number, schema in sorted(folder.versions.items()):
        inlined = _inline(folder.name, number, schema, settings, common, problems)
        if inlined is None or about is None:
            continue
        paths = field_paths(inlined)
        versions.append(
            SubjectVersion(
                subject=folder.name,
                number=number,
                schema=inlined,
                currencies=currencies,
                limits=settings.limits,
                personal_data=tuple(path for path in about.personal_data if path in paths),
            )
        )
    if about is not None and versions:
        found = _lint_about(about, versions[-1])
        problems += [f"{folder.name}: {problem}" for problem in found]
    return tuple(versions)


def _inline(
    subject: str,
    number: int,
    schema: Json,
    settings: files.RegistryFile,
    common: Mapping[str, Json],
    problems: list[str],
) -> Json | None:
    """Inline and lint one version; None when it is wrong."""
    label = f"{subject}@{number}"
    try:
        inlined = forms.inline(schema, common)
        found = lint(inlined, settings.limits)
        field_paths(inlined)
    except forms.MALFORMED as error:
        problems.append(f"{label}: {error}")
        return None
    expected = record_name(settings.namespace, subject)
    if inlined["name"] != expected:
        found.append(f"the record must be named {expected}, not {inlined['name']}")
    problems += [f"{label}: {problem}" for problem in found]
    return None if found else inlined


def record_name(namespace: str, subject: str) -> str:
    """`billing.invoice_issued` -> `crossfoot.billing.InvoiceIssued`."""
    room, _, rest = subject.partition(".")
    camel = "".join(part.capitalize() for part in rest.replace(".", "_").split("_"))
    return f"{namespace}.{room}.{camel}"


def field_paths(schema: Json) -> frozenset[str]:
    """Every field of an inlined record schema as a dotted path, through lists and optionals."""
    paths: set[str] = set()
    named: dict[str, Json] = {}

    def visit(node: Json, path: str) -> None:
        if isinstance(node, str):
            node = named.get(node, {"type": node})
        if isinstance(node, list):
            visit(node[-1], path)
        elif node["type"] in ("array", "map"):
            visit(node["items" if node["type"] == "array" else "values"], path)
        elif node["type"] == "record":
            named[node["name"]] = node
            for inner in node["fields"]:
                at = f"{path}.{inner['name']}" if path else inner["name"]
                paths.add(at)
                visit(inner["type"], at)

    visit(schema, "")
    return frozenset(paths)


def _lint_about(about: files.SubjectFile, latest: SubjectVersion) -> list[str]:
    """Fields that subject.yaml names must exist in the latest version."""
    paths = field_paths(latest.schema)
    keys = (*about.keys.customer, *about.keys.contract, *about.keys.idempotency)
    named = (*keys, about.event_time, *about.personal_data)
    problems = [
        f"subject.yaml names {path}, which is no field" for path in named if path not in paths
    ]
    if about.state != "active" and about.sunset is None:
        problems.append(f"a {about.state} subject names its sunset date")
    if about.sunset is not None and not is_day(about.sunset):
        problems.append("sunset must be a day, YYYY-MM-DD")
    return problems
