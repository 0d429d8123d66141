"""What a case is about, in one sentence."""

from typing import Final

_PATTERNS: Final = {
    "ceasefire_fire": "incidents of fire",
    "line_crossing": "crossings of the line",
    "buffer_incursion": "stays inside the buffer",
    "cross_line_fire": "incidents of fire across the line",
    "heavy_weapon_zone": "stays of heavy weapons too near to the line",
    "air_violation": "flights where none is allowed",
    "engineering_works": "works",
    "force_build_up": "build-ups of heavy objects",
    "monitor_interference": "acts against the monitors",
    "sensor_outage": "outages of sensors",
}


def case_sentence(rule_id: str, incident_count: int, sector: str | None, opening: str) -> str:
    """The sentence of the finding that opened the case, or of how many there are by now and the first of them.

    >>> case_sentence("ceasefire_fire", 1, "S10", "1 shot near km 479.")
    '1 shot near km 479.'
    >>> case_sentence("ceasefire_fire", 36, "S10", "1 shot near km 479.")
    '36 incidents of fire in sector S10. The first: 1 shot near km 479.'
    """
    if incident_count < 2:
        return opening
    pattern = _PATTERNS.get(rule_id, "incidents")
    place = f"in sector {sector}" if sector else "near one place"
    return f"{incident_count:,} {pattern} {place}. The first: {opening}"
