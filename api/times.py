"""Times at the door: RFC 3339 in UTC outside, int64 nanoseconds UTC inside, nothing lost between them."""

import re
from datetime import UTC, datetime
from typing import Final

_PATTERN: Final = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?([Zz]|[+\- ]\d{2}:\d{2})"
)
_SECOND_NS: Final = 10**9


def to_text(time_ns: int) -> str:
    """RFC 3339 in UTC with as many decimals as the time has.

    >>> to_text(1_500_000_000), to_text(0)
    ('1970-01-01T00:00:01.5Z', '1970-01-01T00:00:00Z')
    """
    seconds, rest_ns = divmod(time_ns, _SECOND_NS)
    whole = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{whole}.{rest_ns:09d}".rstrip("0") + "Z" if rest_ns else f"{whole}Z"


def to_text_or_none(time_ns: int | None) -> str | None:
    """The same, None for None."""
    return None if time_ns is None else to_text(time_ns)


def from_text(text: str) -> int:
    """Nanoseconds UTC of an RFC 3339 time with offset. Raises ValueError.

    A blank in the place of the offset's plus is taken for one: that is what an unescaped URL makes of it.

    >>> from_text("1970-01-01T02:00:00.25+02:00")
    250000000
    """
    match = _PATTERN.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text[:40]!r} is not an RFC 3339 time with offset, such as 2026-11-24T19:30:00Z")
    *_, decimals, offset = match.groups()
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    whole = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    nanoseconds = int((decimals or "").ljust(9, "0"))
    offset_s = 0
    if offset not in ("Z", "z"):
        hours, minutes = int(offset[1:3]), int(offset[4:6])
        if hours > 23 or minutes > 59:
            raise ValueError(f"{text[:40]!r} has the offset {offset!r}, which does not exist")
        offset_s = (hours * 3_600 + minutes * 60) * (-1 if offset[0] == "-" else 1)
    return (int(whole.timestamp()) - offset_s) * _SECOND_NS + nanoseconds
