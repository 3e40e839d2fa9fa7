"""One file per group of commands: read the options, ask the rooms below, show the answer.

No query and no accounting here: queries live in `connectors.store`, accounting in `ledger`.
"""
