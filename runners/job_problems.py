"""What goes wrong in a job's engine, as Problems or as what the job itself raised."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from runners.exit_codes import ExitCode
from runners.problems import Problem

if TYPE_CHECKING:
    from runners.engine_pipelines import EngineOptionsInvalid


def wrong_options(error: EngineOptionsInvalid) -> Problem:
    """What to tell of options that the engine refuses."""
    return Problem(f"the engine's options: {error}", "give or correct them with --beam=OPTION")


@contextmanager
def engine_problems() -> Iterator[None]:
    """Turn what an engine outside this process refuses or gives up into a Problem."""
    from runners.engine_pipelines import EngineOptionsInvalid, JobFailed

    try:
        yield
    except EngineOptionsInvalid as error:
        raise wrong_options(error) from error
    except JobFailed as error:
        raise Problem(
            f"the engine gave the job up: {error}",
            "look into the engine's log and run it again: nothing is posted twice",
            ExitCode.ENVIRONMENT,
        ) from error


@contextmanager
def original_errors() -> Iterator[None]:
    """Raise what a worker raised: Beam wraps errors that it cannot copy into a RuntimeError."""
    try:
        yield
    except RuntimeError as error:
        if isinstance(error.__context__, Exception):
            raise error.__context__ from None
        raise
