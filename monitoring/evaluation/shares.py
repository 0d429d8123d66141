"""Numbers with their intervals: shares (Wilson) and rates of rare things (Byar)."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import sqrt
from typing import Final

Z95: Final = 1.959963984540054


@dataclass(frozen=True)
class Share:
    """`part` of `whole` with the 95 % Wilson interval (Wilson 1927); `value` is null where there is nothing."""

    part: int
    whole: int
    value: float | None
    low: float | None
    high: float | None

    @classmethod
    def of(cls, part: int, whole: int) -> "Share":
        """
        >>> Share.of(9, 10).value, round(Share.of(9, 10).low, 3)
        (0.9, 0.596)
        """
        if whole == 0:
            return cls(0, 0, None, None, None)
        p, z2 = part / whole, Z95 * Z95
        middle = (p + z2 / (2 * whole)) / (1 + z2 / whole)
        half = Z95 * sqrt(p * (1 - p) / whole + z2 / (4 * whole * whole)) / (1 + z2 / whole)
        low = max(middle - half, 0.0) if part else 0.0
        high = min(middle + half, 1.0) if part < whole else 1.0
        return cls(part, whole, p, low, high)

    @classmethod
    def pooled(cls, shares: Iterable["Share"]) -> "Share":
        """All of them as one, as if they had been counted together.

        >>> Share.pooled([Share.of(1, 2), Share.of(2, 2)]).value
        0.75
        """
        parts = list(shares)
        return cls.of(sum(s.part for s in parts), sum(s.whole for s in parts))


@dataclass(frozen=True)
class Rate:
    """`count` in `exposure` units with the 95 % interval of a Poisson mean (Byar's approximation)."""

    count: int
    exposure: float
    value: float | None
    low: float | None
    high: float | None

    @classmethod
    def of(cls, count: int, exposure: float) -> "Rate":
        """
        >>> Rate.of(0, 10.0).low, round(Rate.of(0, 10.0).high, 2)
        (0.0, 0.37)
        """
        if exposure <= 0:
            return cls(count, exposure, None, None, None)
        more = count + 1
        low = count * (1 - 1 / (9 * count) - Z95 / (3 * sqrt(count))) ** 3 if count else 0.0
        high = more * (1 - 1 / (9 * more) + Z95 / (3 * sqrt(more))) ** 3
        return cls(count, exposure, count / exposure, max(low, 0.0) / exposure, high / exposure)

    @classmethod
    def pooled(cls, rates: Iterable["Rate"]) -> "Rate":
        """All of them as one: counts and exposures added."""
        parts = list(rates)
        return cls.of(sum(r.count for r in parts), sum(r.exposure for r in parts))
