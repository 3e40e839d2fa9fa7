"""The same script on msgspec structs: only the fields that matter are decoded, and typed.

python -m benchmarks.by_hand_msgspec INPUT_DIR OUTPUT_DIR AS_OF_SECONDS
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Raw, Struct

from benchmarks.by_hand_books import write_company
from benchmarks.by_hand_facts import (
    MAX_BYTES,
    Change,
    Charge,
    Company,
    Invoice,
    InvoiceLine,
    Link,
    PaidTold,
    Payout,
    Refused,
    State,
    assert_possible_time,
    currency_code,
    is_known_version,
    read_lines,
)

Text = Annotated[str, Meta(min_length=1)]
Whole = Annotated[int, Meta(ge=-(10**17), le=10**17)]
Positive = Annotated[int, Meta(ge=0, le=10**17)]


class Data(Struct, gc=False):
    """The object, unread."""

    object: Raw


class Envelope(Struct, gc=False):
    """A Stripe event or a Salesforce change event."""

    id: Text
    type: str = ""
    created: int = 0
    api_version: str = ""
    data: Data | None = None
    payload: Raw = Raw()


class Header(Struct, gc=False):
    """`ChangeEventHeader`."""

    entityName: str
    recordIds: Annotated[list[Text], Meta(min_length=1)]
    changeType: str
    commitTimestamp: int
    commitNumber: int


class Payload(Struct, gc=False):
    """Header of a change."""

    ChangeEventHeader: Header


class Metadata(Struct, gc=False):
    """The links between billing and CRM."""

    crm_account_id: str | None = None
    contract_id: str | None = None
    legal_entity: str | None = None


class Customer(Struct, gc=False):
    """A customer."""

    id: Text
    metadata: Metadata


class Subscription(Struct, gc=False):
    """A subscription."""

    id: Text
    customer: Text
    cancel_at_period_end: bool
    metadata: Metadata
    ended_at: int | None = None


class Amount(Struct, gc=False):
    """A discount."""

    amount: Whole


class TaxRateDetails(Struct, gc=False):
    """Which rate a tax is of."""

    tax_rate: str


class Tax(Struct, gc=False):
    """A tax of the present shape."""

    amount: Whole
    tax_behavior: str
    tax_rate_details: TaxRateDetails


class OldTax(Struct, gc=False):
    """A tax of the old shape."""

    amount: Whole
    inclusive: bool
    tax_rate: str


class Product(Struct, gc=False):
    """A plan or price that names its product."""

    product: str


class Pricing(Struct, gc=False):
    """Price of a line in the present shape."""

    price_details: Product


class Period(Struct, gc=False):
    """Service period."""

    start: Whole
    end: Whole


class Line(Struct, gc=False):
    """An invoice line of either shape."""

    id: Text
    amount: Whole
    discount_amounts: list[Amount]
    period: Period
    metadata: Metadata
    taxes: list[Tax] = []
    tax_amounts: list[OldTax] = []
    pricing: Pricing | None = None
    plan: Product | None = None


class Lines(Struct, gc=False):
    """The lines."""

    data: list[Line]


class TaxRate(Struct, gc=False):
    """Where a tax is owed."""

    id: str
    jurisdiction: str


class Transitions(Struct, gc=False):
    """When it was finalised."""

    finalized_at: Whole


class Details(Struct, gc=False):
    """The subscription's metadata."""

    metadata: Metadata


class Parent(Struct, gc=False):
    """What an invoice came from."""

    subscription_details: Details


class Bill(Struct, gc=False):
    """An invoice of either shape."""

    id: Text
    customer: Text
    currency: str
    total: Whole
    amount_paid: Whole
    attempt_count: int
    lines: Lines
    default_tax_rates: list[TaxRate]
    status_transitions: Transitions
    parent: Parent | None = None


class BalanceTransaction(Struct, gc=False):
    """What the processor kept."""

    fee: Whole


class Paid(Struct, gc=False):
    """A charge of either shape."""

    id: Text
    amount: Positive
    currency: str
    payment_intent: Text
    balance_transaction: str | BalanceTransaction
    invoice: str | None = None


