"""How results look: JSON for machines on stdout, tables for people, everything else on stderr.

Presentation only. A table never cuts a value short: when stdout is not a terminal it is as wide
as it needs to be.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import PurePath

import msgspec
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from ledger.money import EXPONENT, format_major

_WIDEST = 10_000
"""Columns of a table that is written to a file."""


def print_json(result: object) -> None:
    """Write `result` to stdout as indented JSON with a final newline."""
    encoded = msgspec.json.encode(result, order="deterministic", enc_hook=_plain)
    sys.stdout.write(msgspec.json.format(encoded, indent=2).decode() + "\n")


def _plain(value: object) -> str:
    if isinstance(value, PurePath):
        return str(value)
    raise NotImplementedError(f"no JSON for {type(value).__name__}")


def print_lines(*lines: str) -> None:
    """Write lines to stdout as they are, control characters made visible."""
    for line in lines:
        sys.stdout.write(printable(line) + "\n")


def say(message: str) -> None:
    """Tell the person at the terminal something that is not part of the result."""
    Console(stderr=True, soft_wrap=True, highlight=False).print(Text(printable(message)))


def printable(text: str) -> str:
    """Return `text` with control characters shown as escapes, so that no name can steer a
    terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def money(amount_minor: int | None, currency: str | None) -> str:
    """Return an amount for a table: `1,234.50`, empty when there is none."""
    if amount_minor is None or currency is None or currency not in EXPONENT:
        return ""
    whole, dot, decimals = format_major(abs(amount_minor), currency).partition(".")
    return f"{'-' if amount_minor < 0 else ''}{int(whole):,}{dot}{decimals}"


def fits(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> bool:
    """Tell whether a table of one line per row fits the terminal; a file is as wide as needed."""
    console = Console()
    widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]
    return not console.is_terminal or sum(widths) + 3 * len(widths) <= console.width


def print_table(
    title: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    right: Sequence[str] = (),
    empty: str = "none",
    at_most: int | None = None,
) -> None:
    """Print one table to stdout; `right` names the columns of figures, kept on one line.

    A table without rows is one line, `title: empty`. Past `at_most` rows it says how many more
    there are.
    """
    body = [[printable(cell) for cell in row] for row in rows]
    if not body:
        print_lines(f"{title}: {empty}")
        return
    table = Table(title=Text(title), title_justify="left", show_edge=False, pad_edge=False)
    for name in columns:
        figures = name in right
        table.add_column(
            name, justify="right" if figures else "left", no_wrap=figures, overflow="fold"
        )
    for row in body[:at_most]:
        table.add_row(*(Text(cell) for cell in row))
    console = Console(highlight=False)
    if not console.is_terminal:
        unbounded = console.options.update(max_width=_WIDEST)
        console.width = max(80, Measurement.get(console, unbounded, table).maximum)
    console.print(table)
    if at_most is not None and len(body) > at_most:
        print_lines(f"… and {len(body) - at_most} more; --json lists all")
    print_lines("")
