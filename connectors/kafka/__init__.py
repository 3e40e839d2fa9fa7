"""Kafka: a splittable source whose offsets are kept by the engine's checkpoints, and a writer."""
