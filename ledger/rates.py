"""Functional currency and exchange rates: stated by the event, else on file, never assumed.

A rate on file is that of the pair, the direction and the day: no inverse, no cross rate, no rate of
the day before. What a rate made is told in words with where the rate is from.
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from ledger.money import MAX_MINOR, convert, is_currency
from ledger.policies import BooksConfig
from ledger.recognition import iso_date


class Rated(NamedTuple):
    """An amount translated, and by which rate."""

    minor: int
    told: str
    """`EUR/USD 1.20 of 2026-01-15 on file (ECB)`; empty when no rate was needed."""


def functional_currency(config: BooksConfig, entity: str, currency: str) -> str:
    """Return the currency in which `entity` keeps its books of transactions in `currency`."""
    settings = config.entities.get(entity)
    if settings is None or settings.functional_currency is None:
        return currency
    return settings.functional_currency


def rate_key(currency: str, into: str, day: int) -> str:
    """Return the name of a rate on file: `EUR/USD/2026-01-15`."""
    return f"{currency}/{into}/{iso_date(day)}"


def rate_on_file(config: BooksConfig, currency: str, into: str, day: int) -> Decimal | None:
    """Return units of `into` per unit of `currency` on a day (days since the epoch), if known."""
    return config.rates.get(rate_key(currency, into, day))


def rated(
    config: BooksConfig,
    amount_minor: int,
    currency: str,
    into: str,
    day: int,
    stated: Decimal | None = None,
) -> Rated | None:
    """Translate an amount and say by which rate; None when no rate can be found.

    `stated` is the rate the event gives (units of `into` per unit of `currency`); without it the
    rate on file for `day` counts. The same currency needs no rate.
    """
    if currency == into:
        return Rated(amount_minor, "")
    minor = translate(config, amount_minor, currency, into, day, stated)
    if minor is None:
        return None
    return Rated(minor, told_rate(config, currency, into, day, stated))


def told_rate(
    config: BooksConfig, currency: str, into: str, day: int, stated: Decimal | None = None
) -> str:
    """Say which rate counts and where it is from; empty when none is needed or known."""
    if currency == into:
        return ""
    if stated is not None:
        return f"{currency}/{into} {stated:f} as the event states"
    key = rate_key(currency, into, day)
    rate = config.rates.get(key)
    if rate is None:
        return ""
    source = config.rate_sources.get(key)
    whose = f" ({source})" if source else ""
    return f"{currency}/{into} {rate:f} of {iso_date(day)} on file{whose}"


def translate(
    config: BooksConfig,
    amount_minor: int,
    currency: str,
    into: str,
    day: int,
    stated: Decimal | None = None,
) -> int | None:
    """Translate an amount as `rated` does, without words; None when no rate can be found.

    What is no rate (zero, negative, or beyond any amount the ledger holds) counts as none.
    """
    if currency == into:
        return amount_minor
    rate = stated if stated is not None else rate_on_file(config, currency, into, day)
    if rate is None or not (is_currency(currency) and is_currency(into)):
        return None
    if not rate.is_finite() or rate <= 0:
        return None
    minor = convert(amount_minor, currency, rate, into)
    return minor if abs(minor) <= MAX_MINOR else None
