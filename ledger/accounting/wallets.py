"""Prepaid credit is drawn, expires or is taken back: deferred revenue of a sale becomes revenue.

What was paid for a grant is deferred with the line or payment that sold it, in a bucket that no
time recognises. Every part of the credit that is drawn takes its share of the bucket, and what is
not used in time is breakage. A promotional grant has no bucket: its credit only lowers the lines of
the invoices it is spent on, so nothing is booked. No wallet goes below zero: what would is refused.
Sources: docs/decisions/0009-prepaid-credit.md.
"""

from __future__ import annotations

from typing import Literal

from ledger.accounting.books import Book
from ledger.accounting.evidence import Told
from ledger.accounting.lines import Bucket, LineBook
from ledger.accounting.poster import Cause, Poster
from ledger.accounts import AccountRole
from ledger.events import (
    CreditDrawn,
    CreditEnd,
    CreditExpired,
    CreditGranted,
    CreditMovement,
    CreditReinstated,
)
from ledger.money import apportion, divide
from ledger.policies import DAY_MICROS, PolicyPack
from ledger.reasons import Reason

Kind = Literal["draw", "reinstate", "expire", "void"]
RULES: dict[Kind, str] = {
    "draw": "credit_drawn",
    "reinstate": "credit_reinstated",
    "expire": "credit_expired",
    "void": "credit_voided",
}
RANKS: dict[Kind, int] = {"reinstate": 1, "draw": 2, "expire": 3, "void": 4}
"""Order of what happens at the same time: credit comes back before it is spent, and ends last."""
_Told = Told[CreditDrawn] | Told[CreditReinstated] | Told[CreditEnd] | Told[CreditGranted]
_NEVER = 1 << 62
"""A time that no event reaches: credit is not recognised by time."""


class Move:
    """Something that happened to the credit of a grant."""

    __slots__ = ("at", "by_time", "kind", "name", "told")

    def __init__(self, kind: Kind, told: _Told, name: str) -> None:
        self.kind = kind
        self.told = told
        self.name = name
        """What its entry is called by: the movement, or the grant that came to its end."""
        self.at = 0
        """When it counts, in micros."""
        self.by_time = False
        """Nobody told of it: the grant says that it expires then."""


class Drawn:
    """Credit spent on one invoice that can still come back, with what was recognised for it."""

    __slots__ = ("amount", "cost", "credit", "expected")

    def __init__(self) -> None:
        self.credit = 0
        self.expected = 0
        self.amount = 0
        self.cost = 0


class Wallet:
    """One grant: the credit that is left of it, and the deferred revenue that it carries."""

    __slots__ = (
        "bucket",
        "drawn",
        "expected",
        "expires_at",
        "grant",
        "left",
        "line",
        "moves",
        "over",
    )

    def __init__(
        self, grant: Told[CreditGranted], expires_at: int | None, policy: PolicyPack
    ) -> None:
        self.grant = grant
        self.expires_at = expires_at
        self.moves: list[Move] = []
        self.left = grant.event.amount_minor
        """Credit at face value."""
        breakage = 0
        if policy.breakage == "proportional":
            breakage = divide(self.left * policy.expected_breakage_percent, 100)
        self.expected = self.left - breakage
        """Credit that is expected to be drawn and was not yet: what the bucket is shared over."""
        self.bucket: Bucket | None = None
        self.line: LineBook | None = None
        self.drawn: dict[str | None, Drawn] = {}
        self.over = False
        """All that was left came to its end, so what comes back later cannot be used."""

    def drop_what_is_over(self) -> None:
        """Forget credit that came back after the end of its grant."""
        if self.over:
            self.left = self.expected = 0


def sell(line: LineBook, wallets: list[Wallet], amount: int, worth: int) -> None:
    """Defer what a line sold as credit until the credit is used, shared by face value."""
    faces = [wallet.grant.event.amount_minor for wallet in wallets]
    amounts, worths = apportion(amount, faces), apportion(worth, faces)
    line.sells_credit = True
    line.ends_at = _NEVER
    for wallet, part, part_worth in zip(wallets, amounts, worths, strict=True):
        segment = (_NEVER, 1, _NEVER, _NEVER, _NEVER, _NEVER)
        wallet.bucket = Bucket(segment, part, part_worth)
        wallet.line = line
        line.buckets.append(wallet.bucket)


def watch(poster: Poster, wallet: Wallet) -> None:
    """Follow credit that nobody paid for: nothing is booked, but what overdraws it is refused."""
    for move in sorted(wallet.moves, key=lambda one: (one.at, RANKS[one.kind], one.name)):
        move_credit(poster, None, wallet, move)
        wallet.drop_what_is_over()
    wait_for_movements(poster, wallet)


def wait_for_movements(poster: Poster, wallet: Wallet) -> None:
    """Let an expiry wait that states less than what is left: something was spent and not told."""
    told = [
        move.told.event
        for move in wallet.moves
        if isinstance(move.told.event, CreditExpired) and not move.by_time
    ]
    if told and wallet.left:
        last = max(told, key=lambda event: (event.occurred_at_micros, event.event_id))
        reason = Reason.UNMATCHED_GRANT
        poster.wait(last, reason, last.grant_id, wallet.left, last.currency)


