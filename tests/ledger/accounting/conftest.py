"""Lets the tests of the accounting share how a story is told and how one is made up."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
