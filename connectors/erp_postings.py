"""ERP postings: the record sent to the ERP for a journal entry (subject `erp.posting`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal

import msgspec

from ledger.gl_accounts import Mapped, Unmapped, map_entry
from ledger.gl_mapping import GlMapping
from ledger.journal import JournalEntry, JournalLine, assert_balanced, posting_id
from ledger.money import minor_to_major
from ledger.periods import MONTHS, Calendar, calendar_of
from ledger.policies import BooksConfig
from ledger.results import FoldedParty

FIRST_REVISION = 1
_RATE = Decimal("1e-12")
"""Decimals of an exchange rate in the schema."""


class ErpLine(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One line: accounted amounts in the functional currency, minor units, one of them zero."""

    line_number: int
    account_role: str
    accounted_debit_minor: int
    accounted_credit_minor: int
    transaction_amount_minor: int
    """Transaction currency; debit positive, credit negative."""
    gl_account: str | None = None
    department: str | None = None
    classification: str | None = None
    product: str | None = None
    jurisdiction: str | None = None
    exchange_rate: Decimal | None = None
    line_memo: str | None = None


class ErpPosting(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A journal entry as the ERP gets it; `posting_id` is the idempotency key of its delivery.

    Fields are in alphabetical order, in which they are written.
    """

    accounting_date: str
    accounting_period: str
    batch_id: str
    booked_at_micros: int
    contract_id: str
    currency: str
    customer_id: str
    entity: str
    entry_key: str
    event_id: str
    evidence: tuple[str, ...]
    functional_currency: str
    invoice_id: str | None
    lines: tuple[ErpLine, ...]
    mapping: str | None = None
    """`name@version` of the GL mapping that gave the accounts; None when the lines have none."""
    memo: str
    original_period: str
    policy: str
    posting_id: str
    region: str | None = None
    reverses: str | None
    revision: int
    rule: str
    schema_version: str
    source_event_id: str
    tenant: str


def first_posting(
    entry: JournalEntry,
    *,
    batch_id: str,
    booked_at_micros: int,
    schema_version: str,
    calendar: Calendar = MONTHS,
    accounts: Mapped = (),
) -> ErpPosting:
    """Return the first posting of an entry, booked in the period of its date.

    `accounts`: one per line; without them it speaks of roles only. Raises UnbalancedEntry: the
    second of the two checks of every entry (I2).
    """
    assert_balanced(entry)
    period = calendar.label_of_date(entry.accounting_date)
    return ErpPosting(
        accounting_date=entry.accounting_date,
        accounting_period=period,
        batch_id=batch_id,
        booked_at_micros=booked_at_micros,
        contract_id=entry.contract_id,
        currency=entry.currency,
        customer_id=entry.customer_id,
        entity=entry.entity,
        entry_key=entry.entry_key,
        event_id=entry.event_id,
        evidence=entry.evidence,
        functional_currency=entry.functional_currency,
        invoice_id=entry.invoice_id,
        lines=lines_of(entry, accounts),
        mapping=mapping_of(accounts),
        memo=entry.memo,
        original_period=period,
        policy=entry.policy,
        posting_id=posting_id(entry.tenant, entry.entry_key, FIRST_REVISION),
        region=entry.region,
        reverses=None,
        revision=FIRST_REVISION,
        rule=entry.rule,
        schema_version=schema_version,
        source_event_id=entry.source_event_id,
        tenant=entry.tenant,
    )


def mapping_of(accounts: Mapped) -> str | None:
    """Return the mapping that gave the accounts of a posting."""
    return accounts[0].mapping if accounts else None


def lines_of(entry: JournalEntry, accounts: Mapped) -> tuple[ErpLine, ...]:
    """Return the lines of an entry in their order, on their GL accounts where there are any."""
    lines = [_line(number, line) for number, line in enumerate(entry.lines, 1)]
    if entry.currency != entry.functional_currency:
        rates = [_rate(line, entry) for line in entry.lines]
        lines = [
            msgspec.structs.replace(line, exchange_rate=rate)
            for line, rate in zip(lines, rates, strict=True)
        ]
    if not accounts:
        return tuple(lines)
    return tuple(
        msgspec.structs.replace(
            line,
            gl_account=applied.account,
            department=applied.department,
            classification=applied.gl_class,
        )
        for line, applied in zip(lines, accounts, strict=True)
    )


def _line(number: int, line: JournalLine) -> ErpLine:
    """Turn a signed line into debit and credit."""
    worth = line.functional_minor
    return ErpLine(
        line_number=number,
        account_role=str(line.role),
        accounted_debit_minor=worth if worth > 0 else 0,
        accounted_credit_minor=-worth if worth < 0 else 0,
        transaction_amount_minor=line.amount_minor,
        product=line.product,
        jurisdiction=line.jurisdiction,
        line_memo=line.invoice_line_id,
    )


def _rate(line: JournalLine, entry: JournalEntry) -> Decimal | None:
    """Functional currency per unit of transaction currency, as the line is booked.

    None for a line that is in one of them only.
    """
    if line.amount_minor * line.functional_minor <= 0:
        return None
    booked = minor_to_major(line.functional_minor, entry.functional_currency)
    rate = booked / minor_to_major(line.amount_minor, entry.currency)
    return rate.quantize(_RATE) or None


def postings_of(
    parties: list[FoldedParty],
    batch_id: str,
    booked_at_micros: int,
    books: BooksConfig | None = None,
    mapping: GlMapping | None = None,
) -> Iterator[ErpPosting]:
    """Return the first postings of everything that should stand for these parties.

    Under a mapping, those that it has no account for come without any.
    """
    for party in parties:
        versions: Mapping[str, str] = {
            message.message_id: message.schema_version for message in party.new_messages
        }
        for entry in party.result.entries:
            mapped = map_entry(mapping, entry) if mapping is not None else ()
            yield first_posting(
                entry,
                batch_id=batch_id,
                booked_at_micros=booked_at_micros,
                schema_version=versions[entry.source_event_id],
                calendar=calendar_of(books, entry.entity) if books else MONTHS,
                accounts=() if isinstance(mapped, Unmapped) else mapped,
            )
