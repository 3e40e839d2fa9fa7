"""`crossfoot tax`: tax per jurisdiction and period, and what was supplied without any."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec
import typer

from connectors.store import TaxRow, UntaxedRow
from ledger.money import format_major
from runners import arguments
from runners.display import money, print_json, print_table
from runners.stores import opened_store

_ANYWHERE = "(not stated)"


class TaxLine(msgspec.Struct, frozen=True, kw_only=True):
    """Tax of one jurisdiction that was booked in one period."""

    tenant: str
    entity: str
    currency: str
    jurisdiction: str | None
    period: str
    stated_minor: int
    given_back_minor: int
    payable: str
    """Stated less given back, in major units."""
    payable_minor: int
    functional_currency: str
    functional_payable_minor: int


class UntaxedLine(msgspec.Struct, frozen=True, kw_only=True):
    """What was supplied without tax in one period."""

    tenant: str
    entity: str
    currency: str
    jurisdiction: str | None
    treatment: str
    period: str
    supplied_minor: int
    credited_minor: int
    net: str
    """Supplied less credited, in major units."""
    net_minor: int


class TaxReport(msgspec.Struct, frozen=True, kw_only=True):
    """The tax report of some books; field names are the JSON output."""

    through: str | None
    taxes: tuple[TaxLine, ...]
    without_tax: tuple[UntaxedLine, ...]


def tax(
    store: arguments.Store,
    entity: Annotated[str | None, typer.Option(metavar="CODE", help="Only this entity.")] = None,
    jurisdiction: Annotated[
        str | None, typer.Option(metavar="PLACE", help="Only this jurisdiction.")
    ] = None,
    period: Annotated[
        str | None, typer.Option(metavar="PERIOD", help="Only this period (2026-03).")
    ] = None,
    through: Annotated[
        str | None,
        typer.Option(metavar="PERIOD", help="Only what is booked up to this period (2026-03)."),
    ] = None,
    tenant: arguments.AnyTenant = None,
    as_json: arguments.AsJson = False,
) -> None:
    """Show tax stated, given back and owed per entity, jurisdiction and period.

    Supplies on which no tax is owed (reverse charge, exempt) are listed with what they were worth.

    Example:

      crossfoot tax --store sqlite:///books.db --period 2026-03 --json
    """
    with opened_store(store) as books:
        owed, without = books.taxes(tenant, through)
    report = tax_report(
        [row for row in owed if _wanted(row, entity, jurisdiction, period)],
        [row for row in without if _wanted(row, entity, jurisdiction, period)],
        through=through,
    )
    if as_json:
        print_json(report)
    else:
        print_tax_report(report)


def _wanted(
    row: TaxRow | UntaxedRow, entity: str | None, jurisdiction: str | None, period: str | None
) -> bool:
    return (
        entity in (None, row.entity)
        and jurisdiction in (None, row.jurisdiction)
        and period in (None, row.period)
    )


def tax_report(
    owed: Sequence[TaxRow], without: Sequence[UntaxedRow], *, through: str | None = None
) -> TaxReport:
    """Arrange what the store holds as a report."""
    return TaxReport(
        through=through,
        taxes=tuple(
            TaxLine(
                tenant=row.tenant,
                entity=row.entity,
                currency=row.currency,
                jurisdiction=row.jurisdiction,
                period=row.period,
                stated_minor=row.stated_minor,
                given_back_minor=row.given_back_minor,
                payable=format_major(row.payable_minor, row.currency),
                payable_minor=row.payable_minor,
                functional_currency=row.functional_currency,
                functional_payable_minor=row.functional_payable_minor,
            )
            for row in owed
        ),
        without_tax=tuple(
            UntaxedLine(
                tenant=row.tenant,
                entity=row.entity,
                currency=row.currency,
                jurisdiction=row.jurisdiction,
                treatment=row.treatment,
                period=row.period,
                supplied_minor=row.supplied_minor,
                credited_minor=row.credited_minor,
                net=format_major(row.supplied_minor - row.credited_minor, row.currency),
                net_minor=row.supplied_minor - row.credited_minor,
            )
            for row in without
        ),
    )


def print_tax_report(report: TaxReport) -> None:
    """Print what is owed, then what was supplied without tax."""
    columns = ["entity", "currency", "jurisdiction", "period", "stated", "given back", "payable"]
    print_table(
        "tax",
        columns,
        [
            [
                line.entity,
                line.currency,
                line.jurisdiction or _ANYWHERE,
                line.period,
                money(line.stated_minor, line.currency),
                money(line.given_back_minor, line.currency),
                money(line.payable_minor, line.currency),
            ]
            for line in report.taxes
        ],
        right=columns[4:],
        empty="no tax is booked",
    )
    columns = ["entity", "currency", "jurisdiction", "treatment", "period", "supplied", "credited"]
    if report.without_tax:
        print_table(
            "supplied without tax",
            columns,
            [
                [
                    line.entity,
                    line.currency,
                    line.jurisdiction or _ANYWHERE,
                    line.treatment,
                    line.period,
                    money(line.supplied_minor, line.currency),
                    money(line.credited_minor, line.currency),
                ]
                for line in report.without_tax
            ],
            right=columns[5:],
        )
