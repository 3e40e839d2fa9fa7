"""`crossfoot mapping`: look at a GL mapping, check it against books, compare two."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from connectors.gl_mappings import InvalidMapping, MappingFile, load_mapping_file
from ledger.gl_mapping import DIMENSIONS, GlMapping, MappedAccount
from ledger.gl_review import (
    Gap,
    KeyUse,
    Move,
    RowChange,
    Unused,
    changed_rows,
    gaps_of,
    moves_between,
    products_without_family,
    unused_rows,
)
from runners import arguments
from runners.display import money, print_json, print_lines, print_table
from runners.problems import Findings
from runners.reading import gl_mapping, mapping_file, policy_pack
from runners.stores import opened_store

app = typer.Typer(
    no_args_is_help=True, help="Check, show and compare GL mappings (roles to accounts)."
)

File = Annotated[str, typer.Argument(metavar="MAPPING", help="YAML file of the mapping.")]


class MappingCheck(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with a mapping; field names are the JSON output."""

    mapping: str | None
    """`name@version`; None when the file cannot be used."""
    problems: list[str]
    """Mistakes in the file and ties; with any, the rest was not looked for."""
    gaps: list[Gap]
    unused: list[Unused]
    products_without_family: list[str]


@app.command("check")
def check(
    path: File,
    store: arguments.MaybeStore = None,
    policy: arguments.Policy = "stripe-contra",
    tenant: arguments.AnyTenant = None,
    strict: arguments.Strict = False,
    as_json: arguments.AsJson = False,
) -> None:
    """Find mistakes, ties, gaps and rows without use.

    A gap is a line of the store that no row covers, with its money, or a role
    that the policy may book and no row names. Mistakes, ties and gaps in the
    store give exit code 3; with --strict so do roles without a row.

    Example:

      crossfoot mapping check gl.yaml --store sqlite:///books.db
    """
    pack = policy_pack(policy)
    if not Path(path).is_file():
        mapping_file(path)
    uses = _keys(store, tenant)
    try:
        mapping = load_mapping_file(path).mapping
    except InvalidMapping as error:
        found = MappingCheck(
            mapping=None, problems=error.problems, gaps=[], unused=[], products_without_family=[]
        )
    else:
        found = MappingCheck(
            mapping=mapping.label,
            problems=[],
            gaps=gaps_of(mapping, uses or (), pack),
            unused=unused_rows(mapping, uses, pack),
            products_without_family=products_without_family(mapping, uses or ()),
        )
    if as_json:
        print_json(found)
    else:
        _print_check(path, found)
    if found.problems or any(gap.lines for gap in found.gaps):
        raise Findings
    if strict and found.gaps:
        raise Findings


def _keys(store: str | None, tenant: str | None) -> list[KeyUse] | None:
    if store is None:
        return None
    with opened_store(store) as books:
        return books.mapping_desk.keys_in_use(tenant)


def _print_check(path: str, found: MappingCheck) -> None:
    if found.problems:
        print_lines(f"{path} cannot be used:", *(f"- {problem}" for problem in found.problems))
        return
    print_lines(f"mapping {found.mapping}: no mistakes, no ties", "")
    print_table(
        "gaps",
        ["role", "family", "region", "entity", "currency", "days", "lines", "debit", "credit"],
        [_gap_cells(gap) for gap in found.gaps],
        right=["lines", "debit", "credit"],
    )
    print_table("rows without use", ["row", "why"], [[row.row, row.why] for row in found.unused])
    if found.products_without_family:
        print_lines("products without a family: " + ", ".join(found.products_without_family))


def _gap_cells(gap: Gap) -> list[str]:
    if not gap.lines:
        return [gap.role, *[""] * 4, "not booked yet", "0", "", ""]
    family = gap.product_family or (f"none ({gap.product})" if gap.product else "none")
    days = gap.first_day if gap.first_day == gap.last_day else f"{gap.first_day} – {gap.last_day}"
    return [
        gap.role,
        family,
        gap.region or "none",
        gap.entity or "",
        gap.currency or "",
        days or "",
        str(gap.lines),
        money(gap.debits_minor, gap.currency),
        money(gap.credits_minor, gap.currency),
    ]


class ShownRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row as `show` prints it."""

    row: int
    """Place in the file, from 1; 0 for a default."""
    role: str
    product_family: str | None
    region: str | None
    entity: str | None
    currency: str | None
    valid_from: str | None
    valid_to: str | None
    account: str
    account_name: str | None
    """Of the chart."""
    department: str | None
    gl_class: str | None


@app.command("show")
def show(
    path: File,
    role: Annotated[
        str | None, typer.Option(metavar="ROLE", help="Only rows of this role.")
    ] = None,
    as_json: arguments.AsJson = False,
) -> None:
    """Print the rows of a mapping, those that win over others first.

    Example:

      crossfoot mapping show gl.yaml --role revenue
    """
    file = mapping_file(path)
    rows = [row for row in _shown(file) if role in (None, row.role)]
    if as_json:
        print_json(rows)
        return
    print_table(
        f"mapping {file.mapping.label}",
        ["role", "family", "region", "entity", "currency", "from", "to", "account", "name",
         "department", "class"],
        [
            [
                row.role,
                *(getattr(row, name) or "any" for name in DIMENSIONS),
                row.valid_from or "",
                row.valid_to or "",
                row.account,
                row.account_name or "",
                row.department or "",
                row.gl_class or "",
            ]
            for row in rows
        ],
    )  # fmt: skip


def _shown(file: MappingFile) -> list[ShownRow]:
    chart = file.chart or {}
    ordered = sorted(file.mapping.rows, key=lambda row: (row.role, -row.specificity, row.number))
    return [
        ShownRow(
            row=row.number,
            role=row.role.value,
            product_family=row.product_family,
            region=row.region,
            entity=row.entity,
            currency=row.currency,
            valid_from=row.valid_from,
            valid_to=row.valid_to,
            account=row.target.account,
            account_name=chart[row.target.account].name if row.target.account in chart else None,
            department=row.target.department,
            gl_class=row.target.gl_class,
        )
        for row in ordered
    ]


class MappingDiff(msgspec.Struct, frozen=True, kw_only=True):
    """How two mappings differ; field names are the JSON output."""

    before: str
    after: str
    rows: list[RowChange]
    families: dict[str, tuple[str | None, str | None]]
    """Product -> family before and after, where they differ."""
    regions: dict[str, tuple[str | None, str | None]]
    """Legal entity -> region before and after, where they differ."""
    moves: list[Move] | None
    """Lines of the store that would get another account; None without a store."""


@app.command("diff")
def diff(
    before: Annotated[str, typer.Argument(metavar="OLD", help="YAML file of one mapping.")],
    after: Annotated[str, typer.Argument(metavar="NEW", help="YAML file of the other.")],
    store: arguments.MaybeStore = None,
    tenant: arguments.AnyTenant = None,
    as_json: arguments.AsJson = False,
) -> None:
    """Compare two mappings; with --store, say which lines of the books get another account.

    Postings that the ERP has keep their accounts whatever the mapping says.

    Example:

      crossfoot mapping diff gl-2026.yaml gl-2027.yaml --store sqlite:///books.db
    """
    old, new = gl_mapping(before), gl_mapping(after)
    uses = _keys(store, tenant)
    found = MappingDiff(
        before=old.label,
        after=new.label,
        rows=changed_rows(old, new),
        families=_changed(old.product_families, new.product_families),
        regions=_changed(old.entity_regions, new.entity_regions),
        moves=None if uses is None else moves_between(old, new, uses),
    )
    if as_json:
        print_json(found)
    else:
        _print_diff(found, old, new)


def _changed(old: dict[str, str], new: dict[str, str]) -> dict[str, tuple[str | None, str | None]]:
    names = sorted(old.keys() | new.keys())
    return {n: (old.get(n), new.get(n)) for n in names if old.get(n) != new.get(n)}


def _print_diff(found: MappingDiff, old: GlMapping, new: GlMapping) -> None:
    if old.label == new.label and (found.rows or found.families or found.regions):
        print_lines(f"both say they are {new.label}: raise the version of the newer one", "")
    print_table(
        f"rows, {found.before} to {found.after}",
        ["row", "before", "after"],
        [[change.row, _target(change.before), _target(change.after)] for change in found.rows],
        empty="the same",
    )
    for title, changed in (("families of products", found.families), ("regions", found.regions)):
        if changed:
            cells = [[name, was or "none", now or "none"] for name, (was, now) in changed.items()]
            print_table(title, ["name", "before", "after"], cells)
    if found.moves is not None:
        print_table(
            "lines of the books that get another account",
            ["role", "entity", "before", "after", "lines", "debit", "credit", "currency"],
            [
                [
                    move.role,
                    move.entity,
                    _target(move.before),
                    _target(move.after),
                    str(move.lines),
                    money(move.debits_minor, move.currency),
                    money(move.credits_minor, move.currency),
                    move.currency,
                ]
                for move in found.moves
            ],
            right=["lines", "debit", "credit"],
        )


def _target(target: MappedAccount | None) -> str:
    if target is None:
        return "none"
    return " / ".join(part for part in msgspec.structs.astuple(target) if part is not None)
