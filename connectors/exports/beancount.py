"""The books as a beancount file that `bean-check` accepts.

Syntax: *Beancount Language Syntax* (accounts, strings, metadata, currency constraints).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from connectors.exports.chart import NO_CHART, AccountLine, Roots, account_lines, opened_accounts
from connectors.exports.postings import booking_date, described, in_order
from connectors.store.postings import PostedEntry

_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]")
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})


def beancount_text(postings: Iterable[PostedEntry], roots: Roots | None = None) -> Iterator[str]:
    """Yield the file in pieces: options, accounts with their currencies, balanced transactions."""
    roots = NO_CHART if roots is None else roots
    ordered = in_order(postings)
    accounts = opened_accounts(ordered, roots)
    yield 'option "title" "Crossfoot export"\n'
    for currency in sorted({code for account in accounts for code in account.currencies}):
        yield f'option "operating_currency" "{currency}"\n'
    yield "\n"
    for account in accounts:
        yield f"{account.first_date} open {account.name} {','.join(account.currencies)}\n"
    for posting in ordered:
        yield _transaction(posting, roots)


def _transaction(posting: PostedEntry, roots: Roots) -> str:
    entry = posting.entry
    payee, narration = _string(entry.customer_id), _string(entry.memo or entry.rule)
    lines = [f"\n{booking_date(posting)} * {payee} {narration}"]
    lines += [f"  {name}: {_string(value)}" for name, value in described(posting)]
    for line in account_lines(posting, roots):
        lines.append(f"  {line.account}  {line.amount} {line.currency}")
        lines += [f"    {name}: {_string(value)}" for name, value in _details(line)]
    return "\n".join(lines) + "\n"


def _details(line: AccountLine) -> Iterator[tuple[str, str]]:
    if line.line.product is not None:
        yield "product", line.line.product
    if line.line.jurisdiction is not None:
        yield "jurisdiction", line.line.jurisdiction
    if line.line.invoice_line_id is not None:
        yield "invoice-line", line.line.invoice_line_id
    if line.line.counterparty is not None:
        yield "counterparty", line.line.counterparty


def _string(text: str) -> str:
    """A quoted string: quotes, backslashes and newlines survive, other controls become spaces."""
    return f'"{_CONTROL.sub(" ", text).translate(_ESCAPES)}"'
