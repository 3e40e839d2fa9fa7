"""The doors of whoever closes periods; each is one transaction.

A close is written only while the books are still what it was judged on: the caller hands in the
fingerprint of its snapshot, and `BooksMoved` tells it to look again. While it is written no commit
is under way, so a posting is booked either before the close, and counted, or in the next period.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Connection, select

from connectors.store.backend import Backend
from connectors.store.bodies import pack_body, unpack_body
from connectors.store.books_calendar import (
    PeriodState,
    read_calendars,
    read_period_state,
    set_period_state,
)
from connectors.store.closing.decisions import (
    APPROVAL_OF,
    Action,
    Decision,
    Refused,
    Which,
    Who,
    find_decision,
    read_decisions,
    record,
    standing_proposals,
)
from connectors.store.closing.snapshot import (
    Balance,
    NumberOf,
    Snapshot,
    fingerprint,
    read_snapshot,
)
from connectors.store.errors import StoreError, UnknownId
from connectors.store.session import Session
from connectors.store.tables import close_reports, closing_balances, decisions, periods
from ledger.closing.facts import OpenItem
from ledger.closing.people import assert_second_person
from ledger.periods import MONTHS

Result = TypeVar("Result")


class BooksMoved(StoreError):
    """Something was posted, archived or decided since the snapshot: look again."""


class Approved(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a close."""

    fingerprint: str
    """Of the snapshot on which the gate was judged and the figures were made."""
    figures_digest: str
    """Of the figures; must be those that were proposed."""
    balances: Sequence[Balance]
    report: bytes


