"""What a change does to the books: breaking, worth a look, or only to be known.

Avro lets readers resolve whatever has the same shape. Here the same name may never come to mean
another amount, day, customer or event; such changes are breaking in every mode and both ways.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any

import msgspec

from schemas.changes import Change, ChangeKind, type_in_words
from schemas.natures import Nature, unit_of

Json = Any


class Severity(StrEnum):
    """How much a finding matters."""

    BREAKING = "breaking"
    """The change may not be published under this subject and mode."""
    CAUTION = "caution"
    """Allowed; a person should look."""
    NOTE = "note"
    """Allowed and safe."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a check found; the JSON output."""

    subject: str
    before: int | None = None
    """The version compared with; None when the finding is about one version alone."""
    after: int | None = None
    path: str
    what: str
    """In plain language: `scale 4 -> 2`."""
    severity: Severity
    cause: str | None = None
    """Of a breaking finding: money, time, key, meaning, personal data, reading, refused, lock,
    unlocked."""

    @property
    def sentence(self) -> str:
        """`amount: scale 4 -> 2, BREAKING: money`."""
        told = f"{self.path}: {self.what}" if self.path else self.what
        if self.severity is Severity.BREAKING:
            return f"{told}, BREAKING: {self.cause}"
        return f"{told}, look at it" if self.severity is Severity.CAUTION else told


class _Judgement(msgspec.Struct, frozen=True):
    what: str
    severity: Severity = Severity.NOTE
    cause: str | None = None


def judge(change: Change, subject: str, before: int, after: int) -> Finding:
    """Say in words what a change is and how much it matters."""
    found = _JUDGES[change.kind](change)
    breaking = found.severity is Severity.BREAKING
    return Finding(
        subject=subject,
        before=before,
        after=after,
        path=change.path,
        what=found.what,
        severity=found.severity,
        cause=(found.cause or change.nature.value) if breaking else None,
    )


def _breaking(what: str, cause: str | None = None) -> _Judgement:
    return _Judgement(what, Severity.BREAKING, cause)


def _caution(what: str) -> _Judgement:
    return _Judgement(what, Severity.CAUTION)


def _added(change: Change) -> _Judgement:
    field = change.after
    words = f"added as {type_in_words(field['type'])}"
    if "default" not in field:
        return _Judgement(f"{words}, required")
    default = field["default"]
    if _invents(change.nature, default, field):
        return _breaking(f"{words}, and {_in_words(default)} is told of every older record")
    return _Judgement(f"{words}, {_in_words(default)} in older records")


def _invents(nature: Nature, default: Json, field: Json) -> bool:
    """True when the default states something of old records that nobody stated."""
    if nature is Nature.PLAIN or default in (None, [], {}) or isinstance(default, bool):
        return False
    # An amount of zero is what a record without the amount meant; a rate of zero, a time of
    # zero or a currency by default are inventions.
    is_amount = str(field.get("crossfoot", "")).startswith("amount_minor")
    return not (is_amount and default == 0)


def _removed(change: Change) -> _Judgement:
    words = f"removed (was {type_in_words(change.before['type'])})"
    if change.nature is Nature.PLAIN:
        return _caution(f"{words}; what older records say in it is dropped")
    return _breaking(f"{words}; what older records say in it would be dropped")


def _renamed(change: Change) -> _Judgement:
    words = f"{change.before} is now called {change.after}"
    units = unit_of(change.before), unit_of(change.after)
    if units[0] != units[1]:
        told = " -> ".join(unit or "none" for unit in units)
        return _breaking(f"unit {told} ({words} and reads it by an alias)")
    if change.nature is Nature.PLAIN:
        return _Judgement(f"{words}, read by its alias")
    return _breaking(f"{words}; the same number under another name")


def _type(change: Change) -> _Judgement:
    words = f"type {change.before} -> {change.after}"
    if (change.before, change.after) == ("int", "long"):
        return _Judgement(f"{words}; every value stays")
    return _breaking(words)


