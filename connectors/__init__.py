"""The outside: provider adapters, files, the ledger store, exports. Imports ledger and schemas only."""
