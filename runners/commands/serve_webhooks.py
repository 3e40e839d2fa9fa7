"""`crossfoot serve-webhooks`: receive signed webhooks and keep them durably."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import msgspec
import typer

from runners import arguments
from runners.display import print_json, say
from runners.exit_codes import ExitCode
from runners.problems import Problem
from runners.telemetry import spans_of

if TYPE_CHECKING:
    from connectors.webhooks.deliveries import Scheme
    from connectors.webhooks.keeping import DurableLog
    from connectors.webhooks.signatures import Signatures

_INSTALL = "install crossfoot[webhooks]"
_SOURCE_FORM = "NAME=stripe:VARIABLE[,VARIABLE] or NAME=standard:VARIABLE[,VARIABLE]"


class Serving(msgspec.Struct, frozen=True, kw_only=True):
    """What is served from now on; field names are the JSON output."""

    host: str
    port: int
    sources: list[str]
    to: str


class _Endpoint(NamedTuple):
    name: str
    scheme: Scheme
    secrets: list[str]


def serve_webhooks(
    source: Annotated[
        list[str],
        typer.Option(
            metavar="NAME=SCHEME:VARIABLES",
            help="A source, how it signs (stripe, standard) and the environment variables that "
            "hold its signing secrets; several while a secret is rotated. May be repeated.",
        ),
    ],
    to: Annotated[
        str,
        typer.Option(
            metavar="WHERE",
            help="spool:DIR (files for `crossfoot run`), pubsub:projects/P/topics/T or "
            "kafka:BROKERS/TOPIC.",
        ),
    ] = "spool:spool",
    state: Annotated[
        Path,
        typer.Option(metavar="DIR", help="For topics: where to remember what was published."),
    ] = Path("webhooks-state"),
    listen: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Address to listen on.")
    ] = "127.0.0.1:8080",
    tolerance: Annotated[
        int, typer.Option(metavar="SECONDS", help="Age at which a Stripe signature is refused.")
    ] = 300,
    max_body: Annotated[
        int, typer.Option(metavar="BYTES", help="Larger bodies are refused.")
    ] = 1024 * 1024,
    otlp: arguments.Otlp = None,
    as_json: arguments.AsJson = False,
) -> None:
    r"""Receive signed webhooks at /webhooks/NAME and answer 200 only when an event is durable.

    A crash loses nothing: what was not answered is sent again, and what was kept already is
    recognised. /metrics is for Prometheus, /healthz and /readyz for the supervisor.

    Example:

      crossfoot serve-webhooks --source stripe=stripe:STRIPE_SECRET \
          --to spool:spool --listen 0.0.0.0:8080
    """
    try:
        import uvicorn

        from connectors.webhooks.app import webhook_app
    except ImportError as error:
        raise Problem(f"{error.name} is not installed", _INSTALL, ExitCode.ENVIRONMENT) from error
    host, port = _address(listen)
    spans = spans_of(otlp)
    signatures = _signatures([_source(text, os.environ) for text in source], tolerance)
    log = _durable_log(to, state, {name: each.scheme for name, each in signatures.items()})
    app = webhook_app(signatures, log, max_body_bytes=max_body, spans=spans)
    serving = Serving(host=host, port=port, sources=sorted(signatures), to=to)
    if as_json:
        print_json(serving)
    else:
        say(f"listening on {host}:{port} for {', '.join(serving.sources)}; kept in {to}")
    uvicorn.run(app, host=host, port=port, log_level="warning", access_log=False)


def _address(listen: str) -> tuple[str, int]:
    host, colon, port = listen.rpartition(":")
    if not colon or not port.isdigit() or not host:
        raise Problem(f"--listen {listen} is no address", "write it as 127.0.0.1:8080")
    return host.strip("[]"), int(port)


def _source(text: str, environment: Mapping[str, str]) -> _Endpoint:
    name, equals, rest = text.partition("=")
    scheme, colon, variables = rest.partition(":")
    usable = name.replace("-", "").replace("_", "").isalnum() and name.isascii()
    if not (equals and colon and usable and variables):
        raise Problem(f"--source {text} is not understood", f"write {_SOURCE_FORM}")
    names = variables.split(",")
    missing = [each for each in names if not environment.get(each, "").strip()]
    if missing:
        raise Problem(
            f"no signing secret in the environment variables {', '.join(missing)}",
            "set them to the endpoint's secrets; they are never taken from the command line",
        )
    secrets = [environment[each].strip() for each in names]
    if scheme == "stripe":
        return _Endpoint(name, "stripe", secrets)
    if scheme == "standard":
        return _Endpoint(name, "standard", secrets)
    raise Problem(f"--source {name}: signing scheme {scheme} is not known", f"write {_SOURCE_FORM}")


def _signatures(sources: list[_Endpoint], tolerance: int) -> dict[str, Signatures]:
    from connectors.webhooks.signatures import StandardSignatures, StripeSignatures

    found: dict[str, Signatures] = {}
    for each in sources:
        if each.name in found:
            raise Problem(f"source {each.name} is given twice", "name each source once")
        try:
            if each.scheme == "stripe":
                found[each.name] = StripeSignatures(each.secrets, tolerance)
            else:
                found[each.name] = StandardSignatures(each.secrets)
        except ValueError as error:
            raise Problem(f"source {each.name}: {error}", "correct the secret") from error
    return found


def _durable_log(to: str, state: Path, sources: Mapping[str, Scheme]) -> DurableLog:
    from connectors.webhooks.spool_log import SpoolInUse, SpoolLog

    kind, _, where = to.partition(":")
    try:
        if kind == "spool" and where:
            return SpoolLog(Path(where), sources, time.time)
        if kind == "pubsub" and where:
            return _pubsub_log(where, state)
        if kind == "kafka" and "/" in where:
            return _kafka_log(where, state)
    except SpoolInUse as error:
        raise Problem(
            f"another process writes to the spool {error}",
            "stop it, or give this one a directory of its own",
            ExitCode.ENVIRONMENT,
        ) from error
    except OSError as error:
        raise Problem(
            f"cannot write to {where}: {error.strerror}",
            "give a directory that this user may write",
            ExitCode.ENVIRONMENT,
        ) from error
    raise Problem(
        f"--to {to} is not understood",
        "write spool:DIR, pubsub:projects/P/topics/T or kafka:BROKERS/TOPIC",
    )


def _pubsub_log(topic: str, state: Path) -> DurableLog:
    from google.cloud.pubsub_v1 import PublisherClient

    from connectors.webhooks.topic_log import TopicLog, pubsub_publish

    return TopicLog(pubsub_publish(PublisherClient(), topic), state / "seen.db")


def _kafka_log(where: str, state: Path) -> DurableLog:
    from connectors.webhooks.topic_log import TopicLog, kafka_publish

    brokers, _, topic = where.rpartition("/")
    try:
        publish = kafka_publish({"bootstrap.servers": brokers}, topic)
    except ImportError as error:
        install = "install crossfoot[kafka]"
        raise Problem("confluent-kafka is missing", install, ExitCode.ENVIRONMENT) from error
    return TopicLog(publish, state / "seen.db")
