"""Bad lines through the real job: each refused with its reason, kept with its bytes, counted, and
nothing else is touched.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors.store import open_store
from ledger.reasons import Reason
from tests.pipelines.bad_input_cases import BAD_LINES
from tests.pipelines.bad_input_events import (
    ISSUED,
    Json,
    as_line,
    epoch,
    event,
    healthy_customer,
    invoice,
    invoice_line,
    refund,
)
from tests.pipelines.bad_input_runs import AS_OF, HEALTHY, Ran, counts, run, run_healthy, write


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """The healthy customer alone."""
    return run_healthy(tmp_path_factory.mktemp("undisturbed"))


def test_the_healthy_customer_alone_is_posted(undisturbed: Ran) -> None:
    assert counts(undisturbed.report) == (3, 2, 1, 0, 0, 0)
    assert len(undisturbed.journal) == 4
    assert undisturbed.letters == []


@pytest.fixture(scope="module")
def each_in_a_file(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """Every bad line in a file of its own, beside the healthy customer's."""
    folder = tmp_path_factory.mktemp("bad-lines")
    write(folder / "healthy.jsonl", HEALTHY)
    for number, bad in enumerate(BAD_LINES):
        write(folder / f"{number:03}.jsonl", [bad.line])
    return run(folder, folder / "*.jsonl")


@pytest.mark.parametrize("number", range(len(BAD_LINES)), ids=[bad.name for bad in BAD_LINES])
def test_a_bad_line_is_a_dead_letter_of_its_reason(each_in_a_file: Ran, number: int) -> None:
    bad = BAD_LINES[number]
    told = [x for x in each_in_a_file.letters if x.position == f"{number:03}.jsonl@0"]
    assert [(x.reason, x.step) for x in told] == [(bad.reason.value, "DecodeEvents")]
    assert told[0].detail
    assert told[0].body == (bad.line if bad.reason is not Reason.TOO_LARGE else bad.line[:1024])


def test_bad_lines_are_counted_and_touch_nothing(each_in_a_file: Ran, undisturbed: Ran) -> None:
    bad = len(BAD_LINES)
    assert counts(each_in_a_file.report) == (3 + bad, 2, 1, 0, bad, 0)
    assert len(each_in_a_file.letters) == bad
    assert each_in_a_file.journal == undisturbed.journal


def test_bad_lines_between_good_ones_touch_nothing(undisturbed: Ran, tmp_path: Path) -> None:
    bad = [each.line for each in BAD_LINES]
    third = len(bad) // 3
    mixed = [*bad[:third], HEALTHY[0], *bad[third:-third], HEALTHY[1], *bad[-third:], HEALTHY[2]]
    ran = run(tmp_path, write(tmp_path / "mixed.jsonl", mixed))
    assert counts(ran.report) == (3 + len(bad), 2, 1, 0, len(bad), 0)
    assert sorted(x.reason for x in ran.letters) == sorted(x.reason.value for x in BAD_LINES)
    assert ran.journal == undisturbed.journal


def test_bad_lines_read_again_are_duplicates(tmp_path: Path, undisturbed: Ran) -> None:
    lines = write(tmp_path / "mixed.jsonl", [*HEALTHY, *(bad.line for bad in BAD_LINES)])
    first, again = run(tmp_path, lines), run(tmp_path, lines)
    assert again.report.duplicates == again.report.messages_read == first.report.messages_read
    assert again.letters == first.letters
    assert again.journal == undisturbed.journal


def test_the_money_at_risk_is_told_where_the_event_states_it(each_in_a_file: Ran) -> None:
    told = {
        BAD_LINES[int(letter.position[:3])].name: (letter.amount_minor, letter.currency)
        for letter in each_in_a_file.letters
    }
    assert told["a version of the future"] == (3100, "USD")
    assert told["lines that do not add up"] == (3101, "USD")
    assert told["canonical sum"] == (3101, "USD")
    assert told["issued in the year 9999"] == (3100, "USD")
    assert told["unknown currency"] == (3100, None)
    assert told["total of 40 digits"] == (None, "USD")
    assert told["a line of a log"] == (None, None)


