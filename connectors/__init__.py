"""The outside: provider adapters, files, the ledger store, exports."""
