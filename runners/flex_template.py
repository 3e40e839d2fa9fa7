"""The live job as a Dataflow flex template: its parameters, and the program its launcher runs.

The parameters are those of `LiveOptions`; what else the launcher passes are Beam options. The
program hands the job over and ends: one that waited would keep the launcher alive for ever
(Google Cloud, "Configure Flex Templates"). `python -m runners.flex_template --metadata` prints
deploy/dataflow/metadata.json.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from pipelines.live_options import SOURCE_PATTERNS, LiveOptions
from pipelines.options import InvalidOptions, checked
from runners import arguments
from runners.display import print_json, say
from runners.engines import PROFILES, refusals
from runners.exit_codes import ExitCode
from runners.problems import Problem

NOT_PARAMETERS: Mapping[str, str] = {
    "output": "a worker's disk is gone with the worker",
    "mapping": "gives accounts to postings that are written as files, which this job has not",
    "schema_ids": "is a file on a worker's disk",
}
"""Options of a live job that make no sense on Dataflow, and why."""

_DESCRIPTION = (
    "Reads Stripe, Salesforce and canonical events from Pub/Sub or Kafka and keeps balanced "
    "double-entry postings, lifecycle updates and dead letters in a PostgreSQL ledger store."
)
_SHARED_STORE = r"^postgres(ql)?(\+psycopg)?://.+$"
_NAMED_GROUP = re.compile(r"\(\?P<\w+>")


def template_metadata() -> dict[str, Any]:
    """Return what metadata.json says: the service's TemplateMetadata as JSON."""
    schema = LiveOptions.model_json_schema()
    required = set(schema["required"]) - {"as_of"} | {"store"}
    return {
        "name": "Crossfoot: order to cash, live",
        "description": _DESCRIPTION,
        "streaming": True,
        "supportsAtLeastOnce": False,
        "supportsExactlyOnce": True,
        "parameters": [
            _parameter(name, told, name not in required)
            for name, told in schema["properties"].items()
            if name not in NOT_PARAMETERS
        ],
    }


def _parameter(name: str, told: Mapping[str, Any], optional: bool) -> dict[str, Any]:
    regexes = [_regex(name, told)]
    return {
        "name": name,
        "label": name.replace("_", " ").capitalize(),
        "helpText": told["description"],
        "isOptional": optional,
        **({"regexes": regexes} if regexes != [None] else {}),
    }


def _regex(name: str, told: Mapping[str, Any]) -> str | None:
    """What the service compares a value with before it starts a launcher (Java's dialect)."""
    if name == "source":
        return f"^({'|'.join(_NAMED_GROUP.sub('(', one) for one in SOURCE_PATTERNS)})$"
    if name == "store":
        return _SHARED_STORE
    if told.get("type") == "integer":
        return "^[1-9][0-9]*$"
    kinds = told.get("anyOf", [told])
    return next((kind["pattern"] for kind in kinds if "pattern" in kind), None)


def split_arguments(words: Sequence[str], now: datetime) -> tuple[LiveOptions, list[str]]:
    """Part the launcher's arguments into the job's options and Beam's.

    `now` gives the as-of when none is passed. Raises InvalidOptions that names every mistake.
    """
    values: dict[str, object] = {}
    beam: list[str] = []
    for word in words:
        name, equals, value = word.removeprefix("--").partition("=")
        if name in LiveOptions.model_fields and equals:
            values[name] = value
        elif name != "runner":
            beam.append(_as_profiles_write_it(word))
    problems = [f"--{name}: {why}" for name, why in NOT_PARAMETERS.items() if name in values]
    problems += refusals("dataflow", live=True, extra=beam)
    if not re.fullmatch(_SHARED_STORE, str(values.get("store", ""))):
        problems.append("--store: workers share one store: give a PostgreSQL URL")
    try:
        text = values.pop("as_of", None)
        as_of = arguments.as_of_instant(str(text) if text else None, now)
        options = checked(LiveOptions, {**values, "as_of": as_of})
    except InvalidOptions as error:
        raise InvalidOptions([*problems, *error.problems]) from error
    except Problem as error:
        raise InvalidOptions([*problems, error.what]) from error
    if problems:
        raise InvalidOptions(problems)
    return options, beam


def _as_profiles_write_it(word: str) -> str:
    """`--streaming=true` as `--streaming`: the service writes switches so."""
    name, _, value = word.partition("=")
    switches = {flag.option for flag in PROFILES["dataflow"].flags}
    return name if value.lower() == "true" and name in switches else word


def main(words: Sequence[str] | None = None) -> int:
    """Hand the job to Dataflow and end; returns the exit code."""
    words = list(sys.argv[1:] if words is None else words)
    if words == ["--metadata"]:
        print_json(template_metadata())
        return ExitCode.OK
    try:
        options, beam = split_arguments(words, datetime.now(UTC))
    except InvalidOptions as error:
        for told in error.problems:
            say(f"crossfoot: {told}")
        return ExitCode.USAGE
    from runners.live import start_live

    start_live(options, "dataflow", beam)
    return ExitCode.OK


if __name__ == "__main__":
    raise SystemExit(main())
