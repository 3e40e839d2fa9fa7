"""What `--setup_file` stages is enough: the job lives where only the sdist is installed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.dataflow.jobs import dataflow_graph, labels

ROOT = Path(__file__).resolve().parents[2]

WORKER = """
import json, sys
from pathlib import Path

target, checkout, graph = sys.argv[1:]
# Neither the folder of the sources nor an editable install of it, only what was staged.
sys.path[:] = [p for p in sys.path if Path(p or ".").resolve() != Path(checkout)]
sys.meta_path[:] = [f for f in sys.meta_path if "editable" not in str(f).lower()]
assert sys.path.count(target) == 1

import apache_beam as beam
from apache_beam.internal import pickler
from apache_beam.portability.api import beam_runner_api_pb2 as api
from apache_beam.transforms.core import DoFnInfo

proto = api.Pipeline.FromString(Path(graph).read_bytes())
fns = {}
for step in proto.components.transforms.values():
    if step.spec.urn == "beam:transform:pardo:v1":
        payload = api.ParDoPayload.FromString(step.spec.payload)
        fns[step.unique_name] = pickler.loads(payload.do_fn.payload)[0]
beam.Pipeline.from_runner_api(proto, None, beam.options.pipeline_options.PipelineOptions([]))

# A worker's first steps: it reads schemas and policy packs that came with the code.
from ledger.messages import Payload
decode = fns["DecodeLive/DecodePayload/ParDo(_DecodePayloadFn)"]
decode.setup()
at = 1780000000
event = {"id": "evt_1", "object": "event", "api_version": "2025-09-30.clover", "created": at,
         "type": "customer.created", "livemode": False,
         "data": {"object": {"id": "cus_1", "object": "customer", "created": at, "name": "A",
                             "email": None, "currency": None, "address": None, "metadata": {},
                             "livemode": False}}}
decoded = list(decode.process(Payload(json.dumps(event).encode(), "pubsub@1", ())))

from datetime import UTC, datetime
from pipelines.live_options import LiveOptions
from runners.live import live_graph
again = live_graph(
    LiveOptions(source="pubsub:projects/example-books/subscriptions/billing",
                store="postgresql://books@10.0.0.5/books", as_of=datetime(2026, 7, 1, tzinfo=UTC)),
    "dataflow",
    ["--project=example-books", "--region=europe-west1", "--temp_location=gs://example-books/t"],
)
built = api.Pipeline.FromString(again)
rooms = ("ledger", "schemas", "connectors", "transforms", "pipelines", "runners")
print(json.dumps({
    "functions": sorted({type(fn).__module__ for fn in fns.values()}),
    "decoded": [type(one).__name__ for one in decoded],
    "labels": sorted(step.unique_name for key, step in built.components.transforms.items()
                     if key not in built.root_transform_ids),
    "foreign": sorted(name for name, module in sys.modules.items()
                      if name.partition(".")[0] in rooms
                      and not str(getattr(module, "__file__", None) or target).startswith(target)),
}))
"""


@pytest.fixture(scope="module")
def staged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds nothing but what the sdist installs; built as Beam does, offline."""
    out = tmp_path_factory.mktemp("sdist")
    build = [sys.executable, "-m", "build", "--sdist", "--no-isolation", "--outdir", str(out)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (archive,) = out.glob("*.tar.gz")
    target = tmp_path_factory.mktemp("worker")
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    install += ["--no-build-isolation", "--target", str(target), str(archive)]
    done = subprocess.run(install, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return target


def on_a_worker(staged: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Unpickle and build the job with the staged code alone."""
    (folder / "graph.pb").write_bytes(dataflow_graph().SerializeToString())
    arguments = [str(staged), str(ROOT), str(folder / "graph.pb")]
    environment = {**os.environ, "PYTHONPATH": str(staged)}
    return subprocess.run(
        [sys.executable, "-P", "-c", WORKER, *arguments],
        cwd=folder, env=environment, capture_output=True, text=True,
    )  # fmt: skip


def test_the_job_is_unpickled_and_built_with_the_staged_code_alone(
    staged: Path, tmp_path: Path
) -> None:
    done = on_a_worker(staged, tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["foreign"] == []
    assert {"transforms.decode_live", "transforms.fold_and_take"} <= set(found["functions"])
    assert found["decoded"] == ["TimestampedValue"], "a message and no dead letter"
    assert found["labels"] == labels(dataflow_graph())


def test_without_one_module_of_it_the_job_does_not_live(staged: Path, tmp_path: Path) -> None:
    """The test above looks at the staged code and not at the sources beside it."""
    module = staged / "transforms/fold_and_take.py"
    content = module.read_text()
    module.unlink()
    try:
        done = on_a_worker(staged, tmp_path)
    finally:
        module.write_text(content)
    assert done.returncode != 0 and "transforms.fold_and_take" in done.stderr
