"""A trace as JSON gives it: events with their bytes, postings with their lines and delivery."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import msgspec

from connectors.store.postings import PostedEntry
from connectors.store.trace_contexts import MessageKey, context_of
from connectors.store.tracing import Trace, TracedLetter, TracedMessage, TracedUpdate
from ledger.gl_accounts import AppliedLine
from ledger.instants import iso_instant
from ledger.mending import how_to_mend
from ledger.results import LifecycleUpdate
from ledger.trace_context import TraceContext
from pipelines.preview_report import PreviewLine, shown_line

Contexts = Mapping[MessageKey, TraceContext]


class TracedEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An event as its source delivered it, and what became of it."""

    message_id: str
    source: str
    type: str
    """The provider's word for it."""
    schema_version: str
    occurred_at: str
    outcome: str
    customer_id: str
    """Resolved: the CRM account when linked."""
    event_ids: tuple[str, ...]
    """Canonical events it gave."""
    body: str | None = None
    """The source's bytes, where they are UTF-8 text."""
    body_base64: str | None = None
    """The source's bytes, where they are not."""
    trace_id: str | None = None
    """W3C trace id of the request that brought it, where it came with one."""


class TracedPosting(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A posting with what caused it and how its delivery stands."""

    posting_id: str
    kind: str
    revision: int
    reverses: str | None
    cause: str
    """The message that brought this revision."""
    entry_key: str
    date: str
    period: str
    original_period: str | None = None
    entity: str
    currency: str
    functional_currency: str
    rule: str
    policy: str
    source_event_id: str
    event_id: str
    evidence: tuple[str, ...]
    schema_version: str | None
    """Of the message that caused the entry."""
    customer_id: str
    contract_id: str
    invoice_id: str | None = None
    memo: str = ""
    """The exchange rate that counted and where it is from."""
    delivery: str
    delivery_reason: str | None = None
    delivery_attempts: int = 0
    delivered_to: str | None = None
    """Which ERP was tried last."""
    external_id: str | None = None
    """Its name in the ERP."""
    erp_words: str | None = None
    """What the ERP said when it refused it."""
    region: str | None = None
    accounts: tuple[AppliedLine, ...] = ()
    """GL accounts it was handed out with, one per line, and the mapping and row that gave them."""
    trace_id: str | None = None
    """W3C trace id of the request that brought what caused it."""
    lines: tuple[PreviewLine, ...]


class TracedLifecycle(msgspec.Struct, frozen=True, kw_only=True):
    """A lifecycle update, issued or withdrawn."""

    action: str
    revision: int
    update: LifecycleUpdate


class TracedDeadLetter(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A dead letter with its bytes."""

    dead_letter_id: str
    status: str
    step: str
    reason: str
    detail: str
    mend: str
    position: str
    message_id: str | None
    body: str | None = None
    body_base64: str | None = None


class TraceReport(msgspec.Struct, frozen=True, kw_only=True):
    """Everything an id is connected with; field names are the JSON output."""

    kind: str
    id: str
    events: tuple[TracedEvent, ...]
    postings: tuple[TracedPosting, ...]
    lifecycle: tuple[TracedLifecycle, ...]
    contracts: tuple[dict[str, Any], ...]
    invoices: tuple[dict[str, Any], ...]
    drifts: tuple[dict[str, Any], ...]
    """What CRM and billing disagree on about these contracts."""
    pending: tuple[dict[str, Any], ...]
    ownership_conflicts: tuple[dict[str, Any], ...]
    dead_letters: tuple[TracedDeadLetter, ...]


def trace_report(trace: Trace) -> TraceReport:
    """Arrange what the store found for reading."""
    versions = {m.message.message_id: m.message.schema_version for m in trace.messages}
    return TraceReport(
        kind=trace.kind,
        id=trace.name,
        events=tuple(_event(traced, trace.contexts) for traced in trace.messages),
        postings=tuple(_posting(posted, versions, trace.contexts) for posted in trace.postings),
        lifecycle=tuple(map(_lifecycle, trace.lifecycle)),
        contracts=tuple(trace.contracts),
        invoices=tuple(trace.invoices),
        drifts=tuple(trace.drifts),
        pending=tuple(trace.pending),
        ownership_conflicts=tuple(trace.conflicts),
        dead_letters=tuple(map(traced_letter, trace.dead_letters)),
    )


def _event(traced: TracedMessage, contexts: Contexts) -> TracedEvent:
    message = traced.message
    context = contexts.get((message.tenant, message.message_id))
    return TracedEvent(
        message_id=message.message_id,
        source=message.source,
        type=message.provider_type,
        schema_version=message.schema_version,
        occurred_at=iso_instant(message.occurred_at_micros),
        outcome=traced.outcome,
        customer_id=traced.party_id,
        event_ids=tuple(event.event_id for event in message.events),
        trace_id=context.trace_id if context is not None else None,
        **_body(message.body),
    )


def _posting(posted: PostedEntry, versions: dict[str, str], contexts: Contexts) -> TracedPosting:
    entry = posted.entry
    context = context_of(posted, contexts)
    return TracedPosting(
        posting_id=posted.posting_id,
        kind=posted.kind,
        revision=posted.revision,
        reverses=posted.reverses,
        cause=posted.cause,
        entry_key=entry.entry_key,
        date=entry.accounting_date,
        period=posted.period,
        original_period=posted.original_period,
        entity=entry.entity,
        currency=entry.currency,
        functional_currency=entry.functional_currency,
        rule=entry.rule,
        policy=entry.policy,
        source_event_id=entry.source_event_id,
        event_id=entry.event_id,
        evidence=entry.evidence,
        schema_version=versions.get(entry.source_event_id),
        customer_id=entry.customer_id,
        contract_id=entry.contract_id,
        invoice_id=entry.invoice_id,
        memo=entry.memo,
        delivery=posted.delivery,
        delivery_reason=posted.delivery_reason,
        delivery_attempts=posted.delivery_attempts,
        delivered_to=posted.delivered_to,
        external_id=posted.external_id,
        erp_words=posted.erp_words,
        region=entry.region,
        accounts=posted.accounts,
        trace_id=context.trace_id if context is not None else None,
        lines=tuple(shown_line(line, entry) for line in entry.lines),
    )


def _lifecycle(traced: TracedUpdate) -> TracedLifecycle:
    return TracedLifecycle(action=traced.action, revision=traced.revision, update=traced.update)


def traced_letter(traced: TracedLetter) -> TracedDeadLetter:
    """Say a dead letter with its bytes and how to mend it."""
    letter = traced.letter
    return TracedDeadLetter(
        dead_letter_id=letter.dead_letter_id,
        status=traced.status,
        step=letter.step,
        reason=letter.reason,
        detail=letter.detail,
        mend=how_to_mend(letter.reason),
        position=letter.position,
        message_id=letter.message_id,
        **_body(letter.body),
    )


def _body(body: bytes) -> dict[str, str]:
    try:
        return {"body": body.decode()}
    except UnicodeDecodeError:
        return {"body_base64": base64.b64encode(body).decode()}
