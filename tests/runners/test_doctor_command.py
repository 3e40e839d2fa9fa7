"""`crossfoot doctor` names what is broken and how to mend it: every part is broken once."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import Distribution
from pathlib import Path
from typing import Any

import pytest

from connectors.store.migrating import HEAD
from runners.doctor.engines import look_at_engine
from runners.doctor.findings import Finding
from runners.doctor.packages import look_at_packages, needed_extras
from runners.prism_program import find_prism, prism_version
from schemas.registry import PACKAGE_ROOT
from tests.servers.downloads import free_port

SDK = "2.77.0"


def named(findings: list[Finding], check: str) -> Finding:
    (found,) = [one for one in findings if one.check == check]
    return found


@pytest.fixture
def examined(crossfoot: Callable) -> Callable[..., tuple[int, dict[str, dict[str, Any]]]]:
    """Exit code and findings by check."""

    def examine(*options: object) -> tuple[int, dict[str, dict[str, Any]]]:
        done = crossfoot("doctor", "--json", *options)
        found = json.loads(done.stdout)
        assert found["problems"] == sum(f["status"] == "problem" for f in found["findings"])
        for finding in found["findings"]:
            assert (finding["mend"] is None) == (finding["status"] == "ok"), finding
        return done.exit_code, {finding["check"]: finding for finding in found["findings"]}

    return examine


@pytest.fixture
def store(tmp_path: Path, crossfoot: Callable) -> str:
    """A store as a careful user keeps it."""
    url = f"sqlite:///{tmp_path}/books.db"
    assert crossfoot("migrate", "--store", url).exit_code == 0
    (tmp_path / "books.db").chmod(0o600)
    return url


def test_a_machine_as_it_must_be_has_no_problem(examined: Callable, store: str) -> None:
    code, found = examined("--store", store, "--least-free", 0, "--strict")
    assert code == 0
    assert {finding["status"] for finding in found.values()} == {"ok"}
    assert {"python", "packages", "extras", "local", "schemas lock", "store"} <= set(found)


def test_people_read_the_same_as_a_table(crossfoot: Callable, tmp_path: Path) -> None:
    told = crossfoot("doctor", "--folder", tmp_path / "nowhere", "--least-free", 0)
    assert told.exit_code == 4
    assert f"mkdir -p {tmp_path / 'nowhere'}" in told.stdout
    assert "2 problems, 0 warnings" in told.stdout


# --- the store ----------------------------------------------------------------------------


def test_no_store_yet_is_a_warning_and_none_is_made(examined: Callable, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/books.db"
    code, found = examined("--store", url, "--least-free", 0)
    assert (code, found["store"]["status"]) == (0, "warning")
    assert "crossfoot migrate" in found["store"]["mend"]
    assert list(tmp_path.iterdir()) == []
    assert examined("--store", url, "--least-free", 0, "--strict")[0] == 3


@pytest.mark.parametrize(("version", "mend"), [("0001", "migrate"), ("9999", "newer program")])
def test_a_store_of_another_version(
    examined: Callable, store: str, tmp_path: Path, version: str, mend: str
) -> None:
    with sqlite3.connect(tmp_path / "books.db") as books:
        books.execute("UPDATE crossfoot_version SET version_num = ?", (version,))
    code, found = examined("--store", store)
    assert (code, found["store"]["status"]) == (4, "problem")
    assert version in found["store"]["what"] and HEAD in found["store"]["what"]
    assert mend in found["store"]["mend"]


def test_a_database_of_somebody_else(examined: Callable, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "other.db") as other:
        other.execute("CREATE TABLE invoices (id)")
    code, found = examined("--store", f"sqlite:///{tmp_path}/other.db")
    assert code == 4 and "not a ledger store" in found["store"]["what"]


def test_a_file_that_is_no_database(examined: Callable, tmp_path: Path) -> None:
    (tmp_path / "books.db").write_text("no database at all\n" * 100)
    code, found = examined("--store", f"sqlite:///{tmp_path}/books.db")
    assert code == 4 and "not a database" in found["store"]["what"]


def test_a_store_that_takes_no_entries(examined: Callable, store: str, tmp_path: Path) -> None:
    url = f"sqlite:///file:{tmp_path}/books.db?mode=ro&uri=true"
    code, found = examined("--store", url)
    assert code == 4 and "nothing can be written" in found["store"]["what"]
    assert "readonly" in found["store"]["what"]


def test_a_database_that_does_not_answer_and_no_password_told(
    examined: Callable, crossfoot: Callable
) -> None:
    url = f"postgresql://books:secret@127.0.0.1:{free_port()}/books"
    code, found = examined("--store", url)
    assert (code, found["store"]["status"]) == (4, "problem")
    assert "secret" not in crossfoot("doctor", "--store", url).output


def test_a_url_of_no_database(examined: Callable) -> None:
    code, found = examined("--store", "mysql://books")
    assert code == 4 and "mysql" in found["store"]["what"]


# --- folders, disk, access ----------------------------------------------------------------


def test_a_folder_that_is_a_file(examined: Callable, tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("")
    code, found = examined("--folder", tmp_path / "spool")
    assert code == 4 and found[f"folder {tmp_path / 'spool'}"]["what"] == "is no folder"


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs a folder that root cannot write")
def test_a_folder_that_cannot_be_written(examined: Callable) -> None:
    code, found = examined("--folder", "/proc")
    assert code == 4 and "cannot be written" in found["folder /proc"]["what"]


def test_too_little_room(examined: Callable, tmp_path: Path) -> None:
    code, found = examined("--folder", tmp_path, "--least-free", 10**9)
    assert code == 4 and found[f"disk {tmp_path}"]["status"] == "problem"
    assert "1000000000 GiB" in found[f"disk {tmp_path}"]["mend"]


def test_books_that_others_may_read_or_change(
    examined: Callable, store: str, tmp_path: Path
) -> None:
    tmp_path.chmod(0o755)
    file = tmp_path / "books.db"
    file.chmod(0o644)
    code, found = examined("--store", store, "--least-free", 0)
    assert (code, found[f"access {file}"]["status"]) == (0, "warning")
    tmp_path.chmod(0o700)
    assert f"access {file}" not in examined("--store", store)[1]
    file.chmod(0o666)
    code, found = examined("--store", store, "--least-free", 0)
    assert (code, found[f"access {file}"]["status"]) == (4, "problem")


# --- schemas ------------------------------------------------------------------------------


@pytest.fixture
def registry(tmp_path: Path) -> Path:
    """A copy of the registry that a test may damage."""
    return Path(shutil.copytree(PACKAGE_ROOT, tmp_path / "schemas"))


def test_a_published_version_that_changed(examined: Callable, registry: Path) -> None:
    schema = registry / "subjects/billing.invoice_issued/v1.avsc"
    schema.write_text(schema.read_text().replace('"total_minor"', '"sum_minor"', 1))
    code, found = examined("--registry", registry)
    assert (code, found["schemas lock"]["status"]) == (4, "problem")
    assert "billing.invoice_issued" in found["schemas lock"]["what"]


def test_a_lock_with_a_damaged_line_or_a_line_taken_out(examined: Callable, registry: Path) -> None:
    lock = registry / "registry.lock"
    whole = lock.read_bytes()
    lock.write_bytes(whole.replace(b"{", b"", 1))
    assert "line 1" in examined("--registry", registry)[1]["schemas lock"]["what"]
    lock.write_bytes(b"".join(whole.splitlines(keepends=True)[1:]))
    code, found = examined("--registry", registry)
    assert (code, found["schemas lock"]["status"]) == (4, "problem")
    lock.unlink()
    assert examined("--registry", registry)[0] == 4


def test_a_version_that_is_not_published_yet(examined: Callable, registry: Path) -> None:
    lock = registry / "registry.lock"
    lock.write_bytes(b"".join(lock.read_bytes().splitlines(keepends=True)[:-1]))
    code, found = examined("--registry", registry, "--least-free", 0)
    assert (code, found["schemas lock"]["status"]) == (0, "warning")
    assert "not locked yet" in found["schemas lock"]["what"]


# --- packages -----------------------------------------------------------------------------


def program(folder: Path, *lines: str) -> Distribution:
    """The metadata of an installed program with these lines."""
    metadata = folder / "crossfoot-0.1.0.dist-info"
    metadata.mkdir()
    head = ["Metadata-Version: 2.4", "Name: crossfoot", "Version: 0.1.0"]
    (metadata / "METADATA").write_text("\n".join([*head, *lines, ""]))
    return Distribution.at(metadata)


def test_packages_that_are_missing_or_too_old(tmp_path: Path) -> None:
    lines = ["Requires-Dist: msgspec>=999", "Requires-Dist: no-such-package"]
    found = look_at_packages((), program(tmp_path, *lines))
    told = named(found, "packages")
    assert told.status == "problem" and "requirements.lock" in str(told.mend)
    assert "no-such-package is not installed" in told.what and ">=999 is needed" in told.what


def test_a_python_that_is_too_old(tmp_path: Path) -> None:
    found = look_at_packages((), program(tmp_path, "Requires-Python: >=3.99"))
    assert named(found, "python").status == "problem"


def test_an_extra_is_a_problem_only_where_it_is_needed(tmp_path: Path) -> None:
    lines = ["Provides-Extra: kafka", 'Requires-Dist: no-such-client; extra == "kafka"']
    found = look_at_packages(needed_extras(None, (), "local"), program(tmp_path, *lines))
    assert {one.status for one in found} == {"ok"}
    needed = needed_extras("postgresql://x/y", ("kafka:broker:9092/topic",), "dataflow")
    assert needed == {"postgres", "kafka", "dataflow"}
    (tmp_path / "other").mkdir()
    told = named(look_at_packages(needed, program(tmp_path / "other", *lines)), "extra kafka")
    assert told.status == "problem" and told.mend == "pip install 'crossfoot[kafka]'"


def test_the_extra_of_another_package_is_looked_into(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "outer_kit-1.0.dist-info"
    other.mkdir()
    (other / "METADATA").write_text(
        "Metadata-Version: 2.4\nName: outer-kit\nVersion: 1.0\nProvides-Extra: cloud\n"
        'Requires-Dist: msgspec\nRequires-Dist: no-such-cloud>=2; extra == "cloud"\n'
    )
    monkeypatch.syspath_prepend(tmp_path)
    lines = ["Provides-Extra: d", 'Requires-Dist: outer-kit[cloud]; extra == "d"']
    told = named(look_at_packages(["d"], program(tmp_path, *lines)), "extra d")
    assert told.what == "no-such-cloud is not installed"


# --- engines ------------------------------------------------------------------------------


def engine(name: str, *options: str, store: str | None = None, **environ: str) -> list[Finding]:
    return look_at_engine(name, options, SDK, store, environ)  # type: ignore[arg-type]


def prism_file(path: Path, version: str = SDK) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    built_from = f"mod\tgithub.com/apache/beam/sdks/v2\tv{version}\th1:abc=\n"
    path.write_bytes(b"\x7fELF" + b"\0" * 5000 + built_from.encode())
    path.chmod(0o755)
    return path


def test_prism_is_found_where_the_options_path_or_the_work_folder_say(tmp_path: Path) -> None:
    named_one = prism_file(tmp_path / "named")
    on_path = prism_file(tmp_path / "bin/prism")
    built = prism_file(tmp_path / f"downloads/bin/prism-{SDK}")
    environ = {"PATH": str(on_path.parent), "CROSSFOOT_DOWNLOADS": str(tmp_path / "downloads")}
    assert find_prism([f"--prism_location={named_one}"], SDK, environ) == str(named_one)
    assert find_prism([], SDK, environ) == str(on_path)
    assert find_prism([], SDK, environ | {"PATH": ""}) == str(built)
    assert find_prism([], SDK, {"CROSSFOOT_DOWNLOADS": str(tmp_path / "none")}) is None


def test_prism_says_itself_which_version_it_is(tmp_path: Path) -> None:
    assert prism_version(prism_file(tmp_path / "prism", "2.70.0")) == "2.70.0"
    (tmp_path / "empty").write_bytes(b"")
    assert prism_version(tmp_path / "empty") is None


def test_prism_missing_not_runnable_or_of_another_version(tmp_path: Path) -> None:
    nothing = engine("prism", CROSSFOOT_DOWNLOADS=str(tmp_path))
    assert named(nothing, "prism").status == "problem"
    assert f"prism@v{SDK}" in str(named(nothing, "prism").mend)
    option = f"--prism_location={tmp_path / 'prism'}"
    assert named(engine("prism", option), "prism").status == "problem"
    program = prism_file(tmp_path / "prism")
    assert named(engine("prism", option), "prism").status == "ok"
    program.chmod(0o644)
    assert named(engine("prism", option), "prism").status == "problem"
    prism_file(program, "2.70.0")
    told = named(engine("prism", option), "prism")
    assert told.status == "warning" and "2.70.0" in told.what
    assert named(engine("prism", "--prism_location=https://a/b"), "prism").status == "warning"


class Overview(BaseHTTPRequestHandler):
    """Flink's REST API as far as it is asked; the server holds the answer."""

    def do_GET(self) -> None:
        """Answer /overview."""
        status, body = self.server.answers.get(self.path, (404, b""))  # type: ignore[attr-defined]
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def flink() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Overview)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def overview(version: str = "1.19.3", slots: int = 2) -> tuple[int, bytes]:
    """As a cluster of Flink 1.19 answers (REST API, /overview)."""
    told = {
        "taskmanagers": 1, "slots-total": 2, "slots-available": slots, "jobs-running": 0,
        "flink-version": version, "flink-commit": "abc",
    }  # fmt: skip
    return 200, json.dumps(told).encode()


