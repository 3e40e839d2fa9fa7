"""Writing blocks: a file is there as a whole or not at all, and again means the same."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from connectors.files.writing import (
    block_name,
    json_lines,
    write_block,
    write_json_lines,
    write_text,
)
from ledger.messages import DeadLetter, dead_letter_id


class _Row(msgspec.Struct, frozen=True):
    z: str
    amount: Decimal
    details: dict[str, str]


def test_a_block_holds_its_lines_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = write_block(str(tmp_path / "new" / "dir"), "a.jsonl", [b"1", b"2"])
    assert Path(path).read_bytes() == b"1\n2\n"
    assert [file.name for file in Path(path).parent.iterdir()] == ["a.jsonl"]


def test_a_retried_block_replaces_itself(tmp_path: Path) -> None:
    for _ in range(2):
        write_block(str(tmp_path), "a.jsonl", [b"same"])
    assert [(f.name, f.read_bytes()) for f in tmp_path.iterdir()] == [("a.jsonl", b"same\n")]


def test_a_block_that_fails_half_way_leaves_the_earlier_one_alone(tmp_path: Path) -> None:
    def breaking() -> Iterator[bytes]:
        yield b"new"
        raise OSError("disk on fire")

    write_block(str(tmp_path), "a.jsonl", [b"old"])
    with pytest.raises(OSError, match="on fire"):
        write_block(str(tmp_path), "a.jsonl", breaking())
    assert [(f.name, f.read_bytes()) for f in tmp_path.iterdir()] == [("a.jsonl", b"old\n")]


def test_the_name_does_not_show_before_the_block_is_whole(tmp_path: Path) -> None:
    seen: list[list[Path]] = []

    def watching() -> Iterator[bytes]:
        yield b"1"
        seen.append(list(tmp_path.glob("*.jsonl")))

    write_block(str(tmp_path), "a.jsonl", watching())
    assert seen == [[]]


def test_an_empty_block_is_an_empty_file(tmp_path: Path) -> None:
    assert Path(write_block(str(tmp_path), "a.jsonl", [])).read_bytes() == b""


@pytest.mark.parametrize("name", ["", ".hidden", "../up.jsonl", "a/b.jsonl"])
def test_only_plain_names_are_taken(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="not a plain file name"):
        write_block(str(tmp_path), name, [])


def test_a_line_with_a_newline_would_be_two_and_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="must not contain a newline"):
        write_block(str(tmp_path), "a.jsonl", [b"1\n2"])
    assert list(tmp_path.iterdir()) == []


def test_text_is_written_as_it_is(tmp_path: Path) -> None:
    path = write_text(str(tmp_path), "a.csv", ["Łódź\r\n", '"two\nlines"', "\r\n"])
    assert Path(path).read_bytes() == 'Łódź\r\n"two\nlines"\r\n'.encode()


def test_shards_have_fixed_names() -> None:
    assert block_name("erp-postings", 3, 16) == "erp-postings-00003-of-00016.jsonl"
    with pytest.raises(ValueError, match="shard 16 is not one of 16"):
        block_name("erp-postings", 16, 16)


def test_structs_become_objects_with_exact_amounts_and_ordered_keys() -> None:
    one = _Row(z="a\nb", amount=Decimal("0.10"), details={"y": "1", "x": "2"})
    assert json_lines([one]) == b'{"amount":"0.10","details":{"x":"2","y":"1"},"z":"a\\nb"}\n'


def test_dead_letters_are_written_by_name_with_their_bytes(tmp_path: Path) -> None:
    body = b'{"broken": \xff'
    letter = DeadLetter(
        dead_letter_id=dead_letter_id("t", "stripe", body),
        tenant="t",
        source="stripe",
        step="DecodeEvents",
        reason="not_json",
        detail="not JSON at byte 11",
        position="a.jsonl@0",
        message_id=None,
        body=body,
    )
    written = json.loads(Path(write_json_lines(str(tmp_path), "d.jsonl", [letter])).read_bytes())
    assert base64.b64decode(written["body"]) == body
    assert written["reason"] == "not_json"
    assert written["message_id"] is None
