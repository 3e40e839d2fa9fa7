"""Avro container files: every record or a named damage, in bounded memory."""

from __future__ import annotations

import bz2
import io
import json
import lzma
import random
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fastavro
import pytest
import zstandard

from schemas.avro_codecs import BlockDamaged, ExpandsTooMuch, decompress_block
from schemas.avro_containers import (
    ContainerDamage,
    ContainerRecord,
    read_container,
    write_container,
)
from schemas.registry import PACKAGE_ROOT, Registry, load_registry
from schemas.snappy import NotSnappy, decompress_snappy

REGISTRY = load_registry()
PAYOUT = REGISTRY.latest("payments.payout_paid")


def payout(number: int) -> dict[str, Any]:
    folder = PACKAGE_ROOT / "subjects" / "payments.payout_paid" / "examples" / "v1" / "ok"
    record = PAYOUT.decode_json((folder / "full.json").read_bytes())
    return {**record, "event_id": f"e{number}", "amount_minor": number}


RECORDS = [payout(number) for number in range(25)]


def read(source: bytes | Path, **more: Any) -> tuple[list[dict[str, Any]], list[ContainerDamage]]:
    """(records, damages) of a container."""
    items = list(read_container(source, REGISTRY, **more))
    records = [i.version.avro.load(i.raw) for i in items if isinstance(i, ContainerRecord)]
    return records, [item for item in items if isinstance(item, ContainerDamage)]


def by_fastavro(records: list[dict[str, Any]], codec: str = "null", **more: Any) -> bytes:
    """What another writer makes of the same records, with the schema as it is published."""
    out = io.BytesIO()
    fastavro.writer(out, fastavro.parse_schema(PAYOUT.schema), records, codec, **more)
    return out.getvalue()


def test_what_is_written_is_read(tmp_path: Path) -> None:
    body = write_container(PAYOUT, RECORDS, records_per_block=10)
    path = tmp_path / "payouts.avro"
    path.write_bytes(body)
    assert read(body) == read(path) == (RECORDS, [])
    positions = [item.position for item in read_container(body, REGISTRY)]
    assert positions[0] == "block 1 record 1" and positions[-1] == "block 3 record 5"


def test_the_same_records_give_the_same_bytes() -> None:
    assert write_container(PAYOUT, RECORDS) == write_container(PAYOUT, RECORDS)


def test_a_stock_reader_reads_what_we_write() -> None:
    found = list(fastavro.reader(io.BytesIO(write_container(PAYOUT, RECORDS))))
    assert [record["amount_minor"] for record in found] == list(range(25))


@pytest.mark.parametrize("codec", ["null", "deflate", "bzip2", "xz"])
def test_what_a_stock_writer_writes_is_read(codec: str) -> None:
    assert read(by_fastavro(RECORDS, codec, sync_interval=500)) == (RECORDS, [])


def test_the_datum_is_the_record_s_own_bytes() -> None:
    for item in read_container(write_container(PAYOUT, RECORDS), REGISTRY):
        assert isinstance(item, ContainerRecord)
        assert item.datum == PAYOUT.encode(PAYOUT.decode(item.datum))


# --- the writer's schema -------------------------------------------------------------------


def with_schema(change: Callable[[Any], object]) -> bytes:
    """A container without records whose header names a changed schema."""
    schema = json.loads(json.dumps(PAYOUT.schema))
    change(schema)
    out = io.BytesIO()
    fastavro.writer(out, fastavro.parse_schema(schema), [])
    return out.getvalue()


def test_docs_and_foreign_properties_do_not_matter() -> None:
    body = with_schema(lambda s: s.update(doc="theirs", connect={"version": 3}))
    assert read(body) == ([], [])


@pytest.mark.parametrize(
    "change",
    [
        lambda s: s["fields"].pop(),
        lambda s: s.update(name="crossfoot.payments.Payout"),
        lambda s: s["fields"][4].update(type="long"),
        lambda s: s["fields"][4]["type"].update(logicalType="timestamp-millis"),
    ],
    ids=["field", "name", "without logical type", "another unit of time"],
)
def test_a_schema_that_means_other_bytes_is_unknown(change: Any) -> None:
    records, (damage,) = read(with_schema(change))
    assert (records, damage.reason) == ([], "unknown_fingerprint")


def test_another_scale_has_the_same_fingerprint_and_is_unknown_all_the_same() -> None:
    version = REGISTRY.latest("payments.refund_issued")
    text = json.dumps(version.schema).replace('"scale": 12', '"scale": 4')
    out = io.BytesIO()
    fastavro.writer(out, fastavro.parse_schema(json.loads(text)), [])
    _, (damage,) = read(out.getvalue())
    assert damage.reason == "unknown_fingerprint"


