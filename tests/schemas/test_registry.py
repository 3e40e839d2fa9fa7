"""The registry: what its files must say, and how versions are found."""

from __future__ import annotations

import json
import pickle
import shutil
from pathlib import Path

import pytest

from schemas.linking import field_paths, record_name
from schemas.registry import (
    PACKAGE_ROOT,
    Registry,
    RegistryError,
    UnknownSubject,
    load_registry,
)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A registry of one's own, with two subjects."""
    for name in ("registry.yaml", "common"):
        source = PACKAGE_ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / name)
    for subject in ("billing.invoice_issued", "billing.invoice_voided"):
        shutil.copytree(PACKAGE_ROOT / "subjects" / subject, tmp_path / "subjects" / subject)
    return tmp_path


def test_every_subject_says_who_owns_it_how_it_is_found_and_who_reads_it(
    registry: Registry,
) -> None:
    for subject in registry.subjects.values():
        about = subject.about
        assert about.owner and about.purpose and about.consumers, subject.name
        assert about.keys.idempotency, subject.name
        assert about.event_time.endswith("_micros"), subject.name
        assert subject.compatibility == "BACKWARD_TRANSITIVE", subject.name


def test_every_event_of_a_customer_is_found_by_customer_and_financial_ones_by_contract(
    registry: Registry,
) -> None:
    without_customer = {"payments.payout_paid", "payments.payout_failed", "ops.dead_letter"}
    for name, subject in registry.subjects.items():
        assert bool(subject.about.keys.customer) == (name not in without_customer), name
        if subject.about.service_class == "financial" and name not in without_customer:
            assert subject.about.keys.contract, name


def test_every_field_named_like_personal_data_is_tagged(registry: Registry) -> None:
    telling = {"name", "email", "street", "postal_code", "city", "tax_id", "description", "body"}
    for subject in registry.subjects.values():
        paths = field_paths(subject.latest.schema)
        named = {path for path in paths if path.rpartition(".")[2] in telling}
        assert named <= set(subject.latest.personal_data), subject.name


def test_every_subject_has_a_changelog_that_names_each_version(registry: Registry) -> None:
    for subject in registry.subjects.values():
        text = (PACKAGE_ROOT / "subjects" / subject.name / "CHANGELOG.md").read_text()
        for version in subject.versions:
            assert f"## v{version.number}\n" in text, version.label


def test_every_field_of_every_version_is_described(registry: Registry) -> None:
    for subject in registry.subjects.values():
        for version in subject.versions:
            assert version.schema["doc"], version.label
            for field in version.schema["fields"]:
                assert field.get("doc"), f"{version.label} {field['name']}"


def test_a_version_is_found_by_number_fingerprint_and_meaning(registry: Registry) -> None:
    version = registry.latest("billing.invoice_issued")
    assert registry.version("billing.invoice_issued", version.number) is version
    assert registry.version("billing.invoice_issued", 1) is not version
    assert registry.by_rabin(version.rabin) is version
    assert registry.by_wire_digest(version.wire_digest) is version


def test_fingerprints_tell_all_versions_apart(registry: Registry) -> None:
    versions = [v for subject in registry.subjects.values() for v in subject.versions]
    assert len({version.rabin for version in versions}) == len(versions)


@pytest.mark.parametrize("number", [0, -1, 2])
def test_a_version_that_is_not_there_is_unknown(registry: Registry, number: int) -> None:
    with pytest.raises(UnknownSubject, match=r"billing\.invoice_voided@"):
        registry.version("billing.invoice_voided", number)


def test_unknown_names_and_fingerprints_are_named(registry: Registry) -> None:
    with pytest.raises(UnknownSubject, match=r"no billing\.invoice_lost"):
        registry.subject("billing.invoice_lost")
    with pytest.raises(UnknownSubject, match="0000000000000000"):
        registry.by_rabin("0" * 16)


def test_a_registry_travels_to_another_process(registry: Registry) -> None:
    version = registry.latest("billing.invoice_issued")
    assert version.validate is not None and version.avro is not None and version.json is not None
    there: Registry = pickle.loads(pickle.dumps(registry))
    assert there.latest("billing.invoice_issued").sha256 == version.sha256
    assert there.latest("billing.invoice_issued").validate is not version.validate


def test_a_root_of_one_s_own_is_read(copy: Path) -> None:
    assert sorted(load_registry(copy).subjects) == [
        "billing.invoice_issued",
        "billing.invoice_voided",
    ]


def test_all_mistakes_are_reported_together(copy: Path) -> None:
    issued = copy / "subjects" / "billing.invoice_issued"
    voided = copy / "subjects" / "billing.invoice_voided"
    about = (issued / "subject.yaml").read_text()
    (issued / "subject.yaml").write_text(about.replace("lines.description", "lines.colour"))
    schema = json.loads((voided / "v1.avsc").read_text())
    schema["fields"].append({"name": "share", "type": "double"})
    schema["name"] = "Voided"
    (voided / "v1.avsc").write_text(json.dumps(schema))
    (voided / "v3.avsc").write_text("{")
    (voided / "notes.avsc").write_text("{}")
    (copy / "subjects" / "billing.empty").mkdir()
    with pytest.raises(RegistryError) as caught:
        load_registry(copy)
    text = "\n".join(caught.value.problems)
    for expected in (
        "names lines.colour, which is no field",
        "share: double cannot hold money",
        "must be named crossfoot.billing.InvoiceVoided, not crossfoot.billing.Voided",
        "v3.avsc:",
        "notes.avsc: a schema file is named v<number>.avsc",
        "billing.empty: versions must count from v1 without a gap",
        "billing.empty/subject.yaml: is missing",
    ):
        assert expected in text


def test_a_misspelt_key_of_subject_yaml_is_a_mistake(copy: Path) -> None:
    path = copy / "subjects" / "billing.invoice_voided" / "subject.yaml"
    path.write_text(path.read_text().replace("owner:", "owned_by:"))
    with pytest.raises(RegistryError, match=r"subject\.yaml: .*owne"):
        load_registry(copy)


def test_a_type_that_is_defined_nowhere_is_a_mistake(copy: Path) -> None:
    (copy / "common" / "tax_amount.avsc").unlink()
    with pytest.raises(RegistryError, match=r"refers to crossfoot\.common\.TaxAmount"):
        load_registry(copy)


def test_a_registry_without_its_settings_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match=r"registry\.yaml: is missing"):
        load_registry(tmp_path)


def test_a_later_version_may_define_a_shared_type_anew(copy: Path) -> None:
    folder = copy / "subjects" / "billing.invoice_issued"
    newest = load_registry(copy).latest("billing.invoice_issued").number
    schema = json.loads((folder / f"v{newest}.avsc").read_text())
    line = json.loads((copy / "common" / "invoice_line.avsc").read_text())
    line["fields"].append(
        {"name": "region", "type": ["null", "string"], "crossfoot": "word", "default": None}
    )
    (lines,) = (field for field in schema["fields"] if field["name"] == "lines")
    lines["type"]["items"] = line
    (folder / f"v{newest + 1}.avsc").write_text(json.dumps(schema))
    *_, first, second = load_registry(copy).subject("billing.invoice_issued").versions
    assert "lines.region" not in field_paths(first.schema)
    assert "lines.region" in field_paths(second.schema)
    assert first.sha256 == load_registry().latest("billing.invoice_issued").sha256


def test_records_are_named_after_their_subject() -> None:
    assert record_name("crossfoot", "billing.invoice_issued") == "crossfoot.billing.InvoiceIssued"
