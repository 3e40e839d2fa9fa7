"""A payload of several parts is acknowledged when all are durable, whoever committed which."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from pathlib import Path

import apache_beam as beam
import pytest
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from connectors.event_files import DecodeSettings, EventDecoder
from connectors.store import open_store
from ledger.messages import DeadLetter, Message, Payload, dead_letter_id
from pipelines.books import StoreBooks, prepare_books
from pipelines.options import check_options
from pipelines.order_to_cash_live import order_to_cash_live
from pipelines.settings import RunSettings, settings_of
from tests.pipelines.runs import AS_OF
from transforms.decode_live import FEW_PARTS, receipts_of
from transforms.fold_and_take import fold_and_take
from transforms.receipts import LiveMessage, ReceiptBook

DECODE = EventDecoder(DecodeSettings(tenant="default"))


def bulk(number: int, customers: int) -> bytes:
    """A change of so many accounts at once: a message for each."""
    header = {
        "entityName": "Account",
        "recordIds": [f"001{number:04d}{each:08d}AAA" for each in range(customers)],
        "changeType": "UPDATE",
        "sequenceNumber": 1,
        "commitTimestamp": 1_767_225_600_000 + number,
        "commitNumber": number,
        "changedFields": ["Industry"],
    }
    payload = {"ChangeEventHeader": header, "Industry": "Energy"}
    return json.dumps({"id": f"bulk-{number}", "payload": payload}).encode()


class ToldToForget:
    """Receipts that look into the books at the moment they are handed in."""

    def __init__(self, store: str, wanted: dict[str, set[str]]) -> None:
        self._store = store
        self._wanted = wanted
        self.told: list[str] = []
        self.too_early: list[str] = []

    def acknowledge(self, tokens: Sequence[str]) -> None:
        with open_store(self._store, create=False) as store:
            kept = b"".join(store.canonical_dump()).decode()
        for token in tokens:
            missing = [each for each in self._wanted[token] if f'"{each}"' not in kept]
            (self.too_early if missing else self.told).append(token)


@pytest.fixture
def settings(tmp_path: Path) -> RunSettings:
    """Settings of a live job on an empty store."""
    options = check_options(input=("-",), store=f"sqlite:///{tmp_path}/live.db", as_of=AS_OF)
    made = settings_of(options)
    prepare_books(made)
    return made


def books_of(settings: RunSettings) -> StoreBooks:
    """The books as a step of the job opens them for itself."""
    assert settings.store is not None
    return StoreBooks(settings.store, settings.fold.tenant)


def decoded(body: bytes, receipt: str) -> list[LiveMessage]:
    """What DecodeLive gives for a payload."""
    found = DECODE(body, "test@1")
    carried = receipts_of(Payload(body, "test@1", (), receipt), found)
    pairs = zip(found, carried, strict=True)
    return [LiveMessage(each, *with_it) for each, with_it in pairs if isinstance(each, Message)]


def take(live: LiveMessage, settings: RunSettings, books: StoreBooks, book: ReceiptBook) -> None:
    """Commit one message and hand in what it carries, as FoldAndTake does."""
    fold_and_take([live.message], str(live.message.party_ref), books, settings.fold)
    book.durable([(live.receipt, live.parts)])


def ids_of(lives: Sequence[LiveMessage]) -> set[str]:
    """Message ids."""
    return {live.message.message_id for live in lives}


def test_parts_that_end_in_two_instances_are_acknowledged_by_the_later(
    settings: RunSettings,
) -> None:
    first, second = decoded(bulk(1, 2), "r")
    told = ToldToForget(str(settings.store), {"r": ids_of([first, second])})
    one, other = books_of(settings), books_of(settings)
    take(second, settings, one, ReceiptBook(told, one))
    assert told.told == []
    take(first, settings, other, ReceiptBook(told, other))
    assert (told.told, told.too_early) == (["r"], [])


def test_many_threads_leave_no_payload_open_and_acknowledge_none_too_early(
    settings: RunSettings,
) -> None:
    payloads = {f"r{n}": decoded(bulk(n, 3), f"r{n}") for n in range(8)}
    told = ToldToForget(str(settings.store), {k: ids_of(lives) for k, lives in payloads.items()})

    def run(number: int) -> None:
        books = books_of(settings)
        book = ReceiptBook(told, books)
        for lives in payloads.values():
            take(lives[number], settings, books, book)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(told.told) == set(payloads)
    assert told.too_early == []


def test_a_payload_of_very_many_parts_is_acknowledged_when_it_comes_again(
    settings: RunSettings,
) -> None:
    """Only one of them can carry the names of all; it may be durable before the others are."""
    lives = decoded(bulk(1, FEW_PARTS + 2), "r")
    assert sum(len(live.parts) for live in lives) == len(lives)
    told = ToldToForget(str(settings.store), {"r": ids_of(lives), "again": ids_of(lives)})
    books = books_of(settings)
    book = ReceiptBook(told, books)
    for live in reversed(lives):
        take(live, settings, books, book)
    assert told.told == []
    for live in reversed(decoded(bulk(1, FEW_PARTS + 2), "again")):
        take(live, settings, books, book)
    assert (told.told, told.too_early) == (["again"], [])


def test_a_payload_of_a_message_and_a_dead_letter_needs_both(settings: RunSettings) -> None:
    body = bulk(1, 1)
    (message,) = DECODE(body, "test@1")
    letter = DeadLetter(
        dead_letter_id=dead_letter_id("default", "salesforce", b"{}"),
        tenant="default", source="salesforce", step="DecodeEvents", reason="missing_field",
        detail="", position="test@1", message_id=None, body=b"{}",
    )  # fmt: skip
    assert isinstance(message, Message)
    carried = receipts_of(Payload(body, "test@1", (), "r"), [message, letter])
    wanted = {"r": {message.message_id, letter.dead_letter_id}}
    told = ToldToForget(str(settings.store), wanted)
    one, other = books_of(settings), books_of(settings)
    take(LiveMessage(message, *carried[0]), settings, one, ReceiptBook(told, one))
    assert told.told == []
    other.take_dead_letters([letter])
    ReceiptBook(told, other).durable([carried[1]])
    assert (told.told, told.too_early) == (["r"], [])


_TOLD: list[str] = []
"""What the job below acknowledged; its workers are threads of this process."""


class _Told:
    def acknowledge(self, tokens: Sequence[str]) -> None:
        _TOLD.extend(tokens)


def test_the_job_acknowledges_every_payload_of_several_customers(settings: RunSettings) -> None:
    """Also what is refused, and what contradicts an id that stands."""
    _TOLD.clear()
    bodies = [bulk(n, 4) for n in range(6)]
    bodies += [bulk(3, 4).replace(b"Energy", b"Mining"), b"not an event", bulk(3, 4)]
    payloads = [Payload(body, f"s@{n}", (), f"r{n}") for n, body in enumerate(bodies)]
    pipeline = beam.Pipeline(runner=FnApiRunner())
    source = pipeline | beam.Create(payloads)
    order_to_cash_live(
        source, settings, window_seconds=86_400, early_seconds=None, open_receipts=_Told
    )
    pipeline.run().wait_until_finish()
    assert set(_TOLD) == {payload.receipt for payload in payloads}
