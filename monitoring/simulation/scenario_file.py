"""Reading a scenario file: the packaged ones by name, any other by its path.

A file may say `extends: NAME` (a packaged scenario). It then starts from that one: an item of a list with
the `name` of one there (a `type`, among posts and flights) changes the keys it gives, any other item is
added; `without` lists names or types to leave out; mappings are joined key by key; everything else is
replaced. Anything not understood is refused with file, key, reason.
"""

import math
import re
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any, Final

import msgspec

from monitoring.simulation.catalogue import CATALOGUE
from monitoring.simulation.scenario import Movement, Scenario, ScenarioError, Span
from monitoring.simulation.scenario_words import key_and_reason, read_mapping

FOLDER: Final = "monitoring.simulation"
LISTS: Final = {
    "posts": "type",
    "flights": "type",
    "movements": "name",
    "fires": "name",
    "jammers": "name",
    "spoofs": "name",
}
"""The lists of a scenario and the key that names their items."""
MAPPINGS: Final = ("concentration", "crossing_points", "weather", "faults")


def scenario_names() -> tuple[str, ...]:
    """Names of the packaged scenarios, sorted.

    >>> "quiet-day" in scenario_names()
    True
    """
    folder = resources.files(FOLDER) / "scenarios"
    return tuple(sorted(f.name.removesuffix(".yaml") for f in folder.iterdir() if f.name.endswith(".yaml")))


def scenario_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a whole scenario, what it extends filled in."""
    made: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **msgspec.json.schema(Scenario),
    }
    return made


def load_scenario(name_or_path: str | Path) -> Scenario:
    """The packaged scenario of that name, or the one in that file.

    Raises
    ------
    ScenarioError
        naming the file, the key (`movements[2].speed_mps`) and the reason.

    >>> load_scenario("quiet-day").name
    'quiet-day'
    """
    text = str(name_or_path)
    if text in scenario_names():
        content = (resources.files(FOLDER) / "scenarios" / f"{text}.yaml").read_bytes()
        return parse_scenario(content, f"{text}.yaml")
    path = Path(name_or_path)
    if not path.is_file():
        known = ", ".join(scenario_names())
        raise ScenarioError(
            text, "file", f"no such file, and no packaged scenario of that name (there are: {known})"
        )
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ScenarioError(text, "file", f"cannot be read: {error.strerror}") from error
    return parse_scenario(content, text)


def parse_scenario(content: bytes, file: str) -> Scenario:
    """A scenario from the bytes of a YAML (or JSON) file; `file` names it in errors."""
    own = read_mapping(content, file)
    raw = _extended(own, file)
    try:
        try:
            scenario = msgspec.convert(raw, Scenario)
        except msgspec.ValidationError as error:
            key, reason = key_and_reason(str(error), Scenario, raw)
            raise ScenarioError(file, key, reason) from error
        _check(scenario, file)
    except ScenarioError as error:
        raise ScenarioError(file, _as_written(error.key, own, raw), error.reason) from error
    return scenario


def _as_written(key: str, own: dict[str, Any], raw: dict[str, Any]) -> str:
    """A key of the whole scenario as the file has it: its own position of an item, else the item's name."""
    at = re.match(r"(\w+)\[(\d+)\]", key)
    if "extends" not in own or at is None or at[1] not in LISTS:
        return key
    item, naming = raw[at[1]][int(at[2])], LISTS[at[1]]
    name = item.get(naming) if isinstance(item, dict) else None
    for i, written in enumerate(own.get(at[1]) or []):
        if written == item or (
            isinstance(written, dict) and name is not None and written.get(naming) == name
        ):
            return f"{at[1]}[{i}]{key[at.end() :]}"
    return f"{at[1]}[{name}]{key[at.end() :]}"


def whole_scenario(content: bytes, file: str) -> dict[str, Any]:
    """The keys of a scenario file with what it extends filled in, as written, not yet checked."""
    return _extended(read_mapping(content, file), file)


def _extended(own: dict[str, Any], file: str) -> dict[str, Any]:
    """The scenario's keys with those of the one it extends."""
    base_name = own.get("extends")
    without = own.get("without", [])
    if base_name is None:
        if "without" in own:
            raise ScenarioError(file, "without", "means something only beside `extends`")
        return own
    if base_name not in scenario_names():
        raise ScenarioError(
            file, "extends", f"no packaged scenario `{base_name}` (there are: {', '.join(scenario_names())})"
        )
    if not isinstance(without, list):
        raise ScenarioError(file, "without", "must be a list of names and types")
    content = (resources.files(FOLDER) / "scenarios" / f"{base_name}.yaml").read_bytes()
    made = dict(whole_scenario(content, f"{base_name}.yaml"))
    known = {item[key] for name, key in LISTS.items() for item in made.get(name, [])}
    for i, name in enumerate(without):
        if not isinstance(name, str) or name not in known:
            raise ScenarioError(file, f"without[{i}]", f"`{name}` is nothing that `{base_name}` has")
    for name, key in LISTS.items():
        made[name] = [item for item in made.get(name, []) if item[key] not in without]
    for name, value in own.items():
        if name in LISTS and isinstance(value, list):
            made[name] = _joined(made[name], value, LISTS[name])
        elif name in MAPPINGS and isinstance(value, dict):
            made[name] = {**made.get(name, {}), **value}
        elif name not in ("extends", "without"):
            made[name] = value
    return made


def _joined(base: list[Any], own: list[Any], key: str) -> list[Any]:
    """The items of `base`, changed by those of `own` with the same key; the others of `own` after them."""
    made = [dict(item) for item in base]
    position = {item[key]: i for i, item in enumerate(made)}
    for item in own:
        name = item.get(key) if isinstance(item, dict) else None
        at = position.get(name) if isinstance(name, str) else None
        if at is None:
            made.append(item)
        else:
            made[at].update(item)
    return made


