"""`crossfoot schemas`: look at the contracts of events. What changes them is beside this file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from runners import arguments
from runners.commands import schemas_changes, schemas_export, schemas_outer, schemas_states
from runners.display import print_json, print_lines, print_table
from runners.problems import Findings, Problem
from runners.registries import (
    HERE,
    RegistryFolder,
    SubjectName,
    known_subject,
    known_version,
    loaded_registry,
)
from schemas.checking import check_files
from schemas.compatibility import check_pair, is_breaking
from schemas.contracts import Contract, History, read_contracts
from schemas.judging import Finding
from schemas.pages import FieldRow, default_in_words, field_rows, subject_page
from schemas.registry import Subject

app = typer.Typer(
    no_args_is_help=True, help="Show, check and change the contracts of events (schemas)."
)


class ListedSubject(msgspec.Struct, frozen=True, kw_only=True):
    """One subject in a list; the JSON output."""

    subject: str
    versions: int
    state: str
    sunset: str | None
    owner: str
    service_class: str
    compatibility: str
    consumers: tuple[str, ...]
    purpose: str


class ShownSubject(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a subject with its fields; the JSON output."""

    about: ListedSubject
    version: int
    rabin: str
    sha256: str
    fields: tuple[FieldRow, ...]


@app.command("list")
def list_subjects(registry: RegistryFolder = HERE, as_json: arguments.AsJson = False) -> None:
    """List the subjects with their versions, owners and states.

    Example:

      crossfoot schemas list
    """
    subjects = [_listed(s) for _, s in sorted(loaded_registry(registry).subjects.items())]
    if as_json:
        print_json(subjects)
        return
    columns = ["subject", "versions", "state", "owner", "class", "compatibility"]
    print_table(
        "subjects",
        columns,
        [
            [s.subject, str(s.versions), s.state, s.owner, s.service_class, s.compatibility]
            for s in subjects
        ],
        right=["versions"],
    )


@app.command("show")
def show_subject(
    subject: SubjectName,
    version: Annotated[
        int | None, typer.Option(metavar="N", help="Which version. Default: the latest.")
    ] = None,
    registry: RegistryFolder = HERE,
    as_json: arguments.AsJson = False,
) -> None:
    """Show a subject and every field of one of its versions.

    Example:

      crossfoot schemas show billing.invoice_issued
    """
    loaded = loaded_registry(registry)
    found = known_subject(loaded, subject)
    shown = known_version(loaded, subject, found.latest.number if version is None else version)
    rows = field_rows(shown)
    if as_json:
        print_json(
            ShownSubject(
                about=_listed(found),
                version=shown.number,
                rabin=shown.rabin,
                sha256=shown.sha256,
                fields=tuple(rows),
            )
        )
        return
    about = _listed(found)
    print_lines(f"{shown.label}: {' '.join(about.purpose.split())}", "")
    print_lines(f"owner {about.owner}, {about.state}, {about.service_class}, {about.compatibility}")
    print_lines(f"fingerprint {shown.rabin}", f"sha256 {shown.sha256}", "")
    print_table(
        "fields",
        ["field", "type", "rule", "default", "personal"],
        [
            [r.path, r.type, r.rule or "", default_in_words(r), "yes" if r.personal_data else ""]
            for r in rows
        ],
    )


@app.command("lint")
def lint_registry(registry: RegistryFolder = HERE, as_json: arguments.AsJson = False) -> None:
    """Say what no version may say, file by file. Anything found gives exit code 3.

    Example:

      crossfoot schemas lint
    """
    findings = check_files(read_contracts(registry))
    if not findings:
        # What ties the files together (names, keys, personal data) is asked of the whole.
        loaded_registry(registry)
    _tell(findings, "mistakes", as_json)
    if findings:
        raise Findings


@app.command("diff")
def diff_versions(
    subject: SubjectName,
    before: Annotated[
        int | None,
        typer.Option("--from", metavar="N", help="Older version. Default: the one before."),
    ] = None,
    after: Annotated[
        int | None, typer.Option("--to", metavar="N", help="Newer version. Default: the latest.")
    ] = None,
    registry: RegistryFolder = HERE,
    as_json: arguments.AsJson = False,
) -> None:
    """Say in plain language what is different between two versions.

    A breaking difference gives exit code 3.

    Example:

      crossfoot schemas diff billing.invoice_issued --from 1
    """
    history = read_contracts(registry).histories.get(subject)
    if history is None or not history.versions:
        raise Problem(f"the registry has no {subject}", "`crossfoot schemas list` prints them")
    newer = _version_of(history, history.versions[-1].number if after is None else after)
    older = _version_of(history, max(newer.number - 1, 1) if before is None else before)
    findings = check_pair(older, newer, history.mode)
    _tell(findings, f"{older.label} -> {newer.label} ({history.mode})", as_json)
    if is_breaking(findings):
        raise Findings


@app.command("doc")
def document(
    subjects: Annotated[
        list[str] | None,
        typer.Argument(metavar="[SUBJECT]...", help="Default: every subject."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Write <subject>.md here instead of to stdout."),
    ] = None,
    registry: RegistryFolder = HERE,
    as_json: arguments.AsJson = False,
) -> None:
    """Write a readable page per subject, in Markdown.

    Example:

      crossfoot schemas doc billing.invoice_issued > invoice_issued.md
    """
    loaded = loaded_registry(registry)
    pages = {
        name: subject_page(known_subject(loaded, name))
        for name in subjects or sorted(loaded.subjects)
    }
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        for name, page in pages.items():
            (out / f"{name}.md").write_text(page, encoding="utf-8")
    if as_json:
        print_json(pages if out is None else {name: out / f"{name}.md" for name in pages})
    elif out is None:
        for page in pages.values():
            print_lines(*page.splitlines())
    else:
        print_lines(f"wrote {len(pages)} pages to {out}")


def _listed(subject: Subject) -> ListedSubject:
    about = subject.about
    return ListedSubject(
        subject=subject.name,
        versions=len(subject.versions),
        state=about.state,
        sunset=about.sunset,
        owner=about.owner,
        service_class=about.service_class,
        compatibility=subject.compatibility,
        consumers=about.consumers,
        purpose=about.purpose.strip(),
    )


def _version_of(history: History, number: int) -> Contract:
    found = next((v for v in history.versions if v.number == number), None)
    if found is None:
        raise Problem(
            f"the registry has no {history.subject}@{number}",
            "`crossfoot schemas list` prints subjects and how many versions they have",
        )
    return found


def _tell(findings: Sequence[Finding], title: str, as_json: bool) -> None:
    if as_json:
        print_json(findings)
    else:
        schemas_changes.print_findings(title, findings)


app.command("check")(schemas_changes.check)
app.command("lock")(schemas_changes.lock)
app.command("new-version")(schemas_changes.new_version)
app.command("plan")(schemas_outer.plan)
app.command("apply")(schemas_outer.apply)
app.command("export")(schemas_export.export)
app.command("usage")(schemas_states.usage)
app.command("deprecate")(schemas_states.deprecate)
app.command("retire")(schemas_states.retire)
