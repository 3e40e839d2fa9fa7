"""Files new messages, what they teach, and what became of older ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, bindparam, select, update

from connectors.store.backend import Backend, Row
from connectors.store.errors import StaleHistory
from connectors.store.history import read_links_from
from connectors.store.party_rows import Identity, PartyRow, TenantRef
from connectors.store.rows import message_row
from connectors.store.tables import account_links, links, messages, waiting_ids
from ledger.messages import Message
from ledger.results import FoldedParty

Filing = dict[str, int]
"""message_id -> party_no, for the messages of one party."""


def homes_of(connection: Connection, backend: Backend, party: FoldedParty) -> dict[str, str]:
    """Decide under which ref of its party each new message is filed.

    Its own; or for a message that names none, the first of the party's refs that its links lead
    to, else the party's id, else its first ref.
    """
    homes = {m.message_id: m.party_ref for m in party.new_messages if m.party_ref is not None}
    unnamed = [m for m in party.new_messages if m.party_ref is None]
    fallback = party.party_id if party.party_id in party.party_refs else party.party_refs[0]
    step_of = _steps(connection, backend, party, unnamed) if len(party.party_refs) > 1 else {}
    for message in unnamed:
        reached = _reachable(message.link_refs, step_of)
        leads = [ref for ref in party.party_refs if ref in reached]
        homes[message.message_id] = leads[0] if leads else fallback
    return homes


def _steps(
    connection: Connection, backend: Backend, party: FoldedParty, unnamed: Sequence[Message]
) -> dict[str, set[str]]:
    """Links that start at the unnamed messages' ids: the store's and the new ones."""
    starts = {ref for message in unnamed for ref in message.link_refs}
    if not starts:
        return {}
    taught = [link for message in party.new_messages for link in message.links]
    known = read_links_from(
        connection, backend, party.tenant, starts | {target for _, target in taught}
    )
    steps: dict[str, set[str]] = {}
    for start, target in (*known.links, *taught):
        steps.setdefault(start, set()).add(target)
    return steps


def _reachable(starts: Iterable[str], step_of: dict[str, set[str]]) -> set[str]:
    reached: set[str] = set()
    front = list(starts)
    while front:
        here = front.pop()
        if here not in reached:
            reached.add(here)
            front.extend(step_of.get(here, ()))
    return reached


def growth_of(
    folded: Sequence[FoldedParty], homes: Sequence[dict[str, str]], identities: Iterable[Identity]
) -> Counter[TenantRef]:
    """By how much each revision grows: messages filed plus identities that name the ref."""
    growth: Counter[TenantRef] = Counter()
    for party, home_of in zip(folded, homes, strict=True):
        for ref in home_of.values():
            growth[(party.tenant, ref)] += 1
    for tenant, customer, account in identities:
        growth[(tenant, customer)] += 1
        growth[(tenant, account)] += 1
    return growth


def file_messages(
    connection: Connection,
    backend: Backend,
    folded: Sequence[FoldedParty],
    homes: Sequence[dict[str, str]],
    rows: dict[TenantRef, PartyRow],
) -> list[Filing]:
    """Insert all new messages; return where each party's are filed."""
    filed: list[Row] = []
    filings: list[Filing] = []
    for party, home_of in zip(folded, homes, strict=True):
        filing = {
            message_id: rows[(party.tenant, ref)].party_no for message_id, ref in home_of.items()
        }
        filings.append(filing)
        outcomes = party.outcomes
        filed.extend(
            message_row(m, filing[m.message_id], outcomes[m.message_id].value)
            for m in party.new_messages
        )
    backend.insert(connection, messages, filed)
    return filings


def refuse_refiling(
    connection: Connection, backend: Backend, folded: Sequence[FoldedParty]
) -> None:
    """Raise StaleHistory when a message that a fold took for new is archived already."""
    for party in folded:
        ids = [message.message_id for message in party.new_messages]
        query = select(messages.c.message_id).where(
            messages.c.tenant == party.tenant, backend.among(messages.c.message_id, ids)
        )
        if ids and connection.execute(query.limit(1)).first():
            raise StaleHistory(party.party_refs)


def write_links(
    connection: Connection,
    backend: Backend,
    folded: Sequence[FoldedParty],
    homes: Sequence[dict[str, str]],
    identities: Sequence[Identity],
) -> None:
    """Insert the links and identities that the new messages teach."""
    taught = {
        (message.tenant, link_id, target)
        for party in folded
        for message in party.new_messages
        for link_id, target in message.links
    }
    backend.insert_missing(connection, links, sorted(taught))
    backend.insert_missing(connection, waiting_ids, sorted(_further_ids(folded, homes)))
    backend.insert_missing(connection, account_links, identities)


def _further_ids(
    folded: Sequence[FoldedParty], homes: Sequence[dict[str, str]]
) -> set[tuple[str, str, str]]:
    """(tenant, id, ref) of messages that wait under their first id and name others too."""
    return {
        (party.tenant, link_id, message.link_refs[0])
        for party, home_of in zip(folded, homes, strict=True)
        for message in party.new_messages
        if message.party_ref is None and home_of[message.message_id] == message.link_refs[0]
        for link_id in message.link_refs[1:]
    }


def read_outcomes(
    connection: Connection, backend: Backend, party_numbers: Iterable[int]
) -> dict[int, dict[str, str]]:
    """Return the outcome of every archived message, by party_no and message_id."""
    query = select(messages.c.party_no, messages.c.message_id, messages.c.outcome).where(
        backend.among(messages.c.party_no, party_numbers)
    )
    found: dict[int, dict[str, str]] = {}
    for party_no, message_id, outcome in connection.execute(query):
        found.setdefault(party_no, {})[message_id] = outcome
    return found


def update_outcomes(connection: Connection, changed: Sequence[tuple[str, str, str]]) -> None:
    """Set the outcome of older messages; `changed`: (tenant, message_id, outcome)."""
    if changed:
        connection.execute(
            update(messages)
            .where(
                messages.c.tenant == bindparam("of_tenant"),
                messages.c.message_id == bindparam("of_message"),
            )
            .values(outcome=bindparam("now")),
            [{"of_tenant": t, "of_message": m, "now": outcome} for t, m, outcome in changed],
        )
