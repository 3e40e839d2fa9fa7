"""Postings get their GL accounts, wait without, are released, and keep what they went out with."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from sqlalchemy import text
from store_builders import DAY, JANUARY, entry, folded, line, message

from connectors.store import DeliveryStatus, ExceptionRow, LedgerStore, PeriodState
from connectors.store.gl_accounts import Outcome as Given
from connectors.store.session import backend_of
from ledger.accounts import AccountRole
from ledger.gl_accounts import AppliedLine, Mapped, Unmapped
from ledger.gl_mapping import GlMapping, GlRow, MappedAccount
from ledger.journal import JournalEntry
from ledger.messages import Outcome

REVENUE, RECEIVABLE = AccountRole.REVENUE, AccountRole.ACCOUNTS_RECEIVABLE


def mapping(*rows: tuple[str, AccountRole, dict[str, str]], version: int = 1) -> GlMapping:
    """Rows of (account, role, what they name); receivables always go to 1200."""
    given = [
        GlRow(number=number, role=role, target=MappedAccount(account), **names)
        for number, (account, role, names) in enumerate(rows, 1)
    ]
    receivable = GlRow(number=0, role=RECEIVABLE, target=MappedAccount("1200"))
    return GlMapping(
        "acme", version, [receivable, *given], product_families={"pro": "subs", "gpu": "usage"}
    )


ALL = mapping(("4000", REVENUE, {}))
NO_REVENUE = mapping()
SUBS_ONLY = mapping(("4000", REVENUE, {"product_family": "subs"}))


def sold(key: str, product: str | None, amount: int = 1000, **changes: object) -> JournalEntry:
    lines = (line("accounts_receivable", amount), line("revenue", -amount, product=product))
    return entry(key, lines=lines, **changes)


def post(store: LedgerStore, entries: Sequence[JournalEntry]) -> list[str]:
    """Commit as the whole target of the party; return the ids in the outbox, in order."""
    seen = store.history("acme", ["stripe:cus_1"]).revisions
    known = seen.get("stripe:cus_1", 0)
    new = [] if known else [message("evt_1")]
    outcomes = {"stripe:evt_1": Outcome.POSTED}
    store.commit([folded(new, entries, seen=seen, outcomes=outcomes)])
    return [delivery.posting_id for delivery in store.deliveries()]


def apply(store: LedgerStore, wanted: GlMapping, ids: Sequence[str]) -> dict[str, Given]:
    found = {posting.posting_id: posting for posting in store.postings()}
    return store.mapping_desk.apply(wanted, [found[posting_id] for posting_id in ids])


def accounts(outcome: object) -> list[str]:
    assert isinstance(outcome, tuple)
    return [applied.account for applied in outcome]


def exceptions(store: LedgerStore) -> list[ExceptionRow]:
    return list(store.exceptions(JANUARY + 90 * DAY))


def applied_of(store: LedgerStore) -> dict[str, Mapped]:
    return {posting.posting_id: posting.accounts for posting in store.postings()}


def test_postings_get_an_account_per_line(store: LedgerStore) -> None:
    (first,) = post(store, [sold("a", "pro")])
    found = apply(store, ALL, [first])
    assert found == {first: (AppliedLine("acme@1", 0, "1200"), AppliedLine("acme@1", 1, "4000"))}
    (posting,) = store.postings()
    assert posting.accounts == found[first]


def test_a_posting_without_an_account_waits_with_its_money_and_the_others_go(
    store: LedgerStore,
) -> None:
    first, second = post(store, [sold("a", "pro"), sold("b", "gpu", 2500)])
    found = apply(store, SUBS_ONLY, [first, second])
    assert accounts(found[first]) == ["1200", "4000"]
    missing = "revenue · family usage · region none · entity MAIN · currency USD · 2026-01-15"
    assert found[second] == Unmapped("acme@1", (missing,))
    store.mapping_desk.review(SUBS_ONLY)
    (waiting,) = exceptions(store)
    assert waiting == ExceptionRow(
        kind="undelivered",
        exception_id=second,
        tenant="acme",
        reason="unmapped_account",
        detail=f"acme@1 has no account for {missing}",
        message_id="stripe:evt_1",
        amount_minor=2500,
        currency="USD",
        entity="MAIN",
        period="2026-01",
        position=None,
    )
    shown = {p.posting_id: (p.delivery, p.delivery_reason) for p in store.postings()}
    assert shown == {first: ("pending", None), second: ("pending", "unmapped_account")}


def test_a_product_without_a_family_is_named(store: LedgerStore) -> None:
    (first,) = post(store, [sold("a", "new_thing")])
    found = apply(store, SUBS_ONLY, [first])[first]
    assert isinstance(found, Unmapped)
    assert "family none (product new_thing)" in found.missing[0]


def test_what_was_accepted_keeps_its_accounts_whatever_the_mapping_says(
    store: LedgerStore,
) -> None:
    (first,) = post(store, [sold("a", "pro")])
    apply(store, ALL, [first])
    store.record_delivery(first, DeliveryStatus.ACCEPTED)
    other = mapping(("4999", REVENUE, {}), version=2)
    assert accounts(apply(store, other, [first])[first]) == ["1200", "4000"]
    assert store.mapping_desk.review(NO_REVENUE).unmapped == 0
    assert accounts(applied_of(store)[first]) == ["1200", "4000"]


def test_what_the_erp_refused_may_be_given_other_accounts(store: LedgerStore) -> None:
    (first,) = post(store, [sold("a", "pro")])
    apply(store, ALL, [first])
    store.record_delivery(first, DeliveryStatus.REFUSED, "unknown account 4000")
    other = mapping(("4999", REVENUE, {}), version=2)
    assert accounts(apply(store, other, [first])[first]) == ["1200", "4999"]
    assert [applied.mapping for applied in applied_of(store)[first]] == ["acme@2", "acme@2"]


def test_a_reversal_has_the_accounts_of_its_entry(store: LedgerStore) -> None:
    (first,) = post(store, [sold("a", "pro")])
    apply(store, ALL, [first])
    store.record_delivery(first, DeliveryStatus.ACCEPTED)
    reversal, second = post(store, [sold("a", "pro", 900)])
    other = mapping(("4999", REVENUE, {}), version=2)
    found = apply(store, other, [reversal, second])
    assert accounts(found[reversal]) == ["1200", "4000"]
    assert accounts(found[second]) == ["1200", "4999"]


def test_a_reversal_waits_for_its_entry_and_the_next_revision_does_not(store: LedgerStore) -> None:
    (first,) = post(store, [sold("a", "gpu")])
    _, reversal, second = post(store, [sold("a", "pro")])
    ids = [first, reversal, second]
    found = apply(store, SUBS_ONLY, ids)
    assert isinstance(found[first], Unmapped)
    assert found[reversal] == found[first]
    assert accounts(found[second]) == ["1200", "4000"]
    store.mapping_desk.review(SUBS_ONLY)
    assert [row.exception_id for row in exceptions(store)] == [first]
    found = apply(store, ALL, ids)
    assert [accounts(found[posting_id]) for posting_id in ids] == [["1200", "4000"]] * 3


def test_accounts_are_those_of_the_accounting_date_also_after_a_close(store: LedgerStore) -> None:
    by_day = mapping(
        ("4000", REVENUE, {"valid_to": "2026-01-31"}),
        ("4100", REVENUE, {"valid_from": "2026-02-01"}),
    )
    post(store, [sold("a", "pro")])
    store.set_period("acme", "MAIN", "2026-01", PeriodState.CLOSED)
    ids = post(store, [sold("a", "pro", 900), sold("b", "pro", accounting_date="2026-02-01")])
    found = apply(store, by_day, ids)
    assert [accounts(found[posting_id])[1] for posting_id in ids] == ["4000"] * 3 + ["4100"]


def test_the_region_of_an_entry_is_kept_and_looked_up(store: LedgerStore) -> None:
    regional = mapping(("4010", REVENUE, {"region": "EMEA"}), ("4020", REVENUE, {"region": "US"}))
    ids = post(store, [sold("a", "pro", region="EMEA"), sold("b", "pro", region="US")])
    found = apply(store, regional, ids)
    assert [accounts(found[posting_id])[1] for posting_id in ids] == ["4010", "4020"]
    # A customer that moved is booked anew: region belongs to what an entry books.
    *_, reversal, second = post(
        store, [sold("a", "pro", region="US"), sold("b", "pro", region="US")]
    )
    found = apply(store, regional, [reversal, second])
    assert [accounts(found[posting_id])[1] for posting_id in (reversal, second)] == ["4010", "4020"]


def test_applying_again_writes_nothing_more(store: LedgerStore, store_url: str) -> None:
    ids = post(store, [sold("a", "pro"), sold("b", "gpu")])
    for _ in range(2):
        apply(store, ALL, ids)
    assert rows_in(store_url, "applied_accounts") == 4


def rows_in(url: str, table: str) -> int:
    engine = backend_of(url).engine(url)
    with engine.connect() as connection:
        count = connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()
    engine.dispose()
    return int(count)


@pytest.mark.parametrize("statement", ["UPDATE applied_accounts SET account = '1'",
                                       "DELETE FROM applied_accounts"])  # fmt: skip
def test_the_database_refuses_to_change_what_was_applied(
    store: LedgerStore, store_url: str, statement: str
) -> None:
    apply(store, ALL, post(store, [sold("a", "pro")]))
    backend = backend_of(store_url)
    engine = backend.engine(store_url)
    with pytest.raises(backend.errors, match="never changed"), engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()


# --- a run looks through the whole outbox ------------------------------------------------------


def test_a_review_marks_and_releases_what_waits(store: LedgerStore) -> None:
    ids = post(store, [sold("a", "pro"), sold("b", "gpu"), sold("c", None)])
    found = store.mapping_desk.review(SUBS_ONLY)
    assert (found.unmapped, found.newly_unmapped, found.released) == (2, 2, 0)
    assert [row.exception_id for row in exceptions(store)] == ids[1:]
    with_usage = mapping(("4000", REVENUE, {"product_family": "subs"}),
                         ("4200", REVENUE, {"product_family": "usage"}))  # fmt: skip
    found = store.mapping_desk.review(with_usage)
    assert (found.unmapped, found.newly_unmapped, found.released) == (1, 0, 1)
    assert [row.exception_id for row in exceptions(store)] == ids[2:]
    found = store.mapping_desk.review(ALL)
    assert (found.unmapped, found.newly_unmapped, found.released) == (0, 0, 1)
    assert exceptions(store) == []


def test_a_review_says_what_applying_would(store: LedgerStore) -> None:
    ids = post(store, [sold("a", "pro"), sold("b", "gpu", region="EMEA"), sold("c", "odd")])
    store.mapping_desk.review(SUBS_ONLY)
    found = apply(store, SUBS_ONLY, ids)
    assert [row.detail for row in exceptions(store)] == [str(found[ids[1]]), str(found[ids[2]])]


def test_a_review_leaves_alone_what_the_erp_refused_or_may_have(store: LedgerStore) -> None:
    first, second = post(store, [sold("a", "gpu"), sold("b", "gpu")])
    store.record_delivery(first, DeliveryStatus.REFUSED, "erp_refused")
    positions = [d.position for d in store.deliveries() if d.posting_id == second]
    store.delivery_desk.hand_over("bat_1", positions, JANUARY)
    assert store.mapping_desk.review(NO_REVENUE).unmapped == 0
    assert [row.reason for row in exceptions(store)] == ["erp_refused"]


def test_what_may_be_in_the_erp_keeps_its_accounts(store: LedgerStore) -> None:
    """Handed over, and nobody knows what became of it: it may only come again as it was."""
    (first,) = post(store, [sold("a", "pro")])
    apply(store, ALL, [first])
    (waiting,) = store.deliveries()
    store.delivery_desk.hand_over("bat_1", [waiting.position], JANUARY)
    other = mapping(("4999", REVENUE, {}), version=2)
    assert accounts(apply(store, other, [first])[first]) == ["1200", "4000"]
    assert accounts(apply(store, NO_REVENUE, [first])[first]) == ["1200", "4000"]


def test_a_review_is_of_one_tenant(store: LedgerStore) -> None:
    post(store, [sold("a", "gpu")])
    other = message("evt_2", party_ref="stripe:cus_2", tenant="beta")
    theirs = sold("x", "gpu", tenant="beta", source_event_id="stripe:evt_2")
    store.commit([folded([other], [theirs], tenant="beta")])
    assert store.mapping_desk.review(NO_REVENUE, "beta").unmapped == 1
    assert [row.tenant for row in exceptions(store)] == ["beta"]
    assert store.mapping_desk.review(ALL, "acme").unmapped == 0
    assert [row.tenant for row in exceptions(store)] == ["beta"]


def test_keys_are_told_with_their_money(store: LedgerStore) -> None:
    post(store, [sold("a", "pro"), sold("b", "pro", 500), sold("c", "gpu", 70)])
    post(store, [sold("a", "pro"), sold("b", "pro", 400), sold("c", "gpu", 70)])
    found = [
        (use.role, use.product, use.lines, use.debits_minor, use.credits_minor)
        for use in store.mapping_desk.keys_in_use()
    ]
    # Entries only: the 500 that was reversed and the 400 that replaced it.
    assert found == [
        ("accounts_receivable", None, 4, 1970, 0),
        ("revenue", "gpu", 1, 0, 70),
        ("revenue", "pro", 3, 0, 1900),
    ]


def test_a_posting_that_moves_only_the_functional_currency_shows_that_money(
    store: LedgerStore,
) -> None:
    gain = entry(
        "fx",
        currency="USD",
        functional_currency="EUR",
        lines=(
            line("accounts_receivable", 0, functional_minor=30),
            line("revenue", 0, functional_minor=-30),
        ),
    )
    post(store, [gain])
    store.mapping_desk.review(NO_REVENUE)
    (waiting,) = exceptions(store)
    assert (waiting.amount_minor, waiting.currency) == (30, "EUR")
