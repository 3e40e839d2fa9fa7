"""What holds for the books of any history: balance, order, duplicates, zero at the end."""

from __future__ import annotations

import random
from collections import Counter, defaultdict

import msgspec
from histories import AFTER_EVERYTHING, CONFIGS, histories, periods, policies, times, wallets
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from story import NO_CONFIG, Story, micros, pack

from ledger import events as told
from ledger.accounting.lines import LineBook
from ledger.accounting.result import AccountingResult
from ledger.accounts import AccountRole
from ledger.events import Event
from ledger.fold import fold_contract
from ledger.journal import JournalEntry
from ledger.money import apportion
from ledger.policies import BooksConfig, PolicyPack
from ledger.recognition import segments

often = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def fold(
    events: list[Event],
    policy: PolicyPack,
    config: BooksConfig = NO_CONFIG,
    as_of: int = AFTER_EVERYTHING,
) -> AccountingResult:
    return fold_contract("acme", "test:cus_1", "direct", events, policy, config, as_of)


def verify_every_entry_balances(books: AccountingResult) -> None:
    for entry in books.entries:
        assert entry.lines
        assert sum(line.amount_minor for line in entry.lines) == 0, entry
        assert sum(line.functional_minor for line in entry.lines) == 0, entry
        if entry.currency == entry.functional_currency:
            assert all(line.amount_minor == line.functional_minor for line in entry.lines), entry


def balance(entries: tuple[JournalEntry, ...], role: AccountRole) -> tuple[int, int]:
    """Net debit of a role in transaction and functional currency."""
    lines = [line for entry in entries for line in entry.lines if line.role is role]
    return sum(one.amount_minor for one in lines), sum(one.functional_minor for one in lines)


@often
@given(histories(), policies(), CONFIGS)
def test_every_entry_balances_in_both_currencies(
    history: list[Event], policy: PolicyPack, config: BooksConfig
) -> None:
    verify_every_entry_balances(fold(history, policy, config))


@often
@given(histories(), policies(), CONFIGS, st.randoms(use_true_random=False))
def test_any_arrival_order_gives_the_same_books(
    history: list[Event], policy: PolicyPack, config: BooksConfig, chance: random.Random
) -> None:
    books = fold(history, policy, config)
    shuffled = list(history)
    chance.shuffle(shuffled)
    assert fold(shuffled, policy, config) == books


@often
@given(histories(), policies(), CONFIGS, st.randoms(use_true_random=False))
def test_an_event_told_twice_changes_nothing(
    history: list[Event], policy: PolicyPack, config: BooksConfig, chance: random.Random
) -> None:
    again = history + chance.choices(history, k=len(history))
    assert fold(again, policy, config) == fold(history, policy, config)


@often
@given(histories(), policies(), CONFIGS)
def test_no_two_entries_have_the_same_key(
    history: list[Event], policy: PolicyPack, config: BooksConfig
) -> None:
    keys = Counter(entry.entry_key for entry in fold(history, policy, config).entries)
    assert [key for key, count in keys.items() if count > 1] == []


def moves_money(event: Event) -> bool:
    """Tell whether an event states an amount that has to show up somewhere."""
    if isinstance(event, told.InvoiceIssued):
        return event.total_minor != 0
    if isinstance(event, told.CreditNoteIssued):
        return event.total_minor > event.refunded_minor
    if isinstance(event, told.RefundIssued) and event.status not in ("pending", "succeeded"):
        return False
    if isinstance(event, told.DisputeOpened) and not event.funds_withdrawn:
        return False
    if isinstance(event, told.DisputeWon) and not event.funds_reinstated:
        return False
    quiet = told.DisputeLost | told.PaymentFailed | told.ItemAccrued | told.UsageReported
    if isinstance(event, quiet | told.CreditGranted | told.CreditMovement | told.CreditEnd):
        return False
    return getattr(event, "amount_minor", 0) != 0


@often
@given(histories(), policies(), CONFIGS)
def test_every_event_is_posted_or_waits_or_is_refused_or_has_no_effect(
    history: list[Event], policy: PolicyPack, config: BooksConfig
) -> None:
    """An amount is never silently dropped: what moved money is posted, waits or is refused."""
    books = fold(history, policy, config)
    seen = {entry.source_event_id for entry in books.entries}
    seen |= {message for entry in books.entries for message in entry.evidence}
    seen |= {one.source_event_id for one in (*books.pending, *books.refusals)}
    for event in history:
        if moves_money(event):
            assert event.source_event_id in seen, event


@often
@given(histories() | wallets(), policies(), CONFIGS, times)
def test_a_later_look_only_adds_recognition(
    history: list[Event], policy: PolicyPack, config: BooksConfig, as_of: int
) -> None:
    """Everything that stands at one time stands unchanged at any later time."""
    early = {one.entry_key: one for one in fold(history, policy, config, as_of).entries}
    late = {one.entry_key: one for one in fold(history, policy, config).entries}
    for key, entry in early.items():
        assert late[key] == entry
    assert {late[key].rule for key in late.keys() - early.keys()} <= {
        "revenue_recognised",
        "revenue_caught_up",
        "item_accrued",
        "fee_recognised",
        "revalued",
        "revaluation_reversed",
        "credit_expired",
    }


