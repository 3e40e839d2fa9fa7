"""Who an event belongs to: links between ids and decided identities, followed to one party.

Pure and order-proof: an `Identity` that was told the same pairs in any order resolves the same.
Nothing is guessed. What leads to two customers or accounts is reported as ambiguous.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from sys import intern

import msgspec

NOBODY = "nobody"
"""Party of a message that names neither a party nor an id that may lead to one."""


class Resolution(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """The party an event belongs to."""

    party_id: str
    """CRM account when linked, else the source's customer or object. Without any link known: the
    first of the message's own ids, where it waits until a link comes."""
    party_ref: str
    """The same before identities were applied: the source's own customer; history is kept under
    it."""
    ambiguous: tuple[str, ...] = ()
    """The candidates, sorted, when there is more than one; then nothing of it may be booked."""


_Ends = tuple[tuple[str, ...], tuple[str, ...]]
"""Where a walk along links ends: known parties, and other ids that have no link."""


class Identity:
    """All links known, ready to be followed. Telling is linear, a look-up is a dict access.

    `decided` are identities that a person decided, customer -> account (or account -> the account
    it was merged into); they win over what events state and end an ambiguity.
    """

    __slots__ = ("_accounts", "_decided", "_links", "_more_accounts", "_more_links",
                 "_of_parties", "_of_refs", "_parties")  # fmt: skip

    def __init__(self, decided: Mapping[str, str] | None = None) -> None:
        self._decided = dict(decided or {})
        self._links: dict[str, str] = {}
        self._more_links: dict[str, set[str]] = {}
        self._accounts: dict[str, str] = {}
        self._more_accounts: dict[str, set[str]] = {}
        self._parties: set[str] = {*self._decided, *self._decided.values()}
        self._of_parties: dict[str, Resolution] = {}
        self._of_refs: dict[str, Resolution | None] = {}

    def add_links(self, links: Iterable[tuple[str, str]]) -> None:
        """Learn (id, id or party it belongs to) pairs."""
        self._forget()
        _add(links, self._links, self._more_links)

    def add_account_links(self, links: Iterable[tuple[str, str]]) -> None:
        """Learn (customer, CRM account) pairs; both are known as parties from then on."""
        self._forget()
        pairs = list(links)
        _add(pairs, self._accounts, self._more_accounts)
        for pair in pairs:
            self._parties.update(pair)

    def add_parties(self, party_refs: Iterable[str]) -> None:
        """Learn ids that are parties. Needed only to choose where an id's links end apart."""
        self._forget()
        self._parties.update(party_refs)

    def party_of(self, party_ref: str | None, link_refs: Sequence[str] = ()) -> Resolution:
        """Resolve a message by its `party_ref`, or without one by its `link_refs`.

        Links are followed transitively (order item -> order -> account); a cycle ends the walk.
        """
        if party_ref is not None:
            found = self._of_parties.get(party_ref)
            if found is None:
                found = self._of_parties[party_ref] = self._resolve_party(party_ref)
            return found
        leads = [lead for ref in link_refs if (lead := self._lead_of(ref)) is not None]
        own = link_refs[0] if link_refs else NOBODY
        return self._agree(leads, own) if leads else Resolution(own, own)

    def ambiguous(self) -> dict[str, tuple[str, ...]]:
        """Customers that are stated to be several accounts and that nobody decided, sorted."""
        return {
            customer: accounts
            for customer in sorted(self._more_accounts)
            if (accounts := self.accounts_in_doubt(customer))
        }

    def accounts_in_doubt(self, party_id: str) -> tuple[str, ...]:
        """The accounts that a party is stated to be, sorted, if several and undecided."""
        if party_id not in self._more_accounts or party_id in self._decided:
            return ()
        return tuple(sorted(self._more_accounts[party_id]))

    def reached(self, ids: Iterable[str]) -> set[str]:
        """Every id that links and identities lead to from `ids`, these included."""
        found: set[str] = set()
        waiting = list(ids)
        while waiting:
            node = waiting.pop()
            if node not in found:
                found.add(node)
                waiting.extend(self._following(node))
                waiting.extend(self._more_accounts.get(node, ()))
                waiting.extend(
                    table[node] for table in (self._accounts, self._decided) if node in table
                )
        return found

    def members(self) -> dict[str, tuple[str, ...]]:
        """Every id that leads to each party (and itself), sorted: where its history may be."""
        found: dict[str, set[str]] = defaultdict(set)
        for known in self._links.keys() | self._parties:
            party_ref = known if known in self._parties else None
            party = self.party_of(party_ref, (known,))
            found[party.party_id].update((party.party_id, party.party_ref, known))
        return {party_id: tuple(sorted(found[party_id])) for party_id in sorted(found)}

    def _forget(self) -> None:
        self._of_parties.clear()
        self._of_refs.clear()

    def _resolve_party(self, party_ref: str) -> Resolution:
        """A party stays itself where its links lead to no other known party."""
        ends = self._ends_from(party_ref)[0] or (party_ref,)
        return self._agree([self._account_of(end) for end in ends], party_ref)

    def _lead_of(self, ref: str) -> Resolution | None:
        """Where an id that is not a party leads; None when nothing is known of it."""
        if ref not in self._of_refs:
            known, loose_ends = self._ends_from(ref)
            ends = known or tuple(end for end in loose_ends if end != ref)
            leads = [self._account_of(end) for end in ends]
            self._of_refs[ref] = self._agree(leads, ref) if leads else None
        return self._of_refs[ref]

    def _ends_from(self, start: str) -> _Ends:
        """Follow the links; parties at the end of a walk count before parties passed."""
        if start not in self._links:
            return ((start,), ()) if start in self._parties else ((), (start,))
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
        return tuple(sorted(known)), tuple(sorted(set(ends) - self._parties))

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
                return Resolution(account, customer, tuple(sorted(self._more_accounts[account])))
            following = following or self._accounts.get(account)
            if following is None:
                return Resolution(account, customer)
            if following in seen:
                return Resolution(min(self._round_from(following)), customer)
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

    def _agree(self, leads: list[Resolution], own: str) -> Resolution:
        """Theirs if they agree on the party; else the message stays its own, ambiguous.

        A known party counts before an id that nobody has named as a party.
        """
        if len(leads) == 1:
            return leads[0]
        known = [lead for lead in leads if lead.party_ref in self._parties] or leads
        parties = {lead.party_id for lead in known}
        ambiguous = {name for lead in known for name in lead.ambiguous}
        if len(parties) > 1:
            return Resolution(own, own, tuple(sorted(ambiguous | parties)))
        party_ref = min(lead.party_ref for lead in known)
        return Resolution(parties.pop(), party_ref, tuple(sorted(ambiguous)))


def _add(
    pairs: Iterable[tuple[str, str]], table: dict[str, str], more: dict[str, set[str]]
) -> None:
    for source, target in pairs:
        if source == target:
            continue
        known = table.setdefault(source, intern(target))  # many ids, few owners
        if known != target:
            more.setdefault(source, {known}).add(target)
