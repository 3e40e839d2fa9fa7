"""Makes the invoices of a life: regular lines, usage, prorations, discounts, taxes, balance."""

from __future__ import annotations

from generator.billing import Invoice, Item, Line, rounded, tax_of
from generator.life import Life
from generator.months import HOUR, day_of


def next_invoice(life: Life, start: int, end: int, *, first: bool = False) -> Invoice:
    """The invoice at the beginning of a period; spends the balance and takes up pending items."""
    deal = life.deal
    life.invoices += 1
    lines = [_regular_line(life, item, start, end) for item in life.items if not item.price.metered]
    if not first:
        lines += [_usage_line(life, item, start) for item in life.items if item.price.metered]
    lines += life.pending_lines
    life.pending_lines = []
    finalized_at = start if first else start + HOUR
    return Invoice(
        invoice_id=life.mint.stripe("in"),
        number=_number(life),
        currency=deal.currency,
        created=start,
        finalized_at=finalized_at,
        due_at=finalized_at + 30 * 24 * HOUR if deal.by_transfer else None,
        period_start=start,
        period_end=start if first else end,
        lines=tuple(_taxed(life, line) for line in lines),
        payment_intent=life.mint.stripe("pi"),
        tax=deal.tax,
        coupon_percent=deal.coupon_percent,
        balance_before_minor=-_granted_until(life, finalized_at),
        billing_reason="subscription_create" if first else "subscription_cycle",
        send_invoice=deal.by_transfer,
    )


def trial_invoice(life: Life, start: int, end: int) -> Invoice:
    """The invoice over nothing that opens a free trial."""
    life.invoices += 1
    item = life.items[0]
    line = Line(
        line_id=life.mint.stripe("il"), amount_minor=0, start=start, end=end, price=item.price,
        quantity=item.quantity, item_id=item.item_id,
        description=f"Free trial of {item.price.name}",
    )  # fmt: skip
    return Invoice(
        invoice_id=life.mint.stripe("in"), number=_number(life), currency=life.deal.currency,
        created=start, finalized_at=start, due_at=None, period_start=start, period_end=start,
        lines=(line,), billing_reason="subscription_create",
        payment_intent=life.mint.stripe("pi"),
    )  # fmt: skip


def spend_balance(life: Life, bill: Invoice) -> None:
    """Take what the invoice uses of the customer balance from the oldest credits."""
    left = bill.balance_applied_minor
    remaining = []
    for at, amount in life.credits:
        used = min(amount, left) if at <= bill.finalized_at else 0
        left -= used
        if amount > used:
            remaining.append((at, amount - used))
    life.credits = remaining


def proration_lines(
    life: Life, item: Item, new_quantity: int, at: int, start: int, end: int
) -> tuple[Line, Line]:
    """Unused time at the old quantity (negative) and remaining time at the new one."""
    unit = int(item.price.unit_amount_decimal)

    def line(quantity: int, sign: int, words: str) -> Line:
        return Line(
            line_id=life.mint.stripe("il"),
            amount_minor=sign * rounded(quantity * unit * (end - at), end - start),
            start=at, end=end, price=item.price, quantity=quantity, item_id=item.item_id,
            invoice_item=life.mint.stripe("ii"),
            description=f"{words} on {quantity} × {item.price.name} after {day_of(at):%d %b %Y}",
        )  # fmt: skip

    return line(item.quantity, -1, "Unused time"), line(new_quantity, 1, "Remaining time")


def _number(life: Life) -> str:
    return f"CF{life.deal.index:06d}-{life.invoices:04d}"


def _granted_until(life: Life, at: int) -> int:
    return sum(amount for granted_at, amount in life.credits if granted_at <= at)


def _regular_line(life: Life, item: Item, start: int, end: int) -> Line:
    amount = item.quantity * int(item.price.unit_amount_decimal)
    return Line(
        line_id=life.mint.stripe("il"),
        amount_minor=amount,
        discount_minor=rounded(amount * life.deal.coupon_percent, 100),
        start=start,
        end=end,
        price=item.price,
        quantity=item.quantity,
        item_id=item.item_id,
        description=f"{item.quantity} × {item.price.name} (per {item.price.interval})",
    )


def _usage_line(life: Life, item: Item, end: int) -> Line:
    """Usage of the period before, billed in arrears; the unit price is a fraction of a cent."""
    start, _ = life.period_from(end, -1)
    units = life.rng.randrange(2_000, 90_000)
    amount = rounded(units * int(item.price.unit_amount_decimal[2:]), 1_000)
    return Line(
        line_id=life.mint.stripe("il"),
        amount_minor=amount,
        discount_minor=rounded(amount * life.deal.coupon_percent, 100),
        start=start,
        end=end,
        price=item.price,
        quantity=units,
        item_id=item.item_id,
        description=f"{units} × {item.price.name}",
    )


def _taxed(life: Life, line: Line) -> Line:
    if life.deal.tax is None:
        return line
    return Line(
        line_id=line.line_id, amount_minor=line.amount_minor, discount_minor=line.discount_minor,
        tax_minor=tax_of(line.net_minor, life.deal.tax), start=line.start, end=line.end,
        price=line.price, quantity=line.quantity, item_id=line.item_id,
        invoice_item=line.invoice_item, description=line.description,
    )  # fmt: skip
