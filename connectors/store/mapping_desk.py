"""The doors of whoever maps postings to GL accounts; each is one transaction.

What happens behind them is in `connectors.store.gl_accounts` and `connectors.store.mapping_review`.
"""

from __future__ import annotations

from collections.abc import Sequence

from connectors.store import gl_accounts, mapping_review
from connectors.store.gl_accounts import Outcome
from connectors.store.mapping_review import Reviewed
from connectors.store.postings import PostedEntry
from connectors.store.session import Session
from ledger.gl_mapping import GlMapping
from ledger.gl_review import KeyUse


class MappingDesk:
    """Gives postings their accounts and keeps which these were."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._backend = session.backend

    def apply(self, mapping: GlMapping, postings: Sequence[PostedEntry]) -> dict[str, Outcome]:
        """Give postings their accounts just before they are handed out; by posting id.

        What is given is written down. A posting that the ERP has or may have keeps what it had; a
        reversal has the accounts of its entry. `Unmapped` says what is missing; nothing is kept.
        """
        return self._session.write(
            lambda connection, _: gl_accounts.apply_mapping(
                connection, self._backend, mapping, postings
            )
        )

    def review(self, mapping: GlMapping, tenant: str | None = None) -> Reviewed:
        """Mark what waits in the outbox and has no account, release what has one now."""
        return self._session.write(
            lambda connection, _: mapping_review.review(connection, self._backend, mapping, tenant)
        )

    def keys_in_use(self, tenant: str | None = None) -> list[KeyUse]:
        """Every key that lines of the books have, with their money, sorted."""
        with self._session.reading() as connection:
            return mapping_review.read_keys(connection, tenant)
