"""The doors of whoever publishes lifecycle updates; each is one transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager

from connectors.store import publishing
from connectors.store.publishing import UpdateCounts, WaitingUpdate
from connectors.store.session import Session


class UpdateDesk:
    """Gives out updates in order and keeps where they were published."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def only_publisher(self) -> AbstractContextManager[Callable[[], None]]:
        """Keep every other process from publishing while it is open; raises DelivererBusy.

        Gives a check that raises DelivererBusy once the lock is lost.
        """
        return self._session.only_publisher()

    def next_updates(self, tenant: str, limit: int) -> list[WaitingUpdate]:
        """Updates that nobody was told yet, in order."""
        return self._session.read(
            lambda connection: publishing.read_waiting(
                connection, self._session.backend, tenant, limit
            )
        )

    def record(self, places: Mapping[int, str]) -> None:
        """Keep where updates are now, by position."""
        self._session.write(lambda connection, _: publishing.record_published(connection, places))

    def counts(self, tenant: str) -> UpdateCounts:
        """How many updates wait and how many were published."""
        return self._session.read(lambda connection: publishing.read_counts(connection, tenant))
