"""Reading what a command line names: input files, policy packs, books; mistakes as Problems."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from connectors.decoding import CompanyConfig
from connectors.deliveries.delivery import ErpAway, ErpUnusable
from connectors.deliveries.settings import ErpSettings, SettingsError, load_erp_settings
from connectors.files.listing import (
    FileRange,
    InputChanged,
    InputNotFound,
    InputUnreadable,
    find_files,
    split_ranges,
)
from connectors.files.rates import load_rate_table
from connectors.gl_mappings import MappingFile, load_mapping_file
from connectors.policy_packs import (
    ConfigurationError,
    load_books_config,
    load_policy_pack,
    pack_names,
)
from ledger.gl_mapping import GlMapping
from ledger.policies import PolicyPack
from runners.exit_codes import ExitCode
from runners.problems import Problem


def input_ranges(patterns: Sequence[str]) -> list[FileRange]:
    """Return the ranges of all files that `patterns` match; raises Problem when one has none."""
    try:
        return split_ranges(find_files(patterns))
    except InputNotFound as error:
        raise Problem(
            f"--input: {error}",
            "check the path; quote patterns ('events/*.jsonl') so that the shell leaves them alone",
        ) from error
    except InputUnreadable as error:
        raise Problem(
            f"--input: {error}", "give JSON lines, plain or gzip, or Avro container files"
        ) from error


@contextmanager
def unchanging_inputs() -> Iterator[None]:
    """Raise Problem when a file changes while it is read."""
    try:
        yield
    except InputChanged as error:
        raise Problem(
            f"--input: {error}",
            "run it again when the files are complete: nothing is posted twice",
            ExitCode.ENVIRONMENT,
        ) from error


def policy_pack(name_or_path: str) -> PolicyPack:
    """Return the pack of that name or file; raises Problem when there is none or it is wrong."""
    try:
        return load_policy_pack(name_or_path)
    except ConfigurationError as error:
        raise Problem(
            f"--policy: {error}",
            f"give one of {', '.join(pack_names())}, or a YAML file with every choice of a pack "
            "(`crossfoot policy show stripe-contra` prints one to start from)",
        ) from error


def books_config(path: str | None, rates_path: str | None) -> CompanyConfig:
    """Return the company facts of a books file, with the rates of a rates file added to its own.

    Raises Problem when one is missing or wrong.
    """
    try:
        books = load_books_config(path)
    except ConfigurationError as error:
        raise Problem(
            f"--books: {error}", "correct the file; docs/configuration.md names every setting"
        ) from error
    if rates_path is None:
        return books
    try:
        return load_rate_table(rates_path).added_to(books)
    except ConfigurationError as error:
        raise Problem(
            f"--rates: {error}",
            "give CSV with the columns date,base,quote,rate,source, as in "
            "2026-01-15,EUR,USD,1.20,ECB",
        ) from error


def erp_settings(path: str) -> ErpSettings:
    """Return how the ERP is reached; raises Problem when the file is missing or wrong."""
    try:
        return load_erp_settings(path)
    except SettingsError as error:
        raise Problem(
            f"--erp: {error}", "correct the file; docs/erp.md names every setting"
        ) from error


def gl_mapping(path: str) -> GlMapping:
    """Return the GL mapping of a file; raises Problem with everything that is wrong in it."""
    return mapping_file(path).mapping


@contextmanager
def erp_problems() -> Iterator[None]:
    """Turn what an ERP does not allow, or an ERP that is not there, into a Problem."""
    try:
        yield
    except ErpUnusable as error:
        raise Problem(error.words, error.mend, ExitCode.ENVIRONMENT) from error
    except ErpAway as error:
        raise Problem(
            f"the ERP is away: {error.words}",
            "see that it can be reached, and run the command again",
            ExitCode.ENVIRONMENT,
        ) from error


def mapping_file(path: str) -> MappingFile:
    """Return a GL mapping with its chart; raises Problem that names every mistake."""
    try:
        return load_mapping_file(path)
    except ConfigurationError as error:
        raise Problem(
            f"--mapping: {error}",
            "correct the file; docs/gl-mapping.md says how rows are written, and "
            "`crossfoot mapping check` finds what else is wrong",
        ) from error
