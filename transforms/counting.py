"""Beam metrics behind the conservation equation (I1); one name per term, used by every engine."""

from __future__ import annotations

from apache_beam.metrics import Metrics
from apache_beam.metrics.metric import Counter

NAMESPACE = "crossfoot"

MESSAGES_READ = "messages_read"
"""Counted where bytes become messages, before anything is known about them."""
TAKEN_AGAIN = "taken_again"
"""Live only: messages that were handed on once more, because their owner was learnt after they had
been seen waiting. The sink takes them again and counts them as duplicates."""
POSTED = "posted"
RECORDED = "recorded"
PENDING = "pending"
DEAD_LETTERED = "dead_lettered"
DUPLICATES = "duplicates"
"""These five are counted after the sink has taken the messages, independently of the reading."""
NEW_ENTRIES = "new_entries"
REVERSALS = "reversals"
JOURNAL_LINES = "journal_lines"
LIFECYCLE_UPDATES = "lifecycle_updates"


def counter(name: str) -> Counter:
    """Return the counter of one of the names above."""
    return Metrics.counter(NAMESPACE, name)
