"""What may follow a version: a table of changes with the verdict of each mode.

`avro` says which directions Apache's checker alone lets pass: B (new reads old), F (old reads
new). `ok` says in which modes we let it pass: B, F, U (full: both), N (none).
"""

from __future__ import annotations

import subprocess
import sys
import typing
from typing import Any

import pytest

from schemas.avro_resolution import can_read, parse_avro
from schemas.compatibility import check_alone, check_history, check_pair, is_breaking
from schemas.contracts import Contract
from schemas.files import Compatibility, Keys
from schemas.judging import Finding, Severity
from schemas.lint import Limits
from tests.schemas.change_cases import PLAIN, REFUSED
from tests.schemas.change_traps import OTHER_TRAPS, TRAPS
from tests.schemas.contract_edits import Case, add, contract, drop, f, put, retype

LIMITS = Limits(schema_bytes=9000, fields=30, depth=4, symbols=6, list_items=10)
CASES = {**TRAPS, **OTHER_TRAPS, **PLAIN, **REFUSED}
MODES = typing.get_args(Compatibility)
LETTER = {"BACKWARD": "B", "FORWARD": "F", "FULL": "U", "NONE": "N"}


def pair(case: Case) -> tuple[Contract, Contract]:
    return contract(1, case.old), contract(2, case.new)


def told(findings: list[Finding]) -> list[str]:
    return [finding.sentence for finding in findings]


def test_the_table_is_as_long_as_it_must_be() -> None:
    assert len(CASES) >= 60
    assert len(TRAPS) >= 20
    assert len(TRAPS) + len(OTHER_TRAPS) + len(PLAIN) + len(REFUSED) == len(CASES)


def test_the_base_is_sound_itself() -> None:
    assert check_alone(contract(1), LIMITS) == []


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("mode", MODES)
def test_every_mode_gives_its_verdict(name: str, mode: Compatibility) -> None:
    case = CASES[name]
    old, new = pair(case)
    expected = LETTER[mode.removesuffix("_TRANSITIVE")] in case.ok
    findings = check_history([old], new, mode, LIMITS)
    assert is_breaking(findings) is not expected, told(findings)


@pytest.mark.parametrize("name", CASES)
def test_the_sentence_says_what_changed(name: str) -> None:
    old, new = pair(CASES[name])
    sentences = told(check_history([old], new, "FULL", LIMITS))
    if CASES[name].says:
        assert any(sentence.endswith(CASES[name].says) for sentence in sentences), sentences
    else:
        assert sentences == []


@pytest.mark.parametrize("name", CASES)
def test_avro_alone_says_what_the_table_says(name: str) -> None:
    old, new = pair(CASES[name])
    before, after = parse_avro(old.schema), parse_avro(new.schema)
    directions = ("B" if can_read(after, before) else "") + ("F" if can_read(before, after) else "")
    assert directions == CASES[name].avro


@pytest.mark.parametrize("name", TRAPS)
def test_a_money_trap_is_one_that_avro_lets_pass_and_only_the_comparison_sees(name: str) -> None:
    old, new = pair(TRAPS[name])
    mode: Compatibility = "BACKWARD" if "B" in TRAPS[name].avro else "FORWARD"
    breaking = [f for f in check_pair(old, new, mode) if f.severity is Severity.BREAKING]
    assert TRAPS[name].avro and breaking
    assert {finding.cause for finding in breaking} == {"money"}


# --- what subject.yaml says ------------------------------------------------------------------


def keys(**more: tuple[str, ...]) -> Keys:
    return Keys(**{"customer": ("customer_id",), "contract": ("contract_id",),
                   "idempotency": ("event_id",), **more})  # fmt: skip


@pytest.mark.parametrize(
    "about, says",
    [
        (
            {"keys": keys(customer=("contract_id", "customer_id"))},
            "keys.customer: key fields customer_id -> contract_id, customer_id, BREAKING: key",
        ),
        (
            {"keys": keys(contract=())},
            "keys.contract: key fields contract_id -> none, BREAKING: key",
        ),
        (
            {"keys": keys(idempotency=("label",))},
            "keys.idempotency: key fields event_id -> label, BREAKING: key",
        ),
        (
            {"event_time": "start_micros"},
            "event_time: event time at_micros -> start_micros, BREAKING: time",
        ),
        (
            {"personal_data": ("note", "label")},
            "label: marked as personal data; older logs may show it, BREAKING: personal data",
        ),
        (
            {"personal_data": ()},
            "note: no longer marked as personal data, BREAKING: personal data",
        ),
    ],
)
@pytest.mark.parametrize("mode", MODES)
def test_what_the_subject_says_of_its_fields_may_not_change(
    about: dict[str, Any], says: str, mode: Compatibility
) -> None:
    old = contract(1, personal_data=("note",))
    new = contract(1, **{"personal_data": ("note",), **about})
    assert told(check_pair(old, new, mode)) == [says]


def test_a_new_field_may_be_personal_data_from_its_first_day() -> None:
    named = add(f("name", ["null", "string"], "text", default=None))
    findings = check_pair(contract(1), contract(2, named, personal_data=("name",)), "FULL")
    assert not is_breaking(findings)


# --- more than two versions ------------------------------------------------------------------


def test_only_a_transitive_mode_looks_beyond_the_version_before() -> None:
    first = contract(1)
    second = contract(2, drop("note"))
    third = contract(3, retype("note", ["null", "long"], crossfoot="count"))
    assert not is_breaking(check_history([first, second], third, "BACKWARD", LIMITS))
    findings = check_history([first, second], third, "BACKWARD_TRANSITIVE", LIMITS)
    assert {finding.before for finding in findings if finding.severity is Severity.BREAKING} == {1}
    assert "note: type string -> long, BREAKING: meaning" in told(findings)


@pytest.mark.parametrize("mode", ["FORWARD_TRANSITIVE", "FULL_TRANSITIVE"])
def test_older_readers_of_every_version_count_when_the_mode_says_so(mode: Compatibility) -> None:
    city = add(f("city", "string", "word"))
    versions = [contract(1, city), contract(2), contract(3)]
    assert is_breaking(check_history(versions[:2], versions[2], mode, LIMITS))
    plain: Any = mode.removesuffix("_TRANSITIVE")
    assert not is_breaking(check_history(versions[:2], versions[2], plain, LIMITS))


def test_the_worst_is_told_first() -> None:
    new = contract(2, drop("note"), put("total_minor", crossfoot="count"),
                   add(f("city", ["null", "string"], "text", default=None)))  # fmt: skip
    severities = [finding.severity for finding in check_history([contract(1)], new, "FULL", LIMITS)]
    assert severities == sorted(severities, key=list(Severity).index)
    assert len(set(severities)) == 3


def test_a_first_version_is_checked_alone() -> None:
    assert check_history([], contract(1), "FULL_TRANSITIVE", LIMITS) == []
    refused = contract(1, retype("total_minor", "double"))
    assert is_breaking(check_history([], refused, "NONE", LIMITS))


def test_pipelines_start_without_apache_s_package() -> None:
    program = "import schemas.compatibility, sys; sys.exit('avro' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
