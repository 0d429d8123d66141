"""The one sentence that says what an incident was: what, where, when, who recorded it."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

MONTHS: Final = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
"""English names whatever the locale of the process: the same input gives the same bytes everywhere."""
_PLURALS: Final = {
    "explosion": "explosions",
    "shot": "shots",
    "burst": "bursts",
    "projectile": "projectiles in flight",
    "muzzle_flash": "muzzle flashes",
    "flare": "flares",
    "launch": "launches",
}
_SINGULARS: Final = {"projectile": "projectile in flight", "muzzle_flash": "muzzle flash"}


def count_of(kind: str, count: int) -> str:
    """`1 explosion`, `3 muzzle flashes`.

    >>> count_of("muzzle_flash", 1), count_of("explosion", 12)
    ('1 muzzle flash', '12 explosions')
    """
    word = _SINGULARS.get(kind, kind) if count == 1 else _PLURALS.get(kind, kind)
    return f"{count:,} {word}"


def listed(parts: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def month(at: date) -> str:
    """`November`; its first three letters are the short form."""
    return MONTHS[at.month - 1]


def span(start_ns: int, end_ns: int, zone: str) -> str:
    """When, in mission time: `24 Nov, 14:02 to 14:09 (Europe/Kyiv)`.

    >>> span(1_763_992_920_000_000_000, 1_763_993_340_000_000_000, "Europe/Kyiv")
    '24 Nov, 16:02 to 16:09 (Europe/Kyiv)'
    """
    start, end = _local(start_ns, zone), _local(end_ns, zone)
    begun, ended = (f"{at.hour:02d}:{at.minute:02d}" for at in (start, end))
    first = f"{start.day} {month(start)[:3]}, {begun}"
    if start.date() != end.date():
        return f"{first} to {end.day} {month(end)[:3]}, {ended} ({zone})"
    return f"{first} ({zone})" if begun == ended else f"{first} to {ended} ({zone})"


def place(chainage_m: float | None, sector: str | None, side: str | None, distance_m: float | None) -> str:
    """Where: `near km 612 in sector S12, on side A, 1.2 km from the line`."""
    parts = [f"near km {chainage_m / 1_000:,.0f}" if chainage_m is not None else "away from the line"]
    if sector:
        parts[0] += f" in sector {sector}"
    parts.append(f"on side {side}" if side else "side not certain")
    if distance_m is not None:
        parts.append(f"{length(abs(distance_m))} from the line")
    return ", ".join(parts)


def fire(
    phenomena: Mapping[str, int], is_minimum: bool, where: str, when: str, sensor_count: int, type_count: int
) -> str:
    """One sentence about fire."""
    counted = (
        listed([count_of(kind, count) for kind, count in phenomena.items() if count]) if phenomena else "Fire"
    )
    opening = f"At least {counted}" if is_minimum else counted
    seen = "1 sensor" if sensor_count == 1 else f"{sensor_count} sensors of {_types(type_count)}"
    return f"{opening} {where}; {when}; recorded by {seen}."


def _types(count: int) -> str:
    return "one type" if count == 1 else f"{count} types"


def length(metres: float) -> str:
    """`430 m`, `9.2 km`."""
    return f"{metres:,.0f} m" if metres < 1_000 else f"{metres / 1_000:,.1f} km"


def _local(time_ns: int, zone: str) -> datetime:
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=time_ns // 1_000_000_000)
    return at.astimezone(ZoneInfo(zone))


_OBJECTS: Final = {
    "person": "A person",
    "group": "A group on foot",
    "light_vehicle": "A light vehicle",
    "armoured_vehicle": "An armoured vehicle",
    "tank": "A tank",
    "artillery": "An artillery piece",
    "mlrs": "A rocket launcher",
    "mortar": "A mortar",
    "air_defence": "An air defence system",
    "uav_small": "A small unmanned aircraft",
    "uav_large": "A large unmanned aircraft",
    "aircraft": "An aircraft",
    "boat": "A boat",
}


def object_of(object_class: str | None) -> str:
    """What moved, at the head of a sentence.

    >>> object_of("mlrs"), object_of(None)
    ('A rocket launcher', 'An object of unknown class')
    """
    return _OBJECTS.get(object_class or "", "An object of unknown class")


_MANY: Final = {
    "person": "persons",
    "group": "groups on foot",
    "light_vehicle": "light vehicles",
    "armoured_vehicle": "armoured vehicles",
    "tank": "tanks",
    "artillery": "artillery pieces",
    "mlrs": "rocket launchers",
    "mortar": "mortars",
    "air_defence": "air defence systems",
    "uav_small": "small unmanned aircraft",
    "uav_large": "large unmanned aircraft",
    "aircraft": "aircraft",
    "boat": "boats",
}


def objects_of(object_class: str | None, count: int, is_least: bool) -> str:
    """What moved and how many, at the head of a sentence; of one nobody says that it is the least.

    >>> objects_of("tank", 4, False), objects_of("tank", 4, True), objects_of("tank", 1, True)
    ('4 tanks', 'At least 4 tanks', 'A tank')
    """
    if count <= 1:
        return object_of(object_class)
    what = f"{count:,} {_MANY.get(object_class or '', 'objects of unknown class')}"
    return f"At least {what}" if is_least else what