def test_exceptions_and_conservation_of_the_store_agree_with_the_run(each_in_a_file: Ran) -> None:
    as_of_micros = int(AS_OF.timestamp()) * 1_000_000
    with open_store(each_in_a_file.url, create=False) as books:
        rows = list(books.exceptions(as_of_micros))
        ended = books.conservation(as_of_micros)
    assert sorted(row.reason for row in rows) == sorted(bad.reason.value for bad in BAD_LINES)
    assert ended.total == each_in_a_file.report.messages_read
    assert ended.dead_lettered == len(BAD_LINES)


def test_an_unknown_version_of_a_type_without_meaning_is_recorded(
    undisturbed: Ran, tmp_path: Path
) -> None:
    product = {"id": "prod_1", "object": "product", "name": "Pro"}
    told = event("evt_2", "product.updated", product, api_version="2031-01-01.zinnia")
    ran = run(tmp_path, write(tmp_path / "events.jsonl", [*HEALTHY, as_line(told)]))
    assert counts(ran.report) == (4, 2, 2, 0, 0, 0)
    assert ran.journal == undisturbed.journal


# --- the same id with another meaning -------------------------------------------------------


def _issued_again(total: int) -> bytes:
    """The healthy customer's invoice event with another total under the same event id."""
    fields = {"total": total, "subtotal": total, "amount_due": total, "amount_remaining": total}
    changed = invoice("in_1", invoice_line(total), **fields)
    return as_line(event("evt_1_issued", "invoice.finalized", changed))


def test_another_body_under_a_known_id_is_refused_and_the_first_stands(
    undisturbed: Ran, tmp_path: Path
) -> None:
    run_healthy(tmp_path)
    ran = run(tmp_path, write(tmp_path / "again.jsonl", [_issued_again(6200), HEALTHY[1]]))
    assert counts(ran.report) == (2, 0, 0, 0, 1, 1)
    assert [x.reason for x in ran.letters] == [Reason.EVENT_ID_CONFLICT.value]
    assert ran.letters[0].body == _issued_again(6200)
    assert (ran.report.new_entries, ran.report.reversals) == (0, 0)
    assert ran.journal == undisturbed.journal


def test_of_two_bodies_in_one_run_one_is_refused_whatever_their_order(tmp_path: Path) -> None:
    other = [as_line(told) for told in healthy_customer("2")]
    journals = []
    for name, lines in (
        ("one", [*HEALTHY, _issued_again(6200), *other]),
        ("other", [_issued_again(6200), *other, *reversed(HEALTHY)]),
    ):
        (tmp_path / name).mkdir()
        ran = run(tmp_path / name, write(tmp_path / name / "events.jsonl", lines))
        assert counts(ran.report) == (7, 4, 2, 0, 1, 0)
        assert [x.reason for x in ran.letters] == [Reason.EVENT_ID_CONFLICT.value]
        journals.append((ran.journal, ran.letters[0].body))
    assert journals[0] == journals[1]


def test_a_body_that_loses_in_one_run_touches_nothing(undisturbed: Ran, tmp_path: Path) -> None:
    """Of two bodies the one with the smaller digest counts as first; among these totals some
    lose against the healthy one, and those must leave no trace but their dead letter."""
    lost = 0
    for total in range(6200, 6206):
        folder = tmp_path / str(total)
        folder.mkdir()
        ran = run(folder, write(folder / "events.jsonl", [_issued_again(total), *HEALTHY]))
        assert [x.reason for x in ran.letters] == [Reason.EVENT_ID_CONFLICT.value]
        if ran.letters[0].body == _issued_again(total):
            lost += 1
            assert ran.journal == undisturbed.journal
            break
    assert lost


def test_another_total_of_an_issued_invoice_is_refused(undisturbed: Ran, tmp_path: Path) -> None:
    changed = invoice("in_1", invoice_line(6200), total=6200, subtotal=6200)
    late = event("evt_late", "invoice.updated", changed, created=epoch("2026-01-20"))
    ran = run(tmp_path, write(tmp_path / "events.jsonl", [as_line(late), *HEALTHY]))
    assert counts(ran.report) == (4, 2, 1, 0, 1, 0)
    assert [(x.reason, x.step) for x in ran.letters] == [
        (Reason.INVOICE_EVIDENCE_CONFLICT.value, "FoldContracts")
    ]
    assert ran.journal == undisturbed.journal


