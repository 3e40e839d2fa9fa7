"""What changes in a running contract, told by Stripe (2017 and today) and by Salesforce: revenue,
state and updates, with the arithmetic written out.

Ten seats at 31.00 USD a month from 1 January 2026: 310.00 for January, 10.00 a day. Changes happen
on 11 January 00:00, when 21 of the 31 days are left: 21/31 of 310.00 is 210.00.
"""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.decoding_any import decode_event
from connectors.event_files import DecodeSettings
from connectors.policy_packs import load_policy_pack
from ledger.messages import Message
from ledger.policies import BooksConfig
from ledger.results import ContractState, FoldedParty
from pipelines.preview import PreviewSettings, fold_by_party

OLD, NEW = "2017-08-15", "2025-09-30.clover"
ACCOUNT, CONTRACT = "0014H00002LbR7QQAV", "8004H000000Xa1QQAS"
Json = dict[str, Any]


def at(day: str) -> int:
    """Midnight UTC in seconds."""
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp())


class Told:
    """Events of one contract as both systems deliver them."""

    def __init__(self, version: str) -> None:
        self.version = version
        self.lines: list[bytes] = []

    def stripe(self, kind: str, obj: Json, on: str) -> Told:
        """One webhook event."""
        event = {
            "id": f"evt_{len(self.lines)}", "object": "event", "type": kind, "created": at(on),
            "api_version": self.version, "data": {"object": obj},
        }  # fmt: skip
        self.lines.append(json.dumps(event).encode())
        return self

    def customer(self) -> Told:
        """The customer, who is a CRM account."""
        metadata = {"crm_account_id": ACCOUNT[:15]}
        return self.stripe("customer.created", {"id": "cus_1", "metadata": metadata}, "2026-01-01")

    def subscription(
        self, kind: str, on: str, *items: tuple[str, int, int], interval: str = "month", **more: Any
    ) -> Told:
        """The subscription; items as (product, units, price)."""
        data = [
            {"id": f"si_{product}", "quantity": units, "price": {
                "id": f"price_{product}_{price}", "product": product, "unit_amount": price,
                "currency": "usd", "recurring": {"interval": interval, "usage_type": "licensed"},
            }}
            for product, units, price in items
        ]  # fmt: skip
        obj = {
            "id": "sub_1", "customer": "cus_1", "status": "active", "currency": "usd",
            "metadata": {"contract_id": CONTRACT[:15]}, "items": {"data": data},
            "current_period_start": at("2026-01-01"), "current_period_end": at("2026-02-01"),
            **more,
        }  # fmt: skip
        return self.stripe(f"customer.subscription.{kind}", obj, on)

    def line(
        self, amount: int, start: str, end: str, product: str = "SEAT", *, units: int = 10,
        item: str | None = None,
    ) -> Json:  # fmt: skip
        """A line; a proration where it names the invoice item it comes from."""
        proration = item is not None
        given: Json = {
            "id": f"il_{product}_{amount}_{start}", "amount": amount, "quantity": units,
            "currency": "usd", "period": {"start": at(start), "end": at(end)},
        }  # fmt: skip
        if self.version == OLD:
            plan = {"id": "plan_1", "product": product, "usage_type": "licensed"}
            more = {"plan": plan, "proration": proration, "subscription": "sub_1"}
            return given | more | ({"invoice_item": item} if item else {})
        details = {"proration": proration, "subscription": "sub_1", "invoice_item": item}
        parent = {"type": "subscription_item_details", "subscription_item_details": details}
        price = {"price_details": {"product": product, "price": "price_1"}}
        return given | {"parent": parent, "pricing": price}

    def invoice(self, number: str, on: str, *lines: Json, **more: Any) -> Told:
        """An invoice that became a claim; a negative total becomes the customer's balance."""
        total = sum(line["amount"] for line in lines)
        obj: Json = {
            "id": number, "customer": "cus_1", "currency": "usd", "total": total,
            "subtotal": total, "lines": {"data": list(lines), "has_more": False},
            "starting_balance": 0, "ending_balance": min(total, 0), "metadata": {},
        }  # fmt: skip
        if self.version == OLD:
            old = {"subscription": "sub_1", "closed": total <= 0, "paid": total <= 0}
            old |= {"attempted": True, "forgiven": False, "date": at(on)}
            return self.stripe("invoice.created", obj | old | more, on)
        parent = {"subscription_details": {"subscription": "sub_1", "metadata": {}}}
        new = {"status": "open" if total > 0 else "paid", "parent": parent}
        new |= {"status_transitions": {"finalized_at": at(on)}}
        return self.stripe("invoice.finalized", obj | new | more, on)

    def item(self, number: str, amount: int, on: str, until: str, product: str = "SEAT") -> Told:
        """A proration that waits for the next invoice."""
        obj: Json = {
            "id": number, "customer": "cus_1", "currency": "usd", "amount": amount,
            "proration": True, "period": {"start": at(on), "end": at(until)},
        }  # fmt: skip
        if self.version == OLD:
            obj |= {"subscription": "sub_1", "plan": {"id": "plan_1", "product": product}}
        else:
            obj |= {"parent": {"subscription_details": {"subscription": "sub_1", "metadata": {}}}}
        return self.stripe("invoiceitem.created", obj, on)

    def crm(self, entity: str, record: str, kind: str, on: str, **fields: Any) -> Told:
        """One change event; dates as days."""
        header = {
            "entityName": entity, "recordIds": [record], "changeType": kind, "sequenceNumber": 1,
            "commitTimestamp": at(on) * 1000, "commitNumber": len(self.lines) + 1,
            "changedFields": list(fields) if kind == "UPDATE" else [],
        }  # fmt: skip
        values = {
            name: at(value) * 1000 if "Date" in name else value for name, value in fields.items()
        }
        payload = {"ChangeEventHeader": header, **values}
        event = {"id": f"ce-{len(self.lines)}", "payload": payload}
        self.lines.append(json.dumps(event).encode())
        return self

    def signed(self, seats: int = 10, price: str = "31", months: int = 12) -> Told:
        """The contract in CRM: its account, its terms, what was sold."""
        self.crm("Account", ACCOUNT, "CREATE", "2025-12-20", Name="Birch", CurrencyIsoCode="USD")
        self.crm(
            "Contract", CONTRACT, "CREATE", "2025-12-20", AccountId=ACCOUNT, Status="Activated",
            StartDate="2026-01-01", ContractTerm=months,
        )  # fmt: skip
        return self.order("1", "2025-12-20", "New", "2026-01-01", ("SEAT-CODE", seats, price))

    def order(
        self, number: str, on: str, kind: str, since: str, *lines: tuple[str, int, str],
        until: str | None = None,
    ) -> Told:  # fmt: skip
        """An activated order with its items; `until` is the last day."""
        order = f"8014H00000000A{number}"
        ends = {"EndDate": until} if until else {}
        self.crm(
            "Order", order, "CREATE", on, AccountId=ACCOUNT, ContractId=CONTRACT, Type=kind,
            Status="Activated", EffectiveDate=since, **ends,
        )  # fmt: skip
        for position, (product, units, price) in enumerate(lines):
            self.crm(
                "OrderItem", f"8024H0000000{number}{position}B", "CREATE", on, OrderId=order,
                ProductCode=product, Quantity=units, UnitPrice=float(price), ServiceDate=since,
            )  # fmt: skip
        return self


