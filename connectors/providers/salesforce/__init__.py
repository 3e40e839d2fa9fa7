"""Salesforce Change Data Capture: change events become `crm.record_changed`.

The adapter translates names and values and judges nothing: what a change means for a contract
is decided by the ledger when it applies the deltas in commit order.

Sources: Salesforce, *Change Data Capture Developer Guide* (header and body fields, merged, gap
and overflow events, compound fields) and *Pub/Sub API* (event deserialization).
"""

from connectors.providers.salesforce.decode import decode_salesforce

__all__ = ["decode_salesforce"]
