"""The books as an hledger journal that `hledger check --strict ordereddates` accepts.

Syntax: *hledger journal format* (two spaces before an amount, account and commodity
declarations, tags in comments).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from connectors.exports.chart import NO_CHART, AccountLine, Roots, account_lines, opened_accounts
from connectors.exports.postings import booking_date, described, in_order
from connectors.store.postings import PostedEntry
from ledger.money import EXPONENT

_SPACE = re.compile(r"[\s\x00-\x1f\x7f-\x9f]+")
# A semicolon would begin a comment; a comma ends a tag and brackets hold a date inside one.
_IN_DESCRIPTION = str.maketrans({";": ","})
_IN_TAG = str.maketrans({",": " ", "[": "(", "]": ")"})


def hledger_text(postings: Iterable[PostedEntry], roots: Roots | None = None) -> Iterator[str]:
    """Yield the journal in pieces: commodities, accounts, transactions in the order of dates."""
    roots = NO_CHART if roots is None else roots
    ordered = in_order(postings)
    accounts = opened_accounts(ordered, roots)
    yield "; Crossfoot export\n\n"
    for currency in sorted({code for account in accounts for code in account.currencies}):
        yield f"commodity 1000.{'0' * EXPONENT[currency]} {currency}\n"
    yield "\n"
    for account in accounts:
        yield f"account {account.name}\n"
    for posting in ordered:
        yield _transaction(posting, roots)


def _transaction(posting: PostedEntry, roots: Roots) -> str:
    entry = posting.entry
    description = _plain(f"{entry.customer_id} | {entry.memo or entry.rule}", _IN_DESCRIPTION)
    lines = [f"\n{booking_date(posting)} * ({posting.posting_id}) {description}"]
    lines += [f"    ; {_tag(name, value)}" for name, value in described(posting)]
    for line in account_lines(posting, roots):
        details = ", ".join(_tag(name, value) for name, value in _details(line))
        comment = f"  ; {details}" if details else ""
        lines.append(f"    {line.account}  {line.amount} {line.currency}{comment}")
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


def _tag(name: str, value: str) -> str:
    return f"{name}:{_plain(value, _IN_TAG)}"


def _plain(text: str, replaced: dict[int, str]) -> str:
    """Text on one line without what hledger would read as syntax."""
    return _SPACE.sub(" ", text).strip().translate(replaced)
