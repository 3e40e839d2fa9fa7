"""What each provider adapter promises: which versions of the provider it accepts, and which
canonical events it makes of them. tests/connectors/test_mapping_contracts.py compares with the
code."""

from __future__ import annotations

import msgspec

from connectors.ledger_versions import ledger_version
from connectors.providers.stripe import versions as stripe_versions
from connectors.providers.stripe.event_types import MAPPINGS as STRIPE_MAPPINGS
from schemas.registry import Registry


class MappingContract(msgspec.Struct, frozen=True, kw_only=True):
    """One adapter."""

    name: str
    source: str
    """The system that publishes, as events name it."""
    owner: str
    """Who answers for the mapping."""
    accepts: str
    """Versions of the provider that are read; others are refused, never guessed."""
    reads: tuple[str, ...]
    """The provider's own types that have a meaning, sorted."""
    produces: tuple[str, ...]
    """Subjects, sorted."""
    package: str
    """Where its code is."""

    def versions(self, registry: Registry) -> tuple[str, ...]:
        """`<subject>@<version>` of what it produces: the version that the ledger's structs are."""
        return tuple(ledger_version(name, registry).label for name in self.produces)


STRIPE = MappingContract(
    name="stripe",
    source="stripe",
    owner="billing",
    accepts=f"API versions {stripe_versions.ACCEPTED}",
    reads=tuple(sorted(STRIPE_MAPPINGS)),
    produces=(
        "billing.credit_drawn",
        "billing.credit_expired",
        "billing.credit_granted",
        "billing.credit_note_issued",
        "billing.credit_note_voided",
        "billing.credit_reinstated",
        "billing.credit_voided",
        "billing.invoice_issued",
        "billing.invoice_marked_uncollectible",
        "billing.invoice_voided",
        "billing.item_accrued",
        "billing.item_deleted",
        "billing.subscription_activated",
        "billing.subscription_cancelled",
        "billing.subscription_changed",
        "crm.customer_account_changed",
        "payments.dispute_lost",
        "payments.dispute_opened",
        "payments.dispute_won",
        "payments.payment_failed",
        "payments.payment_succeeded",
        "payments.payout_failed",
        "payments.payout_paid",
        "payments.refund_issued",
    ),
    package="connectors.providers.stripe",
)

SALESFORCE = MappingContract(
    name="salesforce",
    source="salesforce",
    owner="crm",
    accepts="Change Data Capture of any API version, as JSON of the Pub/Sub API",
    reads=("Account", "Contract", "Opportunity", "Order", "OrderItem"),
    produces=("crm.record_changed",),
    package="connectors.providers.salesforce",
)

MAPPINGS = (SALESFORCE, STRIPE)
"""Every adapter, by name."""
