"""Reads what contenders wrote, so that it can be compared: nothing is timed that is not right.

python -m benchmarks.outputs DIRECTORY      prints the digest of an output as JSON
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec


class _Line(msgspec.Struct, gc=False):
    account_role: str
    accounted_debit_minor: int
    accounted_credit_minor: int
    transaction_amount_minor: int
    product: str | None = None
    jurisdiction: str | None = None
    line_memo: str | None = None


class _Posting(msgspec.Struct, gc=False):
    posting_id: str
    entity: str
    currency: str
    accounting_date: str
    accounting_period: str
    rule: str
    customer_id: str
    contract_id: str
    source_event_id: str
    evidence: list[str]
    lines: list[_Line]


class _Update(msgspec.Struct, gc=False):
    update_id: str
    kind: str = ""


class Output(msgspec.Struct, frozen=True, kw_only=True):
    """What a contender gave; two that did the same job are equal."""

    net: dict[str, int]
    """Net debit in minor units per `entity/currency/period/role`; zeros left out."""
    entries: dict[str, int] = {}
    """Number of entries per rule; empty where a contender gives totals only."""
    postings: str = ""
    """Digest over all postings with all their lines, whatever the order."""
    updates: str = ""
    """Digest over the ids of the lifecycle updates that all contenders tell."""


def read_output(directory: Path) -> Output:
    """Read `erp-postings*`, `lifecycle-updates*` or, from SQL, `totals.json`."""
    totals = directory / "totals.json"
    if totals.exists():
        rows = json.loads(totals.read_bytes())
        return Output(net={"/".join(row[:4]): row[4] for row in rows if row[4]})
    net: Counter[str] = Counter()
    entries: Counter[str] = Counter()
    digests = _SetDigest()
    for line in _lines(directory, "erp-postings"):
        posting = _POSTINGS.decode(line)
        entries[posting.rule] += 1
        digests.add(_ENCODER.encode(posting))
        for part in posting.lines:
            key = posting.entity, posting.currency, posting.accounting_period, part.account_role
            net["/".join(key)] += part.transaction_amount_minor
    updates = _SetDigest()
    for line in _lines(directory, "lifecycle-updates"):
        update = _UPDATES.decode(line)
        if update.kind not in _THE_PIPELINE_ALONE:
            updates.add(update.update_id.encode())
    return Output(
        net={key: amount for key, amount in net.items() if amount},
        entries=dict(entries),
        postings=digests.text(),
        updates=updates.text(),
    )


def differences(reference: Output, other: Output) -> list[str]:
    """What differs, in words; empty when the other did the same job.

    Totals are compared always, the rest as far as the other claims it.
    """
    found = [
        f"net {key}: {reference.net.get(key, 0)} is {other.net.get(key, 0)}"
        for key in sorted(reference.net.keys() | other.net.keys())
        if reference.net.get(key) != other.net.get(key)
    ]
    if other.entries and other.entries != reference.entries:
        found.append(f"entries {reference.entries} are {other.entries}")
    if other.postings and other.postings != reference.postings:
        found.append("some postings differ in id, date, owner, cause or lines")
    if other.updates and other.updates != reference.updates:
        found.append("some lifecycle updates differ")
    return found


class _SetDigest:
    """Digest of a set of byte strings: the sum of their hashes, so their order is immaterial."""

    def __init__(self) -> None:
        self._sum = 0
        self._count = 0

    def add(self, item: bytes) -> None:
        self._sum += int.from_bytes(hashlib.blake2b(item, digest_size=16).digest(), "big")
        self._count += 1

    def text(self) -> str:
        """Empty for an empty set."""
        return f"{self._count}/{self._sum % (1 << 128):032x}" if self._count else ""


_POSTINGS = msgspec.json.Decoder(_Posting)
_UPDATES = msgspec.json.Decoder(_Update)
_THE_PIPELINE_ALONE = frozenset(
    {"change_entitlement", "change_subscription", "renewal_rescheduled", "renewal_suppressed"}
)
"""Updates about changes of contracts, and CRM against billing: work that nobody else does."""
_ENCODER = msgspec.msgpack.Encoder()


def _lines(directory: Path, stem: str) -> Iterator[bytes]:
    for path in sorted(directory.glob(f"{stem}*.jsonl")):
        with path.open("rb") as lines:
            yield from lines


if __name__ == "__main__":
    print(msgspec.json.encode(read_output(Path(sys.argv[1]))).decode())
