"""Who moves and who fires, planned for the whole scenario before anybody looks.

The plan holds true paths and true phenomena only; what was broken is found afterwards from them
(`truth_facts`), so that a path which cuts a meander by accident is a crossing in the truth too.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitoring import schema
from monitoring.simulation.hot_stretches import Chainages
from monitoring.simulation.paths import Paths, from_routes
from monitoring.simulation.placement import LineSpace, Plan, placing_surely, together
from monitoring.simulation.randomness import between, stream
from monitoring.simulation.scenario import Fire, Movement, Scenario
from monitoring.simulation.sensors import DAY_S, TARGETS, scenario_party

Reals = NDArray[np.float64]
Indices = NDArray[np.int64]

CIVILIAN: Final = 0
"""The `hand` of an actor who belongs to neither party."""
NODE_M: Final = 500.0
QUEUE_M: Final = (40.0, 900.0)
"""How far before the line those wait who want to cross at a crossing point."""
RESPONSE_S: Final = (20.0, 150.0)
"""How long after the first shot an answering group begins."""


@dataclass(frozen=True)
class Movers:
    """Objects that move, columns of shape (m,); `hand` is whose forces (+1 left, -1 right, 0 civilian).

    `object_class` is a position in `sensors.TARGETS`, whose first words are the object classes.
    """

    spec: Indices
    hand: Indices
    start_hand: Indices
    object_class: Indices
    objects: Indices
    paths: Paths

    @property
    def count(self) -> int:
        return len(self.spec)


@dataclass(frozen=True)
class Groups:
    """Firing groups, columns of shape (g,), and their phenomena, columns of shape (p,) in order of time.

    Phenomenon columns: `group`, `time_s`, `x`, `y`, `kind` (code in schema.KINDS), `is_impact`, `target`
    (what a sensor's range is stated for), `pair` (round number within the scenario, links a launch to its
    impact).
    """

    spec: Indices
    hand: Indices
    x: Reals
    y: Reals
    target_x: Reals
    target_y: Reals
    rounds: Indices
    calibre_mm: Reals
    answers: Indices
    group: Indices
    time_s: Reals
    phenomenon_x: Reals
    phenomenon_y: Reals
    kind: Indices
    is_impact: NDArray[np.bool_]
    target: Indices
    pair: Indices

    @property
    def count(self) -> int:
        return len(self.spec)


def times_of_day(
    rng: np.random.Generator, hours: tuple[float, float], n: float, duration_s: float, local_start_s: float
) -> Reals:
    """Instants (s since the start) at local hours within `hours`, spread evenly over the scenario.

    `n` is how many a scenario of whole days would have on average; hours that it does not contain yield none.
    """
    share = max((hours[1] - hours[0]) / 24.0, 1e-3)
    t = rng.uniform(0.0, duration_s, rng.poisson(n / share))
    hour = ((t + local_start_s) % DAY_S) / 3_600
    return t[(hour >= hours[0]) & (hour < hours[1])]


def _hands(scenario: Scenario, space: LineSpace, parties: tuple[str, ...]) -> list[tuple[int, int]]:
    """(whose forces, on which hand they start) for each group of a spec's actors; civilians on both."""
    hands = [(hand, hand) for hand in (1, -1) if scenario_party(scenario, space, hand) in parties]
    if "civilian" in parties:
        hands += [(CIVILIAN, 1), (CIVILIAN, -1)]
    return hands


def expected_count(per_day_100km: float, space: LineSpace, duration_s: float, density: float) -> float:
    """How many of a kind a run has on average."""
    return per_day_100km * density * space.length_m / 1e5 * duration_s / DAY_S


_Moved = tuple[tuple[Indices, ...], tuple[Indices, Reals, Reals, Reals], Reals, Reals]


@dataclass(frozen=True)
class _When:
    """The time and the density for which activity is planned."""

    duration_s: float
    local_start_s: float
    density: float

    def starts(self, rng: np.random.Generator, space: LineSpace, spec: Movement | Fire) -> Reals:
        """Instants (s since the start) at which those of one hand begin, shape (n,)."""
        share = 2.0 if spec.parties == ("civilian",) else 1.0
        expected = expected_count(spec.per_day_100km / share, space, self.duration_s, self.density)
        return times_of_day(rng, spec.hours, expected, self.duration_s, self.local_start_s)


