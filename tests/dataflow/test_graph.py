"""The graph for Dataflow: nothing of this machine in it, and steps that an update finds again."""

from __future__ import annotations

from pathlib import Path

import apache_beam as beam
import pytest
from apache_beam.coders import Coder
from apache_beam.portability.api import beam_runner_api_pb2 as api
from apache_beam.runners.pipeline_context import PipelineContext
from typer.testing import CliRunner, Result

from runners.crossfoot import app
from tests.dataflow.jobs import BEAM, PUBSUB, STORE, dataflow_graph, labels

RECORDED = Path(__file__).parent / "labels.txt"

FROM_OUTSIDE = "beam:transform:pubsub_read:v1"
ON_ANY_WORKER = {
    "beam:transform:pardo:v1",
    "beam:transform:group_by_key:v1",
    "beam:transform:flatten:v1",
    "beam:transform:window_into:v1",
}


@pytest.fixture(scope="module")
def graph() -> api.Pipeline:
    return dataflow_graph()


def leaves(graph: api.Pipeline) -> dict[str, api.PTransform]:
    """Steps that do something themselves, by label."""
    return {
        one.unique_name: one
        for one in graph.components.transforms.values()
        if not one.subtransforms and one.spec.urn
    }


def test_the_only_thing_that_is_read_is_the_subscription(graph: api.Pipeline) -> None:
    """No Create, no impulse, no file: these would be made of what the launcher has at hand."""
    found = leaves(graph)
    roots = [name for name, one in found.items() if not one.inputs]
    assert roots == ["ReadEvents/PubSub/Read/Read"]
    read = found[roots[0]].spec
    assert read.urn == FROM_OUTSIDE
    assert api.PubSubReadPayload.FromString(read.payload).subscription == PUBSUB[len("pubsub:") :]
    assert {one.spec.urn for one in found.values()} == {*ON_ANY_WORKER, FROM_OUTSIDE}


def test_our_own_read_is_told_from_the_services() -> None:
    """The check above would see a read that is ours: it starts from an impulse."""
    pipeline = beam.Pipeline()
    pipeline | beam.Create(["a", "b"])
    roots = [one for one in leaves(pipeline.to_runner_api()).values() if not one.inputs]
    assert {one.spec.urn for one in roots} == {"beam:transform:impulse:v1"}


def test_labels_are_the_recorded_ones(graph: api.Pipeline) -> None:
    """An update (`--update`) carries state and what waits over to the step of the same name.

    Where a step must change its name: record the list anew, and update the job with
    --transform_name_mapping (docs/dataflow.md).
    """
    assert labels(graph) == RECORDED.read_text().split("\n")[:-1]


def test_building_it_again_gives_the_same_labels(graph: api.Pipeline) -> None:
    again = dataflow_graph()
    assert labels(again) == labels(graph)
    assert len(labels(graph)) == len(set(labels(graph)))


def test_keys_of_state_and_groups_have_deterministic_coders(graph: api.Pipeline) -> None:
    context = PipelineContext(graph.components)
    keyed = [
        one
        for one in leaves(graph).values()
        if one.spec.urn == "beam:transform:group_by_key:v1"
        or (
            one.spec.urn == "beam:transform:pardo:v1"
            and api.ParDoPayload.FromString(one.spec.payload).state_specs
        )
    ]
    assert {one.unique_name for one in keyed} == {"JoinInWindows/Join", "ResolveOrphans/JoinOnId"}
    for one in keyed:
        (source,) = one.inputs.values()
        coder: Coder = context.coders.get_by_id(graph.components.pcollections[source].coder_id)
        assert coder.is_kv_coder() and coder.key_coder().is_deterministic(), one.unique_name
        assert "Pickle" not in repr(coder.key_coder()), one.unique_name


def test_everything_read_is_unbounded_to_the_end(graph: api.Pipeline) -> None:
    unbounded = api.IsBounded.UNBOUNDED
    assert {one.is_bounded for one in graph.components.pcollections.values()} == {unbounded}


def live(*options: object) -> Result:
    """Run the command for the live job on Dataflow."""
    base = ("run", "order-to-cash-live", "--from", PUBSUB, "--store", STORE)
    return CliRunner().invoke(app, [*base, "--runner", "dataflow", *map(str, options)])


def test_the_command_writes_the_graph_and_starts_nothing(tmp_path: Path) -> None:
    file = tmp_path / "graph.pb"
    beam_options = [f"--beam={option}" for option in BEAM]
    done = live("--graph", file, *beam_options)
    assert done.exit_code == 0, done.stderr
    assert labels(api.Pipeline.FromString(file.read_bytes())) == labels(dataflow_graph())
    refused = live("--graph", tmp_path / "no" / "graph.pb", *beam_options)
    assert refused.exit_code == 2 and "--graph" in refused.stderr


def test_what_beam_refuses_of_the_options_is_told(tmp_path: Path) -> None:
    told = live("--graph", tmp_path / "graph.pb")
    assert told.exit_code == 2
    assert "project" in told.stderr and "--beam" in told.stderr


def test_without_credentials_our_own_read_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
    monkeypatch.delenv("PUBSUB_EMULATOR_HOST", raising=False)
    told = live("--runner", "prism", "--graph", tmp_path / "graph.pb")
    assert told.exit_code == 4
    assert "no usable credentials" in told.stderr and "gcloud auth" in told.stderr
