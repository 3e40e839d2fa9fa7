"""A live Stripe-compatible server, its signed webhooks, the real main, the same balances.

The server is asked afterwards what it invoiced, collected and gave back; the books, which saw
nothing but webhooks, must say the same. What the server changes without publishing an event
(card declines of a first payment, voids, refunds) is told in its place, with the object as the
server itself gives it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import stripe

from connectors.store import open_store
from tests.pipelines.stripe_server import (
    Webhooks,
    everything,
    running_server,
    wait_until_delivered,
)

ROOT = Path(__file__).parents[2]
GOOD_CARD = "4242424242424242"
DECLINED_CARD = "4000000000000341"
GOOD_IBAN = "DE89370400440532013000"
DECLINED_IBAN = "DE62370400440532013001"
API_VERSION = "2017-08-15"

Books = dict[str, dict[str, int]]
"""Currency -> account role -> net debit in minor units."""


class Company(NamedTuple):
    """What a company's server knows in the end, and the lines of events that told of it."""

    invoices: list[dict[str, Any]]
    charges: list[dict[str, Any]]
    lines: list[bytes]
    refused: list[str]


# --- a company at work --------------------------------------------------------------------


def with_card(name: str, number: str) -> str:
    """A customer who pays by card; returns its id."""
    customer = stripe.Customer.create(email=f"{name}@example.com", name=name)
    card = {"number": number, "exp_month": 12, "exp_year": 2035, "cvc": "123"}
    return _paying_with(customer.id, stripe.PaymentMethod.create(type="card", card=card).id)


def with_bank_account(name: str, iban: str) -> str:
    """A customer who pays by SEPA debit, which succeeds or fails later."""
    email = f"{name}@example.com"
    customer = stripe.Customer.create(email=email, name=name)
    details = {"name": name, "email": email}
    debit = stripe.PaymentMethod.create(
        type="sepa_debit", sepa_debit={"iban": iban}, billing_details=details
    )
    return _paying_with(customer.id, debit.id)


def _paying_with(customer: str, method: str) -> str:
    stripe.PaymentMethod.attach(method, customer=customer)
    stripe.Customer.modify(customer, invoice_settings={"default_payment_method": method})
    return customer


def subscribe(customer: str, plan: str, quantity: int = 1, **fields: Any) -> Any:
    """A subscription of one plan."""
    item = {"plan": plan, "quantity": quantity, **fields.pop("item", {})}
    return stripe.Subscription.create(customer=customer, items=[item], **fields)


def work(webhooks: Webhooks) -> None:
    """Customers subscribe, pay, fail to pay, buy more, get money back."""
    product = stripe.Product.create(name="Seat", type="service").id
    plan = {"product": product, "interval": "month"}
    monthly = stripe.Plan.create(amount=1999, currency="usd", **plan).id
    in_euros = stripe.Plan.create(amount=2500, currency="eur", **plan).id
    yearly = stripe.Plan.create(product=product, interval="year", amount=19_999, currency="usd").id
    vat = stripe.TaxRate.create(
        display_name="VAT", percentage=20, inclusive=False, jurisdiction="FR"
    ).id

    pays = with_card("pays", GOOD_CARD)
    subscription = subscribe(pays, monthly, 3, default_tax_rates=[vat])
    stripe.InvoiceItem.create(customer=pays, amount=777, currency="usd", description="Overage")
    more = stripe.Invoice.create(customer=pays, subscription=subscription.id)
    stripe.Invoice.pay(more.id)

    in_other_currency = with_card("pays-euros", GOOD_CARD)
    subscribe(in_other_currency, in_euros, 2, item={"tax_rates": [vat]})
    by_year = with_card("pays-by-year", GOOD_CARD)
    subscribe(by_year, yearly)
    trial = with_card("tries", GOOD_CARD)
    subscribe(trial, monthly, trial_period_days=14)
    subscribe(with_bank_account("debit", GOOD_IBAN), in_euros, item={"tax_rates": [vat]})
    subscribe(with_bank_account("debit-fails", DECLINED_IBAN), in_euros)

    declined = subscribe(with_card("declined", DECLINED_CARD), monthly)
    tell(webhooks, "invoice.payment_failed", stripe.Invoice.retrieve(declined.latest_invoice))
    voided = subscribe(with_card("voided", DECLINED_CARD), monthly, 2)
    stripe.Invoice.void_invoice(voided.latest_invoice)
    tell(webhooks, "invoice.voided", stripe.Invoice.retrieve(voided.latest_invoice))

    give_back(webhooks, by_year, 5000)
    buys_once(webhooks, pays)
    stripe.Subscription.cancel(subscription.id)
    stripe.Customer.delete(trial)


