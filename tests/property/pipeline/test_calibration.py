"""When the model is right, what is said to be probable by p happens p of the time: worlds drawn from the model itself.

The model takes an object to be anywhere on its side with equal right, which no world can do. Seen through a window
on the measured distance it can: given side and bias, a distance in the window has a density that rises at the line
like a normal distribution, and what was seen of a track is as likely as the product of the windows' contents. So
tracks are drawn with all fixes in the window and weighted with that product over the fixes seen so far.

The worlds are fixed (seeded), so the tests are exact repetitions; the tolerances are three standard errors and
the error of the bias nodes.
"""

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from monitoring import events
from monitoring.pipeline import tracking
from monitoring.tracks import side_filter
from tests.small_world import LAT, LON, SECOND_NS, START_NS, fix, parameters, place, table

SIGMA_M, FIX_COUNT, STEP_S, RATE_PER_H = 50.0, 12, 60.0, 3.0
WINDOW_M = 6 * SIGMA_M

Reals = NDArray[np.float64]


def drawn(seed: int, track_count: int, bias_frac: float) -> tuple[NDArray[np.int64], Reals, Reals]:
    """Sides (+1 = A) and measured signed distances of tracks, and weights up to each fix; (track, fix)."""
    rng = np.random.default_rng(seed)
    change = -0.5 * np.expm1(-2.0 * RATE_PER_H / 3600.0 * STEP_S)
    turns = np.where(rng.random((track_count, FIX_COUNT)) < change, -1, 1)
    turns[:, 0] = rng.choice([-1, 1], track_count)
    side = np.cumprod(turns, axis=1)
    bias = rng.normal(0.0, SIGMA_M * np.sqrt(bias_frac), (track_count, 1))
    bias = np.clip(bias, -0.9 * WINDOW_M, 0.9 * WINDOW_M)
    distance_m = np.full(side.shape, np.inf)
    while (out := np.abs(distance_m) > WINDOW_M).any():
        noise_m = rng.normal(0.0, SIGMA_M * np.sqrt(1.0 - bias_frac), side.shape)
        again = side * rng.uniform(0.0, 3 * WINDOW_M, side.shape) + bias + noise_m
        distance_m = np.where(out, again, distance_m)
    weight = np.cumprod(1.0 - side * bias / WINDOW_M, axis=1)
    return side, distance_m, weight


def reliability(
    probability: Reals, happened: NDArray[np.bool_], weight: Reals, edges: Reals
) -> list[tuple[float, float, float]]:
    """Mean probability, share that happened, and the number that the weights are worth, by class of probability."""
    at = np.digitize(probability, edges)
    classes = [np.flatnonzero(at == number) for number in range(len(edges) + 1)]
    return [
        (
            float(np.average(probability[c], weights=weight[c])),
            float(np.average(happened[c], weights=weight[c])),
            float(weight[c].sum() ** 2 / (weight[c] ** 2).sum()),
        )
        for c in classes
        if len(c)
    ]


def assert_calibrated(found: list[tuple[float, float, float]], slack: float) -> None:
    for said, seen, count in found:
        assert count > 50, found
        error = np.sqrt(max(said * (1.0 - said), 1e-4) / count)
        assert abs(seen - said) <= 3.0 * error + slack, found


@pytest.mark.parametrize("bias_frac", [0.0, 0.3, 0.6])
def test_the_side_is_as_probable_as_the_filter_says(bias_frac: float) -> None:
    side, distance_m, weight = drawn(5, 60_000, bias_frac)
    joint = side_filter.unknown(len(side))
    rate = np.full(len(side), RATE_PER_H / 3600.0)
    change = side_filter.change_probability(np.full(len(side), STEP_S), rate)
    bias_m = np.full(len(side), SIGMA_M * np.sqrt(bias_frac))
    noise_m = np.full(len(side), SIGMA_M * np.sqrt(1.0 - bias_frac))
    for rank in range(FIX_COUNT):
        sums = side_filter.update(joint, change, distance_m[:, rank], bias_m, noise_m)
        if rank in {0, 3, 8}:
            probability = side_filter.side_a(sums)
            edges = np.array([0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.98])
            assert_calibrated(
                reliability(probability, side[:, rank] > 0, weight[:, rank], edges), slack=0.005
            )


@pytest.mark.parametrize("bias_frac", [0.2, 0.5])
def test_a_crossing_told_with_a_probability_happens_as_often(bias_frac: float) -> None:
    track_count = 6_000
    side, distance_m, weight = drawn(7, track_count, bias_frac)
    given = parameters(
        {
            "tracks.bias_frac": bias_frac,
            "tracks.side_change_per_h": RATE_PER_H,
            "line_crossing.report_prob": 0.3,
            "line_crossing.dwell_s": 0,
        },
        rules=("line_crossing",),
    )
    end_ns = START_NS + round(FIX_COUNT * STEP_S * SECOND_NS)
    shards = tracking.start(given, 1)
    rows = tracking.advance(shards, as_events(distance_m), end_ns, True, given)[1].findings.to_pylist()
    track, last, probability, happened = claims(rows, side)
    edges = np.array([0.45, 0.6, 0.75, 0.9, 0.97])
    assert_calibrated(reliability(probability, happened, weight[track, last], edges), slack=0.005)


def claims(
    rows: list[dict[str, Any]], side: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], Reals, NDArray[np.bool_]]:
    """What each finding, in each revision but those that take back, says: its track, its last fix, its probability,
    and whether it is true."""
    track, decided, probability, happened = [], [], [], []
    for row in rows:
        detail = json.loads(row["detail"])
        if any("old side again" in reason for reason in row["reasons"]):
            continue
        track.append(int(row["track_id"][1:]))
        sides = side[track[-1]]
        old = 1 if row["direction"] == "A>B" else -1
        first, last = (number_of(text) for text in (detail["surest_before"], detail["after"]["time"]))
        decided.append(last)
        probability.append(row["probability"])
        happened.append(sides[first] == old and sides[last] == -old)
    return np.array(track), np.array(decided), np.array(probability), np.array(happened)


def number_of(text: str) -> int:
    seconds = (np.datetime64(text.rstrip("Z"), "ns").astype(np.int64) - START_NS) / SECOND_NS
    return round(float(seconds) / STEP_S)


def as_events(distance_m: Reals) -> pa.Table:
    """The fixes as events; a track's places lie along one parallel, west of the line where positive."""
    track_count = len(distance_m)
    lon, _ = place(1_000.0)
    columns = {
        "time_ns": START_NS
        + (np.arange(FIX_COUNT) * STEP_S * SECOND_NS).astype(np.int64).repeat(track_count),
        "lon": (LON - (lon - LON) * distance_m / 1_000.0).T.ravel(),
        "track_id": [f"t{track}" for track in range(track_count)] * FIX_COUNT,
        "id": [f"e{number:06d}" for number in range(track_count * FIX_COUNT)],
    }
    one = table([fix(0, 0, affiliation="A", sigma_m=SIGMA_M, lat=LAT)])
    made = one.take(pa.array(np.zeros(track_count * FIX_COUNT, dtype=np.int64)))
    for name, values in columns.items():
        at = made.schema.get_field_index(name)
        made = made.set_column(at, made.schema.field(at), pa.array(values, type=made.schema.field(at).type))
    return events.in_canonical_order(made)
