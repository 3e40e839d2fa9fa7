"""Builds journal entries, pendings and refusals of one contract and collects them."""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy

from ledger.accounts import AccountRole
from ledger.events import Event
from ledger.journal import JournalEntry, JournalLine, assert_balanced
from ledger.periods import MONTHS, Calendar, calendar_of
from ledger.policies import DAY_MICROS, BooksConfig, PolicyPack
from ledger.rates import functional_currency, rate_key
from ledger.reasons import Reason
from ledger.recognition import iso_date
from ledger.results import Pending, Refusal

Plain = tuple[AccountRole, int, int, str | None, str | None, str | None]
"""A line being made: (role, debit, functional debit, product, jurisdiction, invoice line)."""

Between = tuple[AccountRole, int, int, None, None, None, str]
"""The same between two legal entities: the last is the other one."""

Raw = Plain | Between


def raw(role: AccountRole, amount: int, functional: int, counterparty: str | None = None) -> Raw:
    """Return a line that belongs to no product, jurisdiction or invoice line."""
    if counterparty is not None:
        return (role, amount, functional, None, None, None, counterparty)
    return (role, amount, functional, None, None, None)


class Cause:
    """Who and where an entry belongs to: the event that caused it and the books it is kept in."""

    __slots__ = (
        "currency",
        "entity",
        "event_id",
        "evidence",
        "functional",
        "invoice_id",
        "memo",
        "source",
    )

    def __init__(
        self,
        event: Event,
        entity: str,
        currency: str,
        functional: str,
        invoice_id: str | None = None,
        evidence: tuple[str, ...] = (),
    ) -> None:
        self.event_id = event.event_id
        self.source = event.source_event_id
        self.entity = entity
        self.currency = currency
        self.functional = functional
        self.invoice_id = invoice_id
        self.evidence = evidence
        self.memo = ""
        """The exchange rate that counted and where it is from."""

    def with_evidence(self, messages: tuple[str, ...]) -> Cause:
        """Return the same cause with further messages as evidence."""
        cause = copy(self)
        cause.evidence = tuple(sorted({*self.evidence, *messages}))
        return cause