def give_back(webhooks: Webhooks, customer: str, amount: int) -> None:
    """A part of what a customer paid for a subscription is refunded."""
    (charge,) = stripe.Charge.list(customer=customer).data
    stripe.Refund.create(charge=charge.id, amount=amount)
    tell(webhooks, "charge.refunded", stripe.Charge.retrieve(charge.id))


def buys_once(webhooks: Webhooks, customer: str) -> None:
    """A payment without an invoice, given back in two steps."""
    card = stripe.PaymentMethod.list(customer=customer, type="card").data[0].id
    intent = stripe.PaymentIntent.create(
        amount=5000, currency="usd", customer=customer, payment_method=card, confirm=True
    )
    for amount in (1500, 500):
        refund = stripe.Refund.create(payment_intent=intent.id, amount=amount)
        tell(webhooks, "charge.refunded", stripe.Charge.retrieve(refund.charge))


def tell(webhooks: Webhooks, event_type: str, obj: Any) -> None:
    """Tell what the server changed without an event, with the object as it gives it."""
    told = {
        "id": f"evt_told_{len(webhooks.lines)}_{obj.id}",
        "object": "event",
        "api_version": API_VERSION,
        "created": int(datetime.now(UTC).timestamp()),
        "type": event_type,
        "data": {"object": obj.to_dict()},
    }
    webhooks.lines.append(json.dumps(told, default=str).encode())


@pytest.fixture(scope="module")
def company() -> Iterator[Company]:
    """Everything after the company went to work on a server of its own."""
    webhooks = Webhooks()
    key, base = stripe.api_key, stripe.api_base
    with webhooks.listening(), running_server(webhooks.url) as url:
        stripe.api_key, stripe.api_base = "sk_test_localstripe", url
        try:
            work(webhooks)
            wait_until_delivered(webhooks)
            yield Company(
                everything(stripe.Invoice),
                everything(stripe.Charge),
                list(webhooks.lines),
                webhooks.refused,
            )
        finally:
            stripe.api_key, stripe.api_base = key, base


# --- the books ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def store(company: Company, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A store after the real main ran over the webhooks; everything is recognised by then."""
    folder = tmp_path_factory.mktemp("localstripe")
    (folder / "webhooks.jsonl").write_bytes(b"".join(line + b"\n" for line in company.lines))
    url = f"sqlite:///{folder}/books.db"
    report = crossfoot_run(folder / "webhooks.jsonl", url)
    assert report["messages_read"] == len(company.lines)
    assert report["dead_lettered"] == report["pending"] == report["duplicates"] == 0
    again = crossfoot_run(folder / "webhooks.jsonl", url)
    assert again["duplicates"] == again["messages_read"]
    assert again["new_entries"] == again["reversals"] == 0
    return url


