"""RFC 3339 date-times to nanoseconds, exactly or not at all.

`parse` does whole columns; `parse_one` is the same in plain sight, decides everything that is not a common
form, and is what `parse` is tested against.
"""

import datetime as dt
import re
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitoring.decode.columns import is_present, spans

_FORM: Final = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})[Tt](\d{2}):(\d{2}):(\d{2})(?:\.(\d+))?(?:([Zz])|([+-])(\d{2}):(\d{2}))?",
    re.ASCII,
)
_EPOCH: Final = dt.date(1970, 1, 1).toordinal()
_YEARS: Final = range(1970, 2200)
"""Years that the columnar way knows; every other goes the scalar way."""
_FIRST_OF_MONTH: Final = np.array(
    [dt.date(year, month, 1).toordinal() - _EPOCH for year in _YEARS for month in range(1, 13)]
    + [dt.date(_YEARS.stop, 1, 1).toordinal() - _EPOCH],
    dtype=np.int64,
)
_DIGIT_PLACES: Final = (0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18)
_NS: Final = 1_000_000_000
_NS_FIRST, _NS_LAST = -(2**63), 2**63 - 1


def parse_one(text: str) -> int | tuple[str, str]:
    """Nanoseconds since 1970 UTC, or (reason, detail) for what is not an RFC 3339 date-time with offset.

    Up to nine fraction digits. `-00:00` counts as UTC, lower-case `t` and `z` are legal. Refused are `:60`,
    `24:00`, a space for the `T`, epoch numbers and dates that do not exist.

    >>> parse_one("2026-08-22T14:30:00.5+03:00")
    1787398200500000000
    >>> parse_one("2026-08-22T11:30:00")[0]
    'time_zone'
    """
    form = _FORM.fullmatch(text)
    if form is None:
        return "time_format", "not an RFC 3339 date-time"
    problem = _problem_of(form)
    if problem is not None:
        return problem
    year, month, day, hour, minute, second = (int(part) for part in form.group(1, 2, 3, 4, 5, 6))
    fraction, sign, zone_hour, zone_minute = form.group(7, 9, 10, 11)
    offset_s = 0
    if sign is not None:
        offset_s = (int(zone_hour) * 3600 + int(zone_minute) * 60) * (1 if sign == "+" else -1)
    days = dt.date(year, month, day).toordinal() - _EPOCH
    total = (days * 86_400 + hour * 3600 + minute * 60 + second - offset_s) * _NS
    total += int((fraction or "").ljust(9, "0"))
    if not _NS_FIRST <= total <= _NS_LAST:
        return "time_range", "beyond what 64-bit nanoseconds can hold"
    return total


def _problem_of(form: re.Match[str]) -> tuple[str, str] | None:
    year, month, day, hour, minute, second = (int(part) for part in form.group(1, 2, 3, 4, 5, 6))
    fraction, utc, sign, zone_hour, zone_minute = form.group(7, 8, 9, 10, 11)
    problem = None
    if hour > 23 or minute > 59 or second > 59:
        problem = "time_format", "no such time of day (24:00 and :60 are not taken)"
    elif not 1 <= month <= 12 or not 1 <= day <= _month_days(year, month):
        problem = "time_format", "no such day"
    elif fraction is not None and len(fraction) > 9:
        problem = "time_format", "finer than nanoseconds"
    elif utc is None and sign is None:
        problem = "time_zone", "without offset from UTC"
    elif sign is not None and (int(zone_hour) > 23 or int(zone_minute) > 59):
        problem = "time_zone", "no such offset from UTC"
    elif year == 0:
        problem = "time_range", "the year 0000"
    return problem


def _month_days(year: int, month: int) -> int:
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 30 if month in {4, 6, 9, 11} else 31


def parse(texts: pa.Array) -> tuple[NDArray[np.int64], dict[int, tuple[str, str]]]:
    """Nanoseconds of a string column, shape (n,), and position → (reason, detail) of what is refused.

    Absent and refused rows hold 0.
    """
    ns = np.zeros(len(texts), dtype=np.int64)
    data, start, size = spans(texts)
    present = is_present(texts)
    done = np.zeros(len(texts), dtype=np.bool_)
    lengths = np.flatnonzero(np.bincount(np.minimum(size, 40), minlength=41))
    for length in lengths[(lengths >= 20) & (lengths <= 35)]:
        rows = np.flatnonzero(size == length) if len(lengths) > 1 else np.arange(len(texts))
        values, good = _parse_equal_length(data, start[rows], int(length))
        ns[rows] = values
        done[rows] = good
    refused: dict[int, tuple[str, str]] = {}
    for row in np.flatnonzero(present & ~done).tolist():
        outcome = parse_one(texts[row].as_py())
        if isinstance(outcome, int):
            ns[row] = outcome
        else:
            refused[row] = outcome
            ns[row] = 0
    ns[~present] = 0
    return ns, refused


def _parse_equal_length(
    data: NDArray[np.uint8], start: NDArray[np.int64], length: int
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Values and whether they can be trusted, for texts of one length (20 to 35 bytes)."""
    byte = np.empty((length, len(start)), dtype=np.uint8)
    for place in range(length):
        np.take(data, start + place, out=byte[place])
    digit = byte - np.uint8(48)
    good = (byte[4] == 45) & (byte[7] == 45) & (byte[13] == 58) & (byte[16] == 58)
    good &= (byte[10] | 32) == 116
    for place in _DIGIT_PLACES:
        good &= digit[place] <= 9
    two = digit[:-1] * np.uint8(10) + digit[1:]
    year = two[0].astype(np.int32) * 100 + two[2]
    month, day, hour, minute, second = two[5], two[8], two[11], two[14], two[17]
    good &= (month >= 1) & (month <= 12) & (day >= 1) & (hour <= 23) & (minute <= 59) & (second <= 59)
    good &= (year >= _YEARS.start) & (year < _YEARS.stop)
    month_idx = np.where(good, (year - _YEARS.start) * 12 + month - 1, 0)
    first = _FIRST_OF_MONTH[month_idx]
    good &= first + day <= _FIRST_OF_MONTH[month_idx + 1]
    seconds = (first + day - 1) * 86_400 + hour * np.int32(3600) + minute * np.int32(60) + second
    with_offset = (byte[length - 1] | 32) != 122
    fraction_end = length - 1
    if with_offset.any():
        if not with_offset.all() or length < 25:
            return np.zeros(len(start), dtype=np.int64), np.zeros(len(start), dtype=np.bool_)
        fraction_end = length - 6
        sign = byte[length - 6]
        good &= ((sign == 43) | (sign == 45)) & (byte[length - 3] == 58)
        for place in (length - 5, length - 4, length - 2, length - 1):
            good &= digit[place] <= 9
        zone_hour, zone_minute = two[length - 5], two[length - 2]
        good &= (zone_hour <= 23) & (zone_minute <= 59)
        offset_s = zone_hour * np.int32(3600) + zone_minute * np.int32(60)
        seconds -= np.where(sign == 43, offset_s, -offset_s)
    nanoseconds = seconds * _NS
    digits = fraction_end - 20
    if digits == 0 or digits > 9:
        good[:] = False
    elif digits > 0:
        good &= byte[19] == 46
        fraction = np.zeros(len(start), dtype=np.int64)
        for place in range(20, fraction_end):
            good &= digit[place] <= 9
            fraction = fraction * 10 + digit[place]
        nanoseconds += fraction * 10 ** (9 - digits)
    return nanoseconds, good
