"""Tells authentic webhooks from others. Secrets rotate, so several may be valid at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from standardwebhooks.webhooks import (
    EmptyWebhookSecretError,
    Webhook,
    WebhookVerificationError,
)
from stripe import SignatureVerificationError, WebhookSignature

from connectors.webhooks.deliveries import Scheme

STRIPE_TOLERANCE_SECONDS = 300
"""Age at which Stripe's own libraries refuse a signature: https://docs.stripe.com/webhooks."""


class InvalidSignature(Exception):
    """A request is not from whom it should be, or was sent too long ago. The text says which."""


class Signatures(Protocol):
    """How one source signs."""

    scheme: Scheme

    def check(self, headers: Mapping[str, str], body: bytes) -> str | None:
        """Return the event id that the headers state, if any.

        `headers` have lower-case names. Raises InvalidSignature.
        """


class StripeSignatures:
    """`Stripe-Signature: t=…,v1=…`, HMAC-SHA256 over time and body."""

    scheme: Scheme = "stripe"

    def __init__(
        self, secrets: Sequence[str], tolerance_seconds: int = STRIPE_TOLERANCE_SECONDS
    ) -> None:
        """Raises ValueError when there is no secret or an empty one, or no tolerance."""
        if not secrets or not all(secret.strip() for secret in secrets):
            raise ValueError("a Stripe endpoint needs its signing secret (whsec_…)")
        if tolerance_seconds <= 0:
            raise ValueError("a tolerance of no seconds would accept signatures of any age")
        self._secrets = tuple(secrets)
        self._tolerance = tolerance_seconds

    def check(self, headers: Mapping[str, str], body: bytes) -> str | None:
        """Accept a signature by any of the secrets; the event's id is in its body."""
        header = headers.get("stripe-signature")
        problem = "no signature"
        for secret in self._secrets:
            try:
                WebhookSignature.verify_header(body, header, secret, self._tolerance)
            except (SignatureVerificationError, ValueError) as error:
                problem = _first_words(error)
            else:
                return None
        raise InvalidSignature(problem)


class StandardSignatures:
    """Standard Webhooks: `webhook-id`, `webhook-timestamp`, `webhook-signature`.

    Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md;
    its library accepts five minutes either way.
    """

    scheme: Scheme = "standard"

    def __init__(self, secrets: Sequence[str]) -> None:
        """Raises ValueError for a secret that is not base64 or empty, and when there is none."""
        if not secrets:
            raise ValueError("a Standard Webhooks endpoint needs its signing secret (whsec_…)")
        try:
            self._secrets = tuple(Webhook(secret) for secret in secrets)
        except (EmptyWebhookSecretError, RuntimeError, ValueError) as error:
            raise ValueError(f"no Standard Webhooks secret: {error}") from error

    def check(self, headers: Mapping[str, str], body: bytes) -> str | None:
        """Accept a signature by any of the secrets and return the `webhook-id`."""
        problem = "no signature"
        for secret in self._secrets:
            try:
                secret.verify(body, dict(headers), json_parse=False)
            except (WebhookVerificationError, ValueError) as error:
                problem = _first_words(error)
            else:
                return headers["webhook-id"]
        raise InvalidSignature(problem)


def _first_words(error: Exception) -> str:
    """Say what was wrong without what was sent: a library may quote the body."""
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    return text if len(text) <= 200 else "the signature could not be checked"
