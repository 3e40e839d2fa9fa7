"""Options of order_to_cash: described, typed, checked together before anything starts."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

MICROS_PER_SECOND = 1_000_000

Options = TypeVar("Options", bound="JobOptions")


class InvalidOptions(Exception):
    """Some options are wrong; `problems` names each with how to mend it."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class JobOptions(BaseModel):
    """What every job on the books needs to know. Read from the command line or built in code."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    store: Annotated[
        str | None,
        Field(description="Ledger store URL: sqlite:///books.db or postgresql+psycopg://…"),
    ] = None
    store_wait_seconds: Annotated[
        int,
        Field(
            description="How long workers wait for a store that is away, before they give up.",
            ge=1,
            le=604_800,
        ),
    ] = 3600
    output: Annotated[
        Path | None,
        Field(description="Folder for ERP postings, lifecycle updates and dead letters as files."),
    ] = None
    policy: Annotated[
        str, Field(description="Policy pack: stripe-contra, receivable, or a YAML file.")
    ] = "stripe-contra"
    books: Annotated[
        Path | None, Field(description="Books configuration (YAML): entities, deadlines, links.")
    ] = None
    rates: Annotated[
        Path | None, Field(description="Exchange rates (CSV): date,base,quote,rate,source.")
    ] = None
    schema_registry: Annotated[
        str | None,
        Field(
            description="Registry whose ids messages carry, NAME or NAME=URL; with a URL, ids that "
            "the lock does not know are asked for there.",
            pattern=r"^[A-Za-z0-9_.-]+(=https?://\S+)?$",
        ),
    ] = None
    schema_ids: Annotated[
        Path | None, Field(description="File in which ids that had to be asked for are recorded.")
    ] = None
    mapping: Annotated[
        Path | None, Field(description="GL mapping (YAML): which account a line goes to.")
    ] = None
    as_of: Annotated[
        datetime, Field(description="Recognise and judge deadlines up to here (exclusive, UTC).")
    ]
    tenant: Annotated[str, Field(description="Whose books.", min_length=1)] = "default"
    adjustment: Annotated[
        str | None,
        Field(description="Approved adjustment: its soft-closed period takes this run's postings."),
    ] = None
    otlp: Annotated[
        str | None,
        Field(
            description="Base URL of an OTLP/HTTP receiver of spans; the standard OTEL_* variables "
            "count without it.",
            pattern=r"^https?://\S+$",
        ),
    ] = None

    @field_validator("as_of")
    @classmethod
    def _as_of_is_aware(cls, value: datetime) -> datetime:
        if value.tzinfo is None:
            raise ValueError("give a time zone, e.g. 2026-02-01T00:00:00+00:00")
        return value.astimezone(UTC)

    @model_validator(mode="after")
    def _has_somewhere_to_write(self) -> JobOptions:
        if self.store is None and self.output is None:
            raise ValueError("give --store URL, --output DIR, or both")
        return self

    @model_validator(mode="after")
    def _records_what_it_asks_for(self) -> JobOptions:
        if self.schema_ids is not None and self.schema_registry is None:
            raise ValueError("--schema-ids needs --schema-registry")
        return self

    @property
    def as_of_micros(self) -> int:
        """The as-of time in microseconds since the epoch, UTC."""
        return int(self.as_of.timestamp()) * MICROS_PER_SECOND


class OrderToCashOptions(JobOptions):
    """What a bounded run of order_to_cash needs to know."""

    input: Annotated[
        tuple[str, ...],
        Field(description="Files or patterns of events: JSON lines (plain or gzip), Avro files."),
    ]
    shards: Annotated[
        int, Field(description="Groups of parties; more for more workers.", ge=1, le=4096)
    ] = 16
    block_bytes: Annotated[
        int, Field(description="Bytes of input per element.", ge=64 * 1024, le=256 * 1024 * 1024)
    ] = 4 * 1024 * 1024


def end_of_day(day: date) -> datetime:
    """Return the instant at which `day` is over in UTC; an as-of date means this."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return midnight + timedelta(days=1)


def check_options(**values: object) -> OrderToCashOptions:
    """Build the options of a bounded run; raises InvalidOptions."""
    return checked(OrderToCashOptions, values)


def checked(kind: type[Options], values: dict[str, object]) -> Options:
    """Build options; raises InvalidOptions that names every mistake at once."""
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise InvalidOptions([_problem(item) for item in error.errors()]) from error


def _problem(item: object) -> str:
    location = ".".join(str(part) for part in item["loc"])  # type: ignore[index]
    message = item["msg"].removeprefix("Value error, ")  # type: ignore[index]
    return f"--{location.replace('_', '-')}: {message}" if location else message
