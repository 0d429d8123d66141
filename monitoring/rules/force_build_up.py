"""More heavy objects at a place than its own past explains.

What it checks: whether, on one side of a sector, more tanks, guns, launchers and armoured vehicles were there at once
than the days before let expect, from when to when, how many.

Why: forces are not built up near the line (the clause of the agreement that names this rule). A build-up shows before
anything else is broken.

How: what one sensor follows at the same time, in a slot of `slot_s`, are different objects (as many per track as it
counted there at least twice; what it named once is one object, because a single look mistakes a column of lorries for
one of tanks; a track that begins when another has ended may go on with it). The number at a place in a window of
`window_s` is the most that any one sensor had in any slot of it, so that tracks which break and begin anew, and several
sensors on one object, count nothing twice.
Windows begin every half window. The windows of `past_s` before, which do not overlap it, are its past: the rate of
the place has a Gamma distribution, from `prior_objects` expected in a window, worth `prior_windows` windows, and from
the past; the number in one more window is then negative binomial (Gamma-Poisson). A window is alarming when at least
`objects_least` were there and so many or more had a smaller chance than lets `false_alarms_per_year` happen over all
sides of sectors and windows of a year (Poisson scan with a Bonferroni bound, which counts windows that overlap as if
they did not). Alarming windows one after the other are one finding: told with the first of them, and again when it is
over. What stays long becomes the place's past, and is then no longer a build-up.

`probability` is that the rate was more than `growth` times that of the past, by the Gamma distributions of both (for
the present with Jeffreys' prior). Where most of the objects were counted within one track, and no other sensor followed
anything heavy within `seconded_m` in the same slot, one mistake of class explains all of it: it is undetermined, and
`probability` at most `one_naming_prob`, so that it is told and not asserted. `count`
is the number that was there at once, which is a least; `margin` how many more than the least number that alarms.
Place and error are the mean and the spread of the objects. A party is in violation where only its forces were stated;
exercises that were notified are permitted.

Example: on side B of a sector where one to three tanks were seen in any window of two weeks, a sensor follows 14 at
once: one finding, count 14.

Known limits: more sensors, or better sight, look like more objects until they have become the past; several groups
that no single sensor sees together are not added; a day's course is not known to the past; a convoy that two sensors
take for armour looks like a build-up, since mistaken classes are no part of the false alarms that are asked for.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import exp, lgamma, log
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from monitoring import events, findings, schema
from monitoring.agreement import Agreement, Parameter, Parameters
from monitoring.rules import Windows

RULE_ID: Final = "force_build_up"
SCOPE: Final = "place_window"
KINDS: Final = ("track", "sighting")
INCIDENT_KIND: Final = "presence"
OBJECT_CLASSES: Final = ("armoured_vehicle", "tank", "artillery", "mlrs", "mortar", "air_defence")
PARAMETERS: Final = (
    Parameter("window_s", "s", least=7_200),
    Parameter("slot_s", "s", least=60, most=3_600),
    Parameter("past_s", "s", least=86_400),
    Parameter("prior_objects", "objects", least=0.01),
    Parameter("prior_windows", "windows", least=0.1),
    Parameter("objects_least", "objects", least=1),
    Parameter("false_alarms_per_year", "1/year", least=1e-6),
    Parameter("growth", "1", least=1),
    Parameter("seconded_m", "m", default=2_000.0),
    Parameter("one_naming_prob", "1", most=1, default=0.4),
)
MARGIN_UNIT: Final = "objects"

YEAR_S: Final = 365.25 * 86_400
_CODES: Final = np.array([schema.OBJECT_CLASSES.index(word) for word in OBJECT_CLASSES])
_NS: Final = 1_000_000_000
_JEFFREYS: Final = 0.5
"""Shape of the prior of a rate of which nothing is known."""
_METRES_PER_DEG: Final = 111_195.0

Ints = NDArray[np.int64]
Reals = NDArray[np.float64]
Flags = NDArray[np.bool_]


def thin(placed: pa.Table, parameters: Parameters) -> NDArray[np.bool_]:
    """The first and the last row of each heavy object, number counted, sensor and slot at a place of a sector on a
    side, (n,)."""
    is_heavy = np.isin(events.codes(placed, "object_class"), _CODES)
    is_used = np.asarray(is_heavy & (events.ints(placed, "side") != 0), dtype=np.bool_)
    is_used &= placed.column("sector").is_valid().to_numpy()
    at = np.flatnonzero(is_used)
    if not len(at):
        return is_used
    rows = placed.take(pa.array(at))
    seen = _Sight.of(rows, parameters)
    # A later row that counts more objects says more than the first one.
    order = np.lexsort((seen.objects, seen.slot_ns, seen.subject, seen.sensor, seen.place))
    keys = np.stack([seen.place, seen.sensor, seen.subject, seen.slot_ns, seen.objects])[:, order]
    differs = np.append(True, (keys[:, 1:] != keys[:, :-1]).any(axis=0))
    is_used[:] = False
    is_used[at[order[differs]]] = True
    is_used[at[order[np.append(differs[1:], True)]]] = True
    return is_used


def reach_s(agreement: Agreement, time_ns: int) -> float:
    """Evidence in the same window bears on the same finding."""
    return agreement.number(f"{RULE_ID}.window_s", time_ns)


def evaluate(placed: pa.Table, until_ns: int, parameters: Parameters) -> Windows:
    """Findings of the build-ups in the windows that ended by `until_ns` (see `rules.Windows`)."""
    if not placed.num_rows:
        return Windows.none(0)
    terms = _Terms.of(parameters, until_ns)
    ended = until_ns // terms.step_ns
    seen = _Sight.of(placed, parameters)
    present = _Present.of(seen, terms, ended, len(parameters.sectors.ids))
    is_shown = present.is_most | present.is_second
    rows, decided_ns, tell_ns, members = [], [], [], []
    for run in _alarms(present, ended, terms):
        inside = present.rows_of(run, terms)
        rows.append(_row(run, placed, inside, present.rests_on_one(run, terms), terms, parameters))
        members.append(inside)
        decided_ns.append((run.last + 2) * terms.step_ns)
        tell_ns.append((run.first + 1) * terms.step_ns)
    is_needed = (present.step >= ended) | (is_shown & (present.step >= terms.horizon(ended)))
    # The oldest row says since when there is a past.
    is_needed[0] = True
    wake_ns = (ended + 1) * terms.step_ns
    return Windows(
        tuple(row["finding_id"] for row in rows),
        rows.__getitem__,
        np.array(decided_ns, dtype=np.int64),
        tuple(members),
        is_needed,
        np.array(tell_ns, dtype=np.int64),
        wake_ns,
        is_settled=_Terms.of(parameters, wake_ns) == terms and _is_whole(parameters, terms.step_ns),
    )


def _is_whole(parameters: Parameters, step_ns: int) -> bool:
    """Whether every slot lies within one step, so that what is seen in a step never counts for an earlier one."""
    slots_ns = np.rint(parameters.agreement.dated(f"{RULE_ID}.slot_s").numbers() * _NS).astype(np.int64)
    return not (step_ns % slots_ns).any()


@dataclass(frozen=True)
class _Terms:
    """The agreement's values in force: a window is two steps of `step_ns`, the past `past` steps."""

    step_ns: int
    past: int
    prior_objects: float
    prior_windows: float
    least: float
    alarm_prob: float
    growth: float
    seconded_m: float
    one_naming_prob: float

    @classmethod
    def of(cls, parameters: Parameters, time_ns: int) -> "_Terms":
        def number(name: str) -> float:
            return parameters.agreement.number(f"{RULE_ID}.{name}", time_ns)

        step_ns = round(number("window_s") * _NS / 2)
        tests_per_year = 2 * max(len(parameters.sectors.ids), 1) * YEAR_S * _NS / step_ns
        return cls(
            step_ns,
            int(number("past_s") * _NS // step_ns),
            number("prior_objects"),
            number("prior_windows"),
            number("objects_least"),
            min(number("false_alarms_per_year") / tests_per_year, 0.5),
            number("growth"),
            number("seconded_m"),
            number("one_naming_prob"),
        )

    def horizon(self, ended: int) -> int:
        """The oldest step that bears on windows which are still judged: these, and as long a past of the oldest."""
        return ended - 2 * self.past - 4


class _Sight(NamedTuple):
    """What each row shows, (n,): place (2 x sector + 1 on side A), sensor and object as numbers, when, the
    beginning of its slot in ns, how many, where (degrees)."""

    place: Ints
    sensor: Ints
    subject: Ints
    time_ns: Ints
    slot_ns: Ints
    objects: Ints
    lon: Reals
    lat: Reals

    @classmethod
    def of(cls, rows: pa.Table, parameters: Parameters) -> "_Sight":
        time_ns = events.ints(rows, "time_ns")
        slot_ns = np.rint(parameters.agreement.numbers(f"{RULE_ID}.slot_s", time_ns) * _NS).astype(np.int64)
        number_of = {name: number for number, name in enumerate(parameters.sectors.ids)}
        sector = np.array([number_of[name] for name in rows.column("sector").to_pylist()], dtype=np.int64)
        sensors = events.strings(rows, "sensor_id")
        names = pc.coalesce(rows.column("track_id"), rows.column("id")).to_numpy()
        return cls(
            2 * sector + (events.ints(rows, "side") > 0),
            np.unique(sensors.astype(str), return_inverse=True)[1].astype(np.int64),
            np.unique(names.astype(str), return_inverse=True)[1].astype(np.int64),
            time_ns,
            time_ns // slot_ns * slot_ns,
            np.maximum(events.ints(rows, "count"), 1),
            events.reals(rows, "lon"),
            events.reals(rows, "lat"),
        )


class _Present(NamedTuple):
    """The most objects at once by place and step, shape (places, steps), of which the first is `first_step`, and
    whether they rest on one sensor's naming of one track; which rows, (n,), show them and which second them; `place`
    and `step` of each."""

    most: Ints
    is_lone: Flags
    first_step: int
    is_most: Flags
    is_second: Flags
    place: Ints
    step: Ints

    @classmethod
    def of(cls, seen: _Sight, terms: _Terms, ended: int, sector_count: int) -> "_Present":
        n = len(seen.place)
        step = seen.slot_ns // terms.step_ns
        first = max(int(step.min()), terms.horizon(ended))
        shape = (2 * max(sector_count, 1), max(int(step.max()), ended) - first + 1)
        most, is_lone = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=bool)
        is_most, is_second = np.zeros((2, n), dtype=bool)
        used = np.flatnonzero(step >= first)
        looks, look = np.unique(
            np.stack([seen.place[used], seen.slot_ns[used], seen.sensor[used]]), axis=1, return_inverse=True
        )
        look = look.reshape(-1)
        tracks = _Tracks.of(look, seen.subject[used], seen.time_ns[used], seen.objects[used])
        at_once = tracks.at_once(looks.shape[1])
        at = looks[0], looks[1] // terms.step_ns - first
        np.maximum.at(most, at, at_once)
        # Of looks that show as many the first slot counts, and in it the first sensor by name.
        best, is_best = np.full(shape, len(at_once)), at_once == most[at]
        np.minimum.at(best, (at[0][is_best], at[1][is_best]), np.flatnonzero(is_best))
        is_most[used] = best[seen.place[used], step[used] - first] == look
        for place, at_step in zip(*np.nonzero(most >= terms.least), strict=True):
            number = int(best[place, at_step])
            row = used[tracks.largest(number, int(most[place, at_step]))]
            if not len(row):
                continue
            is_there = (seen.place == place) & (seen.slot_ns == looks[1, number])
            others = np.flatnonzero(is_there & (seen.sensor != looks[2, number]))
            near = others[
                _away_m(seen.lon[others], seen.lat[others], seen.lon[row], seen.lat[row]) <= terms.seconded_m
            ]
            is_lone[place, at_step] = not len(near)
            is_second[near[:1]] = True
        return cls(most, is_lone, first, is_most, is_second, seen.place, step)

    def rests_on_one(self, run: "_Run", terms: _Terms) -> bool:
        """Whether in every step of a build-up that has enough objects to count one naming explains them."""
        span = slice(max(run.first - 1 - self.first_step, 0), run.last + 1 - self.first_step)
        is_full = self.most[run.place, span] >= terms.least
        return bool(self.is_lone[run.place, span][is_full].all())

    def rows_of(self, run: "_Run", terms: _Terms) -> Ints:
        """Rows that show the most objects in those steps of a build-up that have enough of them to count."""
        inside = (
            self.is_most & (self.place == run.place) & (self.step >= run.first - 1) & (self.step <= run.last)
        )
        rows = np.flatnonzero(inside)
        is_full = self.most[run.place, self.step[rows] - self.first_step] >= terms.least
        return np.asarray(rows[is_full], dtype=np.int64)


