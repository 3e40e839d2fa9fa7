"""The job as a Beam tutorial would have it: one element per event, dicts, CoGroupByKey.

The bookings are those of the hand-written scripts; what differs is how events come together:
payments and their links by payment intent, then with the invoices by invoice, then with contracts,
customers and subscriptions by customer account.

    python -m benchmarks.idiomatic_beam INPUT_DIR OUTPUT_DIR AS_OF_SECONDS
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import apache_beam as beam
import orjson
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from benchmarks.by_hand_books import book_company
from benchmarks.by_hand_facts import Company, Refused
from benchmarks.by_hand_orjson import take_event
from benchmarks.by_hand_rules import Books

Event = dict[str, Any]
_BY_INTENT = frozenset({"charge.succeeded", "invoice_payment.paid"})


def parse(line: str) -> Event:
    """One event."""
    event: Event = orjson.loads(line)
    return event


def is_payment(event: Event) -> bool:
    """Told by payment intent."""
    return event.get("type") in _BY_INTENT


def is_payout(event: Event) -> bool:
    """Belongs to no customer."""
    return event.get("type") == "payout.paid"


def intent_of(event: Event) -> tuple[str, Event]:
    """A payment under its intent."""
    item = event["data"]["object"]
    if event["type"] == "charge.succeeded":
        return item["payment_intent"], event
    return item["payment"]["payment_intent"], event


def payment_by_customer(
    grouped: tuple[str, dict[str, Iterable[Event]]],
) -> Iterator[tuple[str, Event]]:
    """The charge knows the customer, the invoice payment gets it from the charge."""
    told = list(grouped[1]["payments"])
    customer = next(
        (e["data"]["object"]["customer"] for e in told if "customer" in e["data"]["object"]), None
    )
    for event in told:
        yield customer or "nobody", event


def customer_of(event: Event) -> tuple[str, Event]:
    """A billing event under its customer."""
    item = event["data"]["object"]
    return (item["id"] if item["object"] == "customer" else item["customer"]), event


def record_of(event: Event) -> tuple[str, Event]:
    """A CRM change under its record: an update does not name the account."""
    return event["payload"]["ChangeEventHeader"]["recordIds"][0], event


def account_link(event: Event) -> tuple[str, str] | None:
    """(record, account) as a creation tells it."""
    payload = event["payload"]
    record = payload["ChangeEventHeader"]["recordIds"][0]
    if payload["ChangeEventHeader"]["changeType"] != "CREATE":
        return None
    return record, payload.get("AccountId", record)


def changes_by_account(
    grouped: tuple[str, dict[str, Iterable[Any]]],
) -> Iterator[tuple[str, Event]]:
    """Changes of a record under the account that its creation names."""
    account = next(iter(grouped[1]["account"]), grouped[0])
    for event in grouped[1]["changes"]:
        yield account, event


def link_customer(event: Event) -> tuple[str, str]:
    """(customer, account or the customer itself)."""
    item = event["data"]["object"]
    return item["id"], item["metadata"].get("crm_account_id") or item["id"]


def events_by_account(
    grouped: tuple[str, dict[str, Iterable[Any]]],
) -> Iterator[tuple[str, Event]]:
    """Events of a customer under its account."""
    account = next(iter(grouped[1]["account"]), grouped[0])
    for event in grouped[1]["events"]:
        yield account, event


class BookCustomer(beam.DoFn):
    """All events of an account -> its postings and updates as JSON text."""

    def __init__(self, as_of: int) -> None:
        self._as_of = as_of

    def process(self, grouped: tuple[str, dict[str, Iterable[Event]]]) -> Iterator[Any]:
        company = Company()
        for event in (*grouped[1]["crm"], *grouped[1]["billing"]):
            try:
                take_event(company, event)
            except (Refused, KeyError, TypeError) as refused:
                yield beam.pvalue.TaggedOutput("refused", repr(refused))
        postings: list[bytes] = []
        updates: list[bytes] = []
        book_company(company, Books(self._as_of, postings.append, updates.append))
        for line in postings:
            yield beam.pvalue.TaggedOutput("postings", line[:-1].decode())
        for line in updates:
            yield beam.pvalue.TaggedOutput("updates", line[:-1].decode())


def build(pipeline: beam.Pipeline, source: Path, target: Path, as_of: int) -> None:
    """The graph."""
    billing = pipeline | "Stripe" >> read(source, "stripe")
    crm = pipeline | "Salesforce" >> read(source, "salesforce")
    payments = (
        {"payments": billing | beam.Filter(is_payment) | beam.Map(intent_of)}
        | "PaymentsByIntent" >> beam.CoGroupByKey()
        | beam.FlatMap(payment_by_customer)
    )
    by_customer = (
        billing
        | "Owned" >> beam.Filter(lambda event: not is_payment(event) and not is_payout(event))
        | beam.Map(customer_of)
    )
    links = (
        billing
        | beam.Filter(lambda event: event.get("type") == "customer.created")
        | beam.Map(link_customer)
    )
    events = (
        {"account": links, "events": (payments, by_customer) | beam.Flatten()}
        | "EventsByCustomer" >> beam.CoGroupByKey()
        | beam.FlatMap(events_by_account)
    )
    records = crm | beam.Map(account_link) | beam.Filter(lambda link: link is not None)
    changes = (
        {"account": records, "changes": crm | beam.Map(record_of)}
        | "ChangesByRecord" >> beam.CoGroupByKey()
        | beam.FlatMap(changes_by_account)
    )
    payouts = (
        billing
        | beam.Filter(is_payout)
        | beam.Map(lambda event: (event["data"]["object"]["id"], event))
    )
    outputs = (
        {"crm": changes, "billing": (events, payouts) | "WithPayouts" >> beam.Flatten()}
        | "ByAccount" >> beam.CoGroupByKey()
        | beam.ParDo(BookCustomer(as_of)).with_outputs("postings", "updates", "refused")
    )
    write(outputs["postings"], target, "erp-postings")
    write(outputs["updates"], target, "lifecycle-updates")


def read(source: Path, name: str) -> beam.PTransform:
    """Lines of plain and gzip files as events."""
    return beam.io.ReadFromText(str(source / f"{name}-*")) | f"Parse {name}" >> beam.Map(parse)


def write(lines: beam.PCollection, target: Path, stem: str) -> None:
    """Text files, sharded as Beam likes."""
    _ = lines | f"Write {stem}" >> beam.io.WriteToText(str(target / stem), ".jsonl")


def main(arguments: list[str]) -> None:
    """Run it on FnApiRunner in this process."""
    source, target, as_of = Path(arguments[0]), Path(arguments[1]), int(arguments[2])
    target.mkdir(parents=True, exist_ok=True)
    options = PipelineOptions(["--direct_num_workers=1", "--direct_running_mode=in_memory"])
    with beam.Pipeline(runner=FnApiRunner(), options=options) as pipeline:
        build(pipeline, source, target, as_of)


if __name__ == "__main__":
    main(sys.argv[1:])
