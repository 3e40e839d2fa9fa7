"""Taxes as Stripe states them, in the shapes before and since 2025-03-31."""

from __future__ import annotations

from collections.abc import Iterable

from connectors.providers.stripe.shapes import TaxAmountNew, TaxAmountOld, TaxRate
from ledger.events import TaxAmount

Jurisdictions = dict[str, str]
"""Tax rate id -> jurisdiction, where the event carries the rate itself."""


def jurisdictions_of(*rates: Iterable[TaxRate] | None) -> Jurisdictions:
    """Collect the jurisdictions of every tax rate the event carries."""
    return {
        rate.id: rate.jurisdiction or rate.country or rate.id
        for group in rates
        if group
        for rate in group
    }


def stated_taxes(
    new: list[TaxAmountNew] | None, old: list[TaxAmountOld] | None, known: Jurisdictions
) -> tuple[TaxAmount, ...]:
    """The taxes of a line, invoice or credit note; those of nothing (exempt) are left out."""
    if new:
        return tuple(
            [
                TaxAmount(
                    amount_minor=tax.amount,
                    jurisdiction=_jurisdiction(
                        tax.tax_rate_details.tax_rate if tax.tax_rate_details else None, known
                    ),
                    inclusive=tax.tax_behavior == "inclusive",
                )
                for tax in new
                if tax.amount
            ]
        )
    return tuple(
        [
            TaxAmount(
                amount_minor=tax.amount,
                jurisdiction=_jurisdiction(tax.tax_rate, known),
                inclusive=tax.inclusive,
            )
            for tax in old or ()
            if tax.amount
        ]
    )


def _jurisdiction(rate: str | TaxRate | None, known: Jurisdictions) -> str | None:
    """The jurisdiction of a rate; its id where the event does not say more."""
    if rate is None:
        return None
    if type(rate) is str:
        return known.get(rate, rate)
    return rate.jurisdiction or rate.country or rate.id  # type: ignore[union-attr]


def sums(taxes: Iterable[TaxAmount]) -> tuple[int, int]:
    """(exclusive, inclusive) tax in minor units."""
    exclusive = inclusive = 0
    for tax in taxes:
        if tax.inclusive:
            inclusive += tax.amount_minor
        else:
            exclusive += tax.amount_minor
    return exclusive, inclusive
