"""What a GL mapping covers and what it does not: gaps, rows without use, what a change moves.

A gap is what books have and no row matches, with its money, or a role that a policy may book and
no row names. Pure; the keys of the books come from the ledger store.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from ledger.accounts import AccountRole
from ledger.gl_mapping import GlKey, GlMapping, GlRow, MappedAccount
from ledger.policies import PolicyPack


class KeyUse(msgspec.Struct, frozen=True, kw_only=True):
    """Lines of the books that are looked up alike; minor units of the currency."""

    tenant: str
    role: str
    product: str | None
    region: str | None
    entity: str
    currency: str
    on: str
    """Accounting date, ISO."""
    lines: int
    debits_minor: int
    credits_minor: int


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """What no row covers. Without lines: a role that the policy may book, and none has been yet."""

    role: str
    product: str | None = None
    product_family: str | None = None
    region: str | None = None
    entity: str | None = None
    currency: str | None = None
    first_day: str | None = None
    last_day: str | None = None
    lines: int = 0
    debits_minor: int = 0
    credits_minor: int = 0


class Unused(msgspec.Struct, frozen=True, kw_only=True):
    """A row that nothing needs."""

    row: str
    why: str


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """Lines of the books that another mapping gives another account."""

    before: MappedAccount | None
    """None: no account."""
    after: MappedAccount | None
    role: str
    entity: str
    currency: str
    lines: int
    debits_minor: int
    credits_minor: int


_BY_CHOICE: Mapping[AccountRole, tuple[str, frozenset[object]]] = {
    AccountRole.DISPUTES: ("dispute", frozenset({"contra"})),
    AccountRole.DISPUTES_RECEIVABLE: ("dispute", frozenset({"receivable"})),
    AccountRole.DISPUTE_LOSSES: ("dispute", frozenset({"receivable"})),
    AccountRole.CREDIT_NOTES: ("contra_revenue", frozenset({"separate"})),
    AccountRole.VOIDS: ("contra_revenue", frozenset({"separate"})),
    AccountRole.DEFERRED_FEES: ("fee_timing", frozenset({"invoice"})),
    AccountRole.FX_UNREALISED: ("revaluation", frozenset({"period_end"})),
}
"""Roles that only one choice of a policy books."""


def roles_of(policy: PolicyPack) -> list[AccountRole]:
    """Return the roles that entries under a policy may have."""
    out = {
        role
        for role, (choice, values) in _BY_CHOICE.items()
        if getattr(policy, choice) not in values
    }
    if policy.payment_tolerance_minor == 0:
        out.add(AccountRole.ROUNDING)
    # No posting rule books it.
    out.add(AccountRole.EXCLUSION)
    return [role for role in AccountRole if role not in out]


def key_of(mapping: GlMapping, use: KeyUse) -> GlKey:
    """Return what is looked up for these lines."""
    return mapping.key_of(
        AccountRole(use.role),
        product=use.product,
        region=use.region,
        entity=use.entity,
        currency=use.currency,
    )


def gaps_of(mapping: GlMapping, uses: Iterable[KeyUse], policy: PolicyPack) -> list[Gap]:
    """Return what is not covered: lines of the books first, then roles of the policy."""
    found: dict[tuple[GlKey, str | None], list[KeyUse]] = defaultdict(list)
    for use in uses:
        key = key_of(mapping, use)
        if mapping.row_for(key, use.on) is None:
            found[(key, use.product if key.product_family is None else None)].append(use)
    gaps = [
        Gap(
            role=key.role.value,
            product=product,
            product_family=key.product_family,
            region=key.region,
            entity=key.entity,
            currency=key.currency,
            first_day=min(use.on for use in of_key),
            last_day=max(use.on for use in of_key),
            lines=sum(use.lines for use in of_key),
            debits_minor=sum(use.debits_minor for use in of_key),
            credits_minor=sum(use.credits_minor for use in of_key),
        )
        for (key, product), of_key in sorted(found.items(), key=lambda item: _text(item[0]))
    ]
    named = {row.role for row in mapping.rows} | {AccountRole(gap.role) for gap in gaps}
    return gaps + [Gap(role=role.value) for role in roles_of(policy) if role not in named]


def _text(key: tuple[GlKey, str | None]) -> tuple[str, ...]:
    return (*(value or "" for value in key[0]), key[1] or "")


def unused_rows(
    mapping: GlMapping, uses: Sequence[KeyUse] | None, policy: PolicyPack
) -> list[Unused]:
    """Return rows without use, in the order of the mapping.

    Those that can match nothing; with `uses`, the lines of some books, also those that match none
    of them or never win.
    """
    possible = set(roles_of(policy))
    families = set(mapping.product_families.values())
    won, seconds = _contests(mapping, uses or ())
    found = []
    for row in mapping.rows:
        if row in won:
            continue
        why = _why(row, possible, families, seconds, policy)
        if why is None and uses is not None:
            why = "no line of the books matches it"
        if why is not None:
            found.append(Unused(row=str(row), why=why))
    return found


def _why(
    row: GlRow,
    possible: set[AccountRole],
    families: set[str],
    seconds: Mapping[GlRow, set[str]],
    policy: PolicyPack,
) -> str | None:
    if row in seconds:
        return f"shadowed in these books: {', '.join(sorted(seconds[row]))} always wins"
    if row.product_family is not None and row.product_family not in families:
        return f"no product is in the family {row.product_family}"
    if row.role not in possible:
        return f"policy {policy.label} never books {row.role}"
    return None


def _contests(
    mapping: GlMapping, uses: Iterable[KeyUse]
) -> tuple[set[GlRow], dict[GlRow, set[str]]]:
    """Rows that won for some line; rows that matched, with those that beat them."""
    of_role: dict[AccountRole, list[GlRow]] = defaultdict(list)
    for row in mapping.rows:
        of_role[row.role].append(row)
    won: set[GlRow] = set()
    seconds: dict[GlRow, set[str]] = defaultdict(set)
    for use in uses:
        key = key_of(mapping, use)
        winner = mapping.row_for(key, use.on)
        if winner is None:
            continue
        won.add(winner)
        for row in of_role[key.role]:
            if row is not winner and row not in won and row.matches(key, use.on):
                seconds[row].add(str(winner))
    return won, seconds


def products_without_family(mapping: GlMapping, uses: Iterable[KeyUse]) -> list[str]:
    """Return products of the books that are in no family, sorted."""
    products = {use.product for use in uses if use.product is not None}
    return sorted(products - mapping.product_families.keys())


def moves_between(before: GlMapping, after: GlMapping, uses: Iterable[KeyUse]) -> list[Move]:
    """Return the lines of the books that get another account, by accounts and key, sorted."""
    moved: dict[tuple[object, ...], list[KeyUse]] = defaultdict(list)
    for use in uses:
        targets = []
        for mapping in (before, after):
            row = mapping.row_for(key_of(mapping, use), use.on)
            targets.append(None if row is None else row.target)
        if targets[0] != targets[1]:
            moved[(*targets, use.role, use.entity, use.currency)].append(use)
    found = [
        Move(
            before=key[0],  # type: ignore[arg-type]
            after=key[1],  # type: ignore[arg-type]
            role=of_key[0].role,
            entity=of_key[0].entity,
            currency=of_key[0].currency,
            lines=sum(use.lines for use in of_key),
            debits_minor=sum(use.debits_minor for use in of_key),
            credits_minor=sum(use.credits_minor for use in of_key),
        )
        for key, of_key in moved.items()
    ]
    return sorted(found, key=lambda move: (move.role, move.entity, move.currency, _codes(move)))


def _codes(move: Move) -> tuple[str, ...]:
    targets = (move.before, move.after)
    return tuple("" if one is None else repr(msgspec.structs.astuple(one)) for one in targets)


class RowChange(msgspec.Struct, frozen=True):
    """What stands at one place of two mappings: added, removed, or with another account."""

    row: str
    before: MappedAccount | None
    after: MappedAccount | None


def changed_rows(before: GlMapping, after: GlMapping) -> list[RowChange]:
    """Return rows that only one mapping has, or that have another account, in their order.

    Rows are the same when they name the same and hold for the same days, wherever they are.
    """
    old = {_place(row): row for row in before.rows}
    new = {_place(row): row for row in after.rows}
    changes = []
    for place in [*old, *(place for place in new if place not in old)]:
        was, now = old.get(place), new.get(place)
        row = now or was
        assert row is not None
        if was is None or now is None or was.target != now.target:
            targets = (one.target if one else None for one in (was, now))
            changes.append(RowChange(str(row), *targets))
    return changes


def _place(row: GlRow) -> tuple[object, ...]:
    return (row.role, row.named, row.days)
