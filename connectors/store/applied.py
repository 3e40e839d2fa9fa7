"""Reads which GL accounts postings were handed out with."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, NamedTuple

from sqlalchemy import Connection, select

from connectors.store.backend import Backend
from connectors.store.tables import applied_accounts
from ledger.gl_accounts import AppliedLine, Mapped


class Applied(NamedTuple):
    """What a mapping gave a posting when it was last handed out."""

    application: int
    """From 1; a posting that the ERP refused may be given other accounts."""
    lines: Mapped


def read_applied(
    connection: Connection, backend: Backend, posting_numbers: Iterable[int]
) -> dict[int, Applied]:
    """Return what stands of postings, by number; those never handed out are left out."""
    table = applied_accounts.c
    query = (
        select(applied_accounts)
        .where(backend.among(table.posting_no, posting_numbers))
        .order_by(table.posting_no, table.application, table.line_no)
    )
    found: dict[int, dict[int, list[AppliedLine]]] = defaultdict(lambda: defaultdict(list))
    for row in connection.execute(query):
        found[row.posting_no][row.application].append(_line_of(row))
    return {
        number: Applied(latest, tuple(by_application[latest]))
        for number, by_application in found.items()
        for latest in (max(by_application),)
    }


def _line_of(row: Any) -> AppliedLine:
    return AppliedLine(
        row.mapping, row.mapping_row, row.account, row.department, row.classification
    )
