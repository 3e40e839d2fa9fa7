"""A preview as tables for people: the equation, changes, what waits, what was refused."""

from __future__ import annotations

from collections.abc import Sequence

from ledger.instants import iso_day
from ledger.mending import how_to_mend
from pipelines.preview_report import Change, PreviewEntry, PreviewReport
from runners.display import fits, money, print_lines, print_table

SHOWN = 20
"""Rows of a list that a terminal shows."""

_SPLITS = ("transaction_currency", "product", "customer", "contract", "rule")


def print_preview(report: PreviewReport, *, entries: bool) -> None:
    """Print the report; the journal entries only when asked for, they can be many."""
    ended = report.conservation
    print_lines(
        f"policy {report.policy}, as of {report.as_of} (exclusive)",
        f"{ended.messages_read} read {'=' if report.adds_up else '≠'} {ended.posted} posted"
        f" + {ended.recorded} recorded + {ended.pending} pending"
        f" + {ended.dead_lettered} dead-lettered + {ended.duplicates} duplicates",
        "",
    )
    if entries:
        _print_entries(report.entries)
    _print_changes("changes (increase on the role's normal side)", report.changes)
    if report.transaction_changes != report.changes:
        _print_changes("the same in transaction currency", report.transaction_changes)
    _print_rest(report)


def _print_changes(title: str, changes: Sequence[Change]) -> None:
    """Months as columns where they fit, else one row per month."""
    splits = [name for name in _SPLITS if any(getattr(row, name) is not None for row in changes)]
    months = sorted({row.month for row in changes if row.month is not None})
    columns = ["entity", "currency", *(name.replace("_", " ") for name in splits), "role"]
    if months:
        rows = _months_as_columns(changes, splits, months)
        wide = [*columns, *months, "total"]
        if fits(wide, rows):
            print_table(title, wide, rows, right=[*months, "total"], empty="nothing to post")
            return
    rows = [
        [*_row_head(c, splits), c.month or "", money(c.change_minor, c.currency)] for c in changes
    ]
    print_table(
        title, [*columns, "month", "change"], rows, right=["change"], empty="nothing to post"
    )


def _row_head(row: Change, splits: Sequence[str]) -> list[str]:
    return [
        row.entity,
        row.currency,
        *(getattr(row, name) or "" for name in splits),
        row.role.value,
    ]


def _months_as_columns(
    changes: Sequence[Change], splits: Sequence[str], months: Sequence[str]
) -> list[list[str]]:
    cells: dict[tuple[str, ...], dict[str, int]] = {}
    for row in changes:
        month_cells = cells.setdefault(tuple(_row_head(row, splits)), {})
        month_cells[row.month or ""] = row.change_minor
    return [
        [
            *head,
            *(money(by_month.get(month), head[1]) for month in months),
            money(sum(by_month.values()), head[1]),
        ]
        for head, by_month in sorted(cells.items())
    ]


def _print_entries(entries: Sequence[PreviewEntry]) -> None:
    rows = []
    for entry in entries:
        for number, line in enumerate(entry.lines):
            head = [entry.date, entry.rule, entry.source_event_id, entry.entity, entry.currency]
            amount = money(line.amount_minor, entry.currency)
            both = [amount, ""] if line.side == "debit" else ["", amount]
            rows.append([*(head if number == 0 else [""] * len(head)), line.role.value, *both])
    print_table(
        "entries",
        ["date", "rule", "caused by", "entity", "currency", "role", "debit", "credit"],
        rows,
        right=["debit", "credit"],
    )


def _print_rest(report: PreviewReport) -> None:
    print_table(
        "lifecycle updates",
        ["effective", "kind", "target", "contract", "reason"],
        [
            [iso_day(u.effective_at_micros), u.kind, u.target, u.contract_id, u.reason]
            for u in report.lifecycle
        ],
        at_most=SHOWN,
    )
    print_table(
        "pending",
        ["event", "reason", "waits for", "until", "amount", "to mend"],
        [
            [
                p.event_id,
                p.reason,
                p.waits_for,
                iso_day(p.deadline_micros) + (" (expired)" if p.expired else ""),
                f"{money(p.amount_minor, p.currency)} {p.currency or ''}".strip(),
                how_to_mend(p.reason),
            ]
            for p in report.pending
        ],
        at_most=SHOWN,
    )
    print_table(
        "dead letters",
        ["position", "reason", "detail", "to mend"],
        [
            [letter.position, letter.reason, letter.detail, letter.mend]
            for letter in report.dead_letters
        ],
        at_most=SHOWN,
    )
