"""The engines that can run a job: what each needs, with the reason, and what it gets wrong.

What was measured about Beam's runners stands behind every refusal here; the supported versions are
in docs/runners.md. One profile per engine, one set of options for all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

Engine = Literal["local", "prism", "flink", "dataflow"]


class Flag(msgspec.Struct, frozen=True):
    """One Beam option of a profile and why it is there."""

    option: str
    why: str
    live_only: bool = False
    """Says nothing to a job that ends."""


class EngineProfile(msgspec.Struct, frozen=True, kw_only=True):
    """How jobs are started on one engine."""

    name: Engine
    runner: str
    """Beam's name of it."""
    live: bool
    """Runs unbounded jobs rightly."""
    why_not_live: str = ""
    bounded: bool = True
    """Runs jobs over files."""
    why_not_bounded: str = ""
    native_pubsub: bool = False
    """Has its own read of Pub/Sub that is better than ours."""
    flags: tuple[Flag, ...] = ()


PROFILES: dict[str, EngineProfile] = {
    "local": EngineProfile(
        name="local",
        runner="FnApiRunner",
        live=False,
        why_not_live=(
            "Beam's in-process runner emits an unbounded join only when the source ends, fires "
            "event-time timers about once per element and fails on early triggers"
        ),
        flags=(
            Flag("--direct_num_workers=1", "the embedded store has one writer; two are not faster"),
            Flag("--direct_running_mode=in_memory", "no second process, no second copy of Beam"),
        ),
    ),
    "prism": EngineProfile(
        name="prism",
        runner="PrismRunner",
        live=True,
        flags=(
            Flag("--environment_type=LOOPBACK", "workers are threads of this process"),
            Flag("--streaming", "the job has no end", live_only=True),
        ),
    ),
    "flink": EngineProfile(
        name="flink",
        runner="FlinkRunner",
        live=True,
        flags=(
            Flag("--streaming", "the job has no end", live_only=True),
            Flag(
                "--checkpointing_interval=5000",
                "without checkpoints a failure starts anew",
                live_only=True,
            ),
            Flag(
                "--finish_bundle_before_checkpointing",
                "a checkpoint in the middle of a bundle would hold its output twice",
                live_only=True,
            ),
            # The name is spelt so in Beam; another spelling is ignored without a word.
            Flag(
                "--max_bundle_time_mills=500",
                "output waits for the end of its bundle",
                live_only=True,
            ),
            Flag(
                "--externalized_checkpoints_enabled",
                "a job that failed can be started from one",
                live_only=True,
            ),
            Flag(
                "--retain_externalized_checkpoints_on_cancellation",
                "so can a job that was cancelled: its offsets are nowhere else",
                live_only=True,
            ),
        ),
    ),
    "dataflow": EngineProfile(
        name="dataflow",
        runner="DataflowRunner",
        live=True,
        bounded=False,
        why_not_bounded="workers of the service cannot open files of this machine by their path",
        native_pubsub=True,
        flags=(
            Flag("--streaming", "the job has no end", live_only=True),
            Flag("--experiments=use_runner_v2", "splittable sources need the portable runner"),
            Flag("--enable_streaming_engine", "state lives with the service, not on workers"),
            Flag("--no_use_public_ips", "workers reach the store over the private network"),
            Flag(
                "--experiments=disable_always_on_exception_sampling",
                "samples of failing elements would carry customers' data into logs",
            ),
        ),
    ),
}

_NEVER = {
    "--allow_unsafe_triggers": "a trigger that may finish loses what comes after it",
    "--allow_non_deterministic_key_coders": "one key in two forms splits a customer's books in two",
    "--save_main_session": "external workers ignore it: code belongs into packages",
}
_NEVER_OVER_FILES = {
    "--streaming": "a job over files has an end, and its links must be known before it groups",
}
_NEVER_ON = {
    "flink": {
        "--shutdown_sources_after_idle_ms": "with an unbounded source it stops reading while idle",
    },
    "dataflow": {
        "--use_public_ips": "workers reach the store over the private network",
        "--dataflow_service_options=enable_google_cloud_profiler": "profiles carry argument values",
    },
}


def refusals(engine: Engine, *, live: bool, extra: Sequence[str] = ()) -> list[str]:
    """Say, one sentence each, what must not be started so; empty when all is well.

    `extra` are Beam options that the user adds to the profile's.
    """
    profile = PROFILES[engine]
    problems = []
    if live and not profile.live:
        problems.append(f"--runner {engine} cannot run a live job: {profile.why_not_live}")
    if not live and not profile.bounded:
        problems.append(f"--runner {engine} cannot run over files: {profile.why_not_bounded}")
    forbidden = _NEVER | _NEVER_ON.get(engine, {}) | ({} if live else _NEVER_OVER_FILES)
    # Experiments add up; any other option has one value.
    fixed = {
        flag.option.partition("=")[0]: flag for flag in profile.flags if live or not flag.live_only
    }
    fixed.pop("--experiments", None)
    for option in extra:
        name = option.partition("=")[0]
        why = forbidden.get(option) or forbidden.get(name)
        if why is not None:
            problems.append(f"{name} is refused: {why}")
        elif name in fixed and fixed[name].option != option:
            problems.append(f"{name} is set by the profile of {engine}: {fixed[name].why}")
    return problems


def beam_options(engine: Engine, *, live: bool, extra: Sequence[str] = ()) -> list[str]:
    """Return the Beam options of a job: those of the profile, then the user's."""
    flags = [flag.option for flag in PROFILES[engine].flags if live or not flag.live_only]
    return [*flags, *(option for option in extra if option not in flags)]
