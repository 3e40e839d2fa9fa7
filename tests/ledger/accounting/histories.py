"""Makes up contract histories with every kind of event, sensible and not, for the properties.

Days and hours lie in 2024 and 2025. Amounts are minor units. Ids are small, so that events often
name each other, and often something that is not there.
"""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st
from story import micros, pack

from ledger import events as told
from ledger.policies import BooksConfig, CalendarConfig, EntityConfig, PolicyPack

HOUR = 3_600_000_000
START = micros("2024-01-01")
AFTER_EVERYTHING = micros("2032-01-01")

times = st.integers(0, 2 * 365 * 24).map(lambda hours: START + hours * HOUR)
amounts = st.integers(0, 20_000)
numbers = st.integers(1, 3)


def named(prefix: str) -> st.SearchStrategy[str]:
    return numbers.map(lambda number: f"{prefix}_{number}")


rates = st.none() | st.sampled_from([Decimal("1.1"), Decimal("0.8765"), Decimal("1.333333")])
entities = st.sampled_from([None, None, None, "US", "DE"])

CONFIGS = st.sampled_from(
    [
        BooksConfig(),
        BooksConfig(
            entities={
                "MAIN": EntityConfig(functional_currency="USD"),
                "DE": EntityConfig(functional_currency="EUR"),
            },
            rates={"EUR/USD/2024-06-01": Decimal("1.07")},
        ),
        BooksConfig(
            entities={
                "MAIN": EntityConfig(calendar=CalendarConfig(pattern="4-4-5")),
                "DE": EntityConfig(
                    calendar=CalendarConfig(pattern="4-5-4", first_month=2, year_end="nearest")
                ),
            },
        ),
    ]
)


def _rates_of_every_day() -> dict[str, Decimal]:
    """A rate of every pair for every day from 2022 to 2032, none twice the same in a row."""
    first = datetime.date(2022, 1, 1)
    found: dict[str, Decimal] = {}
    for number in range(3_700):
        day = (first + datetime.timedelta(days=number)).isoformat()
        for pair, base in (("EUR/USD", 110), ("USD/EUR", 91), ("GBP/USD", 125), ("USD/GBP", 80),
                           ("EUR/GBP", 88), ("GBP/EUR", 114)):  # fmt: skip
            found[f"{pair}/{day}"] = Decimal(base + number * 7 % 13 - 6) / 100
    return found


THREE_BOOKS = BooksConfig(
    entities={
        "MAIN": EntityConfig(functional_currency="USD"),
        "DE": EntityConfig(functional_currency="EUR"),
        "US": EntityConfig(functional_currency="GBP"),
    },
    rates=_rates_of_every_day(),
)
"""Three entities with three functional currencies, and every rate on file."""


@st.composite
def policies(draw: st.DrawFn) -> PolicyPack:
    """Either pack, with any of its choices changed."""
    return pack(
        draw(st.sampled_from(["stripe-contra", "receivable"])),
        granularity=draw(st.sampled_from(["second", "day", "even_months"])),
        refund_of_deferred=draw(st.sampled_from(["split", "contra_only"])),
        dispute=draw(st.sampled_from(["contra", "receivable"])),
        bad_debt=draw(st.sampled_from(["recognised_only", "gross"])),
        contra_revenue=draw(st.sampled_from(["separate", "against_revenue"])),
        fee_timing=draw(st.sampled_from(["cash", "invoice"])),
        revenue_start=draw(st.sampled_from(["service_period", "invoice_date"])),
        tax_on_refund=draw(st.sampled_from(["proportional", "from_event"])),
        payment_tolerance_minor=draw(st.sampled_from([0, 0, 5])),
        revaluation=draw(st.sampled_from(["none", "none", "period_end"])),
        breakage=draw(st.sampled_from(["at_expiry", "proportional"])),
        expected_breakage_percent=draw(st.sampled_from([0, 15, 99])),
    )


@st.composite
def periods(draw: st.DrawFn) -> dict[str, int]:
    """A service period of an hour to fourteen months, or none."""
    if draw(st.booleans()):
        return {}
    start = draw(times)
    length = draw(st.integers(1, 14 * 30 * 24)) * HOUR
    return {"service_start_micros": start, "service_end_micros": start + length}


