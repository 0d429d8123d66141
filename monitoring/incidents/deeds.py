"""What findings of one movement say that an object, or a group of objects, was and did, in words."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from monitoring.incidents import wording

HEAVY: Final = "heavy_weapon_zone"
AIR: Final = "air_violation"

Rows = Sequence[dict[str, Any]]


def objects(rows: Rows) -> str:
    """What moved, at the head of a sentence: by the first class stated, as many as the most that a finding counts.

    >>> objects([{"object_class": "tank", "count": 4, "count_is_minimum": True}])
    'At least 4 tanks'
    >>> objects([{"object_class": None, "count": None, "count_is_minimum": None}])
    'An object of unknown class'
    """
    object_class = next(
        (row["object_class"] for row in rows if row["object_class"] not in (None, "unknown")), None
    )
    return wording.objects_of(object_class, *_count(rows))


def done(rows: Rows) -> str:
    """What it did, with a verb for each rule that speaks of it."""
    return " and ".join(dict.fromkeys(_done(rows, "was" if _count(rows)[0] == 1 else "were")))


def _count(rows: Rows) -> tuple[int, bool]:
    """The most objects that a finding counts, and whether that is the least."""
    return max(((row["count"] or 1, bool(row["count_is_minimum"])) for row in rows), default=(1, True))


def _done(rows: Rows, was: str) -> Iterator[str]:
    directions = list(dict.fromkeys(row["direction"] for row in rows if row["rule_id"] == "line_crossing"))
    if len(directions) > 1:
        yield "crossed the line and came back"
    elif directions:
        yield f"crossed the line {str(directions[0]).replace('>', ' to ')}"
    for row in rows:
        if row["rule_id"] == "buffer_incursion":
            yield f"{was} inside the buffer" + _on_sides({row["side"]})
    near = [row for row in rows if row["rule_id"] == HEAVY]
    if near:
        nearest_m = min(row["distance_m"] for row in near)
        came = wording.length(nearest_m)
        yield f"{was} {came} from the line{_on_sides({row['side'] for row in near})}, nearer than allowed,"
    flown = [row for row in rows if row["rule_id"] == AIR]
    if flown:
        yield "flew in closed air" + _on_sides({row["side"] for row in flown})


def _on_sides(sides: set[str | None]) -> str:
    words = sorted(side for side in sides if side)
    if not words:
        return ""
    return f" on side {words[0]}" if len(words) == 1 else f" on sides {wording.listed(words)}"
