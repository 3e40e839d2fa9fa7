"""`company.yaml`: the books configuration of the generated company."""

from __future__ import annotations

from collections.abc import Iterator

from generator.catalogue import ENTITIES
from generator.rates import RateTable, as_config


def books_yaml(rates: RateTable) -> str:
    """YAML that the product reads with `--books`: entities, notice, and the rates on file."""
    return "".join(_lines(rates))


def _lines(rates: RateTable) -> Iterator[str]:
    yield "# Books of the generated company: legal entities, links and exchange rates.\n"
    yield f"default_entity: {ENTITIES[0].code}\nentities:\n"
    for entity in ENTITIES:
        yield f"  {entity.code}:\n    functional_currency: {entity.currency}\n"
    yield "links: strict\nrenewal_notice_days: 60\nrates:\n"
    for name, rate in as_config(rates):
        yield f"  {name}: {rate}\n"
