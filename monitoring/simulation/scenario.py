"""What a scenario file may say.

A scenario is data: which sensors stand along the line, who moves, who fires, who jams or lies, what is
innocent, and what goes wrong. Rates are per day and 100 km of line, so that a scenario fits a line of any
length; places are given by how far they lie from the line, never by coordinates. `scenario_file` reads it.
"""

from typing import Annotated, Literal

import msgspec

Fraction = Annotated[float, msgspec.Meta(ge=0, le=1)]
Rate = Annotated[float, msgspec.Meta(ge=0, le=100_000)]
Positive = Annotated[float, msgspec.Meta(gt=0, le=100_000)]
Span = tuple[float, float]
Party = Literal["A", "B", "civilian"]
Name = Annotated[str, msgspec.Meta(pattern="^[a-z0-9_-]{1,40}$")]
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
    "animal",
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
    """The monitors' unmanned aircraft: each flies along its own stretch of the line, shift after shift.

    With `battery_h` it is never longer in the air at once: it lands by its route and stands `change_min` there,
    without a look or a report. Further than `link_km` from its base it keeps its reports and sends them when it is
    back within reach (its type may lose them instead). With `geofence_m` it is never nearer to the line than that,
    on its host's side: its route is bent, and cut where that does not help.
    """

    type: str
    spacing_km: Annotated[float, msgspec.Meta(gt=1, le=2_000)]
    offset_km: Span
    route_km: Positive = 40.0
    speed_mps: Annotated[float, msgspec.Meta(ge=5, le=120)] = 25.0
    shift_h: Annotated[float, msgspec.Meta(ge=0.1, le=24)] = 3.0
    pause_h: Annotated[float, msgspec.Meta(ge=0.1, le=24)] = 4.0
    battery_h: Annotated[float, msgspec.Meta(ge=0.1, le=48)] | None = None
    change_min: Annotated[float, msgspec.Meta(ge=1, le=600)] = 15.0
    link_km: Annotated[float, msgspec.Meta(ge=0.1, le=1_000)] | None = None
    geofence_m: Annotated[float, msgspec.Meta(ge=0, le=100_000)] | None = None