def plan_movers(
    scenario: Scenario, space: LineSpace, seed: int, duration_s: float, local_start_s: float, density: float
) -> Plan[Movers]:
    """All moving objects of the scenario. Deterministic in its arguments."""
    where = Chainages(seed, space, scenario.concentration, scenario.crossing_points.count)
    when = _When(duration_s, local_start_s, density)
    specs = range(len(scenario.movements))
    planned = yield from together([_moving(scenario, space, seed, where, when, idx) for idx in specs])
    moved = [some for of_spec in planned for some in of_spec]
    if not moved:
        none, nowhere = np.empty(0, dtype=np.int64), np.empty(0)
        return Movers(none, none, none, none, none, Paths(none, nowhere, nowhere, nowhere, 0))
    columns, vertices, starts, speeds = zip(*moved, strict=True)
    sizes = np.array([len(start_s) for start_s in starts], dtype=np.int64)
    made: Indices = np.repeat(np.cumsum(sizes) - sizes, [len(owner) for owner, *_ in vertices])
    owner = np.concatenate([of for of, *_ in vertices]) + made
    x, y, pause_s = (np.concatenate(part) for part in list(zip(*vertices, strict=True))[1:])
    paths = from_routes(owner, x, y, pause_s, np.concatenate(starts), np.concatenate(speeds))
    spec_idx, hand_of, start_of, class_of, objects_of = (
        np.concatenate(part).astype(np.int64) for part in zip(*columns, strict=True)
    )
    return Movers(spec_idx, hand_of, start_of, class_of, objects_of, paths)


def _moving(
    scenario: Scenario, space: LineSpace, seed: int, where: Chainages, when: _When, idx: int
) -> Plan[list[_Moved]]:
    """Movers of one kind, hand by hand: their columns, the places of their routes, starts (s) and speeds (m/s)."""
    spec, rng = scenario.movements[idx], stream(seed, "movers", idx)
    moved: list[_Moved] = []
    for hand, start_hand in _hands(scenario, space, spec.parties):
        start_s = when.starts(rng, space, spec)
        n = len(start_s)
        if not n:
            continue
        route = yield from _route(rng, space, spec, where, start_hand, n)
        objects = rng.integers(spec.count[0], spec.count[1] + 1, n)
        object_class = TARGETS.index(spec.object_class)
        columns = (
            np.full(n, idx),
            np.full(n, hand),
            np.full(n, start_hand),
            np.full(n, object_class),
            objects,
        )
        moved.append((columns, route, start_s, between(rng, spec.speed_mps, n)))
    return moved