def fold(told: Told, as_of: str = "2026-03-01") -> FoldedParty:
    """The party of the contract; nothing is refused and everything ends somewhere."""
    books = BooksConfig(identity={"stripe:cus_1": f"salesforce:{ACCOUNT}"})
    context = DecodeSettings(tenant="acme", books=books).context()
    messages = [one for line in told.lines for one in decode_event(line, "x", context)]
    assert [one for one in messages if not isinstance(one, Message)] == []
    settings = PreviewSettings(
        tenant="acme", policy=load_policy_pack("stripe-contra"), books=books,
        as_of_micros=at(as_of) * 1_000_000,
    )  # fmt: skip
    (party,) = fold_by_party([one for one in messages if isinstance(one, Message)], settings)
    assert party.result.refusals == () and party.result.pending == ()
    return party


def balances(party: FoldedParty, role: str) -> dict[str, int]:
    """Credits less debits of a role by month, without months of nothing."""
    found: dict[str, int] = defaultdict(int)
    for entry in party.result.entries:
        for line in entry.lines:
            if line.role == role:
                found[entry.accounting_date[:7]] -= line.amount_minor
    return {month: found[month] for month in sorted(found) if found[month]}


def contract(party: FoldedParty) -> ContractState:
    """The contract as it stands."""
    (found,) = [c for c in party.result.contracts if c.contract_id == f"salesforce:{CONTRACT}"]
    return found


