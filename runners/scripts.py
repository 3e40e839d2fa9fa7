"""What the runner scripts share: `python -m runners.ENGINE PIPELINE …`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from runners.crossfoot import run_command
from runners.engines import Engine


def start_pipeline(
    engine: Engine, pipelines: Sequence[str], arguments: Sequence[str] | None = None
) -> int:
    """Start the named pipeline with the options of `crossfoot run`; returns the exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or words[0] not in pipelines:
        print(f"name a pipeline: {', '.join(pipelines)}", file=sys.stderr)
        return 2
    return run_command([words[0].replace("_", "-"), "--runner", engine, *words[1:]])
