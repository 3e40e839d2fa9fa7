"""Pub/Sub: a source that acknowledges only what the engine has made durable, and a writer."""
