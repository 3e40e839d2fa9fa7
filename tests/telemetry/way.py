"""The way of an event through the product, each station a process as users start it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from ledger.accounts import AccountRole
from tests.connectors.deliveries.services import JournalService

ROOT = Path(__file__).resolve().parents[2]
CANARY = "Canarywood"
"""A name in every event; wherever it is seen outside the archive, something is wrong."""
DONE_WITHIN_SECONDS = 300


def charge(name: str) -> bytes:
    """A charge that is posted at once; it names its payer."""
    thing = {
        "id": name, "object": "charge", "amount": 500, "amount_captured": 500, "captured": True,
        "amount_refunded": 0, "currency": "usd", "created": 1_767_225_500,
        "customer": f"cus_{name}", "invoice": None, "payment_intent": None, "status": "succeeded",
        "paid": True, "metadata": {"note": CANARY}, "balance_transaction": None, "refunded": False,
        "billing_details": {"name": CANARY, "email": f"{CANARY}@example.com"},
    }  # fmt: skip
    told = {
        "id": f"evt_{name}", "object": "event", "api_version": "2025-09-30.clover",
        "created": 1_767_225_600, "type": "charge.succeeded", "data": {"object": thing},
        "livemode": False,
    }  # fmt: skip
    return json.dumps(told).encode()


def environment(**more: str) -> dict[str, str]:
    """This process's, without what it says of telemetry; spans are sent at once."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("OTEL_", "OPENLINEAGE"))}
    return {**kept, "OTEL_BSP_SCHEDULE_DELAY": "200", **more}


def crossfoot(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "runners.crossfoot", "--verbose", *words],
        cwd=ROOT,
        env=environment(**more),
        capture_output=True,
        text=True,
        timeout=DONE_WITHIN_SECONDS,
    )


def erp_files(directory: Path, service: JournalService) -> list[str]:
    """Write the files that lead to the service; return the options that name them."""
    erp, mapping = directory / "erp.yaml", directory / "gl.yaml"
    erp.write_text(yaml.safe_dump({"http": {"url": service.url, "timeout_seconds": 30}}))
    defaults = {role.value: f"gl_{role.value}" for role in AccountRole}
    mapping.write_text(yaml.safe_dump({"name": "test", "version": 1, "defaults": defaults}))
    return ["--erp", str(erp), "--mapping", str(mapping), "--to", "http"]


def traced(store: str, wanted: str) -> dict[str, Any]:
    """What `crossfoot trace --json` says of an id."""
    told: dict[str, Any] = json.loads(crossfoot("trace", wanted, "--store", store, "--json").stdout)
    return told