class CloseDesk:
    """Reads snapshots of periods and takes decisions about them."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._backend: Backend = session.backend

    # --- looking -------------------------------------------------------------------------

    def snapshot(
        self, which: Which, number_of: NumberOf, manifest: Sequence[tuple[str, str]] = ()
    ) -> Snapshot:
        """Everything a close of the period looks at. Raises UnknownPeriod."""
        with self._session.reading() as connection:
            return read_snapshot(connection, self._backend, which, number_of, manifest)

    def decisions(
        self, tenant: str, entity: str | None = None, period: str | None = None
    ) -> list[Decision]:
        """What was decided, in order."""
        with self._session.reading() as connection:
            return read_decisions(connection, tenant, entity, period)

    def decision(self, decision_id: str) -> Decision:
        """One decision. Raises UnknownId."""
        with self._session.reading() as connection:
            return _need(connection, decision_id)

    def report(self, which: Which) -> bytes | None:
        """The report (JSON) of the last approved close of a period; None when there is none."""
        query = (
            select(close_reports)
            .join(decisions, decisions.c.decision_no == close_reports.c.decision_no)
            .where(
                decisions.c.tenant == which.tenant,
                decisions.c.entity == which.entity,
                decisions.c.period == which.period,
            )
            .order_by(close_reports.c.decision_no.desc())
            .limit(1)
        )
        with self._session.reading() as connection:
            row = connection.execute(query).first()
            return None if row is None else unpack_body(row.body_packed, row.body)

    def states(self, tenant: str | None = None) -> list[tuple[Which, str]]:
        """Every period that is not open, with its state, sorted."""
        query = select(periods).order_by(*tuple(periods.primary_key))
        if tenant is not None:
            query = query.where(periods.c.tenant == tenant)
        with self._session.reading() as connection:
            return [
                (Which(tenant=row.tenant, entity=row.entity, period=row.period), row.state)
                for row in connection.execute(query)
            ]

    def state(self, which: Which) -> PeriodState:
        """The state of one period."""
        with self._session.reading() as connection:
            return read_period_state(connection, _key(which))

    # --- closing -------------------------------------------------------------------------

    def propose_close(
        self, which: Which, who: Who, snapshot_fingerprint: str, figures_digest: str
    ) -> Decision:
        """Propose what was judged; the period is soft closed from now on.

        Raises BooksMoved, Refused when it is closed or proposed already, UnknownPerson.
        """

        def work(connection: Connection) -> Decision:
            self._assert_unmoved(connection, which, snapshot_fingerprint)
            _assert_state(connection, which, PeriodState.OPEN, PeriodState.SOFT_CLOSED)
            _assert_no_proposal(connection, which, Action.PROPOSE_CLOSE)
            details: dict[str, Any] = {"figures_digest": figures_digest}
            _, taken = self._record(connection, which, Action.PROPOSE_CLOSE, who, details=details)
            set_period_state(connection, self._backend, _key(which), PeriodState.SOFT_CLOSED)
            return taken

        return self._deciding(work)

    def approve_close(self, proposal_id: str, who: Who, approved: Approved) -> Decision:
        """Close the period with its balances and its report.

        Raises BooksMoved; Refused when the proposal does not stand or the figures are others;
        SamePerson for who proposed it.
        """

        def work(connection: Connection) -> Decision:
            proposal, which = _standing(connection, proposal_id, Action.PROPOSE_CLOSE, who)
            self._assert_unmoved(connection, which, approved.fingerprint)
            _assert_state(connection, which, PeriodState.SOFT_CLOSED)
            if proposal.details.get("figures_digest") != approved.figures_digest:
                raise Refused(
                    "the figures are not those that were proposed: withdraw the proposal, look at "
                    "the report and propose again"
                )
            number, taken = self._record(
                connection, which, Action.APPROVE_CLOSE, who, refers=proposal_id
            )
            self._keep(connection, number, approved)
            set_period_state(connection, self._backend, _key(which), PeriodState.CLOSED)
            return taken

        return self._deciding(work)

    def _keep(self, connection: Connection, number: int, approved: Approved) -> None:
        rows = [(number, *msgspec.structs.astuple(balance)) for balance in approved.balances]
        self._backend.insert(connection, closing_balances, rows)
        digest = hashlib.sha256(approved.report).hexdigest()
        row = (number, digest, *pack_body(approved.report))
        self._backend.insert(connection, close_reports, [row])

    def withdraw(self, proposal_id: str, who: Who) -> Decision:
        """Take a proposal back; of a close, the period is open again. Raises Refused, UnknownId."""

        def work(connection: Connection) -> Decision:
            proposal, which = _standing(connection, proposal_id, None, None)
            _, taken = self._record(connection, which, Action.WITHDRAW, who, refers=proposal_id)
            if proposal.action == Action.PROPOSE_CLOSE:
                set_period_state(connection, self._backend, _key(which), PeriodState.OPEN)
            return taken

        return self._deciding(work)

    def soft_close(self, which: Which, who: Who) -> Decision:
        """Let automatic activity go to the next period. Raises Refused when it is not open."""
        return self._move(which, who, Action.SOFT_CLOSE, PeriodState.OPEN, PeriodState.SOFT_CLOSED)

    def open_again(self, which: Which, who: Who) -> Decision:
        """Take a soft close back. Raises Refused when it is closed, or its close is proposed."""
        return self._move(which, who, Action.OPEN_AGAIN, PeriodState.SOFT_CLOSED, PeriodState.OPEN)

    def _move(
        self, which: Which, who: Who, action: Action, before: PeriodState, after: PeriodState
    ) -> Decision:
        def work(connection: Connection) -> Decision:
            _assert_state(connection, which, before)
            _assert_no_proposal(connection, which, Action.PROPOSE_CLOSE)
            _, taken = self._record(connection, which, action, who)
            set_period_state(connection, self._backend, _key(which), after)
            return taken

        return self._deciding(work)

    # --- exceptions, adjustments, reopening ----------------------------------------------

    def sign_off(self, which: Which, who: Who, items: Sequence[OpenItem]) -> list[Decision]:
        """Accept open items for a period, at the amounts they have. Raises Refused when closed."""

        def work(connection: Connection) -> list[Decision]:
            _assert_state(connection, which, PeriodState.OPEN, PeriodState.SOFT_CLOSED)
            taken = []
            for item in items:
                details: dict[str, Any] = {
                    "item_id": item.item_id,
                    "reason_code": item.reason,
                    "amount_minor": item.amount_minor,
                    "currency": item.currency,
                }
                signed = self._record(connection, which, Action.SIGN_OFF, who, details=details)
                taken.append(signed[1])
            return taken

        return self._deciding(work)

    def propose_adjustment(self, which: Which, who: Who) -> Decision:
        """Ask for leave to post into a soft-closed period. Raises Refused in another state."""

        def work(connection: Connection) -> Decision:
            _assert_state(connection, which, PeriodState.SOFT_CLOSED)
            return self._record(connection, which, Action.PROPOSE_ADJUSTMENT, who)[1]

        return self._deciding(work)

    def approve_adjustment(self, proposal_id: str, who: Who) -> Decision:
        """Give leave; the decision's id is what the run names. Raises Refused, SamePerson."""

        def work(connection: Connection) -> Decision:
            _, which = _standing(connection, proposal_id, Action.PROPOSE_ADJUSTMENT, who)
            _assert_state(connection, which, PeriodState.SOFT_CLOSED)
            return self._record(
                connection, which, Action.APPROVE_ADJUSTMENT, who, refers=proposal_id
            )[1]

        return self._deciding(work)

    def propose_reopen(self, which: Which, who: Who) -> Decision:
        """Ask for a closed period to be opened. Raises Refused when it is not closed."""

        def work(connection: Connection) -> Decision:
            _assert_state(connection, which, PeriodState.CLOSED)
            _assert_no_proposal(connection, which, Action.PROPOSE_REOPEN)
            return self._record(connection, which, Action.PROPOSE_REOPEN, who)[1]

        return self._deciding(work)

    def approve_reopen(self, proposal_id: str, who: Who) -> list[Decision]:
        """Open the period and every later one; one decision each. Raises Refused, SamePerson."""

        def work(connection: Connection) -> list[Decision]:
            _, which = _standing(connection, proposal_id, Action.PROPOSE_REOPEN, who)
            _assert_state(connection, which, PeriodState.CLOSED)
            taken = [
                self._record(connection, which, Action.APPROVE_REOPEN, who, refers=proposal_id)[1]
            ]
            set_period_state(connection, self._backend, _key(which), PeriodState.OPEN)
            for later in _later(connection, which):
                self._withdraw_proposals(connection, later, who)
                reopened = self._record(
                    connection, later, Action.REOPENED_WITH, who, refers=taken[0].decision_id
                )
                taken.append(reopened[1])
                set_period_state(connection, self._backend, _key(later), PeriodState.OPEN)
            return taken

        return self._deciding(work)

    def _withdraw_proposals(self, connection: Connection, which: Which, who: Who) -> None:
        for proposal in _proposals(connection, which):
            self._record(connection, which, Action.WITHDRAW, who, refers=proposal.decision_id)

    # --- behind the doors ----------------------------------------------------------------

    def _deciding(self, work: Callable[[Connection], Result]) -> Result:
        def owning(connection: Connection, _: int) -> Result:
            self._backend.own_periods(connection)
            return work(connection)

        return self._session.write(owning)

    def _record(
        self,
        connection: Connection,
        which: Which,
        action: Action,
        who: Who,
        *,
        refers: str | None = None,
        details: dict[str, Any] | None = None,
    ) -> tuple[int, Decision]:
        return record(connection, self._backend, which, action, who, refers=refers, details=details)

    def _assert_unmoved(self, connection: Connection, which: Which, before: str) -> None:
        if fingerprint(connection, which.tenant) != before:
            raise BooksMoved("the books changed while the period was looked at: try again")


