"""CRM contracts of the hand-written scripts: the changes of a record in commit order, and terms."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, datetime
from typing import NamedTuple

from benchmarks.by_hand_facts import Change

DAY = 86_400
ENDED = frozenset({"cancelled", "canceled", "terminated", "expired"})


class Contract(NamedTuple):
    """A CRM contract as it stands."""

    entity: str | None
    account: str | None
    signed_at: int | None
    term_start: int
    term_end: int | None
    ends_at: int | None
    """When a cancelled one ends."""
    ended_by: str
    """The message that ended it."""


def contract_of(record: str, deltas: list[Change]) -> Contract | None:
    """Apply the changes; None while the creation was not seen."""
    deltas = sorted(deltas)
    if deltas[0].fields["ChangeEventHeader"]["changeType"] != "CREATE":
        return None
    values: dict[str, object] = {}
    signed_at = ended = None
    for delta in deltas:
        values.update(delta.fields)
        status = str(values.get("Status", "")).casefold()
        if status == "activated" and signed_at is None:
            signed_at = delta.at
        if status in ENDED and ended is None:
            ended = delta
    start = int(values["StartDate"]) // 1_000  # type: ignore[call-overload]
    months = values.get("ContractTerm")
    return Contract(
        entity=values.get("Legal_Entity__c"),  # type: ignore[arg-type]
        account=f"salesforce:{values['AccountId']}",
        signed_at=signed_at,
        term_start=start,
        term_end=add_months(start, int(months)) if months else None,  # type: ignore[call-overload]
        ends_at=None if ended is None else _end_of(ended),
        ended_by=ended.message_id if ended else "",
    )


def _end_of(ended: Change) -> int:
    last_day = ended.fields.get("EndDate")
    return ended.at if last_day is None else (int(last_day) // 1_000 // DAY + 1) * DAY


def add_months(at: int, months: int) -> int:
    """The same day so many months later, or the last of a shorter month."""
    day = datetime.fromtimestamp(at, UTC)
    index = day.year * 12 + day.month - 1 + months
    year, month = index // 12, index % 12 + 1
    moved = day.replace(year=year, month=month, day=min(day.day, monthrange(year, month)[1]))
    return int(moved.timestamp())