def crossfoot_run(events: Path, store: str) -> dict[str, Any]:
    """Run `crossfoot run order-to-cash` as a user does; returns its counts."""
    in_two_years = datetime.now(UTC).date() + timedelta(days=800)
    options = ["--input", events, "--store", store, "--as-of", in_two_years, "--json"]
    command = [sys.executable, "-m", "runners.crossfoot", "run", "order-to-cash"]
    done = subprocess.run(
        [*command, *map(str, options)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def books_of(store: str) -> Books:
    """Every balance that is not zero."""
    books: Books = defaultdict(dict)
    with open_store(store, create=False) as opened:
        for row in opened.trial_balance():
            if row.balance_minor:
                books[row.currency][row.role] = row.balance_minor
    return dict(books)


def earned(roles: dict[str, int]) -> int:
    """Revenue less what was taken back from it."""
    return -sum(roles.pop(role, 0) for role in ("revenue", "refunds", "voids"))


def test_every_webhook_is_signed_and_taken(company: Company) -> None:
    assert company.refused == []
    assert len(company.lines) > 40
    told = {json.loads(line)["type"] for line in company.lines}
    assert {
        "invoice.payment_succeeded",
        "invoice.payment_failed",
        "payment_intent.succeeded",
        "customer.subscription.created",
        "customer.subscription.deleted",
    } <= told


def test_the_server_went_through_every_state(company: Company) -> None:
    statuses = [invoice["status"] for invoice in company.invoices]
    assert {status: statuses.count(status) for status in set(statuses)} == {
        "paid": 5,
        "open": 2,
        "void": 1,
    }
    assert {invoice["currency"] for invoice in company.invoices} == {"usd", "eur"}
    assert any(invoice["tax"] for invoice in company.invoices)
    assert sum(charge["amount_refunded"] for charge in company.charges) == 7000


def test_every_balance_is_what_the_server_invoiced_and_collected(
    company: Company, store: str
) -> None:
    books = books_of(store)
    assert books.keys() == {"USD", "EUR"}
    for currency, roles in books.items():
        invoices = [
            invoice
            for invoice in company.invoices
            if invoice["currency"] == currency.lower() and invoice["status"] != "void"
        ]
        charges = [
            charge
            for charge in company.charges
            if charge["currency"] == currency.lower() and charge["status"] == "succeeded"
        ]
        invoiced = sum(invoice["total"] for invoice in invoices)
        taxed = sum(invoice["tax"] for invoice in invoices)
        collected = sum(charge["amount"] for charge in charges)
        given_back = sum(charge["amount_refunded"] for charge in charges)
        of_invoices = sum(invoice["amount_paid"] for invoice in invoices)
        sold_at_once = collected - of_invoices
        assert earned(roles) == invoiced - taxed + sold_at_once - given_back
        expected = {
            "accounts_receivable": invoiced - of_invoices,
            "cash_clearing": collected - given_back,
            "tax_payable": -taxed,
        }
        assert roles == {role: amount for role, amount in expected.items() if amount}


def test_every_invoice_stands_as_the_server_has_it(company: Company, store: str) -> None:
    """Invoiced, still owed and taxed, invoice by invoice, from the journal alone."""
    owed: dict[str, int] = defaultdict(int)
    taxed: dict[str, int] = defaultdict(int)
    with open_store(store, create=False) as opened:
        for posted in opened.postings():
            invoice = posted.entry.invoice_id
            if invoice is None:
                continue
            owed[invoice] += 0  # paid in the same message, an invoice is never owed
            for line in posted.entry.lines:
                if line.role == "accounts_receivable":
                    owed[invoice] += line.amount_minor
                elif line.role == "tax_payable":
                    taxed[invoice] -= line.amount_minor
    due = {
        f"stripe:{invoice['id']}": invoice["total"] if invoice["status"] == "open" else 0
        for invoice in company.invoices
    }
    tax = {
        f"stripe:{invoice['id']}": invoice["tax"]
        for invoice in company.invoices
        if invoice["status"] != "void"
    }
    assert dict(owed) == due
    assert {invoice: taxed[invoice] for invoice in tax} == tax


def test_nothing_that_was_invoiced_is_missing_from_the_books(store: str) -> None:
    with open_store(store, create=False) as opened:
        assert opened.unposted_invoices() == []
