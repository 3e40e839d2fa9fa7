"""Policy packs: the choices where accountants differ, as validated data, never as code.

The YAML files are in `ledger/packs/`; `connectors.policy_packs` reads them into these structs.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

import msgspec

DAY_MICROS = 86_400_000_000


class PolicyPack(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A named, versioned set of choices. Every journal entry names pack and version."""

    name: str
    version: int
    description: str
    dispute: Literal["contra", "receivable"]
    """contra: disputes + deferred against cash, recoverables when won.
    receivable: parked in disputes_receivable until decided, losses and fees in dispute_losses."""
    bad_debt: Literal["recognised_only", "gross"]
    """recognised_only: bad_debt for the recognised part, the rest off the deferral.
    gross: bad_debt for all of it, the deferral runs on."""
    refund_of_deferred: Literal["split", "contra_only"]
    """split: the unrecognised part comes off the deferral. contra_only: all of it is contra."""
    contra_revenue: Literal["separate", "against_revenue"]
    """Where credit notes and voids take back recognised revenue: in credit_notes and voids, or
    against revenue itself. Refunds and disputes always keep their own roles."""
    fee_timing: Literal["cash", "invoice"]
    """cash: fees when the payment settles. invoice: spread over the service like the revenue."""
    granularity: Literal["second", "day", "even_months"]
    """How a service period is spread over months."""
    revenue_start: Literal["service_period", "invoice_date"]
    """When recognition begins; a period before the invoice is caught up at its date."""
    payment_tolerance_minor: Annotated[int, msgspec.Meta(ge=0, le=10_000)]
    """Payments that differ from what is due by no more than this go to `rounding`."""
    tax_on_refund: Literal["proportional", "from_event"]
    """proportional: tax follows the refunded share. from_event: as the event states it, else
    proportional."""
    revaluation: Literal["none", "period_end"] = "none"
    """period_end: what is owed in a foreign currency is revalued at the end of every period, and
    back on the day after. none: differences are booked when they are realised."""
    breakage: Literal["at_expiry", "proportional"] = "at_expiry"
    """at_expiry: prepaid credit that is not used is revenue when it ends. proportional: the part
    that is expected never to be used is revenue in proportion to what is used."""
    expected_breakage_percent: Annotated[int, msgspec.Meta(ge=0, le=99)] = 0
    """Share of every paid grant that is expected never to be used (breakage `proportional`)."""
    variant: str = ""
    """What differs from the pack as filed (`granularity=day`), where a preview tries a variant;
    empty in every pack on file."""

    @property
    def label(self) -> str:
        """`name@version`, as written into every entry; a variant adds `+` and what differs."""
        return f"{self.name}@{self.version}{'+' if self.variant else ''}{self.variant}"


class PendingDays(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Days an event may wait for its partner before it is an exception, per reason."""

    unmatched_customer: int = 3
    unmatched_contract: int = 7
    unmatched_invoice: int = 3
    unmatched_payment: int = 7
    unmatched_refund: int = 3
    unmatched_dispute: int = 3
    unmatched_party: int = 3
    incomplete_record: int = 3
    missing_rate: int = 2
    unmatched_grant: int = 7
    unbilled_usage: int = 45
    """Counted from the end of the period of use."""
    missing_closing_rate: int = 2
    ambiguous_customer: int = 0
    ambiguous_contract: int = 0
    contract_drift: int = 7
    """Counted from when CRM and billing began to disagree about a contract."""


class CalendarConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The accounting periods of a legal entity (`ledger.periods` makes the calendar of it)."""

    pattern: Literal["months", "4-4-5", "4-5-4", "5-4-4"] = "months"
    """months: Gregorian. Others: weeks of the three periods of every quarter."""
    first_month: Annotated[int, msgspec.Meta(ge=1, le=12)] = 1
    """With which the fiscal year begins; one of weeks ends at the end of the month before it."""
    year_named_by: Literal["end", "start"] = "end"
    """A fiscal year that begins in another month than January is named by the calendar year in
    which its last month lies, or its first."""
    week_ends: Literal[
        "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"
    ] = "saturday"
    """Last day of every week, and so of every period and year (weeks only)."""
    year_end: Literal["last", "nearest"] = "last"
    """last: the last such day in the month; nearest: the one nearest to the month's end, which may
    lie in the next month (weeks only)."""
    extra_week_in: Annotated[int, msgspec.Meta(ge=1, le=12)] = 12
    """Period that gets the 53rd week of a year that has one (weeks only)."""


class DriftConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How what CRM sold is compared with what billing bills (`ledger.drift`)."""

    price_per: Literal["nearest", "billing", "month", "quarter", "year", "term"] = "nearest"
    """For what time the price of a CRM line is: billing's interval, a month, a quarter, a year, or
    the whole service of the line. nearest: whichever of these comes nearest to what is billed."""
    products: dict[str, str] = {}
    """Billing's name of a product -> CRM's, where they differ."""
    tolerance_days: Annotated[int, msgspec.Meta(ge=0, le=31)] = 2
    """A change may be so many days apart on the two sides: CRM keeps days and names the last one,
    billing keeps moments."""
    tolerance_minor: Annotated[int, msgspec.Meta(ge=0, le=10_000)] = 1
    """What the two sides may differ by, per billing interval, without a word: rounding."""


class EntityConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A legal entity; without a functional currency its books are kept in each transaction's."""

    functional_currency: str | None = None
    calendar: CalendarConfig | None = None
    """Its accounting periods; Gregorian months when it has none of its own."""


class CloseTerms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How strictly the close of a period judges."""

    tolerance_minor: dict[str, int] = {}
    """Largest difference of a reconciliation that is accepted, by its name, in minor units; zero
    for those that are not named."""


class BooksConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Company facts the fold needs, besides the policy."""

    default_entity: str = "MAIN"
    entities: dict[str, EntityConfig] = {}
    pending_days: PendingDays = PendingDays()
    renewal_notice_days: int = 60
    """A renewal is due when the term ends within so many days of the as-of time."""
    rates: dict[str, Decimal] = {}
    """Exchange rates on file: `EUR/USD/2026-01-15` -> USD per EUR on that date."""
    accounts: dict[str, str] = {}
    """Legal entity of each account at a provider: `stripe:acct_1` -> `DE01`. What comes from the
    account was billed and collected by that entity, unless the event states another."""
    rate_sources: dict[str, str] = {}
    """Who says so, by the same names; from the rates file's column `source`."""
    links: Literal["strict", "assumed"] = "strict"
    """assumed: customers and contracts that were not seen are taken as known (preview)."""
    regions: dict[str, str] = {}
    """Country or region as CRM and billing state it -> region of the GL mapping (`ledger.regions`);
    without any, entries have no region."""
    drift: DriftConfig = DriftConfig()
    close: CloseTerms = CloseTerms()
    identity: dict[str, str] = {}
    """Decided identities, customer -> CRM account; wins over what events state."""
