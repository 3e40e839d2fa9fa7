"""The product: `pipelines.order_to_cash` on Beam's FnApiRunner, writing files or the store.

python -m benchmarks.the_pipeline INPUT_DIR OUTPUT_DIR AS_OF_SECONDS
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

from pipelines.options import OrderToCashOptions
from runners.fn_api import run_order_to_cash


def main(arguments: list[str]) -> None:
    """Run the job on every event file of the directory; the report checks conservation."""
    source, target, as_of = Path(arguments[0]), Path(arguments[1]), int(arguments[2])
    report = run_order_to_cash(
        OrderToCashOptions(
            input=(str(source / "*.jsonl"), str(source / "*.jsonl.gz")),
            output=target,
            books=source / "company.yaml",
            rates=source / "rates.csv",
            as_of=datetime.fromtimestamp(as_of, UTC),
        )
    )
    print(report.equation)


if __name__ == "__main__":
    main(sys.argv[1:])
