"""How fast postings reach an ERP: a store of generated entries, drained over HTTP or into Tryton.

Entries are invoices of many customers, each a posting of three lines. They are committed as the
pipeline commits, in chunks of parties, and then drained as `crossfoot deliver` drains. HTTP goes to
the journal service of the tests, in a process of its own and without its checks; Tryton is the one
that `make erp-test` installs, on PostgreSQL.

    python -m benchmarks.deliveries http ENTRIES OUTPUT_DIR [BATCH_SIZE]
    python -m benchmarks.deliveries tryton ENTRIES OUTPUT_DIR [BATCH_SIZE]
"""

from __future__ import annotations

import json
import logging
import random
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec
import structlog

from connectors.deliveries import Delivery
from connectors.deliveries.draining import Drainer
from connectors.deliveries.http_journal import HttpJournal
from connectors.deliveries.parcels import Parcels
from connectors.deliveries.patience import CircuitBreaker, Patience
from connectors.deliveries.settings import HttpSettings
from connectors.deliveries.trying import Surroundings
from connectors.deliveries.tryton import TrytonDelivery
from connectors.store import LedgerStore, open_store
from ledger.accounts import AccountRole
from ledger.gl_mapping import GlMapping, GlRow, MappedAccount
from ledger.journal import JournalEntry, JournalLine
from ledger.messages import Message, Outcome
from ledger.results import FoldedParty, FoldResult

TENANT = "default"
ENTRIES_PER_PARTY = 10
PARTIES_PER_COMMIT = 250
ROLES = (AccountRole.ACCOUNTS_RECEIVABLE, AccountRole.DEFERRED_REVENUE, AccountRole.TAX_PAYABLE)


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """Result, as printed. Rates are entries per second of wall time."""

    to: str
    entries: int
    batch_size: int
    commit_seconds: float
    committed_per_second: int
    deliver_seconds: float
    deliver_cpu_seconds: float
    """Of this process; the ERP's own are not in it."""
    delivered_per_second: int


def parties(entries: int) -> Iterator[FoldedParty]:
    """Customers with ten invoices each."""
    for number in range(entries // ENTRIES_PER_PARTY):
        customer = f"stripe:cus_{number}"
        names = [f"evt_{number}_{place}" for place in range(ENTRIES_PER_PARTY)]
        messages = tuple(_message(name, customer) for name in names)
        yield FoldedParty(
            tenant=TENANT,
            party_id=customer,
            party_refs=(customer,),
            based_on={customer: 0},
            new_messages=messages,
            duplicates=(),
            dead_letters=(),
            outcomes={message.message_id: Outcome.POSTED for message in messages},
            result=FoldResult(entries=tuple(_entry(name, customer) for name in names)),
        )


def _message(name: str, customer: str) -> Message:
    return Message(
        message_id=f"stripe:{name}",
        tenant=TENANT,
        source="stripe",
        provider_type="invoice.finalized",
        schema_version="billing.invoice_issued@1",
        occurred_at_micros=1_770_000_000_000_000,
        party_ref=customer,
        digest=name,
        body=b'{"id": "%s"}' % name.encode(),
        events=(),
    )


def _entry(name: str, customer: str) -> JournalEntry:
    return JournalEntry(
        entry_key=f"stripe:{name}:invoice_issued",
        tenant=TENANT,
        entity="DE01",
        currency="EUR",
        functional_currency="EUR",
        accounting_date="2026-02-02",
        rule="invoice_issued",
        policy="stripe-contra@1",
        source_event_id=f"stripe:{name}",
        event_id=f"stripe:{name}/billing.invoice_issued",
        customer_id=customer,
        contract_id="direct",
        invoice_id=f"stripe:in_{name}",
        lines=tuple(
            JournalLine(role=role, amount_minor=amount, functional_minor=amount)
            for role, amount in zip(ROLES, (12_000, -10_000, -2_000), strict=True)
        ),
    )


def commit(store: LedgerStore, entries: int) -> float:
    """Seconds of committing, chunk by chunk."""
    folded = list(parties(entries))
    started = time.perf_counter()
    for start in range(0, len(folded), PARTIES_PER_COMMIT):
        store.commit(folded[start : start + PARTIES_PER_COMMIT])
    return time.perf_counter() - started


def drain(store: LedgerStore, delivery: Delivery, batch_size: int) -> int:
    """Deliver everything; how many postings were accepted."""
    rows = [GlRow(number=0, role=role, target=MappedAccount(role.value)) for role in ROLES]
    patience = Patience()
    drainer = Drainer(
        store.delivery_desk,
        delivery,
        Parcels(GlMapping("benchmark", 1, rows), store.calendar),
        tenant=TENANT,
        batch_size=batch_size,
        patience=patience,
        breaker=CircuitBreaker(patience, time.monotonic),
        surroundings=Surroundings(
            now_micros=lambda: time.time_ns() // 1000,
            sleep=time.sleep,
            chance=random.random,
            stopping=lambda: False,
        ),
    )
    return drainer.drain().accepted


@contextmanager
def opened(kind: str, folder: Path) -> Iterator[Delivery]:
    """The service or Tryton, running."""
    # Here, not at the top: the servers are those of the tests, one of which needs Tryton.
    from tests.connectors.deliveries.services import journal_service
    from tests.erp.tryton_server import TrytonServer, execute, tryton_template

    with ExitStack() as stack:
        if kind == "http":
            service = stack.enter_context(journal_service(folder))
            service.behave(trusting=True)
            yield HttpJournal(HttpSettings(url=service.url), None)
            return
        template = stack.enter_context(tryton_template(folder))
        if isinstance(template, str):
            sys.exit(template)
        url, environment = template
        execute(url, "CREATE DATABASE erp TEMPLATE template_erp")
        server = TrytonServer(environment, "erp", folder)
        stack.callback(server.stop)
        kinds = ("receivable", "liability", "liability")
        accounts = [
            {"code": role.value, "name": role.value, "kind": kind}
            for role, kind in zip(ROLES, kinds, strict=True)
        ]
        company = {"name": "DE01", "currency": "EUR", "accounts": accounts}
        server.provision({"currencies": {"EUR": 2}, "years": [2026], "companies": [company]})
        server.start()
        yield TrytonDelivery(server.settings(["DE01"]), server.rpc())


def main(arguments: list[str]) -> None:
    """Measure, print, and write `deliveries-KIND.json`."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    kind, entries, folder = arguments[0], int(arguments[1]), Path(arguments[2])
    batch_size = int(arguments[3]) if len(arguments) > 3 else 100
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "books.db"
    path.unlink(missing_ok=True)
    with opened(kind, folder) as delivery, open_store(f"sqlite:///{path}") as store:
        commit_seconds = commit(store, entries)
        started, cpu = time.perf_counter(), time.process_time()
        accepted = drain(store, delivery, batch_size)
        seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
        assert accepted == entries, f"{accepted} of {entries} were accepted"
    path.unlink()
    measured = Measured(
        to=kind,
        entries=entries,
        batch_size=batch_size,
        commit_seconds=round(commit_seconds, 2),
        committed_per_second=round(entries / commit_seconds),
        deliver_seconds=round(seconds, 2),
        deliver_cpu_seconds=round(cpu, 2),
        delivered_per_second=round(entries / seconds),
    )
    written = json.dumps(msgspec.structs.asdict(measured), indent=2)
    (folder / f"deliveries-{kind}.json").write_text(written)
    print(written)


if __name__ == "__main__":
    main(sys.argv[1:])
