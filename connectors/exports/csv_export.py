"""The books as CSV by RFC 4180: one row per journal line; any text survives.

Amounts are in major units with the currency's decimals, debit and credit in columns of their
own. Rows end with CRLF, cells are quoted where they must be.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator

from connectors.exports.chart import Roots
from connectors.exports.postings import in_order
from connectors.store.postings import PostedEntry
from ledger.money import format_major

COLUMNS = (
    "posting_id",
    "kind",
    "reverses",
    "entry_key",
    "revision",
    "tenant",
    "entity",
    "accounting_date",
    "period",
    "original_period",
    "rule",
    "policy",
    "source_event_id",
    "event_id",
    "customer_id",
    "contract_id",
    "invoice_id",
    "memo",
    "line_no",
    "account_role",
    "product",
    "jurisdiction",
    "invoice_line_id",
    "counterparty",
    "currency",
    "debit",
    "credit",
    "functional_currency",
    "functional_debit",
    "functional_credit",
)


GL_COLUMNS = ("region", "mapping", "gl_account", "department", "classification")
"""Further columns of an export on GL accounts; empty for a line without one."""


def csv_text(postings: Iterable[PostedEntry], roots: Roots | None = None) -> Iterator[str]:
    """Yield the header, then the rows of one posting at a time; with `roots`, on GL accounts."""
    if roots is None:
        yield _rows([COLUMNS])
        for posting in in_order(postings):
            yield _rows(_line_cells(posting))
        return
    yield _rows([(*COLUMNS, *GL_COLUMNS)])
    for posting in in_order(postings):
        cells = zip(_line_cells(posting), _gl_cells(posting), strict=True)
        yield _rows((*line, *account) for line, account in cells)


def _gl_cells(posting: PostedEntry) -> Iterator[tuple[object, ...]]:
    region = posting.entry.region
    if not posting.accounts:
        yield from [(region, None, None, None, None)] * len(posting.entry.lines)
    for one in posting.accounts:
        yield region, one.mapping, one.account, one.department, one.gl_class


def _line_cells(posting: PostedEntry) -> Iterator[tuple[object, ...]]:
    entry = posting.entry
    before = (
        posting.posting_id,
        posting.kind,
        posting.reverses,
        entry.entry_key,
        posting.revision,
        entry.tenant,
        entry.entity,
        entry.accounting_date,
        posting.period,
        posting.original_period or posting.period,
        entry.rule,
        entry.policy,
        entry.source_event_id,
        entry.event_id,
        entry.customer_id,
        entry.contract_id,
        entry.invoice_id,
        entry.memo,
    )
    for number, line in enumerate(entry.lines, start=1):
        yield (
            *before,
            number,
            line.role.value,
            line.product,
            line.jurisdiction,
            line.invoice_line_id,
            line.counterparty,
            *_amount(line.amount_minor, entry.currency),
            *_amount(line.functional_minor, entry.functional_currency),
        )


def _amount(debit_minor: int, currency: str) -> tuple[str, str, str]:
    """Currency, debit, credit; the side that is not used is empty."""
    if debit_minor < 0:
        return currency, "", format_major(-debit_minor, currency)
    return currency, format_major(debit_minor, currency), ""


def _rows(rows: Iterable[tuple[object, ...]]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue()
