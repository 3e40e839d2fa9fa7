"""The envelope and header of a change event, whatever client delivered it.

Three shapes are known: Pub/Sub API `{id, payload: {ChangeEventHeader, …}}`, Streaming API
(CometD) `{data: {payload, event: {replayId}}}`, and the payload alone.
"""

from __future__ import annotations

from typing import Any, TypeGuard, TypeVar

import msgspec

from connectors.decoding import Rejected
from connectors.providers.salesforce.record_ids import long_id
from ledger.reasons import Reason

SOURCE = "salesforce"

HEADER = "ChangeEventHeader"

T = TypeVar("T")


class ChangeEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A change event whose header has been checked; `fields` are still the provider's."""

    message_id: str
    entity_name: str
    change_type: str
    record_ids: tuple[str, ...]
    """As delivered; may hold a wildcard. `checked_record_ids` gives usable ones."""
    committed_at_micros: int
    commit_number: int
    sequence_number: int
    changed_fields: tuple[str, ...]
    nulled_fields: tuple[str, ...]
    diff_fields: tuple[str, ...]
    fields: dict[str, Any]

    @property
    def provider_type(self) -> str:
        """`Contract.UPDATE`."""
        return f"{self.entity_name}.{self.change_type}"


def find_payload(tree: dict[str, Any]) -> dict[str, Any]:
    """Return the object that holds the header. Raises Rejected(unknown_format)."""
    within = tree.get("data")
    holders = (tree, tree.get("payload"), within.get("payload") if _is_object(within) else None)
    for holder in holders:
        if _is_object(holder) and _is_object(holder.get(HEADER)):
            return holder
    raise Rejected(Reason.UNKNOWN_FORMAT, f"no {HEADER}: not a change event")


def message_id_of(tree: dict[str, Any], payload: dict[str, Any]) -> str:
    """`salesforce:<event id>`; without one, what makes a change event unique in its header.

    A replay id is no identity: it is reused when an organisation moves.
    """
    event_id = tree.get("id")
    if event_id is not None:
        return f"{SOURCE}:{_need(tree, 'id', str, '$')}"
    header = payload[HEADER]
    key = _need(header, "transactionKey", str)
    sequence, commit = _need(header, "sequenceNumber", int), _need(header, "commitNumber", int)
    return f"{SOURCE}:{key}/{sequence}/{commit}"


def read_event(message_id: str, payload: dict[str, Any]) -> ChangeEvent:
    """Check the header's fields and types. Raises Rejected: missing_field, wrong_type."""
    header = payload[HEADER]
    return ChangeEvent(
        message_id=message_id,
        entity_name=_need(header, "entityName", str),
        change_type=_need(header, "changeType", str),
        record_ids=_strings(header, "recordIds"),
        committed_at_micros=_need(header, "commitTimestamp", int) * 1000,
        commit_number=_need(header, "commitNumber", int),
        sequence_number=_need(header, "sequenceNumber", int),
        changed_fields=_strings(header, "changedFields"),
        nulled_fields=_strings(header, "nulledFields"),
        diff_fields=_strings(header, "diffFields"),
        fields={name: value for name, value in payload.items() if name != HEADER},
    )


def checked_record_ids(event: ChangeEvent) -> tuple[str, ...]:
    """The records that changed, 18 characters each, in the order given.

    Raises Rejected: missing_field without any, incomplete_record for a wildcard (`001*`, sent
    when a field's type was converted), invalid_value for what is no record id.
    """
    if not event.record_ids:
        raise Rejected(Reason.MISSING_FIELD, f"recordIds is empty or absent at $.{HEADER}")
    if any(record_id.endswith("*") for record_id in event.record_ids):
        detail = f"every {event.entity_name} may have changed; they must be read anew"
        raise Rejected(Reason.INCOMPLETE_RECORD, detail)
    found = dict.fromkeys(long_id(record_id) for record_id in event.record_ids)
    ids = tuple(record_id for record_id in found if record_id is not None)
    if len(ids) != len(found):
        raise Rejected(Reason.INVALID_VALUE, f"not a record id at $.{HEADER}.recordIds")
    return ids


def assert_decoded_names(event: ChangeEvent) -> None:
    """Raise Rejected(invalid_value) when field names are still the bitmaps of the Avro form.

    `0x…` names fields by their place in a schema that is not at hand; guessing is not an option.
    """
    for list_name, names in (
        ("changedFields", event.changed_fields),
        ("nulledFields", event.nulled_fields),
        ("diffFields", event.diff_fields),
    ):
        # Nested ones carry the place of the compound field first: `4-0x08`.
        if any(name.rpartition("-")[2].startswith("0x") for name in names):
            detail = f"{list_name} holds bitmaps; have the subscriber decode them to field names"
            raise Rejected(Reason.INVALID_VALUE, detail)


def _is_object(value: object) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)


def _need(holder: dict[str, Any], name: str, kind: type[T], at: str = f"$.{HEADER}") -> T:
    """The field, of exactly this type (a boolean is not an integer)."""
    value = holder.get(name)
    if value is None or value == "":
        raise Rejected(Reason.MISSING_FIELD, f"{name} is absent at {at}")
    if type(value) is not kind:
        raise Rejected(Reason.WRONG_TYPE, f"{name} is not {_WORDS[kind]} at {at}")
    return value


_WORDS = {str: "text", int: "an integer"}


def _strings(header: dict[str, Any], name: str) -> tuple[str, ...]:
    """A list of names; absent and null mean none."""
    values = header.get(name)
    if not values and isinstance(values, list | None):
        return ()
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise Rejected(Reason.WRONG_TYPE, f"{name} is not a list of names at $.{HEADER}")
    return tuple(values)
