"""The unbounded job on a test stream: early, on time, late, very late, twice, out of order."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.testing.test_stream import TestStream
from apache_beam.utils.timestamp import Timestamp

from connectors.event_files import DecodeSettings, EventDecoder
from connectors.store import Conservation, open_store
from ledger.messages import Message, Payload
from pipelines.books import prepare_books
from pipelines.options import check_options
from pipelines.order_to_cash_live import order_to_cash_live
from pipelines.report import RunReport
from pipelines.settings import settings_of
from tests.pipelines.runs import AS_OF, Run, dump_of, net_of, standing_of

DAY_SECONDS = 86_400


def happened_at(line: bytes, decode: EventDecoder) -> int:
    """Seconds since the epoch, as the product reads them; 0 for what cannot be read."""
    (decoded,) = decode(line, "-")
    return decoded.occurred_at_micros // 1_000_000 if isinstance(decoded, Message) else 0


def as_stream(lines: list[bytes]) -> TestStream:
    """Deliver every event once more or less as it happens, then disturb: each tenth very late,
    each seventh before its time, each fifth twice; the rest in step with the watermark."""
    stream = TestStream()
    decode = EventDecoder(DecodeSettings(tenant="default"))
    payloads = [
        (happened_at(line, decode), Payload(line, f"stream@{n}")) for n, line in enumerate(lines)
    ]
    early = [p for n, p in enumerate(payloads) if n % 7 == 3]
    very_late = [p for n, p in enumerate(payloads) if n % 10 == 0 and n % 7 != 3]
    on_time = [p for n, p in enumerate(payloads) if n % 10 != 0 and n % 7 != 3]
    stream.add_elements([payload for _, payload in reversed(early)])
    by_time = sorted(on_time, key=lambda pair: pair[0])
    watermark = 0
    for start in range(0, len(by_time), 60):
        batch = by_time[start : start + 60]
        watermark = max(batch[-1][0] - 2 * DAY_SECONDS, watermark + 1)
        stream.advance_watermark_to(Timestamp(seconds=watermark))
        stream.add_elements([payload for _, payload in reversed(batch)])
        stream.add_elements([payload for n, (_, payload) in enumerate(batch) if n % 5 == 0])
    end = int(datetime(2030, 1, 1, tzinfo=UTC).timestamp())
    stream.advance_watermark_to(Timestamp(seconds=end))
    stream.add_elements([payload for _, payload in very_late])
    return stream.advance_watermark_to_infinity()


def run_live(company: Path, lines: list[bytes], store: Path) -> None:
    """Run the live job over the stream on DirectRunner in streaming mode.

    Its counters are not asked: in this mode DirectRunner keeps those of the first bundle only.
    """
    options = check_options(
        input=("-",),
        store=f"sqlite:///{store}",
        books=company / "company.yaml",
        rates=company / "rates.csv",
        as_of=AS_OF,
    )
    settings = settings_of(options)
    prepare_books(settings)
    pipeline = beam.Pipeline("DirectRunner", PipelineOptions(["--streaming"]))
    payloads = pipeline | as_stream(lines)
    order_to_cash_live(payloads, settings, window_seconds=DAY_SECONDS, early_seconds=None)
    pipeline.run().wait_until_finish()


def kept_in(store: Path) -> Conservation:
    """Where every distinct event of the store ended."""
    with open_store(f"sqlite:///{store}", create=False) as books:
        return books.conservation(int(AS_OF.timestamp()) * 1_000_000)


def test_the_live_job_gives_the_same_books_as_the_bounded_one(
    company: Path, lines: list[bytes], undisturbed: tuple[Path, RunReport], tmp_path: Path
) -> None:
    run_live(company, lines, tmp_path / "live.db")
    assert kept_in(tmp_path / "live.db") == kept_in(undisturbed[0])
    assert net_of(tmp_path / "live.db") == net_of(undisturbed[0])
    assert standing_of(tmp_path / "live.db") == standing_of(undisturbed[0])


def test_replaying_files_over_the_live_books_posts_nothing(
    company: Path, lines: list[bytes], run_job: Run, tmp_path: Path
) -> None:
    run_live(company, lines, tmp_path / "live.db")
    before = dump_of(tmp_path / "live.db")
    report = run_job(tmp_path / "live.db")
    assert (report.new_entries, report.reversals) == (0, 0)
    assert dump_of(tmp_path / "live.db") == before
