"""Entries as a preview shows them, and changes per account role and month."""

from __future__ import annotations

from ledger.accounts import AccountRole
from ledger.journal import JournalEntry, JournalLine, posting_id
from pipelines.preview_report import Change, Conservation, changes_by, preview_entry


def _entry(date: str, *lines: tuple[str, int, int], currency: str = "EUR") -> JournalEntry:
    return JournalEntry(
        entry_key=f"stripe:in_1:{date}",
        tenant="acme",
        entity="US01",
        currency=currency,
        functional_currency="USD",
        accounting_date=date,
        rule="invoice_issued",
        policy="stripe-contra@1",
        source_event_id="stripe:evt_1",
        event_id="stripe:evt_1/billing.invoice_issued",
        customer_id="stripe:cus_1",
        contract_id="stripe:sub_1",
        lines=tuple(
            JournalLine(role=AccountRole(role), amount_minor=amount, functional_minor=functional)
            for role, amount, functional in lines
        ),
    )


INVOICED = _entry("2026-01-01", ("accounts_receivable", 3000, 3600), ("revenue", -3000, -3600))
PAID_AT_A_LOWER_RATE = _entry(
    "2026-02-01",
    ("cash_clearing", 3000, 3300),
    ("fx_gain_loss", 0, 300),
    ("accounts_receivable", -3000, -3600),
)


def _cells(changes: tuple[Change, ...]) -> list[tuple[str, str | None, str, str]]:
    return [(row.role.value, row.month, row.currency, row.change) for row in changes]


def test_changes_are_increases_on_the_normal_side_in_functional_currency() -> None:
    assert _cells(changes_by([INVOICED, PAID_AT_A_LOWER_RATE], ["role", "month"])) == [
        ("accounts_receivable", "2026-01", "USD", "36.00"),
        ("accounts_receivable", "2026-02", "USD", "-36.00"),
        ("cash_clearing", "2026-02", "USD", "33.00"),
        ("fx_gain_loss", "2026-02", "USD", "3.00"),
        ("revenue", "2026-01", "USD", "36.00"),
    ]


def test_transaction_changes_show_no_exchange_difference() -> None:
    rows = changes_by([INVOICED, PAID_AT_A_LOWER_RATE], ["role"], money="transaction")
    assert _cells(rows) == [
        ("cash_clearing", None, "EUR", "30.00"),
        ("revenue", None, "EUR", "30.00"),
    ]


def test_the_role_always_splits_because_debits_and_credits_cancel() -> None:
    rows = changes_by([INVOICED], ["customer", "rule"])
    assert [(row.role.value, row.customer, row.rule, row.change_minor) for row in rows] == [
        ("accounts_receivable", "stripe:cus_1", "invoice_issued", 3600),
        ("revenue", "stripe:cus_1", "invoice_issued", 3600),
    ]


def test_yen_have_no_decimals() -> None:
    entry = _entry(
        "2026-01-01", ("accounts_receivable", 500, 331), ("revenue", -500, -331), currency="JPY"
    )
    line = preview_entry(entry).lines[1]
    assert (line.side, line.amount, line.amount_minor, line.functional_amount) == (
        "credit",
        "500",
        500,
        "3.31",
    )


def test_a_line_without_transaction_amount_has_the_side_of_its_functional_one() -> None:
    line = preview_entry(PAID_AT_A_LOWER_RATE).lines[1]
    assert (line.side, line.amount, line.functional_amount) == ("debit", "0.00", "3.00")


def test_the_id_is_the_one_the_first_posting_would_get() -> None:
    shown = preview_entry(INVOICED)
    assert shown.posting_id == posting_id("acme", INVOICED.entry_key, 1)


def test_conservation_adds_up_only_when_every_message_ended_once() -> None:
    ended = {"posted": 1, "recorded": 1, "pending": 1, "dead_lettered": 1, "duplicates": 1}
    assert Conservation(messages_read=5, **ended).adds_up
    assert not Conservation(messages_read=6, **ended).adds_up