@st.composite
def taxes(draw: st.DrawFn) -> tuple[told.TaxAmount, ...]:
    return tuple(
        told.TaxAmount(
            amount_minor=draw(st.integers(0, 500)),
            inclusive=draw(st.booleans()),
            jurisdiction=draw(st.sampled_from([None, "DE", "US-NY"])),
        )
        for _ in range(draw(st.sampled_from([0, 0, 1, 2])))
    )


@st.composite
def invoice_lines(draw: st.DrawFn) -> tuple[told.InvoiceLine, ...]:
    accruals = st.none() | named("ii") | named("si")
    return tuple(
        told.InvoiceLine(
            line_id=f"il_{number}",
            amount_minor=draw(st.integers(-3_000, 20_000)),
            taxes=draw(taxes()),
            accrual_id=draw(accruals),
            product=draw(st.sampled_from([None, "seat"])),
            **draw(periods()),
        )
        for number in range(draw(st.integers(1, 3)))
    )


def exclusive(found: tuple[told.TaxAmount, ...]) -> int:
    return sum(tax.amount_minor for tax in found if not tax.inclusive)


@st.composite
def invoices(draw: st.DrawFn, at: int) -> tuple[type[told.Event], dict[str, Any]]:
    lines = draw(invoice_lines())
    own = draw(taxes())
    total = exclusive(own)
    for line in lines:
        total += line.amount_minor + exclusive(line.taxes)
    return told.InvoiceIssued, {
        "invoice_id": draw(named("in")),
        "total_minor": total,
        "lines": lines,
        "taxes": own,
        "issued_at_micros": at,
        "balance_applied_minor": draw(st.sampled_from([0, 0, 0, 700, -300])),
        "exchange_rate": draw(rates),
        "entity": draw(entities),
        "billing_entity": draw(entities),
    }


@st.composite
def settlements(draw: st.DrawFn) -> dict[str, Any]:
    """How money settled, as far as it is stated."""
    return {
        "settlement_currency": draw(st.sampled_from([None, None, "USD", "GBP"])),
        "settlement_minor": draw(st.none() | amounts),
    }


@st.composite
def payments(draw: st.DrawFn, at: int) -> tuple[type[told.Event], dict[str, Any]]:
    evidence = draw(st.sampled_from(["payment", "payment", "invoice_total"]))
    invoice = draw(named("in")) if evidence == "invoice_total" else draw(st.none() | named("in"))
    refs = draw(st.lists(named("ch") | named("pi"), min_size=1, max_size=2))
    return told.PaymentSucceeded, {
        "payment_refs": () if evidence == "invoice_total" and draw(st.booleans()) else tuple(refs),
        "amount_minor": draw(amounts),
        "invoice_id": invoice,
        "linkage": "invoice" if invoice else draw(st.sampled_from(["standalone", "unknown"])),
        "evidence": evidence,
        "out_of_band": draw(st.booleans()),
        "fee_minor": draw(st.none() | st.integers(0, 400)),
        "exchange_rate": draw(rates),
        **draw(settlements()),
        "entity": draw(entities),
    }


@st.composite
def refunds(draw: st.DrawFn, at: int) -> tuple[type[told.Event], dict[str, Any]]:
    return told.RefundIssued, {
        "refund_id": draw(named("re")),
        "payment_refs": (draw(named("ch") | named("pi")),),
        "amount_minor": draw(amounts),
        "evidence": draw(st.sampled_from(["refund", "refund", "charge_total"])),
        "status": draw(st.sampled_from(["succeeded", "succeeded", "pending", "failed"])),
        "invoice_id": draw(st.none() | named("in")),
        "credit_note_id": draw(st.none() | named("cn")),
        "tax_minor": draw(st.none() | st.integers(0, 500)),
        "exchange_rate": draw(rates),
        **draw(settlements()),
        "entity": draw(entities),
    }


