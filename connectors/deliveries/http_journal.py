"""Delivery to any service that takes journal batches over HTTP, as `journal-api.yaml` describes.

The idempotency key is a digest of the body, so the same batch always has the same key and another
batch another one (draft-ietf-httpapi-idempotency-key-header); within a batch every posting has its
own id. An answer that does not tell what became of the batch is none: the batch comes again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

import httpx
import msgspec

from connectors.deliveries.delivery import (
    Accepted,
    ErpAway,
    ErpUnusable,
    Parcel,
    Refused,
    Shipment,
    Verdict,
)
from connectors.deliveries.halving import in_parts
from connectors.deliveries.settings import HttpSettings
from ledger.reasons import Reason
from ledger.trace_context import NoSpans, Spans, TraceContext

CONNECT_SECONDS = 10

REASON_OF: dict[str, Reason] = {
    "period_closed": Reason.ERP_PERIOD_CLOSED,
    "period_missing": Reason.ERP_PERIOD_MISSING,
    "unknown_account": Reason.ERP_UNKNOWN_ACCOUNT,
    "missing_party": Reason.ERP_MISSING_PARTY,
    "unknown_entity": Reason.ERP_UNKNOWN_ENTITY,
    "unknown_currency": Reason.ERP_UNKNOWN_CURRENCY,
    "other": Reason.ERP_REFUSED,
}
"""What a service may call a refusal."""


class HttpVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """What a service says of one posting."""

    posting_id: str
    status: str
    external_id: str | None = None
    code: str | None = None
    message: str | None = None
    retryable: bool = False


class HttpResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a service says of a batch."""

    results: tuple[HttpVerdict, ...]


class HttpProblem(msgspec.Struct, frozen=True, kw_only=True):
    """Why a service takes nothing of a batch (RFC 9457)."""

    title: str = ""
    detail: str = ""


class BatchRefused(Exception):
    """The service takes nothing of a batch as it is."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


_encoder = msgspec.json.Encoder(order="deterministic")
_results = msgspec.json.Decoder(HttpResult)
_problems = msgspec.json.Decoder(HttpProblem)
_DIVIDED = (httpx.codes.BAD_REQUEST, 413, httpx.codes.UNPROCESSABLE_ENTITY)
"""Statuses that a smaller batch may not meet: bad request, content too large, unprocessable."""
_LATER = (httpx.codes.REQUEST_TIMEOUT, httpx.codes.CONFLICT, 425, httpx.codes.TOO_MANY_REQUESTS)


class HttpJournal:
    """One service at one URL as ERP."""

    def __init__(
        self, settings: HttpSettings, authorization: str | None, spans: Spans | None = None
    ) -> None:
        """`spans`: whose open span a request belongs to, as its `traceparent` tells the service."""
        self._spans = spans or NoSpans()
        self._settings = settings
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if authorization is not None:
            headers["Authorization"] = authorization
        timeout = httpx.Timeout(settings.timeout_seconds, connect=CONNECT_SECONDS)
        self._http = httpx.Client(headers=headers, timeout=timeout)

    @property
    def name(self) -> str:
        """Host and path, without credentials or a query."""
        parts = urlsplit(self._settings.url)
        return f"http:{parts.hostname}{f':{parts.port}' if parts.port else ''}{parts.path}"

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def deliver(self, shipment: Shipment) -> Mapping[str, Verdict]:
        """Post the shipment as one batch; in smaller ones when it is refused as a whole."""

        def post(parcels: Sequence[Parcel]) -> list[Verdict]:
            return self._post(shipment.batch_id, parcels)

        verdicts: dict[str, Verdict] = {}
        for parcel, outcome in in_parts(shipment.parcels, post, BatchRefused):
            verdicts[parcel.posting_id] = (
                Refused(Reason.ERP_REFUSED, outcome.words)
                if isinstance(outcome, BatchRefused)
                else outcome
            )
        return verdicts

    def _post(self, batch_id: str, parcels: Sequence[Parcel]) -> list[Verdict]:
        body = _encoder.encode({"batch_id": batch_id, "postings": parcels})
        key = f'"{hashlib.sha256(body).hexdigest()}"'
        try:
            headers = {"Idempotency-Key": key, **_trace_headers(self._spans.context())}
            answer = self._http.post(self._settings.url, content=body, headers=headers)
        except httpx.TransportError as error:
            raise ErpAway(f"the service does not answer: {type(error).__name__}") from error
        _check_status(answer)
        try:
            told = {
                verdict.posting_id: verdict for verdict in _results.decode(answer.content).results
            }
        except msgspec.DecodeError as error:
            raise ErpAway("the service's answer does not follow its description") from error
        unsaid = [parcel for parcel in parcels if parcel.posting_id not in told]
        if unsaid:
            raise ErpAway(f"the service's answer says nothing about {len(unsaid)} postings")
        return [_verdict(told[parcel.posting_id]) for parcel in parcels]


def _trace_headers(trace: TraceContext) -> dict[str, str]:
    """W3C Trace Context, section 3: what the service may go on with."""
    told = {"traceparent": trace.parent, "tracestate": trace.state}
    return {name: value for name, value in told.items() if value}


def _check_status(answer: httpx.Response) -> None:
    status = answer.status_code
    if status == httpx.codes.OK:
        return
    if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        raise ErpUnusable(
            f"the service does not let us book: HTTP {status}",
            "correct the value of the variable that `http.authorization_env` names",
        )
    if status in _DIVIDED:
        raise BatchRefused(_problem(answer))
    if status in _LATER or status >= httpx.codes.INTERNAL_SERVER_ERROR:
        waiting = answer.headers.get("Retry-After", "")
        raise ErpAway(
            f"the service answers with HTTP {status}", int(waiting) if waiting.isdecimal() else None
        )
    raise ErpUnusable(
        f"the service answers with HTTP {status}, which its description does not know",
        "correct `http.url`",
    )


def _problem(answer: httpx.Response) -> str:
    try:
        problem = _problems.decode(answer.content)
    except msgspec.DecodeError:
        return f"HTTP {answer.status_code}"
    words = ". ".join(part for part in (problem.title, problem.detail) if part)
    return words or f"HTTP {answer.status_code}"


def _verdict(told: HttpVerdict) -> Verdict:
    if told.status == "accepted":
        return Accepted(told.external_id or told.posting_id)
    if told.status != "refused":
        raise ErpAway(f"the service knows a verdict {told.status!r} that its description does not")
    reason = REASON_OF.get(told.code or "other", Reason.ERP_REFUSED)
    return Refused(reason, told.message or told.code or "", told.retryable)