Refuse = Callable[[str, str], None]
"""Called with key and reason; raises."""


def _check(scenario: Scenario, file: str) -> None:
    """The conditions that tie several values together."""

    def refuse(key: str, reason: str) -> None:
        raise ScenarioError(file, key, reason)

    _check_items(scenario, refuse)
    _check_spans(scenario.faults, "faults", refuse)
    if scenario.faults.understated_error_frac + scenario.faults.overstated_error_frac > 1:
        refuse("faults.overstated_error_frac", "and understated_error_frac add up to more than 1")
    _check_spans(scenario.crossing_points, "crossing_points", refuse)
    for i, move in enumerate(scenario.movements):
        _check_movement(move, bool(scenario.crossing_points.count), f"movements[{i}]", refuse)
    for i, fire in enumerate(scenario.fires):
        if fire.target_km is not None and fire.target_km[0] <= -fire.offset_km[0]:
            refuse(f"fires[{i}].target_km", "must begin nearer to the line than the group stands")
        if (fire.weapon == "digging") != (fire.kind in ("works", "mine")):
            refuse(f"fires[{i}].kind", "`works` and `mine` go with the weapon `digging` and with no other")
    for i, fleet in enumerate(scenario.flights):
        if fleet.geofence_m is not None and fleet.geofence_m > fleet.offset_km[0] * 1_000:
            refuse(
                f"flights[{i}].geofence_m",
                f"must not lie beyond where offset_km begins: at most {fleet.offset_km[0] * 1_000:g}",
            )
    for i, spoof in enumerate(scenario.spoofs):
        if spoof.type not in {posts.type for posts in scenario.posts}:
            refuse(f"spoofs[{i}].type", f"no posts of type `{spoof.type}` stand in this scenario")
    names = [item.name for group in (scenario.movements, scenario.fires) for item in group]
    for name in names:
        if names.count(name) > 1:
            refuse("movements, fires", f"the name `{name}` stands twice")


def _check_items(scenario: Scenario, refuse: Refuse) -> None:
    for name in LISTS:
        for i, item in enumerate(getattr(scenario, name)):
            _check_spans(item, f"{name}[{i}]", refuse)
            if name in ("posts", "flights"):
                _check_sensor(item.type, name == "flights", f"{name}[{i}].type", refuse)
                if name == "posts" and not item.hosts:
                    refuse(f"{name}[{i}].hosts", "names nobody")
            elif not item.parties:
                refuse(f"{name}[{i}].parties", "names nobody")


def _check_sensor(name: str, is_flight: bool, at: str, refuse: Refuse) -> None:
    if name not in CATALOGUE:
        refuse(at, f"`{name}` is no sensor type; there are: {', '.join(CATALOGUE)}")
    if CATALOGUE[name].is_airborne != is_flight:
        refuse(at, f"`{name}` {'does not fly' if is_flight else 'flies'}")


def _check_movement(move: Movement, has_points: bool, at: str, refuse: Refuse) -> None:
    if move.pattern == "approach" and move.reach_m[1] >= move.offset_km[0] * 1_000:
        refuse(f"{at}.reach_m", "must end nearer to the line than offset_km begins")
    if move.pattern == "queue":
        if not has_points:
            refuse(f"{at}.pattern", "queues need crossing_points.count above 0")
        if move.reach_m[1] >= 0:
            refuse(f"{at}.reach_m", "of a queue is how far beyond the line it goes: below 0")
        if move.offset_km[0] < 1.0:
            refuse(f"{at}.offset_km", "of a queue begins at 1 or more: the queue is 0.9 km long")


LIMITS: Final[dict[str, Span]] = {
    "offset_km": (0.02, 100.0),
    "length_km": (0.05, 500.0),
    "reach_m": (-100_000.0, 100_000.0),
    "pause_min": (0.0, 1_440.0),
    "speed_mps": (0.1, 300.0),
    "count": (1, 10_000),
    "hours": (0.0, 24.0),
    "rounds": (1, 10_000),
    "interval_s": (0.01, 499.0),
    "flight_s": (0.0, 300.0),
    "target_km": (-50.0, 100.0),
    "radius_km": (0.1, 500.0),
    "duration_h": (0.01, 240.0),
    "regional_outage_km": (0.1, 1_000.0),
    "regional_outage_h": (0.0, 240.0),
    "hour_fault_h": (0.0, 1_000.0),
    "babble_h": (0.0, 48.0),
    "power_outage_h": (0.0, 48.0),
    "link_outage_h": (0.0, 48.0),
    "jamming_h": (0.0, 48.0),
    "jamming_radius_km": (0.1, 500.0),
}
"""Least and greatest value of each span, wherever it stands.

Rounds come closer than the ten minutes that would make two happenings of one.
"""


def _check_spans(item: Any, at: str, refuse: Refuse) -> None:
    for name, (low, high) in LIMITS.items():
        span = getattr(item, name, None)
        if not isinstance(span, tuple):
            continue
        if not all(map(math.isfinite, span)):
            refuse(f"{at}.{name}", "must be two numbers, from and to")
        if span[0] > span[1]:
            advice = "; for hours over midnight write two items" if name == "hours" else ""
            refuse(f"{at}.{name}", f"starts at {span[0]:g} and ends below, at {span[1]:g}{advice}")
        if span[0] < low or span[1] > high:
            refuse(f"{at}.{name}", f"must lie between {low:g} and {high:g}")
        if name == "hours" and span[0] == span[1]:
            refuse(f"{at}.{name}", "leaves no time of day")
