"""Firings of one bundle are committed together; only parties whose past has moved go alone."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import apache_beam as beam
import pytest
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.util import assert_that

from connectors.event_files import DecodeSettings, EventDecoder
from connectors.store import open_store
from ledger.messages import Message
from ledger.results import FoldedParty, StaleParty
from pipelines.books import StoreBooks, prepare_books
from pipelines.options import check_options
from pipelines.settings import RunSettings, settings_of
from tests.pipelines.runs import AS_OF
from transforms.fold_and_take import fold_and_take
from transforms.gather_firings import MESSAGES_AT_ONCE, GatherFirings
from transforms.write_books import MAX_ATTEMPTS, CommitCounts

DECODE = EventDecoder(DecodeSettings(tenant="default"))


def account(number: int, at: int) -> Message:
    """A change of one customer in CRM."""
    header = {
        "entityName": "Account",
        "recordIds": [f"001{number:012d}AAA"],
        "changeType": "UPDATE",
        "sequenceNumber": 1,
        "commitTimestamp": 1_767_225_600_000 + at,
        "commitNumber": at,
        "changedFields": ["Industry"],
    }
    payload = {"ChangeEventHeader": header, "Industry": "Energy"}
    body = json.dumps({"id": f"change-{number}-{at}", "payload": payload}).encode()
    (message,) = DECODE(body, "test@1")
    assert isinstance(message, Message)
    return message


class InterruptedBooks(StoreBooks):
    """Books into which somebody else commits messages just before the first few commits."""

    def __init__(self, settings: RunSettings, others: list[list[Message]]) -> None:
        assert settings.store is not None
        super().__init__(settings.store, settings.fold.tenant)
        self._settings = settings
        self._others = others
        self.offered: list[list[str]] = []

    def take(self, chunk_name: str, parties: list[FoldedParty]) -> CommitCounts:
        """Commit, after somebody else has."""
        self.offered.append(sorted(party.party_id for party in parties))
        if self._others:
            assert self._settings.store is not None
            other = StoreBooks(self._settings.store, self._settings.fold.tenant)
            fold_and_take(self._others.pop(0), "other", other, self._settings.fold)
        return super().take(chunk_name, parties)


def settings_at(path: Path) -> RunSettings:
    """Settings of a live job on an empty store."""
    options = check_options(input=("-",), store=f"sqlite:///{path}", as_of=AS_OF)
    made = settings_of(options)
    prepare_books(made)
    return made


def standing(settings: RunSettings) -> bytes:
    """What stands in the store."""
    assert settings.store is not None
    with open_store(settings.store, create=False) as store:
        return b"".join(store.standing_dump())


def test_only_the_party_whose_past_has_moved_is_folded_alone(tmp_path: Path) -> None:
    settings = settings_at(tmp_path / "interrupted.db")
    messages = [account(number, at=number) for number in range(5)]
    books = InterruptedBooks(settings, [[account(3, at=99)]])
    counts = fold_and_take(messages, "any", books, settings.fold)
    assert [len(parties) for parties in books.offered] == [5, 4, 1]
    assert "3AAA" in books.offered[2][0]
    assert counts.recorded + counts.posted + counts.pending == 5
    quiet = settings_at(tmp_path / "quiet.db")
    alone = StoreBooks(str(quiet.store), quiet.fold.tenant)
    for message in [*messages, account(3, at=99)]:
        fold_and_take([message], "any", alone, quiet.fold)
    assert standing(settings) == standing(quiet)


def test_who_is_always_late_ends_with_an_error(tmp_path: Path) -> None:
    settings = settings_at(tmp_path / "books.db")
    always = [[account(1, at=at)] for at in range(MAX_ATTEMPTS)]
    with pytest.raises(StaleParty):
        fold_and_take(
            [account(1, at=999)], "any", InterruptedBooks(settings, always), settings.fold
        )


def test_every_byte_of_the_firings_is_handed_on_once() -> None:
    firings = [(f"party{n}", [b"%d/%d" % (n, each) for each in range(7)]) for n in range(150)]
    wanted = sorted(each for _, encoded in firings for each in encoded)

    def as_wanted(gathered: list[tuple[str, Iterable[bytes]]]) -> None:
        assert sorted(each for _, encoded in gathered for each in encoded) == wanted
        assert len(gathered) <= len(wanted) // MESSAGES_AT_ONCE + 1
        assert all(ref.startswith("party") for ref, _ in gathered)

    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        gathered = pipeline | beam.Create(firings, reshuffle=False) | GatherFirings()
        assert_that(gathered, as_wanted)
