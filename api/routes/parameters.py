"""Query parameters that several lists share, read once and the same way everywhere."""

from typing import Annotated, Final

from fastapi import Query, Request

from api.errors import Problem
from api.limits import Limits
from api.ports import Runtime
from api.times import from_text
from monitoring.adapters.store.queries.filters import Box

Words = Annotated[list[str] | None, Query()]
Cursor = Annotated[str | None, Query(max_length=1_024, description="`next_cursor` of the page before")]
Limit = Annotated[int, Query(ge=1, le=1_000, description="rows of one page")]
From = Annotated[str | None, Query(alias="from", description="RFC 3339, included")]
To = Annotated[str | None, Query(description="RFC 3339, not included")]
Since = Annotated[str | None, Query(description="RFC 3339: what was written at or after this time")]
BoxText = Annotated[str | None, Query(description="west,south,east,north in degrees")]
Km = Annotated[float | None, Query(allow_inf_nan=False, description="kilometre along the line")]
WORDS_MAX: Final = 50


def runtime_of(request: Request) -> Runtime:
    """The running system."""
    runtime: Runtime = request.app.state.runtime
    return runtime


def limits_of(request: Request) -> Limits:
    """The bounds of this application."""
    limits: Limits = request.app.state.limits
    return limits


def words(values: list[str] | None) -> tuple[str, ...]:
    """Words given one by one or separated by commas."""
    found = tuple(word for value in values or () for word in value.split(",") if word)
    if len(found) > WORDS_MAX:
        raise _malformed(f"at most {WORDS_MAX} words can be chosen in one filter")
    return found


def time_ns(text: str | None, name: str) -> int | None:
    """A time, None for none. Raises the Problem of a malformed one."""
    if text is None or text == "":
        return None
    try:
        return from_text(text)
    except ValueError as error:
        raise _malformed(f"{name}: {error}") from error


def box(text: str | None) -> Box | None:
    """A box, None for none. Raises the Problem of a malformed one."""
    if text is None or text == "":
        return None
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError as error:
        raise _malformed(f"bbox {text[:60]!r} is not four numbers: west,south,east,north") from error
    if not (-180 <= west <= 180 and -180 <= east <= 180 and -90 <= south <= north <= 90):
        raise _malformed(f"bbox {text[:60]!r} is not west,south,east,north in degrees")
    return west, south, east, north


def _malformed(detail: str) -> Problem:
    return Problem(422, "invalid_request", "The request is malformed", detail)
