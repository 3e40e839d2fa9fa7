"""The ledger store: what was read, what stands in the books, what waits and what went wrong.

One SQLite file, or PostgreSQL. `open_store(url)` gives a `LedgerStore`; its methods are the
doors, each one transaction. The schema is in `tables/`, its history in `migrations/`.
Nothing posted is ever updated or deleted, and nothing here knows a clock, Beam or a provider.
"""

from connectors.store.books_calendar import PeriodState
from connectors.store.delivering import DeliveryResult, HandedOver, OutboxCounts, Waiting
from connectors.store.errors import (
    AmbiguousId,
    CalendarChanged,
    DelivererBusy,
    ForeignDatabase,
    NewerDatabase,
    StaleHistory,
    StoreAway,
    StoreError,
    UnknownId,
)
from connectors.store.history import History, KnownLinks, Past
from connectors.store.outbox import Delivery, DeliveryStatus
from connectors.store.posting_rights import PostingRight
from connectors.store.postings import PostedEntry
from connectors.store.questions import (
    ExceptionKind,
    ExceptionRow,
    RenewalAtRisk,
    UnpostedInvoice,
    UnprovisionedContract,
)
from connectors.store.reading import BalanceRow, Conservation
from connectors.store.report import CommitReport
from connectors.store.runs import Run
from connectors.store.store import LedgerStore, StoreConfig, open_store
from connectors.store.taxes import TaxRow, UntaxedRow
from connectors.store.tracing import Trace, TracedLetter, TracedMessage, TracedUpdate

__all__ = [
    "AmbiguousId",
    "BalanceRow",
    "CalendarChanged",
    "CommitReport",
    "Conservation",
    "DelivererBusy",
    "Delivery",
    "DeliveryResult",
    "DeliveryStatus",
    "ExceptionKind",
    "ExceptionRow",
    "ForeignDatabase",
    "HandedOver",
    "History",
    "KnownLinks",
    "LedgerStore",
    "NewerDatabase",
    "OutboxCounts",
    "Past",
    "PeriodState",
    "PostedEntry",
    "PostingRight",
    "RenewalAtRisk",
    "Run",
    "StaleHistory",
    "StoreAway",
    "StoreConfig",
    "StoreError",
    "TaxRow",
    "Trace",
    "TracedLetter",
    "TracedMessage",
    "TracedUpdate",
    "UnknownId",
    "UnpostedInvoice",
    "UnprovisionedContract",
    "UntaxedRow",
    "Waiting",
    "open_store",
]
