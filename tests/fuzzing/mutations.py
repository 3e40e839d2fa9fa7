"""Sound messages in every form, and damage done to them, the same for the same seed."""

from __future__ import annotations

import base64
import dataclasses
import json
import os
import random
from collections.abc import Callable
from typing import Any

from connectors import decoding_any
from connectors.canonical import decode_container
from connectors.decoding import DecodeContext
from connectors.ledger_versions import EVENT_TYPES
from ledger.messages import DeadLetter, Message
from schemas.avro_containers import write_container
from schemas.lock import LockedId
from schemas.registry import PACKAGE_ROOT, load_registry
from schemas.single_objects import as_single_object
from schemas.versions import SubjectVersion
from schemas.wire_format import as_confluent

MESSAGES = int(os.environ.get("CROSSFOOT_FUZZ_MESSAGES", "2000"))
"""Mutated messages per format; `make fuzz` asks for 100 000."""

_PLAIN = load_registry()
SUBJECTS = sorted(EVENT_TYPES)
IDS = {name: number for number, name in enumerate(SUBJECTS, 1)}
REGISTRY = dataclasses.replace(
    _PLAIN,
    outer_ids=tuple(
        LockedId(subject=s, version=1, registry="prod", id=id_)
        for s, n in IDS.items()
        for id_ in (n, f"{s}@{n:08x}")
    ),
    readers={},
    later_versions={},
)
CONTEXT = DecodeContext(tenant="acme", registry=REGISTRY)
Found = list[Message | DeadLetter]
Attributes = tuple[tuple[str, bytes], ...]


@dataclasses.dataclass(frozen=True)
class Sample:
    """A sound event: its version, its example as text, and its datum."""

    version: SubjectVersion
    text: bytes
    datum: bytes

    @property
    def record(self) -> Any:
        """The example as JSON."""
        return json.loads(self.text)


def samples() -> list[Sample]:
    """Every good example of every event's first version."""
    found = []
    for subject in SUBJECTS:
        version = REGISTRY.version(subject, 1)
        folder = PACKAGE_ROOT / "subjects" / subject / "examples" / "v1" / "ok"
        for path in sorted(folder.glob("*.json")):
            text = path.read_bytes()
            found.append(Sample(version, text, version.encode(version.decode_json(text))))
    return found


def _event(body: bytes, attributes: Attributes = ()) -> Found:
    return list(decoding_any.decode_delivery(body, attributes, "fuzz:1", CONTEXT))


def _line(sample: Sample) -> bytes:
    return json.dumps({"subject": sample.version.subject, "version": 1, **sample.record}).encode()


def _envelope(sample: Sample, **data: Any) -> bytes:
    told = {
        "specversion": "1.0", "id": "1", "source": "/fuzz", "type": sample.version.subject,
        "dataschema": f"urn:crossfoot:{sample.version.subject}:1",
    }  # fmt: skip
    return json.dumps({**told, **data}).encode()


def _in_base64(sample: Sample) -> bytes:
    data = base64.b64encode(sample.datum).decode()
    return _envelope(sample, datacontenttype="application/avro", data_base64=data)


def _headers(sample: Sample) -> Attributes:
    return (
        ("ce_specversion", b"1.0"),
        ("ce_id", b"1"),
        ("ce_source", b"/fuzz"),
        ("ce_type", sample.version.subject.encode()),
        ("ce_dataschema", f"urn:crossfoot:{sample.version.subject}:1".encode()),
        ("content-type", b"application/avro"),
    )


def _google(sample: Sample) -> Attributes:
    subject = sample.version.subject
    return (
        ("googclient_schemaname", f"projects/p/schemas/{subject}".encode()),
        ("googclient_schemarevisionid", f"{IDS[subject]:08x}".encode()),
        ("googclient_schemaencoding", b"BINARY"),
    )


Make = Callable[[Sample], bytes]
Decode = Callable[[bytes, Sample], Found]
FORMATS: dict[str, tuple[Make, Decode]] = {
    "json": (_line, lambda body, _: _event(body)),
    "single object": (
        lambda s: as_single_object(s.version, s.datum),
        lambda body, _: _event(body),
    ),
    "confluent": (
        lambda s: as_confluent(IDS[s.version.subject], s.datum),
        lambda body, _: _event(body),
    ),
    "container": (
        lambda s: write_container(s.version, [s.version.decode(s.datum)] * 2),
        lambda body, _: list(decode_container(body, "fuzz.avro", CONTEXT)),
    ),
    "cloud event": (lambda s: _envelope(s, data=s.record), lambda body, _: _event(body)),
    "cloud event, avro": (_in_base64, lambda body, _: _event(body)),
    "cloud event, binary": (lambda s: s.datum, lambda body, s: _event(body, _headers(s))),
    "pub/sub schema": (lambda s: s.datum, lambda body, s: _event(body, _google(s))),
}

_ODD = (b"\x00", b"\xff" * 10, b"\x80" * 10, b"\xfe\xff\xff\xff\x0f", b'"', b"{", b"[" * 200,
        b"1e999", b"9" * 40, b"-0", b"\\u0000", b"null")  # fmt: skip


def mutated(body: bytes, other: bytes, chance: random.Random) -> bytes:
    """The bytes with one to three damages; `other` lends a piece."""
    data = bytearray(body)
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(data)) if data else 0
        match chance.randrange(9):
            case 0 if data:
                data[at] = chance.randrange(256)
            case 1 if data:
                data[at] ^= 1 << chance.randrange(8)
            case 2:
                data[at:at] = chance.randbytes(chance.randint(1, 12))
            case 3:
                del data[at : at + chance.randint(1, 8)]
            case 4:
                data[at:at] = chance.choice(_ODD)
            case 5:
                start = chance.randrange(len(other))
                data[at : at + 8] = other[start : start + chance.randint(1, 40)]
            case 6:
                del data[at:]
            case _:
                digits = [i for i, byte in enumerate(data) if 48 <= byte < 58]
                if digits:
                    data[chance.choice(digits)] = 48 + chance.randrange(10)
    return bytes(data)
