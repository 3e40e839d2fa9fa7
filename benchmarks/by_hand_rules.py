"""The rules of `stripe-contra` re-done the direct way, as postings ready to be written.

Invoices are claims against deferral, tax and, month by month, revenue; payments settle them less
the processor's fee; payouts empty the clearing account. Amounts are in one currency per entry:
the bulk company sells only in the currencies of its own entities.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

import orjson

TENANT = "default"
POLICY = "stripe-contra@1"
DAY = 86_400
EPOCH = date(1970, 1, 1)

Line = tuple[str, int, str | None, str | None, str | None]
"""(role, debit minor, product, jurisdiction, invoice line id)."""
Segment = tuple[int, int, int, str]
"""(days, day after the last, last day, month)."""


Write = Callable[[bytes], object]


class Books:
    """Postings and updates as JSON lines, in the layout of `erp.posting`, written as they come."""

    def __init__(self, as_of: int, write_posting: Write, write_update: Write) -> None:
        self.as_of = as_of
        self.pending = 0
        self._write_posting = write_posting
        self._write_update = write_update

    def add_update(self, update: dict[str, Any]) -> None:
        """Add a lifecycle update."""
        self._write_update(orjson.dumps(update, option=orjson.OPT_APPEND_NEWLINE))

    def post(
        self,
        key: str,
        day: int,
        rule: str,
        cause: tuple[str, str],
        owner: tuple[str, str, str, str],
        invoice_id: str | None,
        evidence: Iterable[str],
        lines: list[Line],
    ) -> None:
        """Add an entry; `cause` is (message, subject), `owner` (entity, currency, customer,
        contract). Lines of nothing are left out."""
        kept = [line for line in lines if line[1]]
        if not kept:
            return
        if sum([line[1] for line in kept]):
            raise AssertionError(f"{key} does not balance")
        entity, currency, customer, contract = owner
        message_id, subject = cause
        on = iso(day)
        body = {
            "posting_id": deterministic_id("pst", key, "1", "entry"),
            "batch_id": "by-hand",
            "tenant": TENANT,
            "entity": entity,
            "entry_key": key,
            "revision": 1,
            "reverses": None,
            "accounting_date": on,
            "accounting_period": on[:7],
            "original_period": on[:7],
            "booked_at_micros": self.as_of * 1_000_000,
            "currency": currency,
            "functional_currency": currency,
            "rule": rule,
            "policy": POLICY,
            "source_event_id": message_id,
            "event_id": f"{message_id}/{subject}",
            "schema_version": f"{subject}@1",
            "evidence": sorted(evidence),
            "customer_id": customer,
            "contract_id": contract,
            "invoice_id": invoice_id,
            "memo": "",
            "lines": [_line(number, line) for number, line in enumerate(kept, 1)],
        }
        self._write_posting(orjson.dumps(body, option=orjson.OPT_APPEND_NEWLINE))

    def post_invoice(
        self,
        invoice_id: str,
        total: int,
        issued_at: int,
        lines: Sequence[tuple[Any, ...]],
        taxes: dict[str | None, int],
        cause: tuple[str, str],
        owner: tuple[str, str, str, str],
        evidence: list[str],
    ) -> None:
        """The claim, and the recognition of each line up to the as-of time."""
        day = issued_at // DAY
        booked: list[Line] = [("accounts_receivable", total, None, None, None)]
        for line_id, net, start, end, product in lines:
            role = "deferred_revenue" if end > start else "revenue"
            booked.append((role, -net, product, None, line_id))
        booked += [("tax_payable", -tax, None, place, None) for place, tax in taxes.items()]
        key = f"{invoice_id}:invoice_issued"
        self.post(key, day, "invoice_issued", cause, owner, invoice_id, evidence, booked)
        for line_id, net, start, end, product in lines:
            if end > start:
                self._recognise(
                    invoice_id, day, (line_id, net, start, end, product), cause, owner, evidence
                )

    def _recognise(
        self,
        invoice_id: str,
        issue_day: int,
        line: tuple[Any, ...],
        cause: tuple[str, str],
        owner: tuple[str, str, str, str],
        evidence: list[str],
    ) -> None:
        line_id, net, start, end, product = line
        cut = months_of(start // DAY, max(end // DAY, start // DAY + 1))
        for part, (_, after, last_day, month) in zip(
            split(net, [segment[0] for segment in cut]), cut, strict=True
        ):
            if min(after * DAY, end) <= self.as_of:
                self.post(
                    f"{invoice_id}:recognise:{line_id}:{month}",
                    max(last_day, issue_day),
                    "revenue_recognised",
                    cause,
                    owner,
                    invoice_id,
                    evidence,
                    [
                        ("deferred_revenue", part, product, None, line_id),
                        ("revenue", -part, product, None, line_id),
                    ],
                )

    def post_payment(
        self,
        charge_id: str,
        invoice_id: str,
        at: int,
        amount: int,
        fee: int,
        cause: str,
        owner: tuple[str, str, str, str],
        evidence: list[str],
    ) -> None:
        """Money collected: net to clearing, the fee, against the claim."""
        self.post(
            f"{charge_id}:payment",
            at // DAY,
            "payment_succeeded",
            (cause, "payments.payment_succeeded"),
            owner,
            invoice_id,
            evidence,
            [
                ("cash_clearing", amount - fee, None, None, None),
                ("processing_fees", fee, None, None, None),
                ("accounts_receivable", -amount, None, None, None),
            ],
        )

    def post_payout(
        self, payout_id: str, at: int, amount: int, currency: str, entity: str, message_id: str
    ) -> None:
        """Money sent to the bank."""
        self.post(
            f"{payout_id}:payout_paid",
            at // DAY,
            "payout_paid",
            (message_id, "payments.payout_paid"),
            (entity, currency, payout_id, "direct"),
            None,
            (),
            [
                ("bank", amount, None, None, None),
                ("cash_clearing", -amount, None, None, None),
            ],
        )


def deterministic_id(prefix: str, *parts: str) -> str:
    """`prefix` and 32 hex digits of a hash over the parts."""
    digest = hashlib.sha256("\n".join((TENANT, *parts)).encode()).hexdigest()
    return f"{prefix}_{digest[:32]}"


@lru_cache(maxsize=8_192)
def iso(day: int) -> str:
    """`YYYY-MM-DD` of days since the epoch."""
    return (EPOCH + timedelta(days=day)).isoformat()


@lru_cache(maxsize=65_536)
def months_of(day: int, after: int) -> list[Segment]:
    """Cut the days [day, after) at month ends."""
    cut = []
    while day < after:
        first = EPOCH + timedelta(days=day)
        index = first.year * 12 + first.month
        until = min(after, (date(index // 12, index % 12 + 1, 1) - EPOCH).days)
        cut.append((until - day, until, until - 1, first.isoformat()[:7]))
        day = until
    return cut


def split(total: int, weights: list[int]) -> list[int]:
    """Largest remainder, ties to the earliest; weights are positive."""
    whole = sum(weights)
    shares = [divmod(total * weight, whole) for weight in weights]
    parts = [share[0] for share in shares]
    left = total - sum(parts)
    if left:
        for index in sorted(range(len(parts)), key=lambda i: -shares[i][1])[:left]:
            parts[index] += 1
    return parts


def _line(number: int, line: Line) -> dict[str, Any]:
    role, amount, product, jurisdiction, line_id = line
    return {
        "line_number": number,
        "account_role": role,
        "accounted_debit_minor": amount if amount > 0 else 0,
        "accounted_credit_minor": -amount if amount < 0 else 0,
        "transaction_amount_minor": amount,
        "gl_account": None,
        "department": None,
        "classification": None,
        "product": product,
        "jurisdiction": jurisdiction,
        "exchange_rate": None,
        "line_memo": line_id,
    }
