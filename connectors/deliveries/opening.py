"""Opens the delivery that a command line names, with the settings of an ERP file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from connectors.deliveries.delivery import Delivery, ErpUnusable
from connectors.deliveries.http_journal import HttpJournal
from connectors.deliveries.journal_files import JournalFiles
from connectors.deliveries.settings import (
    ErpSettings,
    FileSettings,
    HttpSettings,
    TrytonSettings,
    secret,
)
from connectors.deliveries.tryton import TrytonDelivery
from connectors.deliveries.tryton_rpc import TrytonRpc
from ledger.trace_context import Spans


@contextmanager
def opened_delivery(
    settings: ErpSettings, kind: str, spans: Spans | None = None
) -> Iterator[Delivery]:
    """Give the delivery of a kind, `tryton`, `http` or `files`; closed at the end.

    Connects to nothing yet. Raises ErpUnusable when the file has no such settings, or a secret is
    missing from the environment.
    """
    if settings.tryton is not None and kind == "tryton":
        delivery, close = _tryton(settings.tryton)
    elif settings.http is not None and kind == "http":
        delivery, close = _http(settings.http, spans)
    elif settings.files is not None and kind == "files":
        delivery, close = _files(settings.files)
    else:
        raise ErpUnusable(f"the ERP file has no settings for {kind!r}", f"add `{kind}:` to it")
    try:
        yield delivery
    finally:
        close()


Opened = tuple[Delivery, Callable[[], None]]


def _tryton(settings: TrytonSettings) -> Opened:
    rpc = TrytonRpc(settings, secret(settings.password_env))
    return TrytonDelivery(settings, rpc), rpc.close


def _http(settings: HttpSettings, spans: Spans | None) -> Opened:
    variable = settings.authorization_env
    journal = HttpJournal(settings, secret(variable) if variable is not None else None, spans)
    return journal, journal.close


def _files(settings: FileSettings) -> Opened:
    return JournalFiles(settings), lambda: None
