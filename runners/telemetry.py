"""Who records spans in this process, by the command line and the standard variables."""

from __future__ import annotations

import os

from connectors.telemetry.settings import TelemetryInvalid, can_send, telemetry_settings
from connectors.telemetry.spans import open_spans
from ledger.trace_context import Spans
from runners.exit_codes import ExitCode
from runners.problems import Problem


def spans_of(otlp: str | None) -> Spans:
    """Return who records spans here; nobody when nobody asked for them.

    Raises Problem when the option asks for what is not installed, or a variable is not known.
    Where only variables ask for it, a warning is logged: they may be set for the whole machine.
    """
    if otlp is not None and not can_send():
        mend = "install crossfoot[telemetry], or leave --otlp out"
        raise Problem("what sends spans is not installed", mend, ExitCode.ENVIRONMENT)
    try:
        return open_spans(telemetry_settings(otlp, os.environ))
    except TelemetryInvalid as error:
        raise Problem(str(error), "correct the variable, or leave it out") from error
