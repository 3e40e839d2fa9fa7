"""One version of a subject: its schema, its identities, and what is compiled from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from schemas import forms
from schemas.avro_records import AvroCodec
from schemas.json_records import JsonReader
from schemas.lint import Limits
from schemas.rules import SchemaViolation, Violation
from schemas.shapes import RecordShape, shape_of
from schemas.validators import compile_validator

Json = Any
Validator = Callable[[Any], Violation | None]


@dataclass(frozen=True)
class SubjectVersion:
    """One version of a subject: its schema and what is compiled from it."""

    subject: str
    number: int
    schema: Json = field(repr=False)
    """Inlined: named types defined where first used, full names everywhere."""
    currencies: frozenset[str] = field(repr=False)
    limits: Limits = field(repr=False)
    personal_data: tuple[str, ...]
    """Paths of this version's fields that may carry personal data."""
    later: bool = False
    """True for a writer's version that the registry does not have; see `later_versions`."""

    @cached_property
    def label(self) -> str:
        """`<subject>@<version>`."""
        return f"{self.subject}@{self.number}"

    @cached_property
    def full_name(self) -> str:
        """Avro's full name of the record."""
        return str(self.schema["name"])

    @cached_property
    def rabin(self) -> str:
        """Avro's CRC-64 fingerprint, 16 hex digits."""
        return forms.rabin(self.schema)

    @cached_property
    def wire_digest(self) -> str:
        """SHA-256 over what the bytes mean, with logical types and scales."""
        return forms.wire_digest(self.schema)

    @cached_property
    def sha256(self) -> str:
        """SHA-256 over everything but docs: what `registry.lock` holds."""
        return forms.full_digest(self.schema, {"personal_data": sorted(self.personal_data)})

    @cached_property
    def shape(self) -> RecordShape:
        """The typed tree of the schema."""
        return shape_of(self.schema)

    @cached_property
    def validate(self) -> Validator:
        """Check a struct by attribute access: `validate(record) -> Violation | None`."""
        return compile_validator(self.shape, self.currencies, self.limits.list_items)

    @cached_property
    def validate_mapping(self) -> Validator:
        """Check a record held in mappings, as `read_json` and `decode` give it."""
        return compile_validator(self.shape, self.currencies, self.limits.list_items, mappings=True)

    @cached_property
    def avro(self) -> AvroCodec:
        """The strict Avro reader and writer of this version."""
        return AvroCodec(self.schema, self.shape)

    @cached_property
    def json(self) -> JsonReader:
        """The strict reader of JSON objects of this version."""
        return JsonReader(self.shape)

    def decode_json(self, value: bytes | Mapping[str, Any]) -> dict[str, Any]:
        """Read a JSON object (its bytes, or parsed) into a record and check every rule.

        Raises SchemaViolation with the one thing that is wrong first.
        """
        record = self.json.read(value)
        violation = self.validate_mapping(record)
        if violation is not None:
            raise SchemaViolation.of(violation)
        return record

    def encode(self, record: Any) -> bytes:
        """Write a record (struct or dict) as one Avro datum, after checking every rule.

        Raises SchemaViolation: nothing invalid is ever written.
        """
        check = self.validate_mapping if isinstance(record, dict) else self.validate
        violation = check(record)
        if violation is not None:
            raise SchemaViolation.of(violation)
        return self.avro.encode(record)

    def decode(self, datum: bytes, reader: SubjectVersion | None = None) -> dict[str, Any]:
        """Read one datum of this version as a record of `reader` (this one by default).

        The shape is checked, the rules are not. Raises SchemaViolation.
        """
        return self.avro.decode(datum, reader.avro if reader is not None else None)

    def __getstate__(self) -> dict[str, Any]:
        """Only what the version is; what was compiled is compiled again elsewhere."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}
