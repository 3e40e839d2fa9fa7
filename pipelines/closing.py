"""Looking at a period, proposing its close, approving it: what the commands and the job share.

A *look* is one snapshot of the store, judged by the gate and made into a report. Deciding is
writing down a look; when the books moved meanwhile it is looked at again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeVar

import msgspec

from connectors.sequences import NUMBERED, gaps, number_of
from connectors.store import LedgerStore
from connectors.store.closing.decisions import Action, Decision, Refused, Which, Who
from connectors.store.closing.desk import Approved, BooksMoved
from connectors.store.closing.snapshot import Balance, Snapshot
from ledger.closing.facts import BalanceDifference, CloseFacts, FeedFacts, OpenItem, SignOff
from ledger.closing.figures import (
    BookedLine,
    Contribution,
    PlannedLine,
    Where,
    add_up,
    booked_later_contributions,
    break_contributions,
    bucket,
    item_contributions,
    line_contributions,
    planned_contributions,
)
from ledger.closing.gate import Condition, break_item, is_open, judge
from ledger.closing.schedule import schedule
from ledger.instants import iso_day, iso_instant
from ledger.policies import DAY_MICROS, BooksConfig, PolicyPack
from pipelines.close_report import (
    CloseReport,
    ReportTable,
    figures_digest,
    report_bytes,
    shown_decisions,
    tables_of,
)
from pipelines.comparisons import Comparison, Evidence, compare
from transforms.fold_contracts import PARTIES_PER_CHUNK, PartyKeys

Result = TypeVar("Result")

ATTEMPTS = 5
"""How often a look is taken again because the books moved while it was taken."""


class CloseQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """Which period to look at, and what the caller knows beside the store."""

    which: Which
    policy: PolicyPack
    books: BooksConfig
    stated: dict[str, int] = {}
    """Source -> up to when (micros) the caller states that everything was delivered."""
    manifest: tuple[tuple[str, str], ...] = ()
    """(source, message id) that sources say they sent."""
    erp_used: bool | None = None
    """Whether an ERP must have every posting; None: as the outbox tells."""


class Look(NamedTuple):
    """A period as it stands."""

    question: CloseQuestion
    snapshot: Snapshot
    facts: CloseFacts
    contributions: list[Contribution]
    tables: tuple[ReportTable, ...]

    def gate(self, proposer: str | None = None) -> tuple[Condition, ...]:
        """Judge the period for somebody who proposes its close."""
        return judge(self.facts, self.question.books.close, proposer)

    def report(self, proposer: str | None = None, approval: Who | None = None) -> CloseReport:
        """Return the report, signed when it is approved."""
        found, which = self.snapshot, self.question.which
        return CloseReport(
            tenant=which.tenant,
            entity=which.entity,
            period=which.period,
            fiscal_period=found.calendar.fiscal_name(which.period),
            starts=iso_day(found.starts_micros),
            ends=found.last_date,
            policy=self.question.policy.label,
            gate=self.gate(proposer),
            tables=self.tables,
            open_items=(*self.facts.exceptions, *self.facts.gaps),
            decisions=shown_decisions(found.decisions, which.period),
            approved_by=approval.person if approval else None,
            approved_at=iso_instant(approval.at_micros) if approval else None,
        )


class GateShut(Exception):
    """The period cannot be closed; `conditions` say what stands in the way."""

    def __init__(self, conditions: Sequence[Condition]) -> None:
        self.conditions = tuple(one for one in conditions if not one.passed)
        super().__init__("; ".join(f"{one.name.value}: {one.words}" for one in self.conditions))


def look(store: LedgerStore, question: CloseQuestion) -> Look:
    """Look at a period. Raises UnknownPeriod for what is none of the entity's."""
    found = store.close_desk.snapshot(question.which, number_of, question.manifest)
    planned = list(planned_lines(store, question, found))
    comparisons = compare(Evidence(found, planned, question.books.default_entity))
    where = Where(question.which.period, question.which.entity)
    contributions = list(_contributions(found, planned, comparisons, where))
    return Look(
        question,
        found,
        _facts(question, found, comparisons),
        contributions,
        tables_of(add_up(contributions), where),
    )


