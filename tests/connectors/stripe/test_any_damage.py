"""Whatever happens to an event on its way, decoding gives a message or a dead letter."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stripe_builders import (
    FIXTURES,
    NEW,
    balance_transaction,
    credit_note,
    credit_note_line,
    dispute,
    event,
    intent,
    invoice_payment,
    line,
    listed,
    new_charge,
    new_invoice,
    refund,
    resource,
    subscription,
)
from stripe_credit import debit, grant

from connectors.providers.stripe.event_types import MAPPINGS
from ledger.messages import DeadLetter, Message
from ledger.reasons import Reason

_MOVED = balance_transaction(9000, 291, currency="eur", exchange_rate=1.1)
_PAID = new_invoice(
    line(
        "il_1",
        9000,
        "2026-01-01",
        "2026-04-01",
        taxes=[
            {"amount": 900, "tax_behavior": "exclusive", "tax_rate_details": {"tax_rate": "txr_1"}}
        ],
        discount_amounts=[{"amount": 500}],
        pretax_credit_amounts=[{"amount": 500, "type": "discount"}],
        metadata={"contract_id": "K-1"},
    ),
    total=9400,
    status="paid",
    amount_paid=9400,
    charge={"id": "ch_1", "balance_transaction": _MOVED, "customer": "cus_1"},
    payments=listed(invoice_payment(9400)),
    shipping_cost={"amount_subtotal": 1, "amount_tax": 0},
    discount={"coupon": {"percent_off": 10.5, "amount_off": None}},
)
_OBJECTS: dict[str, Any] = {
    "invoice": _PAID,
    "invoice_payment": invoice_payment(9400),
    "invoiceitem": resource("invoiceitem", proration=True),
    "credit_note": credit_note(
        3000,
        credit_note_line("cnli_1", 3000),
        refunds=[{"amount_refunded": 100, "refund": "re_1"}],
        pre_payment_amount=2900,
    ),
    "billing.credit_grant": grant(expires_at=1_800_000_000, voided_at=1_790_000_000),
    "billing.credit_balance_transaction": debit("credits_applied", 900, "2026-02-01"),
    "charge": new_charge(9000, balance_transaction=_MOVED, refunds=listed(refund(900))),
    "charge.refund": refund(900),
    "refund": refund(900, balance_transaction=_MOVED),
    "charge.dispute": dispute(9000, status="won", balance_transactions=[balance_transaction(9000)]),
    "payment_intent": intent(9000, latest_charge={"id": "ch_1", "balance_transaction": _MOVED}),
    "payout": resource("payout"),
    "customer": resource("customer", metadata={"crm_account_id": "001000000000001"}),
    "customer.subscription": subscription(),
}
WHOLE = [
    event(name, _OBJECTS[name.rpartition(".")[0]], previous={"status": "incomplete"})
    for name in sorted(MAPPINGS)
] + [json.loads(text) for text in (FIXTURES / "events_2017-08-15.jsonl").read_text().splitlines()]

ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.integers(-10, 10)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5)
    | st.sampled_from(
        ["usd", "jpy", "isk", "xyz", "paid", "void", "draft", NEW, "", "invoice.paid"]
    )
    | st.sampled_from(["NaN", "sNaN", "Infinity", "1e999999", "-1e999999", "1e-999999"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "amount", "data", "x"]), inner, max_size=3)
    ),
    max_leaves=4,
)


def places(tree: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value within a JSON tree."""
    children = tree.items() if isinstance(tree, dict) else enumerate(tree)
    found: list[tuple[Any, ...]] = []
    for name, value in children:
        found.append((*path, name))
        if isinstance(value, dict | list):
            found += places(value, (*path, name))
    return found


@st.composite
def damaged(draw: st.DrawFn) -> dict[str, Any]:
    """A whole event of which one to four values were replaced or lost."""
    tree = copy.deepcopy(draw(st.sampled_from(WHOLE)))
    for _ in range(draw(st.integers(1, 4))):
        *parents, last = draw(st.sampled_from(places(tree)))
        target = tree
        for step in parents:
            target = target[step]
        if isinstance(target, dict) and draw(st.booleans()):
            del target[last]
        else:
            target[last] = draw(ANYTHING)
        if not tree:
            break
    return tree


def test_every_mapped_type_is_among_the_whole_events(decode):
    assert {each["type"] for each in WHOLE} >= MAPPINGS.keys()
    accepted = [each for each in WHOLE if isinstance(decode(each), Message)]
    assert len(accepted) == len(WHOLE), [decode(e).detail for e in WHOLE if e not in accepted]


@settings(
    max_examples=1500, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
@given(told=damaged())
def test_damage_never_raises_and_always_has_a_reason(decode, told):
    result = decode(told)
    if isinstance(result, DeadLetter):
        assert result.reason in set(Reason)
        assert result.detail
    else:
        assert result.message_id == "stripe:" + told["id"]
        assert all(each.source_event_id == result.message_id for each in result.events)
    assert decode(told) == result


EXTREMES = [b'"NaN"', b'"sNaN"', b'"Infinity"', b"1e999999", b"1e-999999", b"1e" + b"9" * 30]


@pytest.mark.parametrize("extreme", EXTREMES)
def test_no_number_is_too_strange_to_be_refused(decode, extreme):
    for whole in WHOLE:
        for path in places(whole):
            told = copy.deepcopy(whole)
            target = told
            for step in path[:-1]:
                target = target[step]
            target[path[-1]] = "EXTREME"
            line = json.dumps(told).encode().replace(b'"EXTREME"', extreme)
            assert isinstance(decode(line), DeadLetter | Message)
