"""Taxes as Stripe states them, in the shapes before and since 2025-03-31."""

from __future__ import annotations

from collections.abc import Iterable

from connectors.providers.stripe.tax_shapes import TaxAmountNew, TaxAmountOld, TaxRate
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


_TAXED = frozenset({None, "standard_rated", "reduced_rated", "taxable_basis_reduced"})
"""Reasons of which a tax of nothing says nothing: it was rounded away."""


def stated_taxes(
    new: list[TaxAmountNew] | None, old: list[TaxAmountOld] | None, known: Jurisdictions
) -> tuple[TaxAmount, ...]:
    """The taxes of a line, invoice or credit note.

    A tax of nothing is kept with its reason and basis where it has one (reverse charge, exempt), so
    that it can be reported; otherwise it is left out.
    """
    told: list[tuple[TaxAmountNew | TaxAmountOld, str | TaxRate | None, bool]] = []
    if new:
        for tax in new:
            rate = tax.tax_rate_details.tax_rate if tax.tax_rate_details else None
            told.append((tax, rate, tax.tax_behavior == "inclusive"))
    else:
        told += [(tax, tax.tax_rate, tax.inclusive) for tax in old or ()]
    return tuple(
        [
            TaxAmount(
                amount_minor=tax.amount,
                jurisdiction=_jurisdiction(rate, known),
                inclusive=inclusive,
                treatment=None if tax.amount else tax.taxability_reason,
                taxable_minor=None if tax.amount else tax.taxable_amount,
            )
            for tax, rate, inclusive in told
            if tax.amount or tax.taxability_reason not in _TAXED
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
