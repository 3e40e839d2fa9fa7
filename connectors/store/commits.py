"""Commits that bear being run again after a connection broke while it committed.

Nobody can tell then whether the server has committed. Running the same work again never does harm
(a fold that is out of date is refused, target minus posted is nothing), but what it reports would
be another story: messages that were posted would count as duplicates, and a bounded job would be
told that its fold is out of date when it has long been taken.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, func, select

from connectors.store import committing, dead_letters
from connectors.store.backend import Backend
from connectors.store.errors import StaleHistory
from connectors.store.posting_rights import PostingRight
from connectors.store.report import CommitReport
from connectors.store.rows import storable
from connectors.store.tables import dead_letters as letters_table
from connectors.store.tables import messages
from ledger.messages import DeadLetter, Outcome
from ledger.results import FoldedParty


class CommitFolds:
    """Commits folded parties; call it once per attempt, each in a transaction of its own."""

    def __init__(
        self, backend: Backend, folded: Sequence[FoldedParty], right: PostingRight | None
    ) -> None:
        self._backend = backend
        self._folded = folded
        self._right = right
        self._unknown: CommitReport | None = None
        """Of an attempt that ran to its end and may have been committed."""

    def __call__(self, connection: Connection, attempt: int) -> CommitReport:
        """Return what was added. Raises StaleHistory when a fold is out of date."""
        try:
            report = committing.commit_folded(
                connection, self._backend, self._folded, attempt > 0, self._right
            )
        except StaleHistory:
            if self._unknown is None or not self._stands(connection):
                raise
            return self._unknown
        if self._unknown is None or _adds(report):
            self._unknown = report
        return self._unknown

    def _stands(self, connection: Connection) -> bool:
        """Tell whether all that the folds bring is there.

        A fold is made of its messages, so where these are (and the letters, which no later fold
        makes again), it was taken: by the attempt whose answer was lost, or with a later one.
        """
        return all(self._is_filed(connection, party) for party in self._folded)

    def _is_filed(self, connection: Connection, party: FoldedParty) -> bool:
        ids = {storable(message.message_id) for message in party.new_messages}
        archived = (
            select(func.count())
            .select_from(messages)
            .where(
                messages.c.tenant == party.tenant,
                self._backend.among(messages.c.message_id, sorted(ids)),
            )
        )
        if connection.execute(archived).scalar_one() < len(ids):
            return False
        return _all_kept(connection, self._backend, party.dead_letters)


class KeepLetters:
    """Keeps dead letters that come alone; call it once per attempt."""

    def __init__(self, backend: Backend, letters: Sequence[DeadLetter]) -> None:
        self._backend = backend
        self._letters = letters
        self._unknown: CommitReport | None = None

    def __call__(self, connection: Connection, _attempt: int) -> CommitReport:
        """Return what was added; known ones count as duplicates."""
        kept = dead_letters.keep_while_open(connection, self._backend, self._letters)
        if self._unknown is None or kept.new:
            self._unknown = _report_of(kept)
        return self._unknown


def _adds(report: CommitReport) -> bool:
    """Tell whether anything was written that did not stand before."""
    return any(
        (
            report.new_entries,
            report.reversals,
            report.updates_issued,
            report.updates_withdrawn,
            report.dead_letters_new,
            report.conflicts_new,
            report.outcome_changes,
        )
    )


def _all_kept(connection: Connection, backend: Backend, letters: Sequence[DeadLetter]) -> bool:
    ids = {letter.dead_letter_id for letter in letters}
    kept = (
        select(func.count())
        .select_from(letters_table)
        .where(backend.among(letters_table.c.dead_letter_id, sorted(ids)))
    )
    return bool(connection.execute(kept).scalar_one() == len(ids))


def _report_of(kept: dead_letters.LettersKept) -> CommitReport:
    counts = {
        Outcome.DEAD_LETTERED.value: len(kept.new),
        Outcome.DUPLICATE.value: len(kept.known),
    }
    return CommitReport(
        messages={outcome: count for outcome, count in counts.items() if count},
        dead_letters_new=len(kept.new),
        dead_letters_known=len(kept.known),
    )
