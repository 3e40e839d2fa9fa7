"""The doors of whoever delivers postings to the ERP; each is one transaction.

What happens behind them is in `connectors.store.delivering`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from connectors.store import delivering
from connectors.store.delivering import DeliveryResult, HandedOver, OutboxCounts, Waiting
from connectors.store.gl_accounts import Outcome
from connectors.store.mapping_desk import MappingDesk
from connectors.store.postings import PostedEntry
from connectors.store.session import Session
from connectors.store.update_desk import UpdateDesk
from ledger.gl_mapping import GlMapping


class DeliveryDesk:
    """Gives out postings in order and keeps what came of them."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._backend = session.backend

    def only_deliverer(self) -> AbstractContextManager[Callable[[], None]]:
        """Keep every other process from delivering while it is open; raises DelivererBusy.

        Gives a check that raises DelivererBusy once the lock is lost.
        """
        return self._session.only_deliverer()

    @property
    def updates(self) -> UpdateDesk:
        """The side of lifecycle updates, which go to other teams."""
        return UpdateDesk(self._session)

    def unfinished_batch(self, tenant: str) -> HandedOver | None:
        """The oldest batch that was handed to the ERP and of which nothing is known since."""
        return self._session.read(
            lambda connection: delivering.read_unfinished(connection, self._backend, tenant)
        )

    def next_postings(self, tenant: str, after: int, limit: int) -> list[Waiting]:
        """Pending postings past a position that may go now, in order."""
        return self._session.read(
            lambda connection: delivering.read_next(connection, self._backend, tenant, after, limit)
        )

    def accounts_of(
        self, mapping: GlMapping, postings: Sequence[PostedEntry]
    ) -> dict[str, Outcome]:
        """Give postings that are about to go their GL accounts, as `MappingDesk.apply` does."""
        return MappingDesk(self._session).apply(mapping, postings)

    def hand_over(self, batch_id: str, positions: Sequence[int], at_micros: int) -> None:
        """Write down which postings are about to be handed to the ERP together."""
        self._session.write(
            lambda connection, _: delivering.hand_over(
                connection, self._backend, batch_id, positions, at_micros
            )
        )

    def record(
        self, results: Sequence[DeliveryResult], delivered_to: str, *, finished: bool
    ) -> None:
        """Keep what came of postings; `finished`: what became of their batch is known."""
        self._session.write(
            lambda connection, _: delivering.record_results(
                connection, results, delivered_to=delivered_to, finished=finished
            )
        )

    def retry_refused(self, posting_ids: Sequence[str] | None = None) -> int:
        """Put refused postings back into the outbox, all or those named; return how many."""
        return self._session.write(
            lambda connection, _: delivering.retry_refused(connection, self._backend, posting_ids)
        )

    def counts(self, tenant: str | None = None) -> OutboxCounts:
        """How many postings are pending, accepted and refused."""
        return self._session.read(lambda connection: delivering.read_counts(connection, tenant))
