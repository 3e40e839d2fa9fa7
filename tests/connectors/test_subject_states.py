"""Labels say who wrote, and a subject that has ended takes nothing that happened after."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from connectors.canonical import decode_canonical_json, decode_container, decode_single_object
from connectors.decoding import DecodeContext
from ledger.messages import DeadLetter, Message
from schemas.avro_containers import write_container
from schemas.registry import PACKAGE_ROOT, RegistryError, load_registry
from schemas.single_objects import encode_single_object
from tests.schemas.registry_copies import PAID, VOIDED, copy_registry, set_about

PAYOUT = {
    "subject": PAID, "event_id": "bank:1", "payout_id": "po_1", "currency": "EUR",
    "amount_minor": 5,
}  # fmt: skip


def line(at: str, **more: Any) -> bytes:
    return json.dumps({**PAYOUT, "occurred_at_micros": at, **more}).encode()


@pytest.mark.parametrize("state", ["deprecated", "retired"])
def test_what_happened_by_the_sunset_is_read_for_ever_and_nothing_after(
    tmp_path: Path, state: str
) -> None:
    copy_registry(tmp_path, PAID)
    set_about(tmp_path, PAID, state=state, sunset='"2026-06-30"')
    context = DecodeContext(tenant="acme", registry=load_registry(tmp_path))
    by_then = decode_canonical_json(line("2026-06-30T23:59:59.999999Z"), "f:1", context)
    assert isinstance(by_then, Message)
    after = decode_canonical_json(line("2026-07-01T00:00:00Z"), "f:2", context)
    assert isinstance(after, DeadLetter)
    assert (after.reason, after.amount_minor, after.currency) == ("subject_ended", 5, "EUR")
    version = context.registry.latest(PAID)
    late = context.registry.latest(PAID).decode_json(json.dumps({
        **{k: v for k, v in PAYOUT.items() if k != "subject"}, "tenant": "acme", "source": "x",
        "source_event_id": "bank:1", "occurred_at_micros": "2026-07-01T00:00:00Z",
    }).encode())  # fmt: skip
    single = decode_single_object(encode_single_object(version, late), "t:1", context)
    (contained,) = decode_container(write_container(version, [late]), "f", context)
    assert isinstance(single, DeadLetter) and single.reason == "subject_ended"
    assert isinstance(contained, DeadLetter) and contained.reason == "subject_ended"


@pytest.mark.parametrize("sunset", ["2026-02-30", "30.06.2026", "soon"])
def test_a_sunset_is_a_day(tmp_path: Path, sunset: str) -> None:
    copy_registry(tmp_path, PAID)
    set_about(tmp_path, PAID, state="deprecated", sunset=f'"{sunset}"')
    with pytest.raises(RegistryError, match="sunset must be a day"):
        load_registry(tmp_path)


def test_an_end_names_its_day(tmp_path: Path) -> None:
    copy_registry(tmp_path, PAID)
    set_about(tmp_path, PAID, state="retired")
    with pytest.raises(RegistryError, match="a retired subject names its sunset date"):
        load_registry(tmp_path)


def test_a_message_is_labelled_with_the_version_that_wrote_it(tmp_path: Path) -> None:
    """v1 did not know legal entities; v2 is what the ledger knows."""
    copy_registry(tmp_path, PAID)
    folder = tmp_path / "subjects" / VOIDED
    shutil.copytree(PACKAGE_ROOT / "subjects" / VOIDED, folder)
    schema = json.loads((folder / "v1.avsc").read_text())
    (folder / "v2.avsc").write_text(json.dumps(schema))
    schema["fields"] = [f for f in schema["fields"] if f["name"] != "entity"]
    (folder / "v1.avsc").write_text(json.dumps(schema))
    context = DecodeContext(tenant="acme", registry=load_registry(tmp_path))
    sent = {
        "subject": VOIDED, "event_id": "shop:e1", "customer_id": "c-17", "invoice_id": "I-5",
        "occurred_at_micros": "2026-01-15T10:00:00Z",
    }  # fmt: skip
    for number in (1, 2):
        body = json.dumps({**sent, "version": number}).encode()
        found = decode_canonical_json(body, "f:1", context)
        assert isinstance(found, Message) and found.schema_version == f"{VOIDED}@{number}"
        (event,) = found.events
        version = context.registry.version(VOIDED, number)
        single = decode_single_object(encode_single_object(version, event), "t:1", context)
        (contained,) = decode_container(write_container(version, [event]), "f", context)
        for other in (single, contained):
            assert isinstance(other, Message) and other.schema_version == version.label
