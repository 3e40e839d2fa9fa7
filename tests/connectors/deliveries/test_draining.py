"""Whatever goes wrong on the way, the ERP gets every posting once and in order."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from connectors.deliveries import Refused
from connectors.deliveries.patience import CircuitBreaker
from connectors.store import DelivererBusy, DeliveryStatus, LedgerStore, PeriodState
from connectors.store.session import backend_of
from ledger.messages import Outcome
from ledger.reasons import Reason
from tests.connectors.deliveries.example_erp import (
    PATIENCE,
    ExampleErp,
    Time,
    drainer,
    mapping_of,
)
from tests.connectors.store.store_builders import entry, folded, message

FOREVER = 10**18


def ids_of(store: LedgerStore) -> dict[str, str]:
    """Posting id by entry key; reversals as `-key`."""
    return {
        f"{'-' if p.reverses else ''}{p.entry.entry_key}": p.posting_id for p in store.postings()
    }


def booked(store: LedgerStore, *keys: str) -> dict[str, str]:
    store.commit([folded([message("evt_1")], [entry(key) for key in keys])])
    return ids_of(store)


def statuses(store: LedgerStore) -> dict[str, str]:
    return {p.posting_id: p.delivery for p in store.postings()}


def test_everything_goes_out_once_in_the_order_of_commits(store: LedgerStore) -> None:
    ids = booked(store, *"abcdefg")
    erp = ExampleErp()
    done = drainer(store, erp, batch_size=3).drain()
    assert (done.accepted, done.batches, done.away) == (7, 3, None)
    assert erp.order() == [ids[f"stripe:{key}"] for key in "abcdefg"]
    assert set(statuses(store).values()) == {"accepted"}
    assert drainer(store, erp).drain().batches == 0
    (first,) = [p for p in store.postings() if p.entry.entry_key == "stripe:a"]
    assert (first.external_id, first.delivered_to, first.delivery_attempts) == (
        "no 1",
        "example:erp",
        1,
    )


def test_a_refused_posting_stops_only_itself_and_is_an_exception(store: LedgerStore) -> None:
    ids = booked(store, *"abc")
    erp = ExampleErp()
    words = "The period 2026-01 is closed."
    erp.refusals[ids["stripe:b"]] = Refused(Reason.ERP_PERIOD_CLOSED, words)
    assert drainer(store, erp).drain().refused == 1
    assert erp.order() == [ids["stripe:a"], ids["stripe:c"]]
    (found,) = store.exceptions(FOREVER)
    assert (found.exception_id, found.kind, found.reason) == (
        ids["stripe:b"],
        "undelivered",
        "erp_period_closed",
    )
    assert (found.detail, found.amount_minor, found.currency) == (words, 1000, "USD")
    assert (found.entity, found.period) == ("MAIN", "2026-01")


def test_a_refused_posting_goes_out_after_it_was_mended(store: LedgerStore) -> None:
    ids = booked(store, *"ab")
    erp = ExampleErp()
    erp.refusals[ids["stripe:a"]] = Refused(Reason.ERP_REFUSED, "no")
    drainer(store, erp).drain()
    assert drainer(store, erp).drain().batches == 0, "a refusal is final until someone mends it"
    erp.refusals.clear()
    assert store.delivery_desk.retry_refused([ids["stripe:b"]]) == 0
    assert store.delivery_desk.retry_refused([ids["stripe:a"]]) == 1
    assert list(store.exceptions(FOREVER)) == []
    assert drainer(store, erp).drain().accepted == 1
    assert store.delivery_desk.counts().accepted == 2


def test_a_retryable_refusal_comes_again_until_patience_ends(store: LedgerStore) -> None:
    ids = booked(store, "a")
    erp = ExampleErp()
    erp.refusals[ids["stripe:a"]] = Refused(Reason.ERP_REFUSED, "locked", retryable=True)
    for _ in range(PATIENCE.refusals - 1):
        assert drainer(store, erp).drain().held == 1
    assert drainer(store, erp).drain().refused == 1
    assert len(erp.received) == PATIENCE.refusals


def corrected(store: LedgerStore) -> dict[str, str]:
    """Entry a, then b; then a is reversed and booked anew with another amount."""
    first = [entry("a"), entry("b")]
    store.commit([folded([message("evt_1")], first)])
    again = [entry("a", 700, by="evt_2"), entry("b")]
    outcomes = {"stripe:evt_1": Outcome.POSTED, "stripe:evt_2": Outcome.POSTED}
    seen = {"stripe:cus_1": 1}
    store.commit([folded([message("evt_2")], again, seen=seen, outcomes=outcomes)])
    return {f"{p.kind} {p.revision} {p.entry.entry_key}": p.posting_id for p in store.postings()}


def test_a_reversal_follows_its_entry_in_a_later_batch(store: LedgerStore) -> None:
    ids = corrected(store)
    erp = ExampleErp()
    assert drainer(store, erp).drain().accepted == 4
    assert erp.order().index(ids["entry 1 stripe:a"]) < erp.order().index(
        ids["reversal 1 stripe:a"]
    )
    both = {ids["entry 1 stripe:a"], ids["reversal 1 stripe:a"]}
    assert not any(both <= set(batch) for batch in erp.received), "refused together they could part"


def test_a_reversal_never_overtakes_an_entry_that_is_refused(store: LedgerStore) -> None:
    ids = corrected(store)
    erp = ExampleErp()
    erp.refusals[ids["entry 1 stripe:a"]] = Refused(Reason.ERP_REFUSED, "no")
    drainer(store, erp).drain()
    assert ids["reversal 1 stripe:a"] not in erp.booked
    assert ids["entry 2 stripe:a"] in erp.booked
    erp.refusals.clear()
    store.delivery_desk.retry_refused()
    drainer(store, erp).drain()
    assert erp.order()[-2:] == [ids["entry 1 stripe:a"], ids["reversal 1 stripe:a"]]


def test_a_lost_answer_doubles_nothing(store: LedgerStore) -> None:
    ids = booked(store, *"abc")
    erp, time = ExampleErp(), Time()
    erp.lose_answers = 1
    done = drainer(store, erp, time=time, batch_size=2).drain()
    assert (done.accepted, done.away) == (3, None)
    assert erp.order() == [ids[f"stripe:{key}"] for key in "abc"]
    assert erp.received[0] == erp.received[1], "the same batch comes again"
    assert time.slept == [0.5], "half of the first wait: full jitter"


def test_a_batch_begun_by_a_deliverer_that_died_comes_first_and_unchanged(
    store: LedgerStore,
) -> None:
    booked(store, *"ab")
    erp = ExampleErp()
    erp.lose_answers = 10
    assert drainer(store, erp).drain().away == "the answer was lost"
    later = [entry("x", by="evt_9"), entry("y", by="evt_9")]
    store.commit([folded([message("evt_9", "stripe:cus_9")], later)])
    erp.lose_answers = 0
    drainer(store, erp).drain()
    assert len(set(erp.received[:3])) == 1, "three attempts at the same batch"
    assert erp.received[3] == erp.received[0]
    assert len(erp.booked) == 4


def test_an_erp_that_is_away_is_waited_for_and_then_left_alone(store: LedgerStore) -> None:
    ids = booked(store, *"ab")
    erp, time = ExampleErp(), Time()
    erp.away = True
    breaker = CircuitBreaker(PATIENCE, lambda: time.seconds)
    done = drainer(store, erp, time=time, breaker=breaker).drain()
    assert done.away == "nobody answers"
    assert time.slept == [0.5, 1.0], "three attempts, two waits that double"
    assert statuses(store) == {ids["stripe:a"]: "pending", ids["stripe:b"]: "pending"}
    a, _ = store.deliveries()
    assert (a.reason, a.attempts) == ("erp_away", 3)
    assert list(store.exceptions(FOREVER)) == [], "an ERP that is away is nobody's exception"
    erp.away = False
    assert drainer(store, erp, time=time, breaker=breaker).drain().away is not None, "cooling down"
    time.sleep(breaker.seconds_left())
    assert drainer(store, erp, time=time, breaker=breaker).drain().accepted == 2


def test_a_breaker_that_finds_the_erp_down_again_waits_longer(store: LedgerStore) -> None:
    booked(store, "a")
    erp, time = ExampleErp(), Time()
    erp.away = True
    breaker = CircuitBreaker(PATIENCE, lambda: time.seconds)
    cool_downs = []
    for _ in range(7):
        attempts = store.deliveries()[0].attempts
        drainer(store, erp, time=time, breaker=breaker).drain()
        tried = store.deliveries()[0].attempts - attempts
        assert tried == (3 if not cool_downs else 1), "one attempt decides once it is open"
        cool_downs.append(breaker.seconds_left())
        time.sleep(cool_downs[-1])
    assert cool_downs == [30, 60, 120, 240, 480, 600, 600]


def test_an_unmapped_posting_waits_and_is_released_by_the_mapping(store: LedgerStore) -> None:
    ids = booked(store, *"ab")
    erp = ExampleErp()
    without = mapping_of("accounts_receivable")
    for _ in range(2):
        done = drainer(store, erp, mapping=without).drain()
        assert (done.held, done.accepted) == (2, 0)
    found = list(store.exceptions(FOREVER))
    assert [row.exception_id for row in found] == [ids["stripe:a"], ids["stripe:b"]]
    assert {row.reason for row in found} == {"unmapped_account"}
    assert "revenue" in found[0].detail
    assert erp.received == []
    assert drainer(store, erp).drain().accepted == 2
    assert list(store.exceptions(FOREVER)) == []


def test_parcels_carry_accounts_and_the_day_they_are_booked_on(store: LedgerStore) -> None:
    booked(store, "a")
    erp = ExampleErp()
    drainer(store, erp).drain()
    ((shipment),) = erp.booked.values()
    (parcel,) = shipment.parcels
    assert parcel.booked_on == "2026-01-15"
    assert [line.gl_account for line in parcel.posting.lines] == [
        "gl_accounts_receivable",
        "gl_revenue",
    ]
    assert parcel.posting.schema_version == "payments.payment_succeeded@1"
    assert parcel.posting.batch_id == shipment.batch_id


def test_what_came_after_the_close_is_booked_on_the_first_day_of_its_period(
    store: LedgerStore,
) -> None:
    store.set_period("acme", "MAIN", "2026-01", PeriodState.CLOSED)
    booked(store, "a")
    erp = ExampleErp()
    drainer(store, erp).drain()
    ((shipment),) = erp.booked.values()
    assert shipment.parcels[0].booked_on == "2026-02-01"
    assert shipment.parcels[0].posting.original_period == "2026-01"


def test_two_deliverers_never_work_at_once(store: LedgerStore) -> None:
    booked(store, "a")
    with store.delivery_desk.only_deliverer() as assert_alone:
        assert_alone()
        with pytest.raises(DelivererBusy):
            drainer(store, ExampleErp()).drain()
    assert drainer(store, ExampleErp()).drain().accepted == 1


@pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
def test_a_deliverer_that_loses_its_lock_sends_nothing_more(
    store: LedgerStore, store_url: str
) -> None:
    booked(store, "a")
    others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
    engine = backend_of(store_url).engine(store_url)
    with store.delivery_desk.only_deliverer() as assert_alone, engine.connect() as connection:
        assert_alone()
        connection.execute(text(f"{others} AND datname = current_database()"))
        with pytest.raises(DelivererBusy, match="lost"):
            assert_alone()
    engine.dispose()


def test_a_deliverer_that_is_asked_to_stop_ends_with_its_batch(store: LedgerStore) -> None:
    booked(store, *"abcd")
    erp = ExampleErp()
    done = drainer(store, erp, batch_size=2, stopping=lambda: True).drain()
    assert (done.accepted, done.batches) == (2, 1)
    assert store.delivery_desk.counts().pending == 2
    assert len(store.deliveries(DeliveryStatus.ACCEPTED)) == 2
