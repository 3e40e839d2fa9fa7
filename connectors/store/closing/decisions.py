"""Decisions about periods, append-only: who proposed, approved, signed off or withdrew what.

A decision's id is a hash of what it says, so that nothing about it can be changed unnoticed. All
of them are written while no commit is under way (`own_periods`), by the doors in `desk`.
"""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy import Connection, func, select

from connectors.store.backend import Backend
from connectors.store.errors import StoreError
from connectors.store.rows import json_text
from connectors.store.tables import decisions
from ledger.closing.people import checked_name


class Action(StrEnum):
    """What can be decided about a period."""

    SOFT_CLOSE = "soft_close"
    """Automatic activity goes to the next period from now on."""
    OPEN_AGAIN = "open_again"
    """A soft close is taken back; nothing had been reported."""
    PROPOSE_CLOSE = "propose_close"
    """The gate was open and the figures are as stated; the period is soft closed."""
    APPROVE_CLOSE = "approve_close"
    """A second person closes the period."""
    SIGN_OFF = "sign_off"
    """An exception, gap or break is accepted at its amount."""
    PROPOSE_ADJUSTMENT = "propose_adjustment"
    """Somebody wants to post into a soft-closed period."""
    APPROVE_ADJUSTMENT = "approve_adjustment"
    """A second person allows it; the id of this decision is what the run names."""
    PROPOSE_REOPEN = "propose_reopen"
    """Somebody wants a closed period opened again."""
    APPROVE_REOPEN = "approve_reopen"
    """A second person opens it, and every later period with it."""
    REOPENED_WITH = "reopened_with"
    """A later period that was opened with it."""
    WITHDRAW = "withdraw"
    """A proposal is taken back."""


APPROVAL_OF = {
    Action.PROPOSE_CLOSE: Action.APPROVE_CLOSE,
    Action.PROPOSE_ADJUSTMENT: Action.APPROVE_ADJUSTMENT,
    Action.PROPOSE_REOPEN: Action.APPROVE_REOPEN,
}


class Refused(StoreError):
    """A decision that may not be taken: the gate is shut, the state or the figures are others."""


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """One decision as it was taken."""

    decision_id: str
    tenant: str
    entity: str
    period: str
    action: str
    person: str
    reason: str
    at_micros: int
    refers: str | None = None
    details: dict[str, Any] = {}


class Who(msgspec.Struct, frozen=True, kw_only=True):
    """Who decides, why and when: as the caller says."""

    person: str
    reason: str
    at_micros: int


class Which(msgspec.Struct, frozen=True, kw_only=True):
    """A period of a legal entity."""

    tenant: str
    entity: str
    period: str


def record(
    connection: Connection,
    backend: Backend,
    which: Which,
    action: Action,
    who: Who,
    *,
    refers: str | None = None,
    details: dict[str, Any] | None = None,
) -> tuple[int, Decision]:
    """Append a decision; return its number and itself.

    Raises UnknownPerson, and Refused without a reason. The caller owns the periods, so numbers are
    taken one after the other.
    """
    person, reason = checked_name(who.person), who.reason.strip()
    if not reason:
        raise Refused("a decision needs a reason")
    said = (action.value, person, reason, who.at_micros, refers, details or {})
    body = json_text((which.tenant, which.entity, which.period, *said))
    highest = connection.execute(select(func.coalesce(func.max(decisions.c.decision_no), 0)))
    number = int(highest.scalar_one()) + 1
    decision = Decision(
        decision_id=f"dec_{hashlib.sha256(body.encode()).hexdigest()[:32]}",
        tenant=which.tenant,
        entity=which.entity,
        period=which.period,
        action=action.value,
        person=person,
        reason=reason,
        at_micros=who.at_micros,
        refers=refers,
        details=details or {},
    )
    if find_decision(connection, decision.decision_id) is not None:
        raise Refused("this very decision was taken already")
    values = msgspec.structs.astuple(decision)[:-1]
    backend.insert(connection, decisions, [(number, *values, json_text(decision.details))])
    return number, decision


def find_decision(connection: Connection, decision_id: str) -> Decision | None:
    """Return a decision by its id."""
    query = select(decisions).where(decisions.c.decision_id == decision_id)
    row = connection.execute(query).first()
    return None if row is None else decision_of(row)


def decision_of(row: Any) -> Decision:
    """The decision of a row."""
    values = {str.__str__(k): v for k, v in row._mapping.items() if k != "decision_no"}
    values["details"] = msgspec.json.decode(row.details)
    return Decision(**values)


def read_decisions(
    connection: Connection, tenant: str, entity: str | None = None, period: str | None = None
) -> list[Decision]:
    """Return decisions in the order in which they were taken."""
    query = select(decisions).where(decisions.c.tenant == tenant).order_by(decisions.c.decision_no)
    if entity is not None:
        query = query.where(decisions.c.entity == entity)
    if period is not None:
        query = query.where(decisions.c.period == period)
    return [decision_of(row) for row in connection.execute(query)]


def standing_proposals(taken: list[Decision]) -> list[Decision]:
    """Return the proposals that are neither approved nor withdrawn, in their order."""
    settled = {
        one.refers
        for one in taken
        if one.action == Action.WITHDRAW or one.action in APPROVAL_OF.values()
    }
    return [one for one in taken if one.action in APPROVAL_OF and one.decision_id not in settled]