class _Tracks(NamedTuple):
    """What single looks followed, columns of shape (t,): the look, the first of the rows that counted the most, for
    how many objects it counts, from when to when (ns), and whether it was followed or seen once only.

    A track counts, from its first to its last row, for as many objects as two of its rows counted; a single row for
    one object, for all of the slot.
    """

    look: Ints
    row: Ints
    objects: Ints
    begin_ns: Ints
    end_ns: Ints
    is_followed: Flags

    @classmethod
    def of(cls, look: Ints, subject: Ints, time_ns: Ints, objects: Ints) -> "_Tracks":
        """Of rows (n,): a look (a sensor, place and slot), the object's number, when, how many were counted."""
        order = np.lexsort((-objects, subject, look))
        first = np.flatnonzero(
            (np.diff(look[order], prepend=-1) != 0) | (np.diff(subject[order], prepend=-1) != 0)
        )
        is_followed = np.diff(first, append=len(order)) > 1
        counted = np.ones(len(first), dtype=np.int64)
        counted[is_followed] = objects[order[first[is_followed] + 1]]
        when = time_ns[order]
        begin_ns, end_ns = (np.asarray(of.reduceat(when, first)) for of in (np.minimum, np.maximum))
        return cls(look[order[first]], order[first], counted, begin_ns, end_ns, is_followed)

    def at_once(self, look_count: int) -> Ints:
        """The most objects at one time in each look."""
        total = np.bincount(self.look[~self.is_followed], minlength=look_count).astype(np.int64)
        # Up where a track begins, down after it has ended; at one time those that begin come first.
        look, number = self.look[self.is_followed], self.objects[self.is_followed]
        change = np.concatenate([number, -number])
        when = np.concatenate([self.begin_ns[self.is_followed], self.end_ns[self.is_followed]])
        order = np.lexsort((change < 0, when, np.tile(look, 2)))
        begins = np.flatnonzero(np.diff(np.tile(look, 2)[order], prepend=-1))
        if len(begins):
            total[np.tile(look, 2)[order][begins]] += np.maximum.reduceat(np.cumsum(change[order]), begins)
        return total

    def largest(self, look: int, at_once: int) -> Ints:
        """The row of the track that makes more than half of a look's objects; none where none does."""
        own = np.flatnonzero(self.look == look)
        return self.row[own[2 * self.objects[own] > at_once][:1]]


