"""Only who holds a secret of the endpoint can make us keep something."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks.webhooks import Webhook
from stripe import WebhookSignature

from connectors.webhooks.signatures import (
    InvalidSignature,
    StandardSignatures,
    StripeSignatures,
)

BODY = b'{\n  "id": "evt_1",\n  "type": "invoice.paid"\n}'
OLD, NEW, OTHER = "whsec_old", "whsec_new", "whsec_other"
STANDARD_OLD = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
STANDARD_NEW = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"


def signed(secret: str, *, age: int = 0, body: bytes = BODY) -> dict[str, str]:
    """Headers as Stripe sends them."""
    at = int(time.time()) - age
    header = WebhookSignature.generate_signature_header(body.decode(), secret, at)
    return {"stripe-signature": header}


def standard(secret: str, *, age: int = 0, body: bytes = BODY) -> dict[str, str]:
    """Headers as Standard Webhooks prescribes them."""
    at = datetime.now(UTC) - timedelta(seconds=age)
    return {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign("msg_1", at, body.decode()),
    }


@pytest.mark.parametrize("secret", [OLD, NEW])
def test_during_rotation_both_secrets_are_good(secret: str) -> None:
    assert StripeSignatures([OLD, NEW]).check(signed(secret), BODY) is None


@pytest.mark.parametrize(
    "headers",
    [
        signed(OTHER),
        signed(NEW, body=BODY + b" "),
        signed(NEW, age=3600),
        {},
        {"stripe-signature": ""},
        {"stripe-signature": "t=now,v1=00"},
        {"stripe-signature": "v1=00"},
        {"stripe-signature": "t=1"},
    ],
    ids=["other secret", "other body", "too old", "none", "empty", "no time", "only v1", "only t"],
)
def test_a_stripe_request_of_someone_else_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(InvalidSignature):
        StripeSignatures([OLD, NEW]).check(headers, BODY)


def test_the_tolerance_is_what_was_asked_for() -> None:
    StripeSignatures([NEW], tolerance_seconds=600).check(signed(NEW, age=400), BODY)
    with pytest.raises(InvalidSignature):
        StripeSignatures([NEW], tolerance_seconds=60).check(signed(NEW, age=90), BODY)


@pytest.mark.parametrize("secret", [STANDARD_OLD, STANDARD_NEW])
def test_standard_webhooks_state_their_id(secret: str) -> None:
    signatures = StandardSignatures([STANDARD_OLD, STANDARD_NEW])
    assert signatures.check(standard(secret), BODY) == "msg_1"


@pytest.mark.parametrize(
    "headers",
    [
        standard(STANDARD_OLD),
        standard(STANDARD_NEW, body=b"{}"),
        standard(STANDARD_NEW, age=3600),
        standard(STANDARD_NEW, age=-3600),
        {},
        {**standard(STANDARD_NEW), "webhook-id": "msg_2"},
        {**standard(STANDARD_NEW), "webhook-signature": "v1"},
        {**standard(STANDARD_NEW), "webhook-signature": "v1,=="},
        {**standard(STANDARD_NEW), "webhook-timestamp": "noon"},
    ],
    ids=["other secret", "other body", "old", "ahead", "none", "other id", "bare", "torn", "time"],
)
def test_a_standard_request_of_someone_else_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(InvalidSignature):
        StandardSignatures([STANDARD_NEW]).check(headers, BODY)


def test_bytes_that_are_no_text_are_refused_not_a_crash() -> None:
    with pytest.raises(InvalidSignature):
        StripeSignatures([NEW]).check(signed(NEW), b"\xff\xfe")
    with pytest.raises(InvalidSignature):
        StandardSignatures([STANDARD_NEW]).check(standard(STANDARD_NEW), b"\xff\xfe")


def test_what_went_wrong_is_said_without_the_body() -> None:
    body = b'{"email": "ada@example.com"}'
    for check in (
        lambda: StripeSignatures([NEW]).check(signed(OTHER, body=body), body),
        lambda: StandardSignatures([STANDARD_NEW]).check(standard(STANDARD_OLD, body=body), body),
    ):
        with pytest.raises(InvalidSignature) as refused:
            check()
        assert "ada" not in str(refused.value) and str(refused.value)


def test_no_endpoint_without_a_secret() -> None:
    for secrets in ([], [""], ["  "]):
        with pytest.raises(ValueError, match="secret"):
            StripeSignatures(secrets)
        with pytest.raises(ValueError, match="secret"):
            StandardSignatures([secret for secret in secrets if not secret.strip()])
    with pytest.raises(ValueError, match="tolerance"):
        StripeSignatures([NEW], tolerance_seconds=0)
