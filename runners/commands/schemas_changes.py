"""`crossfoot schemas check`, `lock` and `new-version`: from an idea to a published version."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from connectors.registries.learning import LearningDamaged, learned_ids
from runners import arguments
from runners.display import print_json, print_lines, print_table
from runners.exit_codes import ExitCode
from runners.git_snapshots import folder_at
from runners.problems import Findings, Problem
from runners.registries import (
    HERE,
    RegistryFolder,
    SubjectName,
    known_subject,
    loaded_registry,
    lock_of,
)
from schemas.checking import check_against, check_registry
from schemas.compatibility import is_breaking
from schemas.contracts import Contracts, read_contracts
from schemas.drafting import NotDrafted, draft_version
from schemas.judging import Finding, Severity
from schemas.lock import LockDamaged, LockedId
from schemas.publishing import NotPublished, publish, rebuild_chain, record_ids
from schemas.registry import RegistryError, load_registry


def check(
    against: Annotated[
        str | None,
        typer.Option(metavar="REF", help="Also compare with the registry at this git commit."),
    ] = None,
    transitive: Annotated[
        bool,
        typer.Option("--transitive", help="Every earlier version counts, whatever the mode says."),
    ] = False,
    with_samples: Annotated[
        bool,
        typer.Option(
            "--with-samples", help="Also read the examples by both versions and compare the books."
        ),
    ] = False,
    registry: RegistryFolder = HERE,
    as_json: arguments.AsJson = False,
) -> None:
    """Check that no change loses money or events; what is breaking gives exit code 3.

    Every version alone, the lock, the latest version of every subject after
    those before it, and with --against all that is new since a commit. With
    --with-samples the examples are read by the older and the newer version,
    and where the journal entries they give differ, the difference is shown.

    Example:

      crossfoot schemas check --against origin/main --transitive --with-samples
    """
    now, locked = read_contracts(registry), lock_of(registry)
    findings = check_registry(now, locked, transitive=transitive)
    if against is not None:
        with folder_at(registry, against) as earlier:
            then, locked_then = _contracts_at(earlier, against), lock_of(earlier)
            findings += check_against(now, then, locked, locked_then, transitive=transitive)
            if with_samples:
                findings += _samples_since(registry, earlier, against)
    if with_samples:
        findings += _samples(registry)
    findings = list(dict.fromkeys(findings))
    if as_json:
        print_json(findings)
    else:
        print_findings(f"schemas checked, {len(now.histories)} subjects", findings)
    if is_breaking(findings):
        raise Findings


def _samples(root: Path) -> list[Finding]:
    """What the examples show of the versions of this registry; nothing where it cannot be loaded:
    the findings say why."""
    # Here, not at the top: the fold takes a while to import and other commands do without it.
    from pipelines.schema_samples import compare_samples

    try:
        return list(compare_samples(root, load_registry(root)))
    except RegistryError:
        return []


def _samples_since(root: Path, earlier: Path, ref: str) -> list[Finding]:
    from pipelines.schema_samples import compare_samples_with

    try:
        before, now = load_registry(earlier), load_registry(root)
    except RegistryError:
        what = f"the examples were not compared with {ref}: a registry has mistakes"
        return [Finding(subject="", path="", what=what, severity=Severity.CAUTION)]
    return list(compare_samples_with(root, now, earlier, before))


def lock(
    rebuild: Annotated[
        str | None,
        typer.Option(
            "--rebuild-chain",
            metavar="REF",
            help="After two branches added lines: chain anew those that are not at REF.",
        ),
    ] = None,
    learned: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also lock the ids that a pipeline recorded here."),
    ] = None,
    registry: RegistryFolder = HERE,
    as_json: arguments.AsJson = False,
) -> None:
    """Publish the versions that are not locked yet; from then on they may not change.

    Refused, with exit code 3, when a version is breaking or a locked one
    changed.

    Example:

      crossfoot schemas lock
      crossfoot schemas lock --rebuild-chain origin/main
    """
    lock_of(registry)
    if rebuild is not None:
        _rebuild(registry, rebuild)
    try:
        added = publish(registry)
    except NotPublished as refused:
        told = "\n  ".join(_sentence(finding) for finding in refused.findings)
        raise Problem(
            f"nothing was locked:\n  {told}", "mend what `crossfoot schemas check` tells",
            ExitCode.DATA,
        ) from refused  # fmt: skip
    except RegistryError as error:
        raise Problem(
            str(error), "`crossfoot schemas lint` lists what to mend", ExitCode.DATA
        ) from error
    ids = _learn(registry, learned) if learned is not None else []
    if as_json:
        print_json([*added, *ids])
    else:
        print_lines(*(f"locked {line.subject}@{line.version} {line.rabin}" for line in added))
        print_lines(*(f"locked {x.registry} id {x.id} of {x.subject}@{x.version}" for x in ids))
        print_lines(f"{len(added)} versions added")


def _learn(registry: Path, learned: Path) -> list[LockedId]:
    if not learned.exists():
        raise Problem(f"{learned} is not there", "name the file given as --schema-ids to the run")
    try:
        return record_ids(registry, learned_ids(learned, loaded_registry(registry)))
    except LearningDamaged as error:
        raise Problem(str(error), "take that line out", ExitCode.DATA) from error


def _rebuild(registry: Path, ref: str) -> None:
    with folder_at(registry, ref) as earlier:
        try:
            rebuild_chain(registry, lock_of(earlier))
        except LockDamaged as error:
            raise Problem(
                f"the lock has lost what {ref} published: {error}", "take it from git again",
                ExitCode.DATA,
            ) from error  # fmt: skip


def new_version(
    subject: SubjectName,
    summary: Annotated[
        str, typer.Option(metavar="TEXT", help="What changes and why, for the CHANGELOG.")
    ],
    registry: RegistryFolder = HERE,
    as_json: arguments.AsJson = False,
) -> None:
    """Begin the next version of a subject as a copy of the latest, examples too.

    Example:

      crossfoot schemas new-version billing.invoice_issued --summary "Adds the sales region."
    """
    found = known_subject(loaded_registry(registry), subject)
    if found.about.state != "active":
        raise Problem(f"{subject} is {found.about.state}", "begin a version of its successor")
    locked = {(line.subject, line.version) for line in lock_of(registry).versions}
    if (subject, found.latest.number) not in locked:
        raise Problem(
            f"{found.latest.label} is not locked yet, so it can still be changed",
            f"edit v{found.latest.number}.avsc, or run `crossfoot schemas lock` first",
        )
    try:
        draft = draft_version(registry, subject, found.latest.number, summary)
    except NotDrafted as error:
        raise Problem(str(error), "remove them or finish that version") from error
    if as_json:
        print_json(draft)
        return
    print_lines(f"began {draft.subject}@{draft.version}:")
    print_lines(*(f"  {registry / name}" for name in draft.files))
    print_lines(
        "edit them, see `crossfoot schemas diff`, then `crossfoot schemas check` and "
        "`crossfoot schemas lock`"
    )


def print_findings(title: str, findings: Sequence[Finding]) -> None:
    """Print findings as sentences, worst first as they come."""
    print_table(
        title,
        ["subject", "versions", "finding"],
        [[f.subject, _versions(f), f.sentence] for f in findings],
        empty="nothing to say",
    )


def _versions(finding: Finding) -> str:
    numbers = [str(number) for number in (finding.before, finding.after) if number is not None]
    return " -> ".join(numbers)


def _sentence(finding: Finding) -> str:
    return f"{finding.subject} {finding.sentence}".strip()


def _contracts_at(earlier: Path, ref: str) -> Contracts:
    """The registry at a commit; its problems name the commit, not the copy."""
    then = read_contracts(earlier)
    problems = tuple(told.replace(f"{earlier}/", f"{ref}:") for told in then.problems)
    return msgspec.structs.replace(then, problems=problems)