def _away_m(lon: Reals, lat: Reals, at_lon: Reals, at_lat: Reals) -> Reals:
    east = (lon - at_lon) * np.cos(np.radians(at_lat))
    return np.asarray(_METRES_PER_DEG * np.hypot(east, lat - at_lat))


class _Run(NamedTuple):
    """Alarming windows one after the other: they end with the steps `first` to `last`. In the fullest of them there
    were `objects`, where `expected` were to be, and `needed` would have alarmed."""

    place: int
    first: int
    last: int
    objects: int
    needed: int
    expected: float
    probability: float


def _alarms(present: _Present, ended: int, terms: _Terms) -> Iterator[_Run]:
    """The build-ups among the windows that have ended, for which the whole past is known, or all there is."""
    padded = np.concatenate([np.zeros((len(present.most), 1), dtype=np.int64), present.most], axis=1)
    window = np.maximum(padded[:, 1:], padded[:, :-1])
    oldest = max(present.first_step, ended - terms.past - 1)
    for place in np.flatnonzero((window >= terms.least).any(axis=1)).tolist():
        run: _Run | None = None
        for step in range(oldest, ended + 1):
            # The window that has not ended yet closes what is before it.
            found = None
            if step < ended:
                found = _judged(window[place], place, step, present.first_step, terms)
            if found is not None:
                fuller = found if run is None or found.objects > run.objects else run
                run = fuller._replace(first=run.first if run else step, last=step)
            elif run is not None:
                # One whose beginning is no longer known was told while it was.
                if run.first > oldest or oldest == present.first_step:
                    yield run
                run = None


