"""What a movement did to the Stripe balance: settlement amount, fee and rate.

Only an expanded balance transaction states them; its bare id says nothing, and nothing is
assumed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from connectors.providers.stripe.amounts import currency_code
from connectors.providers.stripe.shapes import BalanceTransaction, ChargeRef

_FEE_CATEGORIES = frozenset({"fee", "stripe_fee", "network_cost"})
"""Balance transactions that are a fee as a whole, by `reporting_category` or `type`."""


def settlement_of(transaction: str | BalanceTransaction | None) -> dict[str, Any]:
    """Settlement fields of a payment or refund: gross amount, fee, rate; empty when not told."""
    if type(transaction) is not BalanceTransaction or transaction.currency is None:
        return {}
    amount = transaction.amount
    return {
        "settlement_currency": currency_code(transaction.currency),
        "settlement_minor": None if amount is None else abs(amount),
        "exchange_rate": transaction.exchange_rate,
        **({} if transaction.fee is None else {"fee_minor": transaction.fee}),
    }


def settlement_of_charge(charge: object) -> dict[str, Any]:
    """The same of an expanded charge; empty for a bare id."""
    return settlement_of(charge.balance_transaction) if type(charge) is ChargeRef else {}


def refund_settlement(transaction: str | BalanceTransaction | None) -> dict[str, Any]:
    """The same of a refund, whose events have no place for a fee."""
    fields = settlement_of(transaction)
    fields.pop("fee_minor", None)
    return fields


def moved(transactions: Iterable[str | BalanceTransaction] | None, *, out: bool) -> dict[str, Any]:
    """Settlement of a dispute: what was withdrawn (`out`) or given back, and its fee.

    The disputed amount and the fee are told apart by the fields that name them, never by
    size: `amount` is the disputed part and `fee` the fee, except in transactions that are
    a fee as a whole.
    """
    sign = -1 if out else 1
    amount = fee = 0
    currency = rate = None
    for transaction in transactions or ():
        if type(transaction) is not BalanceTransaction or transaction.amount is None:
            continue
        if transaction.amount * sign <= 0:
            continue
        currency = transaction.currency or currency
        if _is_fee(transaction):
            fee += abs(transaction.amount)
            continue
        amount += transaction.amount * sign
        fee -= (transaction.fee or 0) * sign
        rate = transaction.exchange_rate or rate
    if currency is None:
        return {}
    return {
        "settlement_currency": currency_code(currency),
        "settlement_minor": amount or None,
        "exchange_rate": rate,
        "fee_minor": fee or None,
    }


def _is_fee(transaction: BalanceTransaction) -> bool:
    return transaction.reporting_category in _FEE_CATEGORIES or transaction.type in _FEE_CATEGORIES
