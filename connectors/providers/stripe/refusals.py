"""Why exactly an event is refused, and what money is at risk with it.

The fast path decodes into typed structs, whose errors only name a type and a path. What a
person needs to know beyond that is found out here, for the few events that fail.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from connectors.decoding import Rejected, parse_leniently
from connectors.providers.stripe.amounts import STRIPE_UNITS, currency_code
from connectors.providers.stripe.shapes import StripeEvent
from ledger.money import MAX_MINOR, is_currency
from ledger.reasons import Reason

_STEPS = re.compile(r"\.([A-Za-z_]+)|\[(\d+)\]")
_NO_MONEY = re.compile(r"(created|start|end|_at|_date|_attempt|date|count)$")
_TOTALS = ("total", "amount", "amount_due")
_UNITE_BRACKETS = bytes.maketrans(b"[]", b"{}")
_NOT_BRACKETS = bytes(byte for byte in range(256) if byte not in b"{}[]")


def check_depth(body: bytes, max_depth: int) -> None:
    """Refuse deep nesting, also in what is skipped unread. Raises Rejected(too_deep).

    Nothing to do for bodies with few brackets; otherwise the innermost pairs are peeled off
    together, once per level.
    """
    left = body.translate(_UNITE_BRACKETS, _NOT_BRACKETS)
    if len(left) <= 2 * max_depth:
        return
    for _ in range(max_depth):
        peeled = left.replace(b"{}", b"")
        if len(peeled) == len(left):
            break  # empty, or brackets within strings that do not pair up
        left = peeled
    if left and _depth(body) > max_depth:
        raise Rejected(Reason.TOO_DEEP, f"nested deeper than {max_depth} levels")


def _depth(body: bytes) -> int:
    """The exact depth of a JSON document, brackets within strings left out."""
    level: list[Any] = [parse_leniently(body)]
    depth = 0
    while level:
        depth += 1
        within = [
            each.values() if isinstance(each, dict) else each
            for each in level
            if isinstance(each, dict | list)
        ]
        level = [each for values in within for each in values if isinstance(each, dict | list)]
    return depth


def sharpened(rejected: Rejected, event: StripeEvent | None) -> Rejected:
    """The same refusal with the reason that fits: a fraction of a cent, 1e30, an
    impossible time."""
    path = _path_of(rejected)
    if rejected.reason is Reason.AMOUNT_OUT_OF_RANGE and _NO_MONEY.search(path):
        return Rejected(Reason.TIMESTAMP_OUT_OF_RANGE, rejected.detail)
    if rejected.reason is not Reason.WRONG_TYPE or "got `float`" not in rejected.detail:
        return rejected
    if event is None or _NO_MONEY.search(path):
        return rejected
    value = _value_at(parse_leniently(event.data.object), path)
    if isinstance(value, Decimal) and abs(value) > MAX_MINOR:
        return Rejected(Reason.AMOUNT_OUT_OF_RANGE, f"number out of range at {path}")
    if isinstance(value, Decimal) and value != value.to_integral_value():
        return Rejected(Reason.AMOUNT_PRECISION, f"a fraction of the smallest unit at {path}")
    return rejected


def _path_of(rejected: Rejected) -> str:
    found = re.search(r"\$[^\s)]*", rejected.detail)
    return found.group(0) if found else "$"


def _value_at(tree: Any, path: str) -> Any:
    """Follow a path such as `$.lines.data[0].amount`; None when it leads nowhere."""
    for name, index in _STEPS.findall(path):
        if name and isinstance(tree, dict):
            tree = tree.get(name)
        elif index and isinstance(tree, list) and int(index) < len(tree):
            tree = tree[int(index)]
        else:
            return None
    return tree


def with_money_at_risk(rejected: Rejected, event: StripeEvent | None) -> Rejected:
    """The same refusal with amount, currency and time, as far as the event states them well."""
    if event is None or rejected.amount_minor is not None:
        return rejected
    obj = parse_leniently(event.data.object)
    if not isinstance(obj, dict):
        return rejected
    amount = next((obj[name] for name in _TOTALS if type(obj.get(name)) is int), None)
    currency = currency_code(obj["currency"]) if type(obj.get("currency")) is str else None
    known = currency is not None and is_currency(currency) and currency not in STRIPE_UNITS
    sane = amount is not None and abs(amount) <= MAX_MINOR
    return Rejected(
        rejected.reason,
        rejected.detail,
        amount_minor=amount if sane and known else None,
        currency=currency if known else None,
        entity=rejected.entity,
        occurred_at_micros=rejected.occurred_at_micros or event.created * 1_000_000,
    )
