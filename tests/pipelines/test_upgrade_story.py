"""The upgrade of a contract, from start to end, through the real job: the books are the same.

v1 producers run; the pipeline is upgraded; v2 producers start; v1 stragglers arrive; archives of
all are replayed. Beside it: the same events, all written with v2, in one run.
"""

from __future__ import annotations

import json
import shutil
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from connectors import event_files
from connectors.decoding import DecodeContext
from connectors.decoding_any import decode_event
from connectors.ledger_versions import EVENT_TYPES
from connectors.store import open_store
from ledger.events import CanonicalEvent, subject_of
from ledger.messages import Message
from schemas.avro_containers import write_container
from schemas.registry import PACKAGE_ROOT, Registry, load_registry
from schemas.single_objects import encode_single_object
from tests.pipelines.runs import Run, net_of

SHIPPED = load_registry()


@pytest.fixture(scope="module")
def events(lines: list[bytes]) -> list[CanonicalEvent]:
    """What the company's systems said, as canonical events that travel by themselves."""
    context = DecodeContext(tenant="default", registry=SHIPPED)
    found: dict[str, CanonicalEvent] = {}
    for line in lines:
        for decoded in decode_event(line, "f:1", context):
            if isinstance(decoded, Message):
                found |= {event.event_id: event for event in decoded.events}
    return sorted(found.values(), key=lambda event: (event.occurred_at_micros, event.event_id))


def unsaid(events: Sequence[CanonicalEvent]) -> dict[str, str]:
    """Subject -> an optional field that none of the events says: v1 did not have it yet."""
    spoken: dict[str, set[str]] = defaultdict(set)
    for event in events:
        spoken[subject_of(event)] |= {
            name for name in event.__struct_fields__ if getattr(event, name) is not None
        }
    found = {}
    for subject, said in sorted(spoken.items()):
        about = SHIPPED.subject(subject).about
        kept = {*about.keys.customer, *about.keys.contract, *about.personal_data, *said}
        optional = [
            f["name"]
            for f in SHIPPED.latest(subject).schema["fields"]
            if isinstance(f["type"], list) and f["name"] not in kept
        ]
        if optional and len(SHIPPED.subject(subject).versions) == 1:
            found[subject] = optional[0]
    return found


def registry_with(root: Path, missing: dict[str, str], upgraded: bool) -> Registry:
    """v1 lacks a field of these subjects; v2, once upgraded, is what the ledger knows."""
    shutil.copytree(PACKAGE_ROOT, root, ignore=shutil.ignore_patterns("*.py", "*.lock", "__*"))
    for subject, name in missing.items():
        folder = root / "subjects" / subject
        schema: Any = json.loads((folder / "v1.avsc").read_text())
        if upgraded:
            (folder / "v2.avsc").write_text(json.dumps(schema))
        schema["fields"] = [f for f in schema["fields"] if f["name"] != name]
        (folder / "v1.avsc").write_text(json.dumps(schema))
    return load_registry(root)


class Archive:
    """Files of events as producers of one version wrote them."""

    def __init__(self, folder: Path, registry: Registry, number: int) -> None:
        folder.mkdir()
        self.folder, self.registry, self.number = folder, registry, number

    def write(self, name: str, events: Sequence[CanonicalEvent], missing: set[str]) -> str:
        """Half of it as containers, half as JSON lines that name the version."""
        by_subject: dict[str, list[CanonicalEvent]] = defaultdict(list)
        for event in events:
            by_subject[subject_of(event)].append(event)
        for subject, some in by_subject.items():
            number = self.number if subject in missing else 1
            number = number if subject in missing else self.registry.latest(subject).number
            version = self.registry.version(subject, number)
            half = len(some) // 2
            at = self.folder / f"{name}-{subject}"
            Path(f"{at}.avro").write_bytes(write_container(version, some[:half]))
            single = [version.decode(encode_single_object(version, e)[10:]) for e in some[half:]]
            texts = [
                json.dumps({"subject": subject, "version": number, **record}, default=str)
                for record in single
            ]
            (self.folder / f"{name}-{subject}.jsonl").write_text("\n".join(texts) + "\n")
        return f"{self.folder}/{name}-*"


def versions_seen(store: Path) -> set[str]:
    with open_store(f"sqlite:///{store}", create=False) as books:
        return {f"{use.subject}@{use.version}" for use in books.schema_usage(None, None)}


def test_v1_upgrade_v2_stragglers_and_replay_give_the_books_of_v2_alone(
    events: list[CanonicalEvent], run_job: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = unsaid(events)
    assert len(missing) >= 3 and {subject_of(e) for e in events} <= set(EVENT_TYPES)
    before = registry_with(tmp_path / "before", missing, upgraded=False)
    after = registry_with(tmp_path / "after", missing, upgraded=True)
    changed = set(missing)
    v1, v2 = Archive(tmp_path / "v1", before, 1), Archive(tmp_path / "v2", after, 2)
    third = len(events) // 3
    early, stragglers, late = events[:third], events[third : 2 * third], events[2 * third :]
    store, truth = tmp_path / "story.db", tmp_path / "truth.db"

    monkeypatch.setattr(event_files, "load_registry", lambda: before)
    first = run_job(store, v1.write("early", early, changed))
    assert first.dead_lettered == 0

    monkeypatch.setattr(event_files, "load_registry", lambda: after)
    assert run_job(store, v2.write("late", late, changed)).dead_lettered == 0
    assert run_job(store, v1.write("stragglers", stragglers, changed)).dead_lettered == 0
    seen = versions_seen(store)
    for subject in changed & {subject_of(event) for event in [*early, *stragglers]}:
        assert f"{subject}@1" in seen
    assert any(label.endswith("@2") for label in seen if label.rpartition("@")[0] in changed)

    replayed = run_job(store, f"{v1.folder}/*", f"{v2.folder}/*")
    assert (replayed.new_entries, replayed.reversals) == (0, 0)
    assert replayed.duplicates == len(events)

    whole = Archive(tmp_path / "whole", after, 2)
    run_job(truth, whole.write("all", events, changed))
    assert net_of(store) == net_of(truth) != {}
    fresh = tmp_path / "fresh.db"
    run_job(fresh, f"{v1.folder}/*", f"{v2.folder}/*")
    assert net_of(fresh) == net_of(truth)
