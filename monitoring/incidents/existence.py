"""Existence: whether there was an object behind a track at all, and whether the sensor is to be believed.

A finding's probability is that the rule's condition held; a condition cannot have held for an object that was
not there. Three doubts are weighed, the first two only for an object that one sensor alone saw:

- *Clutter.* Sensors take waves, birds and crops for objects. Such tracks are short: their lives are exponential
  with the mean `tracks.false_life_s`, and of the tracks that a type of sensor begins `tracks.false_per_true` are
  clutter for one that is not. A class, or an affiliation, that the sensor could name speaks for an object; that it
  named none, and no other sensor saw it, speaks against one. A sensor that begins more tracks near the line than
  `tracks.shouting_per_h` has gone wrong: its short tracks are held to be clutter, and are one incident.
- *Invention.* Where other posts, by type and distance (`tracks.watch_m`), should have seen the object and none
  did, all of them missed it with the probability `WATCH_MISS_PROB`, or it was never there. What a sensor's own
  other claims came to is remembered (`Trust`): one whose claims keep being contradicted is believed less. A
  sensor that stands on one party's side and accuses the other begins with less credit.
- *Animals.* Cattle and game are followed for long and named by nobody, or taken for a person. Who would name an
  object and follows something slow without naming it speaks for an animal, each sensor once.

The place of the posts and the line decide which of them look that way; weather and terrain are not known here,
so one silent post proves little.
"""

import json
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from math import exp, log
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitoring import findings
from monitoring.agreement import Parameters
from monitoring.incidents import geometry

NAMED_FACTOR: Final = 8.0
"""So much more often does a sensor name a class, or whose it is, for an object than for clutter."""
ALONE_FACTOR: Final = 5.0
"""So much more often is clutter seen by one sensor only and named by nobody than an object is."""
ANIMALS_PER_OBJECT: Final = 0.25
"""So many animals, or herds, are followed near the line for one object."""
ANIMAL_UNNAMED_FRAC: Final = 0.75
"""So often does a sensor name no class for an animal; else it says: a person."""
UNNAMED_FRAC: Final = {"eo_ir_tower": 0.15, "uav_eo_ir": 0.15, "ground_radar": 0.6}
"""So often does a sensor that follows an object name no class for it; other types than these say nothing by that."""
ANIMAL_MPS: Final = 4.0
"""Animals do not keep up more than this for a minute."""
WATCH_MISS_PROB: Final = (1.0, 0.08, 0.0225, 0.0034, 0.0005)
"""So often do 0, 1, 2 … posts within their reach all miss an object that another sensor follows: terrain, weather, an
outage. One by the table of coverage; several may have a cause in common, and more than four are not more evidence."""
SEEN_S_LEAST: Final = 60.0
"""An object seen for less may have been missed by anybody."""
INVENTED_FRAC: Final = 0.7
"""Share of a captured sensor's claims that it invents."""
CAPTURED_PROB: Final = {False: 0.01, True: 0.05}
"""That a sensor is captured, before anything is known of it; True: it stands on one side and accuses the other."""
UNSHARED_PROB: Final = 0.12
"""The same where posts within reach of the accused object were silent: honest sensors are seldom alone there."""
TRUST_BOUND: Final = 5.0
_WEIGHED: Final = ("probability", "verdict", "confidence", "reasons")
_ON_FOOT: Final = frozenset({"person", "group", None, "unknown"})
_IN_AIR: Final = frozenset({"uav_small", "uav_large", "aircraft", "boat"})

TRUST: Final = pa.schema(
    [
        pa.field("sensor_id", pa.string(), nullable=False),
        pa.field("object", pa.int64()),
        pa.field("log_odds", pa.float64(), nullable=False),
    ]
)
"""By how much the odds that a sensor is captured have grown with its claims (natural logarithm): by all of them where
`object` is null, and by the claim of one object that is still remembered."""


class Sighting(NamedTuple):
    """What is known of the object of a finding: for how long it was seen (s), by how many sensors, whether one
    named a class or whose it is, whether its sensor shouts, and where from the line it was (signed, m); the sensors
    that followed it without naming it, none where one did or it was too fast for an animal."""

    seen_s: float
    sensor_count: int
    is_named: bool
    is_shouting: bool
    signed_distance_m: float
    nameless: tuple[str, ...] = ()


