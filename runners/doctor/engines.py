"""The engine that a job is to run on: reachable, of a version that was tried, told all it needs."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import httpx
import msgspec

from runners.doctor.findings import Finding, ok, problem, warning
from runners.engines import Engine, refusals
from runners.prism_program import OPTION, find_prism, option_value, prism_version

FLINK_VERSION = "1.19"
"""The Flink that the live job was tried on (docs/runners.md)."""

SECONDS = 5.0
"""How long an answer is waited for."""

Options = Sequence[str]

_POOL = "start `python -m apache_beam.runners.worker.worker_pool_main --service_port=50000`"


def look_at_engine(
    engine: Engine, options: Options, sdk: str, store: str | None, environ: Mapping[str, str]
) -> list[Finding]:
    """Look at one engine, as a job with these Beam options would use it."""
    refused = refusals(engine, live=engine != "local", extra=options)
    found = [problem(f"{engine} options", told, "leave this option out") for told in refused]
    looks: dict[str, Callable[[], Iterator[Finding]]] = {
        "local": _local,
        "prism": lambda: _prism(options, sdk, environ),
        "flink": lambda: _flink(options),
        "dataflow": lambda: _dataflow(options, environ),
    }
    return [*found, *looks[engine](), *_shared_store(engine, store)]


def _local() -> Iterator[Finding]:
    yield ok("local", "bounded jobs run in this process; live jobs need another engine")


def _shared_store(engine: Engine, store: str | None) -> Iterator[Finding]:
    if engine not in ("flink", "dataflow") or store is None or not store.startswith("sqlite"):
        return
    mend = "give --store a PostgreSQL URL that every worker reaches"
    if engine == "dataflow":
        yield problem("shared store", "workers of Dataflow cannot share a SQLite file", mend)
    else:
        yield warning("shared store", "a SQLite file serves workers of one machine only", mend)


def _prism(options: Options, sdk: str, environ: Mapping[str, str]) -> Iterator[Finding]:
    build = f"go install github.com/apache/beam/sdks/v2/go/cmd/prism@v{sdk}"
    found = find_prism(options, sdk, environ)
    if found is None:
        yield problem("prism", f"no Prism: {OPTION}, PATH and .work/downloads/bin have none", build)
        return
    if found.startswith(("http://", "https://", "gs://")):
        yield warning("prism", "Prism is to be downloaded when a job starts", f"build it: {build}")
        return
    path = Path(found)
    if not path.is_file() or not os.access(path, os.X_OK):
        yield problem("prism", f"{found} is no program that may be run", f"build it: {build}")
        return
    version = prism_version(path)
    if version == sdk:
        yield ok("prism", f"Prism {version} at {found}")
    else:
        told = f"Prism {version or 'of unknown version'} at {found}, the SDK is {sdk}"
        yield warning("prism", told, f"build the same version: {build}")


def _flink(options: Options) -> Iterator[Finding]:
    master = option_value(options, "--flink_master")
    endpoint = option_value(options, "--job_endpoint")
    if endpoint is not None:
        yield reachable("job server", endpoint, "start Beam's job server for Flink there")
    else:
        yield from _own_job_server(options)
    if master is None or master.startswith("["):
        if endpoint is None:
            mend = "give --beam=--flink_master=HOST:8081 to use a cluster"
            yield warning("flink", "no cluster named: Flink is started for the job", mend)
    else:
        yield _flink_cluster(master)
    if option_value(options, "--environment_type") == "EXTERNAL":
        pool = option_value(options, "--environment_config") or ""
        yield reachable("worker pool", pool, f"{_POOL} beside every TaskManager")


def _own_job_server(options: Options) -> Iterator[Finding]:
    if shutil.which("java") is None:
        yield problem("job server", "no Java for the job server", "install Java 11 or 17, or give "
                      "--beam=--job_endpoint=HOST:8099 of a job server that runs")  # fmt: skip
    jar = option_value(options, "--flink_job_server_jar")
    if jar is None:
        mend = "give --beam=--job_endpoint=HOST:8099 or --beam=--flink_job_server_jar=FILE"
        yield warning("job server", "Beam is to download its job server when a job starts", mend)
    elif not Path(jar).is_file():
        yield problem("job server", f"no file {jar}", "correct --flink_job_server_jar")


class _Overview(msgspec.Struct, rename={"flink_version": "flink-version",
                                        "slots_available": "slots-available",
                                        "slots_total": "slots-total"}):  # fmt: skip
    """What Flink's REST API says of a cluster (GET /overview)."""

    flink_version: str
    taskmanagers: int
    slots_total: int
    slots_available: int


