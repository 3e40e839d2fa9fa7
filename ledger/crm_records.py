"""CRM records out of their changes: deltas applied in commit order, whatever order they came in.

What the records mean (contracts, orders, accounts) is in `ledger.crm_contracts`. The provider
adapter has already given the fields their canonical names; they are listed here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal, InvalidOperation

import msgspec

from ledger.events import RecordChanged
from ledger.money import MAX_MINOR, is_currency
from ledger.reasons import Reason
from ledger.results import Refusal

RECORD_FIELDS: dict[str, str] = {
    "account_id": "id: the customer account (Contract, Order, Opportunity)",
    "amount": "number: worth of an Opportunity, in major units",
    "city": "text (Account)",
    "contract_id": "id: the Contract an Order belongs to",
    "contract_number": "text: the company's own number of a Contract",
    "country": "text: ISO 3166 code where known (Account)",
    "currency": "text: ISO 4217 code (Account, Opportunity, Contract, Order)",
    "effective_date": "time: when an Order begins",
    "email": "text (Account)",
    "end_date": "time: start of the last day, inclusive (Contract, Order, OrderItem)",
    "entity": "text: legal entity code (Account, Contract, Order)",
    "is_closed": "flag (Opportunity)",
    "is_won": "flag (Opportunity)",
    "name": "text",
    "opportunity_id": "id: the Opportunity a Contract came from",
    "order_id": "id: the Order an OrderItem belongs to",
    "postal_code": "text (Account)",
    "product": "text: product code (OrderItem)",
    "quantity": "number (OrderItem)",
    "service_date": "time: start of service (OrderItem)",
    "stage": "text (Opportunity)",
    "start_date": "time: start of the term (Contract)",
    "state": "text (Account)",
    "status": "text: Draft, Activated, Cancelled, Terminated, Expired, … (Contract, Order)",
    "street": "text (Account)",
    "tax_id": "text (Account)",
    "term_months": "number: whole months of the term (Contract, Order)",
    "type": "text: New, Amendment or Renewal (Order)",
    "unit_price": "number: major units per unit of quantity (OrderItem)",
}
"""Canonical names in `RecordChanged.values`, with kind and record. A time is microseconds since
the epoch as text, a number decimal text, a flag `true` or `false`, an id as the source gives it
(with or without its `<source>:` prefix). None: the field was emptied. Other names are ignored."""

TIME_FIELDS = frozenset({"start_date", "end_date", "effective_date", "service_date"})
NUMBER_FIELDS = frozenset({"amount", "quantity", "term_months", "unit_price"})
FLAG_FIELDS = frozenset({"is_closed", "is_won"})
ID_FIELDS = frozenset({"account_id", "contract_id", "opportunity_id", "order_id"})

_EARLIEST_MICROS = 946_684_800_000_000
"""2000-01-01."""
_LATEST_MICROS = 4_102_444_800_000_000
"""2100-01-01."""
_MAX_TERM_MONTHS = 1200
_MOST_DECIMALS = 12

Values = dict[str, str | None]


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One CRM record after all its changes."""

    entity_name: str
    record_id: str
    """With the source's prefix."""
    deltas: tuple[RecordChanged, ...]
    """In commit order, without duplicates."""
    values: Values
    deleted: bool
    gaps: tuple[RecordChanged, ...] = ()
    """Changes that were announced without their values; what they changed is not known."""
    complete: bool = True
    """False while the creation has not been seen."""

    def id_in(self, field: str) -> str | None:
        """The id in a field, with the source's prefix."""
        found = self.values.get(field)
        return with_prefix(found, self.deltas[0].source) if found else None

    def micros_in(self, field: str) -> int | None:
        """The time in a field, in microseconds."""
        found = self.values.get(field)
        return int(found) if found else None

    def number_in(self, field: str) -> Decimal | None:
        """The number in a field."""
        found = self.values.get(field)
        return Decimal(found) if found else None

    def turned(self, holds: Callable[[Values, bool], bool]) -> tuple[RecordChanged, ...]:
        """The changes at which `holds(values, deleted)` became true, in order."""
        if len(self.deltas) == 1:
            return self.deltas if holds(self.values, self.deleted) else ()
        turns: list[RecordChanged] = []
        values: Values = {}
        deleted = before = False
        for delta in self.deltas:
            values.update(delta.values)
            deleted = _deleted_after(delta, deleted)
            now = holds(values, deleted)
            if now and not before:
                turns.append(delta)
            before = now
        return tuple(turns)


