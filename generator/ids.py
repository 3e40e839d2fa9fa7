"""Ids in the form the providers use, unique within a company and the same on every run."""

from __future__ import annotations

_BASE36 = "0123456789abcdefghijklmnopqrstuvwxyz"
_SUFFIX = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


def seed_tag(seed: int) -> str:
    """Six characters that differ between seeds, so that two companies share no id."""
    digits = ""
    for _ in range(6):
        seed, digit = divmod(seed, 36)
        digits = _BASE36[digit] + digits
    return digits


class Mint:
    """Strikes the ids of one contract: `in_1T` + seed + contract + running number."""

    def __init__(self, tag: str, index: int) -> None:
        self._stem = f"1T{tag}{index:06d}"
        self._number = 0

    def stripe(self, prefix: str) -> str:
        """A Stripe id such as `in_1T00000a0000420007`."""
        self._number += 1
        return f"{prefix}_{self._stem}{self._number:04d}"


def salesforce_id(prefix: str, number: int) -> str:
    """An 18-character Salesforce id: 3 of object type, 12 of record, 3 of check."""
    body = f"{prefix}4H{number:010d}"
    return body + check_characters(body)


def check_characters(body: str) -> str:
    """The last three characters of a Salesforce id, from its first fifteen.

    They say which of the fifteen are upper case, so that ids survive systems that ignore case.
    Source: Salesforce knowledge article 000385203.
    """
    suffix = ""
    for start in (0, 5, 10):
        bits = sum(1 << i for i, char in enumerate(body[start : start + 5]) if char.isupper())
        suffix += _SUFFIX[bits]
    return suffix


def event_uuid(seed: int, index: int, number: int) -> str:
    """A UUID for the `number`-th change event of a contract; version and variant bits are set."""
    head = f"{seed & 0xFFFFFFFF:08x}-{index >> 16:04x}-4{index >> 4 & 0xFFF:03x}"
    return f"{head}-8{number:03x}-{index:012x}"