def _route(
    rng: np.random.Generator, space: LineSpace, spec: Movement, where: Chainages, hand: int, n: int
) -> Plan[tuple[Indices, Reals, Reals, Reals]]:
    """Places of `n` routes in flat arrays: owner, x, y, pause at each place (s)."""
    chainage = where.draw(rng, n, spec.is_concentrated)
    offset = between(rng, spec.offset_km, n) * 1_000
    length = between(rng, spec.length_km, n) * 1_000
    pause = between(rng, spec.pause_min, n) * 60
    if spec.pattern == "approach":
        x0, y0 = yield from placing_surely(rng, space.length_m, chainage, hand * offset)
        x1, y1 = space.towards(x0, y0, -between(rng, spec.reach_m, n))
        owner = np.repeat(np.arange(n), 3)
        x, y = np.stack([x0, x1, x0], axis=1).ravel(), np.stack([y0, y1, y0], axis=1).ravel()
        return owner, x, y, np.stack([np.zeros(n), pause, np.zeros(n)], axis=1).ravel()
    if spec.pattern == "queue":
        # Straight from the start to the crossing point; the queue stands before it, the way ends beyond it.
        point = where.draw_point(rng, n)
        x0, y0 = yield from placing_surely(rng, space.length_m, point, hand * offset)
        line_x, line_y = space.on_line(point)
        norm = np.maximum(np.hypot(line_x - x0, line_y - y0), 1.0)
        go_x, go_y = (line_x - x0) / norm, (line_y - y0) / norm
        queue = rng.uniform(QUEUE_M[0], QUEUE_M[1], n)
        reach = between(rng, spec.reach_m, n)
        x = np.stack([x0, line_x - queue * go_x, line_x - reach * go_x], axis=1)
        y = np.stack([y0, line_y - queue * go_y, line_y - reach * go_y], axis=1)
        rest = np.stack([np.zeros(n), pause, np.zeros(n)], axis=1)
        return np.repeat(np.arange(n), 3), x.ravel(), y.ravel(), rest.ravel()
    if spec.pattern == "field":
        nodes = 24
        x0, y0 = yield from placing_surely(rng, space.length_m, chainage, hand * offset)
        radius = length[:, None] / 2 * np.sqrt(rng.uniform(size=(n, nodes)))
        turn = rng.uniform(0, 2 * np.pi, (n, nodes))
        rest = np.zeros((n, nodes))
        rest[:, 1:-1] = pause[:, None] / (nodes - 2)
        x, y = x0[:, None] + radius * np.cos(turn), y0[:, None] + radius * np.sin(turn)
        return np.repeat(np.arange(n), nodes), x.ravel(), y.ravel(), rest.ravel()
    out = np.maximum(np.ceil(length / NODE_M).astype(np.int64), 2)
    count = 2 * out - 1
    owner = np.repeat(np.arange(n), count)
    position = np.arange(len(owner)) - np.repeat(np.cumsum(count) - count, count)
    turn_at = out[owner] - 1
    along = (turn_at - np.abs(position - turn_at)) / turn_at
    heading = rng.choice([-1.0, 1.0], n)
    at = np.clip(chainage[owner] + heading[owner] * along * length[owner], 0.0, space.length_m)
    x, y, is_placed = yield at, hand * offset[owner]
    rest = np.where(position == turn_at, pause[owner], 0.0)
    # Where the meanders leave no such place the route cuts straight through between its neighbours.
    is_placed |= (position == 0) | (position == 2 * turn_at)
    return owner[is_placed], x[is_placed], y[is_placed], rest[is_placed]


def plan_fire(
    scenario: Scenario, space: LineSpace, seed: int, duration_s: float, local_start_s: float, density: float
) -> Plan[Groups]:
    """All firing groups (and innocent bangs) of the scenario with every phenomenon. Deterministic."""
    where = Chainages(seed, space, scenario.concentration, scenario.crossing_points.count)
    when = _When(duration_s, local_start_s, density)
    specs = range(len(scenario.fires))
    planned = yield from together([_firing(scenario, space, seed, where, when, idx) for idx in specs])
    groups: list[tuple[Reals, ...]] = []
    made = 0
    for of_spec in planned:
        for *columns, answers in of_spec:
            groups.append((*columns, np.where(answers < 0, answers, answers + made)))
        made += sum(len(answers) for *_, answers in of_spec)
    if not groups:
        groups = [tuple(np.empty(0) for _ in range(11))]
    columns = [np.concatenate(part) for part in zip(*groups, strict=True)]
    return _phenomena(scenario, seed, duration_s, columns)


def _firing(
    scenario: Scenario, space: LineSpace, seed: int, where: Chainages, when: _When, idx: int
) -> Plan[list[tuple[Reals, ...]]]:
    """Groups of one kind, hand by hand, each followed by those who answer; the last column is whom of the kind."""
    spec, rng = scenario.fires[idx], stream(seed, "fires", idx)
    groups: list[tuple[Reals, ...]] = []
    made = 0
    for hand, side in _hands(scenario, space, spec.parties):
        start_s = when.starts(rng, space, spec)
        n = len(start_s)
        if not n:
            continue
        stands = -side if spec.stands == "beyond" else side
        chainage = where.draw(rng, n, spec.is_concentrated)
        left = stands * between(rng, spec.offset_km, n) * 1_000
        x, y = yield from placing_surely(rng, space.length_m, chainage, left)
        groups.append((start_s, *_group(rng, space, spec, idx, hand, x, y), np.full(n, -1.0)))
        opponents = np.flatnonzero(rng.uniform(size=n) < spec.answered_frac)
        if hand != CIVILIAN and len(opponents):
            ax, ay = space.towards(
                x[opponents], y[opponents], between(rng, spec.offset_km, len(opponents)) * 1_000
            )
            later = start_s[opponents] + between(rng, RESPONSE_S, len(opponents))
            answer = _group(rng, space, spec, idx, -hand, ax, ay)
            groups.append((later, *answer, (made + opponents).astype(np.float64)))
            made += len(opponents)
        made += n
    return groups


