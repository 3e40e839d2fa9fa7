"""`crossfoot erp`: what the ERP lacks, before anything is delivered."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import typer

from connectors.deliveries import Parcel
from connectors.deliveries.opening import opened_delivery
from connectors.deliveries.parcels import HeldBack, Parcels
from connectors.deliveries.tryton import TrytonDelivery
from connectors.deliveries.tryton_check import Missing, find_missing
from connectors.store import LedgerStore
from runners import arguments
from runners.commands.deliver import Erp, Kind, Mapping
from runners.display import print_json, print_table
from runners.problems import Findings
from runners.reading import erp_problems, erp_settings, gl_mapping
from runners.stores import opened_store

app = typer.Typer(no_args_is_help=True, help="Look at the ERP that postings are delivered to.")

_BLOCK = 1000


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """What waits and what it lacks; field names are the JSON output."""

    to: str
    postings: int
    """That wait in the outbox and may go now."""
    missing: tuple[Missing, ...]


@app.callback()
def _group() -> None:
    """Keep `check` a command of its own."""


@app.command("check")
def check(
    store: arguments.Store,
    erp: Erp,
    mapping: Mapping,
    to: Kind = "tryton",
    tenant: arguments.Tenant = "default",
    as_json: arguments.AsJson = False,
) -> None:
    """Name accounts, periods, companies, currencies and parties that the ERP lacks.

    Looks at every posting that waits in the outbox. Changes nothing, neither
    here nor in the ERP. Exit code 3 when something is missing.

    Example:

      crossfoot erp check --store sqlite:///books.db --erp erp.yaml --mapping gl.yaml --to tryton
    """
    settings, wanted = erp_settings(erp), gl_mapping(mapping)
    with opened_store(store) as opened, erp_problems(), opened_delivery(settings, to) as delivery:
        parcels = Parcels(wanted, opened.calendar)
        packed = list(_packed(opened, parcels, tenant))
        missing = list(_unmapped(packed))
        if isinstance(delivery, TrytonDelivery) and settings.tryton is not None:
            make = settings.tryton.create_parties
            sendable = [parcel for parcel in packed if isinstance(parcel, Parcel)]
            missing += find_missing(delivery.books, sendable, make_parties=make)
        report = Checked(to=delivery.name, postings=len(packed), missing=tuple(missing))
    if as_json:
        print_json(report)
    else:
        _print(report)
    if report.missing:
        raise Findings


def _packed(store: LedgerStore, parcels: Parcels, tenant: str) -> Iterator[Parcel | HeldBack]:
    """Every posting that waits, as it would be sent; nothing is written down."""
    after = 0
    while rows := store.delivery_desk.next_postings(tenant, after, _BLOCK):
        yield from (parcels.pack(row, "check", 0) for row in rows)
        after = rows[-1].position


def _unmapped(packed: list[Parcel | HeldBack]) -> Iterator[Missing]:
    words = [one.words for one in packed if isinstance(one, HeldBack)]
    for text in sorted(set(words)):
        yield Missing(kind="mapping", entity="", name=text, postings=words.count(text))


def _print(report: Checked) -> None:
    print_table(
        f"{report.postings} postings wait for {report.to}; what they lack there",
        ["entity", "kind", "missing", "postings"],
        [[one.entity, one.kind, one.name, str(one.postings)] for one in report.missing],
        right=["postings"],
        empty="nothing",
    )
