"""Every reason code comes with advice."""

from __future__ import annotations

from ledger.mending import MENDING, how_to_mend
from ledger.reasons import Reason


def test_every_reason_says_how_to_mend_it() -> None:
    assert set(MENDING) == set(Reason)


def test_a_reason_of_another_release_points_at_the_documentation() -> None:
    assert how_to_mend("not_json") == MENDING[Reason.NOT_JSON]
    assert "docs/dead-letters.md" in how_to_mend("invented_later")
