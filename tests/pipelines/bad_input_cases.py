"""The table of lines that must not be taken, each with its reason.

Most are about the healthy customer itself: what is refused must not touch even its own neighbours.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

from ledger.reasons import Reason
from tests.pipelines.bad_input_events import (
    ISSUED,
    Json,
    as_line,
    canonical_invoice,
    canonical_usage,
    charge,
    crm_change,
    customer,
    epoch,
    event,
    invoice,
    invoice_line,
    paid,
    refund,
)


class Bad(NamedTuple):
    """One line that must end as a dead letter of exactly this reason."""

    name: str
    line: bytes
    reason: Reason


Row = tuple[str, Json | bytes, Reason]


def _without(told: Json, *path: str) -> Json:
    """`told` without the field that the path leads to."""
    target = told
    for step in path[:-1]:
        target = target[step]
    del target[path[-1]]
    return told


def _issued(**fields: Any) -> Json:
    return event("evt_bad", "invoice.finalized", invoice(**fields))


def _named(name: str) -> Json:
    return event("evt_bad", "customer.updated", customer(name=name))


def _put(told: Json, marked: str, raw: bytes) -> bytes:
    """The line of an event with raw bytes in place of the string `marked`, quotes included."""
    return as_line(told).replace(json.dumps(marked).encode(), raw)


def _no_text() -> list[Row]:
    """Bytes that are no JSON object at all."""
    latin = _named("Müller").__str__().replace("'", '"').encode("latin-1")
    return [
        ("a line of a log", b"2026-01-15 12:00:00 INFO delivered evt_1", Reason.NOT_JSON),
        ("a line of CSV", b"evt_1,invoice.finalized,3100,usd", Reason.NOT_JSON),
        ("half an event", as_line(_issued())[:400], Reason.NOT_JSON),
        ("two events on a line", as_line(_issued()) * 2, Reason.NOT_JSON),
        ("UTF-8 that ends early", _put(_named("N"), "N", b'"M\xc3"'), Reason.NOT_JSON),
        ("bytes that no UTF-8 has", _put(_named("N"), "N", b'"\xff\xfe"'), Reason.NOT_JSON),
        ("Latin-1", latin.replace(b"None", b"null"), Reason.NOT_JSON),
        ("half a surrogate pair", _put(_named("N"), "N", rb'"\ud800"'), Reason.NOT_JSON),
        ("bare NUL in a name", _put(_named("N"), "N", b'"a\x00b"'), Reason.NOT_JSON),
        ("bare ESC in a name", _put(_named("N"), "N", b'"\x1b[2J"'), Reason.NOT_JSON),
        ("NUL bytes", b"\x00" * 64, Reason.NOT_JSON),
        ("a list of events", b"[" + as_line(_issued()) + b"]", Reason.UNKNOWN_FORMAT),
        ("a text", b'"evt_bad"', Reason.UNKNOWN_FORMAT),
        ("a number", b"7", Reason.UNKNOWN_FORMAT),
        ("nothing", b"null", Reason.UNKNOWN_FORMAT),
        ("an empty object", b"{}", Reason.UNKNOWN_FORMAT),
        ("an object of somebody else", b'{"order": 1, "total": 3100}', Reason.UNKNOWN_FORMAT),
        ("an invoice without its event", as_line(invoice()), Reason.UNKNOWN_FORMAT),
        ("nested 100,000 deep", _put(_issued(number="N"), "N", _nest(100_000)), Reason.TOO_DEEP),
        ("nested deep in metadata", _put(_issued(metadata="N"), "N", _nest(70)), Reason.TOO_DEEP),
        ("100,000 brackets alone", b"[" * 100_000 + b"]" * 100_000, Reason.TOO_DEEP),
        ("100,000 brackets unclosed", b"[" * 100_000, Reason.TOO_DEEP),
        (
            "canonical and nested deep",
            _put(canonical_invoice(number="N"), "N", _nest(100_000)),
            Reason.TOO_DEEP,
        ),
        ("longer than an event may be", as_line(_named("x" * 1_100_000)), Reason.TOO_LARGE),
    ]


def _nest(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


def _totals() -> list[Row]:
    """Totals that no invoice can have, as raw JSON."""
    raw = {
        "text": (b'"3100"', Reason.WRONG_TYPE),
        "words": (b'"a lot"', Reason.WRONG_TYPE),
        "a whole fraction": (b"3100.0", Reason.WRONG_TYPE),
        "truth": (b"true", Reason.WRONG_TYPE),
        "a list": (b"[3100]", Reason.WRONG_TYPE),
        "an object": (b'{"amount": 3100}', Reason.WRONG_TYPE),
        "nothing": (b"null", Reason.WRONG_TYPE),
        "a fraction of a cent": (b"3100.5", Reason.AMOUNT_PRECISION),
        "1e30": (b"1e30", Reason.AMOUNT_OUT_OF_RANGE),
        "1e400": (b"1e400", Reason.AMOUNT_OUT_OF_RANGE),
        "40 digits": (b"9" * 40, Reason.AMOUNT_OUT_OF_RANGE),
        "40 digits below zero": (b"-" + b"9" * 40, Reason.AMOUNT_OUT_OF_RANGE),
        "5000 digits": (b"9" * 5000, Reason.AMOUNT_OUT_OF_RANGE),
        "one more than the limit": (b"100000000000000001", Reason.AMOUNT_OUT_OF_RANGE),
        "not a number": (b"NaN", Reason.NOT_JSON),
        "infinity": (b"Infinity", Reason.NOT_JSON),
    }
    told = _issued(total="TOTAL", lines=_lines(invoice_line("TOTAL")))
    return [(f"total of {what}", _put(told, "TOTAL", x), why) for what, (x, why) in raw.items()]


def _lines(*lines: Json) -> Json:
    return {"object": "list", "has_more": False, "data": list(lines)}


def _money() -> list[Row]:
    """Amounts that do not fit their currency, their sign or their sum."""
    yen: Json = {"currency": "jpy"}
    return [
        ("unknown currency", _issued(currency="zzz"), Reason.UNKNOWN_CURRENCY),
        ("a token as currency", _issued(currency="doge"), Reason.UNKNOWN_CURRENCY),
        ("empty currency", _issued(currency=""), Reason.UNKNOWN_CURRENCY),
        ("currency as a number", _issued(currency=840), Reason.WRONG_TYPE),
        ("yen with decimals", _issued(**yen, total=3100.5), Reason.AMOUNT_PRECISION),
        ("charge of yen with decimals", _charged(3100.5, **yen), Reason.AMOUNT_PRECISION),
        ("krona with aurar", _charged(3150, currency="isk"), Reason.AMOUNT_PRECISION),
        ("negative total", _issued(**_owed(-3100)), Reason.NEGATIVE_AMOUNT),
        ("negative payment", event("evt_bad", "invoice.paid", paid("in_bad", -1)), _NEGATIVE),
        ("negative charge", _charged(-3100), _NEGATIVE),
        ("negative refund", event("evt_bad", "refund.created", refund(-3100)), _NEGATIVE),
        ("lines that do not add up", _issued(total=3101), Reason.LINES_DO_NOT_ADD_UP),
        ("total against its lines", _issued(total=-3100), Reason.LINES_DO_NOT_ADD_UP),
        ("only the first lines", _issued(lines={**_lines(invoice_line()), "has_more": True}), _CUT),
        ("canonical amount as text", canonical_invoice(total_minor="3100"), Reason.WRONG_TYPE),
        ("canonical unknown currency", canonical_invoice(currency="XXY"), Reason.UNKNOWN_CURRENCY),
        ("canonical sum", canonical_invoice(total_minor=3101), Reason.LINES_DO_NOT_ADD_UP),
        ("canonical 40 digits", canonical_invoice(total_minor=int("9" * 40)), _RANGE),
        ("an exponent beyond any", _put(canonical_invoice(total_minor="N"), "N", _BEYOND), _RANGE),
        ("a quantity beyond any", _put(canonical_usage(quantity="N"), "N", _BEYOND), _RANGE),
        ("a total beyond any", _put(_issued(total="N"), "N", _BEYOND), _RANGE),
        ("a discount beyond any", _issued(total=3000, discount=_off("1e999999")), _SUM),
        ("a discount of no number", _issued(total=3000, discount=_off("sNaN")), _SUM),
        ("quantity of 40 digits", canonical_usage(quantity="9" * 40), _RANGE),
        ("price of 1e-30", canonical_usage(unit_amount="1e-30"), Reason.AMOUNT_PRECISION),
    ]


_NEGATIVE = Reason.NEGATIVE_AMOUNT
_RANGE = Reason.AMOUNT_OUT_OF_RANGE
_CUT = Reason.LINES_INCOMPLETE
_SUM = Reason.LINES_DO_NOT_ADD_UP
_BEYOND = b"1e" + b"9" * 30


def _off(percent: str) -> Json:
    return {"coupon": {"id": "co_1", "percent_off": percent}}


def _owed(amount: int) -> Json:
    """Fields of an invoice whose only line is `amount`."""
    return {"total": amount, "subtotal": amount, "lines": _lines(invoice_line(amount))}


def _charged(amount: Any, **fields: Any) -> Json:
    return event("evt_bad", "charge.succeeded", charge(amount, **fields))


def _missing() -> list[Row]:
    paths = ["id", "created", "data", "data.object"]
    paths += [f"data.object.{key}" for key in ("id", "customer", "currency", "total", "lines")]
    told = [(f"no {path}", _without(_issued(), *path.split(".")), _MISSING) for path in paths]
    canonical = [
        (f"canonical without {key}", _without(canonical_invoice(), key), _MISSING)
        for key in ("event_id", "currency", "total_minor", "invoice_id", "occurred_at_micros")
    ]
    unnamed = ("no type", _without(_issued(), "type"), Reason.UNKNOWN_FORMAT)
    return [*told, *canonical, unnamed]


_MISSING = Reason.MISSING_FIELD


def _times() -> list[Row]:
    """Events from times when nobody did business."""
    endless = invoice_line(period={"start": epoch(ISSUED), "end": epoch("9999-12-31")})
    finalized = {"finalized_at": epoch("9999-12-31")}
    return [
        ("from the year 9999", {**_issued(), "created": epoch("9999-12-31")}, _WHEN),
        ("from 1970", {**_issued(), "created": 0}, _WHEN),
        ("from before 1970", {**_issued(), "created": -1}, _WHEN),
        ("in milliseconds", {**_issued(), "created": epoch(ISSUED) * 1000}, _WHEN),
        ("at a time of 40 digits", {**_issued(), "created": int("9" * 40)}, _WHEN),
        ("issued in the year 9999", _issued(status_transitions=finalized), _WHEN),
        ("service until 9999", _issued(lines=_lines(endless)), _WHEN),
        (
            "canonical from the year 9999",
            canonical_invoice(occurred_at_micros="9999-12-31T00:00:00Z"),
            _WHEN,
        ),
        ("uninteresting and from 9999", _recorded(created=epoch("9999-12-31")), _WHEN),
        ("time as text", {**_issued(), "created": ISSUED}, Reason.WRONG_TYPE),
    ]


_WHEN = Reason.TIMESTAMP_OUT_OF_RANGE


def _recorded(**fields: Any) -> Json:
    """An event of a type without meaning."""
    return event("evt_bad", "product.updated", {"id": "prod_1", "object": "product"}, **fields)


def _meanings() -> list[Row]:
    """Types, versions, subjects and fields that nobody knows."""
    issued = _issued()
    transfer = {"id": "tr_1", "object": "transfer", "amount": 3100, "currency": "usd"}
    return [
        ("a version of the future", {**issued, "api_version": "2031-01-01.zinnia"}, _VERSION),
        ("no version", {**issued, "api_version": None}, _VERSION),
        ("a version that is no date", {**issued, "api_version": "latest"}, _VERSION),
        ("unknown type of money", event("evt_bad", "transfer.created", transfer), _TYPE),
        ("misspelt type", {**issued, "type": "invoice.finalised"}, _TYPE),
        ("type as a number", {**issued, "type": 7}, Reason.WRONG_TYPE),
        ("unknown subject", canonical_invoice(subject="billing.invoice_isued"), _SUBJECT),
        ("an output's subject", canonical_invoice(subject="erp.posting"), _SUBJECT),
        ("unknown version", canonical_invoice(version=99), _SUBJECT),
        ("version as text", canonical_invoice(version="1"), Reason.WRONG_TYPE),
        ("misspelt field", canonical_invoice(due_at_micro=1), Reason.UNKNOWN_FIELD),
        ("another tenant's", canonical_invoice(tenant="somebody"), Reason.INVALID_VALUE),
        (
            "a key named twice",
            as_line(canonical_invoice())[:-1] + b', "total_minor": 1}',
            Reason.DUPLICATE_KEY,
        ),
    ]


_VERSION = Reason.UNKNOWN_API_VERSION
_TYPE = Reason.UNKNOWN_EVENT_TYPE
_SUBJECT = Reason.UNKNOWN_SUBJECT


def _texts() -> list[Row]:
    """Ids and names that could fool a terminal, a log or a key."""
    return [
        ("NUL in a name", _named("a\0b"), Reason.INVALID_VALUE),
        ("ESC in a name", _named("\x1b[2J\x1b]0;owned\x07"), Reason.INVALID_VALUE),
        ("line separator in a name", _named("a\u2028b"), Reason.INVALID_VALUE),
        ("a name of 20,000 characters", _named("x" * 20_000), Reason.INVALID_VALUE),
        ("empty id", {**_issued(), "id": ""}, Reason.INVALID_VALUE),
        ("line feed in an id", {**_issued(), "id": "evt_1\nevt_2"}, Reason.INVALID_VALUE),
        ("an id of 300 characters", {**_issued(), "id": "evt_" + "x" * 300}, Reason.INVALID_VALUE),
        ("NUL in an invoice's id", _issued(id="in_\0"), Reason.INVALID_VALUE),
        ("name as a list", event("evt_bad", "customer.updated", customer(name=["a"])), _KIND),
        (
            "NUL in an account's name",
            crm_change("Account", "0014H00002LbR7QQAV", Name="a\0b"),
            Reason.INVALID_VALUE,
        ),
    ]


_KIND = Reason.WRONG_TYPE


def _told_apart(rows: Iterable[Row]) -> list[Bad]:
    """Give every event an id and an invoice of its own: none is refused for another's sake."""
    cases = []
    for number, (name, told, reason) in enumerate(rows):
        line = told if isinstance(told, bytes) else as_line(told)
        for shared in (b"evt_bad", b"in_bad", b"shop:bad", b"ch_bad", b"re_bad"):
            line = line.replace(shared, b"%s_%d" % (shared, number))
        cases.append(Bad(name, line, reason))
    return cases


BAD_LINES = _told_apart(
    [
        *_no_text(),
        *_totals(),
        *_money(),
        *_missing(),
        *_times(),
        *_meanings(),
        *_texts(),
    ]
)
