"""Takes exceptions out of the store, and again through decoders and fold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from connectors.policy_packs import pack_names
from connectors.store import ExceptionKind, ExceptionRow, LedgerStore
from runners import arguments
from runners.display import print_lines, print_table
from runners.exit_codes import ExitCode
from runners.problems import Problem
from runners.reading import books_config, policy_pack
from runners.stores import opened_store

if TYPE_CHECKING:
    from pipelines.resubmit import Resubmission, Resubmitted


def resubmit_exceptions(
    *,
    url: str,
    wanted: Sequence[str] | None,
    policy: str | None,
    books: str | None,
    rates: str | None,
    as_of: datetime,
    tenant: str,
) -> Resubmitted:
    """Take the exceptions named, or all, again; raises Problem for an id that is none.

    Postings that the ERP refused go back into the outbox; everything else is decoded and folded.
    """
    # Here, not at the top: Beam takes seconds to import and listing does without it.
    from pipelines.options import OrderToCashOptions
    from pipelines.resubmit import Resubmitted, resubmit
    from pipelines.settings import settings_of

    books_config(books, rates)
    with opened_store(url) as store:
        rows = _wanted_rows(store, wanted, arguments.micros(as_of), tenant)
        undelivered = [row.exception_id for row in rows if row.kind == ExceptionKind.UNDELIVERED]
        if undelivered:
            store.delivery_desk.retry_refused(undelivered)
        others = [row for row in rows if row.kind != ExceptionKind.UNDELIVERED]
        if not others:
            return Resubmitted(tried=len(rows), sent_again=len(undelivered))
        chosen = policy if policy is not None else policy_of_last_run(store)
        policy_pack(chosen)
        options = OrderToCashOptions.model_validate(
            {
                "input": (),
                "store": url,
                "policy": chosen,
                "books": books,
                "rates": rates,
                "as_of": as_of,
                "tenant": tenant,
            }
        )
        done = resubmit(list(_resubmissions(store, others)), store, settings_of(options))
    return msgspec.structs.replace(done, tried=len(rows), sent_again=len(undelivered))


def policy_of_last_run(store: LedgerStore) -> str:
    """The pack that keeps these books; with another one, what stands would be booked anew."""
    runs = store.runs(limit=1)
    name = runs[0].policy.partition("@")[0] if runs else ""
    if name not in pack_names():
        raise Problem(
            "the policy pack of these books is not known",
            "give the one they are kept with: --policy",
        )
    return name


def _wanted_rows(
    store: LedgerStore, wanted: Sequence[str] | None, as_of_micros: int, tenant: str
) -> list[ExceptionRow]:
    """The exceptions named, or all, each once."""
    rows = {row.exception_id: row for row in store.exceptions(as_of_micros, tenant)}
    unknown = sorted(set(wanted or ()) - rows.keys())
    if unknown:
        raise Problem(
            f"no exception is called {', '.join(unknown)}",
            "`crossfoot exceptions list` prints the ids",
            ExitCode.DATA,
        )
    return [rows[key] for key in dict.fromkeys(wanted if wanted is not None else rows)]


def _resubmissions(store: LedgerStore, rows: Sequence[ExceptionRow]) -> Iterator[Resubmission]:
    from pipelines.resubmit import Resubmission

    tenants = {row.tenant for row in rows}
    letters = {
        letter.dead_letter_id: letter
        for tenant in sorted(tenants)
        for letter in store.open_dead_letters(tenant)
    }
    for row in rows:
        letter = letters.get(row.exception_id)
        if letter is not None:
            yield Resubmission(row.exception_id, letter.body, letter.position)
            continue
        message_id = row.message_id or ""
        for traced in store.trace(message_id, row.tenant).messages:
            if traced.message.message_id == message_id:
                yield Resubmission(row.exception_id, traced.message.body, message_id)


def print_resubmitted(done: Resubmitted) -> None:
    """Print what was accepted, what it posted, and what is still refused."""
    print_lines(
        f"{done.tried} exceptions taken again: {len(done.accepted)} accepted, "
        f"{len(done.refused)} still refused",
        f"{done.new_entries} entries and {done.reversals} reversals posted, "
        f"{done.lifecycle_updates} lifecycle updates issued",
        *_sent_again(done.sent_again),
        "",
    )
    print_table(
        "still refused",
        ["id", "reason", "detail"],
        [[one.exception_id, one.reason, one.detail] for one in done.refused],
        at_most=50,
    )


def _sent_again(postings: int) -> Iterator[str]:
    if postings:
        yield f"{postings} postings are in the outbox again: `crossfoot deliver` sends them"
