"""The flex template: parameters that are the job's options, an image that has the code."""

from __future__ import annotations

import ast
import json
import re
from datetime import UTC, datetime
from pathlib import Path

import apache_beam as beam
import pytest

from pipelines.live_options import LiveOptions
from pipelines.options import InvalidOptions
from runners.flex_template import NOT_PARAMETERS, main, split_arguments, template_metadata
from tests.dataflow.jobs import BEAM, PUBSUB, STORE

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = ROOT / "deploy/dataflow"
NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)

METADATA = json.loads((TEMPLATE / "metadata.json").read_text())
PARAMETERS = {one["name"]: one for one in METADATA["parameters"]}


def test_the_file_is_what_the_options_say() -> None:
    assert template_metadata() == METADATA


def test_every_option_is_a_parameter_or_left_out_for_a_reason() -> None:
    assert set(PARAMETERS) | set(NOT_PARAMETERS) == set(LiveOptions.model_fields)
    assert not set(PARAMETERS) & set(NOT_PARAMETERS)
    for name, told in PARAMETERS.items():
        assert told["helpText"] == LiveOptions.model_fields[name].description


def test_it_has_the_form_of_the_services_metadata() -> None:
    """Fields of TemplateMetadata and ParameterMetadata (Dataflow REST API v1b3)."""
    assert METADATA["name"] and METADATA["description"] and METADATA["streaming"] is True
    for told in METADATA["parameters"]:
        assert set(told) <= {"name", "label", "helpText", "isOptional", "regexes", "paramType"}
        assert re.fullmatch("[a-z_]+", told["name"]) and told["label"] and told["helpText"]
        for regex in told.get("regexes", ()):
            assert "(?P" not in regex, "Python's named groups are no Java"


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("source", [PUBSUB, "kafka:b1:9092,b2:9092/billing,crm"], ["nowhere", "pubsub:billing"]),
        ("store", [STORE, "postgresql+psycopg://b@h/b"], ["sqlite:///books.db", "books"]),
        ("window_seconds", ["1", "86400"], ["0", "-1", "1.5", "x"]),
    ],
)
def test_the_service_refuses_what_the_job_would(name: str, good: list[str], bad: list[str]) -> None:
    (regex,) = PARAMETERS[name]["regexes"]
    base = {"source": PUBSUB, "store": STORE, name: None}
    for value in good:
        assert re.fullmatch(regex, value), value
        assert split_arguments([f"--{k}={v or value}" for k, v in base.items()], NOW)
    for value in bad:
        assert not re.fullmatch(regex, value), value
        with pytest.raises(InvalidOptions):
            split_arguments([f"--{k}={v or value}" for k, v in base.items()], NOW)


def test_required_is_what_the_job_cannot_do_without() -> None:
    needed = {name for name, told in PARAMETERS.items() if not told["isOptional"]}
    assert needed == {"source", "store"}
    options, _ = split_arguments([f"--source={PUBSUB}", f"--store={STORE}"], NOW)
    assert options.as_of == datetime(2026, 7, 2, tzinfo=UTC), "the end of today"


def test_what_is_no_parameter_goes_to_beam() -> None:
    words = [
        "--runner=DataflowRunner", f"--source={PUBSUB}", f"--store={STORE}", "--window_seconds=30",
        "--as_of=2026-03-31", *BEAM, "--streaming=true", "--template_location=gs://b/t.json",
        "--books=company/company.yaml",
    ]  # fmt: skip
    options, rest = split_arguments(words, NOW)
    assert rest == [*BEAM, "--streaming", "--template_location=gs://b/t.json"]
    assert (options.window_seconds, str(options.books)) == (30, "company/company.yaml")
    assert options.as_of == datetime(2026, 4, 1, tzinfo=UTC)


def test_all_mistakes_are_told_at_once_and_nothing_is_started(
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ["--source=nowhere", "--store=sqlite:///b.db", "--output=out", "--early_seconds=0"]
    assert main([*words, "--use_public_ips", "--save_main_session"]) == 2
    told = capsys.readouterr().err
    for part in (
        "--source",
        "--store",
        "--output",
        "--early-seconds",
        "public_ips",
        "main_session",
    ):
        assert part in told
    assert main([f"--source={PUBSUB}", f"--store={STORE}", "--as_of=yesterday"]) == 2
    assert "yesterday" in capsys.readouterr().err


def called(path: Path) -> set[str]:
    """Names of everything a module calls."""
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    return {
        call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        for call in calls
    }


def test_the_launcher_does_not_wait_for_the_job() -> None:
    """A launcher that waits never hands the job over (Google Cloud, flex templates)."""
    for path in ("runners/flex_template.py", "runners/live.py", "deploy/dataflow/launch.py"):
        assert "wait_until_finish" not in called(ROOT / path), path
    assert "start_live" in called(ROOT / "runners/flex_template.py")
    assert "main" in called(TEMPLATE / "launch.py")


DOCKERFILE = (TEMPLATE / "Dockerfile").read_text()


def copied() -> dict[str, str]:
    """What the image is given of the tree: where it lies there -> where it comes from."""
    copies: dict[str, str] = {}
    for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE):
        *sources, target = line.replace("${COMPANY}", "deploy/dataflow/company").split()
        for source in sources:
            copies[source if target == "./" else target] = source
    return copies


def test_the_image_holds_every_room_and_what_it_names() -> None:
    rooms = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"benchmarks"}
    assert rooms <= set(copied())
    for source in copied().values():
        assert (ROOT / source).exists(), source
    for variable in re.findall(r"^ENV FLEX_TEMPLATE_\w+=/template/(\S+)$", DOCKERFILE, re.M):
        assert variable in copied(), variable
    readme = re.search(r'^readme = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.M)
    assert readme is not None and readme[1] in copied(), "the build reads it"


def test_the_image_has_the_beam_that_everything_else_has() -> None:
    (stated,) = re.findall(r"^ARG BEAM=(.+)$", DOCKERFILE, re.MULTILINE)
    assert f"apache-beam=={stated}" in (ROOT / "requirements.lock").read_text()
    assert stated == beam.__version__
