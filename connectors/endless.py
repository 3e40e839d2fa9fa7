"""What sources without an end share: positions that only checkpoints split, and a watermark."""

from __future__ import annotations

from typing import Any

from apache_beam.io.restriction_trackers import OffsetRestrictionTracker
from apache_beam.utils.timestamp import Timestamp

LAG_SECONDS = 5.0
"""How far the watermark stays behind: clocks differ between those who publish."""


class EndlessTracker(OffsetRestrictionTracker):
    """Positions without an end: only checkpoints split them."""

    def try_split(self, fraction_of_remainder: float) -> Any:
        return super().try_split(0) if fraction_of_remainder == 0 else None

    def is_bounded(self) -> bool:
        return False


def follow(estimator: Any, reached: float) -> None:
    """Move a manual watermark to LAG_SECONDS before `reached` (seconds since the epoch).

    It never goes back.
    """
    moment = Timestamp(reached - LAG_SECONDS)
    current = estimator.current_watermark()
    if current is None or moment > current:
        estimator.set_watermark(moment)
