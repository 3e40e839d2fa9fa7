"""close_period, bounded: everybody is folded as of the period's end, then the period is closed.

    ListStoredParties -> FoldStoredParties -> SumCommits
        -> SettleExchange -> CheckGate -> WriteCloseReport -> ProposeClose

Folding recognises what is due and, where the policy says so, revalues what is open. The job ends
with a proposal: a second person approves it (`crossfoot close approve`), which is one transaction.
Every step may be done again after a crash: a fold that was committed adds nothing, a report has the
same bytes, and a close that was proposed is told, not proposed twice.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import apache_beam as beam
import msgspec
from apache_beam.pvalue import PCollection

from connectors.store import LedgerStore, PostingRight, open_store
from connectors.store.closing.decisions import Action, Decision, Which, Who, standing_proposals
from ledger.closing.gate import Condition, is_open
from ledger.folding import FoldSettings
from pipelines.books import StoreBooks
from pipelines.close_markdown import markdown
from pipelines.close_report import report_bytes
from pipelines.closing import CloseQuestion, look, propose
from pipelines.settle_exchange import settle_exchange
from transforms.close_books import (
    CheckGate,
    ProposeClose,
    SettleExchange,
    SumCommits,
    WriteCloseReport,
)
from transforms.fold_stored_parties import FoldStoredParties, ListStoredParties
from transforms.write_books import CommitCounts


class CloseSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a worker needs; plain data, so that it can be pickled."""

    store: str
    question: CloseQuestion
    ends_micros: int
    """End of the period (exclusive)."""
    output: str | None = None
    """Folder for the report: `close-ENTITY-PERIOD.md` and `.json`."""
    who: Who | None = None
    """Who proposes the close; None only checks and writes."""

    @property
    def right(self) -> PostingRight:
        """The close may post into its own period when that is soft closed."""
        which = self.question.which
        return PostingRight(tenant=which.tenant, entity=which.entity, period=which.period)

    @property
    def fold(self) -> FoldSettings:
        """As of the period's end, or of what a party stands at where that is later."""
        return FoldSettings(
            tenant=self.question.which.tenant,
            policy=self.question.policy,
            books=self.question.books,
            as_of_micros=self.ends_micros,
            keep_as_of=True,
        )


class CloseOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a close run found and did."""

    which: Which
    new_entries: int
    reversals: int
    gate: tuple[Condition, ...] = ()
    is_open: bool = False
    """Whether the gate lets the close through."""
    proposal: Decision | None = None
    """Made by this run, or standing already."""


def close_period(pipeline: beam.Pipeline, settings: CloseSettings) -> PCollection:
    """Build the job: one step per line, in the order of the flow."""
    books, close = open_stored_books(settings), partial(StoredClose, settings)
    return (
        pipeline
        | "ListStoredParties" >> ListStoredParties(books)
        | "FoldStoredParties" >> FoldStoredParties(settings.fold, books)
        | "SumCommits" >> SumCommits()
        | "SettleExchange" >> SettleExchange(close)
        | "CheckGate" >> CheckGate(close)
        | "WriteCloseReport" >> WriteCloseReport(close)
        | "ProposeClose" >> ProposeClose(close)
    )


def open_stored_books(settings: CloseSettings) -> Callable[[], StoreBooks]:
    """Return the recipe of the store's books; the close may post into its soft-closed period."""
    tenant, books = settings.question.which.tenant, settings.question.books
    return partial(StoreBooks, settings.store, tenant, books, settings.right)


class StoredClose:
    """The steps of one close on the ledger store."""

    def __init__(self, settings: CloseSettings) -> None:
        self._settings = settings
        self._store: LedgerStore = open_store(settings.store)
        self._decode = msgspec.json.Decoder(CloseOutcome).decode

    def settle_exchange(self, committed: CommitCounts) -> CommitCounts:
        """Realise and revalue money that entities hold, as of the period's end."""
        added = settle_exchange(self._store, self._settings.fold, self._settings.right)
        return msgspec.structs.replace(
            committed,
            new_entries=committed.new_entries + added.new_entries,
            reversals=committed.reversals + added.reversals,
        )

    def check_gate(self, committed: CommitCounts) -> bytes:
        """Judge the period for who proposes it."""
        settings = self._settings
        conditions = look(self._store, settings.question).gate(_person(settings))
        return msgspec.json.encode(
            CloseOutcome(
                which=settings.question.which,
                new_entries=committed.new_entries,
                reversals=committed.reversals,
                gate=conditions,
                is_open=is_open(conditions),
            )
        )

    def write_report(self, checked: bytes) -> bytes:
        """Write the report in both forms, each under its final name at once."""
        settings = self._settings
        if settings.output is not None:
            which = settings.question.which
            report = look(self._store, settings.question).report(_person(settings))
            stem = f"close-{which.entity.replace('/', '%2F')}-{which.period}"
            _write(Path(settings.output), f"{stem}.json", report_bytes(report))
            _write(Path(settings.output), f"{stem}.md", markdown(report).encode())
        return checked

    def propose(self, checked: bytes) -> bytes:
        """Propose the close when the gate is open; a proposal that stands is told."""
        outcome, settings = self._decode(checked), self._settings
        standing = self._standing()
        if settings.who is not None and outcome.is_open and standing is None:
            standing = propose(self._store, settings.question, settings.who)
        return msgspec.json.encode(msgspec.structs.replace(outcome, proposal=standing))

    def _standing(self) -> Decision | None:
        which = self._settings.question.which
        taken = self._store.close_desk.decisions(which.tenant, which.entity, which.period)
        found = [one for one in standing_proposals(taken) if one.action == Action.PROPOSE_CLOSE]
        return found[0] if found else None


def _person(settings: CloseSettings) -> str | None:
    return settings.who.person if settings.who is not None else None


def _write(folder: Path, name: str, content: bytes) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f".{name}.partial"
    temporary.write_bytes(content)
    temporary.replace(folder / name)
