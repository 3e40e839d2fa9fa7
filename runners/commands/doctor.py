"""`crossfoot doctor`: is everything here that a job needs, and how to mend what is not."""

from __future__ import annotations

import os
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from sqlalchemy.exc import ArgumentError

from connectors.store.health import sqlite_file
from connectors.topics.opening import TOPIC_FORM
from runners import arguments
from runners.display import print_json, print_lines, print_table
from runners.doctor.books import look_at_schemas, look_at_store
from runners.doctor.brokers import look_at_source, look_at_target
from runners.doctor.engines import look_at_engine
from runners.doctor.findings import Finding, Status
from runners.doctor.machine import look_at_file, look_at_folders
from runners.doctor.packages import beam_version, look_at_packages, needed_extras
from runners.engines import Engine
from runners.exit_codes import ExitCode
from runners.problems import Findings
from runners.registries import HERE, RegistryFolder


class Diagnosis(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that was looked at; field names are the JSON output."""

    problems: int
    warnings: int
    findings: tuple[Finding, ...]


def doctor(
    store: arguments.MaybeStore = None,
    runner: Annotated[
        Engine, typer.Option(help="Engine: local, prism, flink or dataflow.")
    ] = "local",
    origin: Annotated[
        str | None,
        typer.Option("--from", metavar="SOURCE", help="Source of a live job: kafka:… or pubsub:…"),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option("--to", metavar="TOPIC", help=f"Topic that is written to: {TOPIC_FORM}."),
    ] = None,
    beam: Annotated[
        list[str] | None,
        typer.Option(metavar="OPTION", help="A Beam option that the job will have, as for `run`."),
    ] = None,
    folder: Annotated[
        list[Path] | None,
        typer.Option(metavar="DIR", help="A folder a job will write to. May be repeated."),
    ] = None,
    least_free: Annotated[
        int, typer.Option(metavar="GIB", min=0, help="Disk that must be free in every folder.")
    ] = 2,
    registry: RegistryFolder = HERE,
    strict: arguments.Strict = False,
    as_json: arguments.AsJson = False,
) -> None:
    """Look at this machine as a job would find it: nothing is changed, nothing is started.

    Each finding is ok, a warning or a problem, with how to mend it. A problem gives exit code 4;
    with --strict a warning gives 3.

    Example:

      crossfoot doctor --store sqlite:///books.db --runner prism --from kafka:localhost:9092/billing
    """
    findings = [
        *look_at_packages(needed_extras(store, (origin, target), runner)),
        *look_at_engine(runner, beam or [], _sdk(), store, os.environ),
        *(look_at_source(origin) if origin is not None else []),
        *(look_at_target(target) if target is not None else []),
        *look_at_schemas(registry),
        *(look_at_store(store) if store is not None else []),
        *_machine(store, folder or [], least_free),
    ]
    diagnosis = Diagnosis(
        problems=sum(one.status is Status.PROBLEM for one in findings),
        warnings=sum(one.status is Status.WARNING for one in findings),
        findings=tuple(findings),
    )
    if as_json:
        print_json(diagnosis)
    else:
        _print(diagnosis)
    if diagnosis.problems:
        raise typer.Exit(ExitCode.ENVIRONMENT)
    if strict and diagnosis.warnings:
        raise Findings


def _sdk() -> str:
    try:
        return beam_version()
    except PackageNotFoundError:
        return "unknown"  # which the look at the packages reports


def _machine(store: str | None, folders: list[Path], least_free_gib: int) -> list[Finding]:
    try:
        file = sqlite_file(store) if store is not None else None
    except ArgumentError:
        file = None  # which the look at the store reports
    if file is None:
        return look_at_folders(folders, least_free_gib)
    return [*look_at_folders([file.parent, *folders], least_free_gib), *look_at_file(file)]


def _print(diagnosis: Diagnosis) -> None:
    print_table(
        "what a job finds here",
        ["check", "status", "finding", "to mend"],
        [[one.check, one.status, one.what, one.mend or ""] for one in diagnosis.findings],
    )
    print_lines(f"{diagnosis.problems} problems, {diagnosis.warnings} warnings")
