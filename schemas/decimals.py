"""Decimals between text, Avro bytes and Decimal, exactly or not at all."""

from __future__ import annotations

import re
from decimal import Context, Decimal, Inexact, InvalidOperation

SCALE = 12
PRECISION = 38
"""Every decimal of the registry has this scale and precision (`schemas.lint`)."""

_ROOMY = Context(prec=100, traps=[Inexact, InvalidOperation])
_UNSCALED_LIMIT = 10**PRECISION
_TEXT = re.compile(r"[+-]?(\d{1,60}(\.\d{0,60})?|\.\d{1,60})([eE][+-]?\d{1,3})?", re.ASCII)


def decimal_from_text(text: str) -> Decimal | None:
    """Return the number that `text` writes in plain digits, or None."""
    return plain(Decimal(text)) if _TEXT.fullmatch(text) else None


def plain(value: Decimal) -> Decimal:
    """The same number written one way: no zeros after the last digit, `100` not `1E+2`, no -0.

    So that `1.50` and `1.5` are the same content. What the schemas cannot hold, and what is
    no number, comes back as it is: the validators refuse it.
    """
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int) or exponent > PRECISION or exponent < -100:
        return value
    if not value:
        return Decimal(0)
    if exponent == 0 or value.adjusted() > PRECISION:
        return value
    try:
        shortest = value.normalize(_ROOMY)
    except (Inexact, InvalidOperation):
        return value
    return shortest if shortest.as_tuple().exponent <= 0 else shortest.quantize(Decimal(1))  # type: ignore[operator]


def decimal_to_bytes(value: Decimal) -> bytes:
    """Two's complement of the unscaled number, as short as possible. The value must fit."""
    unscaled = int(value.scaleb(SCALE, context=_ROOMY))
    return unscaled.to_bytes(unscaled.bit_length() // 8 + 1, "big", signed=True)


def decimal_from_bytes(data: bytes) -> Decimal | None:
    """Read what `decimal_to_bytes` wrote; None when it has more digits than the precision."""
    unscaled = int.from_bytes(data, "big", signed=True)
    if abs(unscaled) >= _UNSCALED_LIMIT:
        return None
    return plain(Decimal(unscaled).scaleb(-SCALE, context=_ROOMY))