class PaidWith(Struct, gc=False):
    """The intent of an invoice payment."""

    payment_intent: Text


class InvoicePayment(Struct, gc=False):
    """Which invoice an intent paid."""

    amount_paid: Positive
    currency: str
    invoice: Text
    payment: PaidWith


class Intent(Struct, gc=False):
    """A payment intent."""

    amount: Positive
    currency: str


class Sent(Struct, gc=False):
    """A payout."""

    id: Text
    amount: Positive
    currency: str
    metadata: Metadata


_ENVELOPE = msgspec.json.Decoder(Envelope)
_PAYLOAD = msgspec.json.Decoder(Payload)
_FIELDS = msgspec.json.Decoder(dict[str, Any])


def read_company(directory: Path) -> Company:
    """Read every file; what cannot be booked is kept with its reason."""
    company = Company()
    for line in read_lines(directory):
        try:
            take(company, line)
        except msgspec.ValidationError:
            company.refused.append(("wrong_type", line))
        except msgspec.DecodeError:
            company.refused.append(("not_json", line))
        except Refused as refused:
            company.refused.append((str(refused), line))
    return company


def take(company: Company, line: bytes) -> None:
    """Take one event, once."""
    if len(line) > MAX_BYTES:
        raise Refused("too_large")
    event = _ENVELOPE.decode(line)
    if event.data is None:
        _take_change(company, event)
        return
    assert_possible_time(event.created)
    if not is_known_version(event.api_version):
        raise Refused("unknown_api_version")
    found = TAKERS.get(event.type)
    if found is None:
        raise Refused("unknown_event_type")
    decoder, taker = found
    item = decoder.decode(event.data.object)
    message_id = f"stripe:{event.id}"
    if company.is_new(message_id, _digest(event.data.object)):
        taker(company, event.created, message_id, event.type, item)


def _digest(body: Raw) -> bytes:
    return hashlib.blake2b(memoryview(body), digest_size=16).digest()


def _take_change(company: Company, event: Envelope) -> None:
    message_id = f"salesforce:{event.id}"
    header = _PAYLOAD.decode(event.payload).ChangeEventHeader
    at = header.commitTimestamp // 1_000
    assert_possible_time(at)
    if header.changeType not in ("CREATE", "UPDATE"):
        raise Refused("unknown_event_type")
    if not company.is_new(message_id, _digest(event.payload)):
        return
    record = f"salesforce:{header.recordIds[0]}"
    if header.entityName == "Account":
        company.accounts.add(record)
    elif header.entityName == "Contract":
        change = Change(header.commitNumber, at, message_id, _FIELDS.decode(event.payload))
        company.contracts.setdefault(record, []).append(change)
    else:
        raise Refused("unknown_event_type")


def _customer(company: Company, at: int, message_id: str, kind: str, item: Customer) -> None:
    company.add_customer(f"stripe:{item.id}", item.metadata.crm_account_id)


def _subscription(
    company: Company, at: int, message_id: str, kind: str, item: Subscription
) -> None:
    state = State(
        at, message_id, kind.rpartition(".")[2], f"stripe:{item.customer}",
        item.metadata.contract_id, item.cancel_at_period_end, item.ended_at,
    )  # fmt: skip
    company.subscriptions.setdefault(f"stripe:{item.id}", []).append(state)


def _invoice(company: Company, at: int, message_id: str, kind: str, item: Bill) -> None:
    invoice_id = f"stripe:{item.id}"
    lines, taxes = _checked_lines(item)
    known = company.invoices.get(invoice_id)
    if known is None:
        parent = item.parent
        details = parent.subscription_details if parent else item.lines.data[0]
        known = company.invoices[invoice_id] = Invoice(
            at, message_id, invoice_id, f"stripe:{item.customer}", details.metadata.contract_id,
            details.metadata.legal_entity, currency_code(item.currency), item.total,
            item.status_transitions.finalized_at, lines, taxes,
        )  # fmt: skip
    else:
        known.told_again(at, message_id, item.total)
    if kind == "invoice.paid":
        known.paid = PaidTold(at, message_id, item.amount_paid)
    elif kind == "invoice.payment_failed":
        company.failures.setdefault(invoice_id, []).append((at, str(item.attempt_count)))