# --- what waits for a partner that never comes ----------------------------------------------


def _at_the_bank(number: int, what: str, **fields: object) -> Json:
    """A canonical event of the healthy customer's money."""
    return {
        "subject": f"payments.{what}",
        "event_id": f"bank:{number}/payments.{what}",
        "source": "bank",
        "occurred_at_micros": f"{ISSUED}T00:00:00Z",
        "customer_id": "stripe:cus_1",
        "currency": "USD",
        "amount_minor": 3100,
        **fields,
    }


def _of_strangers() -> list[tuple[str, Json, Reason]]:
    """(message id, event, why it waits): each names something that nobody ever sent."""
    dispute = {
        "id": "dp_1",
        "object": "dispute",
        "charge": "ch_unseen",
        "amount": 3100,
        "currency": "usd",
        "created": epoch(ISSUED),
        "status": "needs_response",
        "reason": "fraudulent",
        "balance_transactions": [],
        "metadata": {},
    }
    payment = _at_the_bank(
        1, "payment_succeeded", payment_refs=["bank:1"], linkage="invoice", invoice_id="stripe:in_?"
    )
    back = _at_the_bank(2, "refund_issued", payment_refs=["bank:?"], refund_id="bank:2")
    disputed = _at_the_bank(3, "dispute_opened", payment_refs=["bank:?"], dispute_id="bank:3")
    once = invoice_line(parent={"type": "invoice_item_details"})
    signed = {"contract_id": "8004H000000Xa1QAAS"}
    return [
        (
            "stripe:evt_9",
            event("evt_9", "invoice.finalized", invoice("in_9", customer="cus_unseen")),
            Reason.UNMATCHED_CUSTOMER,
        ),
        (
            "stripe:evt_10",
            event(
                "evt_10", "invoice.finalized", invoice("in_10", once, parent=None, metadata=signed)
            ),
            Reason.UNMATCHED_CONTRACT,
        ),
        ("stripe:evt_11", event("evt_11", "refund.created", refund(3100)), _NOBODY),
        ("stripe:evt_12", event("evt_12", "charge.dispute.created", dispute), _NOBODY),
        ("bank:2/payments.refund_issued", back, Reason.UNMATCHED_REFUND),
        ("bank:3/payments.dispute_opened", disputed, Reason.UNMATCHED_DISPUTE),
        ("bank:1/payments.payment_succeeded", payment, Reason.UNMATCHED_INVOICE),
    ]


_NOBODY = Reason.UNMATCHED_PARTY


def test_what_names_strangers_waits_and_becomes_an_exception(
    undisturbed: Ran, tmp_path: Path
) -> None:
    strangers = _of_strangers()
    lines = [*(as_line(told) for _, told, _ in strangers), *HEALTHY]
    events = write(tmp_path / "events.jsonl", lines)
    early = run(tmp_path, events, as_of=datetime(2026, 1, 16, tzinfo=UTC))
    assert counts(early.report) == (10, 2, 1, 7, 0, 0)
    assert _exceptions(early, datetime(2026, 1, 16, tzinfo=UTC)) == []
    late = run(tmp_path, events)
    assert late.report.duplicates == late.report.messages_read == 10
    assert late.letters == []
    expected = sorted((message_id, why.value, 3100) for message_id, _, why in strangers)
    assert _exceptions(late, AS_OF) == expected
    assert late.journal == undisturbed.journal


def _exceptions(ran: Ran, as_of: datetime) -> list[tuple[str | None, str, int | None]]:
    with open_store(ran.url, create=False) as books:
        rows = list(books.exceptions(int(as_of.timestamp()) * 1_000_000))
    assert {row.kind for row in rows} <= {"expired"}
    return sorted((row.message_id, row.reason, row.amount_minor) for row in rows)
