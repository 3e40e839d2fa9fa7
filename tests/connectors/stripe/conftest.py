"""What the tests of Stripe events share: the shipped registry and a decoder bound to it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from connectors.decoding import DecodeContext
from connectors.providers.stripe import decode_stripe
from ledger.messages import DeadLetter, Message
from schemas.registry import load_registry

sys.path.insert(0, str(Path(__file__).parent))

Decode = Callable[[Any], Message | DeadLetter]


@pytest.fixture(scope="session")
def context() -> DecodeContext:
    """The shipped registry and no settings of a company's own."""
    return DecodeContext(tenant="acme", registry=load_registry())


@pytest.fixture(scope="session")
def decode(context: DecodeContext) -> Decode:
    """Decodes an event given as bytes or as what JSON gives."""

    def run(event: Any) -> Message | DeadLetter:
        body = event if isinstance(event, bytes) else json.dumps(event).encode()
        return decode_stripe(body, "events.jsonl@0", context)

    return run
