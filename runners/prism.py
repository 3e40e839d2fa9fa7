"""Start a job on Prism: `python -m runners.prism order_to_cash|order_to_cash_live …`.

The same options as `crossfoot run`; the profile is in `runners.engines`.
"""

from __future__ import annotations

from runners.scripts import start_pipeline

PIPELINES = ("order_to_cash", "order_to_cash_live")

if __name__ == "__main__":
    raise SystemExit(start_pipeline("prism", PIPELINES))
