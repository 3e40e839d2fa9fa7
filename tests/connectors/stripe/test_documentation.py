"""docs/stripe.md says what the adapter does, no less and no more."""

from __future__ import annotations

import re
from pathlib import Path

from connectors.providers.stripe.event_types import MAPPINGS
from connectors.providers.stripe.versions import NEWEST, OLDEST

DOCUMENT = (Path(__file__).parents[3] / "docs" / "stripe.md").read_text()


def test_the_table_names_every_mapped_type_once_and_no_other():
    table = DOCUMENT.split("## Types with a meaning")[1].split("Recorded without")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    named = [name for row in rows for name in re.findall(r"`([a-z_.]+)`", row)]
    assert sorted(named) == sorted(MAPPINGS)


def test_the_accepted_versions_are_those_of_the_code():
    assert f"dated {OLDEST} to {NEWEST}" in DOCUMENT
