"""Figures for Prometheus, scraped over HTTP from processes as users start them."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from connectors.store import open_store
from ledger.messages import Outcome
from tests.connectors.deliveries.services import JournalService, journal_service
from tests.connectors.store.store_builders import (
    TENANT,
    entry,
    folded,
    letter,
    message,
    waiting,
)
from tests.telemetry.way import CANARY, ROOT, crossfoot, environment, erp_files

DONE_WITHIN_SECONDS = 300.0
ADDRESS = re.compile(r"metrics at (http://\S+)")
Figures = dict[tuple[str, frozenset[tuple[str, str]]], float]


class Served:
    """A process that serves metrics on a port it chose."""

    def __init__(self, log: Path, *words: str) -> None:
        self._log = log
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "runners.crossfoot", *words],
                cwd=ROOT, env=environment(), stdout=output, stderr=output,
            )  # fmt: skip
        until = time.monotonic() + DONE_WITHIN_SECONDS
        while (found := ADDRESS.search(log.read_text())) is None:
            assert self.process.poll() is None and time.monotonic() < until, log.read_text()
            time.sleep(0.05)
        self.url = found[1]

    def scrape(self) -> Figures:
        """Every sample by name and labels."""
        text = httpx.get(self.url, timeout=60).text
        assert CANARY not in text
        return {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    def wait_for(self, done: Callable[[Figures], bool]) -> Figures:
        """Scrape until it is as wanted."""
        until = time.monotonic() + DONE_WITHIN_SECONDS
        while not done(figures := self.scrape()):
            assert time.monotonic() < until, figures
            time.sleep(0.1)
        return figures

    def stop(self) -> int:
        """Ask it to end; return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60)


def key(name: str, **labels: str) -> tuple[str, frozenset[tuple[str, str]]]:
    return name, frozenset(labels.items())


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Served]]:
    made: list[Served] = []

    def start(*words: str) -> Served:
        made.append(Served(tmp_path / f"served-{len(made)}.log", *words))
        return made[-1]

    yield start
    for each in made:
        each.process.kill()
        each.process.wait()


@pytest.fixture
def books(tmp_path: Path) -> str:
    """Two postings, an event that waits past its deadline, a dead letter."""
    url = f"sqlite:///{tmp_path}/books.db"
    with open_store(url) as store:
        store.commit([folded([message("evt_1")], [entry("in_1")])])
        store.commit(
            [
                folded(
                    [message("evt_2", "stripe:cus_2"), message("evt_3", "stripe:cus_2")],
                    [entry("in_2", by="evt_2")],
                    outcomes={"stripe:evt_3": Outcome.PENDING},
                    pending=(waiting("evt_3"),),
                )
            ]
        )
        store.commit_dead_letters([letter("one", body=f"{{{CANARY}".encode())])
    return url


def test_the_store_s_figures_are_what_the_store_holds(
    serve: Callable[..., Served], books: str
) -> None:
    served = serve("serve-metrics", "--store", books, "--listen", "127.0.0.1:0", "--refresh", "0")
    found = served.scrape()
    assert found[key("crossfoot_store_up")] == 1
    ends = {name: found[key("crossfoot_messages", outcome=name)] for name in
            ("posted", "recorded", "pending", "dead_lettered")}  # fmt: skip
    assert ends == {"posted": 2, "recorded": 0, "pending": 1, "dead_lettered": 1}
    assert found[key("crossfoot_messages_expired")] == 1
    assert found[key("crossfoot_outbox_postings", status="pending")] == 2
    assert found[key("crossfoot_exceptions", kind="dead_letter", reason="not_json")] == 1
    assert found[key("crossfoot_exceptions", kind="expired", reason="unmatched_invoice")] == 1
    with open_store(books) as store:
        store.commit([folded([message("evt_4", "stripe:cus_4")], [entry("in_4", by="evt_4")])])
    again = served.scrape()
    assert again[key("crossfoot_messages", outcome="posted")] == 3
    waited = key("crossfoot_outbox_oldest_pending_seconds")
    assert again[waited] > found[waited] == 0
    assert served.stop() == 0


def test_a_store_that_goes_away_is_told_and_comes_back(
    serve: Callable[..., Served], books: str, tmp_path: Path
) -> None:
    served = serve("serve-metrics", "--store", books, "--listen", "127.0.0.1:0", "--refresh", "0")
    (tmp_path / "books.db").rename(tmp_path / "moved.db")
    assert served.scrape() == {key("crossfoot_store_up"): 0}
    (tmp_path / "moved.db").rename(tmp_path / "books.db")
    assert served.scrape()[key("crossfoot_messages", outcome="posted")] == 2


def test_between_two_looks_the_store_is_left_alone(
    serve: Callable[..., Served], books: str
) -> None:
    words = ("--listen", "127.0.0.1:0", "--refresh", "3600")
    served = serve("serve-metrics", "--store", books, *words)
    assert served.scrape()[key("crossfoot_messages", outcome="posted")] == 2
    with open_store(books) as store:
        store.commit([folded([message("evt_4", "stripe:cus_4")], [entry("in_4", by="evt_4")])])
    assert served.scrape()[key("crossfoot_messages", outcome="posted")] == 2


def test_a_deliverer_tells_what_it_delivered_and_that_the_erp_is_away(
    serve: Callable[..., Served], books: str, tmp_path: Path
) -> None:
    with journal_service(tmp_path) as service:
        served = serve(*following(books, tmp_path, service))
        accepted = key("crossfoot_delivered_postings_total", verdict="accepted")
        found = served.wait_for(lambda figures: figures[accepted] == 2)
        assert found[key("crossfoot_erp_breaker_open")] == 0
        service.behave(status=503)
        with open_store(books) as store:
            store.commit([folded([message("evt_4", "stripe:cus_4")], [entry("in_4", by="evt_4")])])
        found = served.wait_for(lambda figures: figures[key("crossfoot_erp_breaker_open")] == 1)
        assert found[accepted] == 2
        assert served.stop() == 0


def following(books: str, tmp_path: Path, service: JournalService) -> list[str]:
    erp = erp_files(tmp_path, service)
    words = ["deliver", "--store", books, *erp, "--tenant", TENANT, "--follow", "--every", "1"]
    return [*words, "--metrics", "127.0.0.1:0"]


def test_mistakes_are_told_before_anything_is_served(books: str, tmp_path: Path) -> None:
    wrong = crossfoot("serve-metrics", "--store", books, "--listen", "nowhere")
    assert wrong.returncode == 2 and "is no address" in wrong.stderr
    missing = crossfoot("serve-metrics", "--store", f"sqlite:///{tmp_path}/none.db")
    assert missing.returncode == 4 and "to mend" in missing.stderr
