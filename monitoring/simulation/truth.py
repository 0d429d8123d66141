"""The truth file: what really happened in a run, and which event came from what.

NDJSON, apart from the events: first a `header`, then one `happening` a line, then `links`. Its form is
`truth_schema()`. Nothing that detects may read it.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal, get_args

TRUTH_FORMAT: Final = 1
HappeningKind = Literal[
    "movement",
    "crossing",
    "incursion",
    "presence",
    "fire",
    "works",
    "jamming",
    "deception",
    "outage",
    "build_up",
]
Band = Literal["observable", "in_reach", "out_of_reach"]
OBSERVABLE_P: Final = 0.95
OBSERVABLE_SIGMAS: Final = 3.0
IN_REACH_P: Final = 0.05


@dataclass(frozen=True)
class Place:
    """A place of a happening; `role` is `at`, `origin`, `impact`, `deepest`, `exit`."""

    role: str
    lon: float
    lat: float
    signed_distance_m: float
    chainage_m: float


@dataclass(frozen=True)
class RuleTruth:
    """A rule whose condition held, and the verdict that an all-knowing judge would give."""

    rule_id: str
    verdict: str


@dataclass(frozen=True)
class Happening:
    """One thing that happened.

    `party` is whose forces (`A`, `B`, `civilian`; `none` of an outage); `direction` of a crossing `A>B` or `B>A`;
    `depth_m` the greatest depth beyond the line (crossing) or inside the buffer (incursion); `phenomena` counts what
    could be recorded, `noticed` those of fire that at least one sensor reported (people apart), `rounds` what was
    fired; `detection_prob` the chance that all sensors together had to detect it, `sensor_types` those of them that
    had a chance of one in twenty; `depth_sigmas` the depth in standard deviations of the best fix; `speed_mps` the
    usual speed; `of` the movement or the answered fire.
    `attributable_prob` is the chance that somebody saw whose forces they were (movement) or placed the launch
    (fire); `is_determinable` whether sensors could have told whose deed it was (see `determinable`); both are
    absent where the question does not arise. Of an outage `objects` counts the posts that it took (`sensor_ids`) and
    `phenomena` those whose silence could show (see `outage_truth`); of a build-up `objects` and `phenomena` count who
    was there at once (see `build_ups`).
    """

    id: str
    kind: HappeningKind
    actor: str
    party: str
    object_class: str
    objects: int
    time_start_ns: int
    time_end_ns: int
    places: tuple[Place, ...]
    extent_m: float
    rules: tuple[RuleTruth, ...]
    detection_prob: float
    band: Band
    depth_m: float | None = None
    depth_sigmas: float | None = None
    direction: str | None = None
    phenomena: int | None = None
    noticed: int | None = None
    rounds: int | None = None
    speed_mps: float | None = None
    sensor_types: tuple[str, ...] = ()
    of: str | None = None
    attributable_prob: float | None = None
    is_determinable: bool | None = None
    sensor_ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class Links:
    """Events (`ids`) and tracks of one sensor that came from one happening (null = false alarms)."""

    sensor_id: str
    happening: str | None
    ids: tuple[str, ...]
    track_ids: tuple[str, ...]


@dataclass(frozen=True)
class Truth:
    """Everything that is known about a run. `header` names scenario, seed, period and versions."""

    header: dict[str, Any]
    happenings: tuple[Happening, ...]
    links: tuple[Links, ...] = field(default=())

    def of_rule(self, rule_id: str) -> list[Happening]:
        """The happenings for which the condition of `rule_id` held, whatever the verdict."""
        return [h for h in self.happenings if any(r.rule_id == rule_id for r in h.rules)]


def band(detection_prob: float, depth_sigmas: float | None) -> Band:
    """How well a happening could be observed.

    >>> band(0.99, 10.0), band(0.99, 1.0), band(0.01, None)
    ('observable', 'in_reach', 'out_of_reach')
    """
    if detection_prob < IN_REACH_P:
        return "out_of_reach"
    is_deep = depth_sigmas is None or depth_sigmas >= OBSERVABLE_SIGMAS
    return "observable" if detection_prob >= OBSERVABLE_P and is_deep else "in_reach"


def truth_lines(truth: Truth) -> Iterator[str]:
    """The lines of the truth file, each canonical JSON without its newline."""
    yield _line({"type": "header", "truth_format": TRUTH_FORMAT, **truth.header})
    for happening in truth.happenings:
        record = {key: value for key, value in asdict(happening).items() if value is not None}
        yield _line({"type": "happening", **record})
    for links in truth.links:
        yield _line({"type": "links", **asdict(links)})


class TruthInvalid(ValueError):
    """A truth file cannot be read; says which line and why."""


def parse_truth(lines: Iterable[str], file: str = "truth") -> Truth:
    """The truth that `truth_lines` wrote; raises TruthInvalid naming file and line."""
    header: dict[str, Any] | None = None
    happenings: list[Happening] = []
    links: list[Links] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
            kind = record.pop("type")
            if kind == "header":
                if record.pop("truth_format") != TRUTH_FORMAT:
                    raise TruthInvalid(
                        f"{file}, line {number}: this program reads truth_format {TRUTH_FORMAT}"
                    )
                header = record
            elif kind == "happening":
                places = tuple(Place(**place) for place in record.pop("places"))
                rules = tuple(RuleTruth(**rule) for rule in record.pop("rules"))
                for name in ("sensor_types", "sensor_ids"):
                    record[name] = tuple(record.get(name, ()))
                happenings.append(Happening(**record, places=places, rules=rules))
            elif kind == "links":
                ids, tracks = tuple(record.pop("ids")), tuple(record.pop("track_ids"))
                links.append(Links(**record, ids=ids, track_ids=tracks))
            else:
                raise TruthInvalid(f"{file}, line {number}: unknown type {kind!r}")
        except (json.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
            raise TruthInvalid(f"{file}, line {number}: is no record of a truth file ({error})") from error
    if header is None:
        raise TruthInvalid(f"{file}: has no header line; was it written by `contactline simulate --truth`?")
    return Truth(header, tuple(happenings), tuple(links))


def truth_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of one line of a truth file."""
    number, text, integer = {"type": "number"}, {"type": "string"}, {"type": "integer"}
    place = _object(
        {"role": text, "lon": number, "lat": number, "signed_distance_m": number, "chainage_m": number}
    )
    rule = _object({"rule_id": text, "verdict": {"enum": ["violation", "permitted", "undetermined"]}})
    happening = {
        "type": {"const": "happening"},
        "id": text,
        "kind": {"enum": list(get_args(HappeningKind))},
        "actor": text,
        "party": {"enum": ["A", "B", "civilian", "none"]},
        "object_class": text,
        "objects": integer,
        "time_start_ns": integer,
        "time_end_ns": integer,
        "places": {"type": "array", "items": place, "minItems": 1},
        "extent_m": number,
        "rules": {"type": "array", "items": rule},
        "detection_prob": {"type": "number", "minimum": 0, "maximum": 1},
        "band": {"enum": ["observable", "in_reach", "out_of_reach"]},
    }
    optional = {
        "depth_m": number,
        "depth_sigmas": number,
        "direction": {"enum": ["A>B", "B>A"]},
        "phenomena": integer,
        "noticed": integer,
        "rounds": integer,
        "speed_mps": number,
        "sensor_types": {"type": "array", "items": text},
        "of": text,
        "attributable_prob": {"type": "number", "minimum": 0, "maximum": 1},
        "is_determinable": {"type": "boolean"},
        "sensor_ids": {"type": "array", "items": text},
    }
    header = {
        "type": {"const": "header"},
        "truth_format": {"const": TRUTH_FORMAT},
        "scenario": text,
        "seed": integer,
        "from_ns": integer,
        "to_ns": integer,
        "density": number,
        "rules": {"type": "array", "items": text},
        "line_m": number,
        "line_version": text,
        "agreement_version": text,
        "engine_version": text,
    }
    names = {"type": "array", "items": text}
    links = {
        "type": {"const": "links"},
        "sensor_id": text,
        "happening": {"type": ["string", "null"]},
        "ids": names,
        "track_ids": names,
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "One line of a contactline truth file",
        "oneOf": [
            {**_object(header), "additionalProperties": True},
            _object(happening, optional),
            _object(links),
        ],
    }


def _object(required: dict[str, Any], optional: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "type": "object",
        "required": list(required),
        "properties": {**required, **(optional or {})},
        "additionalProperties": False,
    }


def _line(record: dict[str, Any]) -> str:
    return json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
