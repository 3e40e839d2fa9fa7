"""Firings of the live job that meet: whoever comes second sees both, and nothing is left behind.

Every message is folded just once, as the key it names; no join in the engine helps. So what belongs
together must be found by the store alone, as after an engine has lost its state.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from connectors.event_files import EventDecoder
from connectors.store import open_store
from ledger.identity import NOBODY
from ledger.messages import Message
from pipelines.books import StoreBooks, open_live_books, prepare_books
from pipelines.options import check_options
from pipelines.report import RunReport
from pipelines.settings import RunSettings, settings_of
from pipelines.settle_exchange import settle_exchange
from tests.pipelines.runs import AS_OF, comparable
from transforms.fold_and_take import fold_and_take

Live = Callable[[Path], tuple[StoreBooks, RunSettings]]


class MeetingBooks:
    """The store's books in which another firing comes through in the middle of one."""

    def __init__(self, books: StoreBooks, before: str, other: Callable[[], object]) -> None:
        self._books = books
        self._before = before
        self._other: Callable[[], object] | None = other

    def __getattr__(self, name: str) -> object:
        if name == self._before and self._other is not None:
            other, self._other = self._other, None
            other()
        return getattr(self._books, name)


@pytest.fixture
def live(company: Path) -> Live:
    """Open the books of a live job at a path."""

    def begin(store: Path) -> tuple[StoreBooks, RunSettings]:
        settings = settings_of(
            check_options(
                input=("-",),
                store=f"sqlite:///{store}",
                books=company / "company.yaml",
                rates=company / "rates.csv",
                as_of=AS_OF,
            )
        )
        prepare_books(settings)
        return open_live_books(settings)(), settings

    return begin


def key_of(message: Message) -> str:
    """The key under which a message is folded when nothing else is known."""
    return message.party_ref or next(iter(message.link_refs), NOBODY)


def decoded(lines: list[bytes], settings: RunSettings, books: StoreBooks) -> Iterator[Message]:
    """Every message of the lines; what cannot be read goes to the books at once."""
    decode = EventDecoder(settings.decoding)
    for number, line in enumerate(lines):
        for found in decode(line, f"live@{number}"):
            if isinstance(found, Message):
                yield found
            else:
                books.take_dead_letters([found])


def customer_in(body: bytes) -> bytes:
    """The number of the generated customer that an event is about."""
    found = re.search(rb"_1T00000b0000(\d{2})|00[16]4H00000(\d{2})", body)
    return (found[1] or found[2]) if found else b""


@pytest.mark.parametrize(("before", "seed"), [("past_of", 1), ("take", 2), ("refs_of", 3)])
def test_what_two_firings_did_not_know_of_each_other_is_found_by_the_second(
    before: str,
    seed: int,
    lines: list[bytes],
    live: Live,
    undisturbed: tuple[Path, RunReport],
    tmp_path: Path,
) -> None:
    books, settings = live(tmp_path / "live.db")
    messages = list(decoded(lines, settings, books))
    random.Random(seed).shuffle(messages)
    # Firings that meet concern the same customer more often than not.
    messages.sort(key=lambda message: customer_in(message.body))

    def fold(message: Message, into: StoreBooks | MeetingBooks) -> None:
        fold_and_take([message], key_of(message), into, settings.fold)  # type: ignore[arg-type]

    for one, other in zip(messages[::2], messages[1::2], strict=False):
        fold(one, MeetingBooks(books, before, lambda other=other: fold(other, books)))
    if len(messages) % 2:
        fold(messages[-1], books)
    with open_store(f"sqlite:///{tmp_path}/live.db", create=False) as store:
        settle_exchange(store, settings.fold)
    assert comparable(tmp_path / "live.db") == comparable(undisturbed[0])
