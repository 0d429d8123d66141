"""Evidence of fire: how probable it is that something happened at all, and that a weapon made it.

Two questions, answered apart, each by adding logarithms of likelihood ratios whose values the agreement states
(section `fire_evidence`); every contribution is bounded, because sensors share causes (wind, software, a common
road) that no count of reports removes.

*That something happened* (`happened`). A lone report is weighed against its type's false alarms: how often a day such
a sensor gives one real report that stays alone, over how often it is wrong. Further reports of the same sensor in
the same place, a further sensor, and both ends of one trajectory multiply the odds; what sensors state as their
confidence counts as odds, bounded; but whatever one sensor says counts no more than it can be trusted not to be
faulty or in somebody's hands, the less the more of its lone claims were contradicted before (`claims`). Posts that
would have noticed it too and gave nothing speak against it (`silence`). A sensor that reports far more often than any
of its type should is not supported by its own repetitions.

*That a weapon made it* (`weapon`). Thunder, quarries, fireworks and demining bang as well. Launches, told directions,
flashes, trajectories, calibres and classes are signs of weapons. Blasts that several sensors heard who usually can
tell a launch from an impact, and none could, are less often of weapons; so are bursts heard by types that do not
hear small arms at all. Both kinds of cause are taken alike on either side of the line.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitoring import events, schema
from monitoring.agreement import Parameters
from monitoring.incidents import claims as claiming
from monitoring.incidents import silence
from monitoring.incidents.location import pairs_of

Ints = NDArray[np.int64]
Reals = NDArray[np.float64]
Flags = NDArray[np.bool_]

SECTION: Final = "fire_evidence"
COUNTED_MOST: Final = 3
"""Repetitions, further sensors and signs count at most so often each."""
LOOKS_MOST: Final = 6.0
"""So many rounds are as many chances for another sensor to notice one of them; more share their conditions."""
_KIND: Final = {kind: code for code, kind in enumerate(schema.KINDS)}
_SMALL_ARMS: Final = np.array([_KIND["shot"], _KIND["burst"]])
_BLASTS: Final = np.array([_KIND["explosion"], _KIND["launch"]])
_OF_WEAPONS: Final = np.array([_KIND["launch"], _KIND["muzzle_flash"], _KIND["projectile"], _KIND["flare"]])
_UNDETERMINED: Final = schema.FIRE_DIRECTIONS.index("undetermined")
_WEAPON_CLASSES: Final = np.array(
    [schema.OBJECT_CLASSES.index(name) for name in ("tank", "artillery", "mlrs", "mortar", "air_defence")]
)


class Evidence(NamedTuple):
    """Probabilities (k,) that something happened and, if so, that a weapon made it; and what they rest on.

    `contradicted` (k,): earlier claims of its sensors that others contradicted; `claims`: CLAIMS that these incidents
    are.
    """

    happened: Reals
    weapon: Reals
    silent_posts: Ints
    contradicted: Ints
    claims: pa.Table


class Record(NamedTuple):
    """What sensors claimed before (CLAIMS), when the incidents now judged are complete (k,), and whether they were
    judged before, so that what they claim is known."""

    claims: pa.Table
    decided_ns: Ints
    is_again: bool = False


def weigh(
    rows: pa.Table,
    incident: Ints,
    size: int,
    role: Ints,
    sensor: Ints,
    sensor_names: Sequence[str],
    lon: Reals,
    lat: Reals,
    start_ns: Ints,
    is_shouting: Flags,
    record: Record,
    parameters: Parameters,
) -> Evidence:
    """Weighs the reports (n,) of `size` incidents that lie at `lon`, `lat` and began at `start_ns`.

    `sensor` numbers `sensor_names`; `role` as `phenomena.roles` says; `is_shouting` (n,): the report's sensor was
    shouting when it was made.
    """
    values = _Values(parameters, start_ns)
    kind = events.codes(rows, "kind").astype(np.int64)
    type_of = _types(sensor_names, parameters)
    reported, repeated = _reported(rows, incident, size, sensor, type_of, is_shouting, values)
    weapon = _probability(_weapon(rows, incident, size, kind, role, sensor, type_of, values))
    quiet = _quiet(incident, size, kind, sensor, sensor_names, lon, lat, repeated, parameters)
    unheard = values.number("unheard_prob")
    missed = unheard + (1.0 - unheard) * quiet.miss_prob

    pairs = claiming.told(incident, sensor)
    is_alone = np.bincount(pairs.incident, minlength=size)[pairs.incident] == 1
    believed = (_probability(reported) * weapon)[pairs.incident]
    invented = values.number("invented_frac")[pairs.incident]
    grown = claiming.log_odds(is_alone, believed, missed[pairs.incident], invented)
    fresh = claiming.table(rows, pairs, record.decided_ns, np.zeros(len(grown)) if record.is_again else grown)
    doubts, contradicted = claiming.doubts(
        claiming.with_claims(record.claims, fresh),
        rows,
        incident,
        pairs,
        list(sensor_names),
        record.decided_ns,
        np.asarray(values.number("claims_kept_s") * 1e9, dtype=np.int64),
        values.log("distrust_ratio_max"),
    )
    happened = _trusted(reported, pairs, doubts, values)
    # Two places that fit one flight support each other even where one radar saw both.
    happened += np.where(_has_both_ends(rows, incident, size, role), values.log("trajectory_ratio"), 0.0)
    return Evidence(
        _probability(happened + np.log(missed)),
        weapon,
        quiet.posts,
        np.bincount(pairs.incident, weights=contradicted, minlength=size).astype(np.int64),
        fresh,
    )


class _Values:
    """The agreement's values at each incident's beginning, arrays (k,)."""

    def __init__(self, parameters: Parameters, start_ns: Ints) -> None:
        self._agreement, self._start_ns = parameters.agreement, start_ns

    def log(self, name: str) -> Reals:
        return np.log(self._agreement.numbers(f"{SECTION}.{name}", self._start_ns))

    def number(self, name: str) -> Reals:
        return self._agreement.numbers(f"{SECTION}.{name}", self._start_ns)

    def by_type(self, name: str) -> Reals:
        """A mapping by sensor type as an array (k, types), 0 where it does not name one."""
        table = np.zeros((len(self._start_ns), len(schema.SENSOR_TYPES)))
        for value, at in self._distinct(name):
            table[at] = [value.get(name, 0.0) for name in schema.SENSOR_TYPES]
        return table

    def is_named(self, name: str, key: str) -> Flags:
        """Whether a list of sensor types names each of them, (k, types)."""
        table = np.zeros((len(self._start_ns), len(schema.SENSOR_TYPES)), dtype=np.bool_)
        for value, at in self._distinct(name):
            table[at] = [name in value[key] for name in schema.SENSOR_TYPES]
        return table

    def _distinct(self, name: str) -> list[tuple[Any, Ints]]:
        found: dict[int, tuple[Any, list[int]]] = {}
        for i, time_ns in enumerate(self._start_ns.tolist()):
            value = self._agreement.value(f"{SECTION}.{name}", time_ns)
            found.setdefault(id(value), (value, []))[1].append(i)
        return [(value, np.array(at, dtype=np.int64)) for value, at in found.values()]


def _types(sensor_names: Sequence[str], parameters: Parameters) -> Ints:
    facts = [parameters.sensors.get(name) for name in sensor_names]
    return np.array([schema.SENSOR_TYPES.index(f.type if f else "generic") for f in facts], dtype=np.int64)


def _reported(
    rows: pa.Table,
    incident: Ints,
    size: int,
    sensor: Ints,
    type_of: Ints,
    is_shouting: Flags,
    values: _Values,
) -> tuple[Reals, Reals]:
    """Log odds that something happened by the reports alone, were all sensors honest, and how often the sensors of each
    incident together repeated themselves, arrays (k,)."""
    of, who = pairs_of(incident, sensor)
    wrong = values.by_type("false_alarms_per_day")[of, type_of[who]]
    least = np.full(size, np.inf)
    np.minimum.at(least, of, np.maximum(wrong, 1e-9))
    odds = values.log("single_report_per_day") - np.log(least)
    sources = np.bincount(of, minlength=size)
    odds += values.log("second_sensor_ratio") * np.minimum(sources - 1, COUNTED_MOST)

    # What a sensor repeats: its reports beyond the first, and the repetitions it counts inside one.
    is_told = ~is_shouting
    many = np.where(is_told, np.minimum(events.ints(rows, "count", 1), COUNTED_MOST + 1), 0)
    width = np.int64(sensor.max(initial=0) + 1)
    key, which = np.unique(incident * width + sensor, return_inverse=True)
    told = np.bincount(which, weights=many.astype(np.float64), minlength=len(key))
    most = np.zeros(size)
    np.maximum.at(most, key // width, told)
    odds += values.log("repeat_ratio") * np.clip(most - 1.0, 0.0, COUNTED_MOST)
    odds += _stated_confidence(rows, incident, size, values)
    rounds = np.zeros(size)
    np.add.at(rounds, key // width, told)
    return odds, rounds / sources


def _trusted(reported: Reals, pairs: claiming.Told, doubts: Reals, values: _Values) -> Reals:
    """The log odds that something happened, (k,), bounded by how far its sensors are believed."""
    # One cause may make all of a sensor's reports: a fault, or somebody who wants them believed.
    odds = values.log("sensor_odds_max")[pairs.incident] - doubts
    size = len(reported)
    best = np.full(size, -np.inf)
    np.maximum.at(best, pairs.incident, odds)
    # Who is not believed adds nothing to what another one tells, and takes nothing from it.
    together = np.bincount(pairs.incident, weights=np.maximum(odds, 0.0), minlength=size)
    return np.asarray(-np.logaddexp(-reported, -np.where(best > 0.0, together, best)))


def _has_both_ends(rows: pa.Table, incident: Ints, size: int, role: Ints) -> Flags:
    """Whether a launch and an impact were reported as one flight, (k,)."""
    grouped = np.asarray(rows.column("group_id").combine_chunks().is_valid())
    both = np.zeros((size, 2), dtype=np.bool_)
    both[incident[grouped & (role > 0)], 0] = True
    both[incident[grouped & (role < 0)], 1] = True
    return np.asarray(both.all(axis=1))


def _quiet(
    incident: Ints,
    size: int,
    kind: Ints,
    sensor: Ints,
    sensor_names: Sequence[str],
    lon: Reals,
    lat: Reals,
    repeated: Reals,
    parameters: Parameters,
) -> silence.Silence:
    """What the silence of others says of each incident."""
    blasts, shots = (_named_by(incident, np.isin(kind, kinds), size) for kinds in (_BLASTS, _SMALL_ARMS))
    return silence.of_others(
        np.where(blasts, silence.BLASTS, np.where(shots, silence.SHOTS, silence.NOTHING)),
        np.clip(repeated, 1.0, LOOKS_MOST),
        incident,
        sensor,
        sensor_names,
        lon,
        lat,
        parameters,
    )


def _named_by(incident: Ints, is_one: Flags, size: int) -> Flags:
    named = np.zeros(size, dtype=np.bool_)
    named[incident[is_one]] = True
    return named


def _stated_confidence(rows: pa.Table, incident: Ints, size: int, values: _Values) -> Reals:
    """Mean of what the reports state, as bounded odds; reports that state none leave it alone."""
    stated = events.reals(rows, "confidence")
    known = np.flatnonzero(np.isfinite(stated))
    number = np.bincount(incident[known], minlength=size)
    share = np.clip(stated[known], 0.01, 0.99)
    total = np.bincount(incident[known], weights=np.log(share / (1.0 - share)), minlength=size)
    bound = values.log("confidence_ratio_max")
    return np.clip(total / np.maximum(number, 1), -bound, bound)


def _weapon(
    rows: pa.Table,
    incident: Ints,
    size: int,
    kind: Ints,
    role: Ints,
    sensor: Ints,
    type_of: Ints,
    values: _Values,
) -> Reals:
    object_class = events.codes(rows, "object_class").astype(np.int64)
    is_sign = (role != 0) | np.isin(kind, _OF_WEAPONS) | np.isin(object_class, _WEAPON_CLASSES)
    is_sign |= np.isfinite(events.reals(rows, "calibre_mm"))
    signs = np.bincount(pairs_of(incident[is_sign], sensor[is_sign])[0], minlength=size)
    tells = values.is_named("tells_direction", "by")[incident, type_of[sensor]]
    direction = events.codes(rows, "direction").astype(np.int64)
    untold = np.bincount(incident[tells & (direction == _UNDETERMINED)], minlength=size)
    small = np.isin(kind, _SMALL_ARMS)
    deaf = ~values.is_named("hears_small_arms", "by")[incident, type_of[sensor]]
    misheard = np.bincount(pairs_of(incident[small & deaf], sensor[small & deaf])[0], minlength=size)
    odds = values.log("weapon_odds") + values.log("sign_ratio") * np.minimum(signs, COUNTED_MOST)
    odds += np.where(signs == 0, values.log("untold_ratio") * np.minimum(untold, COUNTED_MOST), 0.0)
    return odds + np.where(misheard > 0, values.log("misheard_ratio"), 0.0)


def _probability(log_odds: Reals) -> Reals:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(log_odds, -30.0, 30.0))), dtype=np.float64)
