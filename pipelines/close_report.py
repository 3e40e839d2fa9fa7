"""The close report: tables of cells, the gate, sign-offs; JSON with the same bytes every time."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import unquote

import msgspec

from connectors.store.closing.decisions import Decision
from ledger.closing.facts import OpenItem
from ledger.closing.figures import BUCKETS, COLUMNS, Cell, Where
from ledger.closing.gate import Condition
from ledger.instants import iso_instant
from ledger.money import EXPONENT, format_major


class ReportCell(msgspec.Struct, frozen=True, kw_only=True):
    """One figure; `crossfoot close why ADDRESS` lists what it adds up from."""

    address: str
    amount_minor: int
    amount: str
    """Major units."""


class ReportRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row: what it is about, and its figures in the order of the table's columns."""

    about: tuple[str, ...]
    cells: tuple[ReportCell, ...]


class ReportTable(msgspec.Struct, frozen=True, kw_only=True):
    """One table of the report."""

    name: str
    title: str
    about: tuple[str, ...]
    """What `about` of its rows is, e.g. currency and role."""
    columns: tuple[str, ...]
    rows: tuple[ReportRow, ...]


class ReportDecision(msgspec.Struct, frozen=True, kw_only=True):
    """Who decided what."""

    decision_id: str
    action: str
    period: str
    person: str
    reason: str
    at: str
    item: str | None
    """What was signed off."""
    amount_minor: int | None
    currency: str | None


class CloseReport(msgspec.Struct, frozen=True, kw_only=True):
    """A period of a legal entity at its close; field names are the JSON output."""

    tenant: str
    entity: str
    period: str
    fiscal_period: str
    starts: str
    """First day."""
    ends: str
    """Last day."""
    policy: str
    gate: tuple[Condition, ...]
    tables: tuple[ReportTable, ...]
    open_items: tuple[OpenItem, ...]
    """Exceptions and gaps, signed off or not."""
    decisions: tuple[ReportDecision, ...]
    approved_by: str | None = None
    approved_at: str | None = None


class _Shape(msgspec.Struct, frozen=True):
    name: str
    title: str
    about: tuple[str, ...]
    columns: tuple[str, ...]
    """Empty: one column, `amount`, and the last part of the address tells the row."""


SHAPES = (
    _Shape("deferred", "Deferred revenue, roll-forward", ("currency",), COLUMNS),
    _Shape(
        "deferred_functional",
        "Deferred revenue, roll-forward in functional currency",
        ("currency",),
        COLUMNS,
    ),
    _Shape("waterfall", "Recognition to come", ("currency", "period"), ()),
    _Shape("receivables", "Receivables by days past due", ("currency",), BUCKETS),
    _Shape(
        "trial_balance",
        "Trial balance (debit positive)",
        ("currency", "role"),
        ("opening", "debits", "credits", "closing"),
    ),
    _Shape(
        "trial_balance_functional",
        "Trial balance in functional currency (debit positive)",
        ("currency", "role"),
        ("opening", "debits", "credits", "closing"),
    ),
    _Shape(
        "late",
        "Late activity booked in this period (debit positive)",
        ("currency", "original period", "role"),
        (),
    ),
    _Shape("exceptions", "Money in exceptions", ("currency", "reason"), ()),
    _Shape(
        "breaks",
        "Reconciliation",
        ("currency", "comparison"),
        ("ours", "theirs", "difference"),
    ),
)

_JUDGED = frozenset({"exceptions", "breaks"})
"""Tables that the gate judges; they are no figures of the books."""


def tables_of(cells: Mapping[str, Cell], where: Where) -> tuple[ReportTable, ...]:
    """Arrange cells as tables; a table without rows stays, empty."""
    of_table: dict[str, dict[tuple[str, ...], None]] = {shape.name: {} for shape in SHAPES}
    for address in cells:
        table, _, _, *rest = map(unquote, address.split("/"))
        fixed = next(shape for shape in SHAPES if shape.name == table).columns
        of_table[table][tuple(rest[:-1] if fixed else rest)] = None
    return tuple(
        ReportTable(
            name=shape.name,
            title=shape.title,
            about=shape.about,
            columns=shape.columns or ("amount",),
            rows=tuple(
                _row(shape, about, cells, where)
                for about in sorted(of_table[shape.name], key=_totals_last)
            ),
        )
        for shape in SHAPES
    )


def _totals_last(about: tuple[str, ...]) -> tuple[tuple[int, str], ...]:
    last = {"unscheduled": 1, "booked_later": 2, "total": 3}
    return tuple((last.get(part, 0), part) for part in about)


def _row(
    shape: _Shape, about: tuple[str, ...], cells: Mapping[str, Cell], where: Where
) -> ReportRow:
    currency = about[0]
    addresses = [where.address(shape.name, *about, column) for column in shape.columns]
    found = []
    for address in addresses or [where.address(shape.name, *about)]:
        amount = cells[address].amount_minor if address in cells else 0
        text = format_major(amount, currency) if currency in EXPONENT else str(amount)
        found.append(ReportCell(address=address, amount_minor=amount, amount=text))
    return ReportRow(about=about, cells=tuple(found))


def figures_digest(tables: Iterable[ReportTable]) -> str:
    """Return a digest of the figures of the books, without what the gate judges."""
    kept = [table for table in tables if table.name not in _JUDGED]
    return hashlib.sha256(msgspec.json.encode(kept, order="deterministic")).hexdigest()


def shown_decisions(taken: Sequence[Decision], period: str) -> tuple[ReportDecision, ...]:
    """Return the decisions about a period, and sign-offs of earlier ones, as reports print them."""
    return tuple(
        ReportDecision(
            decision_id=one.decision_id,
            action=one.action,
            period=one.period,
            person=one.person,
            reason=one.reason,
            at=iso_instant(one.at_micros),
            item=one.details.get("item_id"),
            amount_minor=one.details.get("amount_minor"),
            currency=one.details.get("currency"),
        )
        for one in taken
        if one.period == period or (one.action == "sign_off" and one.period < period)
    )


def report_bytes(report: CloseReport) -> bytes:
    """Return the report as JSON: the same bytes for the same report."""
    encoded = msgspec.json.encode(report, order="deterministic")
    return msgspec.json.format(encoded, indent=2) + b"\n"


def read_report(body: bytes) -> CloseReport:
    """Return the report of its JSON."""
    return msgspec.json.decode(body, type=CloseReport)
