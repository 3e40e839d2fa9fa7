"""Delivery to a real Tryton, posting by posting: what it takes, refuses, and gets twice."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from connectors.deliveries import Accepted, ErpUnusable, Parcel, Refused, Shipment, Verdict
from connectors.deliveries.tryton import TrytonDelivery
from connectors.deliveries.tryton_check import find_missing
from connectors.deliveries.tryton_rpc import TrytonRpc, plain_decimal
from connectors.erp_postings import ErpLine, ErpPosting
from ledger.reasons import Reason
from tests.erp.conftest import NewTryton
from tests.erp.tryton_server import PASSWORD, TrytonServer, moves, posted_lines

pytestmark = pytest.mark.erp

ACCOUNTS = [
    {"code": "1200", "name": "Receivable", "kind": "receivable"},
    {"code": "2400", "name": "Deferred revenue", "kind": "liability"},
    {"code": "4000", "name": "Revenue", "kind": "revenue"},
    {"code": "7700", "name": "Exchange differences", "kind": "expense"},
]
SPEC = {
    "currencies": {"EUR": 2, "USD": 2, "JPY": 0},
    "years": [2026],
    "companies": [
        {"name": "DE01", "currency": "EUR", "accounts": ACCOUNTS},
        {"name": "JP01", "currency": "JPY", "accounts": ACCOUNTS},
    ],
}


@pytest.fixture(scope="module")
def tryton(new_tryton: NewTryton) -> TrytonServer:
    return new_tryton(SPEC)


Line = tuple[str, int, int]
"""(account, functional minor, transaction minor); debit positive."""
SALE: tuple[Line, ...] = (("1200", 10000, 10000), ("4000", -10000, -10000))


def parcel(name: str, lines: tuple[Line, ...] = SALE, **changes: Any) -> Parcel:
    day = changes.pop("day", "2026-03-05")
    values: dict[str, Any] = {
        "posting_id": f"pst_{name}",
        "batch_id": "bat_1",
        "tenant": "default",
        "entity": "DE01",
        "entry_key": name,
        "revision": 1,
        "reverses": None,
        "accounting_date": day,
        "accounting_period": day[:7],
        "original_period": day[:7],
        "booked_at_micros": 0,
        "currency": "EUR",
        "functional_currency": "EUR",
        "rule": "invoice_issued",
        "policy": "stripe-contra@1",
        "source_event_id": "stripe:evt_1",
        "event_id": "stripe:evt_1/billing.invoice_issued",
        "schema_version": "",
        "evidence": (),
        "customer_id": "stripe:cus_1",
        "contract_id": "direct",
        "invoice_id": "stripe:in_1",
        "memo": "Mr Secret",
    }
    numbered = enumerate(lines, 1)
    posting = ErpPosting(
        **{**values, **changes},
        lines=tuple(
            ErpLine(
                line_number=number,
                account_role="revenue",
                gl_account=account,
                accounted_debit_minor=max(functional, 0),
                accounted_credit_minor=max(-functional, 0),
                transaction_amount_minor=amount,
            )
            for number, (account, functional, amount) in numbered
        ),
    )
    return Parcel(booked_on=day, posting=posting)


def deliver(tryton: TrytonServer, *parcels: Parcel, **settings: Any) -> dict[str, Verdict]:
    """Verdicts by the name of the parcel, of a delivery that knows nothing of earlier ones."""
    delivery = delivery_to(tryton, **settings)
    shipment = Shipment(batch_id="bat_1", first_position=1, parcels=parcels)
    return {key[4:]: verdict for key, verdict in delivery.deliver(shipment).items()}


def delivery_to(tryton: TrytonServer, **changes: Any) -> TrytonDelivery:
    return TrytonDelivery(tryton.settings(["DE01", "JP01"], **changes), tryton.rpc())


def states(tryton: TrytonServer, name: str) -> list[str]:
    return [move["state"] for move in moves(tryton.rpc()) if move["description"] == f"pst_{name}"]


def booked(tryton: TrytonServer, name: str) -> list[tuple[str, Decimal, Decimal, str | None]]:
    """(account, functional debit, second amount, second currency) of the posted move."""
    return [
        (
            line["account."]["code"],
            plain_decimal(line["debit"]) - plain_decimal(line["credit"]),
            plain_decimal(line["amount_second_currency"]),
            line["second_currency."]["code"] if line["second_currency."] else None,
        )
        for line in posted_lines(tryton.rpc())
        if line["move."]["description"] == f"pst_{name}"
    ]


def test_a_posting_is_booked_once_however_often_it_comes(tryton: TrytonServer) -> None:
    first = deliver(tryton, parcel("once"))
    assert isinstance(first["once"], Accepted)
    assert deliver(tryton, parcel("once"), parcel("other"))["once"] == first["once"]
    assert states(tryton, "once") == ["posted"]
    assert booked(tryton, "once") == [("1200", 100, 0, None), ("4000", -100, 0, None)]


def test_a_receivable_has_the_customer_s_one_party_and_nothing_personal(
    tryton: TrytonServer,
) -> None:
    deliver(tryton, parcel("p1", customer_id="stripe:cus_9"))
    deliver(tryton, parcel("p2", customer_id="stripe:cus_9"))
    rpc = tryton.rpc()
    parties = rpc.call(
        "model.party.party.search_read", [["code", "=", "stripe:cus_9"]], 0, None, None, ["name"]
    )
    assert [party["name"] for party in parties] == ["stripe:cus_9"]
    lines = [x for x in posted_lines(rpc) if x["move."]["description"] in ("pst_p1", "pst_p2")]
    with_party = {x["account."]["code"] for x in lines if x["party."]}
    assert with_party == {"1200"}
    memo = rpc.call("model.account.move.line.search", [["description", "ilike", "%secret%"]])
    assert memo == []


def test_what_tryton_lacks_is_refused_by_name(tryton: TrytonServer) -> None:
    verdicts = deliver(
        tryton,
        parcel("account", (("1200", 5, 5), ("4999", -5, -5))),
        parcel("year", day="2031-01-01"),
        parcel("entity", entity="FR01"),
        parcel("books", entity="JP01"),
        parcel("money", currency="CHF"),
        parcel("fine"),
    )
    assert {name: v.reason for name, v in verdicts.items() if isinstance(v, Refused)} == {
        "account": Reason.ERP_UNKNOWN_ACCOUNT,
        "year": Reason.ERP_PERIOD_MISSING,
        "entity": Reason.ERP_UNKNOWN_ENTITY,
        "books": Reason.ERP_UNKNOWN_ENTITY,
        "money": Reason.ERP_UNKNOWN_CURRENCY,
    }
    assert isinstance(verdicts["fine"], Accepted)


def test_a_party_that_must_not_be_made_is_missed(tryton: TrytonServer) -> None:
    stranger = parcel("stranger", customer_id="stripe:cus_new")
    refused = deliver(tryton, stranger, create_parties=False)["stranger"]
    assert isinstance(refused, Refused) and refused.reason is Reason.ERP_MISSING_PARTY
    assert isinstance(deliver(tryton, stranger)["stranger"], Accepted)


def test_an_unbalanced_move_is_refused_alone_and_its_draft_is_used_later(
    tryton: TrytonServer,
) -> None:
    odd = parcel("odd", (("1200", 1000, 1000), ("4000", -999, -999)))
    verdicts = deliver(tryton, parcel("n1"), odd, parcel("n2"))
    assert isinstance(verdicts["odd"], Refused)
    assert verdicts["odd"].reason is Reason.ERP_REFUSED and "balance" in verdicts["odd"].words
    assert isinstance(verdicts["n1"], Accepted) and isinstance(verdicts["n2"], Accepted)
    assert states(tryton, "odd") == ["draft"]
    mended = parcel("odd", (("1200", 1000, 1000), ("2400", -1000, -1000)))
    assert isinstance(deliver(tryton, mended)["odd"], Accepted)
    assert states(tryton, "odd") == ["posted"]
    assert booked(tryton, "odd") == [("1200", 10, 0, None), ("2400", -10, 0, None)]


def test_twin_drafts_of_calls_whose_answers_were_lost_become_one_move(
    tryton: TrytonServer,
) -> None:
    odd = parcel("twin", (("1200", 100, 100), ("4000", -99, -99)))
    deliver(tryton, odd)
    rpc = tryton.rpc()
    (draft,) = rpc.call("model.account.move.search", [["description", "=", "pst_twin"]])
    rpc.call("model.account.move.copy", [draft], {"description": "pst_twin"})
    assert states(tryton, "twin") == ["draft", "draft"]
    assert isinstance(deliver(tryton, parcel("twin"))["twin"], Accepted)
    assert states(tryton, "twin") == ["posted"]


def test_a_draft_that_appears_after_its_posting_was_booked_is_found(tryton: TrytonServer) -> None:
    deliver(tryton, parcel("late"))
    rpc = tryton.rpc()
    (move,) = rpc.call("model.account.move.search", [["description", "=", "pst_late"]])
    rpc.call("model.account.move.copy", [move], {"description": "pst_late"})
    assert isinstance(deliver(tryton, parcel("late"))["late"], Accepted)
    assert sorted(states(tryton, "late")) == ["draft", "posted"], "never a second posted one"
    found = find_missing(delivery_to(tryton).books, [parcel("x")], make_parties=True)
    assert [one.name.split()[0] for one in found if one.kind == "draft"] == ["pst_late"]
    drafts = [["description", "=", "pst_late"], ["state", "=", "draft"]]
    rpc.call("model.account.move.delete", rpc.call("model.account.move.search", drafts))


def test_amounts_in_a_second_currency_are_kept_to_the_last_unit(tryton: TrytonServer) -> None:
    verdicts = deliver(
        tryton,
        parcel("usd", (("1200", 9241, 10000), ("4000", -9241, -10000)), currency="USD"),
        parcel("yen", (("1200", 3, 5), ("4000", -3, -5)), currency="JPY"),
        # An exchange difference moves the books only.
        parcel("fx", (("1200", -120, 0), ("7700", 120, 0)), currency="USD"),
        # Too little to be a cent in the books.
        parcel("dust", (("1200", 0, 1), ("4000", 0, -1)), currency="JPY"),
        # Opposite signs in both currencies, which Tryton does not take on one line.
        parcel("signs", (("1200", -7, 3), ("4000", 7, -3)), currency="USD"),
        parcel("zero", (("1200", 0, 0), ("4000", 0, 0)), currency="USD"),
        parcel("some", (("1200", 5, 5), ("2400", 0, 0), ("4000", -5, -5))),
    )
    assert all(isinstance(verdict, Accepted) for verdict in verdicts.values()), verdicts
    usd, yen, cents = "USD", "JPY", Decimal
    assert booked(tryton, "usd") == [
        ("1200", cents("92.41"), 100, usd),
        ("4000", cents("-92.41"), -100, usd),
    ]
    assert booked(tryton, "yen")[0] == ("1200", cents("0.03"), 5, yen)
    assert booked(tryton, "fx")[0] == ("1200", cents("-1.20"), 0, None)
    assert booked(tryton, "dust")[0] == ("1200", 0, 1, yen)
    assert set(booked(tryton, "signs")) == {
        ("1200", cents("-0.07"), cents(0), None),
        ("1200", cents(0), cents("0.03"), usd),
        ("4000", cents("0.07"), cents(0), None),
        ("4000", cents(0), cents("-0.03"), usd),
    }
    assert len(booked(tryton, "zero")) == 2, "a move without lines cannot be posted"
    assert len(booked(tryton, "some")) == 2, "a line of nothing is noise"


def test_books_in_a_currency_without_decimals(tryton: TrytonServer) -> None:
    lines = (("1200", 1500, 1000), ("4000", -1500, -1000))
    yen = parcel("jp", lines, entity="JP01", functional_currency="JPY", currency="USD")
    assert isinstance(deliver(tryton, yen)["jp"], Accepted)
    assert booked(tryton, "jp")[0] == ("1200", 1500, 10, "USD")


def test_a_closed_period_is_refused_in_tryton_s_words_until_it_is_reopened(
    tryton: TrytonServer,
) -> None:
    rpc = tryton.rpc()
    in_january = [["start_date", "=", {"__class__": "date", "year": 2026, "month": 1, "day": 1}]]
    periods = rpc.call("model.account.period.search", in_january)
    rpc.call("model.account.period.close", periods)
    old = parcel("january", day="2026-01-20")
    verdict = deliver(tryton, old, parcel("march"))["january"]
    assert isinstance(verdict, Refused)
    assert verdict.reason is Reason.ERP_PERIOD_CLOSED and "period" in verdict.words.lower()
    kinds = [
        (one.kind, one.name)
        for one in find_missing(delivery_to(tryton).books, [old], make_parties=True)
    ]
    assert kinds == [("period", "2026-01 is closed")]
    rpc.call("model.account.period.reopen", periods)
    assert isinstance(deliver(tryton, old)["january"], Accepted)
    # Closing a period closes the journals in it, and reopening it leaves them closed.
    rpc.call("model.account.period.close", periods)
    rpc.call("model.account.period.reopen", periods)
    later = parcel("january2", day="2026-01-21")
    verdict = deliver(tryton, later)["january2"]
    assert isinstance(verdict, Refused)
    assert verdict.reason is Reason.ERP_PERIOD_CLOSED and "journal-period" in verdict.words
    found = find_missing(delivery_to(tryton).books, [later], make_parties=True)
    assert [one.name for one in found] == ["the journal is closed in 2026-01"]
    in_periods = [["period", "in", periods]]
    journals = rpc.call("model.account.journal.period.search", in_periods)
    rpc.call("model.account.journal.period.reopen", journals)
    assert isinstance(deliver(tryton, later)["january2"], Accepted)


def test_an_account_that_is_closed_meanwhile_is_refused_and_found_again(
    tryton: TrytonServer,
) -> None:
    lines = (("1200", 5, 5), ("7700", -5, -5))
    delivery = delivery_to(tryton)
    first = Shipment(batch_id="b", first_position=1, parcels=(parcel("acc0", lines),))
    delivery.deliver(first)
    rpc = tryton.rpc()
    wanted = [["code", "=", "7700"], ["company.party.name", "=", "DE01"]]
    accounts = rpc.call("model.account.account.search", wanted)
    rpc.call("model.account.account.write", accounts, {"code": "7701"})
    code = parcel("acc1", (("1200", 5, 5), ("7702", -5, -5)))
    shipment = Shipment(batch_id="b", first_position=1, parcels=(code,))
    assert isinstance(delivery.deliver(shipment)["pst_acc1"], Refused)
    rpc.call("model.account.account.write", accounts, {"code": "7702"})
    assert isinstance(delivery.deliver(shipment)["pst_acc1"], Accepted), "without a restart"
    rpc.call("model.account.account.write", accounts, {"code": "7700"})


def test_the_check_names_what_is_missing_and_changes_nothing(tryton: TrytonServer) -> None:
    before = len(moves(tryton.rpc()))
    parcels = [
        parcel("c1", (("1200", 5, 5), ("4999", -5, -5))),
        parcel("c2", day="2031-01-01"),
        parcel("c3", entity="FR01"),
        parcel("c4", currency="CHF", customer_id="stripe:cus_unseen"),
    ]
    found = find_missing(delivery_to(tryton).books, parcels, make_parties=False)
    assert [(one.entity, one.kind, one.name, one.postings) for one in found] == [
        ("DE01", "account", "4999", 1),
        ("DE01", "currency", "CHF", 1),
        ("DE01", "party", "stripe:cus_unseen", 1),
        ("DE01", "period", "2031-01 is not there", 1),
        ("FR01", "company", "FR01", 1),
    ]
    assert len(moves(tryton.rpc())) == before


def test_a_wrong_password_says_what_to_mend(tryton: TrytonServer) -> None:
    settings = tryton.settings(["DE01"])
    assert PASSWORD != "wrong"
    with pytest.raises(ErpUnusable, match="does not let the user"):
        TrytonDelivery(settings, TrytonRpc(settings, "wrong")).books.company("DE01")