class Movement(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Objects that move.

    `along`: out and back in parallel to the line at `offset_km`. `approach`: from `offset_km` straight
    towards the line until `reach_m` before it (negative: beyond it), `pause_min` there, and back. `field`:
    to and fro in a patch of `length_km` around a place at `offset_km`. `queue`: to a crossing point, there
    `pause_min` in a queue of up to 900 m before the line, then across by `reach_m` (negative), for good. The
    offset is on the party's own side. What is `notified` was announced to the mission and is permitted.
    """

    name: Name
    object_class: ObjectClass
    pattern: Literal["along", "approach", "field", "queue"]
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
    notified: bool = False
    expected: Literal["by_rules", "permitted", "undetermined"] = "by_rules"


class Fire(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Firing groups, gangs that dig or mine, or innocent bangs (`parties: [civilian]`, which break no rule).

    A group at `offset_km` on its own side (`stands: beyond`: on the other's) makes `rounds` phenomena of
    `kind`, `interval_s` apart. With `target_km` each is followed after `flight_s` by an impact that far past
    the line as seen from the group (negative: before it, which with fire on one's own side is staged). With
    probability `answered_frac` the other party answers from across the line, a happening of its own.
    """

    name: Name
    weapon: Literal[
        "mortar",
        "artillery",
        "mlrs",
        "tank",
        "small_arms",
        "flare",
        "blast",
        "thunder",
        "fireworks",
        "digging",
    ]
    kind: Literal["launch", "explosion", "shot", "burst", "flare", "works", "mine"]
    parties: tuple[Party, ...] = ("A", "B")
    per_day_100km: Rate
    offset_km: Span
    stands: Literal["own", "beyond"] = "own"
    rounds: tuple[int, int]
    interval_s: Span
    calibre_mm: float | None = None
    target_km: Span | None = None
    flight_s: Span = (10.0, 40.0)
    spread_m: Annotated[float, msgspec.Meta(ge=0, le=20_000)] = 80.0
    hours: Span = (0.0, 24.0)
    is_concentrated: bool = True
    answered_frac: Fraction = 0.0
    notified: bool = False


class Jammer(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Jammers of a party: within `radius_km` aircraft lose their place and posts their link, `duration_h` long."""

    name: Name
    parties: tuple[Literal["A", "B"], ...] = ("A", "B")
    per_day_100km: Rate
    offset_km: Span
    radius_km: Span = (5.0, 25.0)
    duration_h: Span = (0.5, 4.0)
    hours: Span = (0.0, 24.0)
    is_concentrated: bool = True


class Spoof(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Sensors that a party has captured: beside what they see they report what never was, to the other's cost.

    `sensors` posts of a type on that party's side each invent `per_day` crossings by the other party, or
    fire by it, between `hours`.
    """

    name: Name
    parties: tuple[Literal["A", "B"], ...] = ("A", "B")
    type: str
    sensors: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 1
    invents: Literal["crossings", "fire"]
    per_day: Rate
    hours: Span = (0.0, 24.0)


class CrossingPoints(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Where civilians may cross, spread along the line, and between which local hours."""

    count: Annotated[int, msgspec.Meta(ge=0, le=1_000)] = 0
    hours: Span = (7.0, 18.0)


class Weather(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Fields of fog (cameras see three tenths as far) and wind (microphones hear half as far).

    The given shares of all cells of `cell_km` and `cell_h` have it.
    """

    fog_frac: Fraction = 0.0
    wind_frac: Fraction = 0.0
    cell_km: Annotated[float, msgspec.Meta(ge=1, le=1_000)] = 40.0
    cell_h: Annotated[float, msgspec.Meta(ge=0.1, le=100)] = 2.0


class Faults(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """What goes wrong between a happening and the door.

    Regional outages take every sensor within their radius at once. `hour_fault_sensors` are wrong by a whole
    hour from some moment on, for `hour_fault_h`. `poor_detection_frac` of the sensors detect half of what
    their data sheet says. Babbling sensors send `babble_per_s` false fixes for `babble_h`.
    """

    missing_frac: Fraction = 0.004
    duplicate_frac: Fraction = 0.002
    power_outages_per_day: Rate = 0.05
    power_outage_h: Span = (0.2, 3.0)
    link_outages_per_day: Rate = 0.08
    link_outage_h: Span = (0.2, 2.5)
    regional_outages_per_day: Rate = 0.0
    regional_outage_km: Span = (20.0, 80.0)
    regional_outage_h: Span = (0.5, 4.0)
    resent_frac: Fraction = 0.3
    jamming_discs: Annotated[int, msgspec.Meta(ge=0, le=100)] = 2
    jamming_radius_km: Span = (5.0, 25.0)
    jamming_h: Span = (0.5, 4.0)
    hour_fault_sensors: Annotated[int, msgspec.Meta(ge=0, le=1_000)] = 1
    hour_fault_h: Span = (24.0, 48.0)
    drifting_clock_frac: Fraction = 0.02
    reboots_per_day: Rate = 0.1
    power_cut_reboots: bool = False
    false_alarm_factor: Rate = 1.0
    understated_error_frac: Fraction = 0.04
    overstated_error_frac: Fraction = 0.04
    biased_frac: Fraction = 0.03
    heavy_tail_frac: Fraction = 0.05
    poor_detection_frac: Fraction = 0.04
    class_wrong_frac: Fraction = 0.03
    babbling_sensors: Annotated[int, msgspec.Meta(ge=0, le=1_000)] = 0
    babble_per_s: Annotated[float, msgspec.Meta(gt=0, le=1_000)] = 5.0
    babble_h: Span = (0.5, 2.0)


class Concentration(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Where the line is hot: `stretches` parts of `length_km`, `weight` times as active as the rest."""

    stretches: Annotated[int, msgspec.Meta(ge=0, le=100)] = 5
    length_km: Positive = 40.0
    weight: Annotated[float, msgspec.Meta(ge=1, le=1_000)] = 12.0


class Scenario(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A whole scenario. `days` is how long it lasts, `density` multiplies everybody's activity; `swap_sides`
    exchanges the names of the parties and nothing else.
    """

    format: Literal[1]
    name: Annotated[str, msgspec.Meta(pattern="^[a-z0-9-]{1,40}$")]
    summary: str
    days: Annotated[int, msgspec.Meta(ge=1, le=31)] = 1
    density: Annotated[float, msgspec.Meta(gt=0, le=1_000)] = 1.0
    swap_sides: bool = False
    concentration: Concentration = Concentration()
    crossing_points: CrossingPoints = CrossingPoints()
    weather: Weather = Weather()
    posts: tuple[Posts, ...]
    flights: tuple[Flights, ...] = ()
    movements: tuple[Movement, ...] = ()
    fires: tuple[Fire, ...] = ()
    jammers: tuple[Jammer, ...] = ()
    spoofs: tuple[Spoof, ...] = ()
    faults: Faults = Faults()

    def swapped(self) -> "Scenario":
        """The same scenario with the parties' names exchanged."""
        return msgspec.structs.replace(self, swap_sides=not self.swap_sides)