def _group(
    rng: np.random.Generator, space: LineSpace, spec: Fire, idx: int, hand: int, x: Reals, y: Reals
) -> tuple[Reals, ...]:
    n = len(x)
    target_x, target_y = np.full(n, np.nan), np.full(n, np.nan)
    if spec.target_km is not None:
        target_x, target_y = space.towards(x, y, between(rng, spec.target_km, n) * 1_000)
    rounds = rng.integers(spec.rounds[0], spec.rounds[1] + 1, n).astype(np.float64)
    calibre = np.full(n, np.nan if spec.calibre_mm is None else spec.calibre_mm)
    interval = between(rng, spec.interval_s, n)
    return (
        np.full(n, float(idx)),
        np.full(n, float(hand)),
        x,
        y,
        target_x,
        target_y,
        rounds,
        calibre,
        interval,
    )


def _phenomena(scenario: Scenario, seed: int, duration_s: float, columns: list[Reals]) -> Groups:
    """Every launch, shot and impact of the groups, in order of time."""
    start_s, spec, hand, x, y, target_x, target_y, rounds, calibre, interval, answers = columns[:11]
    rng = stream(seed, "sounds")
    count = rounds.astype(np.int64)
    owner = np.repeat(np.arange(len(count)), count)
    # Gaps are exponential but stay under the ten minutes that would make it two happenings.
    gap = np.minimum(rng.exponential(1.0, len(owner)) * interval[owner], 500.0)
    gap[np.cumsum(count) - count] = 0.0
    running = np.cumsum(gap)
    time_s = start_s[owner] + running - running[np.cumsum(count) - count][owner]
    kinds = np.array([schema.KINDS.index(f.kind) for f in scenario.fires] or [0])
    targets = np.array([TARGETS.index(f.weapon) for f in scenario.fires] or [0])
    spread = np.array([f.spread_m for f in scenario.fires] or [0.0])
    flight = np.array([f.flight_s for f in scenario.fires] or [(0.0, 0.0)])
    what = spec[owner].astype(np.int64)
    has_target = np.isfinite(target_x[owner])
    near = rng.normal(0.0, 15.0, (2, len(owner)))
    far = rng.normal(0.0, 1.0, (2, len(owner))) * spread[what]
    scatter = np.where(has_target, near, far)
    hit = np.flatnonzero(has_target)
    flown = rng.uniform(flight[what[hit], 0], flight[what[hit], 1] + 1e-9)
    impact = schema.KINDS.index("explosion")
    parts = {
        "group": (owner, owner[hit]),
        "time_s": (time_s, time_s[hit] + flown),
        "phenomenon_x": (x[owner] + scatter[0], target_x[owner[hit]] + far[0][hit]),
        "phenomenon_y": (y[owner] + scatter[1], target_y[owner[hit]] + far[1][hit]),
        "kind": (kinds[what], np.full(len(hit), impact)),
        "is_impact": (np.zeros(len(owner), dtype=bool), np.ones(len(hit), dtype=bool)),
        "target": (targets[what], np.full(len(hit), TARGETS.index("impact"))),
        "pair": (np.arange(len(owner)), hit),
    }
    whole = {name: np.concatenate(both) for name, both in parts.items()}
    order = np.lexsort((whole["is_impact"], whole["pair"], whole["time_s"]))
    # What would happen after the end has not happened.
    order = order[whole["time_s"][order] < duration_s]
    return Groups(
        spec=spec.astype(np.int64),
        hand=hand.astype(np.int64),
        x=x,
        y=y,
        target_x=target_x,
        target_y=target_y,
        rounds=np.bincount(whole["group"][order][~whole["is_impact"][order]], minlength=len(count)),
        calibre_mm=calibre,
        answers=answers.astype(np.int64),
        **{name: column[order] for name, column in whole.items()},
    )
