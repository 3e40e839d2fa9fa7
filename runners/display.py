"""How results look: JSON for machines on stdout, tables for people, everything else on stderr.

Presentation only. A table never cuts a value short: when stdout is not a terminal it is as wide
as it needs to be.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

import msgspec
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from ledger.money import EXPONENT, format_major


def print_json(result: object) -> None:
    """Write `result` to stdout as indented JSON with a final newline."""
    encoded = msgspec.json.format(msgspec.json.encode(result, order="deterministic"), indent=2)
    sys.stdout.write(encoded.decode() + "\n")


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


def print_table(
    title: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    right: Sequence[str] = (),
    empty: str = "none",
) -> None:
    """Print one table to stdout; `right` names the columns of figures, kept on one line.

    A table without rows is one line, `title: empty`.
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
    for row in body:
        table.add_row(*(Text(cell) for cell in row))
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = max(80, Measurement.get(console, console.options, table).maximum)
    console.print(table)
    print_lines("")