def planned_lines(
    store: LedgerStore, question: CloseQuestion, found: Snapshot
) -> Iterator[PlannedLine]:
    """Yield what of every party's deferred revenue is recognised after the period."""
    groups = store.party_groups(question.which.tenant)
    for start in range(0, len(groups), PARTIES_PER_CHUNK):
        keys = [
            PartyKeys(party_id, frozenset(refs), frozenset())
            for party_id, refs in groups[start : start + PARTIES_PER_CHUNK]
        ]
        for party_id, past in store.past_of(question.which.tenant, keys).items():
            yield from schedule(
                party_id,
                past.messages,
                tenant=question.which.tenant,
                entity=question.which.entity,
                calendar=found.calendar,
                last_date=found.last_date,
                policy=question.policy,
                books=question.books,
                until_micros=found.ends_micros,
            )


def propose(store: LedgerStore, question: CloseQuestion, who: Who) -> Decision:
    """Propose the close of a period. Raises GateShut, Refused, UnknownPerson, BooksMoved."""

    def once() -> Decision:
        found = look(store, question)
        _assert_open(found.gate(who.person))
        return store.close_desk.propose_close(
            question.which, who, found.snapshot.fingerprint, figures_digest(found.tables)
        )

    return _until_still(once)


def approve(
    store: LedgerStore, question: CloseQuestion, proposal_id: str, who: Who
) -> tuple[Decision, bytes]:
    """Approve a proposed close: the gate is judged again, as for who proposed it.

    Returns the decision and the report as it is kept. Raises GateShut, Refused, SamePerson,
    UnknownPerson, BooksMoved.
    """
    proposal = store.close_desk.decision(proposal_id)
    if proposal.action != Action.PROPOSE_CLOSE:
        raise Refused(f"{proposal_id} does not propose a close")

    def once() -> tuple[Decision, bytes]:
        found = look(store, question)
        _assert_open(found.gate(proposal.person))
        report = report_bytes(found.report(proposal.person, who))
        approved = Approved(
            fingerprint=found.snapshot.fingerprint,
            figures_digest=figures_digest(found.tables),
            balances=balances_of(found.snapshot.lines),
            report=report,
        )
        return store.close_desk.approve_close(proposal_id, who, approved), report

    return _until_still(once)


def _until_still(once: Callable[[], Result]) -> Result:
    for _ in range(ATTEMPTS - 1):
        try:
            return once()
        except BooksMoved:
            continue
    return once()


def _assert_open(conditions: Sequence[Condition]) -> None:
    if not is_open(conditions):
        raise GateShut(conditions)


# --- facts --------------------------------------------------------------------------------


def _facts(
    question: CloseQuestion, found: Snapshot, comparisons: Sequence[Comparison]
) -> CloseFacts:
    which = question.which
    numbers = [(one.source, one.stream, one.number) for one in found.numbered]
    used = found.erp_used if question.erp_used is None else question.erp_used
    return CloseFacts(
        entity=which.entity,
        period=which.period,
        starts_micros=found.starts_micros,
        ends_micros=found.ends_micros,
        sources=_sources(question, found),
        gaps=(*gaps(numbers, which.period), *found.missing),
        exceptions=tuple(found.exceptions),
        sign_offs=_sign_offs(found),
        parties=found.parties,
        parties_behind=found.parties_behind,
        undelivered=found.undelivered,
        erp_used=used,
        breaks=tuple(one.as_break() for one in comparisons),
        unclosed_before=tuple(found.unclosed_before),
        opening_differences=_opening_differences(found),
        unbalanced=_unbalanced(found.lines, which.period),
    )


