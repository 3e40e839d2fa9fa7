"""Changes of meaning that Avro's own rules let pass, with the verdict we give."""

from __future__ import annotations

from tests.schemas.contract_edits import (
    DECIMAL,
    MICROS,
    MILLIS,
    READ_AS_OPEN,
    Case,
    add,
    decimal,
    drop,
    f,
    lines,
    put,
    retype,
    unchanged,
)

# --- changes of what money, days, keys and words mean; Avro sees none of these in B or in F -----
TRAPS = {
    "scale of a rate": Case(
        retype("rate", decimal(scale=2)), "BF", "", "rate: scale 12 -> 2, BREAKING: money"
    ),
    "scale of an optional price": Case(
        retype("price", ["null", decimal(scale=4)]), "BF", "",
        "price: scale 12 -> 4, BREAKING: money",
    ),
    "scale left out is scale 0": Case(
        retype("rate", {k: v for k, v in DECIMAL.items() if k != "scale"}), "BF", "",
        "rate: scale 12 -> 0, BREAKING: money",
    ),
    "precision": Case(
        retype("rate", decimal(precision=18)), "BF", "",
        "rate: precision 38 -> 18, BREAKING: money",
    ),
    "decimal to bare bytes": Case(
        retype("rate", "bytes", crossfoot=...), "BF", "",
        "rate: logical type decimal -> none, BREAKING: money",
    ),
    "bare bytes to decimal": Case(
        add(f("x", DECIMAL, "rate")), "BF", "",
        "x: logical type none -> decimal, BREAKING: money",
        old=add(f("x", "bytes")),
    ),
    "decimal to text": Case(
        retype("rate", "string", crossfoot="text"), "BF", "",
        "rate: type decimal(38,12) -> string, BREAKING: money",
    ),
    "amount to double": Case(
        retype("total_minor", "double"), "B", "",
        "total_minor: type long -> double, BREAKING: money",
    ),
    "amount to float": Case(
        retype("total_minor", "float"), "B", "",
        "total_minor: type long -> float, BREAKING: money",
    ),
    "double to amount": Case(
        unchanged, "F", "", "total_minor: type double -> long, BREAKING: money",
        old=retype("total_minor", "double"),
    ),
    "optional amount to optional double": Case(
        retype("tax_minor", ["null", "double"]), "B", "",
        "tax_minor: type long -> double, BREAKING: money",
    ),
    "amount becomes a count": Case(
        put("total_minor", crossfoot="count"), "BF", "",
        "total_minor: rule amount_minor -> count, BREAKING: money",
    ),
    "count becomes an amount": Case(
        put("seats", crossfoot="amount_minor"), "BF", "",
        "seats: rule count -> amount_minor, BREAKING: money",
    ),
    "amount that may be negative no more": Case(
        put("total_minor", crossfoot="amount_minor_not_negative"), "BF", "",
        "total_minor: rule amount_minor -> amount_minor_not_negative, BREAKING: money",
    ),
    "price becomes a rate": Case(
        put("price", crossfoot="rate"), "BF", "",
        "price: rule unit_price -> rate, BREAKING: money",
    ),
    "price becomes a quantity": Case(
        put("price", crossfoot="quantity"), "BF", "",
        "price: rule unit_price -> quantity, BREAKING: money",
    ),
    "rule of an amount lost": Case(
        put("total_minor", crossfoot=...), "BF", "",
        "total_minor: rule amount_minor -> none, BREAKING: money",
    ),
    "currency becomes any word": Case(
        put("currency", crossfoot="word"), "BF", "",
        "currency: rule currency -> word, BREAKING: money",
    ),
    "unit stated otherwise": Case(
        put("price", unit="minor"), "BF", "", "price: unit major -> minor, BREAKING: money",
        old=put("price", unit="major"),
    ),
    "unit of the type stated otherwise": Case(
        retype("total_minor", {"type": "long", "unit": "major"}), "BF", "",
        "total_minor: unit none -> major, BREAKING: money",
    ),
    "unit by an alias": Case(
        put("total_minor", name="total_major", aliases=["total_minor"], crossfoot="count"),
        "B", "",
        "total_major: unit minor -> major (total_minor is now called total_major and reads it by "
        "an alias), BREAKING: money",
    ),
    "another amount by an alias": Case(
        put("total_minor", name="net_minor", aliases=["total_minor"]), "B", "",
        "net_minor: total_minor is now called net_minor; the same number under another name, "
        "BREAKING: money",
    ),
    "another currency field by an alias": Case(
        put("currency", name="local_currency", aliases=["currency"]), "B", "",
        "local_currency: currency is now called local_currency; the same number under another "
        "name, BREAKING: money",
    ),
    "currency in which an amount is": Case(
        put("tax_minor", currency_field="local_currency"), "BF", "",
        "tax_minor: currency_field currency -> local_currency, BREAKING: money",
        old=put("tax_minor", currency_field="currency"),
    ),
    "currency by default": Case(
        put("currency", default="USD"), "BF", "",
        'currency: default "USD" added; a record that lacks it would be taken, BREAKING: money',
    ),
    "another currency by default": Case(
        put("currency", default="EUR"), "BF", "",
        'currency: default "USD" -> "EUR"; records that do not say it would change, '
        "BREAKING: money",
        old=put("currency", default="USD"),
    ),
    "currency invented for older records": Case(
        add(f("local_currency", "string", "currency", default="USD")), "BF", "",
        'local_currency: added as string, and "USD" is told of every older record, '
        "BREAKING: money",
    ),
    "currency may be absent": Case(
        retype("currency", ["null", "string"], default=None), "B", "",
        "currency: may now be absent; its amounts would be of no currency, BREAKING: money",
    ),
    "amount invented for older records": Case(
        add(f("tip_minor", "long", "amount_minor", default=100)), "BF", "",
        "tip_minor: added as long, and 100 is told of every older record, BREAKING: money",
    ),
    "rate of zero invented": Case(
        add(f("local_rate", DECIMAL, "rate", default="\0")), "BF", "",
        'local_rate: added as decimal(38,12), and "\\u0000" is told of every older record, '
        "BREAKING: money",
    ),
    "another amount by default": Case(
        put("fee_minor", default=30), "BF", "",
        "fee_minor: default 0 -> 30; records that do not say it would change, BREAKING: money",
    ),
    "zero where an amount was asked for": Case(
        put("total_minor", default=0), "BF", "",
        "total_minor: default 0 added; a record that lacks it would be taken, BREAKING: money",
    ),
    "unknown becomes zero": Case(
        retype("tax_minor", ["long", "null"], default=0), "BF", "",
        "tax_minor: default null -> 0; records that do not say it would change, BREAKING: money",
    ),
    "an amount dropped": Case(
        drop("fee_minor"), "BF", "",
        "fee_minor: removed (was long); what older records say in it would be dropped, "
        "BREAKING: money",
    ),
    "the total dropped": Case(
        drop("total_minor"), "B", "",
        "total_minor: removed (was long); what older records say in it would be dropped, "
        "BREAKING: money",
    ),
    "lines with money dropped": Case(
        drop("lines"), "B", "",
        "lines: removed (was list of x.Line); what older records say in it would be dropped, "
        "BREAKING: money",
    ),
    "amount to double inside a list": Case(
        lines(retype("amount_minor", "double")), "B", "",
        "lines.amount_minor: type long -> double, BREAKING: money",
    ),
    "amount of a line becomes a count": Case(
        lines(put("amount_minor", crossfoot="count")), "BF", "",
        "lines.amount_minor: rule amount_minor -> count, BREAKING: money",
    ),
    "an amount of a line dropped": Case(
        lines(drop("amount_minor")), "B", "",
        "lines.amount_minor: removed (was long); what older records say in it would be dropped, "
        "BREAKING: money",
    ),
    "scale of a decimal without a rule": Case(
        add(f("x", decimal(scale=2))), "BF", "", "x: scale 12 -> 2, BREAKING: money",
        old=add(f("x", DECIMAL)),
    ),
    "price to whole units": Case(
        retype("price", ["null", decimal(scale=0)]), "BF", "",
        "price: scale 12 -> 0, BREAKING: money",
    ),
}  # fmt: skip

