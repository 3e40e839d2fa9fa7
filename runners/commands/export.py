"""`crossfoot export`: the books for beancount, hledger or a spreadsheet."""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from connectors.chart_files import AccountType
from connectors.exports import EXPORTS
from connectors.gl_mappings import MappingFile
from connectors.store import DeliveryStatus, LedgerStore
from connectors.store.postings import PostedEntry
from ledger.gl_accounts import Mapped, Unmapped, map_entry
from ledger.gl_mapping import GlMapping
from runners import arguments
from runners.display import print_json, say
from runners.problems import Problem
from runners.reading import mapping_file
from runners.stores import opened_store

app = typer.Typer(no_args_is_help=True, help="Write the books for other programs.")

Out = Annotated[
    str, typer.Option(metavar="FILE", help="File to write; - for stdout.", show_default=True)
]


class Exported(msgspec.Struct, frozen=True, kw_only=True):
    """What was written; field names are the JSON output."""

    format: str
    file: str
    postings: int
    unmapped: int = 0
    """Postings that the mapping has no GL account for; they are on roles."""


@app.command("beancount")
def beancount(
    store: arguments.Store,
    out: Out = "-",
    mapping: arguments.Mapping = None,
    tenant: arguments.AnyTenant = None,
    as_json: arguments.AsJson = False,
) -> None:
    """Write every posting as a beancount file; `bean-check` accepts it.

    Example:

      crossfoot export beancount --store sqlite:///books.db --out books.beancount
    """
    _export("beancount", store, out, mapping, tenant, as_json)


@app.command("hledger")
def hledger(
    store: arguments.Store,
    out: Out = "-",
    mapping: arguments.Mapping = None,
    tenant: arguments.AnyTenant = None,
    as_json: arguments.AsJson = False,
) -> None:
    """Write every posting as a journal; `hledger check --strict` accepts it.

    Example:

      crossfoot export hledger --store sqlite:///books.db --out books.journal
    """
    _export("hledger", store, out, mapping, tenant, as_json)


@app.command("csv")
def csv(
    store: arguments.Store,
    out: Out = "-",
    mapping: arguments.Mapping = None,
    tenant: arguments.AnyTenant = None,
    as_json: arguments.AsJson = False,
) -> None:
    """Write one row per journal line, with all that leads back to its cause.

    Example:

      crossfoot export csv --store sqlite:///books.db --out books.csv
    """
    _export("csv", store, out, mapping, tenant, as_json)


def _export(
    name: str, url: str, out: str, mapping: str | None, tenant: str | None, as_json: bool
) -> None:
    if as_json and out == "-":
        raise Problem("--json needs --out FILE", "both would be written to stdout")
    file = mapping_file(mapping) if mapping is not None else None
    with opened_store(url) as store:
        wanted = tenant if tenant is not None else _only_tenant(store)
        counted = _Counted(store.postings(wanted), file.mapping if file else None)
        with _written(out) as write:
            for piece in EXPORTS[name](counted, _roots(file) if file else None):
                write(piece)
    if counted.unmapped:
        say(
            f"{counted.unmapped} postings have no GL account in {mapping} and are on roles; "
            "`crossfoot mapping check` says why"
        )
    done = Exported(format=name, file=out, postings=counted.seen, unmapped=counted.unmapped)
    if as_json:
        print_json(done)
    elif out != "-":
        say(f"{done.postings} postings written to {out}")


def _only_tenant(store: LedgerStore) -> str | None:
    """The one tenant in the store; a file holds one company's books."""
    tenants = sorted({row.tenant for row in store.trial_balance()})
    if len(tenants) > 1:
        raise Problem(
            f"the store holds the books of {', '.join(tenants)}", "choose one with --tenant"
        )
    return tenants[0] if tenants else None


def _roots(file: MappingFile) -> dict[str, str]:
    """Which of the five account types each account of the chart is."""
    names = {AccountType.ASSET: "Assets", AccountType.LIABILITY: "Liabilities"}
    more = {AccountType.EQUITY: "Equity", AccountType.INCOME: "Income"}
    roots = {**names, **more, AccountType.EXPENSE: "Expenses"}
    return {code: roots[one.type] for code, one in (file.chart or {}).items()}


class _Counted:
    """Passes postings on, on the accounts of a mapping or on roles, and counts them."""

    def __init__(self, postings: Iterable[PostedEntry], mapping: GlMapping | None) -> None:
        self._postings = postings
        self._mapping = mapping
        self.seen = 0
        self.unmapped = 0

    def __iter__(self) -> Iterator[PostedEntry]:
        for posting in self._postings:
            self.seen += 1
            yield msgspec.structs.replace(posting, accounts=self._accounts(posting))

    def _accounts(self, posting: PostedEntry) -> Mapped:
        """What the ERP has it on, else what the mapping says."""
        if self._mapping is None:
            return ()
        if posting.delivery == DeliveryStatus.ACCEPTED and posting.accounts:
            return posting.accounts
        found = map_entry(self._mapping, posting.entry)
        if isinstance(found, Unmapped):
            self.unmapped += 1
            return ()
        return found


@contextmanager
def _written(out: str) -> Iterator[Callable[[str], object]]:
    """A file that is there as a whole or not at all; or stdout."""
    if out == "-":
        yield sys.stdout.write
        return
    path = Path(out)
    if not path.parent.is_dir():
        raise Problem(f"--out: there is no folder {path.parent}", "make it, or name another")
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        with temporary.open("x", encoding="utf-8", newline="") as file:
            yield file.write
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
