"""Preview, bounded run and live run give the same books: also where one change event names the
records of several customers, and where a customer is stated to be two accounts."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.testing.test_stream import TestStream

from connectors.files.listing import find_files, split_ranges
from connectors.policy_packs import load_books_config, load_policy_pack
from connectors.store import open_store
from ledger.messages import Payload
from pipelines.books import prepare_books
from pipelines.options import check_options
from pipelines.order_to_cash_live import order_to_cash_live
from pipelines.preview import PreviewSettings, preview_files
from pipelines.settings import settings_of
from runners.fn_api import run_order_to_cash
from tests.pipelines.runs import net_of, write_lines

AS_OF = datetime(2026, 6, 1, tzinfo=UTC)
NEW_YEAR = 1_767_225_600
DAY = 86_400
ACCOUNTS = ("0014H00002LbR7QQAV", "0014H00002LbR7RQAV")
CONTRACTS = ("8004H000000Xa1QQAS", "8004H000000Xa1RQAS")


class Books(NamedTuple):
    """What is compared."""

    net: dict[tuple[str, ...], int]
    """(tenant, entity, currency, period, role) -> debits less credits."""
    waiting: frozenset[tuple[str, str]]
    """(event, reason)."""


def change(number: int, entity: str, kind: str, records: list[str], **fields: Any) -> bytes:
    """A change event of records that changed alike."""
    header = {
        "entityName": entity,
        "recordIds": records,
        "changeType": kind,
        "sequenceNumber": 1,
        "commitTimestamp": (NEW_YEAR + number) * 1000,
        "commitNumber": number,
        "changedFields": list(fields) if kind == "UPDATE" else [],
    }
    payload = {"ChangeEventHeader": header, **fields}
    return json.dumps({"id": f"ce-{number}", "payload": payload}).encode()


def invoice(number: int, customer: str, contract: str | None) -> bytes:
    """A paid-for month, told by billing in the company's own words."""
    at = f"2026-01-{number:02d}T00:00:00Z"
    event = {
        "subject": "billing.invoice_issued",
        "event_id": f"shop:{number}",
        "source": "shop",
        "occurred_at_micros": at,
        "customer_id": customer,
        "contract_id": contract,
        "invoice_id": f"shop:in_{number}",
        "currency": "EUR",
        "total_minor": 3100,
        "issued_at_micros": at,
        "lines": [{"line_id": "1", "amount_minor": 3100}],
    }
    return json.dumps(event).encode()


def customer(number: int, name: str, account: str) -> bytes:
    """A customer, and the account that one source says it is."""
    event = {
        "subject": "crm.customer_account_changed",
        "event_id": f"shop:{number}",
        "source": "shop",
        "occurred_at_micros": "2026-01-01T00:00:00Z",
        "customer_id": name,
        "account_id": f"salesforce:{account}",
    }
    return json.dumps(event).encode()


def story() -> list[bytes]:
    """Two contracts of two customers activated by one change event, and a third customer whom two
    sources take for two accounts; ids of 15 and of 18 characters."""
    first, second = ACCOUNTS
    return [
        change(1, "Account", "CREATE", [first], Name="One", CurrencyIsoCode="EUR"),
        change(2, "Account", "CREATE", [second[:15]], Name="Two", CurrencyIsoCode="EUR"),
        change(3, "Account", "UPDATE", [first, second[:15]], Legal_Entity__c="DE01"),
        *(
            change(4 + n, "Contract", "CREATE", [contract], AccountId=account,
                   Status="Draft", StartDate=NEW_YEAR * 1000, ContractTerm=12)
            for n, (contract, account) in enumerate(zip(CONTRACTS, ACCOUNTS, strict=True))
        ),
        change(6, "Contract", "UPDATE", list(CONTRACTS), Status="Activated"),
        customer(10, "shop:one", first[:15]),
        customer(11, "shop:two", second),
        invoice(12, "shop:one", f"salesforce:{CONTRACTS[0][:15]}"),
        invoice(13, "shop:two", f"salesforce:{CONTRACTS[1]}"),
        customer(14, "shop:both", first),
        customer(15, "shop:both", second),
        invoice(16, "shop:both", None),
    ]  # fmt: skip


