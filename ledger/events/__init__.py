"""Canonical business events: one frozen struct per Avro subject under `schemas/subjects`.

Field names equal those of the Avro records. Times are integer microseconds since the epoch
in UTC; amounts integer minor units; quantities, unit prices and rates Decimal.
"""

from __future__ import annotations

from ledger.events.billing import (
    CreditNoteIssued,
    CreditNoteLine,
    CreditNoteVoided,
    InvoiceIssued,
    InvoiceLine,
    InvoiceMarkedUncollectible,
    InvoiceVoided,
    ItemAccrued,
    ItemDeleted,
    SubscriptionActivated,
    SubscriptionCancelled,
    SubscriptionChanged,
    SubscriptionItem,
    SubscriptionState,
    TaxAmount,
    UsageReported,
)
from ledger.events.credits import (
    CreditDrawn,
    CreditEnd,
    CreditExpired,
    CreditGranted,
    CreditMovement,
    CreditReinstated,
    CreditVoided,
)
from ledger.events.crm import (
    ContractAmended,
    ContractCancelled,
    ContractLine,
    ContractRenewed,
    ContractSigned,
    ContractTerms,
    CustomerAccountChanged,
    OpportunityWon,
    RecordChanged,
)
from ledger.events.envelope import (
    Event,
)
from ledger.events.payments import (
    DisputeLost,
    DisputeOpened,
    DisputeWon,
    PaymentFailed,
    PaymentSucceeded,
    PayoutFailed,
    PayoutPaid,
    RefundIssued,
)

__all__ = [
    "CanonicalEvent",
    "ContractAmended",
    "ContractCancelled",
    "ContractLine",
    "ContractRenewed",
    "ContractSigned",
    "ContractTerms",
    "CreditDrawn",
    "CreditEnd",
    "CreditExpired",
    "CreditGranted",
    "CreditMovement",
    "CreditNoteIssued",
    "CreditNoteLine",
    "CreditNoteVoided",
    "CreditReinstated",
    "CreditVoided",
    "CustomerAccountChanged",
    "DisputeLost",
    "DisputeOpened",
    "DisputeWon",
    "Event",
    "InvoiceIssued",
    "InvoiceLine",
    "InvoiceMarkedUncollectible",
    "InvoiceVoided",
    "ItemAccrued",
    "ItemDeleted",
    "OpportunityWon",
    "PaymentFailed",
    "PaymentSucceeded",
    "PayoutFailed",
    "PayoutPaid",
    "RecordChanged",
    "RefundIssued",
    "SubscriptionActivated",
    "SubscriptionCancelled",
    "SubscriptionChanged",
    "SubscriptionItem",
    "SubscriptionState",
    "TaxAmount",
    "UsageReported",
    "subject_of",
]

CanonicalEvent = (
    CustomerAccountChanged
    | ContractSigned
    | ContractAmended
    | ContractRenewed
    | ContractCancelled
    | OpportunityWon
    | RecordChanged
    | SubscriptionActivated
    | SubscriptionChanged
    | SubscriptionCancelled
    | InvoiceIssued
    | InvoiceVoided
    | InvoiceMarkedUncollectible
    | ItemAccrued
    | ItemDeleted
    | CreditNoteIssued
    | CreditNoteVoided
    | UsageReported
    | CreditGranted
    | CreditDrawn
    | CreditReinstated
    | CreditExpired
    | CreditVoided
    | PaymentSucceeded
    | PaymentFailed
    | RefundIssued
    | DisputeOpened
    | DisputeWon
    | DisputeLost
    | PayoutPaid
    | PayoutFailed
)


def subject_of(event: Event) -> str:
    """The registry subject of an event, e.g. `billing.invoice_issued`."""
    return event.__struct_config__.tag  # type: ignore[return-value]
