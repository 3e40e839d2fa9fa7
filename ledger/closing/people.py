"""Who decides: names as callers give them, and when two of them are one person.

The product has no accounts of its own; it keeps what it is told and lets nobody approve what they
proposed. Upper and lower case, spaces, invisible characters and compatible forms of letters make
no other person (Unicode NFKC and case folding).
"""

from __future__ import annotations

import unicodedata


class UnknownPerson(ValueError):
    """A decision without a name, or with one that holds no letter or digit."""


class SamePerson(ValueError):
    """Somebody wants to approve what they proposed themselves."""


def checked_name(name: str) -> str:
    """Return a name as it is kept: without blanks around it. Raises UnknownPerson."""
    if not _key(name):
        raise UnknownPerson("a decision needs the name of the person who takes it")
    if any(unicodedata.category(character).startswith("C") for character in name.strip()):
        raise UnknownPerson("a name cannot hold control or invisible characters")
    return " ".join(name.split())


def is_same_person(one: str, other: str) -> bool:
    """Tell whether two names stand for one person."""
    return _key(one) == _key(other)


def assert_second_person(proposer: str, approver: str, what: str) -> None:
    """Raise SamePerson when `approver` proposed `what` themselves."""
    if is_same_person(proposer, approver):
        raise SamePerson(f"{proposer} proposed {what}: a second person must approve it")


def _key(name: str) -> str:
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    kept = [c for c in folded if unicodedata.category(c)[0] not in "ZC"]
    return "".join(kept) if any(c.isalnum() for c in kept) else ""
