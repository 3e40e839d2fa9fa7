"""What every decoder shares: its context, parsing with limits, the one dead-letter builder,
and `finish_message`, which checks canonical events against the registry and wraps them.

A decoder is `decode_x(body, position, context) -> Message | DeadLetter`. Inside it raises
`Rejected`; `dead_letter` turns that into the value it returns.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Protocol, TypeVar

import msgspec

from connectors.canonical_checks import check_meaning
from connectors.ledger_versions import ledger_version
from ledger.events import CanonicalEvent, subject_of
from ledger.messages import DeadLetter, Message, dead_letter_id
from ledger.money import MAX_MINOR, is_currency
from ledger.policies import BooksConfig
from ledger.reasons import Reason
from schemas.registry import Registry
from schemas.rules import EARLIEST_MICROS, LATEST_MICROS, Violation
from schemas.versions import SubjectVersion

T = TypeVar("T")


class MetadataKeys(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Names of the metadata keys that link billing to CRM, in order of preference."""

    contract_id: tuple[str, ...] = ("contract_id", "crm_contract_id", "salesforce_contract_id")
    account_id: tuple[str, ...] = ("crm_account_id", "account_id", "salesforce_account_id")
    entity: tuple[str, ...] = ("legal_entity", "entity")
    billing_entity: tuple[str, ...] = ("billing_entity",)
    """On an invoice: the legal entity in whose name it is issued, where another one has sold."""
    invoice_id: tuple[str, ...] = ("invoice_id", "invoice")
    """On a grant of credit: the invoice that sold it."""
    invoice_line_id: tuple[str, ...] = ("invoice_line_id", "invoice_line_item")
    payment_ref: tuple[str, ...] = ("payment_intent_id", "payment_intent", "charge_id", "charge")
    """On a grant of credit: the payment that bought it."""

    def sale_fields(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """(field of a grant of credit, keys that state it)."""
        return (
            ("invoice_id", self.invoice_id),
            ("invoice_line_id", self.invoice_line_id),
            ("payment_ref", self.payment_ref),
        )


class SalesforceNames(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What differs between Salesforce organisations."""

    field_aliases: dict[str, str] = {}
    """An organisation's own field -> the name the adapter knows (`Entity__c` -> `LegalEntity`)."""
    won_stages: tuple[str, ...] = ("Closed Won",)
    """Opportunity stages that mean won."""
    default_currency: str | None = None
    """Currency of an organisation without `CurrencyIsoCode`."""


class CompanyConfig(BooksConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The books file as a whole: what the fold needs, and how the company names things."""

    metadata_keys: MetadataKeys = MetadataKeys()
    salesforce: SalesforceNames = SalesforceNames()


def names_of(books: BooksConfig) -> tuple[MetadataKeys, SalesforceNames]:
    """How the company names things; as usual where its books do not say."""
    if isinstance(books, CompanyConfig):
        return books.metadata_keys, books.salesforce
    return MetadataKeys(), SalesforceNames()


class WritersById(Protocol):
    """Finds the writer's version by the schema id that an outer registry gave it."""

    registry_name: str
    """Whose ids messages carry, as the lock names it."""

    def find(self, schema_id: int) -> SubjectVersion:
        """Raises Rejected: unknown_schema_id, registry_unreachable, newer_version."""


class DecodeContext(msgspec.Struct, frozen=True, kw_only=True):
    """What decoders need to know; built once per worker and handed to each call."""

    tenant: str
    registry: Registry
    books: BooksConfig = BooksConfig()
    max_event_bytes: int = 1_000_000
    max_depth: int = 64
    metadata_keys: MetadataKeys = MetadataKeys()
    salesforce: SalesforceNames = SalesforceNames()
    writers: WritersById | None = None
    """Asked for schema ids that the lock does not know; None: such ids are unknown."""


class Rejected(Exception):
    """A message that cannot be accepted, with why and with the money at risk where known.

    `detail` names what is wrong and where, never a value that could be personal data.
    """

    def __init__(
        self,
        reason: Reason,
        detail: str,
        *,
        amount_minor: int | None = None,
        currency: str | None = None,
        entity: str | None = None,
        occurred_at_micros: int | None = None,
    ) -> None:
        super().__init__(f"{reason.value}: {detail}")
        self.reason = reason
        self.detail = detail
        self.amount_minor = amount_minor
        self.currency = currency
        self.entity = entity
        self.occurred_at_micros = occurred_at_micros


def dead_letter(
    rejected: Rejected,
    *,
    body: bytes,
    position: str,
    context: DecodeContext,
    source: str,
    message_id: str | None = None,
    step: str = "DecodeEvents",
    whole: bytes | None = None,
) -> DeadLetter:
    """The one place where a dead letter is made: keeps the bytes, the reason and the step.

    `whole` stands for the event where `body` is only its beginning, so that two that begin alike
    are two dead letters.
    """
    return DeadLetter(
        dead_letter_id=dead_letter_id(context.tenant, source, body if whole is None else whole),
        tenant=context.tenant,
        source=source,
        step=step,
        reason=rejected.reason.value,
        detail=rejected.detail,
        position=position,
        message_id=message_id,
        body=body,
        amount_minor=rejected.amount_minor,
        currency=rejected.currency,
        entity=rejected.entity,
        occurred_at_micros=rejected.occurred_at_micros,
    )


# --- parsing -----------------------------------------------------------------------------


def _decimal_or_infinite(text: str) -> Decimal:
    """The exact number; infinite when its exponent is beyond what a Decimal can have."""
    try:
        return Decimal(text)
    except InvalidOperation:
        return Decimal("Infinity")


_ANY_JSON = msgspec.json.Decoder(float_hook=Decimal)
_ANY_JSON_LENIENTLY = msgspec.json.Decoder(float_hook=_decimal_or_infinite)
_ERROR_PATH = re.compile(r" - at `([^`]*)`$")


def parse_json(body: bytes, context: DecodeContext) -> dict[str, Any]:
    """Parse a JSON object; fractions come back as exact Decimal, integers of any size as int.

    Raises Rejected: too_large, not_json, too_deep, duplicate_key, unknown_format (JSON, but
    not an object).
    """
    tree = parse_with(_ANY_JSON, body, context)
    if not isinstance(tree, dict):
        raise Rejected(Reason.UNKNOWN_FORMAT, "JSON, but not an object")
    _check_depth(body, tree, context.max_depth)
    _check_duplicate_keys(body, tree)
    return tree


def parse_with(decoder: msgspec.json.Decoder[T], body: bytes, context: DecodeContext) -> T:
    """Parse with a (typed) decoder under the size limit, every failure as Rejected.

    Raises Rejected: too_large, not_json, too_deep, missing_field, wrong_type, invalid_value,
    amount_out_of_range. Knows nothing of duplicate keys: the last one wins.
    """
    check_size(body, context)
    try:
        if isinstance(body, bytes) and not body.isascii():
            str(body, "utf-8")  # what a typed decoder skips is not looked at by it
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise _rejected_by_type(str(error)) from None
    except msgspec.DecodeError as error:
        raise Rejected(Reason.NOT_JSON, str(error)) from None
    except UnicodeDecodeError as error:
        raise Rejected(Reason.NOT_JSON, f"not UTF-8 at byte {error.start}") from None
    except RecursionError:
        raise Rejected(Reason.TOO_DEEP, "nested deeper than any reader can follow") from None
    except InvalidOperation:
        detail = "a number whose exponent no reader can follow"
        raise Rejected(Reason.AMOUNT_OUT_OF_RANGE, detail) from None


def parse_leniently(body: bytes | msgspec.Raw) -> Any:
    """Parse JSON of which something is known to be wrong: the tree, or None when there is none.

    For what a dead letter may still soundly say; fractions come back as Decimal, infinite where
    their exponent is beyond any.
    """
    try:
        return _ANY_JSON_LENIENTLY.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def check_size(body: bytes, context: DecodeContext) -> None:
    """Raise Rejected(too_large) when `body` is longer than one event may be."""
    if len(body) > context.max_event_bytes:
        limit = context.max_event_bytes
        raise Rejected(Reason.TOO_LARGE, f"{len(body)} bytes; an event may have {limit}")


def _rejected_by_type(message: str) -> Rejected:
    """Turn msgspec's message into a reason, keeping the path and no value."""
    found = _ERROR_PATH.search(message)
    at = found.group(1) if found else "$"
    if message.startswith("Object missing required field"):
        name = message.split("`")[1]
        return Rejected(Reason.MISSING_FIELD, f"{name} is absent at {at}")
    if message.startswith("Expected `"):
        return Rejected(
            Reason.WRONG_TYPE, f"{message[: found.start()] if found else message} ({at})"
        )
    if message.startswith(("Integer value out of range", "Number out of range")):
        return Rejected(Reason.AMOUNT_OUT_OF_RANGE, f"number out of range at {at}")
    return Rejected(Reason.INVALID_VALUE, f"value not allowed at {at}")


def _check_depth(body: bytes, tree: dict[str, Any], max_depth: int) -> None:
    """Refuse deep nesting; free for bodies that have too few brackets to be deep."""
    if body.count(b"{") + body.count(b"[") <= max_depth:
        return
    level: list[Any] = [tree]
    depth = 0
    while level:
        depth += 1
        if depth > max_depth:
            raise Rejected(Reason.TOO_DEEP, f"nested deeper than {max_depth} levels")
        level = list(_containers_within(level))


def _containers_within(level: Iterable[Any]) -> Iterator[Any]:
    """Objects and arrays one level below those of `level`."""
    for container in level:
        values = container.values() if isinstance(container, dict) else container
        for value in values:
            if isinstance(value, dict | list):
                yield value


def _check_duplicate_keys(body: bytes, tree: dict[str, Any]) -> None:
    """Refuse an object that names a key twice.

    Every key has one colon, and strings keep theirs, so the tree written back has as many
    colons as the body unless a key was dropped or a string escaped a colon (`\\u003a`): only
    then is the slow, exact look taken.
    """
    if b"\\u003" not in body and body.count(b":") == msgspec.json.encode(tree).count(b":"):
        return
    json.loads(body, object_pairs_hook=_refuse_duplicates, parse_int=str, parse_float=str)


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> None:
    if len({key for key, _ in pairs}) != len(pairs):
        raise Rejected(Reason.DUPLICATE_KEY, "an object names a key twice")


# --- the message -------------------------------------------------------------------------


def finish_message(
    *,
    context: DecodeContext,
    message_id: str,
    source: str,
    provider_type: str,
    occurred_at_micros: int,
    party_ref: str | None,
    body: bytes,
    events: Sequence[CanonicalEvent],
    link_refs: tuple[str, ...] = (),
    links: tuple[tuple[str, str], ...] = (),
    account_links: tuple[tuple[str, str], ...] = (),
    written_as: str | None = None,
) -> Message:
    """Check every canonical event and build the message around them.

    Money ranges, currencies, times, ids and sums are checked here and nowhere else. Account
    links that the events themselves state are added. `written_as`: `<subject>@<version>` of the
    writer, where the event came as a record; an adapter writes the latest. Raises Rejected.
    """
    labels = [check_event(event, context) for event in events]
    labels = labels if written_as is None else [written_as]
    if not EARLIEST_MICROS <= occurred_at_micros < LATEST_MICROS:
        raise Rejected(Reason.TIMESTAMP_OUT_OF_RANGE, "the event's own time is not in 2000-2099")
    told = {(e.customer_id, e.account_id) for e in events if e.customer_id and e.account_id}
    account_links = tuple(sorted({*account_links, *told})) if told else account_links
    return Message(
        message_id=message_id,
        tenant=context.tenant,
        source=source,
        provider_type=provider_type,
        schema_version=",".join(labels) if labels else "-",
        occurred_at_micros=occurred_at_micros,
        party_ref=party_ref,
        link_refs=link_refs,
        links=links,
        account_links=account_links,
        digest=_digest(provider_type, occurred_at_micros, party_ref, links, account_links, events),
        body=body,
        events=tuple(events),
    )


def check_event(event: CanonicalEvent, context: DecodeContext) -> str:
    """Check one canonical event against the version that its struct is, and its meaning.

    Returns `<subject>@<version>`. Raises Rejected with the money at risk.
    """
    version = ledger_version(subject_of(event), context.registry)
    violation = version.validate(event) or check_meaning(event) or _check_end(event, context)
    if violation is not None:
        raise rejected_by(violation, event)
    return version.label


def _check_end(event: CanonicalEvent, context: DecodeContext) -> Violation | None:
    """Nothing may happen after the sunset of its subject; what happened before is read for ever,
    so that archives give the same books."""
    end = context.registry.end_micros(subject_of(event))
    if end is None or event.occurred_at_micros < end:
        return None
    return Violation(
        reason=Reason.SUBJECT_ENDED.value,
        path="occurred_at_micros",
        detail="is after the sunset of its subject",
    )


def rejected_by(violation: Violation, event: CanonicalEvent) -> Rejected:
    """The rejection of an event, carrying what it states of money and time."""
    amount = getattr(event, "total_minor", getattr(event, "amount_minor", None))
    currency = getattr(event, "currency", None)
    when = event.occurred_at_micros
    return Rejected(
        Reason(violation.reason),
        f"{subject_of(event)} {violation.path}: {violation.detail}".replace(" :", ":"),
        amount_minor=amount if type(amount) is int and abs(amount) <= MAX_MINOR else None,
        currency=currency if type(currency) is str and is_currency(currency) else None,
        occurred_at_micros=when if _is_sound_time(when) else None,
    )


def _is_sound_time(micros: object) -> bool:
    return type(micros) is int and EARLIEST_MICROS <= micros < LATEST_MICROS


_ENCODE_MEANING = msgspec.json.Encoder(order="deterministic").encode


def _digest(*meaning: object) -> str:
    """Digest over the meaning: canonical content, not the provider's bytes."""
    return hashlib.sha256(_ENCODE_MEANING(meaning)).hexdigest()[:32]
