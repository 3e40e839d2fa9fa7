"""What a fold gives: target journals, lifecycle updates, pendings, refusals, the contract."""

from __future__ import annotations

from collections import Counter

import msgspec

from ledger.journal import JournalEntry
from ledger.messages import DeadLetter, Message, Outcome
from ledger.reasons import Reason


class LifecycleUpdate(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """What another team's system must know or do."""

    update_id: str
    """Deterministic: `lcu_` + hash of (tenant, kind, what caused it: a subscription, an attempt to
    collect an invoice, the end of a term, …), so that better evidence does not repeat it."""
    tenant: str
    kind: str
    """provision_entitlement, start_onboarding, first_payment, receivable_status, dunning_step,
    customer_outreach, suppress_renewal_messaging, payment_recovered, resume_renewal_messaging,
    revoke_entitlement, renewal_due, renewal_at_risk, …"""
    target: str
    """System that acts: entitlements, customer_success, erp, billing, marketing, crm."""
    reason: str
    effective_at_micros: int
    customer_id: str
    contract_id: str
    cause_event_id: str
    source_event_id: str
    details: dict[str, str] = {}


class Pending(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """An event that waits for its partner; an exception once `as_of` passes the deadline."""

    source_event_id: str
    event_id: str
    reason: str
    waits_for: str
    """Id of the partner: `stripe:in_1`."""
    deadline_micros: int
    expired: bool = False
    amount_minor: int | None = None
    currency: str | None = None
    entity: str | None = None
    period: str | None = None
    """Accounting period at risk, `YYYY-MM`."""


class Refusal(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """A canonical event that the fold cannot accept, beside an intact rest."""

    source_event_id: str
    event_id: str
    reason: str
    detail: str
    amount_minor: int | None = None
    currency: str | None = None
    entity: str | None = None


class OwnershipConflict(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """An attempt to set an attribute that the source does not own (I8); kept, does not win."""

    source_event_id: str
    event_id: str
    customer_id: str
    attribute: str
    owner: str
    claimed_by: str


class ContractDrift(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """CRM and billing disagree about a contract (`ledger.drift`); holds nothing up.

    An exception once `as_of` passes the deadline; gone when the sides agree again.
    """

    drift_id: str
    tenant: str
    customer_id: str
    contract_id: str
    entity: str
    attribute: str
    """quantity, price, dates, sold_not_billed, billed_not_sold, entity, currency."""
    product: str | None
    """None: the contract as a whole."""
    currency: str
    sold: str
    """What CRM says, in words."""
    billed: str
    """What billing says, in words."""
    difference_minor: int | None
    """Sold less billed over the time below; of `entity`: what is billed in the wrong one."""
    from_micros: int
    to_micros: int
    """Time of service in which they disagree, exclusive."""
    since_micros: int
    """When they began to disagree: the time of service, or the event that made it so, if later."""
    deadline_micros: int
    period: str
    """Accounting period in which the disagreement begins."""
    expired: bool = False
    crm_event_id: str | None = None
    billing_event_id: str | None = None
    source_event_id: str
    """Message of the CRM side, else of billing's."""

    @property
    def detail(self) -> str:
        """Both sides in a line."""
        of = f"{self.attribute} of {self.product}" if self.product else self.attribute
        return f"{of}: sold {self.sold}, billed {self.billed}"


class LineInForce(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """A line of a contract that runs at the as-of time."""

    source: str
    """crm or billing."""
    product: str
    quantity: str
    """Decimal text."""
    monthly_minor: int
    """All of it for a month, rounded half to even."""
    start_micros: int
    end_micros: int | None = None


class InvoiceState(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """An invoice as it stands after the fold."""

    invoice_id: str
    currency: str
    total_minor: int
    paid_minor: int
    credited_minor: int
    status: str
    """open, paid, voided, uncollectible, pending (not posted)."""
    posted: bool
    issued_at_micros: int
    due_at_micros: int | None = None
    owed_minor: int = 0
    """What the customer still owes on it (negative: is owed)."""


class ContractState(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """A contract as it stands after the fold; what the standing questions are answered from."""

    tenant: str
    customer_id: str
    """Resolved: the CRM account when linked, else the source's customer."""
    contract_id: str
    entity: str
    currency: str | None = None
    signed: bool = False
    term_start_micros: int | None = None
    term_end_micros: int | None = None
    subscription_ids: tuple[str, ...] = ()
    paid: bool = False
    provisioned: bool = False
    """A subscription was activated and has not ended."""
    past_due: bool = False
    cancelled: bool = False
    renewal_due: bool = False
    renewal_at_risk: bool = False
    renewal_risk_reasons: tuple[str, ...] = ()
    invoices: tuple[InvoiceState, ...] = ()
    paused: bool = False
    mrr_minor: int = 0
    """Recurring revenue of a month in force: what billing charges, else what CRM sold."""
    lines: tuple[LineInForce, ...] = ()
    """What runs, as billing charges it; as CRM sold it where billing tells nothing."""
    drifts: tuple[ContractDrift, ...] = ()


class FoldResult(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Everything that should stand for one contract, or merged for one party."""

    entries: tuple[JournalEntry, ...] = ()
    lifecycle: tuple[LifecycleUpdate, ...] = ()
    pending: tuple[Pending, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    conflicts: tuple[OwnershipConflict, ...] = ()
    contracts: tuple[ContractState, ...] = ()


class FoldedParty(msgspec.Struct, frozen=True, gc=False, kw_only=True, array_like=True):
    """A party (one resolved customer with all its contracts) folded, ready to be committed."""

    tenant: str
    party_id: str
    """Resolved customer: CRM account when linked, else the source's customer or object."""
    party_refs: tuple[str, ...]
    """Every source-local party that belongs to it, sorted; history is kept under these."""
    based_on: dict[str, int]
    """Revision of each party_ref whose history the fold saw (0: none)."""
    new_messages: tuple[Message, ...]
    """Messages not in the history, deduplicated, sorted by (occurred_at, id)."""
    duplicates: tuple[Message, ...]
    """Messages read again; they add nothing."""
    dead_letters: tuple[DeadLetter, ...]
    """Event id conflicts and refusals, with their bytes."""
    outcomes: dict[str, Outcome]
    """Outcome of every message of the party, old and new, as this fold sees it."""
    result: FoldResult
    as_of_micros: int = 0
    """Up to where (exclusive) the fold recognised revenue."""


def ends_of(party: FoldedParty) -> Counter[Outcome]:
    """Where the messages read for a party ended; a conflicting body is none of them.

    Refused messages have an outcome of their own. A body that came under a known id
    (`conflicts_of`) is a further message.
    """
    ends = Counter(party.outcomes[message.message_id] for message in party.new_messages)
    ends[Outcome.DUPLICATE] += len(party.duplicates)
    return ends


def conflicts_of(party: FoldedParty) -> list[DeadLetter]:
    """Return the dead letters whose message id stands for another body."""
    return [x for x in party.dead_letters if x.reason == Reason.EVENT_ID_CONFLICT]


class StaleParty(Exception):
    """A commit was refused: the past that the fold saw is no longer what stands. Fold again."""

    party_refs: tuple[str, ...] = ()
    """The refs whose past has moved, where that is known."""
