"""Posting rules: from the events of one contract to the journal entries that should stand."""
