"""Exit codes of the `crossfoot` command: one table, printed in every `--help`."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What a finished command tells the shell."""

    OK = 0
    """Done; nothing needs attention that was not asked for."""
    INTERNAL = 1
    """A defect of the program: please report the traceback."""
    USAGE = 2
    """The command line, a file it names or its options are wrong; nothing was done."""
    DATA = 3
    """Done, but the data needs attention: the equation does not add up, or `--strict` found
    something."""
    ENVIRONMENT = 4
    """The store or the machine is not as it must be: unreachable, locked, not migrated."""


MEANING: dict[ExitCode, str] = {
    ExitCode.OK: "done",
    ExitCode.INTERNAL: "a defect of the program",
    ExitCode.USAGE: "wrong options or unreadable files; nothing was done",
    ExitCode.DATA: "the data needs attention (conservation broken, nothing found, --strict)",
    ExitCode.ENVIRONMENT: "the store or the machine is not ready",
}


def exit_code_table() -> str:
    """Return the table as lines of text for `--help` pages."""
    return "\n".join(f"  {code.value}  {MEANING[code]}" for code in ExitCode)
