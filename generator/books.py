"""`company.yaml`: the books configuration of the generated company."""

from __future__ import annotations

from collections.abc import Mapping

from generator.catalogue import ENTITIES


def books_yaml(further: Mapping[str, str] | None = None) -> str:
    """YAML that the product reads with `--books`: legal entities, links, renewal notice.

    `further`: functional currency by the code of entities that the catalogue does not have.
    """
    kept = {entity.code: entity.currency for entity in ENTITIES} | dict(further or {})
    entities = "".join(
        f"  {code}:\n    functional_currency: {currency}\n" for code, currency in kept.items()
    )
    return (
        "# Books of the generated company; its exchange rates are in rates.csv.\n"
        f"default_entity: {ENTITIES[0].code}\n"
        f"entities:\n{entities}"
        "links: strict\n"
        "renewal_notice_days: 60\n"
    )
