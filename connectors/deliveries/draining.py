"""Empties the outbox into an ERP: batches in order, verdicts kept, nothing sent twice.

    next postings -> pack -> hand over (written down) -> deliver -> record

A batch that was handed over and never recorded is delivered first, as the very same batch. A
refused posting holds back its own reversal and nothing else. When the ERP is away the drain ends,
and what is left waits for the next one. Clock, sleep and chance are handed in.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec
import structlog

from connectors.deliveries.delivery import (
    Accepted,
    Delivery,
    Parcel,
    Shipment,
    Verdict,
)
from connectors.deliveries.parcels import HeldBack, Parcels
from connectors.deliveries.patience import CircuitBreaker, Patience
from connectors.deliveries.trying import Away, Surroundings, Trying
from connectors.store import DeliveryResult, DeliveryStatus, Waiting
from connectors.store.delivery_desk import DeliveryDesk
from ledger.reasons import Reason
from ledger.trace_context import NoSpans, Spans

_log = structlog.get_logger("crossfoot.deliveries")


class Drained(msgspec.Struct, frozen=True, kw_only=True):
    """What one drain did; units: postings, batches."""

    accepted: int = 0
    refused: int = 0
    held: int = 0
    """Could not be sent as they are, or were refused for the time being."""
    batches: int = 0
    away: str | None = None
    """Why the ERP could not be reached; None when everything that could be sent was sent."""


class _Batch(NamedTuple):
    """A shipment with the outbox rows its parcels come from."""

    shipment: Shipment
    rows: Mapping[str, Waiting]
    """By posting id."""


class Drainer:
    """Delivers what is in one tenant's outbox through one delivery."""

    def __init__(
        self,
        desk: DeliveryDesk,
        delivery: Delivery,
        parcels: Parcels,
        *,
        tenant: str,
        batch_size: int,
        patience: Patience,
        breaker: CircuitBreaker,
        surroundings: Surroundings,
        spans: Spans | None = None,
    ) -> None:
        self._desk = desk
        self._delivery = delivery
        self._parcels = parcels
        self._tenant = tenant
        self._batch_size = batch_size
        self._patience = patience
        self._breaker = breaker
        self._around = surroundings
        self._trying = Trying(patience, breaker, surroundings)
        self._spans = spans or NoSpans()

    def drain(self) -> Drained:
        """Deliver everything that can be; return what came of it.

        Raises DelivererBusy when another process delivers, ErpUnusable when nothing can be
        delivered as things are configured.
        """
        done = Drained()
        with self._desk.only_deliverer() as assert_alone:
            for batch in self._batches():
                if isinstance(batch, int):
                    done = _add(done, held=batch)
                    continue
                assert_alone()
                results = self._deliver_traced(batch)
                if isinstance(results, str):
                    return _add(done, away=results)
                done = _counted(done, results)
                if self._around.stopping():
                    break
        return done

    def seconds_until_probe(self) -> float:
        """Return how long an ERP that was away is left alone."""
        return self._breaker.seconds_left()

    # --- which batches there are ---------------------------------------------------------

    def _batches(self) -> Iterator[_Batch | int]:
        """Yield batches as they become deliverable, and how many postings were held back.

        Each posting comes once. The outbox is gone through again while reversals may have become
        free because their entry was accepted.
        """
        seen: set[int] = set()
        while (unfinished := self._desk.unfinished_batch(self._tenant)) is not None:
            seen |= {row.position for row in unfinished.postings}
            batch_id, at_micros = unfinished.batch_id, unfinished.at_micros
            yield from self._packed(unfinished.postings, batch_id, at_micros)
        found = True
        while found:
            found = False
            for rows in self._fresh(seen):
                found = True
                at_micros = self._around.now_micros()
                for packed in self._packed(rows, batch_id_of(rows), at_micros):
                    if isinstance(packed, _Batch):
                        positions = [row.position for row in packed.rows.values()]
                        batch_id = packed.shipment.batch_id
                        self._desk.hand_over(batch_id, positions, at_micros)
                    yield packed

    def _fresh(self, seen: set[int]) -> Iterator[list[Waiting]]:
        """Pending postings not seen yet, from the first to the last, a batch at a time."""
        after = 0
        while rows := self._desk.next_postings(self._tenant, after, self._batch_size):
            after = rows[-1].position
            fresh = [row for row in rows if row.position not in seen]
            seen |= {row.position for row in fresh}
            if fresh:
                yield fresh

    def _packed(
        self, rows: Sequence[Waiting], batch_id: str, at_micros: int
    ) -> Iterator[_Batch | int]:
        """The batch of the postings that can be sent; how many cannot, which is written down."""
        parcels: list[Parcel] = []
        kept: dict[str, Waiting] = {}
        held: list[tuple[Waiting, HeldBack]] = []
        accounts = self._desk.accounts_of(self._parcels.mapping, [row.posting for row in rows])
        for row in rows:
            given = accounts[row.posting.posting_id]
            packed = self._parcels.pack(row, batch_id, at_micros, given)
            if isinstance(packed, HeldBack):
                held.append((row, packed))
            else:
                parcels.append(packed)
                kept[packed.posting_id] = row
        if held:
            self._desk.record(list(_news(held)), self._delivery.name, finished=True)
            yield len(held)
        if parcels:
            first = min(row.position for row in kept.values())
            traces = {name: row.trace for name, row in kept.items() if row.trace is not None}
            shipment = Shipment(
                batch_id=batch_id, first_position=first, parcels=tuple(parcels), traces=traces
            )
            yield _Batch(shipment, kept)

    # --- delivering one ------------------------------------------------------------------

    def _deliver_traced(self, batch: _Batch) -> list[DeliveryResult] | str:
        """Deliver, as a span that is linked to the requests which caused the postings."""
        links = [row.trace for row in batch.rows.values() if row.trace is not None]
        with self._spans.span("deliver.batch", "client", links=links) as note:
            note("crossfoot.postings", len(batch.rows))
            results = self._deliver(batch)
            if isinstance(results, str):
                note("crossfoot.outcome", "erp_away")
            else:
                for status in DeliveryStatus:
                    number = sum(result.status == status for result in results)
                    note(f"crossfoot.{status.value}", number)
        return results

    def _deliver(self, batch: _Batch) -> list[DeliveryResult] | str:
        """Deliver and record; return the results, or why the ERP is away."""
        attempts = 0

        def attempt() -> Mapping[str, Verdict]:
            nonlocal attempts
            attempts += 1
            return self._delivery.deliver(batch.shipment)

        try:
            verdicts = self._trying(attempt, self._delivery.name)
        except Away as away:
            if attempts:
                self._record_away(batch, away, attempts)
            return away.words
        results = [
            self._result(batch.rows[parcel.posting_id], verdicts[parcel.posting_id])
            for parcel in batch.shipment.parcels
        ]
        self._desk.record(results, self._delivery.name, finished=True)
        _log.info(
            "delivered",
            to=self._delivery.name,
            batch_id=batch.shipment.batch_id,
            postings=len(results),
            accepted=sum(r.status == DeliveryStatus.ACCEPTED for r in results),
            reasons=sorted({r.reason for r in results if r.reason is not None}),
        )
        return results

    def _record_away(self, batch: _Batch, away: Away, attempts: int) -> None:
        """The batch stays handed over: it is not known what the ERP has of it."""
        pending, reason = DeliveryStatus.PENDING.value, Reason.ERP_AWAY.value
        results = [
            DeliveryResult(row.position, pending, reason, away.words, None, attempts)
            for row in batch.rows.values()
        ]
        self._desk.record(results, self._delivery.name, finished=False)

    def _result(self, row: Waiting, verdict: Verdict) -> DeliveryResult:
        if isinstance(verdict, Accepted):
            accepted = DeliveryStatus.ACCEPTED.value
            return DeliveryResult(row.position, accepted, external_id=verdict.external_id)
        tired = row.posting.delivery_attempts + 1 >= self._patience.refusals
        again = verdict.retryable and not tired
        status = DeliveryStatus.PENDING if again else DeliveryStatus.REFUSED
        return DeliveryResult(row.position, status.value, verdict.reason.value, verdict.words)