# --- traps of time, keys and meaning ---------------------------------------------------------
OTHER_TRAPS = {
    "micros become millis": Case(
        retype("at_micros", MILLIS), "BF", "",
        "at_micros: logical type timestamp-micros -> timestamp-millis, BREAKING: time",
    ),
    "a time becomes a number": Case(
        retype("start_micros", ["null", "long"]), "BF", "",
        "start_micros: logical type timestamp-micros -> none, BREAKING: time",
    ),
    "time by an alias in another unit": Case(
        put("start_micros", name="start_millis", aliases=["start_micros"]), "BF", "",
        "start_millis: unit micros -> millis (start_micros is now called start_millis and reads "
        "it by an alias), BREAKING: time",
    ),
    "a service period dropped": Case(
        drop("start_micros"), "BF", "",
        "start_micros: removed (was optional timestamp-micros); what older records say in it "
        "would be dropped, BREAKING: time",
    ),
    "a period becomes a date": Case(
        put("period", crossfoot="date"), "BF", "",
        "period: rule period -> date, BREAKING: time",
    ),
    "a time invented for older records": Case(
        add(f("seen_micros", MICROS, default=0)), "BF", "",
        "seen_micros: added as timestamp-micros, and 0 is told of every older record, "
        "BREAKING: time",
    ),
    "the idempotency key dropped": Case(
        drop("event_id"), "B", "",
        "event_id: removed (was string); what older records say in it would be dropped, "
        "BREAKING: key",
    ),
    "the idempotency key by default": Case(
        put("event_id", default=""), "BF", "",
        'event_id: default "" added; a record that lacks it would be taken, BREAKING: key',
    ),
    "the idempotency key may be absent": Case(
        retype("event_id", ["null", "string"], default=None), "B", "",
        "event_id: may now be absent, BREAKING: key",
    ),
    "the customer by another name": Case(
        put("customer_id", name="account_id", aliases=["customer_id"]), "BF", "",
        "account_id: customer_id is now called account_id; the same number under another name, "
        "BREAKING: key",
    ),
    "the contract's rule": Case(
        put("contract_id", crossfoot="text"), "BF", "",
        "contract_id: rule id -> text, BREAKING: key",
    ),
    "text becomes bytes": Case(
        retype("label", "bytes", crossfoot=..., default=...), "BF", "",
        "label: type string -> bytes, BREAKING: meaning",
    ),
    "another symbol by default": Case(
        put("status", default="paid"), "BF", "",
        'status: default "open" -> "paid"; records that do not say it would change, '
        "BREAKING: meaning",
    ),
    "true by default": Case(
        put("prorated", default=True), "BF", "",
        "prorated: default false -> true; records that do not say it would change, "
        "BREAKING: meaning",
    ),
    "taxes inside the price by default": Case(
        lines(put("inclusive", default=True)), "BF", "",
        "lines.inclusive: default false -> true; records that do not say it would change, "
        "BREAKING: meaning",
    ),
    "unknown symbols read as another": Case(
        retype("status", READ_AS_OPEN), "BF", "",
        "status: unknown symbols are read as open, BREAKING: meaning",
    ),
}  # fmt: skip
