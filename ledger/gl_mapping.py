"""GL mapping: which account of the general ledger a journal line belongs to.

A row names a role and, where it matters, product family, region, legal entity and currency; what
it leaves out matches anything, also what is not known. Of the rows that match a line on its day
the one that names most of the four wins. Two rows that name equally many of them and could both
win for some line on some day are a tie, and a mapping with a tie cannot be built. Dates bound a
row; they never decide between two.

`connectors.gl_mappings` reads mappings from YAML.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from itertools import combinations, product
from typing import NamedTuple

import msgspec

from ledger.accounts import AccountRole

FIRST_DAY = "0001-01-01"
LAST_DAY = "9999-12-31"
"""Bounds of a row without dates; ISO dates compare as text."""


class MappedAccount(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a line goes in the ERP, in the ERP's own codes."""

    account: str
    department: str | None = None
    gl_class: str | None = None


class GlKey(NamedTuple):
    """What is looked up for a line; None: not known."""

    role: AccountRole
    product_family: str | None
    region: str | None
    entity: str | None
    currency: str | None
    """Transaction currency of the entry."""

    def __str__(self) -> str:
        """`revenue · family subscriptions · region none · entity DE01 · currency EUR`."""
        named = zip(DIMENSIONS, self[1:], strict=True)
        parts = (f"{_WORD[name]} {value or 'none'}" for name, value in named)
        return " · ".join((self.role.value, *parts))


DIMENSIONS = ("product_family", "region", "entity", "currency")
"""What a row may name besides its role. All count alike."""

_WORD = {"product_family": "family", "region": "region", "entity": "entity", "currency": "currency"}


class GlRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One row; None matches everything."""

    number: int
    """Place in the file, from 1; 0 for a default of the role."""
    role: AccountRole
    product_family: str | None = None
    region: str | None = None
    entity: str | None = None
    currency: str | None = None
    valid_from: str | None = None
    """First day, ISO."""
    valid_to: str | None = None
    """Last day, inclusive, ISO."""
    target: MappedAccount

    @property
    def named(self) -> tuple[str | None, ...]:
        """What it names of DIMENSIONS, in that order."""
        return (self.product_family, self.region, self.entity, self.currency)

    @property
    def specificity(self) -> int:
        """How many of DIMENSIONS it names."""
        return sum(value is not None for value in self.named)

    @property
    def days(self) -> tuple[str, str]:
        """First and last day, ISO."""
        return self.valid_from or FIRST_DAY, self.valid_to or LAST_DAY

    def matches(self, key: GlKey, on: str) -> bool:
        """Tell whether it holds for a key on a day (ISO)."""
        first, last = self.days
        return (
            self.role == key.role
            and first <= on <= last
            and all(
                wanted is None or wanted == value
                for wanted, value in zip(self.named, key[1:], strict=True)
            )
        )

    def __str__(self) -> str:
        """`row 3 (revenue, entity DE01, from 2026-01-01)`."""
        words = [self.role.value]
        named = zip(DIMENSIONS, self.named, strict=True)
        words += [f"{_WORD[name]} {value}" for name, value in named if value is not None]
        if self.valid_from is not None:
            words.append(f"from {self.valid_from}")
        if self.valid_to is not None:
            words.append(f"to {self.valid_to}")
        where = f"row {self.number}" if self.number else "default"
        return f"{where} ({', '.join(words)})"


class Tie(NamedTuple):
    """Two rows that could both win."""

    first: GlRow
    second: GlRow
    from_day: str
    """First day on which they do, ISO."""

    def __str__(self) -> str:
        """Both rows, and since when."""
        since = "" if self.from_day == FIRST_DAY else f" from {self.from_day} on"
        return f"{self.first} and {self.second} can both match{since}, and neither names more"


class TiedRows(ValueError):
    """A mapping in which two rows could both win; `ties` are all there are."""

    def __init__(self, ties: list[Tie]) -> None:
        super().__init__("; ".join(map(str, ties)))
        self.ties = ties


_Named = tuple[str | None, ...]


class GlMapping:
    """Rows without ties, ready to be looked up. Immutable; can be pickled."""

    def __init__(
        self,
        name: str,
        version: int,
        rows: Iterable[GlRow],
        *,
        description: str = "",
        product_families: Mapping[str, str] | None = None,
        entity_regions: Mapping[str, str] | None = None,
    ) -> None:
        """Index the rows. Raises TiedRows."""
        self.name = name
        self.version = version
        self.description = description
        self.rows = tuple(rows)
        self.product_families = dict(product_families or {})
        """Product, as journal lines name it -> family."""
        self.entity_regions = dict(entity_regions or {})
        """Legal entity -> region of its lines whose own is not known."""
        ties = find_ties(self.rows)
        if ties:
            raise TiedRows(ties)
        self._index = _index(self.rows)

    @property
    def label(self) -> str:
        """`name@version`, kept with every line it was applied to."""
        return f"{self.name}@{self.version}"

    def key_of(
        self,
        role: AccountRole,
        *,
        product: str | None,
        region: str | None,
        entity: str,
        currency: str,
    ) -> GlKey:
        """Return what is looked up for a line: its family by product, its entity's region when
        it has none itself."""
        family = None if product is None else self.product_families.get(product)
        return GlKey(role, family, region or self.entity_regions.get(entity), entity, currency)

    def account_for(
        self,
        role: AccountRole,
        product_family: str | None,
        region: str | None,
        entity: str | None,
        currency: str | None,
        on: str,
    ) -> MappedAccount | None:
        """Return where a line of a day (ISO) goes; None when no row matches."""
        row = self.row_for(GlKey(role, product_family, region, entity, currency), on)
        return None if row is None else row.target

    def row_for(self, key: GlKey, on: str) -> GlRow | None:
        """Return the row that wins for a key on a day (ISO)."""
        for mask, by_names in self._index.get(key.role, ()):
            named = tuple(key[place] if place else None for place in mask)
            for row in by_names.get(named, ()):
                first, last = row.days
                if first <= on <= last:
                    return row
        return None


_Mask = tuple[int, ...]
"""Per dimension its place in a GlKey, 0 where rows leave it out."""
_ByNames = dict[_Named, list[GlRow]]
_OfRole = list[tuple[_Mask, _ByNames]]
"""Rows of a role by which dimensions they name and what; those that name more come first."""


def _index(rows: Iterable[GlRow]) -> dict[AccountRole, _OfRole]:
    found: dict[AccountRole, dict[_Mask, _ByNames]] = defaultdict(dict)
    for row in rows:
        mask = tuple(n if value is not None else 0 for n, value in enumerate(row.named, 1))
        found[row.role].setdefault(mask, {}).setdefault(row.named, []).append(row)
    return {
        role: sorted(by_mask.items(), key=lambda item: (item[0].count(0), item[0]))
        for role, by_mask in found.items()
    }


def find_ties(rows: Iterable[GlRow]) -> list[Tie]:
    """Return every pair of rows that could both win, in the order of the rows.

    Two that name equally many dimensions and agree in all that both name match common keys on
    their common days. That is no tie on days on which a row that names more matches all of these.
    """
    ordered = list(rows)
    position = {id(row): place for place, row in enumerate(ordered)}
    ties = []
    for of_role in _index(ordered).values():
        for pair in _pairs(of_role):
            first, second = sorted(pair, key=lambda row: position[id(row)])
            day = _first_day_of_tie(first, second, of_role)
            if day is not None:
                ties.append(Tie(first, second, day))
    return sorted(ties, key=lambda tie: (position[id(tie.first)], position[id(tie.second)]))


def _pairs(of_role: _OfRole) -> Iterator[tuple[GlRow, GlRow]]:
    """Pairs that name equally many dimensions and agree in those that both name."""
    for _, by_names in of_role:
        for same in by_names.values():
            yield from combinations(same, 2)
    for (mask, one), (other_mask, other) in combinations(of_role, 2):
        if mask.count(0) == other_mask.count(0):
            shared = [n for n, both in enumerate(zip(mask, other_mask, strict=True)) if all(both)]
            yield from _joined(one, other, shared)


def _joined(one: _ByNames, other: _ByNames, shared: list[int]) -> Iterator[tuple[GlRow, GlRow]]:
    by_shared: dict[_Named, list[GlRow]] = defaultdict(list)
    for named, rows in other.items():
        by_shared[tuple(named[n] for n in shared)] += rows
    for named, rows in one.items():
        yield from product(rows, by_shared.get(tuple(named[n] for n in shared), ()))


def _first_day_of_tie(first: GlRow, second: GlRow, of_role: _OfRole) -> str | None:
    start = max(first.days[0], second.days[0])
    end = min(first.days[1], second.days[1])
    if start > end:
        return None
    both = tuple(a if a is not None else b for a, b in zip(first.named, second.named, strict=True))
    deciding = [
        row.days
        for mask, by_names in of_role
        if len(mask) - mask.count(0) > first.specificity
        for row in by_names.get(tuple(both[place - 1] if place else None for place in mask), ())
    ]
    return first_day_outside(deciding, start, end)


def first_day_outside(spans: Iterable[tuple[str, str]], start: str, end: str) -> str | None:
    """Return the first day from `start` to `end` in no span; None when all are covered.

    Spans and bounds include both their days (ISO).
    """
    day = start
    for first, last in sorted(spans):
        if first > day:
            break
        if last >= day:
            if last >= end:
                return None
            day = day_after(last)
    return day if day <= end else None


def day_after(day: str) -> str:
    """Return the next day (ISO)."""
    return (date.fromisoformat(day) + timedelta(days=1)).isoformat()
