"""What an adapter says that it produces is what its code makes."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from connectors.ledger_versions import EVENT_TYPES
from connectors.providers.contracts import MAPPINGS, SALESFORCE, STRIPE, MappingContract
from connectors.providers.salesforce import field_names
from connectors.providers.stripe.event_types import MAPPINGS as STRIPE_TYPES
from connectors.providers.stripe.versions import NEWEST, OLDEST, is_accepted
from schemas.registry import load_registry

ROOT = Path(__file__).parents[2]


def made_by(package: str) -> set[str]:
    """Subjects whose structs the package's code names."""
    subject_of = {kind.__name__: subject for subject, kind in EVENT_TYPES.items()}
    named: set[str] = set()
    for path in (ROOT / package.replace(".", "/")).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Name):
                named |= {node.id} & subject_of.keys()
    return {subject_of[name] for name in named}


@pytest.mark.parametrize("mapping", MAPPINGS, ids=lambda mapping: mapping.name)
def test_an_adapter_produces_what_it_says(mapping: MappingContract) -> None:
    assert set(mapping.produces) == made_by(mapping.package)
    assert list(mapping.produces) == sorted(mapping.produces)


def test_every_adapter_has_its_contract() -> None:
    folders = [p.name for p in (ROOT / "connectors" / "providers").iterdir() if p.is_dir()]
    assert {mapping.name for mapping in MAPPINGS} == set(folders) - {"__pycache__"}


@pytest.mark.parametrize("mapping", MAPPINGS, ids=lambda mapping: mapping.name)
def test_what_it_produces_has_not_ended(mapping: MappingContract) -> None:
    registry = load_registry()
    for label in mapping.versions(registry):
        subject, _, number = label.rpartition("@")
        assert registry.subject(subject).about.state == "active"
        assert int(number) == registry.latest(subject).number


def test_stripe_s_versions_and_types_are_those_that_the_decoder_uses() -> None:
    assert str(OLDEST) in STRIPE.accepts and str(NEWEST) in STRIPE.accepts
    assert is_accepted(str(OLDEST)) and is_accepted(str(NEWEST))
    assert set(STRIPE.reads) == set(STRIPE_TYPES)


def test_salesforce_s_objects_are_those_that_the_adapter_knows() -> None:
    text = Path(field_names.__file__).read_text()
    assert all(f'"{name}"' in text for name in SALESFORCE.reads)
