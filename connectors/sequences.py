"""Which sources number what they send, so that a message that never came can be noticed.

Salesforce numbers the changes of a transaction. Stripe numbers nothing: its completeness rests on
its watermark, or on a manifest of event ids, which any source can give.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from connectors.policy_packs import ConfigurationError
from connectors.providers.salesforce.envelope import SOURCE as SALESFORCE
from connectors.providers.salesforce.sequence import number_in_transaction
from ledger.closing.facts import OpenItem

NUMBERED = frozenset({SALESFORCE})
"""Sources whose messages carry numbers."""

MANIFEST_COLUMNS = ("source", "message_id")


def number_of(source: str, body: bytes) -> tuple[str, int] | None:
    """Return (stream, number within it) of an archived message, None when it has none."""
    return number_in_transaction(body) if source in NUMBERED else None


def gaps(numbers: Iterable[tuple[str, str, int]], period: str) -> list[OpenItem]:
    """Return the numbers from 1 to the highest of each (source, stream) that are not there."""
    seen: dict[tuple[str, str], set[int]] = {}
    for source, stream, number in numbers:
        seen.setdefault((source, stream), set()).add(number)
    return [
        OpenItem(
            item_id=f"gap:{source}:{stream}/{number}",
            reason="missing_number",
            detail=f"of the {max(came)} messages of {stream}, number {number} never came",
            amount_minor=None,
            currency=None,
            period=period,
        )
        for (source, stream), came in sorted(seen.items())
        for number in range(1, max(came))
        if number not in came
    ]


def read_manifest(text: str, where: str) -> list[tuple[str, str]]:
    """Return the (source, message id) that a CSV manifest lists: columns `source,message_id`.

    An id may lack its source's prefix. Raises ConfigurationError for other columns or empty cells.
    """
    rows = csv.DictReader(io.StringIO(text, newline=""), skipinitialspace=True)
    missing = [name for name in MANIFEST_COLUMNS if name not in (rows.fieldnames or ())]
    if missing:
        raise ConfigurationError(
            f"{where}: no column {', '.join(missing)}; expected {','.join(MANIFEST_COLUMNS)}"
        )
    listed: list[tuple[str, str]] = []
    for row in rows:
        source, message_id = (
            (row.get("source") or "").strip(),
            (row.get("message_id") or "").strip(),
        )
        if not source or not message_id:
            raise ConfigurationError(f"{where}: line {rows.line_num}: an empty cell")
        prefix = f"{source}:"
        listed.append(
            (source, message_id if message_id.startswith(prefix) else prefix + message_id)
        )
    return listed
