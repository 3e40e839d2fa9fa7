"""`crossfoot deliver` and `erp check`: exit codes, words, and being killed at any moment."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from typer.testing import Result

from connectors.store import LedgerStore, open_store
from ledger.accounts import AccountRole
from tests.connectors.deliveries.services import JournalService, journal_service
from tests.connectors.store.store_builders import TENANT, entry, folded, message

ROOT = Path(__file__).resolve().parents[2]
Run = Callable[..., Result]
SECRET = "Bearer s3cret-value"


class Files(NamedTuple):
    """What a command line names."""

    url: str
    erp: Path
    mapping: Path

    def words(self, *more: str) -> list[str]:
        """Options of both commands, over HTTP."""
        return [
            *("--store", self.url, "--erp", str(self.erp), "--mapping", str(self.mapping)),
            *("--to", "http", "--tenant", TENANT, *more),
        ]


@pytest.fixture
def service(tmp_path: Path) -> Iterator[JournalService]:
    with journal_service(tmp_path) as running:
        yield running


@pytest.fixture
def files(service: JournalService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Files:
    """Books with 30 entries of 30 customers, all mapped, and a service to deliver them to."""
    monkeypatch.setenv("GL_AUTHORIZATION", SECRET)
    url = f"sqlite:///{tmp_path}/books.db"
    with open_store(url) as store:
        post(store, range(30))
    http = {"url": service.url, "authorization_env": "GL_AUTHORIZATION", "timeout_seconds": 5}
    (tmp_path / "erp.yaml").write_text(
        yaml.safe_dump(
            {"batch_size": 3, "http": http, "files": {"directory": str(tmp_path / "out")}}
        )
    )
    defaults = {role.value: f"gl_{role.value}" for role in AccountRole}
    (tmp_path / "gl.yaml").write_text(
        yaml.safe_dump({"name": "test", "version": 1, "defaults": defaults})
    )
    return Files(url, tmp_path / "erp.yaml", tmp_path / "gl.yaml")


def post(store: LedgerStore, numbers: range) -> None:
    for number in numbers:
        name = f"evt_{number}"
        customer = message(name, f"stripe:cus_{number}")
        store.commit([folded([customer], [entry(f"in_{number}", by=name)])])


def ids_of(files: Files) -> list[str]:
    with open_store(files.url) as store:
        return [posted.posting_id for posted in store.postings()]


def start(files: Files, *more: str) -> subprocess.Popen[str]:
    """Start `crossfoot deliver` in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "runners.crossfoot", "deliver", *files.words("--json", *more)],
        cwd=ROOT,
        env={**os.environ, "GL_AUTHORIZATION": SECRET},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_everything_is_delivered_and_told(
    crossfoot: Run, files: Files, service: JournalService
) -> None:
    result = crossfoot("deliver", *files.words("--json"))
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert (told["accepted"], told["batches"], told["away"]) == (30, 10, None)
    assert told["outbox"] == {"pending": 0, "accepted": 30, "refused": 0}
    assert service.told()["requests"][0]["authorization"] == SECRET
    assert SECRET not in result.output
    again = crossfoot("deliver", *files.words())
    assert "0 postings accepted" in again.stdout and "30 accepted, 0 refused" in again.stdout


def test_a_refusal_is_an_exception_with_money_and_goes_out_after_resubmitting(
    crossfoot: Run, files: Files, service: JournalService
) -> None:
    wanted = ids_of(files)[4]
    service.behave(refuse={wanted: "period_closed"})
    assert crossfoot("deliver", *files.words("--strict")).exit_code == 3
    listed = crossfoot("exceptions", "list", "--store", files.url, "--json")
    (item,) = json.loads(listed.stdout)["exceptions"]
    assert (item["exception_id"], item["reason"]) == (wanted, "erp_period_closed")
    assert (item["amount"], item["currency"], item["entity"]) == ("10.00", "USD", "MAIN")
    assert item["period"] == "2026-01" and item["detail"] == "refused: period_closed"
    traced = crossfoot("trace", wanted, "--store", files.url)
    assert "refused erp_period_closed by http:127.0.0.1" in traced.stdout
    assert "after 1 attempts: refused: period_closed" in traced.stdout
    service.behave(refuse={})
    command = ("exceptions", "resubmit", wanted, "--store", files.url, "--tenant", TENANT)
    resubmitted = crossfoot(*command)
    assert resubmitted.exit_code == 0, resubmitted.output
    assert "1 postings are in the outbox again" in resubmitted.stdout
    assert crossfoot("deliver", *files.words("--strict")).exit_code == 0
    assert "accepted by http:127.0.0.1" in crossfoot("trace", wanted, "--store", files.url).stdout


