"""How columns of the ledger store are declared: kinds of text, numbers and keys."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Integer, MetaData, Text

metadata = MetaData()

Words = Text().with_variant(Text(collation="C"), "postgresql")
RowNumber = BigInteger().with_variant(Integer(), "sqlite")
"""SQLite makes only a column declared INTEGER its row id."""


def key(name: str, kind: type[Text] | Text = Words) -> Column[str]:
    """Return a column of the primary key."""
    return Column(name, kind, primary_key=True, nullable=False)


def words(name: str) -> Column[str]:
    """Return a text that is always there."""
    return Column(name, Words, nullable=False)


def maybe(name: str) -> Column[str]:
    """Return a text that may be missing."""
    return Column(name, Words, nullable=True)


def number(name: str, *, nullable: bool = False) -> Column[int]:
    """Return an integer: micros, minor units, counts."""
    return Column(name, BigInteger, nullable=nullable)


def flag(name: str) -> Column[bool]:
    """Return a truth value."""
    return Column(name, Boolean, nullable=False)


def party(*, primary_key: bool = False) -> Column[int]:
    """Return the number of the party that a row belongs to."""
    return Column(
        "party_no",
        RowNumber,
        ForeignKey("parties.party_no"),
        primary_key=primary_key,
        autoincrement=False,
        nullable=False,
    )
