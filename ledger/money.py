"""Exact money: ISO 4217 exponents, splits that lose no minor unit, rates as Decimal.

Amounts are integers in minor units everywhere; there is no float in this room.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

# ISO 4217 exponents that differ from 2. Source: ISO 4217 list one (SIX Financial Information).
_ZERO_DECIMAL = frozenset(
    "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split()
)
_THREE_DECIMAL = frozenset("BHD IQD JOD KWD LYD OMR TND".split())
_FOUR_DECIMAL = frozenset("CLF UYW".split())
_TWO_DECIMAL = frozenset(
    """AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN
    BZD CAD CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL
    GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD
    LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN
    PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB
    TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG""".split()
)

EXPONENT: dict[str, int] = {
    **dict.fromkeys(_TWO_DECIMAL, 2),
    **dict.fromkeys(_ZERO_DECIMAL, 0),
    **dict.fromkeys(_THREE_DECIMAL, 3),
    **dict.fromkeys(_FOUR_DECIMAL, 4),
}
"""Minor-unit exponent per ISO 4217 code; a currency that is not here is unknown."""

MAX_MINOR = 10**17
"""Largest amount accepted, in minor units: leaves room to add many of them in 64 bits."""


def is_currency(code: str) -> bool:
    """Tell whether `code` is an upper-case ISO 4217 code this ledger can keep."""
    return code in EXPONENT


def minor_to_major(amount_minor: int, currency: str) -> Decimal:
    """Return the amount in major units, exactly. Raises KeyError for an unknown currency."""
    return Decimal(amount_minor).scaleb(-EXPONENT[currency])


def major_to_minor(amount: Decimal, currency: str) -> int:
    """Return the amount in minor units.

    Raises ValueError when `amount` has more decimals than the currency, KeyError for an
    unknown currency.
    """
    minor = amount.scaleb(EXPONENT[currency])
    if minor != minor.to_integral_value():
        raise ValueError(f"{amount} has more decimals than {currency} allows")
    return int(minor)


def format_major(amount_minor: int, currency: str) -> str:
    """Return the amount as text in major units with the currency's decimals: `-12.30`."""
    return f"{minor_to_major(amount_minor, currency):.{EXPONENT[currency]}f}"


def allocate(total_minor: int, weights: Sequence[int | Fraction]) -> list[int]:
    """Split `total_minor` by `weights` so that the parts add to it exactly.

    Largest-remainder method: every part is floored and the units left over go to the
    largest remainders, ties to the earliest. A negative total is split as its mirror.
    All-zero weights give everything to the first part. Raises ValueError without weights
    or with a negative weight.
    """
    if not weights:
        raise ValueError("cannot split an amount over no parts")
    if total_minor < 0:
        return [-part for part in allocate(-total_minor, weights)]
    weight_sum = sum(weights)
    if weight_sum == 0:
        return [total_minor] + [0] * (len(weights) - 1)
    if any(weight < 0 for weight in weights):
        raise ValueError("weights must not be negative")
    exact = [total_minor * weight / Fraction(weight_sum) for weight in weights]
    parts = [share.numerator // share.denominator for share in exact]
    by_remainder = sorted(range(len(parts)), key=lambda i: (parts[i] - exact[i], i))
    for index in by_remainder[: total_minor - sum(parts)]:
        parts[index] += 1
    return parts


def apportion(total_minor: int, weights: Sequence[int]) -> list[int]:
    """Split `total_minor` in proportion to signed integer `weights`; the parts add to it exactly.

    Largest remainder, ties to the earliest. A total equal to the sum of the weights gives the
    weights back. Weights that cancel out give everything to the first part. Unlike `allocate`,
    negative weights mirror: (10, -30, 30) of 5 gives (5, -15, 15).
    """
    if len(weights) == 1:
        return [total_minor]
    weight_sum = sum(weights)
    if weight_sum == 0:
        return [total_minor] + [0] * (len(weights) - 1)
    scaled, whole = (total_minor, weight_sum) if weight_sum > 0 else (-total_minor, -weight_sum)
    shares = [divmod(scaled * weight, whole) for weight in weights]
    parts = [share[0] for share in shares]
    left = total_minor - sum(parts)
    if left:
        for index in sorted(range(len(parts)), key=lambda i: -shares[i][1])[:left]:
            parts[index] += 1
    return parts


def divide(numerator: int, denominator: int) -> int:
    """Divide integers, rounding half to even; the denominator must not be zero."""
    if denominator < 0:
        numerator, denominator = -numerator, -denominator
    whole, rest = divmod(numerator, denominator)
    twice = 2 * rest
    if twice > denominator or (twice == denominator and whole & 1):
        whole += 1
    return whole


def convert(amount_minor: int, currency: str, rate: Decimal, into: str) -> int:
    """Translate an amount at `rate` (units of `into` per one unit of `currency`).

    Rounds half to even in minor units of `into`; the only rounding of a translation, whatever the
    exponents of the two. Raises KeyError for an unknown currency, ValueError or OverflowError for
    a rate that is no number.
    """
    numerator, denominator = rate.as_integer_ratio()
    shift = EXPONENT[into] - EXPONENT[currency]
    if shift >= 0:
        return divide(amount_minor * numerator * 10**shift, denominator)
    return divide(amount_minor * numerator, denominator * 10**-shift)
