"""Who buys what: one deal per contract, drawn from the contract's own random numbers."""

from __future__ import annotations

from random import Random

import msgspec

from generator.billing import Item, Price, TaxRate
from generator.catalogue import (
    CITIES,
    ENTITIES,
    ENTITY_WEIGHTS,
    FIRST_WORDS,
    FOREIGN_CURRENCY,
    LEGAL_FORMS,
    SEAT_WEIGHTS,
    SEATS,
    SECOND_WORDS,
    STREETS,
    SUPPORT,
    USAGE,
    Entity,
    Product,
)
from generator.ids import Mint, salesforce_id
from generator.months import DAY, HOUR, add_months
from generator.plan import Habits

PRESENT = "2025-09-30.clover"
OLD_2020 = "2020-08-27"
OLD_2017 = "2017-08-15"
TERMS = (3, 6, 12, 12, 12, 24)


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """Where the customer is billed."""

    street: str
    city: str
    state: str
    postal_code: str
    country: str


class Sold(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the contract."""

    product: Product
    quantity: int
    unit_minor: int
    """Per seat and billing interval."""


class Deal(msgspec.Struct, frozen=True, kw_only=True):
    """One customer with one contract."""

    index: int
    entity: Entity
    currency: str
    settlement_currency: str
    api_version: str
    self_serve: bool
    interval_months: int
    term_months: int
    signed_at: int
    start: int
    """Start of the service, seconds."""
    name: str
    email: str
    address: Address
    customer_id: str
    account_id: str
    contract_id: str
    sold: tuple[Sold, ...]
    items: tuple[Item, ...]
    subscription_id: str
    tax: TaxRate | None
    coupon_percent: int
    trial: bool
    by_transfer: bool

    @property
    def present(self) -> bool:
        """Told in the present API's shapes."""
        return self.api_version == PRESENT

    @property
    def metadata(self) -> dict[str, str]:
        """What billing knows of CRM: on the subscription and all that copies it."""
        if self.self_serve:
            return {"legal_entity": self.entity.code}
        return {"contract_id": self.contract_id, "legal_entity": self.entity.code}

    @property
    def customer_metadata(self) -> dict[str, str]:
        """The identity link, on the customer."""
        if self.self_serve:
            return {"legal_entity": self.entity.code}
        return {"crm_account_id": self.account_id, "legal_entity": self.entity.code}


def draw_deal(rng: Random, habits: Habits, mint: Mint, index: int, opening: int, days: int) -> Deal:
    """Draw the deal of contract `index`; its service starts within `days` after `opening`."""
    entity = rng.choices(ENTITIES, ENTITY_WEIGHTS)[0]
    foreign = rng.random() < habits.foreign
    currency = FOREIGN_CURRENCY[entity.code] if foreign else entity.currency
    converted = foreign and rng.random() < habits.converted
    signed_at = opening + rng.randrange(days) * DAY + rng.randrange(9 * HOUR, 17 * HOUR)
    annual = rng.random() < habits.annual
    interval_months = 12 if annual else 1
    sold = _draw_sold(rng, currency, interval_months)
    name = _draw_name(rng, entity, index)
    api_version = _draw_version(rng, habits)
    return Deal(
        index=index,
        entity=entity,
        currency=currency,
        settlement_currency=entity.currency if converted else currency,
        api_version=api_version,
        self_serve=rng.random() < habits.self_serve,
        interval_months=interval_months,
        term_months=12 if annual else rng.choice(TERMS),
        signed_at=signed_at,
        start=(signed_at // DAY + 1) * DAY + rng.randrange(6 * HOUR),
        name=name,
        email=f"billing@customer-{index}.example",
        address=_draw_address(rng, entity.country),
        customer_id=mint.stripe("cus"),
        account_id=salesforce_id("001", index * 1_000),
        contract_id=salesforce_id("800", index * 1_000),
        sold=sold,
        items=_items(mint, sold, currency, interval_months, rng.random() < habits.metered),
        subscription_id=mint.stripe("sub"),
        tax=_tax_of(entity) if rng.random() < habits.taxed else None,
        coupon_percent=rng.choice((10, 15, 20)) if rng.random() < habits.discounted else 0,
        trial=not annual and rng.random() < habits.trial,
        by_transfer=rng.random() < habits.by_transfer and api_version != OLD_2017,
    )


def contract_end(deal: Deal, terms: int = 1) -> int:
    """Exclusive end of the `terms`-th term: midnight, as CRM keeps dates."""
    return add_months(deal.start // DAY * DAY, deal.term_months * terms)


def _draw_version(rng: Random, habits: Habits) -> str:
    draw = rng.random()
    if draw < habits.old_2017:
        return OLD_2017
    return OLD_2020 if draw < habits.old_2017 + habits.old_2020 else PRESENT


def _draw_sold(rng: Random, currency: str, interval_months: int) -> tuple[Sold, ...]:
    months_charged = 10 if interval_months == 12 else 1
    seats = rng.choices(SEATS, SEAT_WEIGHTS)[0]
    quantity = rng.choice((1, 2, 3, 5, 8, 12, 15, 25, 40, 60, 120))
    sold = [(seats, quantity)] + ([(SUPPORT, 1)] if rng.random() < 0.15 else [])
    return tuple(
        Sold(product=product, quantity=quantity, unit_minor=unit * months_charged)
        for product, quantity in sold
        for unit in (product.monthly_minor[currency],)
    )


def _items(
    mint: Mint, sold: tuple[Sold, ...], currency: str, interval_months: int, metered: bool
) -> tuple[Item, ...]:
    interval = "year" if interval_months == 12 else "month"
    items = [
        Item(
            item_id=mint.stripe("si"),
            price=_price(line.product, currency, interval, line.unit_minor),
            quantity=line.quantity,
        )
        for line in sold
    ]
    if metered and interval == "month":
        items.append(Item(item_id=mint.stripe("si"), price=_usage_price(currency), quantity=0))
    return tuple(items)


def _price(product: Product, currency: str, interval: str, unit_minor: int) -> Price:
    return Price(
        price_id=f"price_1T{product.product_id[6:]}{currency}{interval}",
        product_id=product.product_id,
        name=product.name,
        currency=currency,
        interval=interval,
        unit_amount_decimal=str(unit_minor),
    )


def _usage_price(currency: str) -> Price:
    thousandths = USAGE.unit_thousandths[currency]
    return Price(
        price_id=f"price_1TApiCalls{currency}",
        product_id=USAGE.product_id,
        name=USAGE.name,
        currency=currency,
        interval="month",
        unit_amount_decimal=f"0.{thousandths:03d}",
        metered=True,
    )


def _tax_of(entity: Entity) -> TaxRate:
    return TaxRate(
        rate_id=f"txr_1T{entity.code}",
        name=entity.tax_name,
        jurisdiction=entity.jurisdiction,
        country=entity.country,
        hundredths_percent=entity.tax_hundredths_percent,
        inclusive=entity.tax_inclusive,
    )


def _draw_name(rng: Random, entity: Entity, index: int) -> str:
    words = f"{rng.choice(FIRST_WORDS)} {rng.choice(SECOND_WORDS)}"
    return f"{words} {index} {rng.choice(LEGAL_FORMS[entity.country])}"


def _draw_address(rng: Random, country: str) -> Address:
    city, state, postal_code = rng.choice(CITIES[country])
    street = f"{rng.randrange(1, 200)} {rng.choice(STREETS)}"
    return Address(street=street, city=city, state=state, postal_code=postal_code, country=country)
