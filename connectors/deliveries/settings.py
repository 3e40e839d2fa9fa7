"""How the ERP is reached: one YAML file, without passwords; those come from the environment."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

import msgspec
import yaml

from connectors.deliveries.delivery import ErpUnusable
from connectors.strict_yaml import read_yaml
from connectors.topics.topic import BodyFormat

_PUBSUB_TOPIC = re.compile(r"projects/[^/]+/topics/[^/]+")


class TrytonSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Tryton, through its JSON-RPC API."""

    url: str
    """Of the server, `https://erp.example`."""
    database: str
    user: str
    password_env: str = "CROSSFOOT_TRYTON_PASSWORD"
    """Environment variable that holds the user's password."""
    companies: dict[str, str]
    """Legal entity -> code or name of the company's party in Tryton."""
    journal: str = "REV"
    """Code of the journal that all moves belong to."""
    create_parties: bool = True
    """Make a party, with the customer's id as code and name, where there is none."""
    send_memos: bool = False
    """Send the memo of entries as description of lines; memos may hold names."""
    timeout_seconds: int = 120


class HttpSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A service that takes journal batches as `journal-api.yaml` describes."""

    url: str
    """Where batches are posted to, `https://erp.example/journal-batches`."""
    authorization_env: str | None = None
    """Environment variable that holds the value of the `Authorization` header."""
    timeout_seconds: int = 60


class FileSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A folder that the ERP's import reads."""

    directory: str


class KafkaSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A topic of Kafka."""

    brokers: str
    """`host:port`, several with commas."""
    topic: str
    settings: dict[str, str] = {}
    """Further settings of librdkafka: `security.protocol`, `sasl.username`; no secrets."""
    password_env: str | None = None
    """Environment variable that holds `sasl.password`."""
    body: BodyFormat = "avro"
    timeout_seconds: int = 60


class PubSubSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A topic of Pub/Sub; credentials as Google's clients find them."""

    topic: str
    """`projects/P/topics/T`."""
    body: BodyFormat = "avro"
    timeout_seconds: int = 60


class ErpSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an ERP file may name; one of them is used for a delivery."""

    tryton: TrytonSettings | None = None
    http: HttpSettings | None = None
    files: FileSettings | None = None
    kafka: KafkaSettings | None = None
    pubsub: PubSubSettings | None = None
    batch_size: int = 100
    """Postings handed over together, 1 to 1000."""


class SettingsError(ValueError):
    """An ERP file that cannot be used; the text says what is wrong and where."""


def load_erp_settings(path: str) -> ErpSettings:
    """Read an ERP file. Raises SettingsError when a setting is missing, unknown or wrong."""
    try:
        content = read_yaml(Path(path).read_text(encoding="utf-8"))
        settings = msgspec.convert(content or {}, ErpSettings, strict=False)
    except (OSError, UnicodeDecodeError) as problem:
        raise SettingsError(f"{path}: cannot be read: {problem}") from problem
    except yaml.YAMLError as problem:
        raise SettingsError(f"{path}: not YAML: {problem}") from problem
    except msgspec.ValidationError as problem:
        raise SettingsError(f"{path}: {problem}") from problem
    problems = list(_problems(settings))
    if problems:
        raise SettingsError(f"{path}: " + "; ".join(problems))
    return settings


def _problems(settings: ErpSettings) -> list[str]:
    found = []
    for name in ("tryton", "http"):
        one = getattr(settings, name)
        if one is not None and not one.url.startswith(("http://", "https://")):
            found.append(f"{name}.url: {one.url!r} does not begin with http:// or https://")
    for name in ("tryton", "http", "kafka", "pubsub"):
        one = getattr(settings, name)
        if one is not None and one.timeout_seconds < 1:
            found.append(f"{name}.timeout_seconds: must be at least 1")
    found += _topic_problems(settings)
    if settings.tryton is not None and not settings.tryton.companies:
        found.append("tryton.companies: names no company")
    if not 1 <= settings.batch_size <= 1000:
        found.append("batch_size: must be from 1 to 1000")
    return found


def _topic_problems(settings: ErpSettings) -> list[str]:
    found = []
    if settings.kafka is not None and "sasl.password" in settings.kafka.settings:
        found.append("kafka.settings: no secrets here; name a variable in kafka.password_env")
    if settings.kafka is not None and not re.fullmatch(r"[\w.-]+", settings.kafka.topic):
        found.append(f"kafka.topic: {settings.kafka.topic!r} is no name of a topic")
    if settings.pubsub is not None and not _PUBSUB_TOPIC.fullmatch(settings.pubsub.topic):
        found.append("pubsub.topic: write projects/P/topics/T")
    return found


def secret(variable: str, environment: Mapping[str, str] = os.environ) -> str:
    """Return what an environment variable holds. Raises ErpUnusable when it is not set."""
    value = environment.get(variable, "")
    if not value:
        raise ErpUnusable(
            f"the environment variable {variable} is not set",
            f"set {variable} to the credentials of the ERP",
        )
    return value
