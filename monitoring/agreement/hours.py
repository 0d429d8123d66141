"""Opening hours by weekday on the mission's clock, right on the days when the clocks change.

Written as `{monday: ["08:00-17:00"], every_day: [...]}`: a weekday's own spans stand instead of `every_day`'s; a
day with neither is closed. `24:00` is the end of the day. Spans are times of the wall clock: an hour that the clock
shows twice is open both times.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from monitoring.agreement.checking import Node

Instants = NDArray[np.int64]

WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_SPAN: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)")
_SECOND_NS: Final = 1_000_000_000
_DAY_S: Final = 86_400
_QUARTER_NS: Final = 900 * _SECOND_NS
"""Clocks change at full quarters of an hour."""


@dataclass(frozen=True)
class Hours:
    """Spans [opens_s, closes_s) of seconds since local midnight, for each weekday from Monday on."""

    spans: tuple[tuple[tuple[int, int], ...], ...]

    def are_open(
        self, from_ns: Instants, to_ns: Instants, zone: str, around_s: float, after_s: float
    ) -> NDArray[np.bool_]:
        """Whether each [from_ns, to_ns] began while open, or up to `around_s` around that, and ended no later than
        `after_s` behind the closing; (n,).

        >>> night = Hours((((0, 86_400),),) * 7)
        >>> night.are_open(np.array([0]), np.array([1]), "Europe/Kyiv", 0.0, 0.0)
        array([ True])
        """
        begin_s, end_s = local_s(from_ns, zone), local_s(to_ns, zone)
        day = np.floor_divide(begin_s, _DAY_S)
        is_open = np.zeros(len(from_ns), dtype=bool)
        # By what is granted around it, an opening may count just beyond midnight.
        for days_ago in (-1, 0, 1):
            midnight_s = (day - days_ago) * _DAY_S
            weekday = (day - days_ago + 3) % 7  # 1970-01-01 was a Thursday
            for number in np.unique(weekday).astype(int).tolist():
                at = weekday == number
                for opens_s, closes_s in self.spans[number]:
                    begins, ends = begin_s - midnight_s, end_s - midnight_s
                    is_open |= (
                        at
                        & (begins >= opens_s - around_s)
                        & (begins < closes_s + around_s)
                        & (ends <= closes_s + after_s)
                    )
        return is_open


def local_s(time_ns: Instants, zone: str) -> NDArray[np.float64]:
    """Seconds that a wall clock in a zone shows since 1970-01-01 00:00 on it, (n,).

    >>> local_s(np.array([0]), "Europe/Kyiv").tolist()
    [10800.0]
    """
    quarter, member = np.unique(np.floor_divide(time_ns, _QUARTER_NS), return_inverse=True)
    offset_s = np.array([_offset_s(int(number), zone) for number in quarter.tolist()], dtype=np.float64)
    if not len(quarter):
        return np.zeros(0)
    return np.asarray(time_ns / _SECOND_NS + offset_s[member], dtype=np.float64)


@lru_cache(maxsize=4_096)
def _offset_s(quarter: int, zone: str) -> float:
    try:
        at = datetime.fromtimestamp(quarter * 900, UTC)
    except (OverflowError, OSError, ValueError):
        return 0.0
    offset = at.astimezone(ZoneInfo(zone)).utcoffset()
    return 0.0 if offset is None else offset.total_seconds()


def read_hours(node: Node) -> Hours:
    """The hours of an entry. Raises `AgreementInvalid`."""
    fields = node.mapping((), (*WEEKDAYS, "every_day"))
    if not fields:
        raise node.refused("names no day")
    every_day = _spans(fields["every_day"]) if "every_day" in fields else ()
    return Hours(tuple(_spans(fields[day]) if day in fields else every_day for day in WEEKDAYS))


def _spans(node: Node) -> tuple[tuple[int, int], ...]:
    spans: list[tuple[int, int]] = []
    for entry in node.entries():
        found = _SPAN.fullmatch(entry.text())
        if found is None:
            raise entry.refused(f'expected "HH:MM-HH:MM", found {entry.raw!r}')
        begin_h, begin_min, end_h, end_min = (int(part) for part in found.groups())
        begin_s, end_s = begin_h * 3_600 + begin_min * 60, end_h * 3_600 + end_min * 60
        if not begin_s < end_s <= _DAY_S:
            raise entry.refused(
                "must end after it begins, at 24:00 at the latest; write a night as two spans"
            )
        if spans and begin_s < spans[-1][1]:
            raise entry.refused("overlaps the span before it; write spans in rising order")
        spans.append((begin_s, end_s))
    return tuple(spans)
