"""What to generate: size, habits of the company's customers, and faults of the delivery.

Shares and rates are fractions between 0 and 1.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated

import msgspec

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


class Habits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How customers buy and pay. Shares are of contracts unless they say otherwise."""

    self_serve: Share = 0.08
    """Bought on the web site: no CRM record, no contract."""
    annual: Share = 0.2
    """Billed once a year instead of monthly."""
    old_2017: Share = 0.12
    """Stripe account pinned to API 2017-08-15."""
    old_2020: Share = 0.12
    """Stripe account pinned to API 2020-08-27."""
    taxed: Share = 0.6
    discounted: Share = 0.15
    metered: Share = 0.12
    """Also billed for usage of the past period."""
    foreign: Share = 0.08
    """Billed in another currency than the selling entity's own."""
    converted: Share = 0.4
    """Of the foreign ones: the processor settles in the entity's currency at its rate."""
    trial: Share = 0.04
    """Starts with a free fortnight, that is, with an invoice over nothing."""
    by_transfer: Share = 0.06
    """Pays by bank transfer weeks after the invoice (old API: outside the processor)."""
    fee_by_reference: Share = 0.2
    """Of charges: `balance_transaction` is only an id, so the fee is not stated."""
    setup_fee: Share = 0.05
    """Of old-API customers: a standalone charge without an invoice."""
    upgrade: Share = 0.03
    """Of monthly periods: seats are added in the middle, prorated on the next invoice."""
    failed_payment: Share = 0.05
    """Of invoices: the first attempt fails; the outcomes below are of these."""
    recovers: Share = 0.6
    voided_after_failure: Share = 0.15
    """The rest is marked uncollectible."""
    paid_after_write_off: Share = 0.2
    """Of uncollectible invoices."""
    credit_note: Share = 0.03
    """Of invoices: some are credited while open, some after payment."""
    refund: Share = 0.025
    """Of paid invoices: part or all given back."""
    dispute: Share = 0.012
    """Of paid invoices."""
    cancel: Share = 0.015
    """Of periods: the customer cancels, at once or at the end of the period."""
    renews: Share = 0.85
    """Of terms that end."""
    amends_address: Share = 0.1
    noise: Share = 0.25
    """Of contracts and invoices: events of types without any meaning for the books."""
    all_payment_events: bool = True
    """Also payment intents, periods of subscriptions, and the second word for a paid invoice."""
    full_crm: bool = True
    """Opportunity, order and items; False: only account and contract."""


def plain_habits() -> Habits:
    """Habits of the bulk company: subscriptions, invoices, payments, and little else."""
    quiet = dict.fromkeys(
        "self_serve metered trial by_transfer setup_fee upgrade amends_address noise foreign "
        "credit_note refund dispute old_2017".split(),
        0.0,
    )
    return Habits(
        **quiet, failed_payment=0.01, recovers=1.0, cancel=0.004, old_2020=0.1, annual=0.1,
        all_payment_events=False, full_crm=False,
    )  # fmt: skip


class FaultMix(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What goes wrong between the systems. Every fault is seeded and in the manifest.

    Rates of contracts give at least one contract each when they are above 0.
    """

    duplicates: Share = 0.02
    """Of events: delivered again, byte-different (`pending_webhooks`), same meaning."""
    disorder: Share = 0.05
    """Of events: delivered up to `disorder_days` later than they happened."""
    disorder_days: Annotated[int, msgspec.Meta(ge=1, le=31)] = 2
    late: Share = 0.01
    """Of events: delivered one to three days later."""
    malformed: Share = 0.01
    """Of contracts: unreadable or impossible lines, one of every kind at least."""
    id_conflicts: Share = 0.003
    """Of contracts: an event id used again with another content."""
    missing_contract: Share = 0.02
    """Of contracts: CRM never sent the contract that the invoices name."""
    lost_activation: Share = 0.02
    """Of contracts: paid, but every subscription event is lost."""
    lost_invoice: Share = 0.01
    """Of contracts: every event of one invoice is lost, its payment is not."""
    two_accounts: Share = 0.01
    """Of contracts: the customer is linked to a second CRM account."""
    unknown_customer: Share = 0.01
    """Of contracts: an invoice for a customer nobody has ever sent."""
    renewal_at_risk: Share = 0.03
    """Of contracts: the term ends soon and the last invoice is not paid."""


def no_faults() -> FaultMix:
    """A delivery in which nothing goes wrong."""
    return FaultMix(
        duplicates=0, disorder=0, late=0, malformed=0, id_conflicts=0, missing_contract=0,
        lost_activation=0, lost_invoice=0, two_accounts=0, unknown_customer=0, renewal_at_risk=0,
    )  # fmt: skip


class CompanyPlan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that decides the generated bytes."""

    seed: Annotated[int, msgspec.Meta(ge=0, le=2**31)]
    contracts: Annotated[int, msgspec.Meta(ge=1, le=999_999)]
    months: Annotated[int, msgspec.Meta(ge=1, le=120)]
    start: date = date(2026, 1, 1)
    """First day of the first month; must be the first of a month."""
    faults: FaultMix = FaultMix()
    habits: Habits = Habits()
    depth_rounds: Annotated[int, msgspec.Meta(ge=1, le=99)] | msgspec.UnsetType = msgspec.UNSET
    """How often the stories of `generator/depth` are told besides; unset: never."""
