"""Stripe's units of money and time into ours.

Stripe counts most currencies in ISO 4217 minor units, with exceptions: ISK and UGX have no
minor unit but are sent with two decimals, always 00; MGA is sent in whole ariary although
ISO 4217 gives it two decimals. Source: https://docs.stripe.com/currencies (special cases,
zero-decimal currencies).
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any, TypeVar

import msgspec

from connectors.decoding import Rejected
from ledger.money import EXPONENT
from ledger.reasons import Reason

STRIPE_UNITS: dict[str, Fraction] = {
    "ISK": Fraction(1, 100),
    "UGX": Fraction(1, 100),
    "MGA": Fraction(100),
}
"""Minor units of ISO 4217 per unit that Stripe counts in, where they differ."""

_CODES = {code.lower(): code for code in EXPONENT}
_PRICE_DIGITS = 38
_SETTLED = frozenset({"settlement_minor", "fee_minor"})
"""Fields kept in the settlement currency."""

E = TypeVar("E", bound=msgspec.Struct)


def currency_code(stripe_code: str) -> str:
    """The ISO 4217 code; an unknown one stays unknown and is refused with its event."""
    return _CODES.get(stripe_code) or stripe_code.upper()


def micros(seconds: int | None) -> int | None:
    """Epoch seconds -> epoch microseconds."""
    return None if seconds is None else seconds * 1_000_000


def in_iso_units(event: E) -> E:
    """Return `event` with every amount in ISO minor units.

    Raises Rejected(amount_precision) when an amount is a fraction of the smallest unit.
    """
    currency = getattr(event, "currency", None)
    settled = getattr(event, "settlement_currency", None) or currency
    if currency not in STRIPE_UNITS and settled not in STRIPE_UNITS:
        return event
    return _rescaled(event, STRIPE_UNITS.get(currency or ""), STRIPE_UNITS.get(settled or ""))


def _rescaled(struct: E, unit: Fraction | None, settled_unit: Fraction | None) -> E:
    """`struct` and the structs within it, with fields named `…_minor` rescaled."""
    changed: dict[str, Any] = {}
    for name in struct.__struct_fields__:
        value = getattr(struct, name)
        if name.endswith("_minor") and value is not None:
            changed[name] = _scaled(value, settled_unit if name in _SETTLED else unit, name)
        elif name == "unit_amount" and value is not None and unit is not None:
            changed[name] = _scaled_price(value, unit)
        elif isinstance(value, tuple):
            changed[name] = tuple(
                _rescaled(part, unit, settled_unit) if isinstance(part, msgspec.Struct) else part
                for part in value
            )
    return msgspec.structs.replace(struct, **changed)


def _scaled_price(price: Decimal, unit: Fraction) -> Decimal:
    """What no price can be (NaN, 1e999999) stays as it is, and is refused with its event."""
    if not price.is_finite() or price.adjusted() > _PRICE_DIGITS:
        return price
    return price * unit.numerator / unit.denominator


def _scaled(amount: int, unit: Fraction | None, name: str) -> int:
    if unit is None:
        return amount
    exact = amount * unit
    if exact.denominator != 1:
        raise Rejected(Reason.AMOUNT_PRECISION, f"{name}: a fraction of the smallest unit")
    return exact.numerator
