"""An ERP in memory that can be away, refuse, and forget to answer; and books to deliver to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from connectors.deliveries import Accepted, ErpAway, Refused, Shipment, Verdict
from connectors.deliveries.draining import Drainer
from connectors.deliveries.parcels import Parcels
from connectors.deliveries.patience import CircuitBreaker, Patience
from connectors.deliveries.trying import Surroundings
from connectors.store import LedgerStore
from ledger.accounts import AccountRole
from ledger.gl_mapping import GlMapping, GlRow, MappedAccount
from tests.connectors.store.store_builders import TENANT

PATIENCE = Patience(attempts=3, first_wait_seconds=1, cool_down_seconds=30, refusals=3)


def mapping_of(*roles: str) -> GlMapping:
    """A mapping of these roles, or all, to accounts named like them."""
    named = [AccountRole(role) for role in roles] or list(AccountRole)
    rows = [GlRow(number=0, role=role, target=MappedAccount(f"gl_{role}")) for role in named]
    return GlMapping("test", 1, rows)


class ExampleErp:
    """Keeps what it accepts by posting id; refuses what it is told to."""

    name = "example:erp"

    def __init__(self) -> None:
        self.booked: dict[str, Shipment] = {}
        self.received: list[tuple[str, ...]] = []
        """Posting ids of every shipment that arrived."""
        self.refusals: dict[str, Refused] = {}
        self.away = False
        self.lose_answers = 0
        """How many shipments are booked without an answer."""

    def deliver(self, shipment: Shipment) -> Mapping[str, Verdict]:
        """Book what is not booked yet."""
        if self.away:
            raise ErpAway("nobody answers")
        self.received.append(tuple(parcel.posting_id for parcel in shipment.parcels))
        verdicts: dict[str, Verdict] = {}
        for parcel in shipment.parcels:
            refusal = self.refusals.get(parcel.posting_id)
            if refusal is not None and parcel.posting_id not in self.booked:
                verdicts[parcel.posting_id] = refusal
                continue
            self.booked.setdefault(parcel.posting_id, shipment)
            verdicts[parcel.posting_id] = Accepted(f"no {len(self.booked)}")
        if self.lose_answers:
            self.lose_answers -= 1
            raise ErpAway("the answer was lost")
        return verdicts

    def order(self) -> list[str]:
        """Posting ids in the order in which they were booked."""
        return list(self.booked)


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        """Move the clock."""
        self.slept.append(seconds)
        self.seconds += seconds


def drainer(
    store: LedgerStore,
    erp: ExampleErp,
    *,
    mapping: GlMapping | None = None,
    time: Time | None = None,
    batch_size: int = 10,
    breaker: CircuitBreaker | None = None,
    stopping: Callable[[], bool] = lambda: False,
) -> Drainer:
    """A drainer of the test tenant's outbox."""
    time = time or Time()
    return Drainer(
        store.delivery_desk,
        erp,
        Parcels(mapping or mapping_of(), store.calendar),
        tenant=TENANT,
        batch_size=batch_size,
        patience=PATIENCE,
        breaker=breaker or CircuitBreaker(PATIENCE, lambda: time.seconds),
        surroundings=Surroundings(
            now_micros=lambda: int(time.seconds * 1_000_000),
            sleep=time.sleep,
            chance=lambda: 0.5,
            stopping=stopping,
        ),
    )
