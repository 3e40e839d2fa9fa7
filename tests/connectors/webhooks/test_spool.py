"""What was acknowledged is on disk, once, on a line of its own, whatever happened."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from connectors.webhooks.deliveries import Delivery, delivery_of
from connectors.webhooks.keeping import NotDurable
from connectors.webhooks.seen import Verdict
from connectors.webhooks.spool_log import SpoolInUse, SpoolLog


class Clock:
    """Seconds since the epoch, as the test says."""

    def __init__(self) -> None:
        self.now = 1_767_225_600.0

    def __call__(self) -> float:
        return self.now


def stripe(event_id: str, content: str = "", waiting: int = 1) -> Delivery:
    """A pretty-printed event, as Stripe sends them."""
    body = f'{{\n  "id": "{event_id}",\n  "x": "{content}",\n  "pending_webhooks": {waiting}\n}}'
    return delivery_of("stripe", "stripe", body.encode())


def opened(directory: Path, clock: Clock | None = None, **settings: int) -> SpoolLog:
    """A spool of two sources."""
    sources = {"stripe": "stripe", "own": "standard"}
    return SpoolLog(directory, sources, clock or Clock(), **settings)  # type: ignore[arg-type]


def lines(directory: Path) -> list[bytes]:
    """All lines that a run would read."""
    return [
        line
        for path in sorted(directory.glob("*.jsonl"))
        for line in path.read_bytes().split(b"\n")
    ]


def test_an_event_is_one_line_and_means_the_same(tmp_path: Path) -> None:
    log = opened(tmp_path)
    assert log.keep([stripe("evt_1")]) == [Verdict.NEW]
    log.close()
    assert lines(tmp_path) == [b'{   "id": "evt_1",   "x": "",   "pending_webhooks": 1 }', b""]


def test_repeats_are_not_kept_again_even_in_one_batch(tmp_path: Path) -> None:
    log = opened(tmp_path)
    first, again = stripe("evt_1"), stripe("evt_1", waiting=0)
    assert log.keep([first, again]) == [Verdict.NEW, Verdict.DUPLICATE]
    assert log.keep([again, stripe("evt_2")]) == [Verdict.DUPLICATE, Verdict.NEW]
    log.close()
    assert len(lines(tmp_path)) == 3


def test_the_same_id_with_another_body_is_kept_and_named(tmp_path: Path) -> None:
    log = opened(tmp_path)
    told = [stripe("evt_1"), stripe("evt_1", "other"), stripe("evt_1", "other", waiting=3)]
    assert log.keep(told) == [Verdict.NEW, Verdict.CONFLICT, Verdict.DUPLICATE]
    assert log.keep([stripe("evt_1", "third")]) == [Verdict.CONFLICT]
    log.close()
    assert len(lines(tmp_path)) == 4


def test_sources_do_not_mix(tmp_path: Path) -> None:
    log = opened(tmp_path)
    own = delivery_of("own", "standard", b'{"id":"evt_1"}', "msg_1")
    assert log.keep([stripe("evt_1"), own]) == [Verdict.NEW, Verdict.NEW]
    log.close()
    assert [path.name.split("-")[0] for path in sorted(tmp_path.glob("*.jsonl"))] == [
        "own",
        "stripe",
    ]


def test_a_segment_is_readable_when_it_is_old_or_large_enough(tmp_path: Path) -> None:
    clock = Clock()
    log = opened(tmp_path, clock)
    log.keep([stripe("evt_1")])
    log.tick()
    assert lines(tmp_path) == []
    clock.now += 60
    log.tick()
    assert len(lines(tmp_path)) == 2
    log.keep([stripe("evt_2")])
    log.close()
    assert len(list(tmp_path.glob("*.jsonl"))) == 2


@pytest.mark.parametrize("index_survives", [True, False])
def test_after_a_crash_what_was_kept_is_known(tmp_path: Path, index_survives: bool) -> None:
    """The process is gone between write and index; a torn line was never acknowledged."""
    log = opened(tmp_path)
    log.keep([stripe("evt_1"), stripe("evt_2")])
    (segment,) = tmp_path.glob("*.open")
    with segment.open("ab") as file:
        file.write(b'{"id": "evt_3"}\n{"id": "evt_4", "x": "to')
    log._lock.close()  # what the kernel does with a dead process
    if not index_survives:
        for path in tmp_path.glob("seen.db*"):
            path.unlink()

    again = opened(tmp_path)
    told = [stripe("evt_1"), delivery_of("stripe", "stripe", b'{"id": "evt_3"}'), stripe("evt_4")]
    assert again.keep(told) == [Verdict.DUPLICATE, Verdict.DUPLICATE, Verdict.NEW]
    again.close()
    assert [line.count(b"id") for line in lines(tmp_path) if line] == [1, 1, 1, 1]


def test_two_processes_cannot_write_one_spool(tmp_path: Path) -> None:
    log = opened(tmp_path)
    with pytest.raises(SpoolInUse):
        opened(tmp_path)
    log.close()
    opened(tmp_path).close()


def test_when_the_disk_refuses_nothing_counts_as_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = opened(tmp_path)
    log.keep([stripe("evt_1")])

    def full(file: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(os, "fsync", full)
        with pytest.raises(NotDurable, match="No space left"):
            log.keep([stripe("evt_2")])
    assert log.keep([stripe("evt_2")]) == [Verdict.NEW]
    log.close()
    assert len([line for line in lines(tmp_path) if line]) == 2


def test_only_the_newest_are_remembered(tmp_path: Path) -> None:
    log = opened(tmp_path, remembered=10)
    for number in range(30):
        log.keep([stripe(f"evt_{number}")])
    log.tick()
    assert log.keep([stripe("evt_29"), stripe("evt_0")]) == [Verdict.DUPLICATE, Verdict.NEW]
    log.close()


def test_what_is_no_json_is_kept_for_the_pipeline_to_judge(tmp_path: Path) -> None:
    log = opened(tmp_path)
    bodies = [b"", b"[1]", b"\xff\xfe", b"null", b'{"id": 7}']
    told = [delivery_of("own", "standard", body) for body in bodies]
    assert log.keep(told) == [Verdict.NEW] * 5
    log.close()
    assert lines(tmp_path) == [*bodies, b""]