def _compared(word: str) -> Callable[[Change], _Judgement]:
    """Judges whose every change is breaking: `scale 4 -> 2`."""
    return lambda change: _breaking(f"{word} {_plain(change.before)} -> {_plain(change.after)}")


def _tag(change: Change) -> _Judgement:
    (name, before), (_, after) = change.before, change.after
    word = "rule" if name == "crossfoot" else name
    return _breaking(f"{word} {_plain(before)} -> {_plain(after)}")


def _default(change: Change) -> _Judgement:
    before, after = change.before, change.after
    if after is msgspec.UNSET:
        return _caution(f"default {_in_words(before)} removed; JSON records must now say it")
    if before is not msgspec.UNSET:
        words = f"default {_in_words(before)} -> {_in_words(after)}"
        return _breaking(f"{words}; records that do not say it would change")
    if change.nature is Nature.PLAIN or after in (None, [], {}):
        return _Judgement(f"default {_in_words(after)} added")
    return _breaking(f"default {_in_words(after)} added; a record that lacks it would be taken")


def _optional(change: Change) -> _Judgement:
    words = "may now be absent"
    if "currency" in (change.before, change.after):
        return _breaking(f"{words}; its amounts would be of no currency")
    return _breaking(words) if change.nature is Nature.KEY else _caution(words)


def _enum_default(change: Change) -> _Judgement:
    words = f"unknown symbols are read as {change.after}"
    if change.after is None:
        return _Judgement(f"unknown symbols are no longer read as {change.before}")
    return _caution(words) if change.marked_safe else _breaking(words)


def _doc(change: Change) -> _Judgement:
    if change.nature is Nature.PLAIN:
        return _Judgement("described in other words")
    return _caution("described in other words; its meaning must be the same")


_JUDGES: dict[ChangeKind, Callable[[Change], _Judgement]] = {
    ChangeKind.FIELD_ADDED: _added,
    ChangeKind.FIELD_REMOVED: _removed,
    ChangeKind.FIELD_RENAMED: _renamed,
    ChangeKind.TYPE: _type,
    ChangeKind.LOGICAL_TYPE: _compared("logical type"),
    ChangeKind.SCALE: _compared("scale"),
    ChangeKind.PRECISION: _compared("precision"),
    ChangeKind.SIZE: _compared("size"),
    ChangeKind.TAG: _tag,
    ChangeKind.DEFAULT: _default,
    ChangeKind.OPTIONAL: _optional,
    ChangeKind.REQUIRED: lambda change: _Judgement("may no longer be absent"),
    ChangeKind.SYMBOL_ADDED: lambda change: _Judgement(f"symbol {change.after} added"),
    ChangeKind.SYMBOL_REMOVED: lambda change: _caution(f"symbol {change.before} removed"),
    ChangeKind.ENUM_DEFAULT: _enum_default,
    ChangeKind.TYPE_NAME: lambda c: _Judgement(f"type name {c.before} -> {c.after}"),
    ChangeKind.FIELD_ORDER: lambda change: _Judgement("fields in another order"),
    ChangeKind.DOC: _doc,
    ChangeKind.KEY: _compared("key fields"),
    ChangeKind.EVENT_TIME: _compared("event time"),
    ChangeKind.PERSONAL_DATA_ADDED: lambda change: _breaking(
        "marked as personal data; older logs may show it", "personal data"
    ),
    ChangeKind.PERSONAL_DATA_REMOVED: lambda change: _breaking(
        "no longer marked as personal data", "personal data"
    ),
}


def _plain(value: Json) -> str:
    """A property's value: text as it is, tuples as lists, None as `none`."""
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    return "none" if value is None else str(value)


def _in_words(value: Json) -> str:
    """A default as the .avsc writes it."""
    return msgspec.json.encode(value).decode()
