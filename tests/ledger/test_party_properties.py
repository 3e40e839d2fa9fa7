"""Properties of a folded party, on generated histories of CRM changes and billing events."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from ledger import events
from ledger.journal import assert_balanced
from ledger.messages import Message, Outcome
from ledger.party import assemble_party
from ledger.policies import BooksConfig, PolicyPack
from ledger.reasons import Reason
from ledger.results import FoldedParty

Told = Any
Packs = Callable[[str], PolicyPack]

DAYS = [f"2026-{month:02}-{day:02}" for month in range(1, 5) for day in (1, 9, 17, 25)]
INVOICES = ("stripe:in_1", "stripe:in_2", "stripe:in_3")
SUBSCRIPTIONS = ("stripe:sub_1", "stripe:sub_2")
CONTRACTS = (None, None, "salesforce:800C", "00000417", "salesforce:800X")
PAYMENTS = (("ch_1", "pi_1"), ("pi_1",), ("ch_2",), ("ch_3", "pi_3"), ("ch_3",))
COUNTRIES = ("DE", "us", "XX")
REGIONS = {"DE": "EMEA", "US": "AMER"}


class Step(msgspec.Struct, frozen=True):
    """One thing that happens in a history; what its numbers mean depends on the kind."""

    kind: str
    day: str
    pick: int
    amount: int
    contract: str | None


KINDS = (
    "customer", "activated", "changed", "cancelled", "invoice", "voided", "uncollectible",
    "credit_note", "payment", "tied_payment", "standalone", "failed", "refund", "disputed", "won",
    "item", "account", "contract", "activation", "order", "order_item", "termination",
    "signed", "amended", "renewed", "ended", "priced", "paused", "prorated",
)  # fmt: skip

STEPS = st.builds(
    Step,
    kind=st.sampled_from(KINDS),
    day=st.sampled_from(DAYS),
    pick=st.integers(0, 5),
    amount=st.integers(1, 5000),
    contract=st.sampled_from(CONTRACTS),
)
HISTORIES = st.lists(STEPS, min_size=1, max_size=24)


def told_by(tell: Told, history: Sequence[Step]) -> list[Message]:
    """The messages of a history; their ids come from their place in it."""
    return [
        tell.message(_event(tell, step, str(number)), party_ref=tell.customer)
        for number, step in enumerate(history)
    ]


def _event(tell: Told, step: Step, number: str) -> Any:
    if step.kind in _CRM:
        return _crm_change(tell, step, number)
    if step.kind in _TERMS:
        return _of_terms(tell, step, number)
    if step.kind in ("priced", "paused", "prorated"):
        return _of_change(tell, step, number)
    if step.kind in ("customer", "activated", "changed", "cancelled", "item"):
        return _of_subscription(tell, step, number)
    if step.kind in ("invoice", "voided", "uncollectible", "credit_note"):
        return _of_invoice(tell, step, number)
    return _of_payment(tell, step, number)


def _of_subscription(tell: Told, step: Step, number: str) -> Any:
    if step.kind == "customer":
        country = COUNTRIES[step.pick % 3]
        return tell.customer_seen(number, step.day, country=country, attributes_set=("country",))
    sub = SUBSCRIPTIONS[step.pick % 2]
    if step.kind == "item":
        return tell.event(events.ItemAccrued, number, step.day, currency="EUR",
                          accrual_id=f"ii_{step.pick % 2}", amount_minor=step.amount,
                          subscription_id=sub)  # fmt: skip
    return tell.subscription(number, step.day, step.kind, sub=sub, contract_id=step.contract)


_TERMS: dict[str, type[events.Event]] = {
    "signed": events.ContractSigned,
    "amended": events.ContractAmended,
    "renewed": events.ContractRenewed,
    "ended": events.ContractCancelled,
}


def _of_terms(tell: Told, step: Step, number: str) -> Any:
    """What CRM says of a contract as a whole: lines that replace, add to or take from others."""
    given: dict[str, Any] = {
        "source": "salesforce", "customer_id": tell.account, "contract_id": "salesforce:800C",
    }  # fmt: skip
    since = tell.day(DAYS[step.amount % len(DAYS)])
    if step.kind == "ended":
        return tell.event(_TERMS["ended"], number, step.day, effective_at_micros=since, **given)
    line = events.ContractLine(
        line_id=f"line_{step.pick % 2}",
        product=("SEAT", "HELP")[step.pick % 2],
        quantity=Decimal(step.amount % 7 - 2),
        unit_amount=Decimal(step.amount) / 100,
    )
    ends = since + (step.pick * 30 * 86_400_000_000) if step.pick else None
    return tell.event(
        _TERMS[step.kind], number, step.day, currency="EUR", term_start_micros=since,
        term_end_micros=ends, lines=(line,) if step.pick % 3 else (), auto_renew=step.pick == 5,
        **given,
    )  # fmt: skip


def _of_change(tell: Told, step: Step, number: str) -> Any:
    """A subscription with other items, a pause, or the prorations of a change."""
    sub = SUBSCRIPTIONS[step.pick % 2]
    if step.kind == "prorated":
        return _prorated(tell, step, number, sub)
    item = events.SubscriptionItem(
        item_id="si_1", product=("SEAT", "prod_1")[step.pick % 2],
        quantity=Decimal(step.amount % 5), unit_amount=Decimal(step.amount),
        interval=("month", "year", "3 months")[step.pick % 3],
    )  # fmt: skip
    return tell.subscription(
        number, step.day, "changed", sub=sub, contract_id=step.contract, items=(item,),
        currency="EUR", pause_behavior="void" if step.kind == "paused" else None,
    )  # fmt: skip


def _prorated(tell: Told, step: Step, number: str, sub: str) -> Any:
    """Unused time comes back and what follows is charged, over the same time."""
    start, end = tell.day(step.day), tell.day("2026-05-01")
    invoice = f"stripe:in_p{number}"
    lines = tuple(
        events.InvoiceLine(
            line_id=f"{invoice}/{amount}", amount_minor=amount, proration=True, product="SEAT",
            quantity=Decimal(1), subscription_id=sub, service_start_micros=start,
            service_end_micros=end,
        )
        for amount in (-step.amount, step.amount * 3)
    )  # fmt: skip
    return tell.invoice(
        number, step.day, invoice=invoice, total=step.amount * 2, lines=lines,
        subscription_id=sub, contract_id=step.contract,
    )  # fmt: skip


def _of_invoice(tell: Told, step: Step, number: str) -> Any:
    invoice = INVOICES[step.pick % 3]
    if step.kind == "invoice":
        total = 1000 * (step.pick % 3 + 1)
        line = events.InvoiceLine(
            line_id=f"{invoice}/line", amount_minor=total,
            service_start_micros=tell.day("2026-01-01"), service_end_micros=tell.day("2026-04-01"),
            accrual_id=f"ii_{step.pick % 2}" if step.amount % 2 else None,
        )  # fmt: skip
        sub = SUBSCRIPTIONS[step.pick % 2] if step.amount % 3 else None
        return tell.invoice(number, step.day, invoice=invoice, total=total, lines=(line,),
                            subscription_id=sub, contract_id=step.contract)  # fmt: skip
    if step.kind == "credit_note":
        amount = step.amount % 400 + 1
        return tell.event(events.CreditNoteIssued, number, step.day, invoice_id=invoice,
                          credit_note_id=f"cn_{number}", currency="EUR", total_minor=amount,
                          to_receivable_minor=amount)  # fmt: skip
    kind = events.InvoiceVoided if step.kind == "voided" else events.InvoiceMarkedUncollectible
    return tell.event(kind, number, step.day, invoice_id=invoice)


def _of_payment(tell: Told, step: Step, number: str) -> Any:
    refs = PAYMENTS[step.pick % 5]
    amount = 1000 + 100 * int(refs[0][-1])
    if step.kind == "payment":
        return tell.payment(number, step.day, refs, amount, contract_id=step.contract)
    if step.kind == "tied_payment":
        invoice = INVOICES[step.pick % 3]
        return tell.payment(number, step.day, (*refs, f"inpay_{refs[0]}"), amount,
                            invoice_id=invoice)  # fmt: skip
    if step.kind == "standalone":
        return tell.payment(number, step.day, refs, amount, linkage="standalone")
    if step.kind == "failed":
        return tell.failure(number, step.day, payment_refs=refs, invoice_id=INVOICES[step.pick % 3],
                            attempt_count=step.amount % 3 or None)  # fmt: skip
    given = {"payment_refs": refs, "currency": "EUR", "amount_minor": amount // 2}
    if step.kind == "refund":
        return tell.event(events.RefundIssued, number, step.day, refund_id=f"re_{number}", **given)
    kind = events.DisputeOpened if step.kind == "disputed" else events.DisputeWon
    return tell.event(kind, number, step.day, dispute_id=f"dp_{step.pick % 5}", **given)


_CRM: dict[str, tuple[str, str, str, dict[str, Any]]] = {
    "account": ("001A", "CREATE", "Account", {
        "currency": "EUR", "entity": "DE01", "country": "DE"}),
    "contract": ("800C", "CREATE", "Contract", {
        "account_id": "001A", "start_date": "2026-01-01", "term_months": 12, "status": "Draft",
        "contract_number": "00000417", "currency": "EUR"}),
    "activation": ("800C", "UPDATE", "Contract", {"status": "Activated"}),
    "termination": ("800C", "UPDATE", "Contract", {"status": "Terminated"}),
    "order": ("801N", "CREATE", "Order", {
        "contract_id": "800C", "type": "New", "status": "Activated",
        "effective_date": "2026-01-01"}),
    "order_item": ("802N", "CREATE", "OrderItem", {
        "order_id": "801N", "product": "PRO", "quantity": 2, "unit_price": 10}),
}  # fmt: skip


def _crm_change(tell: Told, step: Step, number: str) -> Any:
    record, change, of, values = _CRM[step.kind]
    return tell.change(record, step.pick, step.day, change, of, number=number, **values)


def fold(
    tell: Told,
    load_pack: Packs,
    incoming: Sequence[Message],
    history: Sequence[Message] = (),
    regions: dict[str, str] = REGIONS,
) -> FoldedParty:
    """The party of the account, as seen on 1 April 2026."""
    return assemble_party(
        tenant="acme",
        party_id=tell.account,
        party_refs=(tell.customer, tell.account),
        based_on={},
        history=history,
        incoming=incoming,
        policy=load_pack("stripe-contra"),
        config=BooksConfig(regions=regions),
        as_of_micros=tell.day("2026-04-01"),
    )


@given(history=HISTORIES, data=st.data())
def test_any_order_of_arrival_gives_the_same_party(
    tell: Told, load_pack: Packs, history: list[Step], data: st.DataObject
) -> None:
    messages = told_by(tell, history)
    arrived = data.draw(st.permutations(messages))
    assert fold(tell, load_pack, arrived) == fold(tell, load_pack, messages)


@given(history=HISTORIES, cut=st.integers(0, 24), data=st.data())
def test_any_split_into_runs_ends_in_the_same_books(
    tell: Told, load_pack: Packs, history: list[Step], cut: int, data: st.DataObject
) -> None:
    messages = told_by(tell, history)
    arrived = data.draw(st.permutations(messages))
    first = fold(tell, load_pack, arrived[:cut])
    second = fold(tell, load_pack, arrived[cut:], first.new_messages)
    whole = fold(tell, load_pack, messages)
    assert second.result == whole.result
    assert second.outcomes == whole.outcomes


@given(history=HISTORIES, data=st.data())
def test_what_is_read_again_changes_nothing(
    tell: Told, load_pack: Packs, history: list[Step], data: st.DataObject
) -> None:
    messages = told_by(tell, history)
    again = data.draw(st.lists(st.sampled_from(messages), max_size=6))
    once, twice = fold(tell, load_pack, messages), fold(tell, load_pack, [*again, *messages])
    assert twice.result == once.result and twice.outcomes == once.outcomes
    assert len(twice.duplicates) == len(again)
    replayed = fold(tell, load_pack, messages, once.new_messages)
    assert replayed.new_messages == () and replayed.result == once.result


@given(history=HISTORIES, data=st.data())
def test_every_message_is_accounted_for_exactly_once(
    tell: Told, load_pack: Packs, history: list[Step], data: st.DataObject
) -> None:
    messages = told_by(tell, history)
    other = [msgspec.structs.replace(m, digest="f" * 32, body=b"other " + m.message_id.encode())
             for m in data.draw(st.lists(st.sampled_from(messages), max_size=4))]  # fmt: skip
    folded = fold(tell, load_pack, [*messages, *other])
    conflicts = [d for d in folded.dead_letters if d.reason == Reason.EVENT_ID_CONFLICT]
    ended = len(folded.outcomes) + len(folded.duplicates) + len(conflicts)
    assert ended == len(messages) + len(other)
    assert set(folded.outcomes) == {message.message_id for message in messages}
    refused = {d.message_id for d in folded.dead_letters} - {d.message_id for d in conflicts}
    dead = {m for m, outcome in folded.outcomes.items() if outcome is Outcome.DEAD_LETTERED}
    assert refused <= dead and len({d.dead_letter_id for d in folded.dead_letters}) == len(
        folded.dead_letters
    )


@given(history=HISTORIES)
def test_every_entry_balances_and_every_update_is_told_once(
    tell: Told, load_pack: Packs, history: list[Step]
) -> None:
    result = fold(tell, load_pack, told_by(tell, history)).result
    for entry in result.entries:
        assert_balanced(entry)
    ids = [update.update_id for update in result.lifecycle]
    assert len(ids) == len(set(ids))
    keys = [entry.entry_key for entry in result.entries]
    assert len(keys) == len(set(keys))
    known = {c.contract_id for c in result.contracts} | {"direct"}
    assert {entry.contract_id for entry in result.entries} <= known


@given(history=HISTORIES)
def test_regions_change_nothing_but_the_region(
    tell: Told, load_pack: Packs, history: list[Step]
) -> None:
    messages = told_by(tell, history)
    with_regions = fold(tell, load_pack, messages).result
    without = fold(tell, load_pack, messages, regions={}).result
    assert all(entry.region is None for entry in without.entries)
    bare = [msgspec.structs.replace(entry, region=None) for entry in with_regions.entries]
    assert msgspec.structs.replace(with_regions, entries=tuple(bare)) == without
    for invoice in {entry.invoice_id for entry in with_regions.entries} - {None}:
        regions = {e.region for e in with_regions.entries if e.invoice_id == invoice}
        assert len(regions) == 1
