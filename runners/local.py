"""Start a job on this machine: `python -m runners.local order_to_cash …`.

The same options as `crossfoot run`. The engine is `runners.fn_api`: bounded inputs only; live jobs
need an engine with incremental triggers.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from runners.crossfoot import run_command

PIPELINES = ("order_to_cash", "close_period")


def main(arguments: Sequence[str] | None = None) -> int:
    """Start the named pipeline with the options of `crossfoot run`; returns the exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or words[0] not in PIPELINES:
        print(f"name a pipeline: {', '.join(PIPELINES)}", file=sys.stderr)
        return 2
    return run_command([words[0].replace("_", "-"), *words[1:]])


if __name__ == "__main__":
    raise SystemExit(main())
