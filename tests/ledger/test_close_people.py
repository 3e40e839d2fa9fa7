"""Who decides: a name must say somebody, and two spellings of one person are one person."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.closing.people import (
    SamePerson,
    UnknownPerson,
    assert_second_person,
    checked_name,
    is_same_person,
)


@pytest.mark.parametrize("name", ["", " ", "\t\n", "\u200b", "\u00a0\u2003", "...", "\u2060 "])
def test_a_name_that_says_nobody_is_refused(name: str) -> None:
    with pytest.raises(UnknownPerson):
        checked_name(name)


def test_a_name_is_kept_without_blanks_around_and_in_it() -> None:
    assert checked_name("  Anna   Smith ") == "Anna Smith"


@pytest.mark.parametrize("name", ["anna\x00", "an\u200bna", "anna\u202esmith"])
def test_invisible_characters_in_a_name_are_refused(name: str) -> None:
    with pytest.raises(UnknownPerson):
        checked_name(name)


@pytest.mark.parametrize(
    "other", ["ANNA", " anna ", "a n n a", "An\u200bna", "ａｎｎａ", "anna\u00a0", "aNNa\u2060"]
)
def test_case_blanks_and_compatible_letters_make_no_other_person(other: str) -> None:
    assert is_same_person("Anna", other)
    with pytest.raises(SamePerson, match="second person"):
        assert_second_person("Anna", other, "the close")


def test_sharp_s_folds_and_other_people_are_other_people() -> None:
    assert is_same_person("Strauß", "STRAUSS")
    assert_second_person("Anna", "Ben", "the close")


@given(st.text(alphabet=st.characters(categories=["L", "N"]), min_size=1))
def test_everybody_is_the_same_person_as_themselves_however_written(name: str) -> None:
    assert is_same_person(name, f" {name} ")
    assert is_same_person(name.upper(), name.upper().lower()) or name.casefold() != name.lower()
