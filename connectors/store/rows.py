"""Between the ledger's structs and the rows of the tables, both ways.

Row makers return values in the order of the table's columns; a test holds them together.
"""

from __future__ import annotations

from typing import Any

import msgspec

from connectors.store.backend import Row
from connectors.store.bodies import pack_body, unpack_body
from ledger.accounts import AccountRole
from ledger.events import CanonicalEvent
from ledger.journal import JournalEntry, JournalLine
from ledger.messages import DeadLetter, Message
from ledger.results import (
    ContractDrift,
    ContractState,
    InvoiceState,
    LifecycleUpdate,
    OwnershipConflict,
    Pending,
)

Content = tuple[
    tuple[str, ...],
    tuple[tuple[str, str], ...],
    tuple[tuple[str, str], ...],
    tuple[CanonicalEvent, ...],
]
"""The part of a message that only folds read: link_refs, links, account_links, events."""

_pack = msgspec.msgpack.Encoder(decimal_format="string", order="deterministic").encode
unpack_content = msgspec.msgpack.Decoder(Content).decode
_json = msgspec.json.Encoder(order="deterministic").encode
ROLE_TEXT = {role: role.value for role in AccountRole}
"""Plain text per role: drivers bind a plain str several times faster than a StrEnum."""
ROLE_OF = {role.value: role for role in AccountRole}


def json_text(value: object) -> str:
    """A value as JSON text with sorted keys."""
    return _json(value).decode()


def plain(row: Any, without: frozenset[str]) -> dict[str, Any]:
    """A row as a dict with plain string keys (SQLAlchemy's are a subclass no encoder takes)."""
    return {str.__str__(name): v for name, v in row._mapping.items() if name not in without}


def message_row(message: Message, party_no: int, outcome: str) -> Row:
    """A row of `messages`."""
    content = (message.link_refs, message.links, message.account_links, message.events)
    return (
        message.tenant,
        message.message_id,
        party_no,
        message.party_ref is None,
        message.source,
        message.provider_type,
        message.schema_version,
        message.occurred_at_micros,
        message.digest,
        outcome,
        *pack_body(message.body),
        _pack(content),
    )


def message_of(row: Any, party_ref: str) -> Message:
    """The message of a row, as it was committed; `party_ref` is the one it is filed under."""
    link_refs, links, account_links, events = unpack_content(row.content)
    return Message(
        message_id=row.message_id,
        tenant=row.tenant,
        source=row.source,
        provider_type=row.provider_type,
        schema_version=row.schema_version,
        occurred_at_micros=row.occurred_at_micros,
        party_ref=None if row.found_by_link else party_ref,
        link_refs=link_refs,
        links=links,
        account_links=account_links,
        digest=row.digest,
        body=unpack_body(row.body_packed, row.body),
        events=events,
    )


def line_rows(posting_no: int, lines: tuple[JournalLine, ...]) -> list[Row]:
    """Rows of `journal_lines`."""
    role_text = ROLE_TEXT
    return [
        (
            posting_no,
            line_no,
            role_text[line.role],
            line.amount_minor,
            line.functional_minor,
            line.product,
            line.jurisdiction,
            line.invoice_line_id,
            line.counterparty,
        )
        for line_no, line in enumerate(lines)
    ]


def line_of(row: Any) -> JournalLine:
    """The journal line of a row."""
    return JournalLine(
        role=ROLE_OF[row.role],
        amount_minor=row.amount_minor,
        functional_minor=row.functional_minor,
        product=row.product,
        jurisdiction=row.jurisdiction,
        invoice_line_id=row.invoice_line_id,
        counterparty=row.counterparty,
    )


def negated(line: JournalLine) -> JournalLine:
    """The line that takes `line` back."""
    return msgspec.structs.replace(
        line, amount_minor=-line.amount_minor, functional_minor=-line.functional_minor
    )


def entry_of(row: Any, lines: tuple[JournalLine, ...]) -> JournalEntry:
    """The journal entry of a row and its lines."""
    return JournalEntry(
        entry_key=row.entry_key,
        tenant=row.tenant,
        entity=row.entity,
        currency=row.currency,
        functional_currency=row.functional_currency,
        accounting_date=row.accounting_date,
        rule=row.rule,
        policy=row.policy,
        source_event_id=row.source_event_id,
        event_id=row.event_id,
        customer_id=row.customer_id,
        contract_id=row.contract_id,
        invoice_id=row.invoice_id,
        region=row.region,
        memo=row.memo,
        evidence=msgspec.json.decode(row.evidence, type=tuple[str, ...]),
        lines=lines,
    )


