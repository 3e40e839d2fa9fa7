"""Changes on which Avro's readers decide, and what no version may say."""

from __future__ import annotations

from tests.schemas.contract_edits import (
    AS_BIGGER,
    LINE,
    READ_AS_OPEN,
    STATUS,
    SYMBOLS,
    Case,
    add,
    drop,
    f,
    lines,
    put,
    retype,
    unchanged,
)

# --- what Avro's readers decide --------------------------------------------------------------
PLAIN = {
    "nothing": Case(unchanged, "BF", "BFUN", ""),
    "optional field": Case(
        add(f("city", ["null", "string"], "text", default=None)), "BF", "BFUN",
        "city: added as optional string, null in older records",
    ),
    "optional amount": Case(
        add(f("tip_minor", ["null", "long"], "amount_minor", default=None)), "BF", "BFUN",
        "tip_minor: added as optional long, null in older records",
    ),
    "amount of zero": Case(
        add(f("tip_minor", "long", "amount_minor", default=0)), "BF", "BFUN",
        "tip_minor: added as long, 0 in older records",
    ),
    "flag": Case(
        add(f("test", "boolean", default=False)), "BF", "BFUN",
        "test: added as boolean, false in older records",
    ),
    "required field": Case(
        add(f("city", "string", "word")), "F", "FN",
        "city: new readers cannot read older records: it is missing there and has no default, "
        "BREAKING: reading",
    ),
    "required amount": Case(
        add(f("tip_minor", "long", "amount_minor")), "F", "FN",
        "tip_minor: new readers cannot read older records: it is missing there and has no "
        "default, BREAKING: reading",
    ),
    "required field of a line": Case(
        lines(add(f("sku", "string", "word"))), "F", "FN",
        "lines.sku: new readers cannot read older records: it is missing there and has no "
        "default, BREAKING: reading",
    ),
    "optional field of a line": Case(
        lines(add(f("sku", ["null", "string"], "word", default=None))), "BF", "BFUN",
        "lines.sku: added as optional string, null in older records",
    ),
    "text dropped": Case(
        drop("note"), "BF", "BFUN",
        "note: removed (was optional string); what older records say in it is dropped, look at it",
    ),
    "required text dropped": Case(
        drop("city"), "B", "BN",
        "city: older readers cannot read new records: it is missing there and has no default, "
        "BREAKING: reading",
        old=add(f("city", "string", "word")),
    ),
    "text by another name": Case(
        put("label", name="title", aliases=["label"]), "BF", "BFUN",
        "title: label is now called title, read by its alias",
    ),
    "required text by another name": Case(
        add(f("town", "string", "word", aliases=["city"])), "B", "BN",
        "city: older readers cannot read new records: it is missing there and has no default, "
        "BREAKING: reading",
        old=add(f("city", "string", "word")),
    ),
    "text may be absent": Case(
        retype("label", ["null", "string"], default=None), "B", "",
        'label: default "none" -> null; records that do not say it would change, '
        "BREAKING: meaning",
    ),
    "required text may be absent": Case(
        add(f("city", ["null", "string"], "word", default=None)), "B", "BN",
        "city: older readers cannot read new records: null cannot be read as string, "
        "BREAKING: reading",
        old=add(f("city", "string", "word")),
    ),
    "required amount may be absent": Case(
        retype("total_minor", ["null", "long"], default=None), "B", "BN",
        "total_minor: may now be absent, look at it",
    ),
    "text may not be absent": Case(
        add(f("city", "string", "word")), "F", "FN",
        "city: new readers cannot read older records: null cannot be read as string, "
        "BREAKING: reading",
        old=add(f("city", ["null", "string"], "word")),
    ),
    "symbol": Case(
        retype("status", SYMBOLS), "B", "BN",
        "status: older readers cannot read new records: the symbols void are unknown there, "
        "BREAKING: reading",
    ),
    "symbol less": Case(
        unchanged, "F", "FN",
        "status: new readers cannot read older records: the symbols void are unknown there, "
        "BREAKING: reading",
        old=retype("status", SYMBOLS),
    ),
    "symbols in another order": Case(
        retype("status", {**STATUS, "symbols": ["paid", "open"]}), "BF", "BFUN", "",
    ),
    "a safe default for symbols": Case(
        retype("status", READ_AS_OPEN, enum_default="safe"), "BF", "BFUN",
        "status: unknown symbols are read as open, look at it",
    ),
    "symbol where unknown ones are safe": Case(
        retype("status", AS_BIGGER, enum_default="safe"), "BF", "BFUN",
        "status: symbol void added",
        old=retype("status", READ_AS_OPEN, enum_default="safe"),
    ),
    "other kind of type": Case(
        retype("label", "long", crossfoot="count", default=0), "", "",
        "label: new readers cannot read older records: string cannot be read as long, "
        "BREAKING: reading",
    ),
    "list to one": Case(
        retype("lines", LINE), "", "",
        "lines: type list of x.Line -> x.Line, BREAKING: money",
    ),
    "int to long": Case(
        unchanged, "B", "BN", "seats: type int -> long; every value stays",
        old=retype("seats", "int"),
    ),
    "other words": Case(
        put("note", doc="For people to read."), "BF", "BFUN",
        "note: described in other words",
    ),
    "other words about an amount": Case(
        put("total_minor", doc="Before taxes."), "BF", "BFUN",
        "total_minor: described in other words; its meaning must be the same, look at it",
    ),
    "fields in another order": Case(
        lambda fields: [*fields[5:], *fields[:5]], "BF", "BFUN", "fields in another order",
    ),
    "default no longer given": Case(
        put("label", default=...), "BF", "BFUN",
        'label: default "none" removed; JSON records must now say it, look at it',
    ),
    "the same line defined earlier": Case(
        lambda fields: [
            f("extra", {"type": "array", "items": LINE}, default=[]),
            *retype("lines", {"type": "array", "items": "x.Line"})(fields),
        ],
        "BF", "BFUN", "extra: added as list of x.Line, [] in older records",
    ),
}  # fmt: skip

REFUSED = {
    "double": Case(
        add(f("x", ["null", "double"], default=None)), "BF", "",
        "x: double cannot hold money or quantities exactly; use decimal, BREAKING: refused",
    ),
    "contains itself": Case(
        add(f("x", ["null", "x.Invoice"], default=None)), "BF", "",
        "x: x.Invoice contains itself; a few bytes could then nest without end, "
        "BREAKING: refused",
    ),
    "items without bytes": Case(
        add(f("x", {"type": "array", "items": "null"}, default=[])), "BF", "",
        "x: items without bytes; five bytes could then name millions of them, BREAKING: refused",
    ),
    "path characters": Case(
        add(f("../x", ["null", "string"], "id", default=None)), "BF", "",
        "../x: '../x' is not a name, BREAKING: refused",
    ),
    "too many symbols": Case(
        add(f("x", {"type": "enum", "name": "x.E", "symbols": list("ABCDEFG")}, default="A")),
        "BF", "", "x: 7 symbols; an enum may have 6, BREAKING: refused",
    ),
    "too many fields": Case(
        add(*(f(f"x{i}", "boolean", default=False) for i in range(20))), "BF", "",
        "38 fields; a record may have 30, BREAKING: refused",
    ),
    "too large": Case(
        put("note", doc="x" * 9000), "BF", "", "a schema may have 9000, BREAKING: refused",
    ),
    "an alias of another field": Case(
        put("fee_minor", aliases=["total_minor"]), "BF", "",
        "total_minor: an alias that names two fields; readers disagree on which is meant, "
        "BREAKING: refused",
    ),
}  # fmt: skip
