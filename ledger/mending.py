"""How to mend each reason: the advice that commands and consoles show beside a dead letter.

One entry per member of `ledger.reasons.Reason`; a test compares. docs/dead-letters.md is the
long form of the same.
"""

from __future__ import annotations

from ledger.reasons import Reason

_RESEND = "have the source send the event again"
_WAIT = "nothing, while its partner may still come: it is released by itself"
_DELIVER_AGAIN = "then resubmit"

MENDING: dict[Reason, str] = {
    Reason.NOT_JSON: f"find what wrote this line; {_RESEND} as one JSON object per line in UTF-8",
    Reason.TRUNCATED_GZIP: "copy the file again; events read before the damage were taken, "
    "reading the whole file again adds only the rest",
    Reason.TOO_LARGE: "check whether two events run together; else raise the size limit",
    Reason.TOO_DEEP: "check what wrote the event; no known provider nests so deeply",
    Reason.DUPLICATE_KEY: f"mend the writer, which names a key twice; then {_RESEND}",
    Reason.UNKNOWN_FORMAT: "check the input pattern; a canonical line needs a `subject`",
    Reason.UNKNOWN_SUBJECT: "correct the subject or version, or register the schema",
    Reason.UNKNOWN_API_VERSION: "set the webhook endpoint to a known API version and resend, or "
    "upgrade, then resubmit",
    Reason.UNKNOWN_EVENT_TYPE: "upgrade to a release that maps this type, then resubmit",
    Reason.MISSING_FIELD: f"correct the source, which leaves the field out; then {_RESEND}",
    Reason.WRONG_TYPE: f"correct the type of the field at the source; then {_RESEND}",
    Reason.INVALID_VALUE: f"correct the value at the source; then {_RESEND}",
    Reason.UNKNOWN_FIELD: "correct the field's name, or name the schema version that has it; then "
    f"{_RESEND}",
    Reason.AVRO_DAMAGED: "copy the bytes again; check the writer's schema",
    Reason.TRAILING_BYTES: "check the writer: two records may have run together",
    Reason.UNKNOWN_SYMBOL: "check that the writer used the schema it names",
    Reason.UNKNOWN_FINGERPRINT: "register the writer's schema, or write with a registered one; "
    "then resubmit",
    Reason.UNKNOWN_SCHEMA_ID: "name the outer registry that gave the id, or run `crossfoot schemas "
    "apply`; then resubmit",
    Reason.REGISTRY_UNREACHABLE: "resubmit when the outer registry answers again",
    Reason.NEWER_VERSION: "upgrade to a release that has the newer version, then resubmit",
    Reason.SUBJECT_ENDED: "have the source send the successor that `crossfoot schemas show` names",
    Reason.TOO_MANY_ITEMS: "check the writer's schema and where the bytes come from",
    Reason.EXPANDS_TOO_MUCH: "write smaller Avro blocks; check where the file comes from",
    Reason.UNKNOWN_CURRENCY: "correct the currency at the source (ISO 4217, three letters)",
    Reason.AMOUNT_PRECISION: "correct the amount at the source: it has more decimals than its "
    "currency",
    Reason.AMOUNT_OUT_OF_RANGE: "check the amount at the source; no ledger holds that much",
    Reason.NEGATIVE_AMOUNT: "send a credit note or refund instead of a negative amount",
    Reason.LINES_DO_NOT_ADD_UP: "correct lines or total at the source: the difference belongs to "
    "no account",
    Reason.TIMESTAMP_OUT_OF_RANGE: "correct the clock or the unit of time at the source",
    Reason.LINES_INCOMPLETE: "fetch the invoice with all its lines and send the event with them",
    Reason.EVENT_ID_CONFLICT: "find out which body is true; the first one stands. Send a change "
    "as an event of its own",
    Reason.AMBIGUOUS_CUSTOMER: "decide the account under `identity` in the books file, run again",
    Reason.AMBIGUOUS_CONTRACT: "correct the contract id at billing: subscription, invoices and "
    "payments must name the same contract",
    Reason.UNMATCHED_CUSTOMER: f"{_WAIT}; after the deadline, send the customer or its CRM account",
    Reason.UNMATCHED_CONTRACT: f"{_WAIT}; after the deadline, correct the contract id at billing, "
    "or activate the contract in CRM",
    Reason.UNMATCHED_INVOICE: f"{_WAIT}; after the deadline, send the invoice",
    Reason.UNMATCHED_PAYMENT: f"{_WAIT}; after the deadline, send the event that links the payment "
    "to its invoice",
    Reason.UNMATCHED_REFUND: f"{_WAIT}; after the deadline, send the payment that was refunded",
    Reason.UNMATCHED_DISPUTE: f"{_WAIT}; after the deadline, send the payment that was disputed",
    Reason.UNMATCHED_PARTY: f"{_WAIT}; after the deadline, send what says whose it is",
    Reason.INCOMPLETE_RECORD: f"{_WAIT}; after the deadline, send the record's earlier changes",
    Reason.MISSING_RATE: "add the day's rate to the rates file and run again",
    Reason.UNMATCHED_GRANT: f"{_WAIT}; after the deadline, send the grant, or name the invoice or "
    "payment that sold it",
    Reason.UNBILLED_USAGE: f"{_WAIT}; after the deadline, find out why billing has not invoiced "
    "the meter",
    Reason.MISSING_CLOSING_RATE: "add the rate of the period's last day to the rates file and run "
    "again; the claim itself is booked",
    Reason.CONTRACT_DRIFT: "find out which side is true, then change the subscription at billing "
    "or amend the contract in CRM; it is released by itself once both agree",
    Reason.CURRENCY_MISMATCH: "correct the currency at the source: it differs from its invoice's",
    Reason.PAYMENT_EVIDENCE_CONFLICT: "ask the payment processor which amount is true; send a "
    "corrected event",
    Reason.INVOICE_EVIDENCE_CONFLICT: "ask billing which total is true; an issued invoice changes "
    "by credit note only",
    Reason.CREDIT_OVERDRAWN: "check the movements of the grant: one is missing, or told under two "
    "ids",
    Reason.OVER_CREDITED: "check the credit notes of the invoice: together they exceed it",
    Reason.UNMAPPED_ACCOUNT: "add a row to the GL mapping; the next run or delivery with it "
    "releases the posting",
    Reason.ERP_AWAY: "nothing: it is sent again by itself; see that the ERP can be reached",
    Reason.ERP_PERIOD_CLOSED: f"reopen the period in the ERP, {_DELIVER_AGAIN}",
    Reason.ERP_PERIOD_MISSING: f"create the fiscal year and its periods in the ERP, "
    f"{_DELIVER_AGAIN}",
    Reason.ERP_UNKNOWN_ACCOUNT: f"create or reopen the account in the ERP, or correct the mapping, "
    f"{_DELIVER_AGAIN}",
    Reason.ERP_MISSING_PARTY: "create the party in the ERP with the customer's id as its code, "
    f"{_DELIVER_AGAIN}",
    Reason.ERP_UNKNOWN_ENTITY: f"name the company under `companies` in the ERP file, "
    f"{_DELIVER_AGAIN}",
    Reason.ERP_UNKNOWN_CURRENCY: f"create the currency in the ERP, {_DELIVER_AGAIN}",
    Reason.ERP_REFUSED: f"mend what the ERP complains about, {_DELIVER_AGAIN}",
}


def how_to_mend(reason: str) -> str:
    """Return the advice for a reason code; for one of another release, where to read on."""
    try:
        return MENDING[Reason(reason)]
    except ValueError:
        return "see docs/dead-letters.md"
