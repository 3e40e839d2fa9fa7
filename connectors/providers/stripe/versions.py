"""Which API versions the adapter reads, and what a version says about an object's shape.

Stripe dates its versions and, since 2024-09-30, names the release too (`2025-03-31.basil`).
Shapes are told apart by their fields; the version only tells what an absent field means.
Source: https://docs.stripe.com/changelog.
"""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache

OLDEST = date(2015, 1, 1)
NEWEST = date(2026, 12, 31)
ACCEPTED = f"{OLDEST} to {NEWEST}, with or without a release name"
"""What to tell somebody whose version was refused."""

LINKS_LEFT_PAYMENTS = "2025-03-31"
"""From this version on charges and payment intents no longer name their invoice."""

_VERSION = re.compile(r"(\d{4})-(\d{2})-(\d{2})(?:\.[a-z][a-z_]*)?", re.ASCII)


@lru_cache(maxsize=256)
def is_accepted(api_version: str | None) -> bool:
    """Tell whether the shapes of an API version are known."""
    found = _VERSION.fullmatch(api_version or "")
    if found is None:
        return False
    try:
        dated = date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError:
        return False
    return OLDEST <= dated <= NEWEST


def payments_name_invoices(api_version: str) -> bool:
    """Tell whether a charge of this version that says `invoice: null` has no invoice."""
    return api_version[:10] < LINKS_LEFT_PAYMENTS
