"""The value rules that Avro cannot say: limits and predicates named in `.avsc` properties.

A field's `crossfoot` property picks its rule: `id`, `word`, `text`, `currency` for strings,
`amount_minor`, `count` for longs. Generated validators call what is here.
"""

from __future__ import annotations

import re

import msgspec

AMOUNT_LIMIT_MINOR = 10**17
"""Amounts lie within plus or minus this many minor units."""
EARLIEST_MICROS = 946_684_800_000_000
"""2000-01-01T00:00:00Z: no business event happened before."""
LATEST_MICROS = 4_102_444_800_000_000
"""2100-01-01T00:00:00Z: none happens at or after."""
ID_LIMIT_CHARS = 255
TEXT_LIMIT_CHARS = 10_000

# Unicode category Cc, and the separators that break lines in some readers.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_CONTROL_BUT_TAB_NEWLINE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")


class Violation(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with a record and where; never the value, which may be personal data."""

    reason: str
    """A code that equals one of `ledger.reasons.Reason`."""
    path: str
    """Where: `lines[2].amount_minor`; empty for the record as a whole."""
    detail: str


class SchemaViolation(Exception):
    """Raised inside readers; carries the one Violation that ends the reading."""

    def __init__(self, reason: str, path: str, detail: str) -> None:
        super().__init__(f"{reason} at {path or 'the record'}: {detail}")
        self.violation = Violation(reason=reason, path=path, detail=detail)


def has_control(value: str) -> bool:
    """Tell whether an id or word carries a control character."""
    return _CONTROL.search(value) is not None


def has_control_in_text(value: str) -> bool:
    """Tell whether free text carries a control character other than tab and newline."""
    return _CONTROL_BUT_TAB_NEWLINE.search(value) is not None
