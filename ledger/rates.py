"""Functional currency and exchange rates: stated by the event, else on file, never assumed."""

from __future__ import annotations

from decimal import Decimal

from ledger.money import convert, is_currency
from ledger.policies import BooksConfig
from ledger.recognition import iso_date


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


def translate(
    config: BooksConfig,
    amount_minor: int,
    currency: str,
    into: str,
    day: int,
    stated: Decimal | None = None,
) -> int | None:
    """Translate an amount into the functional currency; None when no rate can be found.

    `stated` is the rate the event gives (units of `into` per unit of `currency`); without it the
    rate on file for `day` counts. The same currency needs no rate.
    """
    if currency == into:
        return amount_minor
    rate = stated if stated is not None else rate_on_file(config, currency, into, day)
    if rate is None or not (is_currency(currency) and is_currency(into)):
        return None
    return convert(amount_minor, currency, rate, into)


def functional_amount(
    config: BooksConfig,
    amount_minor: int,
    currency: str,
    into: str,
    day: int,
    *,
    settlement_currency: str | None,
    settlement_minor: int | None,
    exchange_rate: Decimal | None,
) -> int | None:
    """Translate money that moved. What was settled in the functional currency is taken as it is.

    A stated rate is that into the settlement currency, so it only counts when that is the
    functional currency (or is not stated). None: no rate can be found.
    """
    if currency == into:
        return amount_minor
    if settlement_currency == into and settlement_minor is not None:
        return abs(settlement_minor)
    stated = exchange_rate if settlement_currency in (None, into) else None
    return translate(config, amount_minor, currency, into, day, stated)
