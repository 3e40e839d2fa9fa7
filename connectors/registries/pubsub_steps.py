"""What Google Pub/Sub needs in order to hold our versions as revisions of a schema.

Pure: what is there goes in, steps come out. Pub/Sub knows no references, so types are inlined;
a schema has at most 20 revisions and a definition at most 300 KB. Source: Google Cloud Pub/Sub
documentation, "Schema overview" and "Quotas and limits".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from connectors.registries.steps import Action, Step
from schemas.versions import SubjectVersion

Json = Any
MOST_REVISIONS = 20
MOST_BYTES = 300_000
_NAME = re.compile(r"(?!goog)[A-Za-z][A-Za-z0-9\-_.~+%]{2,254}", re.ASCII)


class Revision(msgspec.Struct, frozen=True):
    """One revision of a schema there."""

    revision_id: str
    definition: str


def definition_of(version: SubjectVersion) -> str:
    """The text that is committed: types inlined, no spaces."""
    return json.dumps(version.schema, ensure_ascii=False, separators=(",", ":"))


def pubsub_steps(
    name: str,
    versions: Sequence[SubjectVersion],
    there: Sequence[Revision],
    *,
    drop_oldest: bool,
) -> Iterator[Step]:
    """Yield the steps for one subject; `there` is oldest first.

    Only the newest 20 versions can be held. Room is made only with `drop_oldest`: a topic may
    still name an old revision.
    """
    subject = versions[-1].subject
    if not _NAME.fullmatch(name):
        yield _refused(subject, None, name, "is no name that Pub/Sub takes")
        return
    revisions = {_meaning(r.definition): r for r in there}
    ours = {_meaning(definition_of(v)) for v in versions}
    foreign = [r for r in there if _meaning(r.definition) not in ours]
    held = [r.revision_id for r in there]
    for revision in foreign:
        what = f"revision {revision.revision_id} there is none of ours"
        yield Step(action=Action.LEAVE, subject=subject, version=None, name=name, what=what)
    for version in versions[-MOST_REVISIONS:]:
        text = definition_of(version)
        found = revisions.get(_meaning(text))
        if found is not None:
            what = f"is revision {found.revision_id} there"
            id_ = f"{name}@{found.revision_id}"
            yield _step(Action.KEEP, version, name, what, id_)
            continue
        size = len(text.encode())
        if size > MOST_BYTES:
            what = f"{size} bytes; a definition may have {MOST_BYTES}"
            yield _refused(subject, version.number, name, what)
            return
        if len(held) >= MOST_REVISIONS:
            if not drop_oldest:
                what = f"{len(held)} revisions are there, and no more fit; see --drop-oldest"
                yield _refused(subject, version.number, name, what)
                return
            what = f"revision {held[0]} makes room"
            yield Step(
                action=Action.DROP_REVISION, subject=subject, version=None, name=name, what=what,
                id=f"{name}@{held.pop(0)}",
            )  # fmt: skip
        held.append("new")
        yield _step(Action.REGISTER, version, name, "new", None)


def _meaning(definition: str) -> str:
    """The definition whatever its spaces and the order of its keys."""
    try:
        return json.dumps(json.loads(definition), sort_keys=True)
    except ValueError:
        return definition


def _step(action: Action, version: SubjectVersion, name: str, what: str, id_: str | None) -> Step:
    return Step(
        action=action,
        subject=version.subject,
        version=version.number,
        name=name,
        what=what,
        id=id_,
    )


def _refused(subject: str, version: int | None, name: str, what: str) -> Step:
    return Step(action=Action.REFUSED, subject=subject, version=version, name=name, what=what)
