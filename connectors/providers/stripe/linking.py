"""Who an object belongs to: ids with their prefix, expanded or not, and links in metadata."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple, Protocol

from connectors.decoding import MetadataKeys
from connectors.providers.salesforce.record_ids import long_id
from connectors.providers.stripe.shapes import Metadata

_RECORD_PREFIXES = ("001", "006", "800", "801")
"""Key prefixes of Account, Opportunity, Contract and Order, the same in every organisation."""


class Identified(Protocol):
    """Any expanded object."""

    id: str


class StatedLinks(NamedTuple):
    """What metadata says: our side of the contract, account and legal entity."""

    contract_id: str | None
    account_id: str | None
    entity: str | None


NO_LINKS = StatedLinks(None, None, None)


def own_id(ref: str | Identified | None) -> str | None:
    """Stripe's id of a reference, without prefix."""
    if ref is None or type(ref) is str:
        return ref
    return ref.id  # type: ignore[union-attr]


def source_id(ref: str | Identified | None) -> str | None:
    """`stripe:<id>` of a reference that may be an id, an expanded object or nothing."""
    if ref is None:
        return None
    return "stripe:" + (ref if type(ref) is str else ref.id)  # type: ignore[union-attr]


def ids_of(*refs: str | Identified | None) -> tuple[str, ...]:
    """`stripe:<id>` of every reference there is, each once, in order."""
    found: list[str] = []
    for ref in refs:
        if ref:
            each = "stripe:" + (ref if type(ref) is str else ref.id)  # type: ignore[union-attr]
            if each not in found:
                found.append(each)
    return tuple(found)


def stated_links(keys: MetadataKeys, *metadata: Metadata) -> StatedLinks:
    """The first link of each kind, looking at each metadata in turn."""
    stated: list[dict[str, str]] = []
    for each in metadata:
        if each and each not in stated:  # Stripe copies metadata from the subscription
            stated.append(each)
    if not stated:
        return NO_LINKS
    contract = _first(keys.contract_id, stated)
    account = _first(keys.account_id, stated)
    entity = _first(keys.entity, stated)
    if contract is None and account is None and entity is None:
        return NO_LINKS
    return StatedLinks(contract and crm_id(contract), account and crm_id(account), entity or None)


def first_stated(keys: tuple[str, ...], metadata: Metadata) -> str | None:
    """The value of the first of these keys that metadata has, if any."""
    return (_first(keys, [metadata]) or None) if metadata else None


def _first(keys: tuple[str, ...], stated: list[dict[str, str]]) -> str | None:
    for metadata in stated:
        for key in keys:
            value = metadata.get(key)
            if value:
                return value.strip() or None
    return None


@lru_cache(maxsize=65_536)
def crm_id(value: str) -> str:
    """The id that the CRM adapter gives the same record.

    A Salesforce record id becomes `salesforce:` and its 18 characters, also when metadata
    keeps the 15 of the user interface. Anything else is the company's own number, kept as is.
    """
    bare = value.removeprefix("salesforce:")
    record_id = long_id(bare) if bare.startswith(_RECORD_PREFIXES) else None
    return value if record_id is None else "salesforce:" + record_id
