"""Compares what postings need with what Tryton has, before anything is delivered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec

from connectors.deliveries.delivery import Parcel
from connectors.deliveries.tryton import POSTED
from connectors.deliveries.tryton_books import OPEN, TrytonBooks, TrytonCompany
from connectors.deliveries.tryton_moves import needs_party


class Missing(msgspec.Struct, frozen=True, kw_only=True):
    """Something that postings need and the ERP does not have."""

    kind: str
    """company, currency, account, period, party or draft."""
    entity: str
    name: str
    """Code of what is missing, and what is wrong with it."""
    postings: int
    """How many wait for it."""


def find_missing(
    books: TrytonBooks, parcels: Sequence[Parcel], *, make_parties: bool
) -> list[Missing]:
    """Return what would be refused, by entity and kind, and drafts that nobody will post.

    `make_parties`: a delivery makes the parties it misses, so they are no finding. Nothing is
    changed in Tryton.
    """
    found: Counter[tuple[str, str, str]] = Counter()
    by_entity: dict[str, list[Parcel]] = {}
    for parcel in parcels:
        by_entity.setdefault(parcel.posting.entity, []).append(parcel)
    for entity, some in sorted(by_entity.items()):
        company = books.company(entity)
        if company is None:
            found[entity, "company", entity] += len(some)
            continue
        for kind, name in _needs(books, company, some, make_parties):
            found[entity, kind, name] += 1
        for name in _leftover_drafts(books, company):
            found[entity, "draft", name] += 0
    return [
        Missing(entity=entity, kind=kind, name=name, postings=count)
        for (entity, kind, name), count in sorted(found.items())
    ]


def _needs(
    books: TrytonBooks, company: TrytonCompany, parcels: Sequence[Parcel], make_parties: bool
) -> Iterator[tuple[str, str]]:
    """(kind, name) of what is missing, once per posting that needs it."""
    books.read_periods(company.company_id)
    without_journal = books.periods_without_journal(company.company_id)
    codes = {line.gl_account or "" for parcel in parcels for line in parcel.posting.lines}
    accounts = books.accounts(company.company_id, codes)
    known = set() if make_parties else books.known_parties(p.posting.customer_id for p in parcels)
    for parcel in parcels:
        posting = parcel.posting
        if posting.functional_currency != company.currency:
            yield "company", f"{company.name} keeps its books in {company.currency}"
        if books.currency(posting.currency) is None:
            yield "currency", posting.currency
        period = books.period(company.company_id, parcel.booked_on)
        if period is None:
            yield "period", f"{parcel.booked_on[:7]} is not there"
        elif period.state != OPEN:
            yield "period", f"{period.name} is {period.state}"
        elif period.period_id in without_journal:
            yield "period", f"the journal is closed in {period.name}"
        missing = {line.gl_account or "" for line in posting.lines} - accounts.keys()
        for code in sorted(missing):
            yield "account", code
        without_party = not make_parties and posting.customer_id not in known
        if without_party and not missing and needs_party(posting, accounts):
            yield "party", posting.customer_id


def _leftover_drafts(books: TrytonBooks, company: TrytonCompany) -> Iterator[str]:
    """Drafts that bear the id of a posting; a delivery that goes on uses or deletes them.

    Two are left where a call whose answer was lost ended after its posting was booked.
    """
    own = ["OR", ["description", "like", "pst\\_%"], ["description", "like", "rev\\_%"]]
    domain = [["company", "=", company.company_id], ["state", "!=", POSTED], own]
    for row in books.search("account.move", domain, ["description"], company.company_id):
        yield f"{row['description']} (move {row['id']})"
