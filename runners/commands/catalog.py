"""`crossfoot catalog` and `crossfoot impact`: what there is, and what a change reaches."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer

from pipelines.catalog import KINDS, Item, impact
from pipelines.catalog import catalog as items_of
from runners import arguments
from runners.display import print_json, print_table
from runners.problems import Problem
from runners.registries import HERE, RegistryFolder, loaded_registry


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """An item with who depends on it; the JSON output."""

    kind: str
    name: str
    owner: str
    version: str
    about: str
    needs: tuple[str, ...]
    dependents: tuple[str, ...]


def catalog(
    kind: Annotated[
        str | None, typer.Option(metavar="KIND", help=f"Only one of {', '.join(KINDS)}.")
    ] = None,
    registry: RegistryFolder = HERE,
    as_json: arguments.AsJson = False,
) -> None:
    """List sources, subjects, mappings, policies, processes and pipelines.

    With owners, versions, what each depends on and what depends on it.

    Example:

      crossfoot catalog --kind mapping
    """
    if kind is not None and kind not in KINDS:
        raise Problem(f"there is no kind {kind!r}", f"use one of {', '.join(KINDS)}")
    items = items_of(loaded_registry(registry))
    listed = [_listed(item, items) for item in items if kind in (None, item.kind)]
    if as_json:
        print_json(listed)
        return
    print_table(
        "catalog",
        ["kind", "name", "owner", "version", "needs", "dependents"],
        [
            [x.kind, x.name, x.owner, x.version, _counted(x.needs), _counted(x.dependents)]
            for x in listed
        ],
    )


def show_impact(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="Subject, mapping, policy, process, source; or <kind>:<name>."
        ),
    ],
    registry: RegistryFolder = HERE,
    as_json: arguments.AsJson = False,
) -> None:
    """List what a change of something reaches, near things first.

    Example:

      crossfoot impact billing.invoice_issued
    """
    items = items_of(loaded_registry(registry))
    keys = [item.key for item in items if name in (item.key, item.name)]
    if not keys:
        raise Problem(f"the catalog has no {name}", "`crossfoot catalog` lists all there is")
    if len(keys) > 1:
        raise Problem(f"{name} could be {' or '.join(keys)}", "name one of these")
    reached = impact(items, keys[0])
    if as_json:
        print_json([_listed(item, items) for item in reached])
        return
    print_table(
        f"a change of {keys[0]} reaches",
        ["kind", "name", "owner", "what it is"],
        [[item.kind, item.name, item.owner, item.about] for item in reached],
        empty="nothing",
    )


def _listed(item: Item, items: list[Item]) -> Listed:
    dependents = tuple(sorted(other.key for other in items if item.key in other.needs))
    return Listed(**msgspec.structs.asdict(item), dependents=dependents)


def _counted(keys: tuple[str, ...]) -> str:
    """All of a few, the number of many."""
    return ", ".join(keys) if len(keys) <= 3 else f"{len(keys)}"
