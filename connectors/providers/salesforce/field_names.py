"""Which Salesforce fields mean something here, under which canonical name and of which kind.

To take up another standard field, add a row. An organisation's own fields (`…__c`) are mapped to
the names known here by configuration (`SalesforceNames.field_aliases`).
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from connectors.decoding import SalesforceNames


class Kind(StrEnum):
    """How a field's value becomes canonical text."""

    TEXT = "text"
    RECORD_ID = "record_id"
    """18 characters."""
    TIME = "time"
    """Epoch microseconds, UTC."""
    NUMBER = "number"
    """Exact decimal."""
    MONTHS = "months"
    """Whole number from 1 to 1200."""
    FLAG = "flag"
    """`true` or `false`."""
    CURRENCY = "currency"
    """ISO 4217 code."""


class Field(msgspec.Struct, frozen=True):
    """A field of a record: its dotted name in the payload, canonical key, kind."""

    path: str
    key: str
    kind: Kind = Kind.TEXT


_ENTITY = Field("LegalEntity", "entity")
_CURRENCY = Field("CurrencyIsoCode", "currency", Kind.CURRENCY)
_ACCOUNT = Field("AccountId", "account_id", Kind.RECORD_ID)
_OPPORTUNITY = Field("Opportunity", "opportunity_id", Kind.RECORD_ID)
_CONTRACT = Field("ContractId", "contract_id", Kind.RECORD_ID)

FIELDS: dict[str, tuple[Field, ...]] = {
    "Account": (
        Field("Name", "name"),
        Field("PersonEmail", "email"),
        Field("Email", "email"),
        Field("BillingAddress.Street", "street"),
        Field("BillingAddress.City", "city"),
        Field("BillingAddress.PostalCode", "postal_code"),
        Field("BillingAddress.State", "state"),
        Field("BillingAddress.StateCode", "state"),
        Field("BillingAddress.Country", "country"),
        Field("BillingAddress.CountryCode", "country"),
        Field("TaxId", "tax_id"),
        _ENTITY,
        _CURRENCY,
    ),
    "Opportunity": (
        _ACCOUNT,
        _CONTRACT,
        Field("Name", "name"),
        Field("StageName", "stage"),
        Field("IsWon", "is_won", Kind.FLAG),
        Field("IsClosed", "is_closed", Kind.FLAG),
        Field("Amount", "amount", Kind.NUMBER),
        Field("Type", "type"),
        _ENTITY,
        _CURRENCY,
    ),
    "Contract": (
        _ACCOUNT,
        _OPPORTUNITY,
        Field("ContractNumber", "contract_number"),
        Field("Name", "name"),
        Field("Status", "status"),
        Field("StartDate", "start_date", Kind.TIME),
        Field("EndDate", "end_date", Kind.TIME),
        Field("ContractTerm", "term_months", Kind.MONTHS),
        _ENTITY,
        _CURRENCY,
    ),
    "Order": (
        _ACCOUNT,
        _CONTRACT,
        Field("OpportunityId", "opportunity_id", Kind.RECORD_ID),
        Field("Status", "status"),
        Field("Type", "type"),
        Field("EffectiveDate", "effective_date", Kind.TIME),
        Field("EndDate", "end_date", Kind.TIME),
        _ENTITY,
        _CURRENCY,
    ),
    "OrderItem": (
        Field("OrderId", "order_id", Kind.RECORD_ID),
        Field("Product2Id", "product", Kind.RECORD_ID),
        Field("ProductCode", "product"),
        Field("Quantity", "quantity", Kind.NUMBER),
        Field("UnitPrice", "unit_price", Kind.NUMBER),
        Field("ServiceDate", "service_date", Kind.TIME),
        Field("EndDate", "end_date", Kind.TIME),
        _CURRENCY,
    ),
}
"""Entities with a meaning. Where two fields give one key, the later (the code) is preferred."""

KNOWN_FIELDS = tuple(sorted({field.path for fields in FIELDS.values() for field in fields}))
"""Names that an organisation's own fields can be given."""

MONEY_ENTITIES = frozenset({"Opportunity", "Contract", "Order", "OrderItem"})
"""Entities that get the organisation's currency when they are created without one."""

_USUAL_ALIASES = {
    "Legal_Entity__c": "LegalEntity",
    "Tax_Id__c": "TaxId",
    "Opportunity__c": "Opportunity",
    "Email__c": "Email",
}
"""Names in wide use; an organisation's own alias for the same name replaces them."""

_FLAT_ADDRESS = {
    f"Billing{part}": f"BillingAddress.{part}"
    for part in ("Street", "City", "PostalCode", "State", "StateCode", "Country", "CountryCode")
}
"""Address parts as some clients flatten them."""


class FieldNames(msgspec.Struct, frozen=True):
    """Finds the known name of a field as an organisation delivers it."""

    renamed: dict[str, str]
    replaced: frozenset[str]
    """Standard fields whose place an organisation gave to a field of its own."""

    def known(self, delivered: str) -> str | None:
        """The known name; None for a field that an own field replaces."""
        name = self.renamed.get(delivered)
        if name is not None:
            return name
        return None if delivered in self.replaced else delivered


def field_names(names: SalesforceNames) -> FieldNames:
    """Join what is usual with what an organisation configured; the latter wins."""
    own = names.field_aliases
    taken = frozenset(own.values())
    usual = {name: known for name, known in _USUAL_ALIASES.items() if known not in taken}
    flat = {name: known for name, known in _FLAT_ADDRESS.items() if known not in taken}
    return FieldNames({**flat, **usual, **own}, taken)
