"""What travels beside the bytes: Kafka headers, Pub/Sub attributes, HTTP headers.

An event whose meaning is partly in them is rewritten so that its bytes say everything: a binary
CloudEvent becomes the structured one with the same content, a Pub/Sub message with a schema
becomes a single object. What is archived can then be read again by itself. Sources: CloudEvents
1.0.2, Kafka and HTTP protocol bindings, Google's Pub/Sub binding; Google Pub/Sub documentation,
"Schema settings on messages".
"""

from __future__ import annotations

import base64
from collections.abc import Iterable

import msgspec

from connectors.decoding import DecodeContext, Rejected
from ledger.reasons import Reason
from schemas.registry import UnknownSubject
from schemas.single_objects import as_single_object

Attributes = Iterable[tuple[str, str | bytes | None]]
"""Names (in any case) and values; a Kafka header may have none, and may come twice."""

_PREFIXES = ("ce_", "ce-")
_STRUCTURED = "application/cloudevents"
_GOOGLE = "googclient_schema"
_KNOWN = frozenset("specversion id source type subject time dataschema".split())


def with_attributes(body: bytes, attributes: Attributes, context: DecodeContext) -> bytes:
    """Return bytes that say all that `body` and its attributes say together.

    Attributes of other kinds are left out. Raises Rejected: duplicate_key, invalid_value,
    unknown_format, unknown_schema_id.
    """
    told = _read(attributes)
    content = told.pop("content-type", None)
    google = {k.removeprefix(_GOOGLE): v for k, v in told.items() if k.startswith(_GOOGLE)}
    events = {k[3:]: v for k, v in told.items() if k.startswith(_PREFIXES)}
    if "specversion" in events and not (content or "").lower().startswith(_STRUCTURED):
        return _structured(body, events, content)
    if google:
        return _single_object(body, google, context)
    return body


def _read(attributes: Attributes) -> dict[str, str]:
    """Names in lower case; those that concern nobody here are skipped unread."""
    told: dict[str, str] = {}
    for given, value in attributes:
        name = given.lower()
        if name != "content-type" and not name.startswith((*_PREFIXES, _GOOGLE)):
            continue
        try:
            text = value.decode() if isinstance(value, bytes) else value or ""
        except UnicodeDecodeError:
            raise Rejected(Reason.INVALID_VALUE, "an attribute is not UTF-8") from None
        if told.setdefault(name, text) != text:
            raise Rejected(Reason.DUPLICATE_KEY, "an attribute is given twice")
    return told


def _structured(body: bytes, attributes: dict[str, str], content: str | None) -> bytes:
    """The structured form. JSON data is put in as it is, byte for byte; other data as base64."""
    envelope: dict[str, object] = {k: v for k, v in attributes.items() if k in _KNOWN}
    if content is not None:
        envelope["datacontenttype"] = content
    if _is_json_object(body) and (content is None or "json" in content.lower()):
        envelope["data"] = msgspec.Raw(body)
    else:
        envelope.setdefault("datacontenttype", "application/octet-stream")
        envelope["data_base64"] = base64.b64encode(body).decode()
    return msgspec.json.encode(envelope, order="sorted")


def _is_json_object(body: bytes) -> bool:
    try:
        return isinstance(msgspec.json.decode(body, type=dict[str, msgspec.Raw]), dict)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


def _single_object(body: bytes, told: dict[str, str], context: DecodeContext) -> bytes:
    """A message of a Pub/Sub topic with a schema: name, revision and encoding are beside it."""
    name = told.get("name", "").rpartition("/")[2]
    if told.get("encoding", "").upper() != "BINARY":
        detail = "a Pub/Sub topic with a schema must have the encoding BINARY"
        raise Rejected(Reason.UNKNOWN_FORMAT, detail)
    revision = f"{name}@{told.get('revisionid', '')}"
    try:
        version = context.registry.by_outer_id(revision)
    except UnknownSubject:
        detail = "the lock does not know this revision of the Pub/Sub schema"
        raise Rejected(Reason.UNKNOWN_SCHEMA_ID, detail) from None
    return as_single_object(version, body)