def test_refused_postings_can_be_sent_again_all_at_once(
    crossfoot: Run, files: Files, service: JournalService
) -> None:
    service.behave(refuse=dict.fromkeys(ids_of(files)[:5], "unknown_account"))
    crossfoot("deliver", *files.words())
    service.behave(refuse={})
    told = json.loads(crossfoot("deliver", *files.words("--retry-refused", "--json")).stdout)
    assert told["accepted"] == 5


def test_an_erp_that_is_away_gives_exit_code_4_and_loses_nothing(
    crossfoot: Run, files: Files, service: JournalService, monkeypatch: pytest.MonkeyPatch
) -> None:
    from runners import sending

    monkeypatch.setattr(sending, "_sleep", lambda *_: None)
    service.behave(status=503)
    result = crossfoot("deliver", *files.words())
    assert result.exit_code == 4
    assert "the ERP is away" in result.stderr and "nothing is lost" in result.stderr
    service.behave(status=None)
    assert json.loads(crossfoot("deliver", *files.words("--json")).stdout)["accepted"] == 30


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"http": {"url": "ftp://x"}}, "does not begin with http"),
        ({"http": {"url": "http://x", "pasword": "x"}}, "pasword"),
        ({"batch_size": 0}, "batch_size"),
        ({"tryton": {"url": "http://x"}}, "database"),
    ],
)
def test_a_wrong_erp_file_is_told_and_nothing_is_sent(
    crossfoot: Run, files: Files, change: dict[str, Any], complaint: str
) -> None:
    files.erp.write_text(yaml.safe_dump(change))
    result = crossfoot("deliver", *files.words())
    assert result.exit_code == 2 and complaint in result.stderr


def test_a_secret_that_is_missing_is_told_by_its_name(
    crossfoot: Run, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GL_AUTHORIZATION")
    result = crossfoot("deliver", *files.words())
    assert result.exit_code == 4 and "GL_AUTHORIZATION" in result.stderr


def test_the_check_names_what_the_mapping_lacks(crossfoot: Run, files: Files) -> None:
    assert crossfoot("erp", "check", *files.words()).exit_code == 0
    partial = {"name": "test", "version": 2, "defaults": {"accounts_receivable": "1200"}}
    files.mapping.write_text(yaml.safe_dump(partial))
    result = crossfoot("erp", "check", *files.words("--json"))
    assert result.exit_code == 3
    (missing,) = json.loads(result.stdout)["missing"]
    assert missing["kind"] == "mapping" and missing["postings"] == 30
    assert "revenue" in missing["name"]


def test_files_take_the_same_postings(crossfoot: Run, files: Files, tmp_path: Path) -> None:
    words = [word if word != "http" else "files" for word in files.words()]
    assert crossfoot("deliver", *words).exit_code == 0
    lines = [x for p in sorted((tmp_path / "out").iterdir()) for x in p.read_text().splitlines()]
    assert sorted(json.loads(line)["posting_id"] for line in lines) == sorted(ids_of(files))


def test_a_deliverer_killed_at_any_moment_books_nothing_twice(
    files: Files, service: JournalService
) -> None:
    service.behave(slow=0.1)
    for kills in range(3):
        before = len(service.told()["requests"])
        process = start(files)
        while len(service.told()["requests"]) <= before and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        with open_store(files.url) as store:
            assert store.delivery_desk.counts().pending > 0, f"kill {kills} came too late"
    service.behave(slow=0)
    output, errors = start(files).communicate(timeout=600)
    told = service.told()
    assert set(told["times_booked"].values()) == {1} and len(told["booked"]) == 30, errors
    assert json.loads(output)["outbox"] == {"pending": 0, "accepted": 30, "refused": 0}
    assert told["complaints"] == []


def test_a_follower_takes_what_comes_and_ends_when_told(
    files: Files, service: JournalService
) -> None:
    process = start(files, "--follow", "--every", "1")
    wait_for(service, process, 30)
    with open_store(files.url) as store:
        post(store, range(30, 34))
    wait_for(service, process, 34)
    process.send_signal(signal.SIGTERM)
    output, errors = process.communicate(timeout=600)
    assert process.returncode == 0, errors
    assert json.loads(output)["accepted"] == 34


def test_a_second_deliverer_says_so_and_does_nothing(
    crossfoot: Run, files: Files, service: JournalService
) -> None:
    service.behave(slow=0.5)
    process = start(files)
    while not service.told()["requests"]:
        time.sleep(0.01)
    second = crossfoot("deliver", *files.words())
    process.kill()
    process.communicate()
    assert second.exit_code == 4 and "another process delivers" in second.stderr


def wait_for(service: JournalService, process: subprocess.Popen[str], count: int) -> None:
    deadline = time.monotonic() + 60
    while len(service.told()["booked"]) < count:
        assert process.poll() is None and time.monotonic() < deadline, process.communicate()
        time.sleep(0.05)
