"""The record the ERP gets: the schema's fields, accounts, and the rate as booked."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from connectors.erp_postings import ErpLine, ErpPosting, first_posting
from ledger.gl_accounts import AppliedLine
from schemas.registry import load_registry
from schemas.shapes import ArrayShape, RecordShape
from tests.connectors.store.store_builders import entry, line


def names_of(shape: RecordShape) -> list[str]:
    return [field.name for field in shape.fields]


def test_a_posting_has_exactly_the_fields_of_the_latest_version() -> None:
    shape = load_registry().latest("erp.posting").shape
    (lines,) = (field.shape for field in shape.fields if field.name == "lines")
    assert isinstance(lines, ArrayShape) and isinstance(lines.items, RecordShape)
    assert set(names_of(shape)) == {f.name for f in msgspec.structs.fields(ErpPosting)}
    assert set(names_of(lines.items)) == {f.name for f in msgspec.structs.fields(ErpLine)}


def posting(currency: str, functional: str, amount: int, worth: int) -> ErpPosting:
    lines = (
        line("accounts_receivable", amount, functional_minor=worth),
        line("revenue", -amount, functional_minor=-worth),
    )
    made = entry("a", currency=currency, functional_currency=functional, lines=lines, region="EU")
    accounts = (
        AppliedLine("acme@2", 0, "1200"),
        AppliedLine("acme@2", 4, "4000", "10", "SaaS"),
    )
    return first_posting(
        made, batch_id="b", booked_at_micros=1, schema_version="x@1", accounts=accounts
    )


def test_accounts_departments_and_classes_are_on_the_lines() -> None:
    made = posting("EUR", "EUR", 1000, 1000)
    assert (made.mapping, made.region) == ("acme@2", "EU")
    assert [(x.gl_account, x.department, x.classification) for x in made.lines] == [
        ("1200", None, None),
        ("4000", "10", "SaaS"),
    ]


@pytest.mark.parametrize(
    ("currency", "functional", "amount", "worth", "rate"),
    [
        ("EUR", "EUR", 1000, 1000, None),
        ("EUR", "USD", 1000, 1250, "1.25"),
        ("JPY", "EUR", 10000, 6150, "0.00615"),
        ("KWD", "USD", 1000, 326, "3.26"),
        ("EUR", "USD", 3, 1, "0.333333333333"),
        ("EUR", "USD", 0, 30, None),
        ("EUR", "USD", 1000, -30, None),
    ],
)
def test_the_rate_is_major_units_per_major_unit_as_booked(
    currency: str, functional: str, amount: int, worth: int, rate: str | None
) -> None:
    made = posting(currency, functional, amount, worth)
    wanted = None if rate is None else Decimal(rate)
    assert [one.exchange_rate for one in made.lines] == [wanted, wanted]