def updates(party: FoldedParty) -> dict[str, dict[str, str]]:
    """Details of the updates by kind."""
    return {update.kind: update.details for update in party.result.lifecycle}


def begun(version: str) -> Told:
    """Signed, running, January billed."""
    told = Told(version).signed().customer()
    told.subscription("created", "2026-01-01", ("SEAT", 10, 3100))
    return told.invoice("in_1", "2026-01-01", told.line(31000, "2026-01-01", "2026-02-01"))


BOTH = pytest.mark.parametrize("version", [OLD, NEW], ids=["2017", "today"])
LEFT = ("2026-01-11", "2026-02-01")


def changed(told: Told, units: int, price: int, credit: int, charge: int, *, at_once: bool) -> Told:
    """Seats or price change on 11 January, invoiced at once or with February."""
    told.subscription("updated", "2026-01-11", ("SEAT", units, price))
    lines = [
        told.line(credit, *LEFT, item="ii_1"),
        told.line(charge, *LEFT, units=units, item="ii_2"),
    ]
    full = told.line(units * price, "2026-02-01", "2026-03-01", units=units)
    if at_once:
        told.invoice("in_2", "2026-01-11", *lines)
        return told.invoice("in_3", "2026-02-01", full)
    told.item("ii_1", credit, *LEFT).item("ii_2", charge, *LEFT)
    return told.invoice("in_2", "2026-02-01", full, *lines)


