"""Datasets under the names that OpenLineage gives them, so that lineage of others joins ours.

Source: OpenLineage, `spec/Naming.md` (files, Kafka, PostgreSQL, Pub/Sub). It has no rule for
SQLite: here the namespace is `sqlite` and the name that of PostgreSQL with the file's absolute
path as database. A URL's user and password are in no name.
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from connectors.telemetry.lineage.facts import Column, Dataset

if TYPE_CHECKING:
    from sqlalchemy import URL

MOST_FILES = 20
"""Of more files than this, their folders are the datasets."""
KAFKA_PORT, POSTGRES_PORT = "9092", "5432"

_SEARCH_PATH = re.compile(r"-c\s*search_path=\"?([A-Za-z_][\w$]*)")


def files_read(patterns: Sequence[str], fields: tuple[Column, ...] = ()) -> tuple[Dataset, ...]:
    """Return the input of file patterns: a file by its name, of a pattern the folder it starts in.

    What cannot be looked at is told without counts.
    """
    named = [(pattern, _place(pattern)) for pattern in patterns]
    if len({place for _, place in named}) > MOST_FILES:
        named = [(pattern, os.path.dirname(place)) for pattern, place in named]
    found: dict[str, set[str]] = {}
    for pattern, place in named:
        found.setdefault(place, set()).update(_matches(pattern))
    return tuple(_files(place, paths, fields) for place, paths in found.items())


def _place(pattern: str) -> str:
    if os.path.lexists(pattern) or not glob.has_magic(pattern):
        return os.path.abspath(pattern)
    parts = Path(pattern).parts
    fixed = next(number for number, part in enumerate(parts) if glob.has_magic(part))
    return os.path.abspath(os.path.join(*parts[:fixed]) if fixed else ".")


def _matches(pattern: str) -> list[str]:
    found = [pattern] if os.path.lexists(pattern) else glob.glob(pattern, recursive=True)
    return [os.path.abspath(path) for path in found if os.path.isfile(path)]


def _files(place: str, paths: set[str], fields: tuple[Column, ...]) -> Dataset:
    sizes = []
    for path in paths:
        try:
            sizes.append(os.path.getsize(path))
        except OSError:  # vanished: the run itself tells
            continue
    return Dataset(
        namespace="file", name=place, fields=fields, files=len(sizes), size_bytes=sum(sizes)
    )


def file_written(
    folder: str | os.PathLike[str], pattern: str, key: str, fields: tuple[Column, ...] = ()
) -> Dataset:
    """Return what is written as files of one kind into a folder."""
    name = os.path.join(os.path.abspath(folder), pattern)
    return Dataset(namespace="file", name=name, key=key, fields=fields)


def topics_read(
    brokers: str, topics: Sequence[str], fields: tuple[Column, ...] = ()
) -> tuple[Dataset, ...]:
    """Return topics of Kafka; their namespace is the first of the brokers."""
    host, _, port = brokers.split(",")[0].strip().rpartition(":")
    if not port.isdigit() or not host:
        host, port = brokers.split(",")[0].strip(), KAFKA_PORT
    namespace = f"kafka://{host}:{port}"
    return tuple(Dataset(namespace=namespace, name=topic, fields=fields) for topic in topics)


def subscription_read(path: str, fields: tuple[Column, ...] = ()) -> Dataset:
    """Return a subscription of Pub/Sub; `path`: projects/P/subscriptions/S."""
    _, project, _, name = path.split("/")
    return Dataset(namespace="pubsub", name=f"subscription:{project}:{name}", fields=fields)


def store_table(url: str, table: str, fields: tuple[Column, ...] = ()) -> Dataset:
    """Return a table of the ledger store; of a URL that cannot be read, as one of its scheme."""
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        namespace, database = _where(make_url(url))
    except ArgumentError:  # the run itself tells
        namespace, database = url.partition(":")[0], "unknown"
    return Dataset(namespace=namespace, name=f"{database}.{table}", key=table, fields=fields)


def _where(url: URL) -> tuple[str, str]:
    """Return the namespace, and database and schema."""
    if url.get_backend_name() == "sqlite":
        memory = not url.database or url.database == ":memory:"
        path = ":memory:" if memory else os.path.abspath(url.database or "")
        return "sqlite", f"{path}.main"
    host = _first(url.host or _asked(url, "host")) or "localhost"
    if host.startswith(("/", "@")):  # a socket of this machine
        host = "localhost"
    port = str(url.port or _first(_asked(url, "port")) or POSTGRES_PORT)
    found = _SEARCH_PATH.search(_asked(url, "options"))
    schema = found[1] if found else "public"
    database = url.database or _asked(url, "dbname") or url.username or "postgres"
    scheme = url.get_backend_name().replace("postgresql", "postgres")
    return f"{scheme}://{host}:{port}", f"{database}.{schema}"


def _asked(url: URL, name: str) -> str:
    told = url.query.get(name, "")
    return told if isinstance(told, str) else ",".join(told)


def _first(hosts: str) -> str:
    """The first of several servers, which libpq tries in turn."""
    return hosts.split(",")[0].strip()
