"""What a commit took and what it added."""

from __future__ import annotations

from typing import Any

import msgspec

from ledger.messages import Outcome


class CommitReport(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of one commit, or the sum of several. Units are in the names."""

    messages: dict[str, int] = {}
    """Messages taken, by outcome. A message read again, or bytes that are a known dead letter,
    are duplicates; so the sum is what was read."""
    outcome_changes: dict[str, int] = {}
    """Older messages whose outcome changed: `pending>posted` -> how many."""
    new_entries: int = 0
    reversals: int = 0
    journal_lines: int = 0
    updates_issued: int = 0
    updates_withdrawn: int = 0
    dead_letters_new: int = 0
    dead_letters_known: int = 0
    dead_letters_mended: int = 0
    conflicts_new: int = 0

    def __add__(self, other: CommitReport) -> CommitReport:
        """The counts of both."""
        sums: dict[str, Any] = {}
        for name in self.__struct_fields__:
            mine, theirs = getattr(self, name), getattr(other, name)
            sums[name] = _merged(mine, theirs) if isinstance(mine, dict) else mine + theirs
        return CommitReport(**sums)

    def count_of(self, outcome: Outcome) -> int:
        """Messages taken that ended so."""
        return self.messages.get(outcome.value, 0)

    @property
    def messages_read(self) -> int:
        """All messages taken; every one is counted under exactly one outcome."""
        return sum(self.messages.values())

    @property
    def changed_books(self) -> bool:
        """Whether anything was posted."""
        return bool(self.new_entries or self.reversals)


def _merged(mine: dict[str, int], theirs: dict[str, int]) -> dict[str, int]:
    return {
        key: mine.get(key, 0) + theirs.get(key, 0) for key in sorted(mine.keys() | theirs.keys())
    }