def _judged(window: Ints, place: int, step: int, first_step: int, terms: _Terms) -> _Run | None:
    """The window that ends with a step, if it is alarming."""
    count = int(window[step - first_step])
    if count < terms.least:
        return None
    past = window[: max(step - first_step - 1, 0)][::-1][: terms.past : 2]
    shape = terms.prior_objects * terms.prior_windows + float(past.sum())
    rate = terms.prior_windows + len(past)
    if tail_prob(count, shape, rate) > terms.alarm_prob:
        return None
    low, needed = 0, count
    while needed - low > 1:
        middle = (low + needed) // 2
        is_alarming = middle >= terms.least and tail_prob(middle, shape, rate) <= terms.alarm_prob
        low, needed = (low, middle) if is_alarming else (middle, needed)
    more = more_prob(count + _JEFFREYS, 1.0, shape, rate, terms.growth)
    return _Run(place, step, step, count, needed, shape / rate, more)


def tail_prob(count: int, shape: float, rate: float) -> float:
    """P(N >= count) for N Poisson with a rate of Gamma(shape, rate): negative binomial, summed from `count` up.

    >>> round(tail_prob(1, 1.0, 1.0), 6), round(tail_prob(3, 1.0, 1.0), 6)
    (0.5, 0.125)
    """
    if count <= 0:
        return 1.0
    share = 1.0 / (rate + 1.0)
    log_term = lgamma(shape + count) - lgamma(shape) - lgamma(count + 1.0)
    term = exp(log_term + shape * log(rate * share) + count * log(share))
    total, number = 0.0, count
    while term > total * 1e-12 or number < shape / rate:
        total += term
        term *= (shape + number) / (number + 1.0) * share
        number += 1
    return min(total, 1.0)


