"""Errors as users meet them: what is wrong, how to mend it, which exit code it gives."""

from __future__ import annotations

from runners.exit_codes import ExitCode


class Problem(Exception):
    """Something the user can mend. `main` prints it and exits; nothing else catches it."""

    def __init__(self, what: str, mend: str, code: ExitCode = ExitCode.USAGE) -> None:
        """`what` is wrong and how to `mend` it, each a sentence without personal data."""
        super().__init__(what)
        self.what = what
        self.mend = mend
        self.code = code


class Findings(Exception):
    """The command printed its whole result and the data needs attention: exit code 3."""
