"""ReadEventFiles: a list of file ranges as a collection of blocks, spread over the workers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

import apache_beam as beam
from apache_beam.pvalue import PBegin, PCollection

Block = TypeVar("Block")


class ReadEventFiles(beam.PTransform, Generic[Block]):
    """Root transform: the given blocks, reshuffled so that no worker gets them all. Bounded."""

    def __init__(self, blocks: Sequence[Block]) -> None:
        super().__init__()
        self._blocks = blocks

    def expand(self, pbegin: PBegin) -> PCollection:
        return pbegin | "Blocks" >> beam.Create(self._blocks) | beam.Reshuffle()
