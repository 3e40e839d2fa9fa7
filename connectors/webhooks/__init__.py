"""Signed webhooks in: an answer of 2xx means that the event is durable."""
