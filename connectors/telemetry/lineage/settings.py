"""Whether and where lineage goes: an option, and what OpenLineage's own client looks at.

Sources: OpenLineage, "Python client" (OPENLINEAGE_URL, OPENLINEAGE_CONFIG, openlineage.yml,
OPENLINEAGE_DISABLED, OPENLINEAGE__TRANSPORT__…) and what Airflow hands to what it starts
(OPENLINEAGE_NAMESPACE, OPENLINEAGE_PARENT_ID, OPENLINEAGE_ROOT_PARENT_ID).
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import structlog

NAMESPACE = "crossfoot"
"""Of jobs, unless something else is asked for."""
_PARENT, _ROOT = "OPENLINEAGE_PARENT_ID", "OPENLINEAGE_ROOT_PARENT_ID"

_log = structlog.get_logger("crossfoot.lineage")


class LineageInvalid(Exception):
    """What is asked for cannot be done; the message says why."""


class OtherRun(msgspec.Struct, frozen=True):
    """The run that started this one, or the first of those before it."""

    namespace: str
    job: str
    run_id: str


class LineageSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where run events go and under which names."""

    to: str | None = None
    """URL of an HTTP receiver, or a file; None: where the client's own configuration says."""
    namespace: str = NAMESPACE
    parent: OtherRun | None = None
    root: OtherRun | None = None


def lineage_settings(
    to: str | None, environment: Mapping[str, str], working_folder: Path
) -> LineageSettings | None:
    """Return how lineage is told; None when nobody asked for it.

    `to`: what an option says. Raises LineageInvalid.
    """
    if environment.get("OPENLINEAGE_DISABLED", "").strip().lower() == "true":
        return None
    if to is not None:
        to = _checked(to)
    elif not _configured(environment, working_folder):
        return None
    return LineageSettings(
        to=to,
        namespace=environment.get("OPENLINEAGE_NAMESPACE", "").strip() or NAMESPACE,
        parent=_other_run(environment, _PARENT),
        root=_other_run(environment, _ROOT),
    )


def _checked(to: str) -> str:
    """A URL as it is, a file by its path. Raises LineageInvalid."""
    parts = urlsplit(to)
    if parts.scheme in ("http", "https"):
        if not parts.hostname:
            raise LineageInvalid("the URL of the receiver has no host")
        return to
    if parts.scheme and parts.scheme != "file":
        raise LineageInvalid(f"lineage goes to a file or over http, not to {parts.scheme}:")
    path = Path(parts.path if parts.scheme else to)
    if path.is_dir():
        raise LineageInvalid(f"{path} is a folder: name a file in it")
    if not path.absolute().parent.is_dir():
        raise LineageInvalid(f"{path.parent} is no folder")
    return str(path.absolute())


def _configured(environment: Mapping[str, str], working_folder: Path) -> bool:
    """Whether the client would find somewhere to send to."""
    names = ("OPENLINEAGE_URL", "OPENLINEAGE__TRANSPORT__TYPE", "OPENLINEAGE__TRANSPORT")
    if any(environment.get(name, "").strip() for name in names):
        return True
    home = environment.get("HOME")
    files = [working_folder / "openlineage.yml"]
    if named := environment.get("OPENLINEAGE_CONFIG"):
        files.append(Path(named))
    if home:
        files.append(Path(home) / ".openlineage" / "openlineage.yml")
    return any(file.is_file() for file in files)


def _other_run(environment: Mapping[str, str], name: str) -> OtherRun | None:
    """A run that somebody else began: `NAMESPACE/JOB/RUN_ID`; what is not one is left out."""
    told = environment.get(name, "").strip()
    if not told:
        return None
    parts = told.rsplit("/", 2)
    if len(parts) == 3 and all(parts) and _is_uuid(parts[2]):
        return OtherRun(*parts)
    _log.warning("parent_run_left_out", variable=name, wanted="NAMESPACE/JOB/RUN_ID")
    return None


def _is_uuid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True


def can_tell() -> bool:
    """Whether OpenLineage's client is installed (`crossfoot[telemetry]`)."""
    try:
        return find_spec("openlineage.client") is not None
    except ModuleNotFoundError:  # its parent
        return False
