"""Record ids: 15 characters where case matters, or 18 with a checksum of the case.

Both name the same record, so everything past this point uses the longer form.
"""

from __future__ import annotations

import re

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_RECORD_ID = re.compile(r"[A-Za-z0-9]{15}(?:[A-Z0-5]{3})?")


_PREFIX = "salesforce:"


def prefixed_long_id(name: str) -> str:
    """`salesforce:` and a record id, in its longer form; any other name unchanged."""
    if not name.startswith(_PREFIX):
        return name
    return _PREFIX + (long_id(name.removeprefix(_PREFIX)) or name.removeprefix(_PREFIX))


def long_id(record_id: str) -> str | None:
    """Return the 18-character form; None when `record_id` is not a record id.

    Per five characters, the upper-case ones set bits (the first character the lowest), and
    the number of the bits names a character of A-Z0-5. Source: Salesforce's published
    conversion (CASESAFEID).
    """
    if _RECORD_ID.fullmatch(record_id) is None:
        return None
    if len(record_id) == 18:
        return record_id
    return record_id + "".join(_case_bits(record_id[at : at + 5]) for at in (0, 5, 10))


def _case_bits(five: str) -> str:
    return _ALPHABET[sum(1 << bit for bit, char in enumerate(five) if char.isupper())]
