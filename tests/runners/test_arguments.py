"""How dates and lists on the command line are read."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from runners.arguments import as_of_instant, micros, split_list
from runners.problems import Problem

NOW = datetime(2026, 5, 17, 13, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-03-31", datetime(2026, 4, 1, tzinfo=UTC)),
        ("2026-02", datetime(2026, 3, 1, tzinfo=UTC)),
        ("2026-12", datetime(2027, 1, 1, tzinfo=UTC)),
        ("2026-03-31T12:00:00Z", datetime(2026, 3, 31, 12, tzinfo=UTC)),
        ("2026-03-31T12:00:00+02:00", datetime(2026, 3, 31, 10, tzinfo=UTC)),
        (None, datetime(2026, 5, 18, tzinfo=UTC)),
    ],
)
def test_a_day_or_month_means_until_its_end(text: str | None, instant: datetime) -> None:
    assert as_of_instant(text, NOW) == instant


@pytest.mark.parametrize("text", ["31.03.2026", "2026-13", "2026-03-31T12:00:00", "", "soon"])
def test_anything_else_is_refused_with_how_to_write_it(text: str) -> None:
    with pytest.raises(Problem) as caught:
        as_of_instant(text, NOW)
    assert "2026-03-31" in caught.value.mend


def test_micros_are_exact() -> None:
    assert micros(datetime(2026, 4, 1, 0, 0, 0, 1, tzinfo=UTC)) == 1775001600000001


def test_a_list_may_be_written_with_commas_or_repeated() -> None:
    assert split_list(["role, month", "role", "entity,"]) == ("role", "month", "entity")