@often
@given(histories() | wallets(), policies(), CONFIGS)
def test_the_deferral_ends_at_zero(
    history: list[Event], policy: PolicyPack, config: BooksConfig
) -> None:
    """Service ends, and all credit is used or expires; but for credit whose use was not told."""
    books = fold(history, policy, config)
    ended = {event.event_id for event in history if isinstance(event, told.CreditExpired)}
    waits = [one for one in books.pending if one.reason == "unmatched_grant"]
    assume(not any(one.event_id in ended and one.amount_minor for one in waits))
    entries = books.entries
    left: dict[tuple[str | None, str | None], list[int]] = defaultdict(lambda: [0, 0])
    for entry in entries:
        for line in entry.lines:
            if line.role in (AccountRole.DEFERRED_REVENUE, AccountRole.DEFERRED_FEES):
                cell = left[line.role, entry.invoice_id]
                cell[0] += line.amount_minor
                cell[1] += line.functional_minor
    assert {key: cell for key, cell in left.items() if cell != [0, 0]} == {}


@often
@given(histories(), policies(), CONFIGS)
def test_a_closed_invoice_leaves_nothing_receivable(
    history: list[Event], policy: PolicyPack, config: BooksConfig
) -> None:
    """Receivable per invoice is what is open on it; in both currencies nothing when nothing is."""
    books = fold(history, policy, config)
    for invoice in books.invoices:
        own = tuple(one for one in books.entries if one.invoice_id == invoice.invoice_id)
        owed = balance(own, AccountRole.ACCOUNTS_RECEIVABLE)
        if invoice.status in ("voided", "uncollectible"):
            assert owed == (0, 0), (invoice, owed)
        elif invoice.status == "paid":
            assert owed[0] <= 0, (invoice, owed)


@often
@given(histories(), policies(), CONFIGS)
def test_what_is_unbilled_is_what_waits_for_an_invoice(
    history: list[Event], policy: PolicyPack, config: BooksConfig
) -> None:
    """Usage is cleared by its invoices to the cent; what is left waits with its amount."""
    metered = [event for event in history if not isinstance(event, told.ItemAccrued)]
    books = fold(metered, policy, config)
    left: Counter[str] = Counter()
    for entry in books.entries:
        for line in entry.lines:
            if line.role is AccountRole.UNBILLED_RECEIVABLE:
                left[entry.currency] += line.amount_minor
    for waiting in books.pending:
        if waiting.reason == "unbilled_usage":
            left[waiting.currency or ""] -= waiting.amount_minor or 0
    assert not any(left.values()), left


@often
@given(wallets(), policies(), CONFIGS, st.randoms(use_true_random=False))
def test_wallets_are_the_same_in_any_order_and_balance(
    history: list[Event], policy: PolicyPack, config: BooksConfig, chance: random.Random
) -> None:
    books = fold(history, policy, config)
    verify_every_entry_balances(books)
    shuffled = history + chance.choices(history, k=3)
    chance.shuffle(shuffled)
    assert fold(shuffled, policy, config) == books
    keys = Counter(entry.entry_key for entry in books.entries)
    assert max(keys.values(), default=1) == 1


@often
@given(wallets(), policies(), CONFIGS)
def test_every_movement_of_credit_is_booked_or_waits_or_is_refused(
    history: list[Event], policy: PolicyPack, config: BooksConfig
) -> None:
    """Face value is conserved: granted = used + ended + left, and no wallet is below zero."""
    books = fold(history, policy, config)
    stopped = {one.event_id for one in (*books.pending, *books.refusals)}
    left: Counter[str] = Counter()
    seen: set[str] = set()
    for event in sorted(history, key=lambda one: (one.occurred_at_micros, one.event_id)):
        if event.event_id in stopped:
            continue
        if isinstance(event, told.CreditGranted) and event.grant_id not in seen:
            seen.add(event.grant_id)
            left[event.grant_id] += event.amount_minor
        elif isinstance(event, told.CreditMovement) and event.transaction_id not in seen:
            seen.add(event.transaction_id)
            sign = 1 if isinstance(event, told.CreditReinstated) else -1
            left[event.grant_id] += sign * event.amount_minor
    assert all(value >= 0 for value in left.values()), left


@often
@given(histories(), policies())
def test_tax_that_is_given_back_in_full_is_owed_nowhere(
    history: list[Event], policy: PolicyPack
) -> None:
    """What an invoice states per place, less what is given back, is owed; after a void nothing."""
    books = fold(history, policy)
    owed: Counter[tuple[str, str | None]] = Counter()
    for entry in books.entries:
        for line in entry.lines:
            if line.role is AccountRole.TAX_PAYABLE:
                owed[entry.invoice_id or "", line.jurisdiction] -= line.amount_minor
    for invoice in books.invoices:
        if invoice.status == "voided" and not invoice.paid_minor:
            left = {key: value for key, value in owed.items() if key[0] == invoice.invoice_id}
            assert not any(left.values()), (invoice, left)


