"""The registry of event contracts: Avro subjects, their rules, examples and checks.

Door: `schemas.registry.load_registry`. Nothing in this room knows the ledger, Beam or the
outside world; reason codes are plain strings that equal those of `ledger.reasons`.
"""