def _sources(question: CloseQuestion, found: Snapshot) -> tuple[FeedFacts, ...]:
    latest = dict(found.sources)
    listed = {source for source, _ in question.manifest}
    return tuple(
        FeedFacts(
            source=source,
            latest_micros=latest.get(source),
            stated_micros=question.stated.get(source),
            numbered=source in NUMBERED or source in listed,
        )
        for source in sorted(latest.keys() | question.stated.keys() | listed)
    )


def _sign_offs(found: Snapshot) -> tuple[SignOff, ...]:
    return tuple(
        SignOff(
            item_id=one.details["item_id"],
            reason_code=one.details["reason_code"],
            period=one.period,
            person=one.person,
            why=one.reason,
            amount_minor=one.details["amount_minor"],
            currency=one.details["currency"],
            at_micros=one.at_micros,
        )
        for one in found.decisions
        if one.action == Action.SIGN_OFF and one.period <= found.which.period
    )


def balances_of(lines: Sequence[BookedLine]) -> list[Balance]:
    """Return the balances of lines, sorted; those of nothing are left out."""
    sums: dict[tuple[str, str, str], list[int]] = {}
    for line in lines:
        both = sums.setdefault((line.currency, line.functional_currency, line.role), [0, 0])
        both[0] += line.amount_minor
        both[1] += line.functional_minor
    return [
        Balance(
            currency=currency,
            functional_currency=functional,
            role=role,
            balance_minor=both[0],
            functional_minor=both[1],
        )
        for (currency, functional, role), both in sorted(sums.items())
        if both != [0, 0]
    ]


def _opening_differences(found: Snapshot) -> tuple[BalanceDifference, ...]:
    if found.closed_before is None:
        return ()
    period, closed = found.closed_before
    now = balances_of([line for line in found.lines if line.period <= period])
    was, stands = (
        {(b.currency, b.functional_currency, b.role): b for b in x} for x in (closed, now)
    )
    return tuple(
        BalanceDifference(
            role=key[2],
            currency=key[0],
            closed_minor=was[key].balance_minor if key in was else 0,
            now_minor=stands[key].balance_minor if key in stands else 0,
        )
        for key in sorted(was.keys() | stands.keys())
        if was.get(key) != stands.get(key)
    )


def _unbalanced(lines: Sequence[BookedLine], period: str) -> tuple[str, ...]:
    sums: dict[str, int] = {}
    for line in lines:
        if line.period == period:
            sums[line.currency] = sums.get(line.currency, 0) + line.amount_minor
            name = f"{line.functional_currency} (functional)"
            sums[name] = sums.get(name, 0) + line.functional_minor
    return tuple(sorted(name for name, total in sums.items() if total))


# --- figures ------------------------------------------------------------------------------


def _contributions(
    found: Snapshot,
    planned: Sequence[PlannedLine],
    comparisons: Sequence[Comparison],
    where: Where,
) -> Iterator[Contribution]:
    yield from line_contributions(found.lines, where, _buckets(found))
    yield from planned_contributions(planned, where)
    yield from booked_later_contributions(found.later_lines, where)
    yield from item_contributions(found.exceptions, where)
    for one in comparisons:
        yield from break_contributions(one.as_break(), one.ours, one.theirs, where)


def _buckets(found: Snapshot) -> dict[str, str]:
    """Bucket of the ageing by invoice: days past due at the end of the period, whole ones."""
    due = {row.invoice_id: row.due_at_micros for row in found.invoices}
    return {
        invoice_id: bucket((found.ends_micros - 1) // DAY_MICROS - at // DAY_MICROS)
        for invoice_id, at in due.items()
    }


def find_items(look_at: Look, item_id: str) -> list[OpenItem]:
    """Return the exceptions, gaps or breaks of that id: one event may wait for several things."""
    items = [*look_at.facts.exceptions, *look_at.facts.gaps]
    items += [break_item(one, look_at.facts.period) for one in look_at.facts.breaks]
    return [item for item in items if item.item_id == item_id]
