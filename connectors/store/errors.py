"""What can go wrong with a ledger store, as errors a caller can act on."""

from __future__ import annotations

from collections.abc import Iterable

from ledger.results import StaleParty


class StoreError(Exception):
    """The store cannot be opened or used; the message says what is wrong and how to mend it."""


class ForeignDatabase(StoreError):
    """The database holds something that is not a ledger store."""


class NewerDatabase(StoreError):
    """The database was made by a later version of the program."""


class StoreAway(StoreError):
    """The database could not be reached for longer than this was to be waited for."""


class CalendarChanged(StoreError):
    """The configuration gives a legal entity other periods than its books are kept in."""


class UnknownId(StoreError):
    """No message, posting, invoice, contract, customer or dead letter has this id."""


class AmbiguousId(StoreError):
    """An id that too many parties share, such as the contract name `direct`."""


class DelivererBusy(StoreError):
    """Another process delivers postings of this store, or took over from this one."""


class StaleHistory(StaleParty):
    """The history a fold saw is no longer what stands: read it again and fold again."""

    def __init__(self, party_refs: Iterable[str]) -> None:
        self.party_refs = tuple(sorted(party_refs))
        """The refs whose history moved on."""
        super().__init__(f"history changed since it was read: {', '.join(self.party_refs)}")

    def __reduce__(self) -> tuple[type[StaleHistory], tuple[tuple[str, ...]]]:
        """Pickle by the refs, not by the message."""
        return (StaleHistory, (self.party_refs,))
