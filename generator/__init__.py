"""A seeded example company: real provider event shapes, deterministic bytes. Never imported by a pipeline."""
