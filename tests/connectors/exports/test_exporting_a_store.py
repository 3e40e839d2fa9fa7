"""Books committed, corrected after a close and exported: the balances stay the store's own."""

from __future__ import annotations

import csv
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterable
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from connectors.exports import EXPORTS, EXTENSIONS
from connectors.exports.chart import FUNCTIONAL, account_name
from connectors.files.writing import write_text
from connectors.store.books_calendar import PeriodState
from connectors.store.postings import PostedEntry
from connectors.store.store import LedgerStore, open_store
from ledger.accounts import AccountRole
from ledger.events import PayoutPaid
from ledger.journal import JournalEntry, assert_balanced
from ledger.messages import Message, Outcome
from ledger.money import major_to_minor
from ledger.results import FoldedParty, FoldResult
from tests.connectors.exports.plain_text_balances import (
    Balances,
    of_beancount,
    of_hledger,
    of_the_store,
)

BuildBooks = Callable[[int, int], list[PostedEntry]]

_JANUARY = 1_767_225_600_000_000


def _message(name: str) -> Message:
    event = PayoutPaid(
        event_id=f"stripe:{name}/payments.payout_paid",
        source_event_id=f"stripe:{name}",
        source="stripe",
        tenant="acme",
        occurred_at_micros=_JANUARY,
        payout_id="stripe:po_1",
        currency="EUR",
        amount_minor=1,
    )
    return Message(
        message_id=event.source_event_id,
        tenant="acme",
        source="stripe",
        provider_type="payout.paid",
        schema_version="payments.payout_paid@1",
        occurred_at_micros=_JANUARY,
        party_ref="stripe:cus_1",
        digest=name,
        body=b"{}",
        events=(event,),
    )


def _commit(store: LedgerStore, name: str, entries: Iterable[JournalEntry], revision: int) -> None:
    """Commit that these entries should stand, brought by the message `name`."""
    message = _message(name)
    own = tuple(
        assert_balanced(msgspec.structs.replace(entry, source_event_id="stripe:evt_1"))
        for entry in entries
    )
    party = FoldedParty(
        tenant="acme",
        party_id="stripe:cus_1",
        party_refs=("stripe:cus_1",),
        based_on={"stripe:cus_1": revision},
        new_messages=(message,),
        duplicates=(),
        dead_letters=(),
        outcomes={"stripe:evt_1": Outcome.POSTED, message.message_id: Outcome.POSTED},
        result=FoldResult(entries=own),
    )
    store.commit([party])


@pytest.fixture
def store(tmp_path: Path, books: BuildBooks) -> Iterable[LedgerStore]:
    """Books with entries that were booked, reversed into a later period, and booked anew."""
    entries = [posting.entry for posting in books(11, 300) if posting.revision == 1]
    entries = list({entry.entry_key: entry for entry in entries}.values())
    doubled = [
        msgspec.structs.replace(
            entry,
            lines=tuple(
                msgspec.structs.replace(
                    line,
                    amount_minor=2 * line.amount_minor,
                    functional_minor=2 * line.functional_minor,
                )
                for line in entry.lines
            ),
        )
        for entry in entries[::3]
    ]
    with open_store(f"sqlite:///{tmp_path}/books.db") as opened:
        _commit(opened, "evt_1", entries, 0)
        for entity in {entry.entity for entry in entries}:
            for month in range(1, 13):
                opened.set_period("acme", entity, f"2024-{month:02}", PeriodState.CLOSED)
        _commit(opened, "evt_2", [*doubled, *entries[1::3]], 1)
        yield opened


def _export(store: LedgerStore, directory: Path, name: str) -> Path:
    file_name = f"books.{EXTENSIONS[name]}"
    return Path(write_text(str(directory), file_name, EXPORTS[name](store.postings("acme"))))


def _trial_balance(store: LedgerStore) -> Balances:
    found = of_the_store(store, "acme")
    assert len(found) > 100
    return found


def test_the_corrections_are_all_in_the_export(store: LedgerStore) -> None:
    postings = list(store.postings("acme"))
    kinds = [posting.kind for posting in postings]
    assert kinds.count("reversal") == 200
    assert kinds.count("entry") == 400
    assert sum(posting.original_period is not None for posting in postings) > 50


def test_beancount_agrees_with_the_trial_balance(store: LedgerStore, tmp_path: Path) -> None:
    assert of_beancount(_export(store, tmp_path, "beancount")) == _trial_balance(store)


@pytest.mark.skipif(
    shutil.which("hledger") is None,
    reason="hledger is not installed here; Debian and Homebrew have it",
)
def test_hledger_agrees_with_the_trial_balance(store: LedgerStore, tmp_path: Path) -> None:
    assert of_hledger(_export(store, tmp_path, "hledger")) == _trial_balance(store)


def test_csv_agrees_with_the_trial_balance(store: LedgerStore, tmp_path: Path) -> None:
    found: Balances = defaultdict(int)
    with _export(store, tmp_path, "csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            account = account_name(row["entity"], AccountRole(row["account_role"]))
            net = Decimal(row["debit"] or "0") - Decimal(row["credit"] or "0")
            found[account, row["currency"]] += major_to_minor(net, row["currency"])
            currency = row["functional_currency"]
            if currency != row["currency"]:
                net = Decimal(row["functional_debit"] or "0")
                net -= Decimal(row["functional_credit"] or "0")
                found[f"{account}:{FUNCTIONAL}", currency] += major_to_minor(net, currency)
    assert {key: minor for key, minor in found.items() if minor} == _trial_balance(store)


@pytest.mark.parametrize("name", sorted(EXPORTS))
def test_exporting_twice_gives_the_same_bytes(
    store: LedgerStore, tmp_path: Path, name: str
) -> None:
    first = _export(store, tmp_path / "first", name).read_bytes()
    assert _export(store, tmp_path / "second", name).read_bytes() == first
