"""Canonical events as their producers send them: JSON lines of a named subject, Avro
single-object encoding, Avro container files.

All three end in the same ledger structs and the same checks, so one event is the same message
in each form.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from connectors.canonical_messages import message_of
from connectors.decoding import (
    DecodeContext,
    Rejected,
    check_size,
    dead_letter,
    parse_json,
)
from connectors.ledger_versions import EVENT_TYPES, ledger_version
from ledger.events import CanonicalEvent
from ledger.messages import DeadLetter, Message
from ledger.money import MAX_MINOR, is_currency
from ledger.reasons import Reason
from schemas.avro_containers import ContainerDamage, ContainerRecord, read_container
from schemas.later_versions import read_later
from schemas.registry import UnknownSubject
from schemas.rules import EARLIEST_MICROS, ID_LIMIT_CHARS, LATEST_MICROS, SchemaViolation
from schemas.single_objects import as_single_object, split_single_object
from schemas.versions import SubjectVersion

DEFAULT_SOURCE = "canonical"
"""Source of events that do not name theirs."""

Tree = dict[str, Any]


def decode_canonical_json(
    body: bytes, position: str, context: DecodeContext
) -> Message | DeadLetter:
    """Decode `{"subject": "billing.invoice_issued", "version": 1, …}`.

    `version` defaults to the latest, `source` to `canonical`, `tenant` to the context's and
    must equal it. `event_id` is the idempotency key and required. Raises nothing about the data.
    """
    try:
        tree = parse_json(body, context)
    except Rejected as rejected:
        return _dead_letter(rejected, {}, body, position, context)
    return decode_tree(tree, body, position, context)


def decode_tree(
    tree: Tree, body: bytes, position: str, context: DecodeContext
) -> Message | DeadLetter:
    """Decode a parsed JSON object as above; `body` is what it was parsed from."""
    try:
        version = _named_version(tree, context)
        event = _event_of_tree(tree, version, context)
        return message_of(event, body, context, version.label)
    except Rejected as rejected:
        return _dead_letter(rejected, tree, body, position, context)


def decode_single_object(
    body: bytes, position: str, context: DecodeContext
) -> Message | DeadLetter:
    """Decode one event in Avro single-object encoding. Raises nothing about the data."""
    return decode_avro(body, lambda: split_single_object(body, context.registry), position, context)


def decode_avro(
    body: bytes,
    split: Callable[[], tuple[SubjectVersion, bytes]],
    position: str,
    context: DecodeContext,
) -> Message | DeadLetter:
    """Decode the one datum in `body`; `split` finds its writer's version and the datum.

    `split` may raise SchemaViolation and Rejected. Raises nothing about the data.
    """
    record: Tree = {}
    try:
        check_size(body, context)
        try:
            writer, datum = split()
            reader = ledger_version(writer.subject, context.registry)
            record = _record_of(writer, datum, reader, context)
        except SchemaViolation as fault:
            raise _rejected(fault, "") from None
        event = _event_of_record(record, reader, context)
        return message_of(event, body, context, writer.label)
    except Rejected as rejected:
        return _dead_letter(rejected, record, body, position, context)


def decode_container(
    source: str | Path | bytes, name: str, context: DecodeContext
) -> Iterator[Message | DeadLetter]:
    """Decode all events of an Avro container file, in order; `name` begins their positions.

    The body of each message is its record in single-object encoding: the bytes of the file
    with the writer's fingerprint before them, so it can be decoded again by itself. Raises
    OSError when the file cannot be read, nothing about the data.
    """
    file = Path(source) if isinstance(source, str) else source
    for item in read_container(file, context.registry):
        position = f"{name}:{item.position}"
        if isinstance(item, ContainerDamage):
            rejected = Rejected(Reason(item.reason), item.detail)
            yield _dead_letter(rejected, {}, item.body, position, context)
        else:
            yield _decode_container_record(item, position, context)


def _decode_container_record(
    item: ContainerRecord, position: str, context: DecodeContext
) -> Message | DeadLetter:
    writer = item.version
    body = as_single_object(writer, item.datum)
    record: Tree = {}
    try:
        check_size(body, context)
        reader = ledger_version(writer.subject, context.registry)
        try:
            if reader is writer:
                record = reader.avro.load(item.raw)
            elif writer.number > reader.number:
                record = read_later(writer, item.datum, reader, context.registry)
            else:
                record = writer.avro.resolve(item.datum, reader.avro)
        except SchemaViolation as fault:
            raise _rejected(fault, "") from None
        event = _event_of_record(record, reader, context)
        return message_of(event, body, context, writer.label)
    except Rejected as rejected:
        return _dead_letter(rejected, record, body, position, context)


# --- from trees and records to structs ---------------------------------------------------


def _record_of(
    writer: SubjectVersion, datum: bytes, reader: SubjectVersion, context: DecodeContext
) -> Tree:
    """Read one datum as a record of the version that the ledger knows."""
    if writer.number > reader.number:
        return read_later(writer, datum, reader, context.registry)
    return writer.decode(datum, reader)


def _event_of_tree(tree: Tree, version: SubjectVersion, context: DecodeContext) -> CanonicalEvent:
    """Read a parsed JSON object as an event of `version`."""
    content = {key: tree[key] for key in tree if key not in ("subject", "version")}
    content.setdefault("tenant", context.tenant)
    content.setdefault("source", DEFAULT_SOURCE)
    content.setdefault("source_event_id", content.get("event_id"))
    reader = ledger_version(version.subject, context.registry)
    try:
        if reader is version:
            record = version.json.read(content)
        else:
            other = version.encode(version.decode_json(content))
            record = _record_of(version, other, reader, context)
    except SchemaViolation as fault:
        raise _rejected(fault, version.subject) from None
    return _event_of_record(record, reader, context)


def _named_version(tree: Tree, context: DecodeContext) -> SubjectVersion:
    subject, number = tree.get("subject"), tree.get("version")
    if type(subject) is not str or subject not in EVENT_TYPES:
        raise Rejected(Reason.UNKNOWN_SUBJECT, "names no subject of an event")
    if number is None:
        return context.registry.latest(subject)
    if type(number) is not int:
        raise Rejected(Reason.WRONG_TYPE, f"{subject} version: must be an integer")
    try:
        return context.registry.version(subject, number)
    except UnknownSubject as unknown:
        raise Rejected(Reason.UNKNOWN_SUBJECT, str(unknown)) from None


def _event_of_record(
    record: Tree, version: SubjectVersion, context: DecodeContext
) -> CanonicalEvent:
    """Turn a record of the ledger's version into its struct, as a message of its own."""
    kind = EVENT_TYPES.get(version.subject)
    if kind is None:
        raise Rejected(Reason.UNKNOWN_SUBJECT, f"{version.subject} is not the subject of an event")
    if record["tenant"] != context.tenant:
        raise Rejected(Reason.INVALID_VALUE, f"{version.subject} tenant: is not this one's")
    record["source_event_id"] = record["event_id"]
    try:
        return msgspec.convert(record, kind)
    except msgspec.ValidationError:
        violation = version.validate_mapping(record)
        assert violation is not None, "the struct refuses what the schema accepts"
        raise _rejected(SchemaViolation.of(violation), version.subject) from None