@dataclass
class Trust:
    """Log odds by sensor, 0 = nothing known; and what of them the claim of an object, by its number, has added."""

    log_odds: dict[str, float] = field(default_factory=dict)
    claims: dict[int, tuple[str, float]] = field(default_factory=dict)

    def copy(self) -> "Trust":
        """Trust that can be changed without changing this."""
        return Trust(dict(self.log_odds), dict(self.claims))

    def captured_prob(
        self, sensor_id: str, is_accusing: bool, number: int = -1, is_unshared: bool = False
    ) -> float:
        """That a sensor is captured, by its claims of other objects than `number`; `is_unshared`: posts were silent."""
        prior = UNSHARED_PROB if is_accusing and is_unshared else CAPTURED_PROB[is_accusing]
        # The silence about this very object is weighed for itself; here it would count twice.
        claimant, own = self.claims.get(number, (sensor_id, 0.0))
        known = self.log_odds.get(sensor_id, 0.0) - (own if claimant == sensor_id else 0.0)
        return 1.0 / (1.0 + (1.0 - prior) / prior * exp(-known))

    def learn(self, sensor_id: str, number: int, miss_prob: float, is_contradicted: bool) -> None:
        """Takes in the claim of an object that others, who would have missed it with `miss_prob`, contradicted or bore
        out; -1 = of no object that is remembered."""
        if is_contradicted:
            step = log((INVENTED_FRAC + (1.0 - INVENTED_FRAC) * miss_prob) / miss_prob)
        else:
            step = log(1.0 - INVENTED_FRAC)
        before = self.log_odds.get(sensor_id, 0.0)
        after = round(min(max(before + step, -TRUST_BOUND), TRUST_BOUND), 9)
        self.log_odds[sensor_id] = after
        if number < 0:
            return
        claimant, own = self.claims.get(number, (sensor_id, 0.0))
        self.claims[number] = sensor_id, round((own if claimant == sensor_id else 0.0) + after - before, 9)

    def keep(self, numbers: Container[int]) -> None:
        """Forgets which claim was of what for objects that are not among these."""
        self.claims = {number: claim for number, claim in self.claims.items() if number in numbers}

    def table(self) -> pa.Table:
        """TRUST, by sensor, then by object."""
        rows = [{"sensor_id": name, "log_odds": odds} for name, odds in sorted(self.log_odds.items())]
        rows += [
            {"sensor_id": name, "object": number, "log_odds": odds}
            for number, (name, odds) in sorted(self.claims.items())
        ]
        return pa.Table.from_pylist(rows, schema=TRUST)

    @classmethod
    def of_table(cls, table: pa.Table) -> "Trust":
        """From `table`; tables of earlier versions tell of no objects."""
        trust = cls()
        for row in table.to_pylist():
            if row.get("object") is None:
                trust.log_odds[row["sensor_id"]] = row["log_odds"]
            else:
                trust.claims[row["object"]] = row["sensor_id"], row["log_odds"]
        return trust


class Posts:
    """The fixed posts that watch the line."""

    def __init__(self, parameters: Parameters, time_ns: int) -> None:
        posted, reach = parameters.posted, parameters.agreement.value("tracks.watch_m", time_ns)
        reach_m = np.array([reach.get(facts.type, 0.0) for facts in posted.facts], dtype=np.float64)
        watch = np.flatnonzero(reach_m > 0.0)
        self.names = np.array(posted.names, dtype=np.object_)[watch]
        self.lon, self.lat, self.reach_m = posted.lon[watch], posted.lat[watch], reach_m[watch]
        line = parameters.lines.lines[int(parameters.lines.at(np.array([time_ns]))[0])]
        self.distance_m = line.locator.locate(self.lon, self.lat).signed_distance_m

    def watching(self, row: Mapping[str, Any], signed_distance_m: float) -> int:
        """How many posts, other than the finding's own, should have seen an object of its class at its place."""
        if row["object_class"] in _IN_AIR or row["lon"] is None or not len(self.names):
            return 0
        own = np.isin(self.names, np.array(row["sensor_ids"], dtype=np.object_))
        east, north = geometry.offsets_m(self.lon, self.lat, *(np.array([row[k]]) for k in ("lon", "lat")))
        reach_m = self.reach_m * (0.5 if row["object_class"] in _ON_FOOT else 1.0)
        # A post looks towards the line: what is further from it than the post itself is behind its back.
        is_before = (self.distance_m - signed_distance_m) * np.sign(self.distance_m) > 0.0
        sees: NDArray[np.bool_] = (np.hypot(east, north) <= reach_m) & is_before & ~own
        return int(np.count_nonzero(sees))


class Watch:
    """Who watches the line at the times of findings: each time by the line and the distances in force then."""

    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters
        self._known: dict[tuple[int, int], Posts] = {}

    def at(self, time_ns: int) -> Posts:
        """The posts that watch at an event time."""
        times_ns = np.array([time_ns], dtype=np.int64)
        reach_m = self._parameters.agreement.dated("tracks.watch_m")
        key = int(self._parameters.lines.at(times_ns)[0]), int(reach_m.idx_at(times_ns)[0])
        if key not in self._known:
            self._known[key] = Posts(self._parameters, time_ns)
        return self._known[key]


