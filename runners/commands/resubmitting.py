"""Takes exceptions out of the store, and again through decoders and fold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from connectors.policy_packs import pack_names
from connectors.store import LedgerStore
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
    """Take the exceptions named, or all, again; raises Problem for an id that is none."""
    # Here, not at the top: Beam takes seconds to import and listing does without it.
    from pipelines.options import OrderToCashOptions
    from pipelines.resubmit import resubmit
    from pipelines.settings import settings_of

    books_config(books, rates)
    with opened_store(url) as store:
        chosen = policy if policy is not None else _policy_of_last_run(store)
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
        items = list(_resubmissions(store, wanted, arguments.micros(as_of), tenant))
        return resubmit(items, store, settings_of(options))


def _policy_of_last_run(store: LedgerStore) -> str:
    """The pack that keeps these books; with another one, what stands would be booked anew."""
    runs = store.runs(limit=1)
    name = runs[0].policy.partition("@")[0] if runs else ""
    if name not in pack_names():
        raise Problem(
            "the policy pack of these books is not known",
            "give the one they are kept with: --policy",
        )
    return name


def _resubmissions(
    store: LedgerStore, wanted: Sequence[str] | None, as_of_micros: int, tenant: str
) -> Iterator[Resubmission]:
    from pipelines.resubmit import Resubmission

    rows = {row.exception_id: row for row in store.exceptions(as_of_micros, tenant)}
    unknown = sorted(set(wanted or ()) - rows.keys())
    if unknown:
        raise Problem(
            f"no exception is called {', '.join(unknown)}",
            "`crossfoot exceptions list` prints the ids",
            ExitCode.DATA,
        )
    letters = {letter.dead_letter_id: letter for letter in store.open_dead_letters(tenant)}
    for exception_id in dict.fromkeys(wanted if wanted is not None else rows):
        letter = letters.get(exception_id)
        if letter is not None:
            yield Resubmission(exception_id, letter.body, letter.position)
            continue
        message_id = rows[exception_id].message_id or ""
        for traced in store.trace(message_id, tenant).messages:
            if traced.message.message_id == message_id:
                yield Resubmission(exception_id, traced.message.body, message_id)


def print_resubmitted(done: Resubmitted) -> None:
    """Print what was accepted, what it posted, and what is still refused."""
    print_lines(
        f"{done.tried} exceptions taken again: {len(done.accepted)} accepted, "
        f"{len(done.refused)} still refused",
        f"{done.new_entries} entries and {done.reversals} reversals posted, "
        f"{done.lifecycle_updates} lifecycle updates issued",
        "",
    )
    print_table(
        "still refused",
        ["id", "reason", "detail"],
        [[one.exception_id, one.reason, one.detail] for one in done.refused],
        at_most=50,
    )
