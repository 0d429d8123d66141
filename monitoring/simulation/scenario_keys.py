"""Every key of a scenario file, with what may stand there and what it means: what `contactline simulate --keys` prints.

Keys, types, bounds and defaults come from the form that files are checked against; only the meanings are written here.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from msgspec import inspect

from monitoring.simulation.catalogue import CATALOGUE
from monitoring.simulation.scenario import Scenario
from monitoring.simulation.scenario_file import LIMITS, LISTS, MAPPINGS

MEANINGS: Final = {
    "format": "version of this form",
    "name": "of the scenario, or of an item: other files change it by that",
    "summary": "one sentence on what happens",
    "days": "how long it lasts",
    "density": "multiplies everybody's activity",
    "swap_sides": "exchange the names of the parties",
    "stretches": "how many parts of the line are hot",
    "length_km": "of a hot stretch, a way along the line, or a field",
    "weight": "how much more active than the rest",
    "hours": "local time of day; over midnight write two items",
    "fog_frac": "share of cells with fog: cameras see less far",
    "wind_frac": "share of cells with wind: microphones hear less far",
    "cell_km": "size of a cell of weather",
    "cell_h": "duration of a cell of weather",
    "spacing_km": "average distance along the line from one to the next",
    "offset_km": "distance from the line, on the own or host's side",
    "hosts": "on whose sides they stand",
    "gap_frac": "share of the places that stay empty",
    "is_concentrated": "more of them where the line is hot",
    "route_km": "length of the stretch that each flies along",
    "speed_mps": "speed",
    "shift_h": "duration of a shift",
    "pause_h": "rest between shifts",
    "battery_h": "longest time in the air at once; nothing: the shift",
    "change_min": "on the ground to change the battery, silent",
    "link_km": "beyond this from its base it keeps its reports; nothing: no limit",
    "geofence_m": "never nearer to the line; at most the least offset_km",
    "object_class": "what moves",
    "pattern": "along the line; to it and back; in a field; through a crossing point",
    "parties": "whose",
    "per_day_100km": "how many a day and 100 km of line, each party",
    "reach_m": "how near to the line it comes; negative: beyond it",
    "pause_min": "time spent there",
    "count": "objects that go together; of crossing_points, how many there are",
    "notified": "announced to the mission, so permitted",
    "expected": "verdict in the truth, where not by the rules",
    "weapon": "what makes the sound or light, or digs",
    "kind": "what each of the phenomena is; `works` and `mine` go with `digging`",
    "stands": "on its own side or beyond the line",
    "rounds": "phenomena of one group",
    "interval_s": "from one to the next",
    "calibre_mm": "calibre",
    "target_km": "impacts so far past the line; negative: before it; nothing: none",
    "flight_s": "from launch to impact",
    "spread_m": "scatter (standard deviation)",
    "answered_frac": "share that is answered from across the line",
    "radius_km": "of the jamming",
    "duration_h": "of the jamming",
    "sensors": "how many are captured",
    "invents": "what they report that never was",
    "per_day": "inventions a day, each sensor",
    "missing_frac": "share of reports that never arrive",
    "duplicate_frac": "share of reports that come twice",
    "power_outages_per_day": "a sensor without power",
    "power_outage_h": "how long",
    "link_outages_per_day": "a sensor without link; it sends later",
    "link_outage_h": "how long",
    "regional_outages_per_day": "all sensors of a region without power",
    "regional_outage_km": "radius of the region",
    "regional_outage_h": "how long",
    "resent_frac": "share of delayed bursts that come twice",
    "jamming_discs": "jamming of nobody's, in the whole run",
    "jamming_radius_km": "its radius",
    "jamming_h": "how long",
    "hour_fault_sensors": "clocks wrong by a whole hour, in the whole run",
    "hour_fault_h": "how long",
    "drifting_clock_frac": "share of clocks that drift",
    "reboots_per_day": "restarts of a sensor at random (`boot` + 1, `seq` from 0)",
    "power_cut_reboots": "a sensor restarts when its power is back, too",
    "false_alarm_factor": "times the data sheets' false alarms",
    "understated_error_frac": "share that states half of its error",
    "overstated_error_frac": "share that states double its error",
    "biased_frac": "share with a constant error of place",
    "heavy_tail_frac": "share with errors now and then four times as large",
    "poor_detection_frac": "share that detects half of what its data sheet says",
    "class_wrong_frac": "share of tracks given a wrong class",
    "babbling_sensors": "radars that babble, in the whole run",
    "babble_per_s": "false fixes of each",
    "babble_h": "how long",
}
"""What each key means, wherever it stands (`type` is the sensor types' list)."""

UNITS: Final = {
    "_km": "km",
    "_m": "m",
    "_mm": "mm",
    "_mps": "m/s",
    "_h": "h",
    "_min": "min",
    "_s": "s",
    "hours": "h",
    "days": "days",
    "_per_day": "a day",
    "per_day": "a day",
    "_per_s": "a second",
    "per_day_100km": "a day and 100 km",
}
"""Units by how a key ends; the longest ending counts."""
_LANGUAGE: Final = {
    "FloatType": "number",
    "IntType": "whole number",
    "StrType": "text",
    "BoolType": "true/false",
}


@dataclass(frozen=True)
class Key:
    """One key: its section ("" at the top), name, what may stand there, unit (or ""), default, and meaning."""

    section: str
    name: str
    allowed: str
    unit: str
    default: str
    meaning: str


def scenario_keys() -> list[Key]:
    """All keys of a scenario file in the order of its sections.

    >>> key = next(key for key in scenario_keys() if key.name == "battery_h")
    >>> (key.section, key.allowed, key.unit, key.default)
    ('flights', 'number 0.1 to 48', 'h', 'nothing')
    """
    top: Any = inspect.type_info(Scenario)
    sections = [field for field in top.fields if field.name in (*LISTS, *MAPPINGS)]
    made = [_key("", field) for field in top.fields if field not in sections]
    for field in sections:
        form: Any = field.type.item_type if field.name in LISTS else field.type
        made += [_key(field.name, inner) for inner in form.fields]
    return made


def keys_text() -> str:
    """The keys as lines of text, a paragraph a section."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield "A scenario file is YAML. Beside the keys below it may have:"
    yield "  extends: NAME   start from that packaged scenario and change, by `name` (or `type`), what stands below"
    yield "  without: [...]  names or types of it to leave out"
    section = None
    for key in scenario_keys():
        if key.section != section:
            section = key.section
            what = {True: "a list of items", False: "a mapping"}[section in LISTS] if section else ""
            yield ""
            yield f"{section} ({what})" if section else "at the top"
        unit = f" {key.unit}" if key.unit else ""
        yield f"  {key.name}: {key.allowed}{unit}; {key.default}"
        yield f"      {key.meaning}"


def _key(section: str, field: Any) -> Key:
    if field.name == "type":
        flies = section == "flights"
        types = [
            name for name, model in CATALOGUE.items() if section == "spoofs" or model.is_airborne == flies
        ]
        return Key(section, "type", ", ".join(types), "", _default(field), "the kind of sensor")
    allowed = (
        "[from, to] " + _span(field.name)
        if field.name in LIMITS and _is_span(field.type)
        else _allowed(field.type)
    )
    return Key(section, field.name, allowed, _unit(field.name), _default(field), MEANINGS[field.name])


def _is_span(form: Any) -> bool:
    options = form.types if isinstance(form, inspect.UnionType) else (form,)
    return any(isinstance(one, inspect.TupleType) for one in options)


def _span(name: str) -> str:
    low, high = LIMITS[name]
    return f"within {low:g} to {high:g}"


def _allowed(form: Any) -> str:
    if isinstance(form, inspect.UnionType):
        return " or ".join(_allowed(one) for one in form.types if not isinstance(one, inspect.NoneType))
    if isinstance(form, inspect.LiteralType):
        return "/".join(map(str, form.values))
    if isinstance(form, inspect.VarTupleType):
        return f"list of {_allowed(form.item_type)}"
    name = _LANGUAGE[type(form).__name__]
    low, above, high = (getattr(form, bound, None) for bound in ("ge", "gt", "le"))
    if high is None:
        return name
    return f"{name} above {above:g} to {high:g}" if low is None else f"{name} {low:g} to {high:g}"


def _unit(name: str) -> str:
    if name == "count" or name.endswith("_factor"):
        return ""
    endings = [ending for ending in UNITS if name.endswith(ending)]
    return UNITS[max(endings, key=len)] if endings else ""


def _default(field: Any) -> str:
    if field.required:
        return "required"
    value = field.default
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return "[" + ", ".join(f"{one:g}" if isinstance(one, float) else str(one) for one in value) + "]"
    assert value is not msgspec.NODEFAULT
    return str(value)
