"""`crossfoot demo`: every report on a generated company, and nothing new the second time."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from typer.testing import Result

Run = Callable[..., Result]


def test_the_demo_answers_every_question_and_posts_nothing_new_again(
    crossfoot: Run, tmp_path: Path
) -> None:
    command = ("demo", "--out", tmp_path / "demo", "--contracts", 25)
    first = json.loads(crossfoot(*command, "--json").stdout)
    assert first["run"]["adds_up"] is True
    assert first["run"]["messages_read"] == first["company"]["events"]
    assert first["run"]["trial_balance"]["balanced"] is True
    assert first["run"]["new_entries"] > 100
    for question in (
        "invoices_not_posted",
        "paid_not_provisioned",
        "renewals_at_risk",
        "exceptions",
    ):
        assert first["standing"][question], question
    again = crossfoot(*command)
    assert again.exit_code == 0
    assert "nothing new was posted" in again.stdout
    for heading in ("invoices not posted", "not provisioned", "renewals at risk", "exceptions"):
        assert heading in again.stdout
    assert "debits = credits" in again.stdout
