"""What a GL mapping makes of a journal entry: an account per line, or what could not be found."""

from __future__ import annotations

import msgspec

from ledger.gl_mapping import GlKey, GlMapping
from ledger.journal import JournalEntry, JournalLine


class AppliedLine(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where one line goes, and why."""

    mapping: str
    """`name@version` of the mapping."""
    row: int
    """Its row that won, from 1; 0 for a default of the role."""
    account: str
    department: str | None = None
    gl_class: str | None = None


class Unmapped(msgspec.Struct, frozen=True):
    """An entry with lines that no row of the mapping covers."""

    mapping: str
    missing: tuple[str, ...]
    """What was looked up and not found, in the order of the lines, each once:
    `revenue · family none · region EMEA · entity DE01 · currency EUR · 2026-01-31`."""

    def __str__(self) -> str:
        """`acme@3 has no account for revenue · family none · …; …`."""
        return f"{self.mapping} has no account for {'; '.join(self.missing)}"


Mapped = tuple[AppliedLine, ...]
"""One per line of the entry, in order."""


def map_entry(mapping: GlMapping, entry: JournalEntry) -> Mapped | Unmapped:
    """Return the accounts of an entry's lines on its accounting date, or what is missing."""
    on = entry.accounting_date
    found = []
    missing = []
    for line in entry.lines:
        key = key_of_line(mapping, entry, line)
        row = mapping.row_for(key, on)
        if row is None:
            missing.append(describe(key, line.product, on))
        else:
            target = row.target
            found.append(
                AppliedLine(
                    mapping.label, row.number, target.account, target.department, target.gl_class
                )
            )
    if missing:
        return Unmapped(mapping.label, tuple(dict.fromkeys(missing)))
    return tuple(found)


def key_of_line(mapping: GlMapping, entry: JournalEntry, line: JournalLine) -> GlKey:
    """Return what is looked up for a line of an entry."""
    return mapping.key_of(
        line.role,
        product=line.product,
        region=entry.region,
        entity=entry.entity,
        currency=entry.currency,
    )


def describe(key: GlKey, product: str | None, on: str) -> str:
    """Return what was looked up as a person reads it; a product without a family is named."""
    unknown = key.product_family is None and product is not None
    text = str(key).replace("family none", f"family none (product {product})") if unknown else key
    return f"{text} · {on}"
