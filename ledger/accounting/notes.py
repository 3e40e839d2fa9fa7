"""What a credit note states of the invoice it credits: lines without tax, and taxes by line."""

from __future__ import annotations

from ledger.events import CreditNoteIssued

StatedTax = tuple[str | None, str | None, int]
"""(invoice line, jurisdiction, amount) of a tax that is given back."""


def tax_of(note: CreditNoteIssued) -> int | None:
    """Return the tax contained in the note's total; None when it is not stated."""
    if note.tax_minor is not None:
        return note.tax_minor
    stated = [tax.amount_minor for line in note.lines for tax in line.taxes]
    return sum(stated) if stated else None


def nets_of(note: CreditNoteIssued) -> list[tuple[str | None, int]]:
    """Return (invoice line, amount) without the tax that the note states.

    Of a note that states no tax these are gross amounts.
    """
    return [
        (
            line.invoice_line_id,
            line.amount_minor - sum(tax.amount_minor for tax in line.taxes if tax.inclusive),
        )
        for line in note.lines
    ]


def taxes_of(note: CreditNoteIssued) -> list[StatedTax]:
    """Return every tax that the note states on its lines."""
    return [
        (line.invoice_line_id, tax.jurisdiction, tax.amount_minor)
        for line in note.lines
        for tax in line.taxes
    ]
