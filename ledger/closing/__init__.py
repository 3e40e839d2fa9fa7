"""Closing a period of a legal entity: people, the gate, the figures and where each comes from.

Pure: facts come from whoever reads the store, and nothing here knows a clock, SQL or a file.
"""
