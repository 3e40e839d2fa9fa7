"""Whether and where spans go: an option, and the standard variables of OpenTelemetry.

Source: OpenTelemetry specification, "Environment Variable Specification" and "OpenTelemetry
Protocol Exporter". Read once where a job is started; workers are handed the result, which holds
no secret: headers of the exporter are always taken from the environment of whoever sends.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.util import find_spec

import msgspec

_PATH = "/v1/traces"
_SHARE = re.compile(r"0?\.\d+|[01](\.0*)?")


SAMPLERS = frozenset(
    f"{prefix}{name}"
    for prefix in ("", "parentbased_")
    for name in ("always_on", "always_off", "traceidratio")
)
"""Names that `OTEL_TRACES_SAMPLER` may have here."""


class TelemetryInvalid(Exception):
    """A variable of OpenTelemetry has a value that is not known; the message says which."""


class TelemetrySettings(msgspec.Struct, frozen=True, kw_only=True):
    """How spans are recorded; plain data, so that it can be sent to workers."""

    endpoint: str | None = None
    """Full URL of the OTLP/HTTP receiver of traces; None: the exporter's own default."""
    sampler: str = "parentbased_always_on"
    """As `OTEL_TRACES_SAMPLER` names it."""
    sampler_argument: str = ""
    """As `OTEL_TRACES_SAMPLER_ARG` gives it."""
    parent: str = ""
    """`traceparent` of the run that spans of workers belong to; empty: each stands for itself."""


def telemetry_settings(
    endpoint: str | None, environment: Mapping[str, str]
) -> TelemetrySettings | None:
    """Return how spans are recorded; None when nobody asked for them.

    `endpoint`: what an option says, the base URL of an OTLP/HTTP receiver. Spans are recorded when
    there is one, when a variable names one, or when `OTEL_TRACES_EXPORTER` is `otlp`. Raises
    TelemetryInvalid.
    """
    told = {name: value.strip() for name, value in environment.items() if name.startswith("OTEL_")}
    if told.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    exporter = told.get("OTEL_TRACES_EXPORTER", "")
    if endpoint is None and exporter and exporter != "otlp":
        return None
    where = _endpoint(endpoint, told)
    if where is None and exporter != "otlp":
        return None
    sampler = told.get("OTEL_TRACES_SAMPLER") or "parentbased_always_on"
    argument = told.get("OTEL_TRACES_SAMPLER_ARG", "")
    if sampler not in SAMPLERS:
        raise TelemetryInvalid(f"OTEL_TRACES_SAMPLER is {sampler!r}, none of {sorted(SAMPLERS)}")
    if argument and not _SHARE.fullmatch(argument):
        raise TelemetryInvalid("OTEL_TRACES_SAMPLER_ARG is no share from 0 to 1")
    return TelemetrySettings(endpoint=where, sampler=sampler, sampler_argument=argument)


def _endpoint(option: str | None, told: Mapping[str, str]) -> str | None:
    if option is None and (exact := told.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")):
        return exact
    base = option or told.get("OTEL_EXPORTER_OTLP_ENDPOINT")
    return f"{base.rstrip('/')}{_PATH}" if base else None


def can_send() -> bool:
    """Whether what sends spans is installed (`crossfoot[telemetry]`)."""
    try:
        return find_spec("opentelemetry.exporter.otlp.proto.http") is not None
    except ModuleNotFoundError:  # one of its parents
        return False
