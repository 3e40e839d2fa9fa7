"""Sequence numbers of change events: what of them can be checked, and what cannot.

Within a transaction (`transactionKey`) the changes are numbered from 1 (`sequenceNumber`); a number
below the highest that never came is a gap. Salesforce numbers changes of objects that are not
selected for change data capture too, so a gap may be a choice, and is for a person to sign off.
Replay ids and commit numbers are not contiguous and say nothing. Source:
https://developer.salesforce.com/docs/atlas.en-us.change_data_capture.meta/change_data_capture/cdc_event_fields_header.htm
"""

from __future__ import annotations

import msgspec

from connectors.decoding import Rejected
from connectors.providers.salesforce.envelope import HEADER, find_payload


def number_in_transaction(body: bytes) -> tuple[str, int] | None:
    """Return (transaction key, number within it); None where the header does not tell."""
    try:
        header = find_payload(msgspec.json.decode(body))[HEADER]
    except (msgspec.DecodeError, Rejected):
        return None
    key, number = header.get("transactionKey"), header.get("sequenceNumber")
    if not isinstance(key, str) or type(number) is not int:
        return None
    return key, number
