"""Lines that a reader must refuse: one builder per kind, with the reason it should be refused for.

Each starts from a valid event of its own, with ids that nothing else uses, so that a line that is
wrongly accepted cannot hide among the others.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import msgspec

from generator import stripe_present
from generator.billing import Standing
from generator.deal import PRESENT, Deal, draw_deal
from generator.ids import Mint
from generator.invoicing import next_invoice
from generator.life import Fate, Life, Told
from generator.months import DAY
from generator.plan import Habits

Object = dict[str, Any]


def malformed_lines(
    seed: int, tag: str, first_index: int, opening: int, days: int, count: int
) -> list[tuple[str, str, str, int, bytes]]:
    """`count` lines, kinds in turn: (kind, source, expected reason, at micros, line)."""
    rng = Random(f"{seed}/malformed")
    kinds = sorted(_KINDS)
    lines = []
    for number in range(count):
        kind = kinds[number % len(kinds)]
        source, reason, build = _KINDS[kind]
        told = _specimen(rng, seed, tag, first_index + number, opening, days, source)
        lines.append((kind, source, reason, told.at_micros, build(told.body)))
    return lines


def malformed_kinds() -> int:
    """How many kinds there are."""
    return len(_KINDS)


def _specimen(
    rng: Random, seed: int, tag: str, index: int, opening: int, days: int, source: str
) -> Told:
    """A valid first invoice, or a valid new account."""
    mint = Mint(tag, index)
    habits = Habits(self_serve=0, old_2017=0, old_2020=0, annual=0, by_transfer=0, foreign=0)
    deal = draw_deal(rng, habits, mint, index, opening, max(1, days - 2))
    told: list[Told] = []
    end = opening + (days + 60) * DAY
    life = Life(deal, rng, mint, habits, {}, seed, end, Fate(), told.append, lambda move: None)
    if source == "salesforce":
        fields = {"Name": deal.name, "CurrencyIsoCode": deal.currency}
        life.crm(deal.signed_at, "Account", deal.account_id, "CREATE", fields)
    else:
        _tell_invoice(life, deal)
    return told[0]


def _tell_invoice(life: Life, deal: Deal) -> None:
    assert deal.api_version == PRESENT
    bill = next_invoice(life, deal.start, life.period_from(deal.start, 1)[0], first=True)
    body = stripe_present.invoice(deal, bill, Standing())
    life.stripe(deal.signed_at, "invoice.finalized", body)


_ENCODER = msgspec.json.Encoder(decimal_format="number")


def _changed(**fields: Any) -> Callable[[Object], bytes]:
    """Set fields of the object in the event."""

    def build(body: Object) -> bytes:
        body["data"]["object"].update(fields)
        return _ENCODER.encode(body)

    return build


def _envelope(**fields: Any) -> Callable[[Object], bytes]:
    def build(body: Object) -> bytes:
        return _ENCODER.encode(body | fields)

    return build


def _without(field: str) -> Callable[[Object], bytes]:
    def build(body: Object) -> bytes:
        del body["data"]["object"][field]
        return _ENCODER.encode(body)

    return build


def _cut_off(body: Object) -> bytes:
    line = _ENCODER.encode(body)
    return line[: len(line) * 2 // 3]


def _key_twice(body: Object) -> bytes:
    return _ENCODER.encode(body).replace(b'"Name":', b'"Name":"Another","Name":', 1)


def _yen_with_decimals(body: Object) -> bytes:
    invoice = body["data"]["object"]
    invoice["currency"] = "jpy"
    for line in invoice["lines"]["data"]:
        line["currency"] = "jpy"
    total = invoice["total"]
    line = _ENCODER.encode(body)
    return line.replace(b'"total":%d,' % total, b'"total":%d.5,' % total, 1)


def _one_cent_off(body: Object) -> bytes:
    body["data"]["object"]["total"] += 1
    return _ENCODER.encode(body)


def _huge(body: Object) -> bytes:
    invoice = body["data"]["object"]
    invoice["lines"]["data"][0]["amount"] += 10**19
    invoice["total"] += 10**19
    return _ENCODER.encode(body)


def _header(**fields: Any) -> Callable[[Object], bytes]:
    def build(body: Object) -> bytes:
        body["payload"]["ChangeEventHeader"].update(fields)
        return _ENCODER.encode(body)

    return build


def _deep(body: Object) -> bytes:
    nested: Any = {}
    for _ in range(400):
        nested = {"a": nested}
    body["data"]["object"]["metadata"] = nested
    return _ENCODER.encode(body)


_KINDS: dict[str, tuple[str, str, Callable[[Object], bytes]]] = {
    "cut_off": ("stripe", "not_json", _cut_off),
    "key_twice": ("salesforce", "duplicate_key", _key_twice),
    "amount_as_words": ("stripe", "wrong_type", _changed(total="one hundred")),
    "no_currency": ("stripe", "missing_field", _without("currency")),
    "unknown_currency": ("stripe", "unknown_currency", _changed(currency="xqq")),
    "yen_with_decimals": ("stripe", "amount_precision", _yen_with_decimals),
    "one_cent_off": ("stripe", "lines_do_not_add_up", _one_cent_off),
    "huge_amount": ("stripe", "amount_out_of_range", _huge),
    "future_api": ("stripe", "unknown_api_version", _envelope(api_version="2031-01-01.zebra")),
    "year_9999": ("stripe", "timestamp_out_of_range", _envelope(created=253_370_764_800)),
    "nested_deep": ("stripe", "too_deep", _deep),
    "commit_time_as_words": (
        "salesforce", "wrong_type", _header(commitTimestamp="yesterday"),
    ),
    "no_records": ("salesforce", "missing_field", _header(recordIds=[])),
    "gap": ("salesforce", "incomplete_record", _header(changeType="GAP_UPDATE")),
}  # fmt: skip
