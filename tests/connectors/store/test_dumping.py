"""The canonical dump: the same bytes for the same books, other bytes for other books."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import pytest
from store_builders import (
    JANUARY,
    conflict,
    contract,
    entry,
    folded,
    invoice,
    letter,
    message,
    refused,
    update,
    waiting,
)

from connectors.store import LedgerStore, PeriodState, Run, open_store
from ledger.messages import Outcome
from ledger.results import FoldedParty

NAMES = ("a", "B", "é", "z", "_", "Ä")
"""In an order that databases with a locale would change."""


def books() -> list[FoldedParty]:
    """A party per name, with a row of every kind."""
    return [_party(name) for name in NAMES]


def _party(name: str) -> FoldedParty:
    customer, by = f"stripe:cus_{name}", f"evt_{name}"
    told = message(by, customer, links=((f"stripe:ch_{name}", customer),))
    bad = message(f"bad_{name}", customer)
    return folded(
        [told, bad],
        [entry(f"{name}:{key}", by=by, memo=f"“{name}” \n,;'\"") for key in NAMES],
        party_id=customer,
        outcomes={bad.message_id: Outcome.DEAD_LETTERED},
        dead=[refused(bad)],
        lifecycle=[update(f"lcu_{name}", by=by)],
        contracts=[contract(invoice(f"in_{name}"), customer_id=customer, paid=True)],
        pending=[waiting(by)],
        conflicts=[conflict(by)],
    )


def dump_of(url: str, commits: Sequence[Sequence[FoldedParty]]) -> bytes:
    with open_store(url) as store:
        store.set_period("acme", "MAIN", "2026-01", PeriodState.CLOSED)
        for commit in commits:
            store.commit(commit)
        store.commit_dead_letters([letter("a"), letter("B")])
        return b"".join(store.canonical_dump())


def test_both_databases_dump_the_same_bytes(
    tmp_path: Path, new_postgres_url: Callable[[str], str]
) -> None:
    on_sqlite = dump_of(f"sqlite:///{tmp_path}/books.db", [books()])
    assert on_sqlite == dump_of(new_postgres_url(""), [books()])
    tables = {msgspec.json.decode(line)["table"] for line in on_sqlite.splitlines()}
    assert tables == {
        "contracts", "dead_letters", "invoices", "lifecycle_updates", "links", "messages",
        "ownership_conflicts", "parties", "pending", "periods", "postings",
    }  # fmt: skip


def test_commits_split_and_ordered_otherwise_dump_the_same_bytes(
    store_url: str, tmp_path: Path
) -> None:
    at_once = dump_of(f"sqlite:///{tmp_path}/whole.db", [books()])
    one_by_one = [[party] for party in reversed(books())]
    assert dump_of(store_url, one_by_one) == at_once


@pytest.mark.parametrize(
    "change",
    [
        lambda p: {"result": msgspec.structs.replace(p.result, entries=p.result.entries[1:])},
        lambda p: {"result": msgspec.structs.replace(p.result, lifecycle=())},
        lambda p: {"result": msgspec.structs.replace(p.result, contracts=())},
        lambda p: {"result": msgspec.structs.replace(p.result, pending=())},
        lambda p: {"result": msgspec.structs.replace(p.result, conflicts=())},
        lambda p: {"outcomes": dict.fromkeys(p.outcomes, Outcome.RECORDED)},
        lambda p: {"dead_letters": ()},
        lambda p: {"party_id": "salesforce:001"},
    ],
)
def test_other_books_dump_other_bytes(
    tmp_path: Path, change: Callable[[FoldedParty], dict[str, object]]
) -> None:
    first, *rest = books()
    other = msgspec.structs.replace(first, **change(first))
    whole = dump_of(f"sqlite:///{tmp_path}/a.db", [[first, *rest]])
    assert dump_of(f"sqlite:///{tmp_path}/b.db", [[other, *rest]]) != whole


def test_where_a_dead_letter_was_read_is_no_part_of_the_books(
    store: LedgerStore, tmp_path: Path
) -> None:
    store.commit_dead_letters([letter("a", position="one.jsonl:1")])
    with open_store(f"sqlite:///{tmp_path}/other.db") as other:
        other.commit_dead_letters([letter("a", position="two.jsonl:9")])
        assert b"".join(store.canonical_dump()) == b"".join(other.canonical_dump())


def test_the_run_log_is_no_part_of_the_books(store: LedgerStore) -> None:
    store.commit(books())
    before = b"".join(store.canonical_dump())
    run = Run(
        run_id="run_1",
        pipeline="order_to_cash",
        policy="stripe-contra@1",
        as_of_micros=JANUARY,
        started_at_micros=JANUARY,
    )
    store.begin_run(run)
    store.finish_run("run_1", JANUARY + 5, {"posted": 3})
    assert b"".join(store.canonical_dump()) == before
    (logged,) = store.runs()
    assert logged == msgspec.structs.replace(
        run, finished_at_micros=JANUARY + 5, status="done", counts={"posted": 3}
    )
