"""Taxes as Stripe states them, in both shapes. The same rules as in shapes.py."""

from __future__ import annotations

from msgspec import Struct


class TaxRate(Struct, gc=False):
    """A tax rate; its jurisdiction is what tax is owed to."""

    id: str
    jurisdiction: str | None = None
    country: str | None = None


class TaxAmountOld(Struct, gc=False):
    """Element of `tax_amounts` and `total_tax_amounts` (until 2025-02)."""

    amount: int
    inclusive: bool = False
    tax_rate: str | TaxRate | None = None
    taxability_reason: str | None = None
    taxable_amount: int | None = None


class TaxRateDetails(Struct, gc=False):
    """Where the present shape keeps the rate of a tax."""

    tax_rate: str | TaxRate | None = None


class TaxAmountNew(Struct, gc=False):
    """Element of `taxes` and `total_taxes` (since 2025-03-31)."""

    amount: int
    tax_behavior: str = "exclusive"
    tax_rate_details: TaxRateDetails | None = None
    taxability_reason: str | None = None
    taxable_amount: int | None = None
