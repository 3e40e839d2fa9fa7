"""An ERP posting as the values of a Tryton move. Pure.

Tryton's rules (trytond-account 8.2, `move.py`): debit and credit in the company's currency, one of
them zero; the amount in a second currency must not have the sign of the other side; a party exactly
on accounts that require one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from connectors.deliveries.delivery import Parcel
from connectors.deliveries.tryton_rpc import date_value, decimal_value
from connectors.erp_postings import ErpLine, ErpPosting
from ledger.money import minor_to_major


class TrytonAccount(NamedTuple):
    """An account that may be booked on."""

    account_id: int
    party_required: bool


class MoveIds(NamedTuple):
    """Tryton's numbers for what a posting names."""

    company: int
    journal: int
    period: int
    accounts: Mapping[str, TrytonAccount]
    party: int | None
    second_currency: int | None
    """None when the posting is in the company's currency."""


def needs_party(posting: ErpPosting, accounts: Mapping[str, TrytonAccount]) -> bool:
    """Tell whether any account of the posting requires a party."""
    return any(accounts[line.gl_account or ""].party_required for line in posting.lines)


def move_values(parcel: Parcel, ids: MoveIds, *, send_memo: bool) -> dict[str, Any]:
    """Return the values that `account.move.create` takes; the description is the posting id."""
    posting = parcel.posting
    lines = [
        values for line in booked_lines(posting) for values in _line(line, posting, ids, send_memo)
    ]
    return {
        "company": ids.company,
        "journal": ids.journal,
        "period": ids.period,
        "date": date_value(parcel.booked_on),
        "description": posting.posting_id,
        "lines": [["create", lines]],
    }


def booked_lines(posting: ErpPosting) -> list[ErpLine]:
    """Lines that book something in either currency; all of them when none does.

    Lines of nothing would only be noise in the ERP, but a move without lines cannot be posted.
    """
    booking = [line for line in posting.lines if _functional(line) or line.transaction_amount_minor]
    return booking or list(posting.lines)


def _functional(line: ErpLine) -> int:
    return line.accounted_debit_minor - line.accounted_credit_minor


def _line(
    line: ErpLine, posting: ErpPosting, ids: MoveIds, send_memo: bool
) -> Iterator[dict[str, Any]]:
    """The move line; two where the amounts in both currencies have opposite signs."""
    functional, second = _functional(line), line.transaction_amount_minor
    if ids.second_currency is None:
        yield _values(line, posting, ids, send_memo, functional, None)
    elif functional * second < 0:
        yield _values(line, posting, ids, send_memo, functional, None)
        yield _values(line, posting, ids, send_memo, 0, second)
    else:
        yield _values(line, posting, ids, send_memo, functional, second or None)


def _values(
    line: ErpLine,
    posting: ErpPosting,
    ids: MoveIds,
    send_memo: bool,
    functional_minor: int,
    second_minor: int | None,
) -> dict[str, Any]:
    account = ids.accounts[line.gl_account or ""]
    currency = posting.functional_currency
    values = {
        "account": account.account_id,
        "debit": decimal_value(minor_to_major(max(functional_minor, 0), currency)),
        "credit": decimal_value(minor_to_major(max(-functional_minor, 0), currency)),
        "description": _description(line, posting, send_memo),
        "party": ids.party if account.party_required else None,
    }
    if second_minor is not None:
        amount = minor_to_major(second_minor, posting.currency)
        values["amount_second_currency"] = decimal_value(amount)
        values["second_currency"] = ids.second_currency
    return values


def _description(line: ErpLine, posting: ErpPosting, send_memo: bool) -> str:
    """What the line is about, in codes; free text only where it is asked for."""
    words = [line.account_role, line.product, posting.invoice_id]
    return " · ".join(word for word in [*words, posting.memo if send_memo else None] if word)
