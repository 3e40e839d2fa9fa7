"""Every term of the conservation equation is counted by the live job too."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import apache_beam as beam
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from ledger.messages import Payload
from pipelines.books import prepare_books
from pipelines.options import check_options
from pipelines.order_to_cash_live import order_to_cash_live
from pipelines.report import LiveReport, RunReport, live_report_of
from pipelines.settings import settings_of
from tests.pipelines.runs import AS_OF


def run_over(lines: list[bytes], store: Path, **files: Path) -> LiveReport:
    """The live job over a source with an end, on the engine that keeps all counters."""
    options = check_options(input=("-",), store=f"sqlite:///{store}", as_of=AS_OF, **files)
    settings = settings_of(options)
    prepare_books(settings)
    pipeline = beam.Pipeline(runner=FnApiRunner())
    payloads = pipeline | beam.Create([Payload(x, f"s@{n}") for n, x in enumerate(lines)])
    order_to_cash_live(payloads, settings, window_seconds=86_400, early_seconds=None)
    result = pipeline.run()
    result.wait_until_finish()
    return live_report_of(result)


def test_the_equation_adds_up_over_a_company_in_which_everything_goes_wrong(
    company: Path, lines: list[bytes], undisturbed: tuple[Path, RunReport], tmp_path: Path
) -> None:
    files = {"books": company / "company.yaml", "rates": company / "rates.csv"}
    report = run_over(lines, tmp_path / "live.db", **files)
    bounded = undisturbed[1]
    assert report.messages_read == bounded.messages_read == len(lines)
    for name in ("posted", "recorded", "pending", "dead_lettered", "duplicates", "new_entries"):
        assert getattr(report, name) > 0, name
    assert report.messages_read + report.taken_again == report.accounted
    again = run_over(lines, tmp_path / "live.db", **files)
    assert again.new_entries == again.reversals == 0
    assert again.duplicates + again.dead_lettered == again.messages_read + again.taken_again


def refund(charge: str) -> bytes:
    """A refund that names only its charge."""
    thing = {
        "id": f"re_{charge}", "object": "refund", "amount": 500, "currency": "usd",
        "created": 1_767_225_600, "charge": charge, "status": "succeeded", "metadata": {},
        "payment_intent": None, "balance_transaction": None, "reason": None,
    }  # fmt: skip
    return event(f"evt_{charge}_re", "refund.created", thing)


def charge(name: str) -> bytes:
    """A charge that teaches whose it is."""
    thing = {
        "id": name, "object": "charge", "amount": 500, "amount_captured": 500, "captured": True,
        "amount_refunded": 0, "currency": "usd", "created": 1_767_225_500, "customer": "cus_1",
        "invoice": None, "payment_intent": None, "status": "succeeded", "paid": True,
        "metadata": {}, "balance_transaction": None, "refunded": False,
    }  # fmt: skip
    return event(f"evt_{name}", "charge.succeeded", thing)


def event(event_id: str, kind: str, thing: dict[str, Any]) -> bytes:
    told = {
        "id": event_id, "object": "event", "api_version": "2025-09-30.clover",
        "created": 1_767_225_600, "type": kind, "data": {"object": thing}, "livemode": False,
    }  # fmt: skip
    return json.dumps(told).encode()


def test_an_event_that_finds_its_owner_later_is_counted_again_on_both_sides(
    tmp_path: Path,
) -> None:
    alone = run_over([refund("ch_1")], tmp_path / "alone.db")
    assert (alone.messages_read, alone.taken_again) == (1, 0)
    joined = run_over([refund("ch_1"), charge("ch_1")], tmp_path / "joined.db")
    assert (joined.messages_read, joined.taken_again) == (2, 1)
    assert joined.accounted == 2 + joined.taken_again
    assert f"2 read + {joined.taken_again} taken again = " in joined.equation


def test_a_message_that_is_nowhere_breaks_the_equation() -> None:
    fields = dict.fromkeys(RunReport.__struct_fields__, 0)
    report = LiveReport(**{**fields, "messages_read": 3, "taken_again": 1, "posted": 2})
    assert (report.conserved, report.on_their_way) == (False, 2)
    assert report.equation.startswith("3 read + 1 taken again ≠ 2 posted")