def test_a_flink_cluster_is_asked_for_version_and_slots(flink: ThreadingHTTPServer) -> None:
    address = f"127.0.0.1:{flink.server_address[1]}"
    options = (f"--flink_master={address}", f"--job_endpoint={address}")
    answers = flink.answers = {"/overview": overview()}  # type: ignore[attr-defined]
    assert {one.status for one in engine("flink", *options)} == {"ok"}
    answers["/overview"] = overview(slots=0)
    assert "no free slot" in named(engine("flink", *options), "flink").what
    answers["/overview"] = overview("1.20.1")
    assert named(engine("flink", *options), "flink").status == "warning"
    for broken in ((500, b""), (200, b"<html>"), (200, b"{}")):
        answers["/overview"] = broken
        told = named(engine("flink", *options), "flink")
        assert told.status == "problem" and "no Flink answers" in told.what


def test_a_flink_that_does_not_answer_at_all() -> None:
    dead = f"127.0.0.1:{free_port()}"
    found = engine(
        "flink", f"--flink_master={dead}", f"--job_endpoint={dead}",
        "--environment_type=EXTERNAL", f"--environment_config={dead}",
    )  # fmt: skip
    assert [one.status for one in found] == ["problem"] * 3
    assert [one.check for one in found] == ["job server", "flink", "worker pool"]
    assert "is no HOST:PORT" in named(engine("flink", "--job_endpoint=x"), "job server").what


