"""What holds for every export: fixed order, one tenant, balance, names that survive."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Callable
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.exports import EXPORTS, EXTENSIONS
from connectors.store.postings import PostedEntry
from ledger.accounts import AccountRole
from ledger.journal import JournalEntry, JournalLine, UnbalancedEntry
from ledger.money import minor_to_major

BuildBooks = Callable[[int, int], list[PostedEntry]]

_ENTRY = JournalEntry(
    entry_key="stripe:in_1:invoice_issued",
    tenant="acme",
    entity="DE01",
    currency="USD",
    functional_currency="EUR",
    accounting_date="2026-01-15",
    rule="invoice_issued",
    policy="stripe-contra@1",
    source_event_id="stripe:evt_1",
    event_id="stripe:evt_1/billing.invoice_issued",
    customer_id="stripe:cus_1",
    contract_id="direct",
    invoice_id="stripe:in_1",
    memo='Pro, 40 "seats"',
    lines=(
        JournalLine(
            role=AccountRole.ACCOUNTS_RECEIVABLE, amount_minor=10_000, functional_minor=9_200
        ),
        JournalLine(
            role=AccountRole.DEFERRED_REVENUE,
            amount_minor=-10_000,
            functional_minor=-9_200,
            product="PRO",
        ),
    ),
)
_POSTING = PostedEntry(
    posting_id="pst_1",
    kind="entry",
    revision=1,
    reverses=None,
    cause="stripe:evt_1",
    period="2026-01",
    original_period=None,
    delivery="pending",
    delivery_reason=None,
    entry=_ENTRY,
)
_LATE = msgspec.structs.replace(_POSTING, period="2026-02", original_period="2026-01")

_BEANCOUNT = """\
option "title" "Crossfoot export"
option "operating_currency" "EUR"
option "operating_currency" "USD"

2026-02-01 open Assets:DE01:AccountsReceivable USD
2026-02-01 open Assets:DE01:AccountsReceivable:Functional EUR
2026-02-01 open Liabilities:DE01:DeferredRevenue USD
2026-02-01 open Liabilities:DE01:DeferredRevenue:Functional EUR

2026-02-01 * "stripe:cus_1" "Pro, 40 \\"seats\\""
  posting-id: "pst_1"
  entry-key: "stripe:in_1:invoice_issued"
  revision: "1"
  rule: "invoice_issued"
  policy: "stripe-contra@1"
  event: "stripe:evt_1/billing.invoice_issued"
  contract: "direct"
  invoice: "stripe:in_1"
  happened-on: "2026-01-15"
  Assets:DE01:AccountsReceivable  100.00 USD
  Liabilities:DE01:DeferredRevenue  -100.00 USD
    product: "PRO"
  Assets:DE01:AccountsReceivable:Functional  92.00 EUR
  Liabilities:DE01:DeferredRevenue:Functional  -92.00 EUR
    product: "PRO"
"""

_HLEDGER = """\
; Crossfoot export

commodity 1000.00 EUR
commodity 1000.00 USD

account Assets:DE01:AccountsReceivable
account Assets:DE01:AccountsReceivable:Functional
account Liabilities:DE01:DeferredRevenue
account Liabilities:DE01:DeferredRevenue:Functional

2026-02-01 * (pst_1) stripe:cus_1 | Pro, 40 "seats"
    ; posting-id:pst_1
    ; entry-key:stripe:in_1:invoice_issued
    ; revision:1
    ; rule:invoice_issued
    ; policy:stripe-contra@1
    ; event:stripe:evt_1/billing.invoice_issued
    ; contract:direct
    ; invoice:stripe:in_1
    ; happened-on:2026-01-15
    Assets:DE01:AccountsReceivable  100.00 USD
    Liabilities:DE01:DeferredRevenue  -100.00 USD  ; product:PRO
    Assets:DE01:AccountsReceivable:Functional  92.00 EUR
    Liabilities:DE01:DeferredRevenue:Functional  -92.00 EUR  ; product:PRO
