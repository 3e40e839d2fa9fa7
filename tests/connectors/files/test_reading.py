"""Reading files as ranges: the same lines at the same positions however they are cut."""

from __future__ import annotations

import gzip
import os
import tracemalloc
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from connectors.files.reading import (
    FileFormat,
    InputChanged,
    InputNotFound,
    InputUnreadable,
    Line,
    Oversized,
    Read,
    find_files,
    read_lines,
    split_ranges,
)


def _read(*paths: Path, block_bytes: int = 1 << 22, max_line_bytes: int = 1 << 20) -> list[Read]:
    files = find_files([str(path) for path in paths])
    parts = split_ranges(files, block_bytes)
    return [line for part in parts for line in read_lines(part, max_line_bytes)]


def _file(directory: Path, content: bytes, name: str = "events.jsonl") -> Path:
    path = directory / name
    path.write_bytes(content)
    return path


def _expected(content: bytes, limit: int) -> list[Read]:
    """Say line by line, in the plainest way, what reading `content` must give."""
    found: list[Read] = []
    offset = 0
    for raw in content.split(b"\n"):
        body = raw[3:] if offset == 0 and raw.startswith(b"\xef\xbb\xbf") else raw
        body = body[:-1] if body.endswith(b"\r") else body
        position = f"events.jsonl@{offset}"
        if len(raw) > limit:
            found.append(Oversized(raw[:1024], len(raw), position, sha256(raw).hexdigest()))
        elif body.strip():
            found.append(Line(body, position))
        offset += len(raw) + 1
    return found


_SHORT = b"\n|\r\n|\n\n|\r| |\xef\xbb\xbf|\x0b|\x85|\xe2\x80\xa8|\x00|{}".split(b"|")
_PIECES = st.sampled_from([*_SHORT, b"x" * 30, b"y" * 1500])
_CONTENTS = st.lists(_PIECES, max_size=25).map(b"".join)


@given(content=_CONTENTS, block_bytes=st.integers(1, 4000), limit=st.sampled_from([0, 29, 2000]))
@example(content=b"\xef\xbb\xbfa\nb\r\nc", block_bytes=1, limit=29)
@example(content=b"a\nb\n", block_bytes=2, limit=29)
@example(content=b"y" * 1500 + b"\n" + b"x", block_bytes=100, limit=29)
def test_any_block_size_gives_the_same_lines_and_positions(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, block_bytes: int, limit: int
) -> None:
    path = _file(tmp_path_factory.mktemp("cut"), content)
    cut = _read(path, block_bytes=block_bytes, max_line_bytes=limit)
    assert cut == _expected(content, limit)


@given(content=_CONTENTS)
def test_a_gzip_file_gives_the_lines_of_its_text(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = _file(tmp_path_factory.mktemp("zip"), gzip.compress(content, mtime=0))
    assert _read(path, max_line_bytes=2000) == _expected(content, 2000)


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (b"", []),
        (b"\n \n\r\n\t\n", []),
        (b"a", [Line(b"a", "events.jsonl@0")]),
        (b"a\n\nb", [Line(b"a", "events.jsonl@0"), Line(b"b", "events.jsonl@3")]),
        (b"a\r\nb\r\n", [Line(b"a", "events.jsonl@0"), Line(b"b", "events.jsonl@3")]),
        (b"\xef\xbb\xbfa\n", [Line(b"a", "events.jsonl@0")]),
        (b"\xef\xbb\xbf\n", []),
        (b"a\xe2\x80\xa8\x0b\x85b\n", [Line(b"a\xe2\x80\xa8\x0b\x85b", "events.jsonl@0")]),
        (b" a \n", [Line(b" a ", "events.jsonl@0")]),
    ],
    ids=["empty", "blank", "no end", "gap", "crlf", "bom", "bom only", "other ends", "spaces"],
)
def test_line_endings_marks_and_blanks(tmp_path: Path, content: bytes, lines: list[Read]) -> None:
    assert _read(_file(tmp_path, content)) == lines


def test_the_format_is_found_by_content_and_not_by_name(tmp_path: Path) -> None:
    _file(tmp_path, gzip.compress(b"a\n"), "a.jsonl")
    _file(tmp_path, b"plain\n", "b.gz")
    _file(tmp_path, b"Obj\x01rest", "c.jsonl")
    _file(tmp_path, b"", "d.jsonl")
    formats = [file.format for file in find_files([str(tmp_path / "*")])]
    assert formats == [
        FileFormat.GZIP_LINES,
        FileFormat.LINES,
        FileFormat.AVRO,
        FileFormat.LINES,
    ]


def test_plain_files_are_cut_and_others_stay_whole(tmp_path: Path) -> None:
    _file(tmp_path, gzip.compress(os.urandom(100)), "a.gz")
    _file(tmp_path, b"Obj\x01" + b"x" * 100, "b.avro")
    _file(tmp_path, b"x" * 25, "c.jsonl")
    parts = split_ranges(find_files([str(tmp_path / "*")]), 10)
    cuts = [(part.name, part.start_byte, part.end_byte) for part in parts]
    sizes = {file.name: file.size_bytes for file in find_files([str(tmp_path / "*")])}
    assert cuts == [
        ("a.gz", 0, sizes["a.gz"]),
        ("b.avro", 0, 104),
        ("c.jsonl", 0, 10),
        ("c.jsonl", 10, 20),
        ("c.jsonl", 20, 25),
    ]


