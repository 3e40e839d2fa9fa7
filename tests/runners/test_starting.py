"""What starting a run loads: nothing that this run does not need."""

from __future__ import annotations

import subprocess
import sys


def test_a_run_without_a_store_does_not_load_the_libraries_of_one() -> None:
    said = subprocess.run(
        [sys.executable, "-c", "import runners.fn_api, sys; print('sqlalchemy' in sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.strip() == "False"
