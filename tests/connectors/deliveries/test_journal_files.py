"""Delivery as files: whole or not at all, and the same bytes when a batch comes again."""

from __future__ import annotations

import json
from pathlib import Path

from connectors.deliveries import ErpAway
from connectors.deliveries.journal_files import JournalFiles
from connectors.deliveries.settings import FileSettings
from connectors.store import LedgerStore
from tests.connectors.deliveries.example_erp import Time, drainer
from tests.connectors.store.store_builders import entry, folded, message


class LosesAnswers(JournalFiles):
    """Writes, and then forgets to say so: a deliverer that dies before it records."""

    forgets = True

    def deliver(self, shipment):  # type: ignore[no-untyped-def]
        """Write the file, and lose the answer."""
        verdicts = super().deliver(shipment)
        if self.forgets:
            raise ErpAway("it died")
        return verdicts


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_a_batch_that_comes_again_gives_the_same_files(store: LedgerStore, tmp_path: Path) -> None:
    store.commit([folded([message("evt_1")], [entry(key) for key in "abc"])])
    folder = tmp_path / "out"
    files, time = LosesAnswers(FileSettings(directory=str(folder))), Time()
    drainer(store, files, time=time).drain()
    before = content(folder)
    assert len(before) == 1 and store.delivery_desk.counts().accepted == 0
    # More arrives before the next deliverer; the batch that was begun stays what it was.
    later = [entry("x", by="evt_9")]
    store.commit([folded([message("evt_9", "stripe:cus_9")], later)])
    files.forgets = False
    time.sleep(100)
    drainer(store, files, time=time).drain()
    after = content(folder)
    assert {name: after[name] for name in before} == before
    lines = [line for body in after.values() for line in body.splitlines()]
    ids = [json.loads(line)["posting_id"] for line in lines]
    assert sorted(ids) == sorted(p.posting_id for p in store.postings())


def test_a_folder_that_cannot_be_written_to_is_an_erp_that_is_away(
    store: LedgerStore, tmp_path: Path
) -> None:
    store.commit([folded([message("evt_1")], [entry("a")])])
    in_the_way = tmp_path / "out"
    in_the_way.write_text("a file, not a folder")
    files = JournalFiles(FileSettings(directory=str(in_the_way)))
    assert "cannot be written" in str(drainer(store, files).drain().away)
    in_the_way.unlink()
    assert drainer(store, files).drain().accepted == 1
