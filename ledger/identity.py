"""Who an event belongs to: links between ids and decided identities, followed to one party.

Pure and order-proof: an `Identity` built from the same pairs in any order resolves the same.
Nothing is guessed. What leads to two customers or accounts is reported as ambiguous.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Self

import msgspec

from ledger.messages import Message

Pairs = tuple[tuple[str, str], ...]


class Resolution(msgspec.Struct, frozen=True, array_like=True):
    """The party an event belongs to."""

    party_id: str | None
    """CRM account when linked, else the source's customer or object; None when nothing leads to
    a party yet. A caller keeps such a message under its first `link_ref` until a link comes."""
    ambiguous: tuple[str, ...] = ()
    """The candidates, sorted, when there is more than one; then nothing of it may be booked."""


class LinkPairs(msgspec.Struct, frozen=True, array_like=True):
    """What a block of messages teaches about identity; small enough to send to every worker."""

    links: Pairs
    account_links: Pairs
    parties: tuple[str, ...]
    """Ids that messages name as their party: where following links may end."""


def pairs_of(messages: Iterable[Message]) -> LinkPairs:
    """Collect the distinct, sorted pairs that `messages` teach."""
    links: set[tuple[str, str]] = set()
    accounts: set[tuple[str, str]] = set()
    parties: set[str] = set()
    for message in messages:
        links.update(message.links)
        accounts.update(message.account_links)
        if message.party_ref is not None:
            parties.add(message.party_ref)
    return LinkPairs(tuple(sorted(links)), tuple(sorted(accounts)), tuple(sorted(parties)))


def encode_pairs(pairs: LinkPairs) -> bytes:
    """Pack pairs into one blob (MessagePack)."""
    return msgspec.msgpack.encode(pairs)


_PAIRS = msgspec.msgpack.Decoder(LinkPairs)


class Identity:
    """All links known, ready to be followed. Building is linear, a look-up is a dict access.

    `decided` are identities a person decided, customer -> account (or account -> the account it
    was merged into); they win over what events state and end an ambiguity.
    """

    __slots__ = ("_accounts", "_decided", "_links", "_more_accounts", "_more_links",
                 "_of_parties", "_of_refs", "_parties")  # fmt: skip

    def __init__(self, decided: Mapping[str, str] | None = None) -> None:
        self._decided = dict(decided or {})
        self._links: dict[str, str] = {}
        self._more_links: dict[str, set[str]] = {}
        self._accounts: dict[str, str] = {}
        self._more_accounts: dict[str, set[str]] = {}
        self._parties: set[str] = set(self._decided) | set(self._decided.values())
        self._of_parties: dict[str, Resolution] = {}
        self._of_refs: dict[str, Resolution] = {}

    @classmethod
    def from_blobs(cls, blobs: Iterable[bytes], decided: Mapping[str, str] | None = None) -> Self:
        """Build from blobs made by `encode_pairs`, in any order."""
        identity = cls(decided)
        for blob in blobs:
            identity.learn(_PAIRS.decode(blob))
        return identity

    def learn(self, pairs: LinkPairs) -> None:
        """Add what a block of messages teaches; forgets cached answers."""
        self._of_parties.clear()
        self._of_refs.clear()
        _add(pairs.links, self._links, self._more_links)
        _add(pairs.account_links, self._accounts, self._more_accounts)
        self._parties.update(pairs.parties)
        for customer, account in pairs.account_links:
            self._parties.add(customer)
            self._parties.add(account)

    def party_of(self, party_ref: str | None, link_refs: Iterable[str] = ()) -> Resolution:
        """Resolve a message by its `party_ref`, or without one by its `link_refs`.

        Links are followed transitively (order item -> order -> account); a cycle ends the walk.
        """
        if party_ref is not None:
            found = self._of_parties.get(party_ref)
            if found is None:
                found = self._of_parties[party_ref] = self._resolve_party(party_ref)
            return found
        return self._agree([self._of_refs.get(ref) or self._resolve_ref(ref) for ref in link_refs])

    def ambiguous(self) -> dict[str, tuple[str, ...]]:
        """Customers that are stated to be several accounts and that nobody decided, sorted."""
        return {
            customer: tuple(sorted(accounts))
            for customer, accounts in sorted(self._more_accounts.items())
            if customer not in self._decided
        }

    def members(self) -> dict[str, tuple[str, ...]]:
        """Every id that leads to each party (and itself), sorted: where its history is kept."""
        found: dict[str, set[str]] = defaultdict(set)
        for known in self._links.keys() | self._parties:
            party_id = self.party_of(known if known in self._parties else None, (known,)).party_id
            if party_id is not None:
                found[party_id].update((party_id, known))
        return {party_id: tuple(sorted(found[party_id])) for party_id in sorted(found)}

    def _resolve_party(self, party_ref: str) -> Resolution:
        """A party stays itself where its links lead to no other known party."""
        ends = self._known_parties_from(party_ref)[0] or [party_ref]
        found = self._agree([self._account_of(end) for end in ends])
        return found if found.party_id is not None else Resolution(party_ref, found.ambiguous)

    def _resolve_ref(self, ref: str) -> Resolution:
        known, loose_ends = self._known_parties_from(ref)
        ends = known or loose_ends[:1]
        found = self._agree([self._account_of(end) for end in ends if end != ref or known])
        self._of_refs[ref] = found
        return found

    def _known_parties_from(self, start: str) -> tuple[list[str], list[str]]:
        """Where the links from `start` lead: (known parties, other ids without a link), sorted.

        Parties at the end of a walk count before parties passed on the way.
        """
        if start not in self._links:
            return ([start], []) if start in self._parties else ([], [start])
        seen: set[str] = set()
        ends: list[str] = []
        waiting = [start]
        while waiting:
            node = waiting.pop()
            if node in seen:
                continue
            seen.add(node)
            following = self._following(node)
            waiting.extend(following)
            if not following:
                ends.append(node)
        known = self._parties.intersection(ends) or self._parties.intersection(seen)
        return sorted(known), sorted(end for end in ends if end not in self._parties)

    def _following(self, node: str) -> Collection[str]:
        more = self._more_links.get(node)
        if more is not None:
            return more
        target = self._links.get(node)
        return () if target is None else (target,)

    def _account_of(self, customer: str) -> Resolution:
        """The account of a customer; the customer itself while none or several are stated."""
        seen = {customer}
        account = customer
        while True:
            following = self._decided.get(account)
            if following is None and account in self._more_accounts:
                return Resolution(account, tuple(sorted(self._more_accounts[account])))
            following = following or self._accounts.get(account)
            if following is None:
                return Resolution(account)
            if following in seen:
                return Resolution(min(self._round_from(following)))
            seen.add(following)
            account = following

    def _round_from(self, start: str) -> list[str]:
        """The accounts of a cycle of identities, so that all of it is one party."""
        nodes = [start]
        while True:
            node = self._decided.get(nodes[-1]) or self._accounts[nodes[-1]]
            if node == start:
                return nodes
            nodes.append(node)

    def _agree(self, found: list[Resolution]) -> Resolution:
        """One resolution out of several: theirs if they agree, else ambiguous between all.

        A known party counts before an id that no message has named as its party.
        """
        if len(found) == 1:
            return found[0]
        named = {one.party_id for one in found if one.party_id is not None}
        parties = sorted(self._parties.intersection(named) or named)
        if not parties:
            return Resolution(None)
        ambiguous = {name for one in found for name in one.ambiguous}
        if len(parties) == 1:
            return Resolution(parties[0], tuple(sorted(ambiguous)))
        return Resolution(None, tuple(sorted(ambiguous | set(parties))))


def _add(pairs: Pairs, table: dict[str, str], more: dict[str, set[str]]) -> None:
    for source, target in pairs:
        if source == target:
            continue
        known = table.setdefault(source, target)
        if known != target:
            more.setdefault(source, {known}).add(target)
