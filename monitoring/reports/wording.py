"""Sentences and phrases of the daily report, in English."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from monitoring.incidents.wording import month

AUDIENCE: Final = (
    "For the commission: places and times are exact. Not for onward release without coarsening and delay."
)
NOT_COMPUTED: Final = "not computed"
COVERAGE: Final = "coverage: not computed"
COVERAGE_BOUND: Final = "coverage: upper bound, no terrain mask"
COVERAGE_UPPER: Final = (
    "What follows is an upper bound: no terrain mask went into it. Where nobody was looking (“not observed”), the "
    "absence of records says nothing; where somebody was (“nothing observed”), a happening would have been noticed "
    "with the stated chance."
)
COVERAGE_MEANING: Final = (
    "Coverage: not computed. This report cannot say where and when someone was looking. A stretch of the line or an "
    "hour without records is not thereby shown to have been free of violations."
)
ILLUSTRATIVE: Final = (
    "The contact line of this report is illustrative: coarse, undated and deliberately displaced; it follows no "
    "publication and stands in for what the parties would agree."
)
STATUS: Final = (
    "What is listed here was detected. Detection is not verification, and a verified violation is not yet attributed: "
    "both are acts of the commission, on its own record."
)
UNKNOWN: Final = "N/K"

MEANS: Final = {
    "acoustic_artillery": "heard",
    "acoustic_uav": "heard (UAV sensor)",
    "acoustic_small_arms": "heard (small-arms sensor)",
    "geophone": "geophone",
    "seismic_array": "seismic array",
    "ground_radar": "radar",
    "eo_ir_tower": "camera",
    "fibre_das": "fibre",
    "rf_direction_finder": "radio bearing",
    "uav_eo_ir": "UAV camera",
    "uav_sar_gmti": "UAV radar",
    "counter_battery_radar": "counter-battery radar",
    "muzzle_flash_ir": "infrared",
    "magnetic": "magnetic sensor",
    "human_report": "observer",
    "generic": "sensor",
}
TYPES: Final = {
    "acoustic_artillery": "acoustic array (artillery)",
    "acoustic_uav": "acoustic node (unmanned aircraft)",
    "acoustic_small_arms": "acoustic sensor (small arms)",
    "geophone": "geophone",
    "seismic_array": "seismic array",
    "ground_radar": "ground radar",
    "eo_ir_tower": "camera tower",
    "fibre_das": "fibre",
    "rf_direction_finder": "radio direction finder",
    "uav_eo_ir": "unmanned aircraft, camera",
    "uav_sar_gmti": "unmanned aircraft, radar",
    "counter_battery_radar": "counter-battery radar",
    "muzzle_flash_ir": "infrared (muzzle flash)",
    "magnetic": "magnetic sensor",
    "human_report": "observer",
    "generic": "other",
}
RULES: Final = {
    "ceasefire_fire": "Fire",
    "line_crossing": "Line crossing",
    "buffer_incursion": "Buffer incursion",
    "heavy_weapon_zone": "Heavy weapon too near",
    "air_violation": "Flight in closed air",
    "force_build_up": "Build-up of forces",
    "cross_line_fire": "Fire across the line",
    "engineering_works": "Works or mines",
    "monitor_interference": "Interference with the monitors",
    "sensor_outage": "Outage of sensors",
}
CLASSES: Final = {
    "person": "person",
    "group": "group on foot",
    "light_vehicle": "light vehicle",
    "armoured_vehicle": "armoured vehicle",
    "tank": "tank",
    "artillery": "artillery piece",
    "mlrs": "rocket launcher",
    "mortar": "mortar",
    "air_defence": "air defence system",
    "uav_small": "small unmanned aircraft",
    "uav_large": "large unmanned aircraft",
    "aircraft": "aircraft",
    "boat": "boat",
}
VERDICTS: Final = {
    "violation": "in violation of the agreement",
    "undetermined": "undetermined",
    "permitted": "permitted",
}
"""The weightiest first."""
_PHENOMENA: Final = {
    "explosion": ("explosion", "explosions"),
    "shot": ("shot", "shots"),
    "burst": ("burst", "bursts"),
    "projectile": ("projectile in flight", "projectiles in flight"),
    "muzzle_flash": ("muzzle flash", "muzzle flashes"),
    "flare": ("flare", "flares"),
    "launch": ("launch", "launches"),
}


def number(value: int, is_minimum: bool = False) -> str:
    """`1,204`, `at least 1,204`.

    >>> number(1204, True)
    'at least 1,204'
    """
    return f"at least {value:,}" if is_minimum else f"{value:,}"


def counted(value: int, one: str, many: str) -> str:
    """`1 case`, `12 cases`."""
    return f"{value:,} {one if value == 1 else many}"


def phenomena(by_kind: Iterable[tuple[str, int]], is_minimum: bool) -> str:
    """`at least 12 explosions, 3 bursts`; what was not said is N/K."""
    counts = dict(by_kind)
    parts = [counted(counts[kind], *words) for kind, words in _PHENOMENA.items() if counts.get(kind)]
    text = ", ".join(parts) or UNKNOWN
    return f"at least {text}" if is_minimum else text


def moment(at: datetime) -> str:
    """`24 November 2026, 19:30`."""
    return f"{at.day} {month(at)} {at:%Y, %H:%M}"


def offset(at: datetime) -> str:
    """`UTC+2`, `UTC+5:30`.

    >>> from datetime import timedelta, timezone
    >>> offset(datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=5, minutes=30))))
    'UTC+5:30'
    """
    shift = at.utcoffset()
    assert shift is not None, "a local time has its offset"
    minutes = round(shift.total_seconds() / 60)
    hours, rest = divmod(abs(minutes), 60)
    sign = "-" if minutes < 0 else "+"
    return f"UTC{sign}{hours}" + (f":{rest:02d}" if rest else "")


def clock(start: datetime, end: datetime) -> str:
    """`24 Nov 14:02-14:09`, with the offset where the day has both a summer and a winter hour of that name."""
    first = f"{start.day} {month(start)[:3]} {start:%H:%M}"
    if start.date() != end.date():
        return f"{first} - {end.day} {month(end)[:3]} {end:%H:%M}"
    return first if f"{start:%H:%M}" == f"{end:%H:%M}" else f"{first}-{end:%H:%M}"


def distance_band(distance_m: float | None) -> str:
    """`2-3 km from the line`; below one kilometre in hundreds of metres.

    >>> distance_band(2_400), distance_band(430), distance_band(None)
    ('2-3 km from the line', '400-500 m from the line', 'N/K')
    """
    if distance_m is None:
        return UNKNOWN
    if distance_m < 1_000:
        low = int(distance_m // 100) * 100
        return f"{low}-{low + 100} m from the line"
    low = int(distance_m // 1_000)
    return f"{low:,}-{low + 1:,} km from the line"


def kilometres(distance_m: float | None) -> str:
    """`15 km`, `12.5 km`, `N/K`."""
    return UNKNOWN if distance_m is None else f"{distance_m / 1_000:g} km"


def weightiest(verdicts: Iterable[str]) -> str:
    """The weightiest of some verdicts; `undetermined` of none."""
    return min(verdicts, key=list(VERDICTS).index, default="undetermined")


def verdicts(counts: Mapping[str, int]) -> str:
    """`2 in violation of the agreement, 1 undetermined`."""
    return ", ".join(f"{counts[word]:,} {said}" for word, said in VERDICTS.items() if counts.get(word))


def means(types: Iterable[str]) -> str:
    """Means of observation, each once."""
    return ", ".join(dict.fromkeys(MEANS.get(word, word) for word in types)) or UNKNOWN


def compared(previous: int | None, is_minimum: bool) -> str:
    """The sentence about the period before."""
    if previous is None:
        return "For the previous reporting period there is no figure."
    return f"In the previous reporting period, it recorded {number(previous, is_minimum)}."
