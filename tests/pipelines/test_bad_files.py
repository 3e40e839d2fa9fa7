"""Files that are damaged, odd or far too large, through the real job: what can be read is taken."""

from __future__ import annotations

import gzip
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from connectors.files.listing import InputNotFound, InputUnreadable
from connectors.store import open_store
from schemas.avro_containers import write_container
from schemas.registry import load_registry
from schemas.single_objects import MARKER, encode_single_object
from tests.pipelines.bad_input_events import as_line, canonical_invoice, epoch
from tests.pipelines.bad_input_runs import HEALTHY, Ran, counts, run, run_healthy, write

REGISTRY = load_registry()
PAYOUT = REGISTRY.latest("payments.payout_paid")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """The healthy customer alone."""
    return run_healthy(tmp_path_factory.mktemp("undisturbed"))


def reasons(ran: Ran) -> list[tuple[str, str]]:
    """(position, reason) of the dead letters."""
    return sorted((letter.position, letter.reason) for letter in ran.letters)


# --- gzip ----------------------------------------------------------------------------------


def compressed(*, and_then: int) -> bytes:
    """The healthy lines and one of so many random characters, which do not compress away."""
    noise = random.Random(1).randbytes(and_then // 2).hex().encode()
    text = b"".join(line + b"\n" for line in [*HEALTHY, b'{"noise": "' + noise + b'"}'])
    return gzip.compress(text, mtime=0)


@pytest.mark.parametrize("cut", ["early", "in the checksum"])
def test_whole_lines_before_the_break_of_a_gzip_file_are_taken(
    undisturbed: Ran, tmp_path: Path, cut: str
) -> None:
    whole = compressed(and_then=40_000)
    path = tmp_path / "events.jsonl.gz"
    path.write_bytes(whole[: len(whole) // 2] if cut == "early" else whole[:-6])
    ran = run(tmp_path, path)
    begun = sum(len(line) + 1 for line in HEALTHY)
    if cut == "early":
        assert counts(ran.report) == (4, 2, 1, 0, 1, 0)
        assert reasons(ran) == [(f"events.jsonl.gz@{begun}", "truncated_gzip")]
        assert ran.letters[0].body.startswith(b'{"noise": "')
    else:
        assert counts(ran.report) == (5, 2, 1, 0, 2, 0)
        assert sorted(x.reason for x in ran.letters) == ["truncated_gzip", "unknown_format"]
    assert ran.journal == undisturbed.journal


def test_flipped_bits_in_a_gzip_file_are_noticed(undisturbed: Ran, tmp_path: Path) -> None:
    whole = bytearray(compressed(and_then=40_000))
    whole[-1000] ^= 0xFF
    (tmp_path / "flipped.jsonl.gz").write_bytes(whole)
    ran = run(tmp_path, write(tmp_path / "healthy.jsonl", HEALTHY), tmp_path / "flipped.jsonl.gz")
    assert "truncated_gzip" in {letter.reason for letter in ran.letters}
    assert ran.report.duplicates == 3
    assert ran.journal == undisturbed.journal


def test_reading_the_whole_file_later_adds_only_the_rest(undisturbed: Ran, tmp_path: Path) -> None:
    whole = gzip.compress(b"".join(line + b"\n" for line in HEALTHY), mtime=0)
    (tmp_path / "events.jsonl.gz").write_bytes(whole[: len(whole) - 60])
    broken = run(tmp_path, tmp_path / "events.jsonl.gz")
    assert broken.report.dead_lettered == 1 and broken.report.messages_read < 4
    (tmp_path / "events.jsonl.gz").write_bytes(whole)
    mended = run(tmp_path, tmp_path / "events.jsonl.gz")
    assert mended.report.messages_read == 3
    assert mended.report.duplicates == broken.report.messages_read - 1
    assert mended.journal == undisturbed.journal


# --- Avro ----------------------------------------------------------------------------------


def payout(number: int) -> dict[str, Any]:
    """A payout as a canonical record."""
    return PAYOUT.decode_json(
        {
            "event_id": f"bank:{number}",
            "source_event_id": f"bank:{number}",
            "source": "bank",
            "tenant": "default",
            "occurred_at_micros": epoch("2026-02-01") * 1_000_000,
            "payout_id": f"bank:po_{number}",
            "currency": "USD",
            "amount_minor": 100 + number,
        }
    )


def test_records_around_a_damaged_avro_block_are_taken(undisturbed: Ran, tmp_path: Path) -> None:
    whole = write_container(PAYOUT, [payout(n) for n in range(3)], records_per_block=1)
    sync = whole[-16:]
    starts = [i + 16 for i in range(len(whole)) if whole.startswith(sync, i)]
    damaged = bytearray(whole)
    middle = (starts[1] + starts[2]) // 2
    damaged[middle] ^= 0xFF
    damaged[middle + 1] ^= 0xFF
    (tmp_path / "payouts.avro").write_bytes(damaged)
    ran = run(tmp_path, write(tmp_path / "healthy.jsonl", HEALTHY), tmp_path / "payouts.avro")
    assert counts(ran.report) == (6, 4, 1, 0, 1, 0)
    assert reasons(ran) == [("payouts.avro:block 2", "avro_damaged")]
    assert ran.journal == undisturbed.journal


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("cut in a block", write_container(PAYOUT, [payout(1)])[:-20]),
        ("a header and nothing sensible", b"Obj\x01" + bytes(range(200))),
        ("only a magic number", b"Obj\x01"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_avro_file_that_breaks_off_is_one_dead_letter(
    undisturbed: Ran, tmp_path: Path, name: str, content: bytes
) -> None:
    (tmp_path / "payouts.avro").write_bytes(content)
    ran = run(tmp_path, write(tmp_path / "healthy.jsonl", HEALTHY), tmp_path / "payouts.avro")
    assert counts(ran.report) == (4, 2, 1, 0, 1, 0)
    assert [letter.reason for letter in ran.letters] == ["avro_damaged"]
    assert ran.letters[0].position.startswith("payouts.avro:")
    assert ran.journal == undisturbed.journal


def test_single_objects_are_refused_for_their_own_reasons(undisturbed: Ran, tmp_path: Path) -> None:
    good = encode_single_object(PAYOUT, payout(7))
    assert b"\n" not in good
    lines = [MARKER + b"\x01" * 8 + b"abc", good + b"x", good[:-3], MARKER, good]
    ran = run(tmp_path, write(tmp_path / "events.jsonl", [*lines, *HEALTHY]))
    assert counts(ran.report) == (8, 3, 1, 0, 4, 0)
    found = {letter.body: letter.reason for letter in ran.letters}
    assert [found[line] for line in lines[:4]] == [
        "unknown_fingerprint",
        "trailing_bytes",
        "avro_damaged",
        "avro_damaged",
    ]
    assert ran.journal == undisturbed.journal


# --- text files ----------------------------------------------------------------------------


def test_blank_lines_line_ends_marks_and_empty_files_are_no_events(
    undisturbed: Ran, tmp_path: Path
) -> None:
    (tmp_path / "empty.jsonl").write_bytes(b"")
    (tmp_path / "empty.jsonl.gz").write_bytes(gzip.compress(b""))
    (tmp_path / "blank.jsonl").write_bytes(b"\n\r\n   \n\t\n\n")
    text = b"\xef\xbb\xbf" + HEALTHY[0] + b"\r\n\r\n" + HEALTHY[1] + b"\r\n\n  \n" + HEALTHY[2]
    (tmp_path / "windows.jsonl").write_bytes(text)
    ran = run(tmp_path, tmp_path / "*.jsonl*")
    assert counts(ran.report) == (3, 2, 1, 0, 0, 0)
    assert ran.letters == []
    assert ran.journal == undisturbed.journal


def test_only_empty_files_make_an_empty_run(tmp_path: Path) -> None:
    ran = run(tmp_path, write(tmp_path / "empty.jsonl", []))
    assert counts(ran.report) == (0, 0, 0, 0, 0, 0)
    assert ran.journal == []


@pytest.mark.parametrize("missing", ["nothing.jsonl", "nothing-*.jsonl", "nowhere/at/all.jsonl"])
def test_a_file_that_is_not_there_stops_the_run_before_it_begins(
    tmp_path: Path, missing: str
) -> None:
    healthy = write(tmp_path / "healthy.jsonl", HEALTHY)
    with pytest.raises(InputNotFound, match=missing.replace("*", r"\*")):
        run(tmp_path, healthy, tmp_path / missing)
    assert not (tmp_path / "books.db").exists()


def test_a_format_that_nobody_reads_stops_the_run_before_it_begins(tmp_path: Path) -> None:
    (tmp_path / "events.zip").write_bytes(b"PK\x03\x04" + b"\0" * 50)
    with pytest.raises(InputUnreadable, match=r"events\.zip is a zip archive"):
        run(tmp_path, tmp_path / "events.zip")
    assert not (tmp_path / "books.db").exists()


# --- size ----------------------------------------------------------------------------------


def test_long_lines_that_begin_alike_are_two_dead_letters(undisturbed: Ran, tmp_path: Path) -> None:
    begin = b'{"object": "event", "x": "' + b"x" * 1_000_000
    lines = [begin + b'1"}', HEALTHY[0], begin + b'2"}', *HEALTHY[1:], begin + b'1"}']
    ran = run(tmp_path, write(tmp_path / "long.jsonl", lines))
    assert counts(ran.report) == (6, 2, 1, 0, 2, 1)
    assert [letter.reason for letter in ran.letters] == ["too_large", "too_large"]
    assert ran.journal == undisturbed.journal


LONG_BYTES = 50_000_000
MEMORY_LIMIT_KB = 24_000
"""What a run with such lines may need more than one without: a few blocks, not a line."""

_MEASURE = """
import resource, sys
from pathlib import Path
from tests.pipelines.bad_input_runs import run
folder = Path(sys.argv[1])
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
(folder / "warm").mkdir()
(folder / "long").mkdir()
run(folder / "warm", folder / "healthy.jsonl", folder / "padded.jsonl")
before = peak()
run(folder / "long", folder / "healthy.jsonl", folder / "long.jsonl*")
print(peak() - before)
"""


def test_a_line_of_50_mb_is_refused_in_bounded_memory(undisturbed: Ran, tmp_path: Path) -> None:
    long = b'{"id": "evt_long", "object": "event", "x": "' + b"x" * LONG_BYTES + b'"}'
    write(tmp_path / "healthy.jsonl", HEALTHY[:1])
    padding = [as_line(canonical_invoice(number="x" * 500_000)) for _ in range(20)]
    write(tmp_path / "padded.jsonl", padding)
    write(tmp_path / "long.jsonl", [HEALTHY[1], long, HEALTHY[2]])
    with gzip.open(tmp_path / "long.jsonl.gz", "wb", compresslevel=1) as file:
        file.write(b"\n" + long[:-10])
    ended = subprocess.run(
        [sys.executable, "-c", _MEASURE, str(tmp_path)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert int(ended.stdout) < MEMORY_LIMIT_KB
    with open_store(f"sqlite:///{tmp_path / 'long' / 'books.db'}", create=False) as books:
        letters = list(books.open_dead_letters())
        journal = [(posted.posting_id, posted.entry.lines) for posted in books.postings()]
    assert sorted((x.position, x.reason) for x in letters) == [
        ("long.jsonl.gz@1", "too_large"),
        (f"long.jsonl@{len(HEALTHY[1]) + 1}", "too_large"),
    ]
    assert {letter.body for letter in letters} == {long[:1024]}
    assert journal == undisturbed.journal