class Poster:
    """Collects what the fold of one contract gives. Every entry is checked when it is built."""

    def __init__(
        self,
        tenant: str,
        customer_id: str,
        contract_id: str,
        policy: PolicyPack,
        config: BooksConfig,
        as_of_micros: int,
    ) -> None:
        self.tenant = tenant
        self.customer_id = customer_id
        self.contract_id = contract_id
        self.policy = policy
        self.policy_label = policy.label
        self.config = config
        self.as_of = as_of_micros
        self.entries: list[JournalEntry] = []
        self.pending: list[Pending] = []
        self.refusals: list[Refusal] = []
        self._also_told: dict[str, list[Event]] = {}

    def entity_of(self, event: Event) -> str:
        """Return the legal entity of an event."""
        return event.entity or self.config.default_entity

    def calendar_of(self, entity: str) -> Calendar:
        """Return the accounting periods of an entity."""
        return calendar_of(self.config, entity) if self.config.entities else MONTHS

    def functional_of(self, entity: str, currency: str) -> str:
        """Return the functional currency of an entity for a transaction currency."""
        return (
            functional_currency(self.config, entity, currency) if self.config.entities else currency
        )

    def cause(
        self,
        event: Event,
        currency: str,
        invoice_id: str | None = None,
        evidence: tuple[str, ...] = (),
        entity: str | None = None,
    ) -> Cause:
        """Return the cause an event is, in its own entity or the one given."""
        at = entity or self.entity_of(event)
        return Cause(event, at, currency, self.functional_of(at, currency), invoice_id, evidence)

    def post(self, key: str, day: int, rule: str, cause: Cause, lines: Iterable[Raw]) -> None:
        """Add an entry; lines of nothing are left out, and so is an entry without lines."""
        kept = []
        for line in lines:
            role, amount, functional, product, jurisdiction, line_id = line[:6]
            if amount or functional:
                kept.append(
                    JournalLine(
                        role=role,
                        amount_minor=amount,
                        functional_minor=functional,
                        product=product,
                        jurisdiction=jurisdiction,
                        invoice_line_id=line_id,
                        counterparty=line[6] if len(line) == 7 else None,
                    )
                )
        if kept:
            self.add(key, day, rule, cause, tuple(kept))

    def add(
        self, key: str, day: int, rule: str, cause: Cause, lines: tuple[JournalLine, ...]
    ) -> None:
        """Add an entry of finished lines."""
        entry = JournalEntry(
            entry_key=key,
            tenant=self.tenant,
            entity=cause.entity,
            currency=cause.currency,
            functional_currency=cause.functional,
            accounting_date=iso_date(day),
            rule=rule,
            policy=self.policy_label,
            source_event_id=cause.source,
            event_id=cause.event_id,
            customer_id=self.customer_id,
            contract_id=self.contract_id,
            invoice_id=cause.invoice_id,
            memo=cause.memo,
            evidence=cause.evidence,
            lines=lines,
        )
        self.entries.append(assert_balanced(entry))

    def others(self, events: Iterable[Event], first: Event) -> tuple[str, ...]:
        """Return the further messages that tell the same as `first`, sorted.

        Their events share its fate: when it waits or is refused, they do too, without the amount.
        """
        rest = [event for event in events if event.event_id != first.event_id]
        self._also_told[first.event_id] = rest
        return tuple(sorted({event.source_event_id for event in rest} - {first.source_event_id}))

    def tells(self, first: Event, event: Event, evidence: tuple[str, ...]) -> tuple[str, ...]:
        """Let one more event tell the same as `first`; return the evidence with its message."""
        self._also_told.setdefault(first.event_id, []).append(event)
        return tuple(sorted({*evidence, event.source_event_id} - {first.source_event_id}))

    def wait(
        self,
        event: Event,
        reason: Reason,
        waits_for: str,
        amount_minor: int | None = None,
        currency: str | None = None,
        since: int | None = None,
    ) -> None:
        """Let an event wait for its partner until the deadline its reason has.

        The deadline is counted from when it happened, or from `since` (micros).
        """
        days: int = getattr(self.config.pending_days, reason.value)
        also = self._also_told.get(event.event_id, ())
        for one, amount in ((event, amount_minor), *((other, None) for other in also)):
            at = one.occurred_at_micros if since is None else since
            deadline = at + days * DAY_MICROS
            self.pending.append(
                Pending(
                    source_event_id=one.source_event_id,
                    event_id=one.event_id,
                    reason=reason.value,
                    waits_for=waits_for,
                    deadline_micros=deadline,
                    expired=self.as_of > deadline,
                    amount_minor=amount,
                    currency=currency if amount is not None else None,
                    entity=(entity := self.entity_of(one)),
                    period=self.calendar_of(entity).label_at(at),
                )
            )

    def wait_for_rate(
        self, event: Event, currency: str, into: str, day: int, amount_minor: int
    ) -> None:
        """Let an event wait for an exchange rate; what it waits for is the rate's name on file."""
        key = rate_key(currency, into, day)
        self.wait(event, Reason.MISSING_RATE, key, amount_minor, currency)

    def refuse(
        self,
        event: Event,
        reason: Reason,
        detail: str,
        amount_minor: int | None = None,
        currency: str | None = None,
    ) -> None:
        """Refuse an event; the rest of the contract stands."""
        also = self._also_told.get(event.event_id, ())
        for one, amount in ((event, amount_minor), *((other, None) for other in also)):
            self.refusals.append(
                Refusal(
                    source_event_id=one.source_event_id,
                    event_id=one.event_id,
                    reason=reason.value,
                    detail=detail,
                    amount_minor=amount,
                    currency=currency if amount is not None else None,
                    entity=self.entity_of(one),
                )
            )
