"""What `crossfoot preview` answers: entries as people read them, and changes per account role.

Pure: journal entries in, frozen structs out. Amounts are given twice, as text in major units
and as integer minor units.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from ledger.accounts import AccountRole, Side, normal_side, on_normal_side
from ledger.journal import JournalEntry, JournalLine, posting_id
from ledger.money import format_major
from ledger.results import LifecycleUpdate, Pending

DIMENSIONS = (
    "role",
    "month",
    "entity",
    "currency",
    "product",
    "customer",
    "contract",
    "rule",
)
"""What changes can be split by. Entity and the currency of the amounts always split, because
sums across them mean nothing; `currency` adds the transaction currency."""


class PreviewLine(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One journal line; amounts are positive on `side` (a functional amount of the other sign
    than its transaction amount is negative)."""

    role: AccountRole
    side: Side
    amount: str
    """In the entry's transaction currency, major units."""
    amount_minor: int
    functional_amount: str
    """In the functional currency of the entry's entity, major units."""
    functional_amount_minor: int
    product: str | None = None
    jurisdiction: str | None = None
    invoice_line_id: str | None = None
    counterparty: str | None = None


class PreviewEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A journal entry that would be posted, with the id its first revision would get."""

    posting_id: str
    entry_key: str
    date: str
    """Accounting date, ISO 8601, UTC."""
    period: str
    """Accounting period, `YYYY-MM`."""
    tenant: str
    entity: str
    currency: str
    functional_currency: str
    rule: str
    policy: str
    source_event_id: str
    event_id: str
    customer_id: str
    contract_id: str
    invoice_id: str | None = None
    memo: str = ""
    evidence: tuple[str, ...] = ()
    lines: tuple[PreviewLine, ...]


class Change(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How much an account role grew on its normal side (negative: shrank)."""

    entity: str
    currency: str
    """Currency of `change`."""
    role: AccountRole
    normal_side: Side
    month: str | None = None
    transaction_currency: str | None = None
    product: str | None = None
    customer: str | None = None
    contract: str | None = None
    rule: str | None = None
    change: str
    """Major units."""
    change_minor: int


class PreviewDeadLetter(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An event that would be refused; never its bytes."""

    dead_letter_id: str
    reason: str
    detail: str
    mend: str
    """What to do about it."""
    position: str
    message_id: str | None = None
    amount: str | None = None
    amount_minor: int | None = None
    currency: str | None = None
    entity: str | None = None


class Conservation(msgspec.Struct, frozen=True, kw_only=True):
    """Messages read, and where each ended (I1)."""

    messages_read: int
    posted: int
    recorded: int
    pending: int
    dead_lettered: int
    duplicates: int

    @property
    def adds_up(self) -> bool:
        """Whether every message read ended in exactly one place."""
        ended = self.posted + self.recorded + self.pending + self.dead_lettered + self.duplicates
        return self.messages_read == ended


class PreviewReport(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a preview says; field names are the JSON output."""

    as_of: str
    """Exclusive end of what was recognised, ISO 8601, UTC."""
    policy: str
    conservation: Conservation
    adds_up: bool
    entries: tuple[PreviewEntry, ...]
    changes: tuple[Change, ...]
    """In the functional currency of each entity."""
    transaction_changes: tuple[Change, ...]
    """The same in the currencies of the transactions."""
    lifecycle: tuple[LifecycleUpdate, ...]
    pending: tuple[Pending, ...]
    dead_letters: tuple[PreviewDeadLetter, ...]


Money = Literal["functional", "transaction"]


def preview_entry(entry: JournalEntry) -> PreviewEntry:
    """Say `entry` the way people read it, lines in the order the rule gave them."""
    return PreviewEntry(
        posting_id=posting_id(entry.tenant, entry.entry_key, 1),
        entry_key=entry.entry_key,
        date=entry.accounting_date,
        period=entry.period,
        tenant=entry.tenant,
        entity=entry.entity,
        currency=entry.currency,
        functional_currency=entry.functional_currency,
        rule=entry.rule,
        policy=entry.policy,
        source_event_id=entry.source_event_id,
        event_id=entry.event_id,
        customer_id=entry.customer_id,
        contract_id=entry.contract_id,
        invoice_id=entry.invoice_id,
        memo=entry.memo,
        evidence=entry.evidence,
        lines=tuple(shown_line(line, entry) for line in entry.lines),
    )


def shown_line(line: JournalLine, entry: JournalEntry) -> PreviewLine:
    """Say a line of `entry` the way people read it: a side and a positive amount."""
    # A realised exchange difference has no transaction amount: its functional one has the side.
    sign = 1 if (line.amount_minor or line.functional_minor) >= 0 else -1
    return PreviewLine(
        role=line.role,
        side=Side.DEBIT if sign > 0 else Side.CREDIT,
        amount=format_major(sign * line.amount_minor, entry.currency),
        amount_minor=sign * line.amount_minor,
        functional_amount=format_major(sign * line.functional_minor, entry.functional_currency),
        functional_amount_minor=sign * line.functional_minor,
        product=line.product,
        jurisdiction=line.jurisdiction,
        invoice_line_id=line.invoice_line_id,
        counterparty=line.counterparty,
    )


def unknown_dimensions(by: Sequence[str]) -> list[str]:
    """Return the names in `by` that changes cannot be split by, in order."""
    return [name for name in by if name not in DIMENSIONS]


def changes_by(
    entries: Iterable[JournalEntry], by: Sequence[str], money: Money = "functional"
) -> tuple[Change, ...]:
    """Add the entries' lines up per entity, currency, account role and what `by` names.

    The role always splits: debits and credits of different roles cancel. Rows that add up to
    nothing are left out. Sorted by (entity, currency, the names of `by` in their order).
    """
    names = [name for name in dict.fromkeys((*by, "role")) if name not in ("entity",)]
    sums: dict[tuple[str, ...], int] = {}
    for entry in entries:
        for line in entry.lines:
            currency, amount_minor = _amount(entry, line, money)
            key = (entry.entity, currency, *(_value(name, entry, line) for name in names))
            sums[key] = sums.get(key, 0) + amount_minor
    return tuple(_change(key, names, sums[key]) for key in sorted(sums) if sums[key])


def _amount(entry: JournalEntry, line: JournalLine, money: Money) -> tuple[str, int]:
    if money == "functional":
        return entry.functional_currency, line.functional_minor
    return entry.currency, line.amount_minor


def _value(name: str, entry: JournalEntry, line: JournalLine) -> str:
    values = {
        "role": line.role.value,
        "month": entry.period,
        "currency": entry.currency,
        "product": line.product or "",
        "customer": entry.customer_id,
        "contract": entry.contract_id,
        "rule": entry.rule,
    }
    return values[name]


def _change(key: tuple[str, ...], names: Sequence[str], debit_minor: int) -> Change:
    entity, currency, *values = key
    split = dict(zip(names, values, strict=True))
    role = AccountRole(split["role"])
    change_minor = on_normal_side(role, debit_minor)
    return Change(
        entity=entity,
        currency=currency,
        role=role,
        normal_side=normal_side(role),
        month=split.get("month"),
        transaction_currency=split.get("currency"),
        product=split.get("product"),
        customer=split.get("customer"),
        contract=split.get("contract"),
        rule=split.get("rule"),
        change=format_major(change_minor, currency),
        change_minor=change_minor,
    )
