"""A journal service as `journal-api.yaml` describes one, in a process of its own.

Requests are checked against the description; what does not follow it is answered with 400. It
can be told to fail in every way a service fails: `PUT /control` sets `Mode` fields, `GET /control`
tells what was booked and what was asked.

    python -m tests.connectors.deliveries.journal_service PORT_FILE
"""

from __future__ import annotations

import json
import re
import sys
import threading
import time
from dataclasses import asdict, dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jsonschema
import yaml

API = Path(__file__).resolve().parents[3] / "connectors/deliveries/journal-api.yaml"


@dataclass
class Mode:
    """How the service behaves; times in seconds."""

    status: int | None = None
    """Answer everything with this status."""
    retry_after: int | None = None
    slow: float = 0.0
    drop_after_commit: int = 0
    """How many requests are booked and then cut off without an answer."""
    refuse: dict[str, str] = field(default_factory=dict)
    """Posting id -> code of a refusal."""
    unprocessable: list[str] = field(default_factory=list)
    """Postings for which the whole batch gets 422."""
    most_postings: int = 1000
    """More get 413."""
    silent_about: list[str] = field(default_factory=list)
    """Postings that the answer leaves out."""
    trusting: bool = False
    """Do not check requests against the description: measures the client, not the checks."""
    garbage: bool = False
    """Answer with something else than JSON."""


class Books:
    """What was booked, and what was asked."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.mode = Mode()
        self.booked: dict[str, dict[str, Any]] = {}
        self.times_booked: dict[str, int] = {}
        self.numbers: dict[str, int] = {}
        self.answers: dict[str, tuple[bytes, Any]] = {}
        self.requests: list[dict[str, Any]] = []
        self.complaints: list[str] = []
        api = yaml.safe_load(API.read_text())
        operation = api["paths"]["/journal-batches"]["post"]
        self.key = re.compile(operation["parameters"][0]["schema"]["pattern"])
        self.batches = validator(api, "JournalBatch")
        self.results = validator(api, "BatchResult")


def validator(api: dict[str, Any], name: str) -> jsonschema.Draft202012Validator:
    """The JSON Schema of a component, with its references."""
    schema = {"$ref": f"#/components/schemas/{name}", "components": api["components"]}
    return jsonschema.Draft202012Validator(
        schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )


BOOKS = Books()


class Service(BaseHTTPRequestHandler):
    """The operations, and the control beside them."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        mode = BOOKS.mode
        time.sleep(mode.slow)
        with BOOKS.lock:
            key = self.headers.get("Idempotency-Key", "")
            batch = json.loads(body)
            ids = [parcel["posting"]["posting_id"] for parcel in batch["postings"]]
            authorization = self.headers.get("Authorization")
            request = {"key": key, "ids": ids, "authorization": authorization}
            BOOKS.requests.append(request | {"traceparent": self.headers.get("traceparent")})
            status, answer = self._answer(key, batch, body, ids)
            if status == 200 and mode.drop_after_commit > 0:
                mode.drop_after_commit -= 1
                self.close_connection = True
                self.connection.close()
                return
        self._send(status, b"<html>" if mode.garbage else json.dumps(answer).encode())

    def _answer(self, key: str, batch: Any, body: bytes, ids: list[str]) -> tuple[int, Any]:
        mode = BOOKS.mode
        if mode.status is not None:
            return mode.status, {}
        checked = [] if mode.trusting else BOOKS.batches.iter_errors(batch)
        errors = [error.message for error in checked]
        if errors or not BOOKS.key.fullmatch(key):
            BOOKS.complaints += errors or [f"key {key!r}"]
            return 400, {"title": "not as described", "detail": "; ".join(errors)}
        if key in BOOKS.answers:
            known, answer = BOOKS.answers[key]
            return (200, answer) if known == body else (422, {"title": "key used before"})
        if len(ids) > mode.most_postings:
            return 413, {}
        for posting_id in ids:
            if posting_id in mode.unprocessable:
                return 422, {"title": "cannot be booked", "detail": f"{posting_id} is odd"}
        answer = {"results": [book(parcel) for parcel in batch["postings"]]}
        if not mode.trusting:
            assert not list(BOOKS.results.iter_errors(answer)), "the service keeps to its word"
        answer["results"] = [
            r for r in answer["results"] if r["posting_id"] not in mode.silent_about
        ]
        if not any(result["status"] == "refused" for result in answer["results"]):
            BOOKS.answers[key] = (body, answer)
        return 200, answer

    def do_PUT(self) -> None:
        changes = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        BOOKS.mode = Mode(**{**asdict(BOOKS.mode), **changes})
        self._send(200, b"{}")

    def do_GET(self) -> None:
        with BOOKS.lock:
            told = {
                "booked": BOOKS.booked,
                "times_booked": BOOKS.times_booked,
                "requests": BOOKS.requests,
                "complaints": BOOKS.complaints,
            }
            self._send(200, json.dumps(told).encode())

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        if BOOKS.mode.retry_after is not None and status >= 400:
            self.send_header("Retry-After", str(BOOKS.mode.retry_after))
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing."""


def book(parcel: dict[str, Any]) -> dict[str, Any]:
    """Book a posting that is not booked yet; a verdict."""
    posting = parcel["posting"]
    posting_id = posting["posting_id"]
    code = BOOKS.mode.refuse.get(posting_id)
    if code is not None and posting_id not in BOOKS.booked:
        words = f"refused: {code}"
        return {"posting_id": posting_id, "status": "refused", "code": code, "message": words}
    for side in ("accounted_debit_minor", "transaction_amount_minor"):
        other = {"accounted_debit_minor": "accounted_credit_minor"}.get(side)
        total = sum(line[side] - (line[other] if other else 0) for line in posting["lines"])
        assert total == 0, "an unbalanced posting arrived"
    if posting_id not in BOOKS.booked:
        BOOKS.booked[posting_id] = parcel
        BOOKS.times_booked[posting_id] = BOOKS.times_booked.get(posting_id, 0) + 1
        BOOKS.numbers[posting_id] = len(BOOKS.booked)
    number = BOOKS.numbers[posting_id]
    return {"posting_id": posting_id, "status": "accepted", "external_id": f"JE-{number}"}


def main(port_file: str) -> None:
    """Serve until killed; write the port once it is listened to."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    Path(port_file).write_text(str(server.server_port))
    server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1])