def batch_id_of(rows: Sequence[Waiting]) -> str:
    """Return the id of a batch, by the postings in it."""
    ids = "\n".join(row.posting.posting_id for row in rows)
    return f"bat_{hashlib.sha256(ids.encode()).hexdigest()[:32]}"


def _news(held: Sequence[tuple[Waiting, HeldBack]]) -> Iterator[DeliveryResult]:
    """What is not written down yet about postings that cannot be sent."""
    pending = DeliveryStatus.PENDING.value
    for row, (reason, words) in held:
        if row.in_batch or (row.posting.delivery_reason, row.posting.erp_words) != (reason, words):
            yield DeliveryResult(row.position, pending, reason.value, words, None, 0)


def _counted(done: Drained, results: Sequence[DeliveryResult]) -> Drained:
    statuses = [result.status for result in results]
    return _add(
        done,
        accepted=statuses.count(DeliveryStatus.ACCEPTED),
        refused=statuses.count(DeliveryStatus.REFUSED),
        held=statuses.count(DeliveryStatus.PENDING),
        batches=1,
    )


def _add(
    done: Drained,
    *,
    accepted: int = 0,
    refused: int = 0,
    held: int = 0,
    batches: int = 0,
    away: str | None = None,
) -> Drained:
    return Drained(
        accepted=done.accepted + accepted,
        refused=done.refused + refused,
        held=done.held + held,
        batches=done.batches + batches,
        away=away,
    )
