"""settle_exchange: exchange differences of the money that entities hold, over all their customers.

A party's fold sees the money of one customer; the processor pays out that of many. So after a run
the store is asked for the movements of its accounts in foreign currency, and the difference of
every day on which money went out is realised, by the pure `ledger.fold.settle_held`; what is held
and owed between entities is revalued there too, where the policy says so. The same comparison of
target and posted takes them to the books: twice the same adds nothing.
"""

from __future__ import annotations

from connectors.store import CommitReport, LedgerStore, PostingRight
from ledger.accounting.held import Owner
from ledger.fold import ACCOUNTS, settle_held
from ledger.folding import FoldSettings, PartyPast, as_of_of
from ledger.results import FoldedParty, FoldResult
from transforms.fold_contracts import PartyKeys

PARTY = "crossfoot:exchange"
"""Under this name the entries are kept: they belong to no customer."""

_OWNER = Owner(customer_id=PARTY, contract_id="direct")


def settle_exchange(
    store: LedgerStore, settings: FoldSettings, right: PostingRight | None = None
) -> CommitReport:
    """Bring the exchange differences of held money to what they should be; return what was added.

    `right`: a soft-closed period into which it may post. Nothing is read where no entity has a
    functional currency. Raises StaleParty only when an event was filed under this party's name
    meanwhile.
    """
    if all(one.functional_currency is None for one in settings.books.entities.values()):
        return CommitReport()
    moves = store.held_moves(settings.tenant, ACCOUNTS, PARTY)
    past = store.past_of(settings.tenant, [PartyKeys(PARTY, frozenset({PARTY}), frozenset())])[
        PARTY
    ]
    as_of = as_of_of(PartyPast(*past), settings)
    found = settle_held(moves, _OWNER, settings.policy, settings.books, as_of)
    if not (found.entries or found.pending or store.party_refs_of(settings.tenant, [PARTY])):
        return CommitReport()
    party = FoldedParty(
        tenant=settings.tenant,
        party_id=PARTY,
        party_refs=(PARTY,),
        based_on={PARTY: past.revisions.get(PARTY, 0)},
        new_messages=(),
        duplicates=(),
        dead_letters=(),
        outcomes={},
        result=FoldResult(
            entries=tuple(
                sorted(found.entries, key=lambda one: (one.accounting_date, one.entry_key))
            ),
            pending=tuple(
                sorted(found.pending, key=lambda one: (one.deadline_micros, one.event_id))
            ),
        ),
        as_of_micros=as_of,
    )
    return store.commit([party], right)