# --- damage --------------------------------------------------------------------------------


def blocks_of(body: bytes) -> tuple[bytes, list[bytes], bytes]:
    """(header, blocks without their sync marker, sync marker) of a container."""
    header_end = body.index(SYNC) + 16
    blocks = body[header_end:].split(SYNC)
    assert blocks[-1] == b""
    return body[:header_end], blocks[:-1], SYNC


SYNC = bytes(range(16))
THREE_BLOCKS = by_fastavro(RECORDS[:3], sync_interval=1, sync_marker=SYNC)


def test_a_damaged_block_loses_itself_only() -> None:
    header, (first, second, third), sync = blocks_of(THREE_BLOCKS)
    damaged = bytes([second[0], second[1] ^ 0x02]) + second[2:]
    records, (damage,) = read(header + first + sync + damaged + sync + third + sync)
    assert records == [RECORDS[0], RECORDS[2]]
    assert (damage.position, damage.reason) == ("block 2", "avro_damaged")
    assert damage.body == damaged + sync


def test_a_truncated_file_gives_its_whole_blocks() -> None:
    header, (first, second, _), sync = blocks_of(THREE_BLOCKS)
    for cut in (1, 10, len(second) - 1):
        records, (damage,) = read(header + first + sync + second[:cut])
        assert (records, damage.reason) == ([RECORDS[0]], "avro_damaged")
        assert damage.body == second[:cut]


def test_every_truncation_of_the_header_is_damage() -> None:
    header, _, _ = blocks_of(THREE_BLOCKS)
    for length in range(len(header)):
        records, (damage,) = read(header[:length])
        assert (records, damage.reason) == ([], "avro_damaged"), length


def test_a_damaged_record_ends_its_block_and_says_how_many_are_lost() -> None:
    body = by_fastavro(RECORDS[:3], sync_marker=SYNC)
    at = body.index(b"\x04e1") + 1
    records, (damage,) = read(body[:at] + b"\xff" + body[at + 1 :])
    assert records == [RECORDS[0]]
    assert (damage.position, damage.reason) == ("block 1 record 2", "avro_damaged")
    assert "1 records after it are lost" in damage.detail


def block(count: int, stored: bytes) -> bytes:
    return plain_varint(count * 2) + plain_varint(len(stored) * 2) + stored + SYNC


def header_with(codec: str) -> bytes:
    body = by_fastavro([], "null", sync_marker=SYNC)
    if codec == "null":
        return body
    return body.replace(b"\x08null", bytes([len(codec) * 2]) + codec.encode())


def test_bytes_left_over_in_a_block_have_their_reason() -> None:
    datum = PAYOUT.encode(RECORDS[0])
    records, (damage,) = read(header_with("null") + block(1, datum + b"\x00"))
    assert (records, damage.reason, damage.body) == ([RECORDS[0]], "trailing_bytes", b"\x00")


def test_more_records_than_bytes_are_refused_at_once() -> None:
    body = header_with("null") + block(20_000_000, PAYOUT.encode(RECORDS[0]))
    records, (damage,) = read(body + block(1, PAYOUT.encode(RECORDS[1])))
    assert (records, damage.reason) == ([RECORDS[1]], "expands_too_much")


def test_negative_sizes_are_damage() -> None:
    good = block(1, PAYOUT.encode(RECORDS[1]))
    for bad in (b"\x01\x02", b"\x02\x01"):
        records, (damage,) = read(header_with("null") + bad + SYNC + good)
        assert (records, damage.reason) == ([RECORDS[1]], "avro_damaged")


def test_a_codec_that_is_not_known_is_damage() -> None:
    _, (damage,) = read(header_with("lzo"))
    assert damage.reason == "avro_damaged" and "lzo" not in damage.detail


BOMB = bytes(50_000_000)


def deflated(data: bytes) -> bytes:
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
    return deflater.compress(data) + deflater.flush()


COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "deflate": deflated,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstandard": zstandard.compress,
}


@pytest.mark.parametrize("codec", COMPRESS)
def test_a_bomb_is_refused_in_little_memory(codec: str) -> None:
    body = header_with(codec) + block(1, COMPRESS[codec](BOMB))
    good = block(1, COMPRESS[codec](PAYOUT.encode(RECORDS[1])))
    tracemalloc.start()
    try:
        records, (damage,) = read(body + good, max_block_bytes=1_000_000)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (records, damage.reason) == ([RECORDS[1]], "expands_too_much")
    assert peak_bytes < 20_000_000  # xz alone looks back over 8 MB


