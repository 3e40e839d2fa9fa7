"""Books of Stripe events and canonical ones together, for timelines that need both."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from connectors.canonical import decode_canonical_json
from connectors.decoding import DecodeContext
from connectors.policy_packs import load_policy_pack
from connectors.providers.stripe import decode_stripe
from ledger.accounts import on_normal_side
from ledger.identity import Identity
from ledger.journal import JournalEntry
from ledger.messages import Message
from ledger.money import minor_to_major
from ledger.party import assemble_party
from ledger.policies import BooksConfig
from ledger.results import FoldResult

ASSUMED = BooksConfig(links="assumed")


def message_of(told: dict[str, Any], context: DecodeContext) -> Message:
    """Decode a canonical event (it names its subject) or a Stripe event; it must be accepted."""
    decode = decode_canonical_json if "subject" in told else decode_stripe
    message = decode(json.dumps(told).encode(), "x", context)
    assert isinstance(message, Message), message
    return message


def fold_all(
    events: list[dict[str, Any]], context: DecodeContext, until: str = "2032-01-01"
) -> list[FoldResult]:
    """Fold every party that the events concern, by party id."""
    messages = [message_of(told, context) for told in events]
    identity = Identity()
    for message in messages:
        identity.add_links(message.links)
        identity.add_parties([message.party_ref] if message.party_ref else [])
    parties: dict[str, list[Message]] = defaultdict(list)
    for message in messages:
        found = identity.party_of(message.party_ref, message.link_refs)
        parties[found.party_id].append(message)
    as_of = int(datetime.fromisoformat(until).replace(tzinfo=UTC).timestamp()) * 1_000_000
    policy = load_policy_pack("stripe-contra")
    return [
        assemble_party(
            tenant=context.tenant,
            party_id=party,
            party_refs=[party],
            based_on={party: 0},
            history=[],
            incoming=told,
            policy=policy,
            config=ASSUMED,
            as_of_micros=as_of,
        ).result
        for party, told in sorted(parties.items())
    ]


def months(
    events: list[dict[str, Any]], context: DecodeContext, until: str = "2032-01-01"
) -> dict[str, dict[str, str]]:
    """Change per month and role on the role's normal side; nothing may wait or be refused."""
    results = fold_all(events, context, until)
    assert [one for result in results for one in (*result.pending, *result.refusals)] == []
    return months_of([entry for result in results for entry in result.entries])


def months_of(entries: list[JournalEntry]) -> dict[str, dict[str, str]]:
    """Change per month and role on the role's normal side, in major units."""
    cells: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for entry in entries:
        for line in entry.lines:
            amount = minor_to_major(line.amount_minor, entry.currency)
            cells[entry.period, line.role.value] += amount
    table: dict[str, dict[str, str]] = defaultdict(dict)
    for (month, role), amount in sorted(cells.items()):
        signed = on_normal_side(role, 1) * amount  # type: ignore[arg-type]
        if signed:
            table[month][role] = f"{signed.normalize():f}"
    return dict(table)
