"""Reads policy packs and the books' configuration from YAML into the ledger's structs.

The packs that come with the product are in `ledger/packs`; any other is given by its path.
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin

import msgspec
import yaml

from connectors.decoding import CompanyConfig
from connectors.providers.salesforce.field_names import KNOWN_FIELDS
from connectors.providers.salesforce.record_ids import prefixed_long_id
from ledger.money import is_currency
from ledger.policies import BooksConfig, PolicyPack

_Struct = TypeVar("_Struct", bound=msgspec.Struct)


class ConfigurationError(ValueError):
    """A configuration file that cannot be used; the text says what is wrong and where."""


class _ExactLoader(yaml.SafeLoader):
    """Reads numbers with a decimal point as Decimal, so that a rate is what was written."""


def _exact_number(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> Decimal | str:
    text = loader.construct_scalar(node)
    try:
        return Decimal(text.replace("_", ""))
    except ArithmeticError:
        return text


_BOOL = "tag:yaml.org,2002:bool"
_ExactLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in found if tag != _BOOL]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
# YAML 1.1 also reads yes, no, on and off as truth values: the country NO would be false.
_ExactLoader.add_implicit_resolver(_BOOL, re.compile(r"^(?:[Tt]rue|[Ff]alse)$"), list("tTfF"))
_ExactLoader.add_constructor("tag:yaml.org,2002:float", _exact_number)


def pack_names() -> list[str]:
    """Return the names of the packs that come with the product, sorted."""
    folder = files("ledger") / "packs"
    return sorted(
        entry.name.removesuffix(".yaml")
        for entry in folder.iterdir()
        if entry.name.endswith(".yaml")
    )


def load_policy_pack(name_or_path: str) -> PolicyPack:
    """Read a pack by its name (`stripe-contra`) or by the path of a YAML file.

    Raises ConfigurationError when there is no such pack or a setting is missing, unknown or wrong.
    """
    if name_or_path in pack_names():
        text = (files("ledger") / "packs" / f"{name_or_path}.yaml").read_text(encoding="utf-8")
        return _pack(text, name_or_path)
    path = Path(name_or_path)
    if not path.is_file():
        raise ConfigurationError(
            f"no policy pack {name_or_path!r}: give one of {', '.join(pack_names())}, "
            "or the path of a YAML file"
        )
    return _pack(_read(path), name_or_path)


def _pack(text: str, where: str) -> PolicyPack:
    """Read a pack; raises ConfigurationError with every mistake in it."""
    try:
        content: Any = yaml.load(text, Loader=_ExactLoader)
    except yaml.YAMLError as problem:
        raise ConfigurationError(f"{where}: not YAML: {problem}") from problem
    problems = pack_problems(content)
    if problems:
        raise ConfigurationError(f"{where}: " + "; ".join(problems))
    return msgspec.convert(content, PolicyPack, strict=False)


def pack_problems(content: Any) -> list[str]:
    """Return everything that is wrong with the content of a pack, field by field."""
    if not isinstance(content, dict):
        return ["not a table: it begins with `name:` and `version:`"]
    fields = {one.name: one for one in msgspec.structs.fields(PolicyPack)}
    problems = [f"{name}: there is no such choice" for name in content if name not in fields]
    for name, one in fields.items():
        if name not in content:
            if one.required:
                problems.append(f"{name}: is missing")
            continue
        try:
            msgspec.convert(content[name], one.type, strict=False)
        except msgspec.ValidationError as problem:
            problems.append(f"{name}: {_wrong(one.type, content[name], problem)}")
    return problems


def _wrong(wanted: Any, value: Any, problem: msgspec.ValidationError) -> str:
    if get_origin(wanted) is Literal:
        return f"{value!r} is none of {', '.join(get_args(wanted))}"
    return str(problem)


def load_books_config(path: str | None) -> CompanyConfig:
    """Read the books' configuration; without a path, the defaults.

    Raises ConfigurationError when the file is missing or a setting is unknown or wrong.
    """
    if path is None:
        return CompanyConfig()
    if not Path(path).is_file():
        raise ConfigurationError(f"no configuration file {path!r}")
    config = _convert(_read(Path(path)), CompanyConfig, path)
    problems = [*_currency_problems(config), *_name_problems(config)]
    if problems:
        raise ConfigurationError(f"{path}: " + "; ".join(problems))
    return msgspec.structs.replace(config, identity=_long_ids(config.identity))


def _long_ids(identity: dict[str, str]) -> dict[str, str]:
    """Decided identities by the ids that events get: record ids with their 18 characters."""
    return {prefixed_long_id(one): prefixed_long_id(other) for one, other in identity.items()}


def _name_problems(config: CompanyConfig) -> list[str]:
    """Names that would find nothing: a field the adapter does not know, a currency that is none."""
    problems = [
        f"salesforce.field_aliases.{own}: no field {known!r} is read; those read are "
        + ", ".join(KNOWN_FIELDS)
        for own, known in sorted(config.salesforce.field_aliases.items())
        if known not in KNOWN_FIELDS
    ]
    default = config.salesforce.default_currency
    if default is not None and not is_currency(default):
        problems.append(f"salesforce.default_currency: unknown currency {default!r}")
    problems += [
        f"metadata_keys.{name}: give at least one key"
        for name in config.metadata_keys.__struct_fields__
        if not getattr(config.metadata_keys, name)
    ]
    return problems


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise ConfigurationError(f"{path}: cannot be read: {problem}") from problem


def _convert(text: str, wanted: type[_Struct], where: str) -> _Struct:
    try:
        content: Any = yaml.load(text, Loader=_ExactLoader)
        return msgspec.convert(content if content is not None else {}, wanted, strict=False)
    except yaml.YAMLError as problem:
        raise ConfigurationError(f"{where}: not YAML: {problem}") from problem
    except msgspec.ValidationError as problem:
        raise ConfigurationError(f"{where}: {problem}") from problem


def _currency_problems(config: BooksConfig) -> list[str]:
    problems = [
        f"entities.{code}: unknown functional currency {entity.functional_currency!r}"
        for code, entity in sorted(config.entities.items())
        if entity.functional_currency is not None and not is_currency(entity.functional_currency)
    ]
    for key, rate in sorted(config.rates.items()):
        parts = key.split("/")
        if len(parts) != 3 or not (
            is_currency(parts[0]) and is_currency(parts[1]) and _is_date(parts[2])
        ):
            problems.append(f"rates: {key!r} is not FROM/INTO/YYYY-MM-DD")
        elif not rate.is_finite() or rate <= 0:
            problems.append(f"rates.{key}: a rate must be positive")
    return problems


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
