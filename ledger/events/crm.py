"""What CRM says: accounts, contracts, opportunities, and deltas of records."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from ledger.events.envelope import Event


class CustomerAccountChanged(Event, frozen=True, kw_only=True, tag="crm.customer_account_changed"):
    """Attributes of a customer as one source sees them; only `attributes_set` were set."""

    attributes_set: tuple[str, ...] = ()
    """Names among name, email, country, city, state, postal_code, street, tax_id, currency."""
    name: str | None = None
    email: str | None = None
    country: str | None = None
    city: str | None = None
    state: str | None = None
    postal_code: str | None = None
    street: str | None = None
    tax_id: str | None = None
    currency: str | None = None
    deleted: bool = False


class ContractLine(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """What was sold: `quantity` of `product` at `unit_amount` (major units) in a service period."""

    line_id: str
    product: str
    quantity: Decimal
    unit_amount: Decimal
    service_start_micros: int | None = None
    service_end_micros: int | None = None


class ContractTerms(Event, frozen=True, kw_only=True):
    """What a CRM contract says: shared by signed, amended and renewed."""

    currency: str
    term_start_micros: int
    term_end_micros: int | None = None
    """Exclusive; None for evergreen."""
    lines: tuple[ContractLine, ...] = ()
    auto_renew: bool = False
    region: str | None = None


class ContractSigned(ContractTerms, frozen=True, kw_only=True, tag="crm.contract_signed"):
    """A contract was signed (CRM status activated)."""


class ContractAmended(ContractTerms, frozen=True, kw_only=True, tag="crm.contract_amended"):
    """Lines added to or changed in a running contract from `term_start_micros` on."""


class ContractRenewed(ContractTerms, frozen=True, kw_only=True, tag="crm.contract_renewed"):
    """A contract was renewed for the term given."""


class ContractCancelled(Event, frozen=True, kw_only=True, tag="crm.contract_cancelled"):
    """A contract ends at `effective_at_micros`."""

    effective_at_micros: int
    reason: str | None = None


class OpportunityWon(Event, frozen=True, kw_only=True, tag="crm.opportunity_won"):
    """A deal was closed and won; no accounting effect."""

    opportunity_id: str
    amount_minor: int | None = None
    currency: str | None = None


class RecordChanged(Event, frozen=True, kw_only=True, tag="crm.record_changed"):
    """A delta of one CRM record, to be applied in commit order with the others of that record.

    `values` holds only changed fields, as canonical strings (`Status`, `ContractId`, …; ids as
    the source gives them, times as epoch microseconds, numbers as decimal strings).
    """

    entity_name: str
    record_id: str
    change_type: str
    """CREATE, UPDATE, DELETE or UNDELETE; GAP_* and overflow events keep their name."""
    commit_number: int
    sequence_number: int
    values: dict[str, str | None]
