"""Every engine is started only with what it gets right."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from runners.engines import PROFILES, beam_options, refusals


def test_the_local_runner_refuses_live_jobs_and_says_why() -> None:
    (problem,) = refusals("local", live=True)
    assert "only when the source ends" in problem
    assert refusals("local", live=False) == []


@pytest.mark.parametrize("engine", ["prism", "flink", "dataflow"])
def test_engines_with_incremental_triggers_take_live_jobs(engine: str) -> None:
    assert refusals(engine, live=True) == []  # type: ignore[arg-type]
    assert "--streaming" in beam_options(engine, live=True)  # type: ignore[arg-type]
    assert "--streaming" not in beam_options(engine, live=False)  # type: ignore[arg-type]


@pytest.mark.parametrize("engine", sorted(PROFILES))
@pytest.mark.parametrize(
    "option",
    ["--allow_unsafe_triggers", "--allow_non_deterministic_key_coders", "--save_main_session"],
)
def test_options_that_lose_or_split_are_refused_everywhere(engine: str, option: str) -> None:
    live = PROFILES[engine].live
    (problem,) = refusals(engine, live=live, extra=[option])  # type: ignore[arg-type]
    assert problem.startswith(f"{option} is refused: ")


def test_files_are_not_for_the_service_and_jobs_over_them_have_an_end() -> None:
    (problem,) = refusals("dataflow", live=False)
    assert "cannot run over files" in problem
    for engine in ("local", "prism", "flink"):
        (problem,) = refusals(engine, live=False, extra=["--streaming"])  # type: ignore[arg-type]
        assert problem.startswith("--streaming is refused: ")


def test_flags_of_live_jobs_are_not_fixed_for_others() -> None:
    option = "--checkpointing_interval=1000"
    assert refusals("flink", live=True, extra=[option])
    assert refusals("flink", live=False, extra=[option]) == []
    assert beam_options("flink", live=False, extra=[option]) == [option]


def test_an_idle_source_on_flink_must_not_stop() -> None:
    option = "--shutdown_sources_after_idle_ms=1000"
    (problem,) = refusals("flink", live=True, extra=[option])
    assert "stops reading" in problem
    assert refusals("prism", live=True, extra=[option]) == []


def test_what_the_profile_sets_is_not_set_otherwise() -> None:
    (problem,) = refusals("prism", live=True, extra=["--environment_type=DOCKER"])
    assert "set by the profile" in problem
    assert refusals("prism", live=True, extra=["--environment_type=LOOPBACK"]) == []
    more = beam_options("dataflow", live=True, extra=["--experiments=x", "--region=europe-west1"])
    assert more[-2:] == ["--experiments=x", "--region=europe-west1"]


def test_every_mistake_is_named_at_once(crossfoot: Callable) -> None:
    told = crossfoot(
        "run",
        "order-to-cash-live",
        "--from",
        "nowhere",
        "--store",
        "sqlite:///books.db",
        "--runner",
        "local",
        "--window",
        "0",
        "--beam=--allow_unsafe_triggers",
    )
    assert told.exit_code == 2
    for words in ("cannot run a live job", "unsafe_triggers is refused", "--source", "--window"):
        assert words in told.stderr


def test_every_flag_of_a_profile_has_its_reason() -> None:
    for profile in PROFILES.values():
        assert profile.live or profile.why_not_live
        assert profile.bounded or profile.why_not_bounded
        assert all(flag.why and flag.option.startswith("--") for flag in profile.flags)