@BOTH
@pytest.mark.parametrize("at_once", [True, False], ids=["invoiced at once", "with the next"])
@pytest.mark.parametrize(
    ("units", "price", "charge", "january", "february"),
    [
        # 310.00 - 210.00 + 21/31 of 15 x 31.00 (315.00) = 415.00; then 465.00.
        pytest.param(15, 3100, 31500, 41500, 46500, id="upgrade"),
        # 310.00 - 210.00 + 21/31 of 5 x 31.00 (105.00) = 205.00; then 155.00.
        pytest.param(5, 3100, 10500, 20500, 15500, id="downgrade"),
        # 310.00 - 210.00 + 21/31 of 10 x 40.00 (270.97) = 370.97; then 400.00.
        pytest.param(10, 4000, 27097, 37097, 40000, id="price change"),
    ],
)
def test_a_change_in_the_middle_of_a_month(
    version: str, at_once: bool, units: int, price: int, charge: int, january: int, february: int
) -> None:
    told = changed(begun(version), units, price, -21000, charge, at_once=at_once)
    told.order(
        "2", "2026-01-11", "Amendment", "2026-01-11",
        ("SEAT-CODE", -10, "31"), ("SEAT-CODE", units, str(price // 100)),
    )  # fmt: skip
    party = fold(told)
    assert balances(party, "revenue") == {"2026-01": january, "2026-02": february}
    assert sum(balances(party, "deferred_revenue").values()) == 0
    assert sum(balances(party, "unbilled_receivable").values()) == 0
    state = contract(party)
    assert (state.drifts, state.mrr_minor) == ((), units * price)
    assert [(line.product, line.quantity) for line in state.lines] == [("SEAT", str(units))]
    if units != 10:
        assert updates(party)["change_entitlement"]["after"] == f"SEAT x {units}"
    else:
        assert "change_entitlement" not in updates(party)


@BOTH
def test_pending_prorations_are_unbilled_until_the_next_invoice(version: str) -> None:
    """315.00 - 210.00 were earned in January and asked for in February."""
    told = changed(begun(version), 15, 3100, -21000, 31500, at_once=False)
    unbilled = balances(fold(told), "unbilled_receivable")
    assert unbilled == {"2026-01": -10500, "2026-02": 10500}


@BOTH
def test_an_add_on_ends_with_the_contract(version: str) -> None:
    """Support at 62.00 from 11 January: 21/31 of it is 42.00; 310.00 + 42.00 in January."""
    told = begun(version)
    told.subscription("updated", "2026-01-11", ("SEAT", 10, 3100), ("HELP", 1, 6200))
    told.invoice("in_2", "2026-01-11", told.line(4200, *LEFT, "HELP", units=1, item="ii_1"))
    told.order("2", "2026-01-11", "Amendment", "2026-01-11", ("HELP-CODE", 1, "62"))
    party = fold(told, "2026-02-01")
    assert balances(party, "revenue") == {"2026-01": 35200}
    state = contract(party)
    assert (state.drifts, state.mrr_minor) == ((), 31000 + 6200)
    assert state.term_end_micros == at("2027-01-01") * 1_000_000
    assert updates(party)["change_entitlement"] == {
        "subscription": "stripe:sub_1", "before": "SEAT x 10", "after": "HELP x 1,SEAT x 10",
    }  # fmt: skip


@BOTH
def test_cancelled_at_once_with_a_credit(version: str) -> None:
    """Ten days at 10.00; the other 210.00 are the customer's balance."""
    told = begun(version)
    ended = {"status": "canceled", "ended_at": at("2026-01-11")}
    told.subscription("deleted", "2026-01-11", ("SEAT", 10, 3100), **ended)
    told.invoice("in_2", "2026-01-11", told.line(-21000, *LEFT, item="ii_1"))
    told.crm(
        "Contract", CONTRACT, "UPDATE", "2026-01-11", Status="Terminated", EndDate="2026-01-10"
    )
    party = fold(told)
    assert balances(party, "revenue") == {"2026-01": 10000}
    assert balances(party, "customer_balance") == {"2026-01": 21000}
    state = contract(party)
    assert (state.cancelled, state.provisioned, state.mrr_minor, state.drifts) == (
        True, False, 0, ()
    )  # fmt: skip
    assert state.term_end_micros == at("2026-01-11") * 1_000_000
    assert {"revoke_entitlement", "renewal_suppressed", "start_offboarding"} <= set(updates(party))


@BOTH
def test_cancelled_to_the_end_of_the_period_and_thought_better_of(version: str) -> None:
    """All of January is earned; the renewal is suppressed while the end is announced."""
    told = begun(version)
    told.subscription("updated", "2026-01-11", ("SEAT", 10, 3100), cancel_at_period_end=True)
    party = fold(told, "2026-02-01")
    assert balances(party, "revenue") == {"2026-01": 31000}
    assert contract(party).provisioned
    assert updates(party)["renewal_suppressed"]["ends_at_micros"] == str(at("2026-02-01") * 10**6)
    told.subscription("updated", "2026-01-20", ("SEAT", 10, 3100), cancel_at_period_end=False)
    assert "renewal_suppressed" not in updates(fold(told, "2026-02-01"))


@BOTH
def test_a_pause_and_what_it_does_to_entitlements(version: str) -> None:
    """January is earned; February's invoice is void, so nothing of it is; March goes on."""
    told = begun(version)
    pause = {"behavior": "void", "resumes_at": at("2026-03-01")}
    told.subscription("updated", "2026-01-25", ("SEAT", 10, 3100), pause_collection=pause)
    lines = told.line(31000, "2026-02-01", "2026-03-01")
    told.invoice("in_2", "2026-02-01", lines)
    closed = {"status": "void", "closed": True, "paid": False}
    if version == NEW:
        obj = json.loads(told.lines[-1])["data"]["object"]
        told.stripe("invoice.voided", obj | {"status": "void"}, "2026-02-01")
    else:
        obj = json.loads(told.lines[-1])["data"]["object"]
        told.stripe("invoice.updated", obj | closed | {"forgiven": False}, "2026-02-01")
    paused = fold(told, "2026-02-15")
    state = contract(paused)
    assert (state.paused, state.mrr_minor, state.drifts) == (True, 0, ())
    assert updates(paused)["pause_entitlement"]["behavior"] == "void"
    told.subscription("updated", "2026-03-01", ("SEAT", 10, 3100), pause_collection=None)
    resumed = fold(told, "2026-03-02")
    assert not contract(resumed).paused and contract(resumed).mrr_minor == 31000
    assert "resume_entitlement" in updates(resumed)
    assert balances(resumed, "revenue")["2026-01"] == 31000


@BOTH
def test_an_early_renewal_ends_the_old_term_where_the_new_one_begins(version: str) -> None:
    """365.00 for 2026, 1.00 a day. Renewed on 1 July for a year: 184 days come back, a new year of
    365.00 is sold: every day of both years earns 1.00."""
    told = Told(version).signed(1, "365").customer()
    told.subscription("created", "2026-01-01", ("SEAT", 1, 36500), interval="year")
    told.invoice("in_1", "2026-01-01", told.line(36500, "2026-01-01", "2027-01-01", units=1))
    told.order(
        "2", "2026-06-20", "Renewal", "2026-07-01", ("SEAT-CODE", 1, "365"), until="2027-06-30"
    )
    told.subscription(
        "updated", "2026-07-01", ("SEAT", 1, 36500), interval="year",
        current_period_start=at("2026-07-01"), current_period_end=at("2027-07-01"),
    )  # fmt: skip
    told.invoice(
        "in_2", "2026-07-01",
        told.line(-18400, "2026-07-01", "2027-01-01", units=1, item="ii_1"),
        told.line(36500, "2026-07-01", "2027-07-01", units=1),
    )  # fmt: skip
    party = fold(told, "2027-01-01")
    revenue = balances(party, "revenue")
    assert (revenue["2026-06"], revenue["2026-07"], sum(revenue.values())) == (3000, 3100, 36500)
    assert sum(balances(party, "deferred_revenue").values()) == 18100
    state = contract(party)
    assert (state.term_start_micros, state.term_end_micros) == (
        at("2026-07-01") * 10**6, at("2027-07-01") * 10**6
    )  # fmt: skip
    assert state.drifts == ()
    moved = updates(party)["renewal_rescheduled"]
    assert (moved["ended_at_micros"], moved["ends_at_micros"], moved["early"]) == (
        str(at("2027-01-01") * 10**6), str(at("2027-07-01") * 10**6), "true",
    )  # fmt: skip


@BOTH
def test_an_amendment_that_billing_does_not_follow_is_drift(version: str) -> None:
    """5 seats x 31.00 from 11 January: 21/31 of January and February: 105.00 + 155.00."""
    told = begun(version)
    told.invoice("in_2", "2026-02-01", told.line(31000, "2026-02-01", "2026-03-01"))
    told.order("2", "2026-01-11", "Amendment", "2026-01-11", ("SEAT-CODE", 5, "31"))
    party = fold(told, "2026-02-20")
    (drift,) = contract(party).drifts
    assert (drift.attribute, drift.difference_minor, drift.currency) == ("quantity", 26000, "USD")
    assert drift.expired and "change_subscription" in updates(party)
    assert balances(party, "revenue") == {"2026-01": 31000}
