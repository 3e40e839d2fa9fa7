"""`company.yaml`: the books configuration of the generated company."""

from __future__ import annotations

from generator.catalogue import ENTITIES


def books_yaml() -> str:
    """YAML that the product reads with `--books`: legal entities, links, renewal notice."""
    entities = "".join(
        f"  {entity.code}:\n    functional_currency: {entity.currency}\n" for entity in ENTITIES
    )
    return (
        "# Books of the generated company; its exchange rates are in rates.csv.\n"
        f"default_entity: {ENTITIES[0].code}\n"
        f"entities:\n{entities}"
        "links: strict\n"
        "renewal_notice_days: 60\n"
    )
