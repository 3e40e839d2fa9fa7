"""CRM changes become contract events: in commit order, whatever order they arrived in."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import events
from ledger.crm_contracts import CrmView, assemble_crm
from ledger.crm_records import FLAG_FIELDS, ID_FIELDS, NUMBER_FIELDS, RECORD_FIELDS, TIME_FIELDS
from ledger.policies import DAY_MICROS, BooksConfig
from ledger.terms import add_months

Told = Any


def view_of(tell: Told, changes: Sequence[events.RecordChanged], on: str = "2026-02-01") -> CrmView:
    """What the changes say, seen on a day."""
    return assemble_crm(changes, BooksConfig(), tell.day(on))


def nordwind(tell: Told) -> list[events.RecordChanged]:
    """A contract of twelve months over 40 seats, amended by 15 seats in April."""
    order = {"of": "Order", "account_id": "001A", "contract_id": "800C", "status": "Activated"}
    item = {"of": "OrderItem", "product": "PRO-SEAT", "unit_price": "24.0"}
    seats = {"end_date": "2027-01-02"}
    return [
        tell.change("001A", 1, "2026-01-01", "CREATE", "Account", name="Nordwind", country="DE",
                    currency="EUR"),
        tell.change("800C", 2, "2026-01-02", "CREATE", account_id="001A", status="Draft",
                    start_date="2026-01-03", term_months=12, contract_number="00000417",
                    currency="EUR"),
        tell.change("800C", 3, "2026-01-02T01:00", status="Activated"),
        tell.change("801N", 4, "2026-01-02T02:00", "CREATE", type="New",
                    effective_date="2026-01-03", **order),
        tell.change("802N", 5, "2026-01-02T02:00", "CREATE", order_id="801N", quantity=40,
                    service_date="2026-01-03", **item, **seats),
        tell.change("801B", 6, "2026-04-11", "CREATE", type="Amendment",
                    effective_date="2026-04-11", **order),
        tell.change("802B", 7, "2026-04-11", "CREATE", order_id="801B", quantity=15,
                    service_date="2026-04-11", **item, **seats),
    ]  # fmt: skip


def test_every_typed_field_is_documented() -> None:
    typed = TIME_FIELDS | NUMBER_FIELDS | FLAG_FIELDS | ID_FIELDS
    assert typed < RECORD_FIELDS.keys()
    for field in typed:
        kind = RECORD_FIELDS[field].split(" ")[0].rstrip(":")
        expected = {"time": TIME_FIELDS, "number": NUMBER_FIELDS, "flag": FLAG_FIELDS}
        assert field in expected.get(kind, ID_FIELDS)


def test_an_activated_contract_is_signed_with_the_items_of_its_new_orders(tell: Told) -> None:
    signed = next(e for e in view_of(tell, nordwind(tell)).events
                  if isinstance(e, events.ContractSigned))  # fmt: skip
    assert signed.event_id == "salesforce:evt_800C-3-1/crm.contract_signed"
    assert signed.source_event_id == "salesforce:evt_800C-3-1"
    assert signed.occurred_at_micros == tell.day("2026-01-02T01:00")
    assert (signed.contract_id, signed.customer_id) == ("salesforce:800C", "salesforce:001A")
    assert signed.term_start_micros == tell.day("2026-01-03")
    assert signed.term_end_micros == tell.day("2027-01-03")
    assert (signed.currency, signed.region) == ("EUR", "DE")
    assert signed.lines == (
        events.ContractLine(
            line_id="salesforce:802N", product="PRO-SEAT", quantity=Decimal(40),
            unit_amount=Decimal("24.0"), service_start_micros=tell.day("2026-01-03"),
            service_end_micros=tell.day("2027-01-03"),
        ),
    )  # fmt: skip


def test_an_amendment_order_amends_to_the_end_of_the_contract(tell: Told) -> None:
    amended = next(e for e in view_of(tell, nordwind(tell)).events
                   if isinstance(e, events.ContractAmended))  # fmt: skip
    assert amended.contract_id == "salesforce:800C"
    assert amended.term_start_micros == tell.day("2026-04-11")
    assert amended.term_end_micros == tell.day("2027-01-03")
    assert [line.quantity for line in amended.lines] == [Decimal(15)]


def test_a_renewal_order_renews_for_a_term_of_its_own(tell: Told) -> None:
    renewal = tell.change("801R", 8, "2026-12-01", "CREATE", "Order", contract_id="800C",
                          status="Activated", type="Renewal", effective_date="2027-01-03",
                          term_months=24)  # fmt: skip
    renewed = next(e for e in view_of(tell, [*nordwind(tell), renewal]).events
                   if isinstance(e, events.ContractRenewed))  # fmt: skip
    assert renewed.term_start_micros == tell.day("2027-01-03")
    assert renewed.term_end_micros == tell.day("2029-01-03")


def test_an_item_that_arrives_after_the_activation_still_belongs_to_the_contract(
    tell: Told,
) -> None:
    late = tell.change("802Z", 9, "2026-01-20", "CREATE", "OrderItem", order_id="801N",
                       product="ADD-ON", quantity=1, unit_price=100)  # fmt: skip
    before = view_of(tell, nordwind(tell)).events
    after = view_of(tell, [*nordwind(tell), late]).events
    signed = [e for e in after if isinstance(e, events.ContractSigned)]
    assert [line.product for line in signed[0].lines] == ["PRO-SEAT", "ADD-ON"]
    assert [e.event_id for e in before] == [e.event_id for e in after]


@given(data=st.data())
def test_changes_apply_in_commit_order_however_they_arrive(tell: Told, data: st.DataObject) -> None:
    changes = [
        *nordwind(tell),
        tell.change("800C", 10, "2026-03-01", status="Cancelled"),
        tell.change("802N", 11, "2026-03-02", "DELETE", "OrderItem"),
        tell.change("802N", 12, "2026-03-03", "UNDELETE", "OrderItem"),
        tell.change("802N", 13, "2026-03-04", of="OrderItem", quantity=30),
    ]
    arrived = data.draw(st.permutations(changes))
    again = data.draw(st.lists(st.sampled_from(changes), max_size=4))
    assert view_of(tell, [*arrived, *again]) == view_of(tell, changes)


def test_two_changes_of_one_commit_apply_by_sequence_number(tell: Told) -> None:
    changes = [
        tell.change("001A", 1, "2026-01-01", "CREATE", "Account", currency="EUR"),
        tell.change("800C", 2, "2026-01-02", "CREATE", sequence=1, account_id="001A",
                    start_date="2026-01-03", status="Activated"),
        tell.change("800C", 2, "2026-01-02", sequence=2, start_date="2026-02-01"),
    ]  # fmt: skip
    for arrived in permutations(changes):
        signed = view_of(tell, arrived).events[-1]
        assert signed.term_start_micros == tell.day("2026-02-01")


def test_the_same_change_in_two_messages_counts_once(tell: Told) -> None:
    account = nordwind(tell)[0]
    again = tell.change("001A", 1, "2026-01-01", "CREATE", "Account", number="z-redelivered",
                        name="Nordwind", country="DE", currency="EUR")  # fmt: skip
    for arrived in ([account, again], [again, account]):
        assert [e.event_id for e in view_of(tell, arrived).events] == [
            "salesforce:evt_001A-1-1/crm.customer_account_changed"
        ]


def test_a_change_before_its_creation_waits_and_is_released_by_it(tell: Told) -> None:
    update = tell.change("800C", 3, "2026-01-02", status="Activated")
    waiting = view_of(tell, [update], on="2026-01-06")
    assert waiting.events == () and waiting.contracts == {}
    (pending,) = waiting.pending
    assert (pending.reason, pending.waits_for) == ("incomplete_record", "salesforce:800C")
    assert pending.deadline_micros == tell.day("2026-01-05") and pending.expired
    creation = tell.change("800C", 2, "2026-01-01", "CREATE", account_id="001A", currency="EUR",
                           start_date="2026-01-03")  # fmt: skip
    released = view_of(tell, [update, creation])
    assert released.pending == ()
    assert isinstance(released.events[0], events.ContractSigned)


def test_a_change_of_an_account_that_was_not_created_says_nothing_yet(tell: Told) -> None:
    update = tell.change("001A", 3, "2026-01-02", of="Account", name="Nordwind")
    waiting = view_of(tell, [update])
    assert waiting.events == ()
    assert [p.waits_for for p in waiting.pending] == ["salesforce:001A"]


def test_an_order_waits_for_its_contract_and_its_items_wait_with_it(tell: Told) -> None:
    order_and_item = nordwind(tell)[3:5]
    waiting = view_of(tell, order_and_item)
    assert [p.waits_for for p in waiting.pending] == ["salesforce:800C"] * 2
    only_item = view_of(tell, order_and_item[1:])
    assert [p.waits_for for p in only_item.pending] == ["salesforce:801N"]


def test_a_contract_without_any_currency_waits_for_its_account(tell: Told) -> None:
    contract = tell.change("800C", 2, "2026-01-02", "CREATE", account_id="001A",
                           start_date="2026-01-03", status="Activated")  # fmt: skip
    (pending,) = view_of(tell, [contract]).pending
    assert pending.waits_for == "salesforce:001A"
    account = tell.change("001A", 3, "2026-01-05", "CREATE", "Account", currency="CHF")
    assert view_of(tell, [contract, account]).events[0].currency == "CHF"


def test_what_was_deleted_or_cancelled_is_not_sold(tell: Told) -> None:
    cancelled_order = [
        tell.change("801X", 8, "2026-01-03", "CREATE", "Order", contract_id="800C", type="New",
                    status="Activated", effective_date="2026-01-03"),
        tell.change("802X", 9, "2026-01-03", "CREATE", "OrderItem", order_id="801X",
                    product="ADD-ON", quantity=1, unit_price=5),
        tell.change("801X", 10, "2026-01-04", of="Order", status="Cancelled"),
    ]  # fmt: skip
    deleted_item = tell.change("802N", 11, "2026-01-05", "DELETE", "OrderItem")

    def products(extra: list[events.RecordChanged]) -> list[str]:
        told = view_of(tell, [*nordwind(tell), *extra]).events
        signed = next(e for e in told if isinstance(e, events.ContractSigned))
        return [line.product for line in signed.lines]

    assert products(cancelled_order[:2]) == ["PRO-SEAT", "ADD-ON"]
    assert products(cancelled_order) == ["PRO-SEAT"]
    assert products([deleted_item]) == []


def test_an_item_without_its_price_waits_and_is_not_sold_yet(tell: Told) -> None:
    item = tell.change("802Z", 9, "2026-01-20", "CREATE", "OrderItem", order_id="801N",
                       product="ADD-ON", quantity=1)  # fmt: skip
    view = view_of(tell, [*nordwind(tell), item])
    assert [p.waits_for for p in view.pending] == ["salesforce:802Z"]
    signed = next(e for e in view.events if isinstance(e, events.ContractSigned))
    assert [line.product for line in signed.lines] == ["PRO-SEAT"]


@pytest.mark.parametrize("status", ["Cancelled", "Terminated", "Expired"])
def test_a_contract_that_ends_is_cancelled_when_crm_says_so(tell: Told, status: str) -> None:
    ended = tell.change("800C", 10, "2026-06-01", status=status)
    cancelled = view_of(tell, [*nordwind(tell), ended]).events[-1]
    assert isinstance(cancelled, events.ContractCancelled)
    assert cancelled.event_id == "salesforce:evt_800C-10-1/crm.contract_cancelled"
    assert cancelled.effective_at_micros == tell.day("2026-06-01")
    assert cancelled.reason == status


def test_a_termination_that_states_an_end_date_takes_effect_after_that_day(tell: Told) -> None:
    ended = tell.change("800C", 10, "2026-06-01", status="Terminated", end_date="2026-06-30")
    cancelled = view_of(tell, [*nordwind(tell), ended]).events[-1]
    assert cancelled.effective_at_micros == tell.day("2026-07-01")


def test_a_deleted_contract_is_cancelled_and_an_undeleted_one_is_not(tell: Told) -> None:
    deleted = [*nordwind(tell), tell.change("800C", 10, "2026-06-01", "DELETE")]
    assert view_of(tell, deleted).events[-1].reason == "deleted"
    restored = [*deleted, tell.change("800C", 11, "2026-06-02", "UNDELETE")]
    kinds = {type(event) for event in view_of(tell, restored).events}
    assert events.ContractCancelled not in kinds and events.ContractSigned in kinds


def test_a_draft_that_is_deleted_was_never_signed(tell: Told) -> None:
    changes = [*nordwind(tell)[:2], tell.change("800C", 3, "2026-01-04", "DELETE")]
    assert {type(e) for e in view_of(tell, changes).events} == {events.CustomerAccountChanged}


def test_an_emptied_field_is_empty(tell: Told) -> None:
    changes = [*nordwind(tell), tell.change("800C", 8, "2026-01-03", term_months=None)]
    signed = next(e for e in view_of(tell, changes).events
                  if isinstance(e, events.ContractSigned))  # fmt: skip
    assert signed.term_end_micros is None


def test_a_won_deal_is_told_once_it_stands_as_won(tell: Told) -> None:
    created = tell.change("006O", 1, "2026-01-01", "CREATE", "Opportunity", account_id="001A",
                          stage="Negotiation", amount="11520.0", currency="EUR")  # fmt: skip
    won = tell.change("006O", 2, "2026-01-02", of="Opportunity", stage="Closed Won",
                      is_won=True, is_closed=True)  # fmt: skip
    lost = tell.change("006O", 3, "2026-01-03", of="Opportunity", stage="Closed Lost",
                       is_won=False)  # fmt: skip
    (event,) = view_of(tell, [won, created]).events
    assert (event.opportunity_id, event.amount_minor) == ("salesforce:006O", 1_152_000)
    assert event.event_id == "salesforce:evt_006O-2-1/crm.opportunity_won"
    assert view_of(tell, [won, created, lost]).events == ()


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"currency": "XXX"}, "unknown_currency"),
        ({"start_date": "soon"}, "invalid_value"),
        ({"start_date": "253402300800000000"}, "invalid_value"),
        ({"term_months": "0"}, "invalid_value"),
        ({"term_months": "1.5"}, "invalid_value"),
        ({"quantity": "NaN"}, "invalid_value"),
        ({"unit_price": "1e99"}, "invalid_value"),
        ({"is_won": "perhaps"}, "invalid_value"),
        ({"account_id": ""}, "invalid_value"),
    ],
)
def test_an_impossible_value_refuses_its_change_and_nothing_else(
    tell: Told, values: dict[str, str], reason: str
) -> None:
    bad = tell.change("800C", 8, "2026-01-03", **values)
    view = view_of(tell, [*nordwind(tell), bad])
    assert [(r.source_event_id, r.reason) for r in view.refusals] == [(bad.source_event_id, reason)]
    assert view.events == view_of(tell, nordwind(tell)).events


def test_an_amount_with_too_many_decimals_is_refused_not_rounded(tell: Told) -> None:
    won = tell.change("006O", 1, "2026-01-01", "CREATE", "Opportunity", account_id="001A",
                      is_won=True, is_closed=True, amount="10.5", currency="JPY")  # fmt: skip
    view = view_of(tell, [won])
    assert [refusal.reason for refusal in view.refusals] == ["amount_precision"]
    assert view.events == ()


def test_a_gap_waits_until_the_record_is_sent_whole(tell: Told) -> None:
    gap = tell.change("800C", 8, "2026-01-05", "GAP_UPDATE")
    with_gap = view_of(tell, [*nordwind(tell), gap])
    assert [p.event_id for p in with_gap.pending] == [gap.event_id]
    whole = tell.change("800C", 9, "2026-01-06", "CREATE", status="Activated")
    assert view_of(tell, [*nordwind(tell), gap, whole]).pending == ()


def test_other_names_of_a_contract_lead_to_it_unless_two_claim_them(tell: Told) -> None:
    view = view_of(tell, nordwind(tell))
    for name in ("00000417", "800C", "salesforce:00000417"):
        assert view.aliases[name] == "salesforce:800C"
    second = tell.change("800D", 9, "2026-01-03", "CREATE", account_id="001A",
                         contract_number="00000417")  # fmt: skip
    assert "00000417" not in view_of(tell, [*nordwind(tell), second]).aliases


def test_an_entity_stated_only_on_the_order_counts_for_the_contract(tell: Told) -> None:
    stated = tell.change("801N", 8, "2026-01-04", of="Order", entity="DE01")
    view = view_of(tell, [*nordwind(tell), stated])
    assert view.contracts["salesforce:800C"].entity == "DE01"


def test_records_of_other_kinds_say_nothing(tell: Told) -> None:
    lead = tell.change("00QL", 1, "2026-01-01", of="Lead", name="Somebody")
    assert view_of(tell, [lead]) == CrmView()


def test_terms_end_on_the_same_day_of_a_later_month(tell: Told) -> None:
    for months, end in (
        (1, "2026-02-28"),
        (2, "2026-03-31"),
        (25, "2028-02-29"),
        (11, "2026-12-31"),
    ):
        assert add_months(tell.day("2026-01-31"), months) == tell.day(end)


def test_terms_end_on_the_last_day_of_a_shorter_month(tell: Told) -> None:
    changes = [
        tell.change("001A", 1, "2026-01-01", "CREATE", "Account", currency="EUR"),
        tell.change("800C", 2, "2026-01-31", "CREATE", account_id="001A", status="Activated",
                    start_date="2026-01-31", term_months=1),
    ]  # fmt: skip
    signed = view_of(tell, changes).events[-1]
    assert signed.term_end_micros == tell.day("2026-02-28")
    assert signed.term_end_micros - signed.term_start_micros == 28 * DAY_MICROS
