"""Goes through Avro bytes by the specification, and says exactly what is wrong with them.

Source: Apache Avro 1.12 specification, "Binary encoding". Builds no values: the slow, strict
second look at bytes that the fast reader could not give back unchanged.
"""

from __future__ import annotations

from schemas.rules import SchemaViolation
from schemas.shapes import (
    ArrayShape,
    EnumShape,
    MapShape,
    OptionalShape,
    RecordShape,
    Scalar,
    Shape,
)

AVRO_DAMAGED = "avro_damaged"
TRAILING_BYTES = "trailing_bytes"
UNKNOWN_SYMBOL = "unknown_symbol"
TOO_MANY_ITEMS = "too_many_items"


class AvroWalker:
    """A position in bytes that moves over values; `at` is where the next one starts."""

    def __init__(self, data: bytes, at: int = 0) -> None:
        self.data = data
        self.at = at

    def value(self, shape: Shape, path: str) -> None:
        """Move over one value of this shape."""
        match shape:
            case RecordShape():
                for field in shape.fields:
                    self.value(field.shape, f"{path}.{field.name}" if path else field.name)
            case OptionalShape():
                if self._index(2, path, AVRO_DAMAGED):
                    self.value(shape.inner, path)
            case EnumShape():
                self._index(len(shape.symbols), path, UNKNOWN_SYMBOL)
            case ArrayShape():
                self._blocks(shape, path)
            case MapShape():
                self._blocks(shape, path)
            case Scalar():
                self._scalar(shape, path)

    def long(self, path: str) -> int:
        """Move over a zig-zag varint and return it; more than 64 bits are refused."""
        number = shift = 0
        while True:
            byte = self.take(1, path)[0]
            number |= (byte & 0x7F) << shift
            if byte < 0x80:
                break
            shift += 7
            if shift > 63:
                raise SchemaViolation(AVRO_DAMAGED, path, "an integer has more than 64 bits")
        if number >= 1 << 64:
            raise SchemaViolation(AVRO_DAMAGED, path, "an integer has more than 64 bits")
        return (number >> 1) ^ -(number & 1)

    def take(self, count: int, path: str) -> bytes:
        """Move over `count` bytes and return them."""
        end = self.at + count
        if count < 0 or end > len(self.data):
            raise SchemaViolation(AVRO_DAMAGED, path, "the bytes end before the value does")
        taken = self.data[self.at : end]
        self.at = end
        return taken

    def text(self, path: str) -> str:
        """Move over a length-prefixed UTF-8 string and return it."""
        try:
            return self.take(self.long(path), path).decode("utf-8")
        except UnicodeDecodeError:
            raise SchemaViolation(AVRO_DAMAGED, path, "a string is not UTF-8") from None

    def _index(self, count: int, path: str, reason: str) -> int:
        index = self.long(path)
        if not 0 <= index < count:
            raise SchemaViolation(reason, path, f"index {index} of {count} choices")
        return index

    def _scalar(self, shape: Scalar, path: str) -> None:
        if shape.kind == "boolean":
            if self.take(1, path)[0] > 1:
                raise SchemaViolation(AVRO_DAMAGED, path, "a boolean is neither 0 nor 1")
        elif shape.kind == "string":
            self.text(path)
        elif shape.kind in ("bytes", "decimal"):
            self.take(self.long(path), path)
        else:
            self.long(path)

    def _blocks(self, shape: ArrayShape | MapShape, path: str) -> None:
        """Blocks of items until an empty one; a negative count is followed by a byte size."""
        keys: set[str] = set()
        while count := self.long(path):
            end = None
            if count < 0:
                count, size = -count, self.long(path)
                end = self.at + size
            if count > len(self.data):
                raise SchemaViolation(TOO_MANY_ITEMS, path, "more items than bytes")
            if count > len(self.data) - self.at:
                raise SchemaViolation(AVRO_DAMAGED, path, "the bytes end before the list does")
            for _ in range(count):
                if isinstance(shape, ArrayShape):
                    self.value(shape.items, path)
                else:
                    self._key(keys, path)
                    self.value(shape.values, path)
            if end is not None and self.at != end:
                raise SchemaViolation(AVRO_DAMAGED, path, "a block has another size than it says")

    def _key(self, keys: set[str], path: str) -> None:
        """Move over the key of a map entry; a key that comes twice is refused."""
        key = self.text(path)
        if key in keys:
            raise SchemaViolation(AVRO_DAMAGED, path, "a map names a key twice")
        keys.add(key)