def _key(which: Which) -> tuple[str, str, str]:
    return which.tenant, which.entity, which.period


def _need(connection: Connection, decision_id: str) -> Decision:
    found = find_decision(connection, decision_id)
    if found is None:
        raise UnknownId(f"no decision is called {decision_id!r}")
    return found


def _standing(
    connection: Connection, proposal_id: str, action: Action | None, approver: Who | None
) -> tuple[Decision, Which]:
    """Return a proposal that is neither approved nor withdrawn; None accepts any kind of it."""
    proposal = _need(connection, proposal_id)
    which = Which(tenant=proposal.tenant, entity=proposal.entity, period=proposal.period)
    if proposal not in _proposals(connection, which) or action not in (None, proposal.action):
        raise Refused(f"{proposal_id} is no proposal that waits for this decision")
    if approver is not None:
        assert_second_person(proposal.person, approver.person, "it")
    return proposal, which


def _proposals(connection: Connection, which: Which) -> list[Decision]:
    return standing_proposals(read_decisions(connection, *_key(which)))


def _assert_no_proposal(connection: Connection, which: Which, action: Action) -> None:
    for proposal in _proposals(connection, which):
        if proposal.action == action:
            raise Refused(
                f"{proposal.decision_id} of {proposal.person} waits for a second person: approve "
                "it or withdraw it"
            )


def _assert_state(connection: Connection, which: Which, *allowed: PeriodState) -> None:
    state = read_period_state(connection, _key(which))
    if state not in allowed:
        wanted = " or ".join(one.value for one in allowed)
        raise Refused(f"{which.period} of {which.entity} is {state.value}, not {wanted}")


def _later(connection: Connection, which: Which) -> Iterable[Which]:
    """Periods of the entity after this one that are not open, in order."""
    calendar = read_calendars(connection).get((which.tenant, which.entity), MONTHS)
    query = (
        select(periods.c.period)
        .where(
            periods.c.tenant == which.tenant,
            periods.c.entity == which.entity,
            periods.c.state != PeriodState.OPEN.value,
        )
        .order_by(periods.c.period)
    )
    index = calendar.index_named(which.period)
    return [
        msgspec.structs.replace(which, period=period)
        for period in connection.execute(query).scalars()
        if calendar.index_named(period) > index
    ]


PROPOSALS = tuple(APPROVAL_OF)
"""Actions that a second person must approve."""
