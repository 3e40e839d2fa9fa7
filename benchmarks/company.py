"""Generates the company of a benchmark, in a process of its own.

python -m benchmarks.company DIRECTORY PLAN_AS_JSON      prints the number of events
"""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from generator.company import write_company
from generator.plan import CompanyPlan

if __name__ == "__main__":
    plan = msgspec.json.decode(sys.argv[2], type=CompanyPlan)
    print(write_company(Path(sys.argv[1]), plan).events)