def test_a_job_server_of_its_own_needs_its_jar(tmp_path: Path) -> None:
    found = engine("flink", f"--flink_job_server_jar={tmp_path / 'none.jar'}")
    assert f"no file {tmp_path / 'none.jar'}" in [one.what for one in found][-2]


def test_engines_of_several_machines_need_a_shared_store() -> None:
    for name, status in (("flink", "warning"), ("dataflow", "problem")):
        assert named(engine(name, store="sqlite:///b.db"), "shared store").status == status
    assert "shared store" not in {o.check for o in engine("flink", store="postgresql://x")}


def test_an_option_that_is_refused_is_a_problem() -> None:
    told = named(engine("prism", "--allow_unsafe_triggers"), "prism options")
    assert told.status == "problem"


WHOLE = (
    "--project=p", "--region=europe-west1", "--temp_location=gs://b/t", "--subnetwork=s",
    "--service_account_email=a@p.iam.gserviceaccount.com", "--setup_file=setup.py",
)  # fmt: skip


def test_dataflow_is_told_what_it_needs(tmp_path: Path) -> None:
    key = tmp_path / "key.json"
    key.write_text("{}")
    found = engine("dataflow", *WHOLE, GOOGLE_APPLICATION_CREDENTIALS=str(key))
    assert {one.status for one in found} == {"ok"}
    for option in WHOLE:
        rest = [one for one in WHOLE if one != option]
        found = engine("dataflow", *rest, GOOGLE_APPLICATION_CREDENTIALS=str(key))
        (told,) = [one for one in found if one.status != "ok"]
        soft = option.startswith(("--sub", "--service"))
        assert told.status == ("warning" if soft else "problem")
    assert "no file nowhere.py" in [o.what for o in engine("dataflow", "--setup_file=nowhere.py")]
    missing = engine("dataflow", *WHOLE, GOOGLE_APPLICATION_CREDENTIALS=str(tmp_path / "none"))
    assert named(missing, "credentials").status == "problem"
    assert named(engine("dataflow", *WHOLE, HOME=str(tmp_path)), "credentials").status == "warning"


def test_a_broker_that_does_not_answer_and_one_that_does(examined: Callable) -> None:
    code, found = examined("--from", f"kafka:127.0.0.1:{free_port()}/billing")
    assert (code, found["kafka"]["status"]) == (4, "problem")
    with socket.create_server(("127.0.0.1", 0)) as broker:
        address = f"127.0.0.1:{broker.getsockname()[1]}"
        assert examined("--from", f"kafka:{address}/billing")[1]["kafka"]["status"] == "ok"


def test_looking_takes_no_beam() -> None:
    """A broken Beam must not keep its doctor away."""
    program = (
        "import sys; from runners.doctor import engines, packages, books, machine; "
        "import runners.commands.doctor; assert 'apache_beam' not in sys.modules"
    )
    environ = {**os.environ, "PYTHONPATH": str(PACKAGE_ROOT.parent)}
    subprocess.run([sys.executable, "-c", program], env=environ, check=True)
