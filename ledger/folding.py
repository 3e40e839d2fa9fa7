"""Folding many parties with the same settings: what the pipelines and a preview share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from ledger.messages import Message
from ledger.party import assemble_party
from ledger.policies import BooksConfig, PolicyPack
from ledger.results import FoldedParty


class FoldSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What the fold needs besides messages; the same for every party of a run."""

    tenant: str
    policy: PolicyPack
    books: BooksConfig
    as_of_micros: int
    """Exclusive."""
    keep_as_of: bool = False
    """Fold a party as of what it stands at, where that is later: nothing recognised is taken back
    (the close of a period, which others may be ahead of)."""


class PartyPast(NamedTuple):
    """What is kept of a party from before."""

    party_refs: tuple[str, ...]
    revisions: dict[str, int]
    messages: Sequence[Message]
    folded_as_of_micros: int = 0
    """Up to where its last fold recognised revenue."""
    shut_until_micros: int = 0
    """End of the latest period that is not open: what was due by then is never taken back."""
    left: tuple[str, ...] = ()
    """Parties that some of its refs belonged to when they were last committed. They lose what
    these refs told, so they are folded with it."""


_NOTHING = PartyPast((), {}, ())


def keep_apart(past: Mapping[str, PartyPast], owner: Mapping[str, str]) -> dict[str, PartyPast]:
    """Take out of every party's past what belongs to another now; `owner` is by ref."""
    return {party_id: _own_past(party_id, before, owner) for party_id, before in past.items()}


def _own_past(party_id: str, before: PartyPast, owner: Mapping[str, str]) -> PartyPast:
    others = {ref for ref in before.party_refs if owner.get(ref, party_id) != party_id}
    if not others:
        return before
    return before._replace(
        party_refs=tuple(ref for ref in before.party_refs if ref not in others),
        messages=[message for message in before.messages if message.party_ref not in others],
    )


def fold_parties(
    incoming: Mapping[str, Sequence[Message]],
    past: Mapping[str, PartyPast],
    settings: FoldSettings,
    ambiguous: Mapping[str, tuple[str, ...]],
) -> list[FoldedParty]:
    """Fold every party, in the order given, over its past and its incoming messages.

    `incoming` and `past` are by party id; a party without a past may be missing there. `ambiguous`
    are the parties among them that are stated to be several accounts, with these
    (`ledger.identity.Identity.accounts_in_doubt`).
    """
    return [
        _fold(party_id, messages, past.get(party_id, _NOTHING), settings, ambiguous)
        for party_id, messages in incoming.items()
    ]


def _fold(
    party_id: str,
    messages: Sequence[Message],
    before: PartyPast,
    settings: FoldSettings,
    ambiguous: Mapping[str, tuple[str, ...]],
) -> FoldedParty:
    refs = sorted({message.party_ref or party_id for message in messages} | {*before.party_refs})
    return assemble_party(
        tenant=settings.tenant,
        party_id=party_id,
        party_refs=refs,
        based_on={ref: before.revisions.get(ref, 0) for ref in refs},
        history=before.messages,
        incoming=messages,
        policy=settings.policy,
        config=settings.books,
        as_of_micros=as_of_of(before, settings),
        ambiguous=ambiguous,
    )


def as_of_of(before: PartyPast, settings: FoldSettings) -> int:
    """Return up to where a party is folded, given what it stood at.

    A live job keeps the as-of time it was started with while periods are closed around it, and
    must not take back what was due in them.
    """
    floor = min(before.shut_until_micros, before.folded_as_of_micros)
    if settings.keep_as_of:
        floor = before.folded_as_of_micros
    return max(settings.as_of_micros, floor)
