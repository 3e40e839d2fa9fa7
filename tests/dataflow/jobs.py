"""The live job as Dataflow is given it."""

from __future__ import annotations

from datetime import UTC, datetime

from apache_beam.portability.api import beam_runner_api_pb2 as api

from pipelines.live_options import LiveOptions
from runners.live import live_graph

PUBSUB = "pubsub:projects/example-books/subscriptions/billing"
STORE = "postgresql://books@10.0.0.5/books"
BEAM = (
    "--project=example-books",
    "--region=europe-west1",
    "--temp_location=gs://example-books/temp",
)


def dataflow_graph() -> api.Pipeline:
    """Its graph, read back from its portable form."""
    options = LiveOptions(source=PUBSUB, store=STORE, as_of=datetime(2026, 7, 1, tzinfo=UTC))
    return api.Pipeline.FromString(live_graph(options, "dataflow", BEAM))


def labels(graph: api.Pipeline) -> list[str]:
    """Names of all steps, by which an update finds the state of each."""
    steps = graph.components.transforms.items()
    return sorted(one.unique_name for key, one in steps if key not in graph.root_transform_ids)


if __name__ == "__main__":
    print("\n".join(labels(dataflow_graph())))
