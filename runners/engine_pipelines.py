"""Beam pipelines as an engine is given them: its profile's options, then the user's."""

from __future__ import annotations

import os
from collections.abc import Sequence

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

from runners.engines import PROFILES, Engine, beam_options
from runners.prism_program import OPTION, find_prism


class EngineOptionsInvalid(Exception):
    """Beam refuses the options of the engine; the message says which."""


class JobFailed(Exception):
    """The engine ended a bounded job before it was done; the message is what it said last."""


def engine_pipeline(engine: Engine, *, live: bool, extra: Sequence[str]) -> beam.Pipeline:
    """Make an empty pipeline for an engine outside this process; nothing is started.

    Raises EngineOptionsInvalid.
    """
    words = [f"--runner={PROFILES[engine].runner}", *beam_options(engine, live=live, extra=extra)]
    try:
        return beam.Pipeline(options=PipelineOptions(words))
    except ValueError as error:  # Beam's own check of the options, several in one text
        raise EngineOptionsInvalid(" ".join(str(error).split())) from error


def with_program(engine: Engine, extra: Sequence[str]) -> list[str]:
    """Add to Prism's options the program that is here; without one Beam tries to download it."""
    if engine != "prism":
        return list(extra)
    found = find_prism(extra, beam.__version__, os.environ)
    return [*extra, f"{OPTION}={found}"] if found is not None else list(extra)
