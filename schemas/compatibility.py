"""The verdict on a new version of a contract: may it be published after these others?

Three layers: what the version itself may not say (`schemas.lint`), what Avro's readers could
not follow in the directions that the mode promises (`schemas.avro_resolution`), and what would
be read as something else than was written (`schemas.judging`). The last holds in every mode.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum

from schemas.avro_resolution import AvroSchema, NotAvro, parse_avro, unreadable
from schemas.changes import find_changes
from schemas.contracts import Contract
from schemas.files import Compatibility
from schemas.judging import Finding, Severity, judge
from schemas.lint import Limits, lint


class Direction(Enum):
    """Who reads whom."""

    BACKWARD = "new readers cannot read older records"
    FORWARD = "older readers cannot read new records"


DIRECTIONS: dict[str, tuple[Direction, ...]] = {
    "BACKWARD": (Direction.BACKWARD,),
    "FORWARD": (Direction.FORWARD,),
    "FULL": (Direction.BACKWARD, Direction.FORWARD),
    "NONE": (),
}
"""What a mode promises. NONE promises neither, and money still keeps its meaning."""

_TRANSITIVE = "_TRANSITIVE"


def is_transitive(mode: Compatibility) -> bool:
    """True when every earlier version counts, not only the one before."""
    return mode.endswith(_TRANSITIVE)


def check_history(
    earlier: Sequence[Contract], new: Contract, mode: Compatibility, limits: Limits
) -> list[Finding]:
    """Return everything to be said of `new` after `earlier` (oldest first), worst first.

    It may be published when none of it is breaking.
    """
    compared = earlier if is_transitive(mode) else earlier[-1:]
    findings = check_alone(new, limits)
    for old in reversed(compared):
        findings += check_pair(old, new, mode)
    return sorted(findings, key=_worst_first)


def is_breaking(findings: Sequence[Finding]) -> bool:
    """True when something of it may not be published."""
    return any(finding.severity is Severity.BREAKING for finding in findings)


def check_alone(contract: Contract, limits: Limits) -> list[Finding]:
    """What one version may not say, whatever came before it."""
    try:
        parse_avro(contract.schema)
    except NotAvro as refused:
        return [_refusal(contract, "", str(refused))]
    return [_refusal(contract, *_split(problem)) for problem in lint(contract.schema, limits)]


def check_pair(old: Contract, new: Contract, mode: Compatibility) -> list[Finding]:
    """Compare two versions as the mode asks; empty when nothing at all is different.

    A schema that Avro does not accept is not compared: `check_alone` says so.
    """
    try:
        schemas = parse_avro(old.schema), parse_avro(new.schema)
    except NotAvro:
        return []
    findings = [judge(c, new.subject, old.number, new.number) for c in find_changes(old, new)]
    for direction in DIRECTIONS[mode.removesuffix(_TRANSITIVE)]:
        findings += _unread(direction, schemas, old, new)
    return sorted(findings, key=_worst_first)


def _unread(
    direction: Direction, schemas: tuple[AvroSchema, AvroSchema], old: Contract, new: Contract
) -> Iterator[Finding]:
    before, after = schemas
    backward = direction is Direction.BACKWARD
    for place in unreadable(after, before) if backward else unreadable(before, after):
        yield Finding(
            subject=new.subject,
            before=old.number,
            after=new.number,
            path=place.path,
            what=f"{direction.value}: {place.why}",
            severity=Severity.BREAKING,
            cause="reading",
        )


def _refusal(contract: Contract, path: str, what: str) -> Finding:
    return Finding(
        subject=contract.subject,
        after=contract.number,
        path=path,
        what=what,
        severity=Severity.BREAKING,
        cause="refused",
    )


def _split(problem: str) -> tuple[str, str]:
    """(path, what) of a linter's problem, which is `path: what` or, of the whole, `what`."""
    path, colon, what = problem.partition(": ")
    return (path, what) if colon else ("", problem)


_SEVERITIES = list(Severity)


def _worst_first(finding: Finding) -> tuple[int, int]:
    """Newest pair first among the equally bad; otherwise the order of the fields stays."""
    return (_SEVERITIES.index(finding.severity), -(finding.before or 0))
