"""What there is and what depends on it: sources, subjects, mappings, policies, processes and jobs.

What can be read from the code is read from it: a process reads the subjects whose structs its
modules name. Pure but for reading the packages' own files.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.resources import files
from typing import Any, Literal

import msgspec

from connectors.ledger_versions import EVENT_TYPES
from connectors.policy_packs import load_policy_pack, pack_names
from connectors.providers.contracts import MAPPINGS
from schemas.registry import Registry

Kind = Literal["source", "subject", "mapping", "policy", "process", "pipeline", "consumer"]
KINDS: tuple[Kind, ...] = (
    "source", "subject", "mapping", "policy", "process", "pipeline", "consumer",
)  # fmt: skip


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One thing; the JSON output."""

    kind: Kind
    name: str
    owner: str
    version: str
    """Its own words: `v2` of a subject, `stripe-contra@1`, accepted API versions; `-` if none."""
    about: str
    needs: tuple[str, ...]
    """`<kind>:<name>` of what it depends on, sorted."""

    @property
    def key(self) -> str:
        """`<kind>:<name>`."""
        return f"{self.kind}:{self.name}"


PROCESSES: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "identity": (
        "ledger", "Whose each event is: customers, contracts, legal entities",
        ("correlation.py", "correlation_index.py", "places.py", "legal_entities.py",
         "ownership.py"),
    ),
    "contracts": (
        "crm", "What was sold: contracts out of CRM records, amendments, renewals",
        ("crm_events.py", "crm_records.py", "crm_contracts.py", "renewals.py"),
    ),
    "posting": (
        "finance", "Journal entries: invoices, payments, adjustments, recognition",
        ("accounting",),
    ),
    "lifecycle": (
        "customer_success", "What other teams' systems must know or do",
        ("lifecycle.py", "contract_facts.py"),
    ),
}  # fmt: skip
"""Process -> (owner, what it does, modules of `ledger` that do it)."""

GIVES = {"posting": "erp.posting", "lifecycle": "lifecycle.update"}
"""Process -> the subject of what it gives."""
_JOB = re.compile(r"([a-z_]+)(, (un)?bounded)?: (.+)")


def catalog(registry: Registry) -> list[Item]:
    """Everything there is, by kind and name."""
    items = [*_subjects(registry), *_mappings(registry), *_policies(), *_processes(registry)]
    items += _pipelines([item.key for item in items if item.kind in ("mapping", "process")])
    items += _sources(registry, items)
    items += _consumers(registry)
    return sorted(items, key=lambda item: (KINDS.index(item.kind), item.name))


def impact(items: Iterable[Item], key: str) -> list[Item]:
    """What a change of `<kind>:<name>` reaches, near things first; KeyError for an unknown one."""
    by_key = {item.key: item for item in items}
    if key not in by_key:
        raise KeyError(key)
    found: dict[str, Item] = {}
    edge = [key]
    while edge:
        reached = {
            item.key: item
            for item in by_key.values()
            if set(edge) & set(item.needs) and item.key not in found and item.key != key
        }
        found |= dict(sorted(reached.items()))
        edge = list(reached)
    return list(found.values())


def _subjects(registry: Registry) -> Iterator[Item]:
    produced = {subject: process for process, subject in GIVES.items()}
    for name, subject in sorted(registry.subjects.items()):
        makers = {f"mapping:{m.name}" for m in MAPPINGS if name in m.produces}
        if name in produced:
            makers.add(f"process:{produced[name]}")
        about = subject.about
        state = "" if about.state == "active" else f", {about.state}"
        yield Item(
            kind="subject",
            name=name,
            owner=about.owner,
            version=f"v{subject.latest.number}{state}",
            about=" ".join(about.purpose.split()),
            needs=tuple(sorted(makers)),
        )


def _mappings(registry: Registry) -> Iterator[Item]:
    for mapping in MAPPINGS:
        produced = ", ".join(v for v in mapping.versions(registry) if not v.endswith("@1"))
        newer = f"; newer than v1: {produced}" if produced else ""
        yield Item(
            kind="mapping",
            name=mapping.name,
            owner=mapping.owner,
            version=mapping.accepts,
            about=f"{len(mapping.reads)} types become {len(mapping.produces)} subjects{newer}",
            needs=(f"source:{mapping.source}",),
        )


