"""What a change of schemas does to real records: examples read by both versions, and the journal
entries that each reading gives.

Pure but for reading the examples. Beam is not needed; the fold is the one that books.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from connectors.canonical import decode_single_object, decode_tree
from connectors.decoding import DecodeContext, Rejected, parse_json
from connectors.ledger_versions import is_held
from connectors.policy_packs import load_policy_pack
from ledger.journal import JournalEntry
from ledger.messages import DeadLetter, Message
from ledger.money import format_major
from ledger.policies import BooksConfig
from pipelines.preview import PreviewSettings, fold_by_party
from schemas.judging import Finding, Severity
from schemas.registry import Registry, Subject
from schemas.rules import SchemaViolation
from schemas.single_objects import encode_single_object
from schemas.versions import SubjectVersion

MICROS_PER_YEAR = 366 * 86_400 * 1_000_000
DEFAULT_POLICY = "stripe-contra"
Lines = Counter[str]


def compare_samples(root: Path, registry: Registry) -> Iterator[Finding]:
    """Compare the latest version of every subject with each before it, on their examples."""
    for _, subject in sorted(registry.subjects.items()):
        for older in subject.versions[:-1]:
            before = _only_up_to(registry, subject, older.number)
            yield from _Pair(subject, older, subject.latest, before, registry).compare(root, root)


def compare_samples_with(
    root: Path, registry: Registry, earlier_root: Path, earlier: Registry
) -> Iterator[Finding]:
    """Compare every subject with what it was in an earlier registry, on the examples of both."""
    for name, before in sorted(earlier.subjects.items()):
        now = registry.subjects.get(name)
        if now is not None and before.latest.sha256 != now.latest.sha256:
            pair = _Pair(now, before.latest, now.latest, earlier, registry)
            yield from pair.compare(earlier_root, root)


def _only_up_to(registry: Registry, subject: Subject, number: int) -> Registry:
    """The registry as it was when `number` was the latest version of a subject."""
    then = dataclasses.replace(subject, versions=subject.versions[:number])
    return dataclasses.replace(
        registry,
        subjects={**registry.subjects, subject.name: then},
        later_versions={},
        readers={},
    )


def examples_of(root: Path, version: SubjectVersion) -> dict[str, bytes]:
    """The good examples of a version by file name, sorted."""
    folder = root / "subjects" / version.subject / "examples" / f"v{version.number}" / "ok"
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.json"))}


class _Pair:
    """Two versions of a subject, and the registries in which each is the latest."""

    def __init__(
        self,
        subject: Subject,
        older: SubjectVersion,
        newer: SubjectVersion,
        before: Registry,
        after: Registry,
    ) -> None:
        self.subject = subject
        self.older, self.newer = older, newer
        self.before, self.after = before, after

    def compare(self, older_root: Path, newer_root: Path) -> Iterator[Finding]:
        for name, text in examples_of(older_root, self.older).items():
            yield from self._forward(name, text)
        for name, text in examples_of(newer_root, self.newer).items():
            yield from self._backward(name, text)

    def _forward(self, name: str, text: bytes) -> Iterator[Finding]:
        """An old example, by the new reader: the same values, and the same books."""
        try:
            record = self.older.decode_json(text)
        except SchemaViolation as fault:
            yield self._found(name, f"its own version refuses it: {fault}", "reading")
            return
        try:
            read = self.older.decode(self.older.encode(record), self.newer)
        except SchemaViolation as fault:
            yield self._found(name, f"v{self.newer.number} cannot read it: {fault}", "reading")
            return
        for field, told in _differences(record, read):
            yield self._found(name, f"{field}: {told}", "money")
        yield from self._books(name, text, record)

    def _backward(self, name: str, text: bytes) -> Iterator[Finding]:
        """A new example, by the old reader: where it can be read, it says the same."""
        try:
            record = self.newer.decode_json(text)
            read = self.newer.decode(self.newer.encode(record), self.older)
        except SchemaViolation:
            return  # whether that is promised is Avro's question, and answered there
        for field, told in _differences(read, record):
            yield self._found(name, f"read by v{self.older.number}, {field}: {told}", "money")

    def _books(self, name: str, text: bytes, record: dict[str, Any]) -> Iterator[Finding]:
        """The entries of an old example as it was read, as bytes are read now, as JSON is."""
        if not (is_held(self.older) and is_held(self.newer)):
            return
        tenant = str(record["tenant"])
        body = encode_single_object(self.older, record)
        was = self._entries(decode_single_object(body, name, _context(tenant, self.before)), tenant)
        now = self._entries(decode_single_object(body, name, _context(tenant, self.after)), tenant)
        if was != now:
            yield self._found(name, f"other journal entries: {_diff(was, now)}", "money")
        as_json = self._entries(_unversioned(self.subject.name, text, tenant, self.after), tenant)
        if as_json not in (was, now):
            what = f"as JSON without a version, other journal entries: {_diff(was, as_json)}"
            yield self._found(name, what, "money")

    def _entries(self, decoded: Message | DeadLetter, tenant: str) -> Lines:
        """What the message books by itself; what is refused is told as such."""
        if isinstance(decoded, DeadLetter):
            return Counter([f"refused: {decoded.reason}"])
        settings = PreviewSettings(
            tenant=tenant,
            policy=load_policy_pack(DEFAULT_POLICY),
            books=BooksConfig(),
            as_of_micros=decoded.occurred_at_micros + MICROS_PER_YEAR,
        )
        folded = fold_by_party([*_customer_of(decoded, self.after), decoded], settings)
        told: Lines = Counter()
        for party in folded:
            told.update(line for entry in party.result.entries for line in _lines(entry))
            told.update(f"waits: {x.reason} {x.amount_minor}" for x in party.result.pending)
            told.update(f"refused: {x.reason} {x.amount_minor}" for x in party.result.refusals)
        return told

    def _found(self, example: str, what: str, cause: str) -> Finding:
        return Finding(
            subject=self.subject.name,
            before=self.older.number,
            after=self.newer.number,
            path=example,
            what=what,
            severity=Severity.BREAKING,
            cause=cause,
        )


def _customer_of(message: Message, registry: Registry) -> list[Message]:
    """What makes the customer of an example known: without it most events only wait."""
    (event,) = message.events
    if event.customer_id is None:
        return []
    told = {
        "subject": "crm.customer_account_changed",
        "event_id": f"{message.message_id}/customer",
        "occurred_at_micros": message.occurred_at_micros,
        "customer_id": event.customer_id,
        "source": event.source,
    }
    if "crm.customer_account_changed" not in registry.subjects:
        return []
    found = decode_tree(told, b"", "example", _context(message.tenant, registry))
    return [found] if isinstance(found, Message) else []


def _context(tenant: str, registry: Registry) -> DecodeContext:
    return DecodeContext(tenant=tenant, registry=registry)


def _unversioned(
    subject: str, text: bytes, tenant: str, registry: Registry
) -> Message | DeadLetter:
    """The example as a producer sends it who names no version: it is read as the latest."""
    context = _context(tenant, registry)
    try:
        tree = parse_json(text, context)
    except Rejected as rejected:
        raise AssertionError("an example that was read before") from rejected
    return decode_tree({**tree, "subject": subject}, text, "example", context)


def _differences(
    was: Mapping[str, Any], now: Mapping[str, Any], path: str = ""
) -> Iterator[tuple[str, str]]:
    """Fields that both have and that say something else; personal values are not repeated."""
    for name in was.keys() & now.keys():
        old, new, at = was[name], now[name], f"{path}{name}"
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            yield from _differences(old, new, f"{at}.")
        elif isinstance(old, tuple) and isinstance(new, tuple) and len(old) == len(new):
            for index, (one, other) in enumerate(zip(old, new, strict=True)):
                if isinstance(one, Mapping) and isinstance(other, Mapping):
                    yield from _differences(one, other, f"{at}[{index}].")
                elif one != other:
                    yield f"{at}[{index}]", "is read as another value"
        elif old != new:
            numbers = isinstance(old, int) and isinstance(new, int)
            yield at, f"{old} is read as {new}" if numbers else "is read as another value"


def _lines(entry: JournalEntry) -> Iterator[str]:
    for line in entry.lines:
        amount = format_major(line.functional_minor, entry.functional_currency)
        where = f"{entry.accounting_date} {entry.entity} {line.role.value}"
        yield f"{where} {amount} {entry.functional_currency}"


def _diff(was: Lines, now: Lines) -> str:
    """What goes and what comes, sorted."""
    gone = [f"- {line}" for line in sorted((was - now).elements())]
    come = [f"+ {line}" for line in sorted((now - was).elements())]
    return "; ".join([*gone, *come])
