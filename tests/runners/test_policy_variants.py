"""`--set field=value` on a policy pack."""

from __future__ import annotations

import pytest

from ledger.policies import PolicyPack
from runners.policy_variants import policy_variant
from runners.problems import Problem

PACK = PolicyPack(
    name="stripe-contra",
    version=1,
    description="for tests",
    dispute="contra",
    bad_debt="recognised_only",
    refund_of_deferred="split",
    contra_revenue="separate",
    fee_timing="cash",
    granularity="second",
    revenue_start="service_period",
    payment_tolerance_minor=0,
    tax_on_refund="proportional",
)


def test_a_variant_changes_the_field_and_says_so_in_its_label() -> None:
    variant = policy_variant(PACK, ["granularity=day", "payment_tolerance_minor=5"])
    assert (variant.granularity, variant.payment_tolerance_minor) == ("day", 5)
    assert variant.label == "stripe-contra@1+granularity=day,payment_tolerance_minor=5"


def test_setting_a_field_to_what_it_is_keeps_the_pack_as_filed() -> None:
    assert policy_variant(PACK, ["granularity=second"]) is PACK


def test_all_mistakes_are_reported_together_with_what_is_allowed() -> None:
    with pytest.raises(Problem) as caught:
        policy_variant(PACK, ["granularity=weekly", "colour=red", "payment_tolerance_minor=-1"])
    assert "must be one of second, day, even_months" in caught.value.what
    assert "'colour' is not a choice" in caught.value.what
    assert "payment_tolerance_minor='-1'" in caught.value.what


def test_the_name_of_a_pack_cannot_be_set() -> None:
    with pytest.raises(Problem, match="'name' is not a choice"):
        policy_variant(PACK, ["name=other"])
