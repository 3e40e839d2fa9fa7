"""`crossfoot schemas export`: subjects as documents of other tools."""

from __future__ import annotations

import json
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from runners import arguments
from runners.display import print_json, print_lines
from runners.registries import HERE, RegistryFolder, known_subject, loaded_registry
from schemas.exports import asyncapi, odcs


def export(
    standard: Annotated[
        Literal["asyncapi", "odcs"],
        typer.Argument(
            help="asyncapi: one AsyncAPI 3.0 document. odcs: an Open Data Contract per subject."
        ),
    ],
    subjects: Annotated[
        list[str] | None, typer.Argument(metavar="[SUBJECT]...", help="Default: every subject.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Write <name>.json here instead of to stdout."),
    ] = None,
    registry: RegistryFolder = HERE,
    as_json: arguments.AsJson = False,
) -> None:
    """Write subjects as AsyncAPI 3.0 or as Open Data Contracts, in JSON.

    JSON is YAML too: tools that ask for YAML read it as it is.

    Example:

      crossfoot schemas export asyncapi > asyncapi.json
    """
    loaded = loaded_registry(registry)
    chosen = [known_subject(loaded, name) for name in subjects or sorted(loaded.subjects)]
    documents: dict[str, Any]
    if standard == "asyncapi":
        documents = {"asyncapi": asyncapi(chosen, "Crossfoot", _release())}
    else:
        documents = {subject.name: odcs(subject) for subject in chosen}
    if out is None:  # the documents are JSON, with --json too
        whole = list(documents.values())
        told = whole[0] if len(whole) == 1 else whole
        print_lines(*json.dumps(told, indent=2, ensure_ascii=False).splitlines())
        return
    out.mkdir(parents=True, exist_ok=True)
    for name, document in documents.items():
        text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
        (out / f"{name}.json").write_text(text, encoding="utf-8")
    if as_json:
        print_json([str(out / f"{name}.json") for name in documents])
    else:
        print_lines(f"wrote {len(documents)} documents to {out}")


def _release() -> str:
    try:
        return version("crossfoot")
    except PackageNotFoundError:
        return "0"
