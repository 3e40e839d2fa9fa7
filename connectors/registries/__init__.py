"""Outer registries: what is registered in them, and what they know of an id.

Nothing here is on the hot path: the lock says what an id means, and a registry is asked once for
an id that it does not have."""
