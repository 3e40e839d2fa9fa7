"""Tells what happened to a customer as the Stripe events of either shape that it gives.

Each step is told the way Stripe tells it: of a paid invoice come the invoice, the charge, the
payment intent and, in the present shape, the invoice payment that ties them together.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from stripe_builders import (
    NEW,
    OLD,
    Json,
    at,
    balance_transaction,
    credit_note,
    dispute,
    event,
    intent,
    invoice_payment,
    line,
    listed,
    new_charge,
    new_invoice,
    old_charge,
    old_invoice,
    refund,
)


def minor(amount: str) -> int:
    """Cents of an amount in major units."""
    return int(Decimal(amount) * 100)


class StripeStory:
    """Events in the order told, in the shape of 2017 (`old`) or of today."""

    def __init__(self, *, old: bool = False, currency: str = "usd") -> None:
        self.old = old
        self.currency = currency
        self.events: list[Json] = []
        self._invoices: dict[str, Json] = {}

    def _tell(self, event_type: str, obj: Json, on: str) -> None:
        number = f"evt_{len(self.events):03d}"
        version = OLD if self.old else NEW
        self.events.append(event(event_type, obj, created=on, version=version, event_id=number))

    # --- invoices ------------------------------------------------------------------------

    def invoice(
        self,
        on: str,
        total: str,
        *lines: Json,
        service: tuple[str, str] | None = None,
        invoice: str = "in_1",
        **fields: Any,
    ) -> StripeStory:
        """An invoice is finalised; of one line over its total unless lines are given."""
        start, end = service or (on, on)
        given = lines or (line(f"il_{invoice}", minor(total), start, end),)
        common = {"id": invoice, "currency": self.currency, **fields}
        if self.old:
            obj = old_invoice(*given, total=minor(total), **common)
            self._invoices[invoice] = obj
            self._tell("invoice.created", {**obj, "attempted": False}, on)
            self._tell("invoice.updated", obj, on)
        else:
            transitions = {"finalized_at": at(on)}
            obj = new_invoice(*given, total=minor(total), status_transitions=transitions, **common)
            self._invoices[invoice] = obj
            self._tell("invoice.created", {**obj, "status": "draft"}, on)
            self._tell("invoice.finalized", obj, on)
        return self

    def pay(
        self,
        on: str,
        amount: str,
        *,
        invoice: str = "in_1",
        moved: Json | str = "txn_1",
    ) -> StripeStory:
        """The invoice is collected by charge `ch_1` of intent `pi_1`."""
        paid = minor(amount)
        charged = {"currency": self.currency, "balance_transaction": moved}
        if self.old:
            charge = old_charge(paid, invoice=invoice, created=at(on), **charged)
            self._tell("charge.succeeded", charge, on)
            self._change(
                invoice, on, "invoice.payment_succeeded", paid=True, charge="ch_1", amount_due=paid
            )
            return self
        self._tell("charge.succeeded", new_charge(paid, **charged), on)
        self._tell("payment_intent.succeeded", intent(paid, currency=self.currency), on)
        tied = invoice_payment(paid, invoice=invoice, currency=self.currency)
        self._tell("invoice_payment.paid", tied, on)
        changes = {"status": "paid", "amount_paid": paid, "amount_remaining": 0}
        self._change(invoice, on, "invoice.payment_succeeded", **changes)
        self._tell("invoice.paid", self._invoices[invoice], on)
        return self

    def pay_outside(self, on: str, amount: str, invoice: str = "in_1") -> StripeStory:
        """The invoice is marked as paid out of band."""
        paid = minor(amount)
        outside = {"paid_out_of_band": True} if self.old else {"amount_paid_off_stripe": paid}
        event_type = "invoice.payment_succeeded" if self.old else "invoice.paid"
        return self._change(
            invoice, on, event_type, status="paid", paid=True, amount_paid=paid, **outside
        )

    def void(self, on: str, invoice: str = "in_1") -> StripeStory:
        """The invoice is voided."""
        return self._change(invoice, on, "invoice.voided", status="void")

    def give_up(self, on: str, invoice: str = "in_1") -> StripeStory:
        """The invoice is marked uncollectible; until 2018-11 it was forgiven."""
        if self.old:
            return self._change(invoice, on, "invoice.updated", forgiven=True)
        return self._change(invoice, on, "invoice.marked_uncollectible", status="uncollectible")

    def _change(self, invoice: str, on: str, event_type: str, **changes: Any) -> StripeStory:
        self._invoices[invoice] = {**self._invoices[invoice], **changes}
        self._tell(event_type, self._invoices[invoice], on)
        return self

    def item(self, on: str, amount: str, item: str, service: tuple[str, str]) -> StripeStory:
        """A proration waits for its invoice."""
        start, end = service
        obj = {
            "id": item,
            "object": "invoiceitem",
            "amount": minor(amount),
            "currency": self.currency,
            "customer": "cus_1",
            "date": at(on),
            "invoice": None,
            "period": {"start": at(start), "end": at(end)},
            "proration": True,
        }
        named = (
            {"subscription": "sub_1"}
            if self.old
            else {
                "parent": {
                    "type": "subscription_details",
                    "subscription_details": {"subscription": "sub_1"},
                }
            }
        )
        self._tell("invoiceitem.created", {**obj, **named}, on)
        return self

    def item_line(self, name: str, amount: str, item: str, service: tuple[str, str]) -> Json:
        """The invoice line of a pending item."""
        if self.old:
            named: Json = {"invoice_item": item, "proration": True}
        else:
            details = {
                "invoice_item": item,
                "proration": True,
                "subscription": "sub_1",
                "subscription_item": "si_1",
            }
            named = {
                "parent": {
                    "type": "subscription_item_details",
                    "subscription_item_details": details,
                }
            }
        return line(name, minor(amount), *service, **named)

    # --- money that goes back ------------------------------------------------------------

    def refund(self, on: str, amount: str, of: str) -> StripeStory:
        """A refund of `ch_1`, which took `of`: told by the charge, and in new versions itself."""
        given = minor(amount)
        if self.old:
            refunds = listed({"id": "re_1", "amount": given, "created": at(on)})
            charge = old_charge(minor(of), amount_refunded=given, refunds=refunds, invoice="in_1")
            self._tell("charge.refunded", charge, on)
            return self
        self._tell("refund.created", refund(given, created=at(on)), on)
        self._tell("charge.refunded", new_charge(minor(of), amount_refunded=given), on)
        self._tell("refund.updated", refund(given, created=at(on)), on)
        return self

    def dispute(self, on: str, amount: str, fee: str = "0") -> StripeStory:
        """`ch_1` is disputed and the money withdrawn."""
        moved = balance_transaction(-minor(amount), minor(fee), reporting_category="dispute")
        self._tell("charge.dispute.created", dispute(minor(amount)), on)
        withdrawn = dispute(minor(amount), balance_transactions=[moved])
        self._tell("charge.dispute.funds_withdrawn", withdrawn, on)
        return self

    def win(self, on: str, amount: str) -> StripeStory:
        """The dispute is won and the money given back."""
        back = balance_transaction(minor(amount), reporting_category="dispute_reversal")
        won = dispute(minor(amount), status="won", balance_transactions=[back])
        self._tell("charge.dispute.funds_reinstated", won, on)
        self._tell("charge.dispute.closed", won, on)
        return self

    def lose(self, on: str, amount: str) -> StripeStory:
        """The dispute is lost."""
        self._tell("charge.dispute.closed", dispute(minor(amount), status="lost"), on)
        return self

    def credit(self, on: str, total: str, **fields: Any) -> StripeStory:
        """A credit note; on what is owed unless fields say otherwise."""
        self._note = credit_note(minor(total), created=at(on), **fields)
        self._tell("credit_note.created", self._note, on)
        return self

    def void_credit(self, on: str) -> StripeStory:
        """The credit note is voided."""
        voided = {**self._note, "status": "void", "voided_at": at(on)}
        self._tell("credit_note.voided", voided, on)
        return self

    # --- without an invoice --------------------------------------------------------------

    def sell(self, on: str, amount: str, fee: str = "0") -> StripeStory:
        """A charge of its own."""
        moved = balance_transaction(minor(amount), minor(fee))
        make = old_charge if self.old else new_charge
        self._tell("charge.succeeded", make(minor(amount), balance_transaction=moved), on)
        return self

    def pay_out(self, on: str, amount: str) -> StripeStory:
        """Money goes to the bank."""
        self._tell("payout.paid", {"id": "po_1", "amount": minor(amount), "currency": "usd"}, on)
        return self
