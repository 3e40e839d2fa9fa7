"""What child processes do to a store in tests: commit at the same time, or die on the way."""

from __future__ import annotations

import os
import random
import signal
from typing import Any

from store_builders import entry, folded, letter, message, update

from connectors.store import LedgerStore, StaleHistory, open_store
from ledger.messages import Message, Outcome
from ledger.results import FoldedParty

PARTIES, MESSAGES = 4, 4


def party_of(history: tuple[Message, ...], revision: int, new: Message) -> FoldedParty:
    """Fold a party's messages: an entry of its own per message, and one that counts them."""
    known = {m.message_id for m in history}
    told = sorted({*known, new.message_id})
    customer = str(new.party_ref)
    total = entry(f"{customer}:total", 100 * len(told), by=told[0].removeprefix("stripe:"))
    own = [entry(f"{name}:own", 7, by=name.removeprefix("stripe:")) for name in told]
    return folded(
        [] if new.message_id in known else [new],
        [total, *own],
        party_id=customer,
        refs=[customer],
        seen={customer: revision},
        outcomes=dict.fromkeys(told, Outcome.POSTED),
        duplicates=[new] if new.message_id in known else [],
        lifecycle=[update(f"lcu_{customer}", reason=str(len(told)))],
        dead=[letter(f"of {customer}")],
    )


def all_messages() -> list[Message]:
    """Every message of every party; each teaches links and identities that others share."""
    return [
        message(
            f"evt_{party}_{number}",
            f"stripe:cus_{party}",
            links=(("stripe:shared", "stripe:cus_0"), (f"stripe:l_{number}", "stripe:cus_1")),
            account_links=((f"stripe:other_{number}", "salesforce:001"),),
        )
        for party in range(PARTIES)
        for number in range(MESSAGES)
    ]


def deliver(store: LedgerStore, new: Message) -> None:
    """Read, fold and commit one message; again when somebody was faster."""
    while True:
        customer = str(new.party_ref)
        history = store.history("acme", [customer])
        party = party_of(history.of([customer]), history.revisions[customer], new)
        try:
            store.commit([party])
            return
        except StaleHistory:
            continue


def commit_and_tell(url: str, seed: int, told: Any) -> None:
    """Deliver everything, the first message before the others; tell what was tried again."""
    first, *rest = all_messages()
    random.Random(seed).shuffle(rest)
    with open_store(url) as store:
        for new in (first, *rest):
            deliver(store, new)
        told.put(tuple(store.retried))


def commit_in_own_order(url: str, seed: int) -> None:
    """Deliver everything, in an order of one's own."""
    messages = all_messages()
    random.Random(seed).shuffle(messages)
    with open_store(url) as store:
        for new in messages:
            deliver(store, new)


def die_at_insert(url: str, number: int, parties: list[FoldedParty]) -> None:
    """Commit, but be killed right before the n-th insert of the transaction."""
    with open_store(url) as store:
        backend: Any = store._session.backend
        insert, seen = backend.insert, 0

        def insert_or_die(*arguments: Any) -> None:
            nonlocal seen
            seen += 1
            if seen == number:
                os.kill(os.getpid(), signal.SIGKILL)
            insert(*arguments)

        backend.insert = insert_or_die
        store.commit(parties)


def commit_one_by_one(url: str, parties: list[FoldedParty]) -> None:
    """Commit each party by itself."""
    with open_store(url) as store:
        for party in parties:
            store.commit([party])
