"""What is told about a job while it works: spans by OpenTelemetry, figures for Prometheus.

Nothing here is opened by import, and nothing that is told names a person: counts, durations and
words that the program chose, never what a source said.
"""