amounts_paid_back = st.lists(st.integers(1, 5_000), min_size=1, max_size=6)


@often
@given(periods(), st.integers(0, 2_000), amounts_paid_back, policies(), st.data())
def test_a_claim_taken_back_in_any_number_of_parts_is_worth_nothing(
    period: dict[str, int], tax: int, parts: list[int], policy: PolicyPack, data: st.DataObject
) -> None:
    """Refunds, credit notes to the balance and disputes of all that was paid leave no revenue."""
    assume(policy.dispute == "contra")
    total = sum(parts)
    assume(tax < total)
    story = Story()
    line = story.line("0")
    line = type(line)(line_id="il_1", amount_minor=total - tax, **period)
    story.invoice("2024-05-10", "0", lines=[line])
    issued = story.events.pop()
    taxes = (story.tax("0"),) if not tax else (type(story.tax("0"))(amount_minor=tax),)
    story.events.append(replace(issued, total_minor=total, taxes=taxes))
    story.pay("2024-05-11", "0")
    story.events.append(replace(story.events.pop(), amount_minor=total))
    for number, part in enumerate(parts):
        _take_back(story, number, part, data)
    books = fold(story.events, policy)
    assert not books.refusals and not books.pending
    verify_every_entry_balances(books)
    for role in (
        AccountRole.ACCOUNTS_RECEIVABLE,
        AccountRole.DEFERRED_REVENUE,
        AccountRole.TAX_PAYABLE,
        AccountRole.OTHER_LOSS,
    ):
        assert balance(books.entries, role) == (0, 0), role
    earned = (
        AccountRole.REVENUE,
        AccountRole.REFUNDS,
        AccountRole.DISPUTES,
        AccountRole.CREDIT_NOTES,
    )
    assert sum(balance(books.entries, role)[0] for role in earned) == 0


def _take_back(story: Story, number: int, part: int, data: st.DataObject) -> None:
    day = f"2024-{data.draw(st.integers(6, 12)):02d}-{data.draw(st.integers(1, 28)):02d}"
    way = data.draw(st.sampled_from(["refund", "dispute", "credit"]))
    if way == "refund":
        story.refund(day, "0", refund=f"re_{number}")
    elif way == "dispute":
        story.dispute(day, "0", dispute=f"dp_{number}")
    else:
        story.credit(day, "0", note=f"cn_{number}")
        note = story.events.pop()
        story.events.append(replace(note, total_minor=part, to_balance_minor=part))
        return
    story.events.append(replace(story.events.pop(), amount_minor=part))


def replace(event: Event, **changes: object) -> Event:
    return msgspec.structs.replace(event, **changes)


@often
@given(
    st.integers(-(10**9), 10**9),
    times,
    st.integers(1, 40 * 30 * 24),
    st.sampled_from(["second", "day", "even_months"]),
)
def test_spreading_loses_no_minor_unit(
    amount: int, start: int, hours: int, granularity: str
) -> None:
    end = start + hours * 3_600_000_000
    cut = segments(start, end, granularity)
    line = LineBook("il_1", None)
    line.defer(cut, amount, amount, end)
    assert sum(bucket.amount for bucket in line.buckets) == amount
    months = [segment[0] for segment in cut]
    assert months == list(range(months[0], months[0] + len(months)))
    assert all(weight > 0 for _, weight, *_ in cut)
    assert all(segment[4] <= end for segment in cut)


@often
@given(st.integers(0, 10**7), times, st.integers(1, 9_000), times, st.data())
def test_recognised_and_remaining_are_the_whole_at_any_time(
    amount: int, start: int, hours: int, as_of: int, data: st.DataObject
) -> None:
    granularity = data.draw(st.sampled_from(["second", "day", "even_months"]))
    end = start + hours * 3_600_000_000
    line = LineBook("il_1", None)
    line.defer(segments(start, end, granularity), amount, amount, end)
    looks = data.draw(st.lists(times, max_size=4))
    for look in sorted([*looks, as_of]):
        line.advance(look, granularity)
        assert line.recognised.amount + line.deferred() == amount
        assert 0 <= line.recognised.amount <= amount
        if look <= start:
            assert line.recognised.amount == 0
    line.advance(end, granularity)
    assert line.deferred() == 0


@often
@given(st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=8), st.integers(0, 10**9))
def test_parts_add_to_the_whole_and_none_is_more_than_its_weight(
    weights: list[int], total: int
) -> None:
    parts = apportion(total, weights)
    assert sum(parts) == total
    whole = sum(weights)
    if whole > 0 and total <= whole:
        assert all(abs(part) <= abs(weight) for part, weight in zip(parts, weights, strict=True))
    if total == whole and whole:
        assert parts == weights


def test_the_published_pack_is_the_default_of_the_stories() -> None:
    assert pack().label == "stripe-contra@1"
    assert micros("2024-01-01") < AFTER_EVERYTHING
