"""What is told of a run, in words of our own: jobs, datasets, fields, counts.

`events` turns it into the client's classes; whoever describes a run needs no client.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec


class Column(msgspec.Struct, frozen=True):
    """A field of a dataset, or a subject with its fields."""

    name: str
    type: str
    description: str | None = None
    fields: tuple[Column, ...] = ()


class Dataset(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is read or written, under the name that every producer of lineage gives it.

    Source: OpenLineage, `spec/Naming.md`.
    """

    namespace: str
    name: str
    key: str = ""
    """What counts name it by: a table, or the stem of a file."""
    fields: tuple[Column, ...] = ()
    version: str | None = None
    files: int | None = None
    """How many files it is made of."""
    size_bytes: int | None = None


class RunFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a run before it starts."""

    job: str
    streaming: bool
    engine: str
    """Beam's runner, such as PrismRunner."""
    engine_version: str
    """Of Beam."""
    inputs: tuple[Dataset, ...]
    outputs: tuple[Dataset, ...]
    parameters: tuple[tuple[str, str], ...] = ()
    """What was asked for: policy, as-of, tenant; the same words as on the command line."""


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """What a run did, as far as it got. Units: rows of the datasets."""

    read: int | None = None
    """Rows of all inputs together."""
    written: Mapping[str, int] = {}
    """Rows by the key of an output."""
    terms: Mapping[str, int] = {}
    """Terms of the conservation equation, by name."""


NOTHING_COUNTED = Counts()
