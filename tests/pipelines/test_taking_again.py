"""A chunk whose past has moved since it was folded is folded again, not lost and not forced."""

from __future__ import annotations

import msgspec
import pytest

from ledger.messages import DeadLetter
from ledger.results import FoldedParty, FoldResult, StaleParty
from transforms.write_books import MAX_ATTEMPTS, CommitCounts, take_or_fold_again

PARTY = FoldedParty(
    tenant="t",
    party_id="a",
    party_refs=("a",),
    based_on={},
    new_messages=(),
    duplicates=(),
    dead_letters=(),
    outcomes={},
    result=FoldResult(),
)


class RefusingBooks:
    """Refuses some commits, then takes what it is given."""

    def __init__(self, refusals: int) -> None:
        self.refusals = refusals
        self.taken: list[list[FoldedParty]] = []

    def take(self, chunk_name: str, parties: list[FoldedParty]) -> CommitCounts:
        """Take or refuse."""
        if self.refusals > 0:
            self.refusals -= 1
            raise StaleParty("somebody was faster")
        self.taken.append(parties)
        return CommitCounts(posted=len(parties))

    def take_dead_letters(self, letters: list[DeadLetter]) -> CommitCounts:
        """There are none."""
        raise AssertionError


@pytest.mark.parametrize("refusals", [0, 1, MAX_ATTEMPTS - 1])
def test_what_is_taken_is_the_last_fold(refusals: int) -> None:
    books = RefusingBooks(refusals)
    folds = [[msgspec.structs.replace(PARTY, based_on={"a": n})] for n in range(1 + refusals)]
    again = iter(folds[1:])
    counts = take_or_fold_again("00000-00000", folds[0], books, lambda: next(again))
    assert books.taken == [folds[-1]]
    assert counts.posted == 1


def test_refused_for_ever_is_an_error() -> None:
    books = RefusingBooks(MAX_ATTEMPTS)
    with pytest.raises(StaleParty):
        take_or_fold_again("00000-00000", [PARTY], books, lambda: [PARTY])
    assert books.taken == []