def options(lines: Path, store: Path) -> Any:
    """Options of a run over the story."""
    return check_options(input=(str(lines),), store=f"sqlite:///{store}", as_of=AS_OF, shards=3)


def books_in(store: Path) -> Books:
    """What a store holds."""
    with open_store(f"sqlite:///{store}", create=False) as kept:
        rows = [json.loads(line) for line in kept.canonical_dump()]
    waiting = {(r["event_id"], r["reason"]) for r in rows if r["table"] == "pending"}
    net = {key: amount for key, (amount, _) in net_of(store).items()}
    return Books(net, frozenset(waiting))


def previewed(lines: Path) -> Books:
    """What a preview says."""
    settings = PreviewSettings(
        tenant="default",
        policy=load_policy_pack("stripe-contra"),
        books=load_books_config(None),
        as_of_micros=int(AS_OF.timestamp()) * 1_000_000,
    )
    report = preview_files(split_ranges(find_files([str(lines)])), settings)
    assert report.adds_up, report.conservation
    net: Counter[tuple[str, ...]] = Counter()
    for entry in report.entries:
        for line in entry.lines:
            key = ("default", entry.entity, entry.currency, entry.date[:7], line.role)
            sign = 1 if line.side == "debit" else -1
            net[key] += sign * line.amount_minor
    waiting = {(one.event_id, one.reason) for one in report.pending}
    return Books({key: net[key] for key in net if net[key]}, frozenset(waiting))


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    """The story as a file."""
    return Path(write_lines(tmp_path / "story.jsonl", story()))


def test_each_record_of_a_change_event_reaches_its_customer(lines: Path, tmp_path: Path) -> None:
    """The activation signs both contracts, so both invoices find theirs and are posted."""
    report = run_order_to_cash(options(lines, tmp_path / "books.db"))
    books = books_in(tmp_path / "books.db")
    receivable = books.net["default", "DE01", "EUR", "2026-01", "accounts_receivable"]
    assert receivable == 6200
    # Two lines name two records each: two messages more than lines, and each ends once.
    assert (report.messages_read, report.conserved) == (len(story()) + 2, True)
    assert report.dead_lettered == report.duplicates == 0


def test_a_customer_stated_to_be_two_accounts_is_held(lines: Path, tmp_path: Path) -> None:
    run_order_to_cash(options(lines, tmp_path / "books.db"))
    held = {one for one in books_in(tmp_path / "books.db").waiting if one[0].startswith("shop:1")}
    assert held == {(f"shop:{number}", "ambiguous_customer") for number in (14, 15, 16)}


def test_a_preview_says_what_a_run_posts(lines: Path, tmp_path: Path) -> None:
    run_order_to_cash(options(lines, tmp_path / "books.db"))
    assert previewed(lines) == books_in(tmp_path / "books.db")


def test_a_live_run_posts_what_a_bounded_run_posts(lines: Path, tmp_path: Path) -> None:
    run_order_to_cash(options(lines, tmp_path / "books.db"))
    settings = settings_of(options(lines, tmp_path / "live.db"))
    prepare_books(settings)
    pipeline = beam.Pipeline("DirectRunner", PipelineOptions(["--streaming"]))
    stream = TestStream()
    for number, line in enumerate(reversed(story())):
        stream.add_elements([Payload(line, f"stream@{number}")])
    payloads = pipeline | stream.advance_watermark_to_infinity()
    order_to_cash_live(payloads, settings, window_seconds=DAY, early_seconds=None)
    pipeline.run().wait_until_finish()
    assert books_in(tmp_path / "live.db") == books_in(tmp_path / "books.db")
