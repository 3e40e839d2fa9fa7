"""Variants of a policy pack for a preview: `--set granularity=day` without writing a file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args, get_origin, get_type_hints

import msgspec

from ledger.policies import PolicyPack
from runners.problems import Problem

_FIXED = frozenset({"name", "version", "description", "variant"})

CHOICES = tuple(name for name in PolicyPack.__struct_fields__ if name not in _FIXED)
"""Names of what a pack decides."""


def policy_variant(pack: PolicyPack, settings: Sequence[str]) -> PolicyPack:
    """Return `pack` with `settings` (`field=value`) applied and named in its label.

    Raises Problem that names every mistake in `settings` at once.
    """
    values = dict(setting.partition("=")[::2] for setting in settings)
    mistakes = [text for name, value in values.items() for text in _mistakes(pack, name, value)]
    if mistakes:
        raise Problem("--set: " + "; ".join(mistakes), "write --set FIELD=VALUE, as told above")
    differing = {name: value for name, value in values.items() if str(getattr(pack, name)) != value}
    if not differing:
        return pack
    variant = ",".join(f"{name}={differing[name]}" for name in sorted(differing))
    return _with_values(pack, {**differing, "variant": variant})


def _mistakes(pack: PolicyPack, name: str, value: str) -> list[str]:
    if name not in CHOICES:
        return [f"{name!r} is not a choice of a policy pack (they are: {', '.join(CHOICES)})"]
    try:
        _with_values(pack, {name: value})
    except msgspec.ValidationError as error:
        return [f"{name}={value!r}: {_reason(error, name)}"]
    return []


def _with_values(pack: PolicyPack, values: dict[str, str]) -> PolicyPack:
    # strict=False reads the digits of a command line as the numbers they are.
    return msgspec.convert({**msgspec.structs.asdict(pack), **values}, PolicyPack, strict=False)


def _reason(error: msgspec.ValidationError, name: str) -> str:
    hint = get_type_hints(PolicyPack)[name]
    if get_origin(hint) is Literal:
        return f"must be one of {', '.join(get_args(hint))}"
    return str(error).partition(" - ")[0]
