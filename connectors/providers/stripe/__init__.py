"""Stripe: webhook events of API versions 2015 to 2026 -> canonical events.

`decode_stripe` is the way in (adapter.py); `read_stripe` tells whether an event is one. What an
event type means is one table (event_types.py), what of an object is read is one struct (shapes.py),
and each family of objects has its mapping in a file of its own.
"""

from connectors.providers.stripe.adapter import decode_stripe, read_stripe

__all__ = ["decode_stripe", "read_stripe"]