@st.composite
def notes(draw: st.DrawFn, at: int) -> tuple[type[told.Event], dict[str, Any]]:
    ways = draw(st.lists(st.sampled_from([0, 0, 100, 2_000]), min_size=4, max_size=4))
    lines = tuple(
        told.CreditNoteLine(
            line_id=f"cnl_{number}",
            amount_minor=draw(st.integers(-100, 2_500)),
            invoice_line_id=draw(st.sampled_from([None, "il_0", "il_1", "il_9"])),
            taxes=draw(taxes()),
        )
        for number in range(draw(st.integers(0, 2)))
    )
    return told.CreditNoteIssued, {
        "credit_note_id": draw(named("cn")),
        "invoice_id": draw(named("in")),
        "total_minor": sum(ways),
        "tax_minor": draw(st.none() | st.integers(0, 400)),
        "lines": lines,
        "to_receivable_minor": ways[0],
        "to_balance_minor": ways[1],
        "refunded_minor": ways[2],
        "out_of_band_minor": ways[3],
        "refund_ids": draw(st.sampled_from([(), ("re_1",)])),
    }


@st.composite
def disputes(draw: st.DrawFn, at: int) -> tuple[type[told.Event], dict[str, Any]]:
    kind = draw(st.sampled_from([told.DisputeOpened, told.DisputeWon, told.DisputeLost]))
    fields: dict[str, Any] = {
        "dispute_id": draw(named("dp")),
        "payment_refs": (draw(named("ch")),),
        "amount_minor": draw(amounts),
    }
    if kind is not told.DisputeLost:
        moved = "funds_withdrawn" if kind is told.DisputeOpened else "funds_reinstated"
        fields |= {
            moved: draw(st.sampled_from([True, True, False])),
            "fee_minor": draw(st.none() | st.integers(0, 1_500)),
            "exchange_rate": draw(rates),
            **draw(settlements()),
        }
    return kind, fields


@st.composite
def accruals(draw: st.DrawFn, at: int) -> tuple[type[told.Event], dict[str, Any]]:
    amount = draw(st.integers(-3_000, 9_000))
    return told.ItemAccrued, {
        "accrual_id": draw(named("ii")),
        "amount_minor": amount,
        **draw(periods()),
    }


METER_PERIODS: list[dict[str, int]] = [
    {},
    {"period_start_micros": START, "period_end_micros": START + 31 * 24 * HOUR},
    {"period_start_micros": START + 31 * 24 * HOUR, "period_end_micros": START + 60 * 24 * HOUR},
]


@st.composite
def usage(draw: st.DrawFn, at: int) -> tuple[type[told.Event], dict[str, Any]]:
    return told.UsageReported, {
        "usage_id": draw(named("use")),
        "accrual_id": draw(named("si")),
        "quantity": Decimal(draw(st.integers(0, 500))) / 10,
        "unit_amount": draw(st.sampled_from([Decimal("12.5"), Decimal(100), Decimal("0.03")])),
        "aggregation": draw(st.sampled_from(["sum", "max", "last_during_period", "last_ever"])),
        "used_at_micros": at - draw(st.integers(0, 900)) * HOUR,
        "amount_minor": draw(st.sampled_from([None, None, 0, 777, -40])),
        **draw(st.sampled_from(METER_PERIODS)),
    }


@st.composite
def grants(draw: st.DrawFn, at: int) -> tuple[type[told.Event], dict[str, Any]]:
    """Credit that always expires, sold by any invoice or payment, or by nothing at all."""
    return told.CreditGranted, {
        "grant_id": draw(named("cg")),
        "amount_minor": draw(st.sampled_from([1_000, 1_000, 20_000])),
        "category": draw(st.sampled_from(["paid", "paid", "paid", "promotional"])),
        "invoice_id": draw(st.none() | named("in")),
        "invoice_line_id": draw(st.sampled_from([None, None, "il_0", "il_1"])),
        "payment_ref": draw(st.sampled_from([None, None, "ch_1"])),
        "expires_at_micros": at + draw(st.integers(1, 20)) * 30 * 24 * HOUR,
    }


