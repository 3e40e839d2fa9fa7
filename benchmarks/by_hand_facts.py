"""What the hand-written scripts remember of a company, and the checks they share."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from ledger.money import EXPONENT

MAX_BYTES = 1_000_000
MAX_MINOR = 10**17
CURRENCIES = {code.lower(): code for code in EXPONENT}
_VERSION = re.compile(r"20(1[5-9]|2[0-6])-\d\d-\d\d(\.[a-z_]+)?")


class Refused(Exception):
    """An event that must not be booked; the argument is the reason code."""


class Charge(NamedTuple):
    """A collected payment."""

    at: int
    message_id: str
    charge_id: str
    amount: int
    fee: int
    invoice_id: str | None


class Link(NamedTuple):
    """An invoice payment: which invoice a payment intent paid."""

    at: int
    message_id: str
    invoice_id: str
    amount: int


class PaidTold(NamedTuple):
    """What an invoice says was paid of it."""

    at: int
    message_id: str
    amount: int


class State(NamedTuple):
    """A subscription as an event shows it."""

    at: int
    message_id: str
    kind: str
    """created, updated or deleted."""
    customer: str
    contract: str | None
    ending: bool
    ended_at: int | None


class Payout(NamedTuple):
    """Money sent to the bank."""

    at: int
    message_id: str
    payout_id: str
    amount: int
    currency: str
    entity: str | None


class Change(NamedTuple):
    """A change of a CRM contract, to be applied in the order of the commits."""

    commit: int
    at: int
    message_id: str
    fields: dict[str, Any]


class InvoiceLine(NamedTuple):
    """A line, net of discounts and of any tax."""

    line_id: str
    net: int
    start: int
    end: int
    product: str


class Invoice:
    """An invoice as the events tell it; the earliest event is its cause."""

    __slots__ = (
        "at", "contract", "currency", "customer", "entity", "evidence", "invoice_id", "issued_at",
        "lines", "message_id", "paid", "taxes", "total",
    )  # fmt: skip

    def __init__(
        self,
        at: int,
        message_id: str,
        invoice_id: str,
        customer: str,
        contract: str | None,
        entity: str | None,
        currency: str,
        total: int,
        issued_at: int,
        lines: list[InvoiceLine],
        taxes: dict[str | None, int],
    ) -> None:
        self.at = at
        self.message_id = message_id
        self.evidence: list[str] = []
        self.invoice_id = invoice_id
        self.customer = customer
        self.contract = contract
        self.entity = entity
        self.currency = currency
        self.total = total
        self.issued_at = issued_at
        self.lines = lines
        self.taxes = taxes
        self.paid: PaidTold | None = None

    def told_again(self, at: int, message_id: str, total: int) -> None:
        """Another event shows the invoice; the earlier one becomes the cause."""
        if total != self.total:
            raise Refused("invoice_evidence_conflict")
        if (at, message_id) < (self.at, self.message_id):
            self.at, at = at, self.at
            self.message_id, message_id = message_id, self.message_id
        self.evidence.append(message_id)


class Company:
    """Everything the events say, by id; ids carry their source as in the postings."""

    def __init__(self) -> None:
        self.seen: dict[str, bytes] = {}
        self.refused: list[tuple[str, bytes]] = []
        self.duplicates = 0
        self.accounts: set[str] = set()
        self.customers: set[str] = set()
        self.contracts: dict[str, list[Change]] = {}
        self.account_of: dict[str, str] = {}
        self.invoices: dict[str, Invoice] = {}
        self.charges: dict[str, Charge] = {}
        self.links: dict[str, Link] = {}
        self.failures: dict[str, list[tuple[int, str]]] = {}
        self.subscriptions: dict[str, list[State]] = {}
        self.payouts: list[Payout] = []

    def is_new(self, message_id: str, digest: bytes) -> bool:
        """Whether the event was not taken before; the same id with another content is refused."""
        known = self.seen.setdefault(message_id, digest)
        if known is digest:
            return True
        if known != digest:
            raise Refused("event_id_conflict")
        self.duplicates += 1
        return False

    def add_customer(self, customer: str, account: str | None) -> None:
        """A customer and the account that it says it is."""
        self.customers.add(customer)
        if account is not None:
            known = self.account_of.setdefault(customer, f"salesforce:{account}")
            if known != f"salesforce:{account}":
                raise Refused("ambiguous_customer")


# --- reading and checking -----------------------------------------------------------------


def read_lines(directory: Path) -> Iterator[bytes]:
    """Every line of every event file."""
    for path in sorted(directory.glob("*.jsonl*")):
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as lines:
            yield from lines


def text(value: Any) -> str:
    """A string that is not empty."""
    if type(value) is not str or not value:
        raise Refused("wrong_type")
    return value


def whole(value: Any) -> int:
    """An integer amount or time within what a ledger can hold."""
    if type(value) is not int:
        raise Refused("wrong_type")
    if not -MAX_MINOR <= value <= MAX_MINOR:
        raise Refused("amount_out_of_range")
    return value


def positive(value: Any) -> int:
    """An amount that only makes sense from 0 on."""
    if whole(value) < 0:
        raise Refused("negative_amount")
    return int(value)


def currency_code(value: Any) -> str:
    """The ISO code of Stripe's lower-case one."""
    code = CURRENCIES.get(value)
    if code is None:
        raise Refused("unknown_currency")
    return code


def assert_possible_time(at: Any) -> None:
    """Between 2000 and 2100."""
    if type(at) is not int or not 946_684_800 <= at < 4_102_444_800:
        raise Refused("timestamp_out_of_range")


@lru_cache(maxsize=64)
def is_known_version(version: str) -> bool:
    """Versions whose shapes are known."""
    return _VERSION.fullmatch(version) is not None
