"""What a registry with Confluent's API needs in order to hold our versions, and doing it.

Shared types become subjects of their own, by their full names, and schemas refer to them. Every
subject gets the mode that it has here before its first version, so that the registry itself
refuses what breaks it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from connectors.registries.asking import RegistryRefused
from connectors.registries.confluent import ConfluentRegistry, Reference, Registered
from connectors.registries.steps import Action, Step, locked_versions
from schemas.lock import Lock
from schemas.parting import Part, parts_of
from schemas.registry import Registry, Subject
from schemas.versions import SubjectVersion


class ConfluentSteps:
    """Goes over subjects and versions in order; changes the registry only when `applying`."""

    def __init__(
        self,
        registry: Registry,
        outer: ConfluentRegistry,
        *,
        naming: str,
        shared_namespace: str,
        applying: bool,
    ) -> None:
        """`naming`: the subject's name there, with `{subject}` in it."""
        self._registry = registry
        self._outer = outer
        self._naming = naming
        self._shared = shared_namespace
        self._applying = applying
        self._placed: dict[tuple[str, str], int | None] = {}
        """Shared type and its whole text -> version there; None while it is only planned."""
        self._begun: set[str] = set()
        """Names there whose mode has been looked at."""

    def steps(self, subjects: Iterable[Subject], lock: Lock) -> Iterator[Step]:
        """Yield what is done, or would be. Raises RegistryUnreachable."""
        for subject in subjects:
            yield from self._subject(subject, list(locked_versions(subject, lock)))

    def _subject(self, subject: Subject, versions: Sequence[SubjectVersion]) -> Iterator[Step]:
        if not versions:
            return
        name = self._naming.replace("{subject}", subject.name)
        there = set(self._outer.versions(name))
        yield from self._mode(subject.name, name, subject.compatibility)
        for version in versions:
            *shared, top = parts_of(version.schema, self._shared)
            refused = False
            for part in shared:
                for step in self._place(part, subject.compatibility):
                    yield step
                    refused = refused or step.action is Action.REFUSED
            if refused:
                yield _step(
                    Action.REFUSED, version, name, "waits for a shared type that was refused"
                )
                return
            step = self._version(version, name, top, bool(there))
            yield step
            if step.action is Action.REFUSED:
                return
            there.discard(self._number(step, name, top))
        for number in sorted(there):
            what = f"version {number} there is none of ours"
            yield Step(
                action=Action.LEAVE, subject=subject.name, version=None, name=name, what=what
            )

    def _number(self, step: Step, name: str, top: Part) -> int:
        """The number that a kept or registered version has there; 0 while it is only planned."""
        references = self._references(top)
        if step.id is None or references is None:
            return 0
        found = self._outer.registered(name, top.schema, references)
        return found.version if found is not None else 0

    def _mode(self, subject: str, name: str, mode: str) -> Iterator[Step]:
        if name in self._begun:
            return
        self._begun.add(name)
        now = self._outer.compatibility(name)
        if now == mode:
            return
        what = f"compatibility {now or 'of the registry'} -> {mode}"
        if self._applying:
            self._outer.set_compatibility(name, mode)
        yield Step(
            action=Action.SET_COMPATIBILITY, subject=subject, version=None, name=name, what=what
        )

    def _place(self, part: Part, mode: str) -> Iterator[Step]:
        """Register a shared type under its full name, once for each form that it has."""
        key = (part.name, repr(part.inlined))
        if key in self._placed:
            self._placed[part.name, ""] = self._placed[key]
            return
        yield from self._mode(part.name, part.name, mode)
        done, what, registered = self._put(part.name, part)
        self._placed[key] = registered.version if registered is not None else None
        self._placed[part.name, ""] = self._placed[key]
        yield Step(action=done, subject=part.name, version=None, name=part.name, what=what)

    def _version(self, version: SubjectVersion, name: str, top: Part, exists: bool) -> Step:
        done, what, registered = self._put(name, top, exists)
        schema_id = registered.schema_id if registered is not None else None
        return _step(done, version, name, what, schema_id)

    def _references(self, part: Part) -> list[Reference] | None:
        """Where the types it uses are; None while one of them is only planned."""
        references = []
        for used in part.uses:
            number = self._placed.get((used, ""))
            if number is None:
                return None
            references.append(Reference(used, used, number))
        return references

    def _put(
        self, name: str, part: Part, exists: bool = True
    ) -> tuple[Action, str, Registered | None]:
        """Find, and when applying register, one schema: what was done, and where it is now."""
        references = self._references(part)
        if references is None:
            return Action.REGISTER, "new, with the shared types that it refers to", None
        found = self._outer.registered(name, part.schema, references)
        if found is not None:
            return Action.KEEP, f"is version {found.version} there", found
        try:
            if not self._applying:
                if exists and not self._outer.accepts(name, part.schema, references):
                    return Action.REFUSED, "the registry calls it incompatible", None
                return Action.REGISTER, "new", None
            made = self._outer.register(name, part.schema, references)
        except RegistryRefused as refused:
            if not self._applying and not self._outer.versions(name):
                return Action.REGISTER, "new", None
            return Action.REFUSED, str(refused), None
        return Action.REGISTER, f"is now version {made.version} there", made


def _step(
    action: Action, version: SubjectVersion, name: str, what: str, id_: int | None = None
) -> Step:
    return Step(
        action=action,
        subject=version.subject,
        version=version.number,
        name=name,
        what=what,
        id=id_,
    )
