"""The script that a competent user would write by hand: orjson, dicts, all in memory.

It checks what the pipeline checks, joins customers, contracts, invoices and payments, books under
the rules of `stripe-contra` (`by_hand_books.py`), tells what other teams must do
(`by_hand_lifecycle.py`) and writes the same postings. It knows the event types of the bulk company
and refuses any other; credit notes, refunds, disputes and usage are left out on purpose.

    python -m benchmarks.by_hand_orjson INPUT_DIR OUTPUT_DIR AS_OF_SECONDS
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson

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
    positive,
    read_lines,
    text,
    whole,
)

Event = dict[str, Any]


def read_company(directory: Path) -> Company:
    """Read every file; what cannot be booked is kept with its reason."""
    company = Company()
    for line in read_lines(directory):
        try:
            take(company, line)
        except orjson.JSONDecodeError:
            company.refused.append(("not_json", line))
        except Refused as refused:
            company.refused.append((str(refused), line))
        except (KeyError, TypeError, AttributeError, IndexError):
            company.refused.append(("wrong_type", line))
    return company


def take(company: Company, line: bytes) -> None:
    """Take one line, once."""
    if len(line) > MAX_BYTES:
        raise Refused("too_large")
    take_event(company, orjson.loads(line))


def take_event(company: Company, event: Event) -> None:
    """Take one event, once."""
    payload = event.get("payload")
    if payload is not None:
        if company.is_new(f"salesforce:{event['id']}", digest_of(payload)):
            take_change(company, f"salesforce:{event['id']}", payload)
        return
    kind, created = event["type"], event["created"]
    assert_possible_time(created)
    if not is_known_version(event["api_version"]):
        raise Refused("unknown_api_version")
    taker = TAKERS.get(kind)
    if taker is None:
        raise Refused("unknown_event_type")
    item = event["data"]["object"]
    message_id = f"stripe:{event['id']}"
    if company.is_new(message_id, digest_of((kind, created, item))):
        taker(company, created, message_id, kind, item)


def digest_of(meaning: Any) -> bytes:
    """Tells a redelivery from another event under the same id."""
    return hashlib.blake2b(orjson.dumps(meaning), digest_size=16).digest()


def take_change(company: Company, message_id: str, payload: Event) -> None:
    """A change of an account or contract in CRM."""
    header = payload["ChangeEventHeader"]
    at = whole(header["commitTimestamp"]) // 1_000
    assert_possible_time(at)
    if header["changeType"] not in ("CREATE", "UPDATE"):
        raise Refused("unknown_event_type")
    record = f"salesforce:{text(header['recordIds'][0])}"
    if header["entityName"] == "Account":
        company.accounts.add(record)
    elif header["entityName"] == "Contract":
        change = Change(whole(header["commitNumber"]), at, message_id, payload)
        company.contracts.setdefault(record, []).append(change)
    else:
        raise Refused("unknown_event_type")


def take_customer(company: Company, at: int, message_id: str, kind: str, item: Event) -> None:
    """A new customer."""
    account = item["metadata"].get("crm_account_id")
    company.add_customer(f"stripe:{text(item['id'])}", account)


def take_subscription(company: Company, at: int, message_id: str, kind: str, item: Event) -> None:
    """A subscription as it stands."""
    state = State(
        at,
        message_id,
        kind.rpartition(".")[2],
        f"stripe:{text(item['customer'])}",
        item["metadata"].get("contract_id"),
        item["cancel_at_period_end"],
        item["ended_at"],
    )
    company.subscriptions.setdefault(f"stripe:{text(item['id'])}", []).append(state)


def take_invoice(company: Company, at: int, message_id: str, kind: str, item: Event) -> None:
    """An invoice as it stands: the first event opens it, the others add what they know."""
    invoice_id = f"stripe:{text(item['id'])}"
    total, lines, taxes = checked_invoice(item)
    known = company.invoices.get(invoice_id)
    if known is None:
        parent = item.get("parent")
        details = parent["subscription_details"] if parent else item["lines"]["data"][0]
        known = company.invoices[invoice_id] = Invoice(
            at,
            message_id,
            invoice_id,
            f"stripe:{text(item['customer'])}",
            details["metadata"].get("contract_id"),
            details["metadata"].get("legal_entity"),
            currency_code(item["currency"]),
            total,
            whole(item["status_transitions"]["finalized_at"]),
            lines,
            taxes,
        )
    else:
        known.told_again(at, message_id, total)
    if kind == "invoice.paid":
        paid = whole(item["amount_paid"])
        known.paid = PaidTold(at, message_id, paid)
    elif kind == "invoice.payment_failed":
        company.failures.setdefault(invoice_id, []).append((at, str(item["attempt_count"])))


def take_charge(company: Company, at: int, message_id: str, kind: str, item: Event) -> None:
    """A collected payment; the fee where the balance transaction is expanded."""
    currency_code(item["currency"])
    settled = item["balance_transaction"]
    invoice = item.get("invoice")
    company.charges[text(item["payment_intent"])] = Charge(
        at,
        message_id,
        f"stripe:{text(item['id'])}",
        positive(item["amount"]),
        whole(settled["fee"]) if type(settled) is dict else 0,
        f"stripe:{invoice}" if invoice else None,
    )


def take_link(company: Company, at: int, message_id: str, kind: str, item: Event) -> None:
    """Which invoice a payment intent paid."""
    currency_code(item["currency"])
    invoice_id = f"stripe:{text(item['invoice'])}"
    link = Link(at, message_id, invoice_id, positive(item["amount_paid"]))
    company.links[text(item["payment"]["payment_intent"])] = link


def take_failed_intent(company: Company, at: int, message_id: str, kind: str, item: Event) -> None:
    """The invoice tells the same failure; here it is only checked."""
    positive(item["amount"])
    currency_code(item["currency"])


def take_payout(company: Company, at: int, message_id: str, kind: str, item: Event) -> None:
    """Money sent to the bank."""
    company.payouts.append(
        Payout(
            at,
            message_id,
            f"stripe:{text(item['id'])}",
            positive(item["amount"]),
            currency_code(item["currency"]),
            item["metadata"].get("legal_entity"),
        )
    )


TAKERS: dict[str, Callable[[Company, int, str, str, Event], None]] = {
    "customer.created": take_customer,
    "customer.subscription.created": take_subscription,
    "customer.subscription.updated": take_subscription,
    "customer.subscription.deleted": take_subscription,
    "invoice.finalized": take_invoice,
    "invoice.paid": take_invoice,
    "invoice.payment_failed": take_invoice,
    "charge.succeeded": take_charge,
    "invoice_payment.paid": take_link,
    "payment_intent.payment_failed": take_failed_intent,
    "payout.paid": take_payout,
}


def checked_invoice(item: Event) -> tuple[int, list[InvoiceLine], dict[str | None, int]]:
    """(total, lines, tax per jurisdiction); refuses what does not add up."""
    total = whole(item["total"])
    places = {rate["id"]: rate["jurisdiction"] for rate in item["default_tax_rates"]}
    lines: list[InvoiceLine] = []
    taxes: dict[str | None, int] = {}
    stated = 0
    for line in item["lines"]["data"]:
        net = whole(line["amount"])
        for discount in line["discount_amounts"]:
            net -= whole(discount["amount"])
        stated += net
        for amount, inclusive, rate in line_taxes(line):
            place = places.get(rate, rate)
            taxes[place] = taxes.get(place, 0) + whole(amount)
            if inclusive:
                net -= amount
            else:
                stated += amount
        start, end = whole(line["period"]["start"]), whole(line["period"]["end"])
        if end < start:
            raise Refused("invalid_value")
        lines.append(InvoiceLine(text(line["id"]), net, start, end, product_of(line)))
    if stated != total:
        raise Refused("lines_do_not_add_up")
    return total, lines, taxes


def line_taxes(line: Event) -> Iterator[tuple[int, bool, str]]:
    """(amount, inclusive, rate id) of both shapes."""
    if "taxes" in line:
        for tax in line["taxes"]:
            rate = tax["tax_rate_details"]["tax_rate"]
            yield tax["amount"], tax["tax_behavior"] == "inclusive", rate
    else:
        for tax in line["tax_amounts"]:
            yield tax["amount"], tax["inclusive"], tax["tax_rate"]


def product_of(line: Event) -> str:
    """Product id of both shapes."""
    pricing = line.get("pricing")
    product: str = pricing["price_details"]["product"] if pricing else line["plan"]["product"]
    return product


def main(arguments: list[str]) -> None:
    """Read, book, write."""
    source, target, as_of = Path(arguments[0]), Path(arguments[1]), int(arguments[2])
    write_company(read_company(source), as_of, target)


if __name__ == "__main__":
    main(sys.argv[1:])
