"""Exports are what the published JSON schemas of their standards accept, and say what we say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from schemas import forms
from schemas.exports import asyncapi, odcs
from schemas.registry import Registry, load_registry
from tests.schemas.registry_copies import VOIDED, set_about, two_versions

STANDARDS = Path(__file__).parent / "standards"
SUBJECTS = sorted(load_registry().subjects)


def standard(name: str) -> Any:
    return json.loads((STANDARDS / name).read_text())


def validator(name: str) -> Any:
    schema = standard(name)
    return jsonschema.validators.validator_for(schema)(schema)


ASYNCAPI = validator("asyncapi-3.0.0.json")
ODCS = validator("odcs-3.json")


def test_the_whole_registry_is_an_asyncapi_document(registry: Registry) -> None:
    subjects = [registry.subjects[name] for name in SUBJECTS]
    document = asyncapi(subjects, "Crossfoot", "0.1.0")
    ASYNCAPI.validate(json.loads(json.dumps(document)))
    assert list(document["channels"]) == SUBJECTS
    for name in SUBJECTS:
        for version in registry.subject(name).versions:
            message = document["components"]["messages"][f"{name}.v{version.number}"]
            assert forms.inline(message["payload"]["schema"], {}) == version.schema
        channel = document["channels"][name]["messages"].values()
        for reference in channel:
            key = reference["$ref"].rpartition("/")[2]
            assert key in document["components"]["messages"]


def test_the_validators_refuse_what_is_wrong(registry: Registry) -> None:
    document = asyncapi([registry.subject(VOIDED)], "Crossfoot", "0.1.0")
    document["channels"][VOIDED]["messages"] = ["x"]
    assert not ASYNCAPI.is_valid(document)
    contract = odcs(registry.subject(VOIDED))
    assert not ODCS.is_valid({**contract, "schema": [{"properties": "x"}]})


@pytest.mark.parametrize("name", SUBJECTS)
def test_every_subject_is_a_data_contract(name: str, registry: Registry) -> None:
    contract = odcs(registry.subject(name))
    ODCS.validate(json.loads(json.dumps(contract)))
    (table,) = contract["schema"]
    fields = [field["name"] for field in registry.latest(name).schema["fields"]]
    assert [p["name"] for p in table["properties"]] == fields
    keys = {p["name"] for p in table["properties"] if p["primaryKey"]}
    assert keys == set(registry.subject(name).about.keys.idempotency)


def test_personal_data_and_states_are_told(tmp_path: Path) -> None:
    two_versions(tmp_path)
    set_about(tmp_path, VOIDED, state="deprecated", sunset='"2031-06-30"')
    contract = odcs(load_registry(tmp_path).subject(VOIDED))
    assert (contract["status"], contract["version"]) == ("deprecated", "2.0.0")
    assert {"property": "sunset", "value": "2031-06-30"} in contract["customProperties"]
    customer = odcs(load_registry().subject("crm.customer_account_changed"))
    marked = {p["name"] for p in customer["schema"][0]["properties"] if "classification" in p}
    assert {"name", "email"} <= marked
