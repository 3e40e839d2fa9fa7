"""The exception queue as finance sees it: money, entity, period at risk, reason, how to mend."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from connectors.store.questions import ExceptionRow
from ledger.mending import how_to_mend
from ledger.money import EXPONENT, format_major
from runners.display import money, print_table

SHOWN = 50
"""Rows of the queue that a terminal shows."""


class ExceptionItem(msgspec.Struct, frozen=True, kw_only=True):
    """One exception; the JSON output."""

    exception_id: str
    kind: str
    """dead_letter, expired or ambiguous."""
    tenant: str
    reason: str
    detail: str
    mend: str
    message_id: str | None
    amount: str | None
    """Major units; None where the event does not tell."""
    amount_minor: int | None
    currency: str | None
    entity: str | None
    period: str | None
    """Accounting period at risk, `YYYY-MM`."""
    position: str | None


class AtRisk(msgspec.Struct, frozen=True, kw_only=True):
    """The money behind one reason, in one currency."""

    reason: str
    currency: str | None
    exceptions: int
    amount: str | None
    amount_minor: int


class ExceptionQueue(msgspec.Struct, frozen=True, kw_only=True):
    """The whole queue, and what is at risk per reason."""

    exceptions: tuple[ExceptionItem, ...]
    at_risk: tuple[AtRisk, ...]


def exception_queue(rows: Iterable[ExceptionRow]) -> ExceptionQueue:
    """Arrange the store's exceptions, in their order, with sums per reason and currency."""
    items = tuple(map(_item, rows))
    sums: dict[tuple[str, str], list[int]] = {}
    for item in items:
        cell = sums.setdefault((item.reason, item.currency or ""), [0, 0])
        cell[0] += 1
        cell[1] += item.amount_minor or 0
    return ExceptionQueue(
        exceptions=items, at_risk=tuple(_at_risk(key, *sums[key]) for key in sorted(sums))
    )


def _item(row: ExceptionRow) -> ExceptionItem:
    return ExceptionItem(
        exception_id=row.exception_id,
        kind=row.kind,
        tenant=row.tenant,
        reason=row.reason,
        detail=row.detail,
        mend=how_to_mend(row.reason),
        message_id=row.message_id,
        amount=_major(row.amount_minor, row.currency),
        amount_minor=row.amount_minor,
        currency=row.currency,
        entity=row.entity,
        period=row.period,
        position=row.position,
    )


def _at_risk(key: tuple[str, str], count: int, amount_minor: int) -> AtRisk:
    reason, currency = key
    return AtRisk(
        reason=reason,
        currency=currency or None,
        exceptions=count,
        amount=_major(amount_minor, currency),
        amount_minor=amount_minor,
    )


def _major(amount_minor: int | None, currency: str | None) -> str | None:
    if amount_minor is None or currency is None or currency not in EXPONENT:
        return None
    return format_major(amount_minor, currency)


def print_at_risk(at_risk: Sequence[AtRisk]) -> None:
    """Print how much money hangs on each reason, and how to mend it."""
    print_table(
        "exceptions",
        ["reason", "exceptions", "at risk", "currency", "to mend"],
        [
            [
                risk.reason,
                str(risk.exceptions),
                money(risk.amount_minor, risk.currency),
                risk.currency or "",
                how_to_mend(risk.reason),
            ]
            for risk in at_risk
        ],
        right=["exceptions", "at risk"],
    )


def print_exceptions(items: Sequence[ExceptionItem]) -> None:
    """Print the queue row by row."""
    print_table(
        "exception queue",
        ["id", "reason", "amount", "currency", "entity", "period", "detail"],
        [
            [
                item.exception_id,
                item.reason,
                money(item.amount_minor, item.currency),
                item.currency or "",
                item.entity or "",
                item.period or "",
                item.detail,
            ]
            for item in items
        ],
        right=["amount"],
        empty="empty",
        at_most=SHOWN,
    )
