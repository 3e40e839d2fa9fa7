"""order_to_cash, bounded: events in files become postings, lifecycle updates, dead letters.

    ReadEventFiles -> DecodeEvents -> CorrelateByContract -> FoldContracts -> WriteBooks
                          :links ────────^                                    WriteDeadLetters
                          :rejected ──────────────────────────────────────────^

The same fold runs on live sources in `order_to_cash_live`.
"""

from __future__ import annotations

from typing import NamedTuple

import apache_beam as beam
from apache_beam.pvalue import PCollection

from connectors.event_files import RangeDecoder
from connectors.files.listing import FileRange
from pipelines.books import open_books, open_folding, open_known_links, open_party_history
from pipelines.settings import RunSettings, recorder
from transforms.correlate_by_contract import CorrelateByContract
from transforms.decode_events import DecodeEvents
from transforms.fold_contracts import FoldContracts
from transforms.read_event_files import ReadEventFiles
from transforms.write_books import WriteBooks, WriteDeadLetters


class Committed(NamedTuple):
    """What the sink took: PCollection[CommitCounts] of the contracts and of the dead letters."""

    contracts: PCollection
    dead_letters: PCollection


def order_to_cash(
    pipeline: beam.Pipeline, ranges: list[FileRange], settings: RunSettings
) -> Committed:
    """Build the job: one step per line, in the order of the flow."""
    events = (
        pipeline
        | "ReadEventFiles" >> ReadEventFiles(ranges)
        | "DecodeEvents" >> DecodeEvents(RangeDecoder(settings.decoding))
    )
    contracts = (
        events.accepted
        | "CorrelateByContract"
        >> CorrelateByContract(
            events.links, settings.shards, open_known_links(settings), settings.fold.books.identity
        )
        | "FoldContracts" >> FoldContracts(settings.fold, open_party_history(settings))
        | "WriteBooks"
        >> WriteBooks(open_books(settings), open_folding(settings), recorder(settings))
    )
    dead_letters = events.rejected | "WriteDeadLetters" >> WriteDeadLetters(open_books(settings))
    return Committed(contracts, dead_letters)