# --- rejections --------------------------------------------------------------------------


def _rejected(fault: SchemaViolation, subject: str) -> Rejected:
    """The rejection of something that did not become an event."""
    found = fault.violation
    where = " ".join(part for part in (subject, found.path) if part)
    return Rejected(Reason(found.reason), f"{where}: {found.detail}" if where else found.detail)


def _dead_letter(
    rejected: Rejected, tree: Tree, body: bytes, position: str, context: DecodeContext
) -> DeadLetter:
    """A dead letter with whatever the content soundly says of money, time, source and id."""
    if rejected.amount_minor is None:
        rejected.amount_minor = _sound_amount(tree)
    currency, entity = tree.get("currency"), _sound_id(tree.get("entity"))
    if rejected.currency is None and isinstance(currency, str) and is_currency(currency):
        rejected.currency = currency
    rejected.entity = rejected.entity or entity
    when = tree.get("occurred_at_micros")
    if type(when) is int and EARLIEST_MICROS <= when < LATEST_MICROS:
        rejected.occurred_at_micros = when
    return dead_letter(
        rejected,
        body=body,
        position=position,
        context=context,
        source=_sound_id(tree.get("source")) or DEFAULT_SOURCE,
        message_id=_sound_id(tree.get("event_id")),
    )


def _sound_amount(tree: Tree) -> int | None:
    amount = tree.get("total_minor", tree.get("amount_minor"))
    return amount if type(amount) is int and abs(amount) <= MAX_MINOR else None


def _sound_id(value: Any) -> str | None:
    """The value, if it could be an id: anything else is not repeated."""
    if type(value) is str and 0 < len(value) <= ID_LIMIT_CHARS and value.isprintable():
        return value
    return None