def lifecycle_row(update: LifecycleUpdate, revision: int, action: str, party_no: int) -> Row:
    """A row of `lifecycle_updates`; `action` is issued or withdrawn."""
    return (
        update.update_id,
        revision,
        action,
        party_no,
        update.tenant,
        update.kind,
        update.target,
        update.reason,
        update.effective_at_micros,
        update.customer_id,
        update.contract_id,
        update.cause_event_id,
        update.source_event_id,
        json_text(update.details),
    )


def lifecycle_of(row: Any) -> LifecycleUpdate:
    """The lifecycle update of a row."""
    return LifecycleUpdate(
        update_id=row.update_id,
        tenant=row.tenant,
        kind=row.kind,
        target=row.target,
        reason=row.reason,
        effective_at_micros=row.effective_at_micros,
        customer_id=row.customer_id,
        contract_id=row.contract_id,
        cause_event_id=row.cause_event_id,
        source_event_id=row.source_event_id,
        details=msgspec.json.decode(row.details, type=dict[str, str]),
    )


def contract_row(contract: ContractState, party_no: int) -> Row:
    """A row of `contracts`."""
    return (
        party_no,
        contract.customer_id,
        contract.contract_id,
        contract.tenant,
        contract.entity,
        contract.currency,
        contract.term_start_micros,
        contract.term_end_micros,
        contract.signed,
        contract.paid,
        contract.provisioned,
        contract.past_due,
        contract.cancelled,
        contract.renewal_due,
        contract.renewal_at_risk,
        json_text(contract.renewal_risk_reasons),
        json_text(contract.subscription_ids),
        contract.paused,
        contract.mrr_minor,
        json_text(contract.lines),
    )


def drift_row(drift: ContractDrift, party_no: int) -> Row:
    """A row of `contract_drifts`."""
    return (
        party_no,
        drift.drift_id,
        drift.tenant,
        drift.customer_id,
        drift.contract_id,
        drift.entity,
        drift.attribute,
        drift.product,
        drift.currency,
        drift.sold,
        drift.billed,
        drift.difference_minor,
        drift.from_micros,
        drift.to_micros,
        drift.since_micros,
        drift.deadline_micros,
        drift.period,
        drift.crm_event_id,
        drift.billing_event_id,
        drift.source_event_id,
    )


def drift_of(row: Any, as_of_micros: int) -> ContractDrift:
    """The drift of a row, expired if its deadline has passed at that time."""
    known = plain(row, frozenset({"party_no"}))
    return ContractDrift(**known, expired=row.deadline_micros < as_of_micros)


def invoice_row(invoice: InvoiceState, contract: ContractState, party_no: int) -> Row:
    """A row of `invoices`."""
    return (
        party_no,
        contract.contract_id,
        invoice.invoice_id,
        contract.tenant,
        contract.customer_id,
        contract.entity,
        invoice.currency,
        invoice.total_minor,
        invoice.paid_minor,
        invoice.credited_minor,
        invoice.status,
        invoice.posted,
        invoice.issued_at_micros,
        invoice.due_at_micros,
        invoice.owed_minor,
    )


def pending_row(pending: Pending, tenant: str, party_no: int) -> Row:
    """A row of `pending`."""
    return (
        party_no,
        pending.event_id,
        pending.reason,
        pending.waits_for,
        tenant,
        pending.source_event_id,
        pending.deadline_micros,
        pending.amount_minor,
        pending.currency,
        pending.entity,
        pending.period,
    )


def storable(value: str) -> str:
    """Text that every database takes: zero characters and lone surrogates made visible.

    What is rejected may carry them in its id, and so may the name of a file it was read from.
    """
    return value.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def dead_letter_row(letter: DeadLetter) -> Row:
    """A row of `dead_letters`, open."""
    return (
        letter.dead_letter_id,
        letter.tenant,
        letter.source,
        letter.step,
        letter.reason,
        storable(letter.detail),
        storable(letter.position),
        None if letter.message_id is None else storable(letter.message_id),
        letter.amount_minor,
        letter.currency,
        letter.entity,
        letter.occurred_at_micros,
        "open",
        *pack_body(letter.body),
    )


def dead_letter_of(row: Any) -> DeadLetter:
    """The dead letter of a row."""
    return DeadLetter(
        dead_letter_id=row.dead_letter_id,
        tenant=row.tenant,
        source=row.source,
        step=row.step,
        reason=row.reason,
        detail=row.detail,
        position=row.position,
        message_id=row.message_id,
        body=unpack_body(row.body_packed, row.body),
        amount_minor=row.amount_minor,
        currency=row.currency,
        entity=row.entity,
        occurred_at_micros=row.occurred_at_micros,
    )


def conflict_row(conflict: OwnershipConflict, tenant: str) -> Row:
    """A row of `ownership_conflicts`."""
    return (
        tenant,
        conflict.event_id,
        conflict.attribute,
        conflict.source_event_id,
        conflict.customer_id,
        conflict.owner,
        conflict.claimed_by,
    )
