"""Python and the packages this program was tested with, as its own metadata names them."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution, version

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from runners.doctor.findings import Finding, ok, problem

NAME = "crossfoot"
_FOR_DEVELOPMENT = "dev"


def needed_extras(store: str | None, topics: Iterable[str | None], runner: str) -> frozenset[str]:
    """Which extras a job with this store URL, sources or targets, and engine cannot do without."""
    needed = set()
    if store is not None and store.startswith("postgres"):
        needed.add("postgres")
    if any(name is not None and name.startswith("kafka:") for name in topics):
        needed.add("kafka")
    if runner == "dataflow":
        needed.add("dataflow")
    return frozenset(needed)


def look_at_packages(needed: Iterable[str], installed: Distribution | None = None) -> list[Finding]:
    """Compare what is installed with what the program's metadata requires."""
    if installed is None:
        try:
            installed = distribution(NAME)
        except PackageNotFoundError:
            mend = "install it: `pip install .` in its folder, or `make demo`"
            return [problem("packages", "crossfoot runs from a folder, not installed", mend)]
    required = [Requirement(line) for line in installed.requires or ()]
    extras = list(installed.metadata.get_all("Provides-Extra") or ())
    return [
        _python(SpecifierSet(",".join(installed.metadata.get_all("Requires-Python") or ()))),
        _base(required),
        *_extras(required, [name for name in extras if name != _FOR_DEVELOPMENT], set(needed)),
    ]


def _python(wanted: SpecifierSet) -> Finding:
    running = platform.python_version()
    if running not in wanted:
        return problem("python", f"Python {running}; {wanted} is needed", "use a newer Python")
    return ok("python", f"Python {running}")


def _base(required: list[Requirement]) -> Finding:
    wrong = _wrong(required, "")
    if wrong:
        mend = "`pip install -r requirements.lock` installs the versions that were tested"
        return problem("packages", "; ".join(wrong), mend)
    return ok("packages", f"as required, with Beam {_version_of('apache-beam')}")


def _extras(required: list[Requirement], extras: list[str], needed: set[str]) -> Iterator[Finding]:
    wrong = {extra: _wrong(required, extra) for extra in extras}
    for extra in sorted(needed):
        told = wrong.get(extra, ["unknown to this version"])
        if told:
            mend = f"pip install '{NAME}[{extra}]'"
            yield problem(f"extra {extra}", "; ".join(told), mend)
    there = sorted(extra for extra, told in wrong.items() if not told)
    absent = sorted(extra for extra, told in wrong.items() if told and extra not in needed)
    words = f"installed: {', '.join(there) or 'none'}"
    yield ok("extras", f"{words}; not needed: {', '.join(absent)}" if absent else words)


def _wrong(required: list[Requirement], extra: str) -> list[str]:
    """What of the base (extra "") or of an extra alone is missing or of another version."""
    told = []
    for one in required:
        in_base = one.marker is None or one.marker.evaluate({"extra": ""})
        if extra and (in_base or not one.marker or not one.marker.evaluate({"extra": extra})):
            continue
        if not extra and not in_base:
            continue
        found = _version_of(one.name)
        if found is None:
            told.append(f"{one.name} is not installed")
        elif not one.specifier.contains(found, prereleases=True):
            told.append(f"{one.name} {found} is installed, {one.specifier} is needed")
        else:
            told += _inner_extras(one)
    return told


def _inner_extras(required: Requirement) -> list[str]:
    """What `package[extra]` lacks of the other package's extra."""
    inner = [Requirement(line) for line in distribution(required.name).requires or ()]
    return [told for extra in sorted(required.extras) for told in _wrong(inner, extra)]


def _version_of(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def beam_version() -> str:
    """Version of the Beam SDK, without importing it. Raises PackageNotFoundError."""
    return version("apache-beam")
