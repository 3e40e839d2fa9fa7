"""Damaged gzip files: what can be read is read, the damage is told, nothing is silent."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.files.reading import Damaged, Line, Read, find_files, read_lines, split_ranges

_BODIES = [json.dumps({"id": f"evt_{n}", "n": n * n * 7919 % 1000}).encode() for n in range(200)]
_TEXT = b"\n".join(_BODIES) + b"\n"
_PACKED = gzip.compress(_TEXT, mtime=0)


def _read(directory: Path, packed: bytes) -> list[Read]:
    path = directory / "in.gz"
    path.write_bytes(packed)
    parts = split_ranges(find_files([str(path)]))
    return [line for part in parts for line in read_lines(part)]


def _assert_told(found: list[Read]) -> list[bytes]:
    """Check that all but the last are whole lines from the front and the last is the damage."""
    *lines, damage = found
    assert isinstance(damage, Damaged)
    assert damage.reason == "truncated_gzip"
    bodies = [line.body for line in lines if isinstance(line, Line)]
    assert len(bodies) == len(lines)
    read_bytes = sum(len(body) + 1 for body in bodies)
    assert damage.position == f"in.gz@{read_bytes}"
    return bodies


@given(cut=st.integers(2, len(_PACKED) - 1))
def test_a_file_cut_anywhere_gives_its_front_and_says_so(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    found = _read(tmp_path_factory.mktemp("cut"), _PACKED[:cut])
    bodies = _assert_told(found)
    assert bodies == _BODIES[: len(bodies)]
    rest = _TEXT[sum(len(body) + 1 for body in bodies) :]
    damage = found[-1]
    assert isinstance(damage, Damaged)
    assert rest.startswith(damage.body) or damage.body == damage.position.encode()


@given(at=st.integers(12, len(_PACKED) - 1), flip=st.integers(1, 255))
def test_a_changed_byte_never_passes_unnoticed(
    tmp_path_factory: pytest.TempPathFactory, at: int, flip: int
) -> None:
    packed = bytearray(_PACKED)
    packed[at] ^= flip
    assert isinstance(_read(tmp_path_factory.mktemp("flip"), bytes(packed))[-1], Damaged)


def test_a_file_cut_in_its_middle_still_gives_most_of_its_front(tmp_path: Path) -> None:
    bodies = _assert_told(_read(tmp_path, _PACKED[: len(_PACKED) * 3 // 4]))
    assert len(bodies) > 100


def test_a_wrong_checksum_is_told_after_all_lines(tmp_path: Path) -> None:
    packed = _PACKED[:-8] + b"\0\0\0\0" + _PACKED[-4:]
    found = _read(tmp_path, packed)
    assert _assert_told(found) == _BODIES
    assert found[-1] == Damaged(
        "truncated_gzip",
        "the compressed data are damaged (Error -3 while decompressing data: incorrect data check)",
        f"in.gz@{len(_TEXT)}".encode(),
        f"in.gz@{len(_TEXT)}",
    )


def test_the_line_that_breaks_off_is_kept_with_the_damage(tmp_path: Path) -> None:
    packed = gzip.compress(b"a\n", mtime=0) + gzip.compress(b'{"whole": true}', mtime=0)[:-3]
    *lines, damage = _read(tmp_path, packed)
    assert lines == [Line(b"a", "in.gz@0")]
    assert isinstance(damage, Damaged)
    assert damage.body == b'{"whole": true}'


def test_several_members_and_zero_padding_are_one_text(tmp_path: Path) -> None:
    packed = gzip.compress(b"a\nb") + gzip.compress(b"c\n") + b"\0" * 512
    assert _read(tmp_path, packed) == [Line(b"a", "in.gz@0"), Line(b"bc", "in.gz@2")]


def test_bytes_after_the_last_member_are_told(tmp_path: Path) -> None:
    bodies = _assert_told(_read(tmp_path, gzip.compress(b"a\n") + b"tail"))
    assert bodies == [b"a"]


def test_only_a_header_is_told(tmp_path: Path) -> None:
    assert _assert_told(_read(tmp_path, _PACKED[:10])) == []
