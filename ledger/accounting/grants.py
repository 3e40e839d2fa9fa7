"""Prepaid credit: joins what is told of every grant, and finds the sale that it was.

A paid grant is what an invoice line or a payment bought. Where the grant does not name it, it is
the one-off line of the same amount, if no other line and no other grant can be meant; otherwise
the grant waits (`unmatched_grant`), and everything that happens to it waits with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ledger.accounting.evidence import InvoiceFact, Told, by_id, merge_grants, merge_movements
from ledger.accounting.kinds import Kinds
from ledger.accounting.linking import Linker
from ledger.accounting.poster import Poster
from ledger.accounting.wallets import Kind, Move, Wallet
from ledger.events import CreditEnd, CreditVoided, InvoiceLine
from ledger.policies import DAY_MICROS
from ledger.reasons import Reason

Sale = tuple[str, str | None]
"""(invoice, line), or (key of a standalone payment, None)."""
Sales = dict[Sale, list[Wallet]]
"""What was sold as credit, in the order in which it was granted."""


def open_wallets(poster: Poster, kinds: Kinds) -> list[Wallet]:
    """Return a wallet per grant with all that happened to it; what names no grant waits."""
    wallets = {
        told.event.grant_id: Wallet(told, expires_at, poster.policy)
        for told, expires_at in merge_grants(kinds.grants, poster)
    }
    moves: list[Move] = []
    for drawn in merge_movements(kinds.drawn, poster):
        moves.append(Move("draw", drawn, drawn.event.transaction_id))
    for back in merge_movements(kinds.reinstated, poster):
        moves.append(Move("reinstate", back, back.event.transaction_id))
    moves += _ends(poster, kinds.expired, "expire")
    moves += _ends(poster, kinds.credit_voids, "void")
    for move in moves:
        _give(poster, wallets.get(move.told.event.grant_id), move)
    for wallet in wallets.values():
        _expire_by_itself(wallet)
    return list(wallets.values())


def _ends(poster: Poster, told: Sequence[CreditEnd], kind: Kind) -> Iterable[Move]:
    """Join what tells that credit expired or was voided.

    A movement states the amount; the grant itself only says that it is over. Together they tell
    the same end, so without an amount it counts only while no movement is known.
    """
    for ends in by_id(told, "grant_id").values():
        moved: dict[str, list[CreditEnd]] = {}
        bare: list[CreditEnd] = []
        for event in ends:
            if event.amount_minor is None:
                bare.append(event)
            else:
                moved.setdefault(event.transaction_id or event.event_id, []).append(event)
        groups = list(moved.values()) or [bare]
        if moved:
            groups[0] = [*groups[0], *bare]
        for position, group in enumerate(groups):
            first = group[0]
            name = first.transaction_id or first.event_id if position else first.grant_id
            yield Move(kind, Told(first, poster.others(group, first)), name)


def _give(poster: Poster, wallet: Wallet | None, move: Move) -> None:
    """Let a movement wait for its grant, refuse it, or give it to its wallet."""
    event = move.told.event
    if wallet is None:
        reason = Reason.UNMATCHED_GRANT
        poster.wait(event, reason, event.grant_id, event.amount_minor, event.currency)
    elif event.currency != wallet.grant.event.currency:
        detail = f"the grant is in {wallet.grant.event.currency}"
        reason = Reason.CURRENCY_MISMATCH
        poster.refuse(event, reason, detail, event.amount_minor, event.currency)
    else:
        move.at = event.occurred_at_micros
        if isinstance(event, CreditVoided):
            # Money that is given back for it on the same day comes first.
            move.at += DAY_MICROS - 1 - move.at % DAY_MICROS
        wallet.moves.append(move)


def _expire_by_itself(wallet: Wallet) -> None:
    """Let what is left expire when the grant says so, unless the source tells of it."""
    told = any(move.kind == "expire" for move in wallet.moves)
    if wallet.expires_at is not None and not told:
        move = Move("expire", wallet.grant, wallet.grant.event.grant_id)
        move.at, move.by_time = wallet.expires_at, True
        wallet.moves.append(move)


# --- what sold it ------------------------------------------------------------------------


def find_sales(
    poster: Poster, wallets: list[Wallet], accepted: Mapping[str, InvoiceFact], linker: Linker
) -> Sales:
    """Find what sold every paid grant; a grant whose sale is not known waits with its moves."""
    sales: Sales = {}
    unnamed: list[Wallet] = []
    for wallet in wallets:
        event = wallet.grant.event
        if event.category != "paid":
            continue
        if event.invoice_id is None and event.payment_ref is None:
            unnamed.append(wallet)
            continue
        sale = _named_sale(wallet, accepted, linker)
        if sale is None:
            _hold(poster, wallet, *_missing(wallet, linker))
        else:
            sales.setdefault(sale, []).append(wallet)
    for wallet, line in _equal_sales(unnamed, accepted, set(sales)):
        if line is None:
            _hold(poster, wallet, Reason.UNMATCHED_GRANT, wallet.grant.event.grant_id)
        else:
            sales.setdefault(line, []).append(wallet)
    for (key, _), sold in sales.items():
        linker.claims[key].wallets += sold
    return sales


def _missing(wallet: Wallet, linker: Linker) -> tuple[Reason, str]:
    """Return why the sale that a grant names is not known, and what it waits for."""
    event = wallet.grant.event
    if event.invoice_id is None:
        return Reason.UNMATCHED_PAYMENT, event.payment_ref or event.grant_id
    if event.invoice_id in linker.claims:
        return Reason.UNMATCHED_GRANT, event.invoice_id
    return linker.waiting.get(event.invoice_id, Reason.UNMATCHED_INVOICE), event.invoice_id


def _named_sale(wallet: Wallet, accepted: Mapping[str, InvoiceFact], linker: Linker) -> Sale | None:
    """Return the sale that a grant names, in its own currency."""
    event = wallet.grant.event
    invoice_id = event.invoice_id
    if invoice_id is None:
        payment = linker.payment_of((event.payment_ref or "",))
        if payment is None or payment.currency != event.currency:
            return None
        if payment.invoice_id is None:
            return payment.key, None
        invoice_id = payment.invoice_id
    fact = accepted.get(invoice_id)
    if fact is None or fact.content.currency != event.currency:
        return None
    line = _line_of(wallet, fact.content.lines)
    return None if line is None else (invoice_id, line.line_id)


def _line_of(wallet: Wallet, lines: Sequence[InvoiceLine]) -> InvoiceLine | None:
    """Return the line that sold a grant: as named, the only one, of its product, of its amount."""
    event = wallet.grant.event
    if event.invoice_line_id is not None:
        return next((line for line in lines if line.line_id == event.invoice_line_id), None)
    same_product = [line for line in lines if event.product and line.product == event.product]
    same_amount = [line for line in lines if line.amount_minor == event.amount_minor]
    for found in (lines, same_product, same_amount):
        if len(found) == 1:
            return found[0]
    return None


def _equal_sales(
    unnamed: list[Wallet], accepted: Mapping[str, InvoiceFact], taken: set[Sale]
) -> Iterable[tuple[Wallet, Sale | None]]:
    """Pair grants that name no sale with the one-off lines of their amount, in order of time.

    Only where there are as many lines as grants: then which is which makes no difference.
    """
    wanted: dict[tuple[str, int], list[Wallet]] = {}
    for wallet in unnamed:
        event = wallet.grant.event
        wanted.setdefault((event.currency, event.amount_minor), []).append(wallet)
    offered: dict[tuple[str, int], list[Sale]] = {}
    if wanted:
        for fact in sorted(
            accepted.values(), key=lambda one: (one.issued_at, one.content.invoice_id)
        ):
            content = fact.content
            for line in content.lines:
                sale = (content.invoice_id, line.line_id)
                if _is_one_off(line) and sale not in taken:
                    offered.setdefault((content.currency, line.amount_minor), []).append(sale)
    for key, wallets in wanted.items():
        sales = offered.get(key, [])
        found: Sequence[Sale | None] = (
            sales if len(sales) == len(wallets) else [None] * len(wallets)
        )
        yield from zip(wallets, found, strict=True)


def _is_one_off(line: InvoiceLine) -> bool:
    start, end = line.service_start_micros, line.service_end_micros
    lasts = start is not None and end is not None and end > start
    return not (lasts or line.proration or line.amount_minor <= 0)


def _hold(poster: Poster, wallet: Wallet, reason: Reason, waits_for: str) -> None:
    """Let a grant wait for its sale; what happened to it waits for the grant."""
    event = wallet.grant.event
    poster.wait(event, reason, waits_for, event.amount_minor, event.currency)
    for move in wallet.moves:
        if not move.by_time:
            poster.wait(move.told.event, Reason.UNMATCHED_GRANT, event.grant_id)


def wait_for_payment(poster: Poster, wallets: list[Wallet], waits_for: str) -> None:
    """Let grants wait whose payment is itself not booked for want of a rate."""
    for wallet in wallets:
        _hold(poster, wallet, Reason.MISSING_RATE, waits_for)
