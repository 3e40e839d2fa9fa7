"""Reads GL mappings from YAML; whatever is wrong in a file is reported together.

The fields of the file are the models below; docs/gl-mapping.md explains them to controllers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)

from connectors.chart_files import ChartAccount, ChartError, load_chart
from connectors.policy_packs import ConfigurationError
from connectors.strict_yaml import read_yaml
from ledger.accounts import AccountRole
from ledger.gl_mapping import GlMapping, GlRow, MappedAccount, find_ties
from ledger.money import is_currency


class InvalidMapping(ConfigurationError):
    """A mapping that cannot be used; `problems` are all there are, each with its place."""

    def __init__(self, where: str, problems: list[str]) -> None:
        super().__init__(f"{where}: " + "; ".join(problems))
        self.problems = problems


def _is_day(text: str) -> str:
    try:
        if date.fromisoformat(text).isoformat() == text:
            return text
    except ValueError:
        pass
    raise ValueError(f"{text!r} is no day; write 2026-01-31")


def _is_known_currency(text: str) -> str:
    if is_currency(text):
        return text
    raise ValueError(f"{text!r} is no ISO 4217 currency")


def _is_name(text: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", text):
        return text
    raise ValueError(f"{text!r} is no name; use letters, digits, dots, dashes")


_Model = TypeVar("_Model", bound=BaseModel)

Word = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=255)]
Day = Annotated[str, AfterValidator(_is_day)]
Currency = Annotated[str, AfterValidator(_is_known_currency)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TargetModel(_Strict):
    """Where lines go, in the ERP's codes."""

    account: Annotated[Word, Field(description="GL account.")]
    department: Annotated[Word | None, Field(description="Where the ERP wants one.")] = None
    gl_class: Annotated[Word | None, Field(alias="class", description="Classification.")] = None

    def target(self) -> MappedAccount:
        """As the ledger has it."""
        return MappedAccount(self.account, self.department, self.gl_class)


class RowModel(TargetModel):
    """One row; what it leaves out matches everything."""

    role: Annotated[AccountRole, Field(description="Account role of the lines.")]
    family: Annotated[Word | None, Field(description="Product family.")] = None
    region: Annotated[Word | None, Field(description="Region.")] = None
    entity: Annotated[Word | None, Field(description="Legal entity.")] = None
    currency: Annotated[Currency | None, Field(description="Transaction currency.")] = None
    valid_from: Annotated[Day | None, Field(alias="from", description="First day.")] = None
    valid_to: Annotated[Day | None, Field(alias="to", description="Last day, inclusive.")] = None

    def row(self, number: int) -> GlRow:
        """As the ledger has it."""
        return GlRow(
            number=number,
            role=self.role,
            product_family=self.family,
            region=self.region,
            entity=self.entity,
            currency=self.currency,
            valid_from=self.valid_from,
            valid_to=self.valid_to,
            target=self.target(),
        )


class FileModel(_Strict):
    """The file but for its rows and defaults, which are read one by one."""

    name: Annotated[Word, AfterValidator(_is_name)]
    version: Annotated[int, Field(ge=1)]
    description: str = ""
    chart: Annotated[Word | None, Field(description="CSV of the ERP's accounts.")] = None
    product_families: dict[Word, Word] = {}
    entity_regions: dict[Word, Word] = {}