def _policies() -> Iterator[Item]:
    for name in pack_names():
        pack = load_policy_pack(name)
        yield Item(
            kind="policy", name=name, owner="finance", version=pack.label,
            about=" ".join(pack.description.split()), needs=(),
        )  # fmt: skip


def _processes(registry: Registry) -> Iterator[Item]:
    for name, (owner, about, modules) in PROCESSES.items():
        reads = [f"subject:{s}" for s in subjects_named_in(modules) if s in registry.subjects]
        policies = [f"policy:{pack}" for pack in pack_names()] if name == "posting" else []
        yield Item(
            kind="process", name=name, owner=owner, version="-", about=about,
            needs=tuple(sorted([*reads, *policies])),
        )  # fmt: skip


def _pipelines(needs: list[str]) -> Iterator[Item]:
    for stem, about in jobs().items():
        yield Item(
            kind="pipeline", name=stem, owner="pipelines", version="-", about=about,
            needs=tuple(sorted(needs)),
        )  # fmt: skip


def _sources(registry: Registry, items: list[Item]) -> Iterator[Item]:
    """Systems that publish: those of mappings, and the owners of subjects no mapping makes."""
    made = {subject for mapping in MAPPINGS for subject in mapping.produces} | set(GIVES.values())
    for mapping in MAPPINGS:
        yield Item(
            kind="source", name=mapping.source, owner=mapping.owner, version="-",
            about=f"publishes {', '.join(mapping.reads[:5])}…", needs=(),
        )  # fmt: skip
    direct = sorted(set(registry.subjects) - made - {"ops.dead_letter"})
    yield Item(
        kind="source", name="canonical", owner="-", version="-",
        about=f"producers of canonical events; only they send {', '.join(direct)}", needs=(),
    )  # fmt: skip


def _consumers(registry: Registry) -> Iterator[Item]:
    """Who reads what, by subject.yaml; the ledger's processes are listed themselves."""
    reads: dict[str, set[str]] = {}
    for name, subject in registry.subjects.items():
        for consumer in subject.about.consumers:
            if consumer != "ledger":
                reads.setdefault(consumer, set()).add(f"subject:{name}")
    for consumer, subjects in sorted(reads.items()):
        yield Item(
            kind="consumer", name=consumer, owner=consumer, version="-",
            about="reads what is published", needs=tuple(sorted(subjects)),
        )  # fmt: skip


# --- what the code says ------------------------------------------------------------------


@cache
def subjects_named_in(modules: tuple[str, ...]) -> tuple[str, ...]:
    """Subjects whose structs these files or folders of `ledger` name, sorted."""
    subject_of = {kind.__name__: subject for subject, kind in EVENT_TYPES.items()}
    named: set[str] = set()
    for module in modules:
        for tree in _trees(files("ledger") / module):
            nodes = list(ast.walk(tree))
            named |= {node.id for node in nodes if isinstance(node, ast.Name)}
            named |= {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    return tuple(sorted(subject_of[name] for name in named & subject_of.keys()))


def _trees(place: Any) -> Iterator[ast.Module]:
    if place.is_dir():
        for entry in sorted(place.iterdir(), key=lambda entry: entry.name):
            if entry.name.endswith(".py") or entry.is_dir():
                yield from _trees(entry)
    elif place.name.endswith(".py"):
        yield ast.parse(place.read_text(encoding="utf-8"))


@cache
def jobs() -> dict[str, str]:
    """Pipelines: modules of this package whose first line is `<job>: what it does`."""
    found = {}
    for entry in sorted(files("pipelines").iterdir(), key=lambda entry: entry.name):
        if entry.name.endswith(".py"):
            text = ast.get_docstring(ast.parse(entry.read_text(encoding="utf-8"))) or ""
            stem = entry.name.removesuffix(".py")
            told = _JOB.match(text.splitlines()[0]) if text else None
            if told is not None and stem.startswith(told[1]):
                found[stem] = told[4]
    return found