"""


@pytest.mark.parametrize(("name", "text"), [("beancount", _BEANCOUNT), ("hledger", _HLEDGER)])
def test_what_came_after_the_close_is_dated_where_it_was_booked(name: str, text: str) -> None:
    assert "".join(EXPORTS[name]([_LATE])) == text


def test_a_name_never_breaks_a_line_of_a_plain_text_ledger() -> None:
    entry = msgspec.structs.replace(_ENTRY, memo="one\ntwo", customer_id="a\nb")
    for name in ("beancount", "hledger"):
        text = "".join(EXPORTS[name]([msgspec.structs.replace(_LATE, entry=entry)]))
        assert text.count("\n") == "".join(EXPORTS[name]([_LATE])).count("\n")


def test_csv_has_a_row_per_line_with_debit_and_credit_apart() -> None:
    text = "".join(EXPORTS["csv"]([_LATE]))
    header, debit, credit = csv.DictReader(io.StringIO(text, newline="")), *_rows(text)
    assert header.fieldnames is not None
    assert (debit["debit"], debit["credit"]) == ("100.00", "")
    assert (credit["debit"], credit["credit"]) == ("", "100.00")
    assert (credit["functional_credit"], credit["functional_currency"]) == ("92.00", "EUR")
    assert (debit["period"], debit["original_period"]) == ("2026-02", "2026-01")
    assert (debit["kind"], debit["reverses"], debit["line_no"]) == ("entry", "", "1")
    assert debit["memo"] == 'Pro, 40 "seats"'


def _rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


@given(memo=st.text(), product=st.text(min_size=1))
def test_any_text_survives_csv(memo: str, product: str) -> None:
    lines = tuple(msgspec.structs.replace(line, product=product) for line in _ENTRY.lines)
    entry = msgspec.structs.replace(_ENTRY, memo=memo, lines=lines)
    posting = msgspec.structs.replace(_POSTING, entry=entry)
    text = "".join(EXPORTS["csv"]([posting]))
    assert [(row["memo"], row["product"]) for row in _rows(text)] == [(memo, product)] * 2


def test_csv_lines_end_as_rfc_4180_says_and_quotes_are_doubled() -> None:
    entry = msgspec.structs.replace(_ENTRY, memo='a "b"\nc')
    text = "".join(EXPORTS["csv"]([msgspec.structs.replace(_POSTING, entry=entry)]))
    assert text.endswith("\r\n")
    assert ',"a ""b""\nc",' in text
    assert text.replace("\r\n", "").count("\n") == 2


def test_csv_amounts_are_the_ledger_s_to_the_last_digit(books: BuildBooks) -> None:
    postings = books(5, 200)
    rows = {
        (row["posting_id"], int(row["line_no"])): row
        for row in _rows("".join(EXPORTS["csv"](postings)))
    }
    assert len(rows) == sum(len(posting.entry.lines) for posting in postings)
    for posting in postings:
        for number, line in enumerate(posting.entry.lines, start=1):
            row = rows[posting.posting_id, number]
            shown = Decimal(row["debit"] or "0") - Decimal(row["credit"] or "0")
            assert shown == minor_to_major(line.amount_minor, posting.entry.currency)


@pytest.mark.parametrize("name", sorted(EXPORTS))
def test_the_same_books_give_the_same_bytes_in_any_order(name: str, books: BuildBooks) -> None:
    postings = books(9, 150)
    shuffled = random.Random(1).sample(postings, len(postings))
    assert shuffled != postings
    assert "".join(EXPORTS[name](shuffled)) == "".join(EXPORTS[name](postings))


@pytest.mark.parametrize("name", sorted(EXPORTS))
def test_an_export_is_of_one_tenant(name: str) -> None:
    other = msgspec.structs.replace(_ENTRY, tenant="globex")
    postings = [_POSTING, msgspec.structs.replace(_POSTING, posting_id="pst_2", entry=other)]
    with pytest.raises(ValueError, match="one tenant, not of acme, globex"):
        list(EXPORTS[name](postings))


@pytest.mark.parametrize("name", sorted(EXPORTS))
def test_an_unbalanced_posting_is_never_written(name: str) -> None:
    lines = (*_ENTRY.lines[:1], msgspec.structs.replace(_ENTRY.lines[1], amount_minor=-9_999))
    posting = msgspec.structs.replace(_POSTING, entry=msgspec.structs.replace(_ENTRY, lines=lines))
    with pytest.raises(UnbalancedEntry):
        list(EXPORTS[name]([posting]))


@pytest.mark.parametrize("name", sorted(EXPORTS))
def test_empty_books_are_an_empty_export(name: str) -> None:
    text = "".join(EXPORTS[name]([]))
    assert "pst_" not in text
    assert text.endswith("\n")


def test_every_export_has_a_file_extension() -> None:
    assert EXTENSIONS.keys() == EXPORTS.keys()