def with_prefix(record_id: str, source: str) -> str:
    """A record id as `<source>:<id>`; unchanged when it has a prefix."""
    return record_id if ":" in record_id else f"{source}:{record_id}"


def build_records(
    changes: Iterable[RecordChanged],
) -> tuple[dict[str, Record], tuple[Refusal, ...]]:
    """Apply changes to their records: (records by id, refusals of changes with impossible values).

    Changes of a record with the same (commit number, sequence number) are one change.
    """
    by_record: dict[str, list[RecordChanged]] = {}
    refusals: list[Refusal] = []
    for change in changes:
        refusal = _check(change)
        if refusal is not None:
            refusals.append(refusal)
            continue
        record_id = with_prefix(change.record_id, change.source)
        by_record.setdefault(record_id, []).append(change)
    records = {record_id: _apply(record_id, by_record[record_id]) for record_id in by_record}
    return records, tuple(sorted(refusals, key=lambda refusal: refusal.event_id))


def _apply(record_id: str, changes: list[RecordChanged]) -> Record:
    if len(changes) == 1 and changes[0].change_type == "CREATE":
        return _only_created(record_id, changes[0])
    deltas = _in_commit_order(changes)
    values: Values = {}
    deleted = False
    complete = deltas[0].change_type == "CREATE"
    gaps: list[RecordChanged] = []
    for delta in deltas:
        values.update(delta.values)
        deleted = _deleted_after(delta, deleted)
        if delta.change_type in ("GAP_UPDATE", "GAP_UNDELETE"):
            gaps.append(delta)
        elif delta.change_type == "CREATE":
            gaps.clear()
            complete = True
    return Record(
        entity_name=deltas[0].entity_name,
        record_id=record_id,
        deltas=deltas,
        values=values,
        deleted=deleted,
        gaps=tuple(gaps),
        complete=complete,
    )


def _only_created(record_id: str, creation: RecordChanged) -> Record:
    return Record(
        entity_name=creation.entity_name,
        record_id=record_id,
        deltas=(creation,),
        values=creation.values,
        deleted=False,
    )


def _in_commit_order(changes: list[RecordChanged]) -> tuple[RecordChanged, ...]:
    if len(changes) == 1:
        return (changes[0],)
    ordered = sorted(changes, key=_commit_order)
    first_of = {(change.commit_number, change.sequence_number): change for change in ordered[::-1]}
    return tuple(first_of[key] for key in sorted(first_of))


def _commit_order(change: RecordChanged) -> tuple[int, int, str]:
    return change.commit_number, change.sequence_number, change.event_id


def _deleted_after(delta: RecordChanged, deleted: bool) -> bool:
    if delta.change_type in ("DELETE", "GAP_DELETE"):
        return True
    if delta.change_type in ("CREATE", "UNDELETE", "GAP_UNDELETE"):
        return False
    return deleted


def _check(change: RecordChanged) -> Refusal | None:
    """Refuse a change with a value that cannot be what its field says."""
    for field, value in change.values.items():
        check = _CHECKS.get(field)
        if check is not None and value is not None and not check(value):
            unknown_currency = field == "currency"
            reason = Reason.UNKNOWN_CURRENCY if unknown_currency else Reason.INVALID_VALUE
            return Refusal(
                source_event_id=change.source_event_id,
                event_id=change.event_id,
                reason=reason.value,
                detail=f"{change.entity_name}.{field} has an impossible value",
            )
    return None


def _is_time(value: str) -> bool:
    return _is_whole(value) and _EARLIEST_MICROS <= int(value) < _LATEST_MICROS


def _is_whole(value: str) -> bool:
    return value.isascii() and value.removeprefix("-").isdigit() and len(value) < 20


def _is_number(value: str) -> bool:
    try:
        number = Decimal(value)
    except InvalidOperation:
        return False
    if not number.is_finite() or abs(number) > MAX_MINOR:
        return False
    exponent = number.as_tuple().exponent
    return isinstance(exponent, int) and exponent >= -_MOST_DECIMALS


def _is_term(value: str) -> bool:
    if not _is_number(value):
        return False
    number = Decimal(value)
    return number == number.to_integral_value() and 0 < number <= _MAX_TERM_MONTHS


def _is_flag(value: str) -> bool:
    return value in ("true", "false")


_CHECKS: dict[str, Callable[[str], bool]] = {
    **dict.fromkeys(TIME_FIELDS, _is_time),
    **dict.fromkeys(NUMBER_FIELDS, _is_number),
    **dict.fromkeys(FLAG_FIELDS, _is_flag),
    **dict.fromkeys(ID_FIELDS, bool),
    "currency": is_currency,
    "term_months": _is_term,
}
