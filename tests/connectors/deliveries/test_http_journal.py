"""Delivery over HTTP to a real server that fails in every way a server fails."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.deliveries import Accepted, ErpAway, ErpUnusable, Parcel, Refused, Shipment
from connectors.deliveries.draining import batch_id_of
from connectors.deliveries.http_journal import HttpJournal
from connectors.deliveries.parcels import Parcels
from connectors.deliveries.settings import HttpSettings
from connectors.store import LedgerStore
from ledger.reasons import Reason
from tests.connectors.deliveries.example_erp import mapping_of
from tests.connectors.deliveries.services import JournalService, journal_service
from tests.connectors.store.store_builders import TENANT, entry, folded, message


@pytest.fixture
def service(tmp_path: Path) -> Iterator[JournalService]:
    with journal_service(tmp_path) as running:
        yield running


@pytest.fixture
def shipment(tmp_path: Path) -> Shipment:
    """Six parcels out of a real outbox; the last in another currency than its books."""
    foreign = entry("f", currency="JPY")
    with_books = [entry(key) for key in "abcde"] + [foreign]
    with LedgerStore(f"sqlite:///{tmp_path}/books.db") as store:
        store.migrate()
        store.commit([folded([message("evt_1")], with_books)])
        rows = store.delivery_desk.next_postings(TENANT, 0, 100)
        packing = Parcels(mapping_of(), store.calendar)
        parcels = [packing.pack(row, batch_id_of(rows), 5) for row in rows]
    assert all(isinstance(parcel, Parcel) for parcel in parcels)
    return Shipment(batch_id=batch_id_of(rows), first_position=1, parcels=tuple(parcels))


def journal(service: JournalService, *, seconds: int = 10) -> HttpJournal:
    return HttpJournal(HttpSettings(url=service.url, timeout_seconds=seconds), "Bearer secret")


def ids_of(shipment: Shipment) -> list[str]:
    return [parcel.posting_id for parcel in shipment.parcels]


def test_a_batch_follows_the_description_and_is_booked(
    service: JournalService, shipment: Shipment
) -> None:
    verdicts = journal(service).deliver(shipment)
    told = service.told()
    assert told["complaints"] == []
    assert list(told["booked"]) == ids_of(shipment)
    assert verdicts[ids_of(shipment)[0]] == Accepted("JE-1")
    (request,) = told["requests"]
    assert request["authorization"] == "Bearer secret"
    assert request["key"].startswith('"') and request["key"].endswith('"')


def test_the_same_batch_has_the_same_key_and_another_batch_another(
    service: JournalService, shipment: Shipment
) -> None:
    for _ in range(2):
        journal(service).deliver(shipment)
    smaller = Shipment(batch_id=shipment.batch_id, first_position=1, parcels=shipment.parcels[:2])
    journal(service).deliver(smaller)
    keys = [request["key"] for request in service.told()["requests"]]
    assert keys[0] == keys[1] != keys[2]
    assert set(service.told()["times_booked"].values()) == {1}


@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503, 504])
def test_an_answer_that_tells_nothing_means_away(
    service: JournalService, shipment: Shipment, status: int
) -> None:
    service.behave(status=status, retry_after=7)
    with pytest.raises(ErpAway) as away:
        journal(service).deliver(shipment)
    assert away.value.retry_after_seconds == 7
    service.behave(status=None)
    assert len(journal(service).deliver(shipment)) == 6


@pytest.mark.parametrize("status", [401, 403, 404, 302])
def test_a_service_that_will_not_work_with_us_is_unusable(
    service: JournalService, shipment: Shipment, status: int
) -> None:
    service.behave(status=status)
    with pytest.raises(ErpUnusable):
        journal(service).deliver(shipment)


def test_a_connection_cut_after_the_commit_doubles_nothing(
    service: JournalService, shipment: Shipment
) -> None:
    service.behave(drop_after_commit=1)
    with pytest.raises(ErpAway):
        journal(service).deliver(shipment)
    assert len(service.told()["booked"]) == 6, "it was booked, and nobody knows"
    verdicts = journal(service).deliver(shipment)
    assert all(isinstance(verdict, Accepted) for verdict in verdicts.values())
    assert set(service.told()["times_booked"].values()) == {1}


def test_a_slow_service_is_away(service: JournalService, shipment: Shipment) -> None:
    service.behave(slow=3.0)
    with pytest.raises(ErpAway, match="ReadTimeout"):
        journal(service, seconds=1).deliver(shipment)


def test_a_service_that_is_down_is_away(tmp_path: Path, shipment: Shipment) -> None:
    with journal_service(tmp_path) as service:
        gone = journal(service)
    with pytest.raises(ErpAway, match="ConnectError"):
        gone.deliver(shipment)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("period_closed", Reason.ERP_PERIOD_CLOSED),
        ("unknown_account", Reason.ERP_UNKNOWN_ACCOUNT),
        ("missing_party", Reason.ERP_MISSING_PARTY),
        ("other", Reason.ERP_REFUSED),
    ],
)
def test_refusals_are_told_posting_by_posting(
    service: JournalService, shipment: Shipment, code: str, reason: Reason
) -> None:
    wanted = ids_of(shipment)[2]
    service.behave(refuse={wanted: code})
    verdicts = journal(service).deliver(shipment)
    assert verdicts[wanted] == Refused(reason, f"refused: {code}")
    assert sum(isinstance(verdict, Accepted) for verdict in verdicts.values()) == 5


def test_a_batch_that_is_refused_whole_is_halved_until_the_odd_ones_stand_alone(
    service: JournalService, shipment: Shipment
) -> None:
    odd = [ids_of(shipment)[1], ids_of(shipment)[4]]
    service.behave(unprocessable=odd)
    verdicts = journal(service).deliver(shipment)
    for posting_id in odd:
        assert verdicts[posting_id] == Refused(
            Reason.ERP_REFUSED, f"cannot be booked. {posting_id} is odd"
        )
    assert list(service.told()["booked"]) == [i for i in ids_of(shipment) if i not in odd]


def test_a_batch_that_is_too_large_arrives_in_parts(
    service: JournalService, shipment: Shipment
) -> None:
    service.behave(most_postings=2)
    assert all(isinstance(v, Accepted) for v in journal(service).deliver(shipment).values())
    assert list(service.told()["booked"]) == ids_of(shipment)


def test_an_answer_that_is_not_as_described_is_no_answer(
    service: JournalService, shipment: Shipment
) -> None:
    service.behave(silent_about=[ids_of(shipment)[3]])
    with pytest.raises(ErpAway, match="says nothing about 1 posting"):
        journal(service).deliver(shipment)
    service.behave(silent_about=[], garbage=True)
    with pytest.raises(ErpAway, match="does not follow"):
        journal(service).deliver(shipment)


def test_the_name_of_a_service_holds_no_credentials() -> None:
    settings = HttpSettings(url="https://user:pw@erp.example:8443/journal-batches?key=secret")
    assert HttpJournal(settings, None).name == "http:erp.example:8443/journal-batches"