def more_prob(shape: float, rate: float, shape_past: float, rate_past: float, growth: float) -> float:
    """P(X > growth x Y) for X of Gamma(shape, rate) and Y of Gamma(shape_past, rate_past).

    X / Y has the logit of a Beta variable, whose density is summed on a grid: good to 1e-3.

    >>> round(more_prob(5.0, 1.0, 5.0, 1.0, 1.0), 4), round(more_prob(30.0, 2.0, 5.0, 5.0, 2.0), 3)
    (0.5, 1.0)
    """
    grid = np.linspace(-40.0, 40.0, 40_001)
    log_density = -shape * np.logaddexp(0.0, -grid) - shape_past * np.logaddexp(0.0, grid)
    density = np.exp(log_density - log_density.max())
    edge = log(growth * rate / rate_past)
    beyond = density[grid > edge].sum() + 0.5 * density[grid == edge].sum()
    return float(beyond / density.sum())


def _row(
    run: _Run, placed: pa.Table, inside: Ints, is_one_naming: bool, terms: _Terms, parameters: Parameters
) -> dict[str, Any]:
    rows = placed.take(pa.array(inside))
    lon, lat = events.reals(rows, "lon"), events.reals(rows, "lat")
    time_ns = events.ints(rows, "time_ns")
    away_m = _away_m(lon, lat, lon.mean(), lat.mean())
    centre = int(np.argmin(away_m))
    own_m = np.median(events.reals(rows, "sigma_used_m"))
    sigma_m = float(np.hypot(np.sqrt(np.mean(away_m**2) / 2.0), own_m))
    stated = np.unique(events.codes(rows, "affiliation")).tolist()
    judged = findings.judgement(stated)
    start_ns, end_ns = int(time_ns.min()), int(time_ns.max())
    words = findings.stated_words(stated)
    permission = None
    if len(words) <= 1:
        permission = parameters.terms.permission(
            RULE_ID,
            float(lon[centre]),
            float(lat[centre]),
            start_ns,
            end_ns,
            None,
            words[0] if words else None,
            sigma_m,
        )
    side = "A" if run.place % 2 else "B"
    sector = parameters.sectors.ids[run.place // 2]
    told = (
        f"At least {run.objects:,} heavy objects at once on side {side} of sector {sector}, where "
        f"{run.expected:.1f} were to be expected by its past."
    )
    reasons = [told, *([permission.reason] if permission else []), judged.reason]
    verdict, probability = "permitted" if permission else judged.verdict, run.probability
    if is_one_naming:
        probability = min(probability, terms.one_naming_prob)
        verdict = "undetermined" if verdict == "violation" else verdict
        reasons.append(
            "One sensor counted most of them in one track, and no other named anything heavy there."
        )
    clause = parameters.agreement.clause(RULE_ID)
    first = rows.slice(0, 1).to_pylist()[0]
    return {
        "finding_id": findings.identity(
            "finding", RULE_ID, f"place:{sector}/{side}", events.event_key(first["sensor_id"], first["id"])
        ),
        "revision": 1,
        "state": "final",
        "rule_id": RULE_ID,
        "clause": clause.id if clause else None,
        "verdict": verdict,
        "time_start_ns": start_ns,
        "time_end_ns": end_ns,
        "lon": round(float(lon[centre]), 8),
        "lat": round(float(lat[centre]), 8),
        "sigma_m": findings.millimetres(sigma_m),
        "side": side,
        "distance_m": findings.millimetres(abs(events.reals(rows, "signed_distance_m")[centre])),
        "chainage_m": findings.millimetres(events.reals(rows, "chainage_m")[centre]),
        "line_part": int(events.ints(rows, "line_part")[centre]),
        "sector": sector,
        "probability": findings.probability(probability),
        "confidence": "medium",
        "margin": float(run.objects - run.needed),
        "margin_unit": MARGIN_UNIT,
        "count": run.objects,
        "count_is_minimum": True,
        "party": judged.party,
        "subject_key": f"place:{sector}/{side}",
        "sensor_ids": [],
        "event_ids": [],
        "line_version": first["line_version"],
        "agreement_version": parameters.agreement.version,
        "engine_version": schema.ENGINE_VERSION,
        "reasons": reasons,
        "detail": findings.canonical_json(
            {
                "affiliations": words,
                "expected": round(run.expected, 3),
                "needed": run.needed,
                "alarm_prob": float(f"{terms.alarm_prob:.3g}"),
                "windows": run.last - run.first + 1,
                "permission": permission.id if permission else None,
                "permission_clause": permission.clause if permission else None,
            }
        ),
    }
