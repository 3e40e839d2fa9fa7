"""The product's own decoder, fold and writer in a pipeline of one element per event.

What the pipeline would be without blocks: ReadFromText, one message per element, links as a side
input, GroupByKey on the party, WriteToText. The difference to the pipeline is what blocks buy.

    python -m benchmarks.per_event_beam INPUT_DIR OUTPUT_DIR AS_OF_SECONDS
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import apache_beam as beam
import msgspec
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from connectors.erp_postings import postings_of
from connectors.event_files import EventDecoder
from ledger.folding import FoldSettings, fold_parties
from ledger.identity import Identity
from ledger.messages import DeadLetter, Message
from pipelines.options import OrderToCashOptions
from pipelines.settings import RunSettings, settings_of

Links = tuple[tuple[str, str], ...]
Taught = tuple[Links, Links, str | None]
"""(links, account links, party) of a message."""


class Decode(beam.DoFn):
    """A line -> a message; dead letters are left out, the bulk company has none."""

    def __init__(self, decoder: EventDecoder) -> None:
        self._decoder = decoder

    def process(self, line: bytes) -> Iterator[Message]:
        for decoded in self._decoder(line, ""):
            if not isinstance(decoded, DeadLetter):
                yield decoded


class GiveParty(beam.DoFn):
    """A message -> (party, message), by what all messages teach."""

    def __init__(self) -> None:
        self._identity: Identity | None = None

    def process(self, message: Message, taught: list[Taught]) -> Iterator[tuple[str, Message]]:
        if self._identity is None:
            self._identity = Identity()
            for links, accounts, party in taught:
                self._identity.add_links(links)
                self._identity.add_account_links(accounts)
                self._identity.add_parties([party] if party else [])
        found = self._identity.party_of(message.party_ref, message.link_refs)
        yield found.party_id, message


class FoldParty(beam.DoFn):
    """(party, messages) -> postings and lifecycle updates as JSON text."""

    def __init__(self, settings: FoldSettings) -> None:
        self._settings = settings

    def process(self, grouped: tuple[str, Iterable[Message]]) -> Iterator[object]:
        party_id, messages = grouped
        folded = fold_parties({party_id: list(messages)}, {}, self._settings, {})
        for posting in postings_of(folded, "per-event", self._settings.as_of_micros):
            yield beam.pvalue.TaggedOutput("postings", msgspec.json.encode(posting).decode())
        for update in folded[0].result.lifecycle:
            yield beam.pvalue.TaggedOutput("updates", msgspec.json.encode(update).decode())


def teaches(message: Message) -> Taught:
    """What a message says about who belongs to whom."""
    return message.links, message.account_links, message.party_ref


def build(pipeline: beam.Pipeline, source: Path, target: Path, settings: RunSettings) -> None:
    """The graph."""
    lines = [
        pipeline
        | f"Read {name}"
        >> beam.io.ReadFromText(str(source / f"{name}-*"), coder=beam.coders.BytesCoder())
        for name in ("stripe", "salesforce")
    ]
    messages = lines | beam.Flatten() | beam.ParDo(Decode(EventDecoder(settings.decoding)))
    taught = beam.pvalue.AsList(messages | beam.Map(teaches))
    outputs = (
        messages
        | beam.ParDo(GiveParty(), taught)
        | beam.GroupByKey()
        | beam.ParDo(FoldParty(settings.fold)).with_outputs("postings", "updates")
    )
    for tag, stem in (("postings", "erp-postings"), ("updates", "lifecycle-updates")):
        _ = outputs[tag] | f"Write {tag}" >> beam.io.WriteToText(str(target / stem), ".jsonl")


def main(arguments: list[str]) -> None:
    """Run it on FnApiRunner in this process."""
    source, target, as_of = Path(arguments[0]), Path(arguments[1]), int(arguments[2])
    target.mkdir(parents=True, exist_ok=True)
    settings = settings_of(
        OrderToCashOptions(
            input=(str(source / "*.jsonl*"),),
            output=target,
            books=source / "company.yaml",
            rates=source / "rates.csv",
            as_of=datetime.fromtimestamp(as_of, UTC),
        )
    )
    options = PipelineOptions(["--direct_num_workers=1", "--direct_running_mode=in_memory"])
    with beam.Pipeline(runner=FnApiRunner(), options=options) as pipeline:
        build(pipeline, source, target, settings)


if __name__ == "__main__":
    main(sys.argv[1:])