def _charge(company: Company, at: int, message_id: str, kind: str, item: Paid) -> None:
    currency_code(item.currency)
    settled = item.balance_transaction
    fee = settled.fee if type(settled) is BalanceTransaction else 0
    invoice = f"stripe:{item.invoice}" if item.invoice else None
    charge = Charge(at, message_id, f"stripe:{item.id}", item.amount, fee, invoice)
    company.charges[item.payment_intent] = charge


def _link(company: Company, at: int, message_id: str, kind: str, item: InvoicePayment) -> None:
    currency_code(item.currency)
    link = Link(at, message_id, f"stripe:{item.invoice}", item.amount_paid)
    company.links[item.payment.payment_intent] = link


def _failed_intent(company: Company, at: int, message_id: str, kind: str, item: Intent) -> None:
    currency_code(item.currency)


def _payout(company: Company, at: int, message_id: str, kind: str, item: Sent) -> None:
    code, entity = currency_code(item.currency), item.metadata.legal_entity
    payout = Payout(at, message_id, f"stripe:{item.id}", item.amount, code, entity)
    company.payouts.append(payout)


Taker = Callable[[Company, int, str, str, Any], None]


def _takes(shape: type[Struct], taker: Taker) -> tuple[msgspec.json.Decoder[Any], Taker]:
    return msgspec.json.Decoder(shape), taker


TAKERS: dict[str, tuple[msgspec.json.Decoder[Any], Taker]] = {
    "customer.created": _takes(Customer, _customer),
    "customer.subscription.created": _takes(Subscription, _subscription),
    "customer.subscription.updated": _takes(Subscription, _subscription),
    "customer.subscription.deleted": _takes(Subscription, _subscription),
    "invoice.finalized": _takes(Bill, _invoice),
    "invoice.paid": _takes(Bill, _invoice),
    "invoice.payment_failed": _takes(Bill, _invoice),
    "charge.succeeded": _takes(Paid, _charge),
    "invoice_payment.paid": _takes(InvoicePayment, _link),
    "payment_intent.payment_failed": _takes(Intent, _failed_intent),
    "payout.paid": _takes(Sent, _payout),
}


def _checked_lines(item: Bill) -> tuple[list[InvoiceLine], dict[str | None, int]]:
    places = {rate.id: rate.jurisdiction for rate in item.default_tax_rates}
    lines: list[InvoiceLine] = []
    taxes: dict[str | None, int] = {}
    stated = 0
    for line in item.lines.data:
        net = line.amount - sum([discount.amount for discount in line.discount_amounts])
        stated += net
        for amount, inclusive, rate in _taxes(line):
            place = places.get(rate, rate)
            taxes[place] = taxes.get(place, 0) + amount
            if inclusive:
                net -= amount
            else:
                stated += amount
        if line.period.end < line.period.start:
            raise Refused("invalid_value")
        priced = line.pricing.price_details if line.pricing else line.plan
        product = priced.product if priced else ""
        lines.append(InvoiceLine(line.id, net, line.period.start, line.period.end, product))
    if stated != item.total:
        raise Refused("lines_do_not_add_up")
    return lines, taxes


def _taxes(line: Line) -> Iterator[tuple[int, bool, str]]:
    for tax in line.taxes:
        yield tax.amount, tax.tax_behavior == "inclusive", tax.tax_rate_details.tax_rate
    for old in line.tax_amounts:
        yield old.amount, old.inclusive, old.tax_rate


def main(arguments: list[str]) -> None:
    """Read, book, write."""
    source, target, as_of = Path(arguments[0]), Path(arguments[1]), int(arguments[2])
    write_company(read_company(source), as_of, target)


if __name__ == "__main__":
    main(sys.argv[1:])