def move_credit(poster: Poster, book: Book | None, wallet: Wallet, move: Move) -> None:
    """Book one movement of a wallet; `book` is that of its sale, none for a promotional grant."""
    event = move.told.event
    if isinstance(event, CreditReinstated):
        earned = _reinstate(poster, wallet, event)
    elif isinstance(event, CreditDrawn):
        earned = _draw(poster, wallet, event)
    else:
        earned = _end(poster, wallet, event)
    if earned is None or book is None or wallet.line is None:
        return
    if move.by_time and move.at > poster.as_of:
        return
    rule = RULES[move.kind]
    cause = _cause(book, move.told)
    _post(poster, book, wallet.line, f"{move.name}:{rule}", (rule, move.at), cause, earned)


def _cause(book: Book, told: _Told) -> Cause:
    own = book.cause
    return Cause(
        told.event, own.entity, own.currency, own.functional, own.invoice_id, told.evidence
    )


def _post(
    poster: Poster,
    book: Book,
    line: LineBook,
    key: str,
    rule_at: tuple[str, int],
    cause: Cause,
    earned: tuple[int, int],
) -> None:
    rule, at = rule_at
    day = max(at // DAY_MICROS, book.issue_day)
    amount, worth = earned
    name = (line.product, None, line.line_id)
    lines = [
        (AccountRole.DEFERRED_REVENUE, amount, worth, *name),
        (AccountRole.REVENUE, -amount, -worth, *name),
    ]
    poster.post(key, day, rule, cause, lines)


def _overdrawn(poster: Poster, event: CreditMovement | CreditEnd, detail: str) -> None:
    reason = Reason.CREDIT_OVERDRAWN
    poster.refuse(event, reason, detail, event.amount_minor, event.currency)


def _draw(poster: Poster, wallet: Wallet, event: CreditMovement) -> tuple[int, int] | None:
    """Spend credit; return the revenue earned by it in both currencies."""
    if event.amount_minor > wallet.left:
        _overdrawn(poster, event, f"draws more than the {wallet.left} that the grant has left")
        return None
    wallet.left -= event.amount_minor
    expected = min(event.amount_minor, wallet.expected)
    earned = _recognise(wallet, expected, wallet.expected)
    wallet.expected -= expected
    drawn = wallet.drawn.setdefault(event.invoice_id, Drawn())
    drawn.credit += event.amount_minor
    drawn.expected += expected
    drawn.amount += earned[0]
    drawn.cost += earned[1]
    return earned


def _recognise(wallet: Wallet, part: int, whole: int) -> tuple[int, int]:
    """Take a share of the bucket; all of it when the share is the whole."""
    bucket, line = wallet.bucket, wallet.line
    if bucket is None or line is None:
        return (0, 0)
    amount = bucket.amount if part >= whole else divide(bucket.amount * part, whole)
    worth = bucket.recognise(amount)
    line.recognised.add(amount, worth)
    return amount, worth


def _reinstate(poster: Poster, wallet: Wallet, event: CreditMovement) -> tuple[int, int] | None:
    """Give credit back that was spent on an invoice; return the revenue, negative."""
    drawn = wallet.drawn.get(event.invoice_id) or Drawn()
    if event.amount_minor > drawn.credit:
        _overdrawn(poster, event, f"gives back more than the {drawn.credit} that were drawn")
        return None
    part, whole = event.amount_minor, drawn.credit
    expected, amount, cost = (
        divide(value * part, whole) if whole else 0
        for value in (drawn.expected, drawn.amount, drawn.cost)
    )
    drawn.credit -= part
    drawn.expected -= expected
    drawn.amount -= amount
    drawn.cost -= cost
    wallet.left += part
    wallet.expected += expected
    if wallet.bucket is not None and wallet.line is not None:
        wallet.bucket.add(amount, cost)
        wallet.line.recognised.add(-amount, -cost)
    return -amount, -cost


def _end(
    poster: Poster, wallet: Wallet, event: CreditEnd | CreditGranted
) -> tuple[int, int] | None:
    """End credit that is left; return the breakage that is revenue now."""
    stated = None if isinstance(event, CreditGranted) else event.amount_minor
    amount = wallet.left if stated is None else stated
    if amount > wallet.left and isinstance(event, CreditEnd):
        _overdrawn(poster, event, f"ends more than the {wallet.left} that the grant has left")
        return None
    earned = _recognise(wallet, amount, wallet.left)
    wallet.left -= amount
    wallet.over = wallet.over or stated is None
    wallet.expected = min(wallet.expected, wallet.left)
    return earned


def release(poster: Poster, book: Book, wallet: Wallet, step: tuple[int, str, str]) -> None:
    """Recognise what came back to a grant of which no credit is left, by (time, event, message).

    A refund that failed or a credit note that was voided restores a deferral that nobody can use.
    """
    wallet.drop_what_is_over()
    bucket, line = wallet.bucket, wallet.line
    if wallet.left or bucket is None or line is None or not bucket.amount:
        return
    at, event_id, message = step
    earned = _recognise(wallet, 1, 1)
    cause = _cause(book, wallet.grant).with_evidence((message,))
    key = f"{wallet.grant.event.grant_id}:released:{event_id}"
    _post(poster, book, line, key, (RULES["expire"], at), cause, earned)