def test_an_avro_container_has_no_lines(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"b\.avro is an Avro container"):
        _read(_file(tmp_path, b"Obj\x01", "b.avro"))


def test_names_are_relative_to_the_directory_of_the_pattern(tmp_path: Path) -> None:
    (tmp_path / "2026").mkdir()
    _file(tmp_path / "2026", b"a\n", "jan.jsonl")
    for pattern, name in [
        ("2026/jan.jsonl", "jan.jsonl"),
        ("2026/*.jsonl", "jan.jsonl"),
        ("*/jan.jsonl", "2026/jan.jsonl"),
        ("**/*.jsonl", "2026/jan.jsonl"),
    ]:
        assert [file.name for file in find_files([str(tmp_path / pattern)])] == [name]


def test_equal_names_in_two_directories_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    for folder in ("x/in", "y/in"):
        (tmp_path / folder).mkdir(parents=True)
        _file(tmp_path / folder, b"a\n")
    found = find_files([str(tmp_path / "y/in/*"), str(tmp_path / "x/in/*")])
    assert [file.name for file in found] == ["x/in/events.jsonl", "y/in/events.jsonl"]


def test_a_file_matched_twice_is_read_once(tmp_path: Path) -> None:
    path = _file(tmp_path, b"a\n")
    assert _read(path, tmp_path / "*.jsonl") == [Line(b"a", "events.jsonl@0")]


def test_a_name_with_wildcard_characters_is_taken_as_it_stands(tmp_path: Path) -> None:
    _file(tmp_path, b"a\n", "in[1].jsonl")
    assert _read(tmp_path / "in[1].jsonl") == [Line(b"a", "in[1].jsonl@0")]


def test_relative_patterns_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _file(tmp_path, b"a\n")
    monkeypatch.chdir(tmp_path)
    for pattern in ("*.jsonl", "events.jsonl", "./*.jsonl", "**/*.jsonl"):
        assert [file.name for file in find_files([pattern])] == ["events.jsonl"]


def test_every_pattern_without_a_match_is_named(tmp_path: Path) -> None:
    path = _file(tmp_path, b"a\n")
    patterns = [str(path), str(tmp_path / "b*.jsonl"), str(tmp_path / "none.jsonl")]
    with pytest.raises(InputNotFound, match=r"no file matches .*b\*\.jsonl, .*none\.jsonl$"):
        find_files(patterns)
    with pytest.raises(InputNotFound, match="empty list of patterns"):
        find_files([])


def test_a_directory_is_not_a_file(tmp_path: Path) -> None:
    with pytest.raises(InputNotFound, match=r"is a directory; name its files"):
        find_files([str(tmp_path)])


@pytest.mark.parametrize(
    ("content", "what"),
    [(b"PK\x03\x04zip", "zip"), (b"\x28\xb5\x2f\xfdz", "zstd"), (b"\xff\xfe{\x00", "UTF-16")],
)
def test_a_format_that_cannot_be_read_is_named(tmp_path: Path, content: bytes, what: str) -> None:
    with pytest.raises(InputUnreadable, match=what):
        find_files([str(_file(tmp_path, content))])


@pytest.mark.parametrize("block_bytes", [1 << 22, 4])
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_a_file_that_shrinks_or_vanishes_is_a_named_error(
    tmp_path: Path, block_bytes: int, pack: type[bytes]
) -> None:
    path = _file(tmp_path, pack(b"abc\ndef\nghi\n"))
    parts = split_ranges(find_files([str(path)]), block_bytes)
    path.write_bytes(path.read_bytes()[:5])
    with pytest.raises(InputChanged, match=r"^events\.jsonl shrank to 5 bytes; it had"):
        [line for part in parts for line in read_lines(part)]
    path.unlink()
    with pytest.raises(InputChanged, match=r"^events\.jsonl vanished"):
        list(read_lines(parts[-1]))


def test_a_file_that_grows_is_read_as_it_was_listed(tmp_path: Path) -> None:
    path = _file(tmp_path, b"a\nb\n")
    parts = split_ranges(find_files([str(path)]))
    path.write_bytes(b"a\nb\nc\n")
    assert [line.position for line in read_lines(parts[0])] == ["events.jsonl@0", "events.jsonl@2"]


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_a_50_mb_line_is_reported_without_being_held(tmp_path: Path, pack: type[bytes]) -> None:
    long = 50 * 1000 * 1000
    path = _file(tmp_path, pack(b"first\n" + b"z" * long + b"\nlast\n"))
    tracemalloc.start()
    try:
        found = _read(path, block_bytes=1 << 20, max_line_bytes=1 << 20)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found == [
        Line(b"first", "events.jsonl@0"),
        Oversized(b"z" * 1024, long, "events.jsonl@6", sha256(b"z" * long).hexdigest()),
        Line(b"last", f"events.jsonl@{long + 7}"),
    ]
    assert peak < 8 * 1024 * 1024


def test_a_long_line_does_not_make_later_ranges_read_to_its_end(tmp_path: Path) -> None:
    path = _file(tmp_path, b"z" * 1_000_000 + b"\nlast\n")
    inside = split_ranges(find_files([str(path)]), 1000)[500]
    path.write_bytes(b"z" * inside.end_byte)  # reading past the range would notice this
    assert list(read_lines(inside)) == []