def test_a_block_that_is_stored_too_large_is_not_read() -> None:
    body = header_with("null") + block(1, bytes(2_000_000)) + block(1, PAYOUT.encode(RECORDS[1]))
    records, (damage,) = read(body, max_block_bytes=1_000_000)
    assert (records, damage.reason) == ([RECORDS[1]], "expands_too_much")


@pytest.mark.parametrize("codec", COMPRESS)
def test_damaged_compression_is_damage(codec: str) -> None:
    good = COMPRESS[codec](b"some bytes that are compressed" * 20)
    assert decompress_block(codec, good, 1000) == b"some bytes that are compressed" * 20
    for bad in (b"", good[:-5], good[:5] + b"\xff\xff" + good[7:]):
        with pytest.raises((BlockDamaged, ExpandsTooMuch)):
            decompress_block(codec, bad, 1000)


def test_mutated_containers_never_crash_and_never_invent() -> None:
    """2,000 mutations: whatever comes out as a record is one that could be written."""
    chance = random.Random(7)
    bodies = [by_fastavro(RECORDS[:5], codec, sync_interval=300) for codec in ("null", "deflate")]
    for number in range(2000):
        data = bytearray(bodies[number % 2])
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(data))
            if chance.random() < 0.7:
                data[at] = chance.randrange(256)
            else:
                del data[at : at + chance.randint(1, 40)]
        for item in read_container(bytes(data), REGISTRY, max_block_bytes=1_000_000):
            if isinstance(item, ContainerRecord):
                assert item.version.decode(item.datum) == item.version.avro.load(item.raw)
            else:
                assert item.reason and item.position


def test_opening_a_file_that_is_not_there_is_the_caller_s_error(
    tmp_path: Path, registry: Registry
) -> None:
    with pytest.raises(FileNotFoundError):
        list(read_container(tmp_path / "missing.avro", registry))


# --- snappy --------------------------------------------------------------------------------


def snappy(*elements: bytes, length: int) -> bytes:
    return bytes([length]) + b"".join(elements)


def test_snappy_literals_and_copies_are_followed() -> None:
    # google/snappy, format_description.txt: a literal "ab", then copies with offsets of 1 to 4
    # bytes; a copy that is longer than its offset repeats what it writes.
    literal = bytes([(2 - 1) << 2]) + b"ab"
    one_byte_offset = bytes([0b000_000_01 | (4 - 4) << 2, 2])
    two_byte_offset = bytes([0b10 | (3 - 1) << 2]) + (2).to_bytes(2, "little")
    four_byte_offset = bytes([0b11 | (2 - 1) << 2]) + (9).to_bytes(4, "little")
    data = snappy(literal, one_byte_offset, two_byte_offset, four_byte_offset, length=11)
    assert decompress_snappy(data, 100) == b"ababab" + b"aba" + b"ab"


def test_snappy_long_literals_are_followed() -> None:
    for size in (61, 300, 70_000):
        extra = 1 if size <= 256 else 2 if size <= 65_536 else 3
        tag = bytes([(59 + extra) << 2]) + (size - 1).to_bytes(extra, "little")
        length = plain_varint(size)
        assert decompress_snappy(length + tag + b"x" * size, 100_000) == b"x" * size


def plain_varint(number: int) -> bytes:
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff" * 6,
        snappy(length=1),
        snappy(b"\x00", length=1),
        snappy(b"\x00a", b"\x01", length=5),
        snappy(b"\x00a", b"\x01\x02", length=5),
        snappy(b"\x00a", b"\x01\x00", length=5),
        snappy(b"\x04ab", length=1),
        snappy(b"\xf0", length=9),
    ],
)
def test_snappy_that_is_damaged_is_refused(data: bytes) -> None:
    with pytest.raises(NotSnappy):
        decompress_snappy(data, 1000)


def test_snappy_blocks_carry_a_checksum_and_a_limit() -> None:
    datum = PAYOUT.encode(RECORDS[0])
    literal = bytes([60 << 2, len(datum) - 1]) + datum
    stored = plain_varint(len(datum)) + literal
    checksum = zlib.crc32(datum).to_bytes(4, "big")
    header = header_with("snappy")
    assert read(header + block(1, stored + checksum)) == ([RECORDS[0]], [])
    _, (damage,) = read(header + block(1, stored + b"\x00" * 4))
    assert damage.reason == "avro_damaged"
    _, (damage,) = read(header + block(1, plain_varint(2**31) + literal + checksum))
    assert damage.reason == "expands_too_much"
