"""The ledger store: its doors. What happens behind each is in the module it calls."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from threading import Event
from types import TracebackType

import msgspec

from connectors.store import (
    dead_letters,
    dumping,
    entity_balances,
    finding,
    history,
    holdings,
    kept_parts,
    migrating,
    outbox,
    postings,
    questions,
    reading,
    runs,
    schema_usage,
    taxes,
    tracing,
)
from connectors.store.books_calendar import (
    PeriodState,
    calendar_problems,
    keep_calendars,
    read_calendars,
    set_period_state,
)
from connectors.store.closing.desk import CloseDesk
from connectors.store.commits import CommitFolds, KeepLetters
from connectors.store.delivery_desk import DeliveryDesk
from connectors.store.errors import StoreError
from connectors.store.history import History, Keys, KnownLinks, Past
from connectors.store.mapping_desk import MappingDesk
from connectors.store.outbox import Delivery, DeliveryStatus
from connectors.store.persistence import Retried
from connectors.store.posting_rights import PostingRight
from connectors.store.report import CommitReport
from connectors.store.session import Session
from connectors.store.standing_dump import standing_dump as dump_of_standing
from ledger.accounting.held import HeldMove
from ledger.accounts import AccountRole
from ledger.consolidation import EntityBalance
from ledger.messages import DeadLetter, Part
from ledger.periods import MONTHS, Calendar
from ledger.policies import BooksConfig
from ledger.results import ContractDrift, FoldedParty


class StoreConfig(msgspec.Struct, frozen=True):
    """Where the books are: a recipe that travels to workers, which open the store themselves."""

    url: str

    def open(self) -> LedgerStore:
        """Open the store, creating it when it is not there."""
        return open_store(self.url)


def open_store(
    url: str, *, create: bool = True, wait_seconds: float = 0.0, ending: Event | None = None
) -> LedgerStore:
    """Open `sqlite:///file.db` or `postgresql://…`.

    `create`: make a store where there is none and bring an older one up to date; without it
    both are errors. `wait_seconds`: how long a database that is away is waited for, now and in
    all that is read as a whole or written, at most until `ending` is set; 0 fails at once.
    Raises StoreError (ForeignDatabase, NewerDatabase, StoreAway) with the way out.
    """
    store = LedgerStore(url, wait_seconds, ending)
    try:
        store._prepare(create)
    except BaseException:
        store.close()
        raise
    return store


class LedgerStore:
    """The books. Every method is one transaction; the store is safe to share between threads."""

    def __init__(self, url: str, wait_seconds: float = 0.0, ending: Event | None = None) -> None:
        self._session = Session(url, wait_seconds, ending)
        self._backend = self._session.backend

    @property
    def retried(self) -> Retried:
        """How often transactions were tried again: after conflicts, and after outages."""
        return self._session.retried

    def _prepare(self, create: bool) -> None:
        """Check the schema version and create or upgrade when allowed."""
        self._session.check_reachable(create)
        version = self._session.read(
            lambda connection: migrating.current_version(connection, self._backend)
        )
        if version == migrating.HEAD:
            return
        if not create:
            state = "is empty" if version is None else f"has the older schema version {version}"
            raise StoreError(f"the store {state}; run a pipeline on it to bring it up to date")
        self.migrate()

    def migrate(self) -> str | None:
        """Bring the schema up to date; return the version before, None for an empty database.

        Raises StoreError (ForeignDatabase, NewerDatabase) for what it must not touch.
        """
        self._session.check_reachable(create=True)
        return self._session.write(
            lambda connection, _: migrating.migrate(connection, self._backend)
        )

    def close(self) -> None:
        """Close all connections; the store can be used again afterwards."""
        self._session.close()

    def __enter__(self) -> LedgerStore:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # --- before a fold -------------------------------------------------------------------

    def links_from(self, tenant: str, ids: Iterable[str]) -> KnownLinks:
        """What is known of these ids and of the ids they lead to."""
        return self._session.read(
            lambda connection: history.read_links_from(connection, self._backend, tenant, ids)
        )

    def homes_of(self, tenant: str, message_ids: Iterable[str]) -> dict[str, str]:
        """Under which ref messages that name no party are archived; new ones are absent."""
        return self._session.read(
            lambda connection: history.read_homes(connection, self._backend, tenant, message_ids)
        )

    def refs_of(self, tenant: str, wanted: Sequence[Keys]) -> dict[str, tuple[str, ...]]:
        """Every ref that `past_of` would find these parties under, by party id, sorted."""
        return self._session.read(
            lambda connection: history.read_refs(connection, self._backend, tenant, wanted)
        )

    def party_refs_of(self, tenant: str, party_ids: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """The refs that resolved to each party id when last committed, sorted."""
        return self._session.read(
            lambda connection: history.read_party_refs(connection, self._backend, tenant, party_ids)
        )

    def held_moves(
        self, tenant: str, roles: Iterable[AccountRole], without_party: str
    ) -> list[HeldMove]:
        """Movements of money held in a foreign currency that stand; see `holdings`."""
        return self._session.read(
            lambda connection: holdings.read_held_moves(connection, tenant, roles, without_party)
        )

    def history(self, tenant: str, party_refs: Iterable[str]) -> History:
        """The archived messages and the revision of every ref."""
        return self._session.read(
            lambda connection: history.read_history(connection, self._backend, tenant, party_refs)
        )

    def past_of(self, tenant: str, wanted: Sequence[Keys]) -> dict[str, Past]:
        """All that is kept of some parties, by party id, under every name they ever had."""
        return self._session.read(
            lambda connection: history.read_past(connection, self._backend, tenant, wanted)
        )

    def party_groups(self, tenant: str) -> list[tuple[str, tuple[str, ...]]]:
        """Every party with the refs it is kept under; what waits for one is with it. Sorted."""
        return self._session.read(lambda connection: history.read_party_groups(connection, tenant))

    # --- commits -------------------------------------------------------------------------

    def commit(
        self, folded: Sequence[FoldedParty], right: PostingRight | None = None
    ) -> CommitReport:
        """Make what the folds say stand; all of it or, when it raises, nothing.

        `right`: a soft-closed period into which it may post; StoreError when it may not.

        Raises StaleHistory (a ledger StaleParty) when another commit came between the history a
        fold saw and now: fold again. Committing the same again adds nothing.
        """
        if not folded:
            return CommitReport()
        return self._session.write(CommitFolds(self._backend, folded, right))

    def commit_dead_letters(self, letters: Sequence[DeadLetter]) -> CommitReport:
        """Keep dead letters of events that were never accepted; known ones count as duplicates."""
        return self._session.write(KeepLetters(self._backend, letters))

    def kept(self, tenant: str, parts: Collection[Part]) -> set[Part]:
        """Those of the parts that are durable here."""
        return self._session.read(
            lambda connection: kept_parts.read_kept(connection, self._backend, tenant, parts)
        )

    # --- operations ----------------------------------------------------------------------

    def resolve_dead_letters(self, ids: Sequence[str]) -> int:
        """Set dead letters aside; return how many were open. Raises UnknownId."""
        return self._session.write(
            lambda connection, _: dead_letters.mark_resolved(connection, self._backend, ids)
        )

    def open_dead_letters(self, tenant: str | None = None) -> Iterator[DeadLetter]:
        """Every open dead letter with its bytes, by id: what a resubmission reads."""
        with self._session.reading() as connection:
            yield from dead_letters.read_open(connection, tenant)

    def set_period(self, tenant: str, entity: str, period: str, state: PeriodState) -> PeriodState:
        """Open or close an accounting period without asking anybody; return its state before.

        What people do goes through `proposals`; this is for imports of books closed elsewhere.
        """
        return self._session.write(
            lambda connection, _: set_period_state(
                connection, self._backend, (tenant, entity, period), state
            )
        )

    def keep_calendars(self, tenant: str, books: BooksConfig) -> None:
        """Keep the periods of each entity as the books configure them.

        Raises CalendarChanged when an entity has postings in other periods.
        """
        if not self._session.read(lambda connection: calendar_problems(connection, tenant, books)):
            return
        self._session.write(
            lambda connection, _: keep_calendars(connection, self._backend, tenant, books)
        )

    def calendar(self, tenant: str, entity: str) -> Calendar:
        """The accounting periods of a legal entity; months where nothing else is known."""
        calendars = self._session.read(read_calendars)
        return calendars.get((tenant, entity), MONTHS)

    def deliveries(
        self, status: DeliveryStatus = DeliveryStatus.PENDING, after: int = 0, limit: int = 500
    ) -> list[Delivery]:
        """Postings in the outbox past a position, in the order they must go out."""
        with self._session.reading() as connection:
            return outbox.read_deliveries(connection, status=status, after=after, limit=limit)

    def record_delivery(
        self, posting_id: str, status: DeliveryStatus, reason: str | None = None
    ) -> None:
        """Keep what came of an attempt to deliver a posting. Raises UnknownId."""
        self._session.write(
            lambda connection, _: outbox.record_delivery(connection, posting_id, status, reason)
        )

    @property
    def delivery_desk(self) -> DeliveryDesk:
        """The deliverer's side of the outbox."""
        return DeliveryDesk(self._session)

    def booked_periods(self, tenant: str | None = None) -> list[tuple[str, str, str]]:
        """Every (tenant, entity, period) in which something is booked, sorted."""
        with self._session.reading() as connection:
            return reading.read_booked_periods(connection, tenant)

    @property
    def mapping_desk(self) -> MappingDesk:
        """The side of the outbox where postings get their GL accounts."""
        return MappingDesk(self._session)

    @property
    def close_desk(self) -> CloseDesk:
        """The doors of whoever closes periods."""
        return CloseDesk(self._session)

    def begin_run(self, run: runs.Run) -> None:
        """Write down that a run started."""
        self._session.write(lambda connection, _: runs.begin_run(connection, run))

    def finish_run(
        self, run_id: str, finished_at_micros: int, counts: dict[str, int], status: str = "done"
    ) -> None:
        """Write down how a run ended. Raises UnknownId for a run that was never begun."""
        self._session.write(
            lambda connection, _: runs.finish_run(
                connection, run_id, finished_at_micros, status, counts
            )
        )

    def runs(self, limit: int = 20) -> list[runs.Run]:
        """The latest runs, newest first."""
        with self._session.reading() as connection:
            return runs.read_runs(connection, limit)

    # --- questions -----------------------------------------------------------------------

    def trial_balance(
        self, tenant: str | None = None, through_period: str | None = None
    ) -> list[reading.BalanceRow]:
        """Debits and credits per entity, currency and account role, sorted."""
        with self._session.reading() as connection:
            return reading.read_trial_balance(connection, tenant, through_period)

    def entity_balances(
        self, tenant: str, through_period: str | None = None
    ) -> list[EntityBalance]:
        """Net debits per entity, role, counterparty and period: what a group is added up from."""
        with self._session.reading() as connection:
            return entity_balances.read_entity_balances(connection, tenant, through_period)

    def taxes(
        self, tenant: str | None = None, through_period: str | None = None
    ) -> tuple[list[taxes.TaxRow], list[taxes.UntaxedRow]]:
        """Tax per jurisdiction and period, and what was supplied without any."""
        with self._session.reading() as connection:
            owed = taxes.read_taxes(connection, tenant, through_period)
            return owed, taxes.read_untaxed(connection, tenant, through_period)

    def conservation(self, as_of_micros: int, tenant: str | None = None) -> reading.Conservation:
        """Where every event the store knows ended, each counted once."""
        with self._session.reading() as connection:
            return reading.read_conservation(connection, self._backend, as_of_micros, tenant)

    def unposted_invoices(self, tenant: str | None = None) -> list[questions.UnpostedInvoice]:
        """Which invoices are not in the books, and why."""
        with self._session.reading() as connection:
            return questions.read_unposted_invoices(connection, self._backend, tenant)

    def unprovisioned(self, tenant: str | None = None) -> list[questions.UnprovisionedContract]:
        """Who paid and has no active subscription."""
        with self._session.reading() as connection:
            return questions.read_unprovisioned(connection, tenant)

    def renewals_at_risk(self, tenant: str | None = None) -> list[questions.RenewalAtRisk]:
        """Which renewals are in doubt, and why."""
        with self._session.reading() as connection:
            return questions.read_renewals_at_risk(connection, tenant)

    def exceptions(
        self, as_of_micros: int, tenant: str | None = None
    ) -> Iterator[questions.ExceptionRow]:
        """Open dead letters, waiting events that are late or ambiguous at that time, and
        postings that the ERP does not take."""
        with self._session.reading() as connection:
            yield from questions.read_exceptions(connection, as_of_micros, tenant)
            yield from questions.read_undelivered(connection, self._backend, tenant)

    def contract_drifts(self, as_of_micros: int, tenant: str | None = None) -> list[ContractDrift]:
        """On which contracts CRM and billing disagree, and on what; expired as of that time."""
        with self._session.reading() as connection:
            return list(questions.read_drifts(connection, as_of_micros, tenant))

    def schema_usage(
        self, tenant: str | None = None, since_micros: int | None = None
    ) -> list[schema_usage.SchemaUse]:
        """Which versions of which subjects are in the archive, by source, sorted."""
        with self._session.reading() as connection:
            return schema_usage.read_schema_usage(connection, tenant, since_micros)

    def postings(
        self, tenant: str | None = None, entity: str | None = None, period: str | None = None
    ) -> Iterator[postings.PostedEntry]:
        """Every posting by period, date and entry key; a stream, for exports."""
        with self._session.reading() as connection:
            yield from postings.read_postings(
                connection, self._backend, tenant=tenant, entity=entity, period=period
            )

    def trace(
        self,
        wanted: str,
        tenant: str | None = None,
        sources: Sequence[str] = finding.SOURCES,
    ) -> tracing.Trace:
        """Explain an id, with or without its source's prefix. Raises UnknownId, AmbiguousId."""
        with self._session.reading() as connection:
            found = finding.find(connection, self._backend, wanted, tenant=tenant, sources=sources)
            return tracing.trace(connection, self._backend, found)

    def canonical_dump(self) -> Iterator[bytes]:
        """The same bytes for the same books, on any database: sorted JSON lines."""
        with self._session.reading() as connection:
            yield from dumping.canonical_dump(connection, self._backend)

    def standing_dump(self) -> Iterator[bytes]:
        """What stands now, without the history of how it came; sorted JSON lines."""
        with self._session.reading() as connection:
            yield from dump_of_standing(connection, self._backend)
