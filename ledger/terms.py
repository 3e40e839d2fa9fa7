"""Calendar of contract terms: months of a term, and the day after a last day. UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache

from ledger.policies import DAY_MICROS


def day_after(micros: int) -> int:
    """CRM end dates name the last day; a term here ends when the next day begins."""
    return micros + DAY_MICROS


@lru_cache(maxsize=4096)
def add_months(micros: int, months: int) -> int:
    """The same day so many months later, or the last day of that month; UTC."""
    moment = datetime.fromtimestamp(micros // 1_000_000, UTC)
    month_index = moment.year * 12 + moment.month - 1 + months
    first = moment.replace(year=month_index // 12, month=month_index % 12 + 1, day=1)
    following = (first.replace(day=28) + timedelta(days=4)).replace(day=1)
    last_day = (following - timedelta(days=1)).day
    later = first.replace(day=min(moment.day, last_day))
    return int(later.timestamp()) * 1_000_000 + micros % 1_000_000
