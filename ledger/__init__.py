"""The pure accounting core: events in, journal entries and lifecycle updates out.

Nothing in this room knows Beam, Avro, files, a database or the clock. Times are
arguments; amounts are integers in minor units; the same input gives the same output.
"""
