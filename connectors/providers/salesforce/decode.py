"""Change events -> messages of `crm.record_changed`, or dead letters that say why not."""

from __future__ import annotations

from connectors.decoding import DecodeContext, Rejected, dead_letter, finish_message, parse_json
from connectors.providers.salesforce.changed_values import changed_values
from connectors.providers.salesforce.envelope import (
    SOURCE,
    ChangeEvent,
    assert_decoded_names,
    checked_record_ids,
    find_payload,
    message_id_of,
    read_event,
)
from connectors.providers.salesforce.field_names import FIELDS
from ledger.events import RecordChanged
from ledger.messages import DeadLetter, Message
from ledger.reasons import Reason

_SUBJECT = "crm.record_changed"

_CHANGE_TYPES = frozenset({"CREATE", "UPDATE", "DELETE", "UNDELETE"})

_GAP_TYPES = frozenset({"GAP_CREATE", "GAP_UPDATE", "GAP_DELETE", "GAP_UNDELETE", "GAP_OVERFLOW"})

_PARENT_KEYS = ("account_id", "order_id", "contract_id")
"""Who a record belongs to, the surest first."""


def decode_salesforce(
    body: bytes, position: str, context: DecodeContext
) -> tuple[Message | DeadLetter, ...]:
    """Decode one change event; nearly always into one message.

    Salesforce merges equal changes of records in one transaction into one event. Records that
    may belong to different customers, which one message cannot, are a message each, named
    `salesforce:<event id>/<record id>`; those whose change states their customer, contract or
    order share it and stay one message. Entities without a meaning give a message without
    events. Raises nothing about the data.
    """
    message_id = None
    try:
        tree = parse_json(body, context)
        payload = find_payload(tree)
        message_id = message_id_of(tree, payload)
        event = read_event(message_id, payload)
        return _messages(event, body, context)
    except Rejected as rejected:
        return (
            dead_letter(
                rejected,
                body=body,
                position=position,
                context=context,
                source=SOURCE,
                message_id=message_id,
            ),
        )


def _messages(event: ChangeEvent, body: bytes, context: DecodeContext) -> tuple[Message, ...]:
    if event.entity_name not in FIELDS:
        return (_recorded(event, body, context),)
    _assert_known_change(event)
    assert_decoded_names(event)
    record_ids = checked_record_ids(event)
    values = changed_values(event, context.salesforce)
    if len(record_ids) == 1 or _share_an_owner(event, values):
        return (_message(event, event.message_id, record_ids, values, body, context),)
    return tuple(
        _message(event, f"{event.message_id}/{record_id}", (record_id,), values, body, context)
        for record_id in record_ids
    )


def _assert_known_change(event: ChangeEvent) -> None:
    """Raise Rejected for events that tell of a change without telling it."""
    if event.change_type in _GAP_TYPES:
        detail = f"{event.provider_type}: the change itself was not delivered; read the record anew"
        raise Rejected(Reason.INCOMPLETE_RECORD, detail)
    if event.change_type not in _CHANGE_TYPES:
        detail = f"{event.entity_name} changed in a way that is not known"
        raise Rejected(Reason.UNKNOWN_EVENT_TYPE, detail)


def _recorded(event: ChangeEvent, body: bytes, context: DecodeContext) -> Message:
    """An entity without accounting or lifecycle meaning: kept, nothing more."""
    return finish_message(
        context=context,
        message_id=event.message_id,
        source=SOURCE,
        provider_type=event.provider_type,
        occurred_at_micros=event.committed_at_micros,
        party_ref=event.message_id,
        body=body,
        events=(),
    )


def _message(
    event: ChangeEvent,
    message_id: str,
    record_ids: tuple[str, ...],
    values: dict[str, str | None],
    body: bytes,
    context: DecodeContext,
) -> Message:
    """One message about these records, which all changed alike."""
    records = [_ref(record_id) for record_id in record_ids]
    parents = [_ref(parent) for key in _PARENT_KEYS if (parent := values.get(key)) is not None]
    customers = records if event.entity_name == "Account" else _customer_of(values) * len(records)
    party_ref = customers[0] if len(set(customers)) == 1 else None
    return finish_message(
        context=context,
        message_id=message_id,
        source=SOURCE,
        provider_type=event.provider_type,
        occurred_at_micros=event.committed_at_micros,
        party_ref=party_ref,
        link_refs=() if party_ref is not None else (*records, *parents),
        links=tuple((record, parents[0]) for record in records if parents),
        body=body,
        events=[
            _record_changed(event, message_id, index, record_id, values, context)
            for index, record_id in enumerate(record_ids, start=1 if len(record_ids) > 1 else 0)
        ],
    )


def _record_changed(
    event: ChangeEvent,
    message_id: str,
    number: int,
    record_id: str,
    values: dict[str, str | None],
    context: DecodeContext,
) -> RecordChanged:
    """The canonical event of one record; `number` 0 for the only one."""
    contract = record_id if event.entity_name == "Contract" else values.get("contract_id")
    customer = record_id if event.entity_name == "Account" else values.get("account_id")
    return RecordChanged(
        event_id=f"{message_id}/{_SUBJECT}" + (f"/{number}" if number else ""),
        source_event_id=message_id,
        source=SOURCE,
        tenant=context.tenant,
        occurred_at_micros=event.committed_at_micros,
        customer_id=_ref(customer) if customer else None,
        contract_id=_ref(contract) if contract else None,
        entity=values.get("entity"),
        entity_name=event.entity_name,
        record_id=record_id,
        change_type=event.change_type,
        commit_number=event.commit_number,
        sequence_number=event.sequence_number,
        values=values,
    )


def _share_an_owner(event: ChangeEvent, values: dict[str, str | None]) -> bool:
    """Whether the change itself says that all its records belong to one customer."""
    return event.entity_name != "Account" and any(values.get(key) for key in _PARENT_KEYS)


def _customer_of(values: dict[str, str | None]) -> list[str]:
    account_id = values.get("account_id")
    return [_ref(account_id)] if account_id is not None else []


def _ref(record_id: str) -> str:
    return f"{SOURCE}:{record_id}"
