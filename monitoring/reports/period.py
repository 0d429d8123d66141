"""The reporting period: from cut-off to cut-off in the mission's zone, whatever the clocks do in between.

The period of a date is the one that ends on it: with the usual cut-off, from 19:30 the evening before to 19:30.
It has 24 hours, 23 when clocks go forward inside it and 25 when they go back.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Period:
    """One reporting period: [`from_ns`, `to_ns`) in UTC nanoseconds; ends on `date` at `cut_off` in `zone`."""

    date: date
    zone: str
    cut_off: str
    from_ns: int
    to_ns: int

    @property
    def hours(self) -> float:
        """Length: 23, 24 or 25 (half hours in zones that shift by them)."""
        return (self.to_ns - self.from_ns) / 3.6e12

    @property
    def from_at(self) -> datetime:
        """Beginning in the mission's zone."""
        return self.local(self.from_ns)

    @property
    def to_at(self) -> datetime:
        """End in the mission's zone."""
        return self.local(self.to_ns)

    def local(self, time_ns: int) -> datetime:
        """An instant in the mission's zone, to the microsecond."""
        return (_EPOCH + timedelta(microseconds=time_ns // 1_000)).astimezone(ZoneInfo(self.zone))

    def previous(self) -> "Period":
        """The period before."""
        return period_ending_on(self.date - _DAY, self.zone, self.cut_off)

    def following(self) -> "Period":
        """The period after."""
        return period_ending_on(self.date + _DAY, self.zone, self.cut_off)

    def holds(self, time_ns: int) -> bool:
        """Whether an instant belongs to this period; its end belongs to the next."""
        return self.from_ns <= time_ns < self.to_ns


def period_ending_on(on: date, zone: str, cut_off: str) -> Period:
    """The period that ends on a date.

    A cut-off that clocks skip or repeat on its day is taken as if they had not changed yet.

    >>> [period_ending_on(date(2026, m, d), "Europe/Kyiv", "19:30").hours for m, d in ((3, 29), (6, 1), (10, 25))]
    [23.0, 24.0, 25.0]
    """
    return Period(on, zone, cut_off, _cut_ns(on - _DAY, zone, cut_off), _cut_ns(on, zone, cut_off))


def period_at(time_ns: int, zone: str, cut_off: str) -> Period:
    """The period that an instant belongs to.

    >>> period_at(1_782_000_000_000_000_000, "Europe/Kyiv", "19:30").date
    datetime.date(2026, 6, 21)
    """
    local = (_EPOCH + timedelta(microseconds=time_ns // 1_000)).astimezone(ZoneInfo(zone))
    period = period_ending_on(local.date(), zone, cut_off)
    return period if time_ns < period.to_ns else period.following()


def periods_between(from_ns: int, to_ns: int, zone: str, cut_off: str) -> Iterator[Period]:
    """Every period from the one that holds `from_ns` to the one that holds `to_ns`."""
    period = period_at(from_ns, zone, cut_off)
    while period.from_ns <= to_ns:
        yield period
        period = period.following()


def _cut_ns(on: date, zone: str, cut_off: str) -> int:
    hour, minute = (int(part) for part in cut_off.split(":"))
    at = datetime.combine(on, time(hour, minute), tzinfo=ZoneInfo(zone))
    since = at.astimezone(UTC) - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000_000
