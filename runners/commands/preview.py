"""`crossfoot preview`: decode, validate and fold without a store."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

import msgspec
import typer

from pipelines.preview import PreviewSettings, preview_files
from pipelines.preview_report import DIMENSIONS, PreviewReport, unknown_dimensions
from runners import arguments
from runners.commands.preview_tables import print_preview
from runners.display import print_json
from runners.policy_variants import policy_variant
from runners.problems import Findings, Problem
from runners.reading import books_config, input_ranges, policy_pack, unchanging_inputs

By = Annotated[
    list[str],
    typer.Option(
        "--by",
        metavar="NAMES",
        help=f"Split changes by these, comma separated: {', '.join(DIMENSIONS)}. Role, entity "
        "and the currency of the amounts always split; currency adds the transaction's.",
    ),
]
Links = Annotated[
    Literal["assumed", "strict"],
    typer.Option(
        help="assumed: customers and contracts that no event tells of are taken as known. "
        "strict: their invoices wait, as in a run."
    ),
]
Settings = Annotated[
    list[str],
    typer.Option(
        "--set",
        metavar="FIELD=VALUE",
        help="Try another choice of the policy pack, e.g. granularity=day. May be repeated.",
    ),
]


def preview(
    inputs: arguments.Inputs,
    more_inputs: arguments.MoreInputs = None,
    policy: arguments.Policy = "stripe-contra",
    settings: Settings = [],  # noqa: B006
    as_of: arguments.AsOf = None,
    by: By = ["role,month"],  # noqa: B006
    books: arguments.Books = None,
    rates: arguments.Rates = None,
    links: Links = "assumed",
    tenant: arguments.Tenant = "default",
    entries: Annotated[
        bool, typer.Option("--entries", help="Show the journal entries too (JSON always has them).")
    ] = False,
    strict: arguments.Strict = False,
    as_json: arguments.AsJson = False,
) -> None:
    r"""Show what events would post, without a store: entries, and changes per role and month.

    Decodes, validates and folds in memory. Nothing is written. Dead letters
    are listed and do not fail the command; with --strict dead letters and
    expired pendings give exit code 3.

    Example:

      crossfoot preview --input 'events/*.jsonl' --policy stripe-contra \
          --as-of 2026-03-31 --by role,month --json

    JSON:

      as_of, policy (name@version, with + what was set), adds_up

      conservation: messages_read = posted + recorded + pending
          + dead_lettered + duplicates

      entries: posting_id, entry_key, date, period, tenant, entity, currency,
          functional_currency, rule, policy, source_event_id, event_id,
          customer_id, contract_id, invoice_id, memo, evidence, lines (role,
          side, amount, amount_minor, functional_amount,
          functional_amount_minor, product, jurisdiction, invoice_line_id,
          counterparty)

      changes: entity, currency (functional), role, normal_side, the names of
          --by, change, change_minor; positive is an increase on normal_side

      transaction_changes: the same in transaction currency

      lifecycle, pending, dead_letters: with reason, detail and how to mend;
          never a value of an event

    Amounts are text in major units, those ending in _minor whole minor
    units. Absent values are left out.
    """
    wanted = PreviewSettings(
        tenant=tenant,
        policy=policy_variant(policy_pack(policy), settings),
        books=msgspec.structs.replace(books_config(books, rates), links=links),
        as_of_micros=arguments.micros(arguments.as_of_instant(as_of, datetime.now(UTC))),
        by=_dimensions(by),
    )
    with unchanging_inputs():
        report = preview_files(input_ranges([*inputs, *(more_inputs or [])]), wanted)
    if as_json:
        print_json(report)
    else:
        print_preview(report, entries=entries)
    _judge(report, strict=strict)


def _dimensions(by: list[str]) -> tuple[str, ...]:
    names = arguments.split_list(by)
    unknown = unknown_dimensions(names)
    if unknown:
        raise Problem(
            f"--by: changes cannot be split by {', '.join(map(repr, unknown))}",
            f"choose among {', '.join(DIMENSIONS)}",
        )
    return names


def _judge(report: PreviewReport, *, strict: bool) -> None:
    """An equation that does not add up always fails; what waits or was refused when strict."""
    attention = report.dead_letters or any(waiting.expired for waiting in report.pending)
    if not report.adds_up or (strict and attention):
        raise Findings
