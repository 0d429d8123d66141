"""What a scenario file says, and how it is read.

A scenario is data: which sensors stand along the line, who moves, who fires, what is innocent, and what
goes wrong. Rates are per day and 100 km of line, so that a scenario fits a line of any length; places are
given by how far they lie from the line, never by coordinates. Anything not understood is refused with file,
key, reason.
"""

import re
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec
import yaml

from monitoring.simulation.catalogue import CATALOGUE

Fraction = Annotated[float, msgspec.Meta(ge=0, le=1)]
Rate = Annotated[float, msgspec.Meta(ge=0, le=100_000)]
Positive = Annotated[float, msgspec.Meta(gt=0, le=100_000)]
Span = tuple[float, float]
Party = Literal["A", "B", "civilian"]
ObjectClass = Literal[
    "person",
    "group",
    "light_vehicle",
    "armoured_vehicle",
    "tank",
    "artillery",
    "mlrs",
    "mortar",
    "uav_small",
    "uav_large",
]


class ScenarioError(ValueError):
    """A scenario cannot be used: says which file, which key, and why."""

    def __init__(self, file: str, key: str, reason: str) -> None:
        self.file, self.key, self.reason = file, key, reason
        super().__init__(f"{file}: {key}: {reason}")


class Posts(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A chain of fixed sensors of one type on both sides of the line (or on the host's named in `hosts`).

    `spacing_km` is the average; with `is_concentrated` they stand closer where the line is hot. `gap_frac` of
    the places stay empty.
    """

    type: str
    spacing_km: Annotated[float, msgspec.Meta(gt=0.5, le=2_000)]
    offset_km: Span
    hosts: tuple[Literal["A", "B"], ...] = ("A", "B")
    gap_frac: Fraction = 0.1
    is_concentrated: bool = False


class Flights(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The monitors' unmanned aircraft: each flies along its own stretch of the line, shift after shift."""

    type: str
    spacing_km: Annotated[float, msgspec.Meta(gt=1, le=2_000)]
    offset_km: Span
    route_km: Positive = 40.0
    speed_mps: Annotated[float, msgspec.Meta(ge=5, le=120)] = 25.0
    shift_h: Annotated[float, msgspec.Meta(ge=0.1, le=24)] = 3.0
    pause_h: Annotated[float, msgspec.Meta(ge=0.1, le=24)] = 4.0


class Movement(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Objects that move.

    `along`: out and back in parallel to the line at `offset_km`. `approach`: from `offset_km` straight
    towards the line until `reach_m` before it (negative: beyond it), `pause_min` there, and back. `field`:
    to and fro in a patch of `length_km` around a place at `offset_km`. The offset is on the party's own
    side.
    """

    name: Annotated[str, msgspec.Meta(pattern="^[a-z0-9_-]{1,40}$")]
    object_class: ObjectClass
    pattern: Literal["along", "approach", "field"]
    parties: tuple[Party, ...] = ("A", "B")
    per_day_100km: Rate
    offset_km: Span
    length_km: Span = (2.0, 6.0)
    reach_m: Span = (500.0, 1500.0)
    pause_min: Span = (0.0, 10.0)
    speed_mps: Span
    count: tuple[int, int] = (1, 1)
    hours: Span = (0.0, 24.0)
    is_concentrated: bool = False
    expected: Literal["by_rules", "permitted", "undetermined"] = "by_rules"


class Fire(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Firing groups, or innocent bangs (`parties: [civilian]`, which break no rule).

    A group at `offset_km` on its own side fires `rounds` phenomena of `kind`, `interval_s` apart. With
    `target_km` each is followed after `flight_s` by an impact that far beyond the line. With probability
    `answered_frac` the other party answers from across the line, which is a happening of its own.
    """

    name: Annotated[str, msgspec.Meta(pattern="^[a-z0-9_-]{1,40}$")]
    weapon: Literal[
        "mortar", "artillery", "mlrs", "tank", "small_arms", "flare", "blast", "thunder", "fireworks"
    ]
    kind: Literal["launch", "explosion", "shot", "burst", "flare"]
    parties: tuple[Party, ...] = ("A", "B")
    per_day_100km: Rate
    offset_km: Span
    rounds: tuple[int, int]
    interval_s: Span
    calibre_mm: float | None = None
    target_km: Span | None = None
    flight_s: Span = (10.0, 40.0)
    spread_m: Annotated[float, msgspec.Meta(ge=0, le=20_000)] = 80.0
    hours: Span = (0.0, 24.0)
    is_concentrated: bool = True
    answered_frac: Fraction = 0.0


class Faults(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """What goes wrong between a happening and the door."""

    missing_frac: Fraction = 0.004
    duplicate_frac: Fraction = 0.002
    power_outages_per_day: Rate = 0.05
    power_outage_h: Span = (0.2, 3.0)
    link_outages_per_day: Rate = 0.08
    link_outage_h: Span = (0.2, 2.5)
    resent_frac: Fraction = 0.3
    jamming_discs: Annotated[int, msgspec.Meta(ge=0, le=100)] = 2
    jamming_radius_km: Span = (5.0, 25.0)
    jamming_h: Span = (0.5, 4.0)
    hour_fault_sensors: Annotated[int, msgspec.Meta(ge=0, le=1_000)] = 1
    drifting_clock_frac: Fraction = 0.02
    reboots_per_day: Rate = 0.1
    false_alarm_factor: Rate = 1.0
    understated_error_frac: Fraction = 0.04
    overstated_error_frac: Fraction = 0.04
    biased_frac: Fraction = 0.03
    heavy_tail_frac: Fraction = 0.05


class Concentration(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Where the line is hot: `stretches` parts of `length_km`, `weight` times as active as the rest."""

    stretches: Annotated[int, msgspec.Meta(ge=0, le=100)] = 5
    length_km: Positive = 40.0
    weight: Annotated[float, msgspec.Meta(ge=1, le=1_000)] = 12.0


class Scenario(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A whole scenario; `swap_sides` exchanges the names of the parties and nothing else."""

    format: Literal[1]
    name: Annotated[str, msgspec.Meta(pattern="^[a-z0-9-]{1,40}$")]
    summary: str
    swap_sides: bool = False
    concentration: Concentration = Concentration()
    posts: tuple[Posts, ...]
    flights: tuple[Flights, ...] = ()
    movements: tuple[Movement, ...] = ()
    fires: tuple[Fire, ...] = ()
    faults: Faults = Faults()

    def swapped(self) -> "Scenario":
        """The same scenario with the parties' names exchanged."""
        return msgspec.structs.replace(self, swap_sides=not self.swap_sides)


def scenario_names() -> tuple[str, ...]:
    """Names of the packaged scenarios, sorted.

    >>> scenario_names()
    ('busy-day', 'quiet-day')
    """
    folder = resources.files("monitoring.simulation") / "scenarios"
    return tuple(sorted(f.name.removesuffix(".yaml") for f in folder.iterdir() if f.name.endswith(".yaml")))


def scenario_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a scenario file."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **msgspec.json.schema(Scenario)}


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
        content = (resources.files("monitoring.simulation") / "scenarios" / f"{text}.yaml").read_bytes()
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
    try:
        raw = yaml.safe_load(content)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}" if mark else "file"
        raise ScenarioError(
            file, where, f"is not YAML: {getattr(error, 'problem', None) or error}"
        ) from error
    if not isinstance(raw, dict):
        raise ScenarioError(file, "file", "must be a mapping of keys; see `contactline simulate --help`")
    try:
        scenario = msgspec.convert(raw, Scenario)
    except msgspec.ValidationError as error:
        key, reason = _key_and_reason(str(error))
        raise ScenarioError(file, key, reason) from error
    _check(scenario, file)
    return scenario


def _key_and_reason(message: str) -> tuple[str, str]:
    reason, _, at = message.partition(" - at `$")
    key = at.removesuffix("`").lstrip(".")
    unknown = re.search(r"unknown field `([^`]*)`", reason)
    if unknown:
        return ".".join(filter(None, [key, unknown[1]])), "unknown key"
    missing = re.search(r"missing required field `([^`]*)`", reason)
    if missing:
        return ".".join(filter(None, [key, missing[1]])), "is missing"
    return key or "file", reason[:1].lower() + reason[1:]


def _check(scenario: Scenario, file: str) -> None:
    """The conditions that tie several values together."""

    def refuse(key: str, reason: str) -> None:
        raise ScenarioError(file, key, reason)

    for group in ("posts", "flights"):
        for i, item in enumerate(getattr(scenario, group)):
            if item.type not in CATALOGUE:
                refuse(
                    f"{group}[{i}].type",
                    f"`{item.type}` is no sensor type; there are: {', '.join(CATALOGUE)}",
                )
            if CATALOGUE[item.type].is_airborne != (group == "flights"):
                refuse(
                    f"{group}[{i}].type", f"`{item.type}` {'flies' if group == 'posts' else 'does not fly'}"
                )
            _check_spans(item, f"{group}[{i}]", refuse)
    for group in ("movements", "fires"):
        for i, item in enumerate(getattr(scenario, group)):
            _check_spans(item, f"{group}[{i}]", refuse)
            if not item.parties:
                refuse(f"{group}[{i}].parties", "names nobody")
    for i, move in enumerate(scenario.movements):
        if move.pattern == "approach" and move.reach_m[1] >= move.offset_km[0] * 1_000:
            refuse(f"movements[{i}].reach_m", "must end nearer to the line than offset_km begins")
    _check_spans(scenario.faults, "faults", refuse)
    names = [move.name for move in scenario.movements] + [fire.name for fire in scenario.fires]
    for name in names:
        if names.count(name) > 1:
            refuse("movements, fires", f"the name `{name}` stands twice")


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
    "target_km": (0.05, 100.0),
    "power_outage_h": (0.0, 48.0),
    "link_outage_h": (0.0, 48.0),
    "jamming_h": (0.0, 48.0),
    "jamming_radius_km": (0.1, 500.0),
}
"""Least and greatest value of each span, wherever it stands.

Rounds come closer than the ten minutes that would make two happenings of one.
"""


def _check_spans(item: Any, at: str, refuse: Callable[[str, str], None]) -> None:
    for name, (low, high) in LIMITS.items():
        span = getattr(item, name, None)
        if not isinstance(span, tuple):
            continue
        if span[0] > span[1]:
            refuse(f"{at}.{name}", f"starts at {span[0]:g} and ends below, at {span[1]:g}")
        if span[0] < low or span[1] > high:
            refuse(f"{at}.{name}", f"must lie between {low:g} and {high:g}")
        if name == "hours" and span[0] == span[1]:
            refuse(f"{at}.{name}", "leaves no time of day")
