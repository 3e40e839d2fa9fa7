"""Further published contra examples, each with its arithmetic.

Source of all: https://docs.stripe.com/revenue-recognition/examples/contra, read by days.
"""

from __future__ import annotations

from story import Story, pack

MONTH = ("2019-01-15", "2019-02-15")
"""17 days in January, 14 in February: 31 USD give 17 and 14."""
QUARTER = ("2019-01-01", "2019-04-01")
"""31, 28 and 31 days: 90 USD give 31, 28 and 31."""


def quarter() -> Story:
    return Story().invoice("2019-01-01", "90", service=QUARTER)


def test_customer_balance_pays_a_part_of_an_invoice() -> None:
    story = Story().invoice("2019-01-15", "31", service=MONTH, applied="11")
    assert story.pay("2019-02-09", "20").months() == {
        "2019-01": {
            "accounts_receivable": "20",
            "customer_balance": "-11",
            "revenue": "17",
            "deferred_revenue": "14",
        },
        "2019-02": {
            "accounts_receivable": "-20",
            "cash_clearing": "20",
            "revenue": "14",
            "deferred_revenue": "-14",
        },
    }


def test_a_negative_invoice_credits_the_customer_balance() -> None:
    story = Story().invoice("2019-01-15", "-31", service=MONTH, applied="-31")
    assert story.months() == {
        "2019-01": {"customer_balance": "31", "revenue": "-17", "deferred_revenue": "-14"},
        "2019-02": {"revenue": "-14", "deferred_revenue": "14"},
    }


def test_bad_debt_becomes_a_void_when_the_invoice_is_voided() -> None:
    assert quarter().give_up("2019-02-01").void("2019-04-01").months() == {
        "2019-01": {"accounts_receivable": "90", "revenue": "31", "deferred_revenue": "59"},
        "2019-02": {"accounts_receivable": "-90", "bad_debt": "31", "deferred_revenue": "-59"},
        "2019-04": {"bad_debt": "-31", "voids": "31"},
    }


def test_uncollectible_with_balance_applied_keeps_the_paid_share_as_recovered() -> None:
    """11 of 31 were paid by balance: 11 * 17 / 31 = 6.03 of revenue, 4.97 of the deferral.

    The source rounds these to 6 and 5, and its table has no February revenue, so the invoice was
    given up before February 1 was over; bad debt is 17 - 6.03.
    """
    story = Story().invoice("2019-01-15", "31", service=MONTH, applied="11")
    assert story.give_up("2019-02-01").months() == {
        "2019-01": {
            "accounts_receivable": "20",
            "customer_balance": "-11",
            "revenue": "17",
            "deferred_revenue": "14",
        },
        "2019-02": {
            "accounts_receivable": "-20",
            "bad_debt": "10.97",
            "recoverables": "4.97",
            "deferred_revenue": "-14",
        },
    }


def test_a_balance_owed_that_is_never_collected_is_a_negative_gain() -> None:
    story = Story().invoice("2019-01-15", "31", service=MONTH, applied="-10")
    assert story.give_up("2019-02-01").months() == {
        "2019-01": {
            "accounts_receivable": "41",
            "customer_balance": "10",
            "revenue": "17",
            "deferred_revenue": "14",
        },
        "2019-02": {
            "accounts_receivable": "-41",
            "bad_debt": "17",
            "recoverables": "-10",
            "deferred_revenue": "-14",
        },
    }


def paid_after_all() -> Story:
    return quarter().give_up("2019-02-01").pay("2019-04-01", "90")


PAID_AFTER_ALL = {
    "2019-01": {"accounts_receivable": "90", "revenue": "31", "deferred_revenue": "59"},
    "2019-02": {"accounts_receivable": "-90", "bad_debt": "31", "deferred_revenue": "-59"},
    "2019-04": {"bad_debt": "-31", "cash_clearing": "90", "recoverables": "59"},
}


def test_what_was_recovered_is_lost_again_in_a_dispute() -> None:
    assert paid_after_all().dispute("2019-05-01", "90").months() == PAID_AFTER_ALL | {
        "2019-05": {"cash_clearing": "-90", "disputes": "31", "recoverables": "-59"}
    }


def test_what_was_recovered_is_lost_again_in_a_refund() -> None:
    assert paid_after_all().refund("2019-05-01", "90").months() == PAID_AFTER_ALL | {
        "2019-05": {"cash_clearing": "-90", "refunds": "31", "recoverables": "-59"}
    }


def test_a_refund_and_a_dispute_beyond_what_was_paid_are_a_loss() -> None:
    """100 over ten months; 80 refunded after one: contra 8, deferral 72, then 2 a month.

    A dispute of 80 finds 20 paid: contra 10 + 2 - 8 = 4, deferral 16, and 60 are lost.
    """
    story = Story().invoice("2019-01-01", "100", service=("2019-01-01", "2019-11-01"))
    story.pay("2019-01-01", "100").refund("2019-02-01", "80").dispute("2019-03-01", "80")
    assert story.months(pack(granularity="even_months")) == {
        "2019-01": {"cash_clearing": "100", "revenue": "10", "deferred_revenue": "90"},
        "2019-02": {
            "cash_clearing": "-80",
            "revenue": "2",
            "deferred_revenue": "-74",
            "refunds": "8",
        },
        "2019-03": {
            "cash_clearing": "-80",
            "deferred_revenue": "-16",
            "disputes": "4",
            "other_loss": "60",
        },
    }


def test_a_lost_dispute_books_nothing_further() -> None:
    disputed = quarter().pay("2019-01-01", "90").dispute("2019-02-01", "90")
    before = disputed.months()
    assert disputed.lose("2019-04-01", "90").months() == before


def test_a_one_time_payment_is_refunded_in_full() -> None:
    """https://docs.stripe.com/revenue-recognition/methodology/refunds-and-disputes."""
    assert Story().sell("2019-01-01", "90").refund("2019-02-01", "90").months() == {
        "2019-01": {"cash_clearing": "90", "revenue": "90"},
        "2019-02": {"cash_clearing": "-90", "refunds": "90"},
    }
