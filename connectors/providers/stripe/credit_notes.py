"""Credit notes -> what is credited and where the credit goes.

Before payment a note lowers what is owed. After payment it is split between refunds, the
customer's balance and the company itself (out of band); what a note does not name follows
from its total, because the parts add up to it.
Source: https://docs.stripe.com/invoicing/integration/programmatic-credit-notes.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from connectors.decoding import Rejected
from connectors.providers.stripe.amounts import currency_code, micros
from connectors.providers.stripe.delivery import Delivery, Mapped, belongs, optional_customer_of
from connectors.providers.stripe.invoice_lines import net_minor
from connectors.providers.stripe.invoice_shapes import (
    CreditNote,
    CustomerBalanceTransaction,
    RefundRef,
)
from connectors.providers.stripe.invoice_shapes import CreditNoteLine as StripeLine
from connectors.providers.stripe.linking import ids_of, own_id, source_id, stated_links
from connectors.providers.stripe.shapes import InvoiceRef
from connectors.providers.stripe.taxes import jurisdictions_of, stated_taxes, sums
from ledger.events import (
    CanonicalEvent,
    CreditNoteIssued,
    CreditNoteLine,
    CreditNoteVoided,
    TaxAmount,
)
from ledger.money import allocate
from ledger.reasons import Reason


def map_credit_note(delivery: Delivery, note: CreditNote) -> Mapped:
    """`credit_note.created`, `credit_note.updated`, `credit_note.voided`.

    Each is evidence that the note was issued; a void one also that it was voided.
    """
    expanded = note.invoice
    customer = optional_customer_of(note) or (
        source_id(expanded.customer) if type(expanded) is InvoiceRef else None
    )
    links = stated_links(delivery.keys, note.metadata)
    note_id, invoice_id = ids_of(note, note.invoice)
    events: list[CanonicalEvent] = [_issued(delivery, note, customer)]
    if note.status == "void" or delivery.type == "credit_note.voided":
        when = None if delivery.type == "credit_note.voided" else micros(note.voided_at)
        events.append(
            CreditNoteVoided(
                **delivery.about(
                    "billing.credit_note_voided", customer, links, occurred_at_micros=when
                ),
                credit_note_id=note_id,
                invoice_id=invoice_id,
            )
        )
    if customer is None:
        return Mapped(events=events, link_refs=(invoice_id,), links=((note_id, invoice_id),))
    return Mapped(events=events, party_ref=customer, links=belongs((note_id, invoice_id), customer))


def _issued(delivery: Delivery, note: CreditNote, customer: str | None) -> CreditNoteIssued:
    links = stated_links(delivery.keys, note.metadata)
    when = None if delivery.type == "credit_note.created" else micros(note.created)
    total = _total_minor(note)
    goes = _destinations(note, total)
    note_id, invoice_id = ids_of(note, note.invoice)
    return CreditNoteIssued(
        **delivery.about("billing.credit_note_issued", customer, links, occurred_at_micros=when),
        credit_note_id=note_id,
        invoice_id=invoice_id,
        currency=currency_code(note.currency),
        total_minor=total,
        tax_minor=_tax_minor(note, total),
        lines=_lines(note),
        to_receivable_minor=goes.to_receivable,
        to_balance_minor=goes.to_balance,
        refunded_minor=goes.refunded,
        refund_ids=_refund_ids(note),
        out_of_band_minor=goes.out_of_band,
    )


def _total_minor(note: CreditNote) -> int:
    total = note.total if note.total is not None else note.amount
    if total is None:
        raise Rejected(Reason.MISSING_FIELD, "total is absent at $.data.object")
    if total < 0:
        raise Rejected(Reason.NEGATIVE_AMOUNT, "total is negative")
    return total


# --- where the credit goes ---------------------------------------------------------------


class _Destinations(NamedTuple):
    """Parts of the total, in minor units."""

    to_receivable: int
    to_balance: int
    refunded: int
    out_of_band: int


def _destinations(note: CreditNote, total: int) -> _Destinations:
    after = _after_payment_minor(note, total)
    outside = note.out_of_band_amount or 0
    refunded = _refunded_minor(note)
    if refunded is None:
        refunded = after - outside - _balance_minor(note)
    balance = after - outside - refunded
    if balance < 0 or refunded < 0 or after > total:
        detail = "refunded and out of band exceed what was credited after payment"
        raise Rejected(Reason.LINES_DO_NOT_ADD_UP, detail)
    return _Destinations(total - after, balance, refunded, outside)


def _after_payment_minor(note: CreditNote, total: int) -> int:
    """The part credited after payment: as stated, by the type, else by where credit went."""
    if note.pre_payment_amount is not None:
        return total - note.pre_payment_amount
    if note.post_payment_amount is not None:
        return note.post_payment_amount
    if note.type == "post_payment":
        return total
    if note.type == "pre_payment":
        return 0
    went = note.refund or note.refunds or note.customer_balance_transaction
    return total if went or note.out_of_band_amount else 0


def _refunded_minor(note: CreditNote) -> int | None:
    """What refunds gave back; None when the note names a refund but not its amount."""
    if note.refunds:
        return sum([refund.amount_refunded for refund in note.refunds])
    if note.refund is None:
        return 0
    return note.refund.amount if type(note.refund) is RefundRef else None


def _balance_minor(note: CreditNote) -> int:
    """What went to the balance, when the refund does not say what it gave back.

    Raises Rejected(missing_field) when both are only named.
    """
    moved = note.customer_balance_transaction
    if moved is None:
        return 0
    if type(moved) is CustomerBalanceTransaction and moved.amount is not None:
        return -moved.amount
    raise Rejected(
        Reason.MISSING_FIELD,
        "the note names a refund and a customer balance transaction without their amounts; "
        "expand one of them",
    )


def _refund_ids(note: CreditNote) -> tuple[str, ...]:
    if note.refunds:
        return ids_of(*[refund.refund for refund in note.refunds])
    return ids_of(note.refund)


# --- lines and tax -----------------------------------------------------------------------


def _tax_minor(note: CreditNote, total: int) -> int | None:
    """Tax within the total, of either behaviour; None when the note does not say."""
    stated = note.total_taxes if note.total_taxes is not None else note.tax_amounts
    if stated is not None:
        return sum([tax.amount for tax in stated])
    if note.total_excluding_tax is not None:
        return total - note.total_excluding_tax
    return None


def _lines(note: CreditNote) -> tuple[CreditNoteLine, ...]:
    """The credited lines; none when the note credits an amount without saying of what.

    Raises Rejected(lines_incomplete).
    """
    if note.lines is None or not note.lines.data:
        return ()
    listed = note.lines.data
    if note.lines.has_more:
        detail = f"only the first {len(listed)} lines are here"
        raise Rejected(Reason.LINES_INCOMPLETE, detail)
    known = jurisdictions_of(*[line.tax_rates for line in listed])
    taxes = [stated_taxes(line.taxes, line.tax_amounts, known) for line in listed]
    nets = [_net_minor(line) for line in listed]
    lines = [
        CreditNoteLine(
            line_id=line.id,
            amount_minor=nets[i],
            invoice_line_id=own_id(line.invoice_line_item),
            taxes=taxes[i],
        )
        for i, line in enumerate(listed)
    ]
    stated = sum(nets) + sum([sums(each)[0] for each in taxes])
    gap = _total_minor(note) - stated
    return tuple(_close_gap(note, gap, lines) if gap else lines)


def _net_minor(line: StripeLine) -> int:
    """Amount of a line after discounts, told as a list or, without one, as their sum."""
    if line.discount_amounts or not line.discount_amount:
        return net_minor(line)
    return net_minor(line) - line.discount_amount


def _close_gap(note: CreditNote, gap: int, lines: list[CreditNoteLine]) -> list[CreditNoteLine]:
    """Explain what the lines lack by tax that only the note states, or by shipping."""
    taxes = stated_taxes(note.total_taxes, note.tax_amounts, {})
    if gap == sums(taxes)[0] and not any(tax.amount_minor for line in lines for tax in line.taxes):
        return _spread_taxes(taxes, lines)
    shipping = note.shipping_cost
    if shipping and gap == shipping.amount_subtotal + shipping.amount_tax:
        tax = (TaxAmount(amount_minor=shipping.amount_tax),) if shipping.amount_tax else ()
        extra = CreditNoteLine(
            line_id=f"{note.id}/shipping", amount_minor=shipping.amount_subtotal, taxes=tax
        )
        return [*lines, extra]
    return lines


def _spread_taxes(
    taxes: tuple[TaxAmount, ...], lines: list[CreditNoteLine]
) -> list[CreditNoteLine]:
    """Split each tax of the note over its lines by their amounts; no minor unit is lost."""
    weights = [max(line.amount_minor, 0) for line in lines]
    shares = [allocate(tax.amount_minor, weights) for tax in taxes]
    return [
        msgspec.structs.replace(
            line,
            taxes=tuple(
                msgspec.structs.replace(tax, amount_minor=share[i])
                for tax, share in zip(taxes, shares, strict=True)
                if share[i]
            ),
        )
        for i, line in enumerate(lines)
    ]
