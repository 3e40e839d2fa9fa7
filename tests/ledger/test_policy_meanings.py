"""Every choice of a policy pack, and every value of it, is said in words."""

from __future__ import annotations

from typing import Literal, get_args, get_origin, get_type_hints

import msgspec
import pytest

from connectors.policy_packs import load_policy_pack
from ledger.policies import PolicyPack
from ledger.policy_meanings import QUESTIONS, answers_of
from runners.policy_variants import CHOICES

HINTS = get_type_hints(PolicyPack)
VALUES = [
    (name, value)
    for name in CHOICES
    if get_origin(HINTS[name]) is Literal
    for value in get_args(HINTS[name])
]


def test_every_choice_has_its_question() -> None:
    assert tuple(QUESTIONS) == CHOICES


@pytest.mark.parametrize(("choice", "value"), VALUES)
def test_every_value_has_an_answer_of_its_own(choice: str, value: str) -> None:
    pack = load_policy_pack("stripe-contra")
    texts = [
        one.answer
        for other in get_args(HINTS[choice])
        for one in answers_of(msgspec.structs.replace(pack, **{choice: other}))
        if one.choice == choice
    ]
    assert all(texts) and len(set(texts)) == len(texts)


def test_a_tolerance_is_said_with_its_amount() -> None:
    pack = load_policy_pack("stripe-contra")
    some = msgspec.structs.replace(pack, payment_tolerance_minor=5)
    (answer,) = [a.answer for a in answers_of(some) if a.choice == "payment_tolerance_minor"]
    assert "up to 5 minor units" in answer
