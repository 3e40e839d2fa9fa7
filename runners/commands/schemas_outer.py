"""`crossfoot schemas plan` and `apply`: telling outer registries what is published here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import typer

from connectors.registries.asking import RegistryRefused, RegistryUnreachable
from connectors.registries.confluent_steps import ConfluentSteps
from connectors.registries.file_steps import file_steps
from connectors.registries.outer import reached
from connectors.registries.pubsub import PubsubSchemas, apply_pubsub
from connectors.registries.steps import Action, Step, ids_of, wanted_subjects
from runners import arguments
from runners.display import print_json, print_lines, print_table
from runners.exit_codes import ExitCode
from runners.problems import Findings, Problem
from runners.registries import HERE, RegistryFolder, known_subject, loaded_registry, lock_of
from schemas.files import read_registry_file
from schemas.publishing import record_ids

Target = Annotated[
    Literal["confluent", "pubsub", "files"],
    typer.Option(
        help="confluent: any registry with Confluent's API. pubsub: schemas of Google Pub/Sub. "
        "files: a folder for other tools."
    ),
]
Subjects = Annotated[
    list[str] | None, typer.Argument(metavar="[SUBJECT]...", help="Default: every subject.")
]
Url = Annotated[
    str | None, typer.Option(metavar="URL", help="confluent: where the registry answers.")
]
Project = Annotated[str | None, typer.Option(metavar="ID", help="pubsub: the Google project.")]
Out = Annotated[Path | None, typer.Option(metavar="FOLDER", help="files: where they go.")]
Name = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="What the lock calls this registry. Default: the target."),
]
Naming = Annotated[
    str | None,
    typer.Option(
        metavar="PATTERN",
        help="Names there. Default: {subject}-value for confluent, {subject} otherwise.",
    ),
]
DropOldest = Annotated[
    bool, typer.Option("--drop-oldest", help="pubsub: delete old revisions to make room.")
]


def plan(
    target: Target,
    subjects: Subjects = None,
    url: Url = None,
    project: Project = None,
    out: Out = None,
    naming: Naming = None,
    drop_oldest: DropOldest = False,
    registry: RegistryFolder = HERE,
    as_json: arguments.AsJson = False,
) -> None:
    """Show what an outer registry lacks; nothing is changed.

    What it would refuse gives exit code 3.

    Example:

      crossfoot schemas plan --target confluent --url http://localhost:8081
    """
    steps = _steps(target, subjects, url, project, out, naming, drop_oldest, registry, False)
    _tell(f"plan for {target}: nothing was changed", steps, as_json)


def apply(
    target: Target,
    subjects: Subjects = None,
    url: Url = None,
    project: Project = None,
    out: Out = None,
    name: Name = None,
    naming: Naming = None,
    drop_oldest: DropOldest = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Really do it; without, this is `plan`.")
    ] = False,
    registry: RegistryFolder = HERE,
    as_json: arguments.AsJson = False,
) -> None:
    """Publish locked versions to an outer registry and lock the ids that it gives.

    A dry run unless --yes is given. What it refuses gives exit code 3; the
    rest is done.

    Example:

      crossfoot schemas apply --target confluent --url http://localhost:8081 --name prod --yes
    """
    steps = _steps(target, subjects, url, project, out, naming, drop_oldest, registry, yes)
    if yes:
        record_ids(registry, ids_of(steps, name or target, lock_of(registry)))
    done = "applied" if yes else "dry run, nothing was changed (--yes does it)"
    _tell(f"{target}: {done}", steps, as_json)


def _steps(
    target: str,
    names: list[str] | None,
    url: str | None,
    project: str | None,
    out: Path | None,
    naming: str | None,
    drop_oldest: bool,
    root: Path,
    applying: bool,
) -> list[Step]:
    """Go over the registry as the target asks. Raises Problem."""
    registry, lock = loaded_registry(root), lock_of(root)
    for name in names or []:
        known_subject(registry, name)
    subjects = wanted_subjects(registry, names or None)
    pattern = naming or ("{subject}-value" if target == "confluent" else "{subject}")
    if "{subject}" not in pattern:
        raise Problem("--naming must contain {subject}", "write for example '{subject}-value'")
    with _reachable():
        if target == "files":
            folder = _given(out, "--out")
            return list(file_steps(folder, subjects, lock, naming=pattern, applying=applying))
        if target == "pubsub":
            outer = PubsubSchemas(_given(project, "--project"))
            return list(
                apply_pubsub(outer, subjects, lock, naming=pattern, drop_oldest=drop_oldest,
                             applying=applying)
            )  # fmt: skip
        walk = ConfluentSteps(
            registry,
            reached(_given(url, "--url")),
            naming=pattern,
            shared_namespace=_shared_namespace(root),
            applying=applying,
        )
        return list(walk.steps(subjects, lock))


def _shared_namespace(root: Path) -> str:
    settings = read_registry_file(root, [])
    assert settings is not None, "a registry that was loaded has its file"
    return f"{settings.namespace}.common"


def _given(value: str | Path | None, option: str):  # type: ignore[no-untyped-def]
    if value is None:
        raise Problem(f"this target needs {option}", "see `crossfoot schemas apply --help`")
    return value


@contextmanager
def _reachable() -> Iterator[None]:
    try:
        yield
    except RegistryUnreachable as error:
        raise Problem(
            f"the registry cannot be used: {error}",
            "check its address and credentials; what was done so far is not undone, and running "
            "this again goes on from there",
            ExitCode.ENVIRONMENT,
        ) from error
    except RegistryRefused as error:
        raise Problem(f"the registry refuses: {error}", "", ExitCode.DATA) from error


def _tell(title: str, steps: Sequence[Step], as_json: bool) -> None:
    if as_json:
        print_json(steps)
    else:
        shown = [s for s in steps if s.action is not Action.KEEP]
        print_table(
            title,
            ["action", "subject", "version", "there", "what"],
            [[s.action, s.subject, str(s.version or ""), s.name, s.what] for s in shown],
            empty="nothing to do",
        )
        counts = Counter(step.action.value for step in steps)
        print_lines(", ".join(f"{count} {action}" for action, count in sorted(counts.items())))
    if any(step.action is Action.REFUSED for step in steps):
        raise Findings
