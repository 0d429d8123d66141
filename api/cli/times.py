"""Times and dates as people write them at the command line."""

from datetime import UTC, date, datetime

from api.cli.output import EXIT_USAGE, fail


def event_time_ns(text: str, option: str) -> int:
    """An RFC 3339 time with offset as int64 ns UTC; wrong usage otherwise."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        fail(f"{option} {text}: expected a time as 2026-06-01T00:00:00Z", exit_code=EXIT_USAGE)
    if at.tzinfo is None:
        fail(
            f"{option} {text}: the time needs its offset, as 2026-06-01T00:00:00Z or …+03:00",
            exit_code=EXIT_USAGE,
        )
    since = at - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000_000 + since.microseconds * 1_000


def period_date(text: str, option: str = "--date") -> date:
    """A date as 2026-06-15; wrong usage otherwise."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        fail(f"{option} {text}: expected a date as 2026-06-15", exit_code=EXIT_USAGE)


def shown(time_ns: int | None) -> str:
    """An instant for people, UTC to the second."""
    if time_ns is None:
        return "-"
    return datetime.fromtimestamp(time_ns // 1_000_000_000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