def _flink_cluster(master: str) -> Finding:
    url = master if "://" in master else f"http://{master}"
    try:
        answer = httpx.get(f"{url}/overview", timeout=SECONDS)
        answer.raise_for_status()
        told = msgspec.json.decode(answer.content, type=_Overview)
    except (httpx.HTTPError, httpx.InvalidURL, msgspec.DecodeError) as error:
        mend = "start the cluster (bin/start-cluster.sh), or correct --flink_master"
        return problem("flink", f"no Flink answers at {master}: {_line(error)}", mend)
    state = f"Flink {told.flink_version} at {master}, {told.taskmanagers} task managers"
    if told.slots_available == 0:
        mend = "start a TaskManager (bin/taskmanager.sh start) or stop another job"
        return problem("flink", f"{state}, no free slot of {told.slots_total}", mend)
    if not told.flink_version.startswith(f"{FLINK_VERSION}."):
        mend = f"use Flink {FLINK_VERSION}: other versions were not tried (docs/runners.md)"
        return warning("flink", state, mend)
    return ok("flink", f"{state}, {told.slots_available} of {told.slots_total} slots free")


_DATAFLOW_NEEDS = (
    ("--project", "the Google Cloud project that pays for the job"),
    ("--region", "where the workers run, e.g. europe-west1"),
    ("--temp_location", "a gs:// folder that only this job's account reads"),
)
_DATAFLOW_SHOULD = (
    ("--service_account_email", "the default account may edit the whole project"),
    ("--subnetwork", "workers have no public addresses and must reach the store"),
)


def _dataflow(options: Options, environ: Mapping[str, str]) -> Iterator[Finding]:
    for name, why in _DATAFLOW_NEEDS:
        if option_value(options, name) is None:
            yield problem("dataflow", f"no {name}", f"give --beam={name}=…: {why}")
    for name, why in _DATAFLOW_SHOULD:
        if option_value(options, name) is None:
            yield warning("dataflow", f"no {name}: {why}", f"give --beam={name}=…")
    setup, image = (option_value(options, f"--{x}") for x in ("setup_file", "sdk_container_image"))
    if setup is None and image is None:
        mend = (
            "give --beam=--setup_file=./setup.py, or --beam=--sdk_container_image=… with the code"
        )
        yield problem("dataflow code", "workers would not have this program's code", mend)
    elif setup is not None and not Path(setup).is_file():
        yield problem("dataflow code", f"no file {setup}", "correct --setup_file")
    else:
        yield ok("dataflow code", f"staged from {setup or image}")
    yield _credentials(environ)


def _credentials(environ: Mapping[str, str]) -> Finding:
    """Where Google's clients look first; a machine of Google's has others."""
    named = environ.get("GOOGLE_APPLICATION_CREDENTIALS")
    usual = Path(environ.get("HOME", "/"), ".config/gcloud/application_default_credentials.json")
    if named is not None and not os.access(named, os.R_OK):
        mend = "correct GOOGLE_APPLICATION_CREDENTIALS or unset it"
        return problem("credentials", f"cannot read {named}", mend)
    if named is None and not usual.is_file():
        mend = "`gcloud auth application-default login`; on Google's machines nothing is needed"
        return warning("credentials", "no Google credentials on this machine", mend)
    return ok("credentials", f"Google credentials in {named or usual}")


def reachable(check: str, address: str, mend: str) -> Finding:
    """Look whether somebody listens at `host:port`."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        return problem(check, f"{address!r} is no HOST:PORT", "write it like localhost:8099")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=SECONDS):
            return ok(check, f"{address} answers")
    except OSError as error:
        return problem(check, f"nothing answers at {address}: {_line(error)}", mend)


def _line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