def weighed(
    row: dict[str, Any],
    sighting: Sighting,
    watchers: int,
    trust: Trust,
    parameters: Parameters,
    number: int = -1,
) -> dict[str, Any]:
    """The finding, of the object `number`, with its probability times that there was an object, and with the reasons
    for doubt.

    A violation that is no longer as probable as a violation must be is undetermined.
    """
    if row["probability"] is None:
        return row
    animal = _animal_prob(sighting, parameters)
    reasons, prob = [], 1.0
    # That a radar alone could not name it says too little.
    if animal > 0.3:
        prob *= 1.0 - animal
        reasons.append("Nobody who followed it could name it; it may be an animal.")
    if sighting.sensor_count > 1:
        return _doubted(row, prob, reasons, parameters)
    clutter = _clutter_prob(row, sighting, parameters)
    if clutter > 0.05:
        prob *= 1.0 - clutter
        reasons.append(
            "Its sensor reports more tracks than it can have seen; this one is too short to stand out."
            if sighting.is_shouting
            else f"One sensor saw it for {sighting.seen_s:.0f} s only; so short a track may be no object."
        )
    silent = watchers if sighting.seen_s >= SEEN_S_LEAST else 0
    captured = trust.captured_prob(row["sensor_ids"][0], is_accusing(row, parameters), number, silent > 0)
    invented = _invented_prob(captured, sighting, watchers)
    if invented > 0.05:
        prob *= 1.0 - invented
        reasons.append(_why_invented(silent))
    return _doubted(row, prob, reasons, parameters)


def _doubted(row: dict[str, Any], prob: float, reasons: list[str], parameters: Parameters) -> dict[str, Any]:
    if not reasons:
        return row
    probability = findings.probability(row["probability"] * prob)
    assert probability is not None
    is_asserted = probability >= parameters.agreement.number("tracks.assert_prob", row["time_start_ns"])
    judged = {name: row[name] for name in _WEIGHED}
    return row | {
        "probability": probability,
        "verdict": row["verdict"] if is_asserted or row["verdict"] != "violation" else "undetermined",
        "confidence": "low",
        "reasons": [*row["reasons"], *reasons],
        "detail": findings.canonical_json({**json.loads(row["detail"]), "before_doubts": judged}),
    }


def unweighed(row: Mapping[str, Any]) -> dict[str, Any]:
    """The finding as its rule judged it, before `weighed`."""
    if '"before_doubts"' not in row["detail"]:
        return dict(row)
    detail = json.loads(row["detail"])
    judged = detail.pop("before_doubts")
    return {**row, **judged, "detail": findings.canonical_json(detail)}


def _clutter_prob(row: dict[str, Any], sighting: Sighting, parameters: Parameters) -> float:
    agreement, time_ns = parameters.agreement, row["time_start_ns"]
    facts = parameters.sensors.get(row["sensor_ids"][0])
    odds: float = agreement.value("tracks.false_per_true", time_ns)[facts.type if facts else "generic"]
    odds *= exp(-sighting.seen_s / agreement.number("tracks.false_life_s", time_ns))
    odds = odds / NAMED_FACTOR if sighting.is_named else odds * ALONE_FACTOR
    if sighting.is_shouting:
        odds = max(odds * 100.0, 1.5 if sighting.seen_s < 120.0 else 0.0)
    return odds / (1.0 + odds)


def _animal_prob(sighting: Sighting, parameters: Parameters) -> float:
    types = [parameters.sensors[name].type for name in sighting.nameless if name in parameters.sensors]
    odds = ANIMALS_PER_OBJECT if types else 0.0
    for word in types:
        odds *= ANIMAL_UNNAMED_FRAC / UNNAMED_FRAC.get(word, ANIMAL_UNNAMED_FRAC)
    return odds / (1.0 + odds)


def is_accusing(row: Mapping[str, Any], parameters: Parameters) -> bool:
    """Whether the only sensor of a finding stands on one party's side and names the other."""
    facts = parameters.sensors.get(row["sensor_ids"][0]) if row["sensor_ids"] else None
    return bool(facts and facts.host_side and row["party"] and facts.host_side != row["party"])


def _invented_prob(captured: float, sighting: Sighting, watchers: int) -> float:
    invented = captured * INVENTED_FRAC
    missed = miss_prob(watchers) if sighting.seen_s >= SEEN_S_LEAST else 1.0
    return invented / (invented + (1.0 - invented) * missed)


def miss_prob(watchers: int) -> float:
    """That so many posts all miss an object within their reach."""
    return WATCH_MISS_PROB[min(watchers, len(WATCH_MISS_PROB) - 1)]


def _why_invented(watchers: int) -> str:
    if watchers:
        posts = "1 other post" if watchers == 1 else f"{watchers} other posts"
        return f"Only one sensor reports it; {posts} should have seen it and did not."
    return "Only one sensor reports it, and others have contradicted what that sensor reported before."
