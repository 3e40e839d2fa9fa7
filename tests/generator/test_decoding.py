"""The product's own readers accept everything generated, except what was made to be refused."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from connectors.decoding import DecodeContext
from connectors.files.rates import load_rates
from connectors.policy_packs import load_books_config
from connectors.providers.salesforce.decode import decode_salesforce
from connectors.providers.stripe import decode_stripe
from ledger.events import InvoiceIssued, PaymentSucceeded
from ledger.messages import DeadLetter, Message
from schemas.registry import load_registry


def decode_sole(line: bytes, name: str, context: DecodeContext) -> Message | DeadLetter:
    """A change of one record."""
    (result,) = decode_salesforce(line, name, context)
    return result


DECODERS = {"stripe": decode_stripe, "salesforce": decode_sole}


@pytest.fixture(scope="module")
def context() -> DecodeContext:
    """What the decoders need."""
    return DecodeContext(tenant="acme", registry=load_registry())


def decode_all(company: Any, context: DecodeContext) -> list[tuple[str, Message | DeadLetter]]:
    """(SHA-256 of the line, what it became) of every line."""
    return [
        (hashlib.sha256(line).hexdigest(), decode(line, name, context))
        for source, decode in DECODERS.items()
        for name, line in company.lines(source)
    ]


def test_a_company_without_faults_has_no_event_that_is_refused(
    busy_company: Any, context: DecodeContext
) -> None:
    decoded = [result for _, result in decode_all(busy_company, context)]
    refused = {(r.reason, r.detail) for r in decoded if isinstance(r, DeadLetter)}
    assert refused == set()
    assert len(decoded) == busy_company.manifest.events > 5_000


def test_malformed_lines_and_nothing_else_are_refused_for_the_reason_listed(
    faulty_company: Any, context: DecodeContext
) -> None:
    listed = {
        fault.body_sha256: fault.expected_reason
        for fault in faulty_company.manifest.faults
        if fault.body_sha256
    }
    refused = {
        digest: result.reason
        for digest, result in decode_all(faulty_company, context)
        if isinstance(result, DeadLetter)
    }
    assert refused == listed


def test_redeliveries_have_the_digest_of_the_first_delivery(
    faulty_company: Any, context: DecodeContext
) -> None:
    digests: dict[str, set[str]] = {}
    for _, result in decode_all(faulty_company, context):
        if isinstance(result, Message):
            digests.setdefault(result.message_id, set()).add(result.digest)
    faults = faulty_company.manifest.faults
    conflicts = {m for f in faults if f.kind == "id_conflicts" for m in f.message_ids}
    assert {message_id for message_id, seen in digests.items() if len(seen) > 1} == conflicts


def test_old_and_present_shapes_become_the_same_kind_of_facts(
    busy_company: Any, context: DecodeContext
) -> None:
    """Totals of the invoices and of the payments, by what their charges and links say."""
    messages = [r for _, r in decode_all(busy_company, context) if isinstance(r, Message)]
    events = [event for message in messages for event in message.events]
    invoiced = {e.invoice_id: e.total_minor for e in events if isinstance(e, InvoiceIssued)}
    stated = {
        f"stripe:{o['id']}": o["total"]
        for event in busy_company.events("stripe")
        for o in [event["data"]["object"]]
        if o["object"] == "invoice" and o.get("status", "draft") != "draft"
    }
    assert invoiced == stated
    linked = {e.invoice_id for e in events if isinstance(e, PaymentSucceeded) and e.invoice_id}
    assert len(linked) > 300 and linked <= set(invoiced)


def test_books_and_rates_are_read_as_they_were_written(busy_company: Any) -> None:
    directory: Path = busy_company.directory
    books = load_books_config(str(directory / "company.yaml"))
    currencies = {code: entity.functional_currency for code, entity in books.entities.items()}
    assert currencies == {"US01": "USD", "DE01": "EUR", "JP01": "JPY"}
    assert books.links == "strict"
    rates = load_rates(str(directory / "rates.csv"))
    assert len([key for key in rates if key.startswith("EUR/USD/")]) == 244, "243 days and one"
