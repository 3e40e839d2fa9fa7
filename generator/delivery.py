"""From events to files: who delivers what when, again, late, or out of order.

An event is delivered when it happens unless a fault delays it; files are named after the month
of delivery and hold their lines in order of delivery. Lines wait in a spool directory, so memory
holds one month at a time.
"""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator
from pathlib import Path
from random import Random
from types import TracebackType
from typing import BinaryIO

import msgspec

from generator.life import Told
from generator.months import DAY, add_months, month_of
from generator.plan import FaultMix

DAY_MICROS = DAY * 1_000_000
_KEY_DIGITS = 17
_ENCODER = msgspec.json.Encoder(decimal_format="number")


class GeneratedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file as delivered."""

    name: str
    content: bytes
    lines: int


class Spool:
    """Keeps lines per file until all are known, then gives each file sorted."""

    def __init__(self, directory: Path, start: int, months: int) -> None:
        self._directory = directory
        self._months = [month_of(add_months(start, number)) for number in range(months)]
        self._open: dict[str, BinaryIO] = {}
        self._names: dict[tuple[str, str], str] = {}

    def __enter__(self) -> Spool:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for handle in self._open.values():
            handle.close()

    def put(self, source: str, at_micros: int, line: bytes) -> str:
        """Spool a line for the time of its delivery; returns the name of its file in waiting."""
        key = source, month_of(at_micros // 1_000_000)
        name = self._names.get(key)
        if name is None:
            month = min(max(key[1], self._months[0]), self._months[-1])
            name = self._names[key] = f"{source}-{month}.jsonl"
        handle = self._open.get(name)
        if handle is None:
            handle = self._open[name] = (self._directory / name).open("wb")
        handle.write(b"%0*d" % (_KEY_DIGITS, at_micros) + line + b"\n")
        return name

    def delivered_name(self, name: str) -> str:
        """The name of the file as delivered: every third month of billing is compressed."""
        compressed = name.startswith("stripe-") and self._months.index(name[7:14]) % 3 == 2
        return f"{name}.gz" if compressed else name

    def files(self) -> Iterator[GeneratedFile]:
        """Every file with its lines in order of delivery (ties: by content)."""
        for handle in self._open.values():
            handle.close()
        for name in sorted(self._open):
            lines = (self._directory / name).read_bytes().splitlines(keepends=True)
            lines.sort()
            content = b"".join([line[_KEY_DIGITS:] for line in lines])
            (self._directory / name).unlink()
            delivered = self.delivered_name(name)
            if delivered.endswith(".gz"):
                content = _compressed(content)
            yield GeneratedFile(name=delivered, content=content, lines=len(lines))


class Courier:
    """Delivers the events of one contract, with the faults of single deliveries."""

    def __init__(self, spool: Spool, mix: FaultMix, rng: Random | None) -> None:
        self._spool = spool
        self._mix = mix
        self._rng = rng
        self.repeated: list[str] = []
        self.late: list[str] = []

    def deliver(self, told: Told) -> None:
        """Encode and spool; without a random source nothing goes wrong."""
        rng, at = self._rng, told.at_micros
        if rng is None:
            self._spool.put(told.source, at, _ENCODER.encode(told.body))
            return
        if rng.random() < self._mix.disorder:
            at += rng.randrange(self._mix.disorder_days * DAY_MICROS)
        if rng.random() < self._mix.late:
            at = told.at_micros + rng.randrange(DAY_MICROS, 3 * DAY_MICROS)
            self.late.append(told.message_id)
        self._spool.put(told.source, at, _ENCODER.encode(told.body))
        if rng.random() < self._mix.duplicates:
            self._again(told, at + rng.randrange(60 * 1_000_000, 2 * DAY_MICROS))

    def _again(self, told: Told, at: int) -> None:
        """Deliver once more; Stripe counts down `pending_webhooks`, so the bytes differ."""
        again = {"pending_webhooks": 0} if told.source == "stripe" else {}
        self._spool.put(told.source, at, _ENCODER.encode(told.body | again))
        self.repeated.append(told.message_id)


def _compressed(content: bytes) -> bytes:
    """Gzip without name and time, so that equal content gives equal bytes."""
    buffer = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", compresslevel=3, fileobj=buffer, mtime=0) as packed:
        packed.write(content)
    return buffer.getvalue()
