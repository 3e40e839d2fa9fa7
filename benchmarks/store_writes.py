"""How fast the ledger store takes journal lines into SQLite, committed as the pipeline does.

The company is decoded and folded first, outside of the clock. Then its parties are committed in
chunks, each one transaction with archive, postings, outbox, lifecycle updates and standing
picture; and the same once more, folded over their history, which must add nothing.

    python -m benchmarks.store_writes INPUT_DIR OUTPUT_DIR AS_OF_SECONDS
"""

from __future__ import annotations

import json
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import msgspec

from connectors.event_files import decode_range
from connectors.files.listing import find_files, split_ranges
from connectors.store import LedgerStore, open_store
from ledger.folding import PartyPast, fold_parties
from ledger.identity import Identity
from ledger.messages import Message
from ledger.results import FoldedParty
from pipelines.options import OrderToCashOptions, check_options
from pipelines.settings import RunSettings, settings_of
from transforms.fold_contracts import PARTIES_PER_CHUNK, keys_of

BLOCK_BYTES = 4 * 1024 * 1024
Incoming = dict[str, list[Message]]


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """Result, as printed."""

    journal_lines: int
    entries: int
    messages: int
    cpu_seconds: float
    wall_seconds: float
    replay_cpu_seconds: float
    """Of committing all of it again; nothing may be added."""
    store_mib: int


def read_parties(options: OrderToCashOptions, settings: RunSettings) -> Incoming:
    """Every party with its messages, in the order of their ids."""
    context = settings.decoding.context()
    messages = [
        decoded
        for part in split_ranges(find_files(options.input), BLOCK_BYTES)
        for decoded in decode_range(part, context)
        if isinstance(decoded, Message)
    ]
    identity = Identity(settings.fold.books.identity)
    for message in messages:
        identity.add_links(message.links)
        identity.add_account_links(message.account_links)
        identity.add_parties([message.party_ref] if message.party_ref else [])
    parties: Incoming = defaultdict(list)
    for message in messages:
        parties[identity.party_of(message.party_ref, message.link_refs).party_id].append(message)
    return dict(sorted(parties.items()))


def chunks_of(parties: Incoming) -> Iterator[Incoming]:
    """Parties in the chunks of the pipeline."""
    names = list(parties)
    for start in range(0, len(names), PARTIES_PER_CHUNK):
        yield {name: parties[name] for name in names[start : start + PARTIES_PER_CHUNK]}


def fold_again(store: LedgerStore, chunk: Incoming, settings: RunSettings) -> list[FoldedParty]:
    """Fold the same messages over what the store has of them by now."""
    keys = [keys_of(name, messages) for name, messages in chunk.items()]
    past = store.past_of(settings.fold.tenant, keys)
    found = {name: PartyPast(*kept) for name, kept in past.items()}
    return fold_parties(chunk, found, settings.fold, {})


def measure(options: OrderToCashOptions, path: Path) -> Written:
    """Write everything twice; only commits are on the clock."""
    settings = settings_of(options)
    chunks = list(chunks_of(read_parties(options, settings)))
    folded = [fold_parties(chunk, {}, settings.fold, {}) for chunk in chunks]
    store = open_store(f"sqlite:///{path}")
    cpu, wall = time.process_time(), time.perf_counter()
    reports = [store.commit(parties) for parties in folded]
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    replay_cpu = 0.0
    for chunk in chunks:
        again = fold_again(store, chunk, settings)
        started = time.process_time()
        report = store.commit(again)
        replay_cpu += time.process_time() - started
        assert report.new_entries == 0 and report.reversals == 0, "a replay added something"
    store.close()
    return Written(
        journal_lines=sum(report.journal_lines for report in reports),
        entries=sum(report.new_entries for report in reports),
        messages=sum(len(messages) for chunk in chunks for messages in chunk.values()),
        cpu_seconds=cpu,
        wall_seconds=wall,
        replay_cpu_seconds=replay_cpu,
        store_mib=path.stat().st_size // (1024 * 1024),
    )


def main(arguments: list[str]) -> None:
    """Measure and write `store.json`."""
    source, target, as_of = Path(arguments[0]), Path(arguments[1]), int(arguments[2])
    target.mkdir(parents=True, exist_ok=True)
    path = target / "books.db"
    path.unlink(missing_ok=True)
    options = check_options(
        input=(str(source / "*.jsonl"), str(source / "*.jsonl.gz")),
        store=f"sqlite:///{path}",
        books=source / "company.yaml",
        rates=source / "rates.csv",
        as_of=f"{as_of}",
    )
    written = measure(options, path)
    (target / "store.json").write_text(json.dumps(msgspec.structs.asdict(written)))
    path.unlink()


if __name__ == "__main__":
    main(sys.argv[1:])
