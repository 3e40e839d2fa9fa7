"""Which keys of a GL mapping the books use, and which postings in the outbox it leaves out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import groupby
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import (
    Connection,
    Select,
    and_,
    bindparam,
    case,
    func,
    literal_column,
    select,
    update,
)

from connectors.store.backend import Backend
from connectors.store.outbox import DeliveryStatus
from connectors.store.tables import journal_entries, journal_lines, outbox
from ledger.accounts import AccountRole
from ledger.gl_accounts import Unmapped, describe
from ledger.gl_mapping import GlKey, GlMapping
from ledger.gl_review import KeyUse
from ledger.reasons import Reason


class Reviewed(msgspec.Struct, frozen=True, kw_only=True):
    """What a mapping did to the postings that wait in the outbox."""

    unmapped: int
    """Postings that have no account now."""
    newly_unmapped: int
    released: int
    """Postings that had none before and have one now."""


def review(
    connection: Connection, backend: Backend, mapping: GlMapping, tenant: str | None
) -> Reviewed:
    """Mark the entries in the outbox that a mapping has no account for, and release the others.

    Entries that the ERP has, may have or has refused are left alone. Reversals are not looked up:
    they go after their entries, with the same accounts.
    """
    before = _marked(connection, tenant)
    now: dict[int, str] = {}
    if before or _is_missing_something(connection, mapping, tenant):
        now = {number: str(missing) for number, missing in _unmapped(connection, mapping, tenant)}
        _mark(connection, {n: words for n, words in now.items() if before.get(n) != words})
        _release(connection, backend, before.keys() - now.keys())
    return Reviewed(
        unmapped=len(now),
        newly_unmapped=len(now.keys() - before.keys()),
        released=len(before.keys() - now.keys()),
    )


def _marked(connection: Connection, tenant: str | None) -> dict[int, str | None]:
    """What is missing of the postings that wait for an account, by number."""
    query = select(outbox.c.posting_no, outbox.c.erp_words).where(
        _PENDING, outbox.c.reason == Reason.UNMAPPED_ACCOUNT.value
    )
    if tenant is not None:
        query = query.join(
            journal_entries, journal_entries.c.posting_no == outbox.c.posting_no
        ).where(journal_entries.c.tenant == tenant)
    return {row[0]: row[1] for row in connection.execute(query)}


def _mark(connection: Connection, words_of: Mapping[int, str]) -> None:
    if words_of:
        connection.execute(
            update(outbox)
            .where(outbox.c.posting_no == bindparam("number"))
            .values(reason=Reason.UNMAPPED_ACCOUNT.value, erp_words=bindparam("words")),
            [{"number": number, "words": words} for number, words in sorted(words_of.items())],
        )


def _release(connection: Connection, backend: Backend, numbers: Iterable[int]) -> None:
    connection.execute(
        update(outbox)
        .where(backend.among(outbox.c.posting_no, sorted(numbers)))
        .values(reason=None, erp_words=None)
    )


_KEY = (
    journal_lines.c.role,
    journal_lines.c.product,
    journal_entries.c.region,
    journal_entries.c.entity,
    journal_entries.c.currency,
    journal_entries.c.accounting_date,
)

_PENDING = and_(
    outbox.c.status == DeliveryStatus.PENDING.value,
    # Implied; written out, it lets the index of open postings be used.
    outbox.c.status != literal_column("'accepted'"),
)


def _waiting(query: Select[Any], tenant: str | None) -> Select[Any]:
    """Lines of entries in the outbox whose accounts are still ours to choose."""
    query = (
        query.select_from(outbox)
        .join(journal_entries, journal_entries.c.posting_no == outbox.c.posting_no)
        .join(journal_lines, journal_lines.c.posting_no == outbox.c.posting_no)
        .where(_PENDING, outbox.c.batch_id.is_(None), journal_entries.c.reverses.is_(None))
    )
    return query if tenant is None else query.where(journal_entries.c.tenant == tenant)


class _Looked(NamedTuple):
    key: GlKey
    on: str


def _looked_up(mapping: GlMapping, row: Any) -> _Looked:
    key = mapping.key_of(
        AccountRole(row.role),
        product=row.product,
        region=row.region,
        entity=row.entity,
        currency=row.currency,
    )
    return _Looked(key, row.accounting_date)


def _is_missing_something(connection: Connection, mapping: GlMapping, tenant: str | None) -> bool:
    query = _waiting(select(*_KEY).distinct(), tenant)
    return any(
        mapping.row_for(*_looked_up(mapping, row)) is None for row in connection.execute(query)
    )


def _unmapped(
    connection: Connection, mapping: GlMapping, tenant: str | None
) -> Iterator[tuple[int, Unmapped]]:
    query = _waiting(select(outbox.c.posting_no, journal_lines.c.line_no, *_KEY), tenant)
    query = query.order_by(outbox.c.posting_no, journal_lines.c.line_no)
    row_for = lru_cache(maxsize=10_000)(mapping.row_for)
    rows = connection.execute(query.execution_options(yield_per=1000))
    for number, lines in groupby(rows, key=lambda row: row.posting_no):
        missing = []
        for line in lines:
            looked = _looked_up(mapping, line)
            if row_for(looked.key, looked.on) is None:
                missing.append(describe(looked.key, line.product, looked.on))
        if missing:
            yield number, Unmapped(mapping.label, tuple(dict.fromkeys(missing)))


def read_keys(connection: Connection, tenant: str | None) -> list[KeyUse]:
    """Return every key that lines of entries have, with their money, sorted.

    Reversals are left out: they take the accounts of their entries.
    """
    amount = journal_lines.c.amount_minor
    keys = (journal_entries.c.tenant, *_KEY)
    query = (
        select(
            *keys,
            func.count().label("lines"),
            func.sum(case((amount > 0, amount), else_=0)).label("debits"),
            func.sum(case((amount < 0, -amount), else_=0)).label("credits"),
        )
        .join(journal_entries, journal_entries.c.posting_no == journal_lines.c.posting_no)
        .where(journal_entries.c.reverses.is_(None))
        .group_by(*keys)
        .order_by(*keys)
    )
    if tenant is not None:
        query = query.where(journal_entries.c.tenant == tenant)
    return [
        KeyUse(
            tenant=row.tenant,
            role=row.role,
            product=row.product,
            region=row.region,
            entity=row.entity,
            currency=row.currency,
            on=row.accounting_date,
            lines=row.lines,
            # int(): PostgreSQL adds bigints into a numeric, so that no sum overflows.
            debits_minor=int(row.debits),
            credits_minor=int(row.credits),
        )
        for row in connection.execute(query)
    ]