@st.composite
def credit(draw: st.DrawFn, at: int) -> tuple[type[told.Event], dict[str, Any]]:
    """What happens to credit: mostly that it is drawn."""
    ended = [told.CreditExpired, told.CreditVoided]
    kinds = [told.CreditDrawn] * 3 + [told.CreditReinstated, *ended]
    kind = draw(st.sampled_from(kinds))
    fields: dict[str, Any] = {"grant_id": draw(named("cg"))}
    if kind in ended:
        fields["amount_minor"] = draw(st.sampled_from([None, None, 100, 1_000]))
        fields["transaction_id"] = draw(st.none() | named("tx"))
    else:
        fields |= {
            "transaction_id": draw(st.integers(1, 9).map(lambda number: f"tx_{number}")),
            "amount_minor": draw(st.sampled_from([100, 333, 1_000])),
            "invoice_id": draw(st.none() | named("in")),
        }
    return kind, fields


@st.composite
def ends(draw: st.DrawFn, at: int) -> tuple[type[told.Event], dict[str, Any]]:
    """What ends or undoes something and has no currency."""
    kinds: list[tuple[type[told.Event], dict[str, Any]]] = [
        (told.InvoiceVoided, {"invoice_id": draw(named("in"))}),
        (told.InvoiceMarkedUncollectible, {"invoice_id": draw(named("in"))}),
        (
            told.CreditNoteVoided,
            {"credit_note_id": draw(named("cn")), "invoice_id": draw(named("in"))},
        ),
        (told.ItemDeleted, {"accrual_id": draw(named("ii"))}),
    ]
    return draw(st.sampled_from(kinds))


@st.composite
def payouts(draw: st.DrawFn, at: int) -> tuple[type[told.Event], dict[str, Any]]:
    kind = draw(st.sampled_from([told.PayoutPaid, told.PayoutFailed]))
    return kind, {"payout_id": draw(named("po")), "amount_minor": draw(amounts)}


@st.composite
def failures(draw: st.DrawFn, at: int) -> tuple[type[told.Event], dict[str, Any]]:
    return told.PaymentFailed, {"invoice_id": draw(named("in")), "amount_minor": draw(amounts)}


KINDS = (
    [invoices] * 5
    + [payments] * 4
    + [refunds, notes, disputes] * 2
    + [accruals, usage, usage, ends, payouts, failures, grants, credit, credit]
)
NO_CURRENCY = (
    told.InvoiceVoided,
    told.InvoiceMarkedUncollectible,
    told.CreditNoteVoided,
    told.ItemDeleted,
)


@st.composite
def events(draw: st.DrawFn, number: int) -> told.Event:
    """One event of any kind, mostly in euros."""
    at = draw(times)
    kind, fields = draw(draw(st.sampled_from(KINDS))(at))
    if kind not in NO_CURRENCY:
        fields["currency"] = draw(st.sampled_from(["EUR"] * 9 + ["USD"]))
    message = f"test:evt_{draw(st.integers(0, number))}_{number}"
    return _event(kind, message, at, fields)


def _event(kind: type[told.Event], message: str, at: int, fields: dict[str, Any]) -> told.Event:
    return kind(
        event_id=f"{message}/{kind.__struct_config__.tag}",
        source_event_id=message,
        source="test",
        tenant="acme",
        occurred_at_micros=at,
        **fields,
    )


@st.composite
def wallets(draw: st.DrawFn) -> list[told.Event]:
    """An invoice, its payment, three grants it may have sold, and a dozen things that happened."""
    found: list[told.Event] = []
    kinds = [invoices, payments] + [grants] * 3 + [credit] * 7 + [refunds, notes, ends]
    for number, make in enumerate(kinds):
        at = draw(times)
        kind, fields = draw(make(at))
        if kind not in NO_CURRENCY:
            fields["currency"] = "EUR"
        found.append(_event(kind, f"test:evt_{number}", at, fields))
    return found


@st.composite
def histories(draw: st.DrawFn) -> list[told.Event]:
    """Up to sixteen events of one contract."""
    return [draw(events(number)) for number in range(draw(st.integers(1, 16)))]
