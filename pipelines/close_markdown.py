"""The close report as Markdown, for people: the same bytes for the same report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ledger.closing.facts import OpenItem
from ledger.money import EXPONENT, format_major
from pipelines.close_report import CloseReport, ReportDecision, ReportTable


def markdown(report: CloseReport) -> str:
    """Return the report as Markdown; ends in a newline."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: CloseReport) -> Iterator[str]:
    yield f"# Close report {report.entity} {report.period}"
    yield ""
    yield (
        f"{report.fiscal_period}, {report.starts} to {report.ends}, tenant {report.tenant}, "
        f"policy {report.policy}."
    )
    yield ""
    if report.approved_by is not None:
        yield f"Closed by {_text(report.approved_by)} at {report.approved_at}."
    else:
        yield "Not closed."
    yield ""
    yield "`crossfoot close why ADDRESS` lists what a figure adds up from; its address is"
    yield f"`table/{report.period}/{report.entity}/` and the words of its row and column."
    yield ""
    yield "## Gate"
    yield ""
    yield from _table(
        ("condition", "", "found"),
        [(one.name.value, "passed" if one.passed else "STOP", one.words) for one in report.gate],
        figures=0,
    )
    for table in report.tables:
        yield from _figures(table)
    yield from _open_items(report.open_items)
    yield from _decisions(report.decisions)


def _figures(table: ReportTable) -> Iterator[str]:
    yield ""
    yield f"## {table.title}"
    yield ""
    yield f"`{table.name}`"
    yield ""
    if not table.rows:
        yield "Nothing."
        return
    rows = [(*row.about, *(cell.amount for cell in row.cells)) for row in table.rows]
    yield from _table((*table.about, *table.columns), rows, figures=len(table.columns))


def _open_items(items: Sequence[OpenItem]) -> Iterator[str]:
    yield ""
    yield "## Exceptions and gaps"
    yield ""
    if not items:
        yield "None."
        return
    rows = [
        (
            one.item_id,
            one.reason,
            _money(one.amount_minor, one.currency),
            one.period or "unknown",
            one.detail,
        )
        for one in items
    ]
    yield from _table(("id", "reason", "amount", "period", "detail"), rows, figures=0)


def _decisions(decisions: Sequence[ReportDecision]) -> Iterator[str]:
    yield ""
    yield "## Decisions and sign-offs"
    yield ""
    if not decisions:
        yield "None."
        return
    rows = [
        (
            one.at,
            one.action,
            one.person,
            one.reason,
            one.item or "",
            _money(one.amount_minor, one.currency) if one.item else "",
        )
        for one in decisions
    ]
    yield from _table(("at", "action", "by", "reason", "item", "amount"), rows, figures=0)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], *, figures: int) -> Iterator[str]:
    """Lines of a table; the last `figures` columns are set to the right."""
    words = len(head) - figures
    yield f"| {' | '.join(head)} |"
    yield f"|{'|'.join(['---'] * words + ['---:'] * figures)}|"
    for row in rows:
        yield f"| {' | '.join(map(_text, row))} |"


def _text(text: str) -> str:
    """Text that stays in its cell, whatever it holds."""
    printable = "".join(c if c.isprintable() else " " for c in text)
    return printable.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")


def _money(amount_minor: int | None, currency: str | None) -> str:
    if amount_minor is None or currency not in EXPONENT:
        return "unknown" if amount_minor is None else str(amount_minor)
    return f"{format_major(amount_minor, currency or '')} {currency}"