class MappingFile(BaseModel):
    """A mapping as it was read, with the chart it names."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    mapping: GlMapping
    chart: dict[str, ChartAccount] | None
    """By account code; None when the file names no chart."""


def load_gl_mapping(path: str) -> GlMapping:
    """Read a mapping. Raises InvalidMapping with every mistake in the file."""
    return load_mapping_file(path).mapping


def load_mapping_file(path: str) -> MappingFile:
    """Read a mapping and its chart. Raises InvalidMapping with every mistake in the file."""
    content = _content(path)
    problems: list[str] = []
    rows = [*_defaults(content.pop("defaults", None), problems)]
    rows += _rows(content.pop("rows", None), problems)
    head = _checked(FileModel, content, "", problems)
    problems += [str(tie) for tie in find_ties(rows)]
    chart = _chart(path, content.get("chart"), problems)
    if chart is not None:
        problems += _not_in_chart(rows, chart)
    if head is not None and not rows and not problems:
        problems.append("neither defaults nor rows: nothing would be mapped")
    if head is None or problems:
        raise InvalidMapping(path, problems)
    mapping = GlMapping(
        head.name,
        head.version,
        rows,
        description=head.description,
        product_families=head.product_families,
        entity_regions=head.entity_regions,
    )
    return MappingFile(mapping=mapping, chart=chart)


def _content(path: str) -> dict[str, Any]:
    try:
        content = read_yaml(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError as problem:
        raise InvalidMapping(path, ["there is no such file"]) from problem
    except (OSError, UnicodeDecodeError) as problem:
        raise InvalidMapping(path, [f"cannot be read: {problem}"]) from problem
    except yaml.YAMLError as problem:
        raise InvalidMapping(path, [f"not YAML: {' '.join(str(problem).split())}"]) from problem
    if not isinstance(content, dict):
        raise InvalidMapping(path, ["not a mapping: it begins with `name:` and `version:`"])
    return content


def _defaults(content: Any, problems: list[str]) -> Iterator[GlRow]:
    """Rows that name nothing but a role: `revenue: "4000"`, or with department and class."""
    if content is None:
        return
    if not isinstance(content, dict):
        problems.append("defaults: not a table of role and account")
        return
    for role, target in content.items():
        fields = target if isinstance(target, dict) else {"account": target}
        model = _checked(RowModel, {**fields, "role": role}, f"defaults.{role}", problems)
        if model is not None:
            row = model.row(0)
            if row.specificity or row.valid_from or row.valid_to:
                problems.append(f"defaults.{role}: names more than a role; make it one of the rows")
            else:
                yield row


def _rows(content: Any, problems: list[str]) -> Iterator[GlRow]:
    if content is None:
        return
    if not isinstance(content, list):
        problems.append("rows: not a list")
        return
    for number, fields in enumerate(content, 1):
        model = _checked(RowModel, fields, f"row {number}", problems)
        if model is not None:
            row = model.row(number)
            if row.days[0] > row.days[1]:
                problems.append(f"row {number}: to {row.days[1]} is before from {row.days[0]}")
            else:
                yield row


def _checked(wanted: type[_Model], content: Any, where: str, problems: list[str]) -> _Model | None:
    try:
        return wanted.model_validate(content)
    except ValidationError as error:
        problems += [_problem(where, item) for item in error.errors()]
        return None


def _problem(where: str, item: Any) -> str:
    place = ".".join(str(part) for part in (where, *item["loc"]) if part != "")
    if item["type"] == "extra_forbidden":
        return f"{place}: there is no such field"
    if item["type"] == "missing":
        return f"{place}: is missing"
    if item["type"] == "string_too_short":
        return f"{place}: is empty; leave it out to match anything"
    if item["type"] == "enum" and item["loc"][-1:] == ("role",):
        close = get_close_matches(str(item["input"]), list(AccountRole), n=1)
        meant = f"; {close[0]!s}?" if close else ""
        return f"{place}: {item['input']!r} is no account role{meant}"
    return f"{place}: {item['msg'].removeprefix('Value error, ')}"


def _chart(path: str, chart: Any, problems: list[str]) -> dict[str, ChartAccount] | None:
    if not isinstance(chart, str):
        return None
    try:
        return load_chart(str(Path(path).parent / chart))
    except ChartError as error:
        problems += [f"chart: {problem}" for problem in error.problems]
        return None


def _not_in_chart(rows: list[GlRow], chart: dict[str, ChartAccount]) -> Iterator[str]:
    for row in rows:
        if row.target.account not in chart:
            yield f"{row}: account {row.target.account} is not in the chart"
