"""What must hold of coverage whatever the sensors: monotone, mirrored, indifferent to cuts, never sure."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from geodata.contact_line import ContactLine, LineHistory
from geodata.line_file import LineDraft
from monitoring import events, schema
from monitoring.agreement import Parameters, SensorFacts
from monitoring.coverage import reach
from tests.reference.slow_chances import probability
from tests.small_world import LINE, SECTORS, table
from tests.watching import beats, every, post, told, watched, world_of

TYPES = st.sampled_from(schema.SENSOR_TYPES)
SENSOR = st.builds(
    post,
    TYPES,
    st.floats(-9_000.0, 9_000.0).map(lambda m: round(m, -2)),
    st.floats(-30_000.0, 30_000.0).map(lambda m: round(m, -2)),
    st.sampled_from(["A", "B", None]),
)
NETS = st.lists(SENSOR, min_size=1, max_size=6).map(
    lambda found: {f"S-{i}": one for i, one in enumerate(found)}
)
HOURS = st.lists(st.sampled_from(every(0.25, 6.0)), min_size=1, max_size=12, unique=True).map(sorted)


def rows_of(data, net):
    return [row for name in net for row in beats([name], data.draw(HOURS))]


@settings(max_examples=12, deadline=None)
@given(NETS, st.data())
def test_removing_a_sensor_never_raises_what_is_watched(net, data):
    rows = rows_of(data, net)
    gone = data.draw(st.sampled_from(sorted(net)))
    # It stays registered and unheard, so that the same hours are told.
    fewer = [row for row in rows if row["sensor_id"] != gone] or beats(["S-none"], [0.0])
    more = {(r["time_start_ns"], r["sector"], r["kind"]): r for r in watched(net, rows, 7.0)}
    for row in watched(net, fewer, 7.0):
        whole = more.get((row["time_start_ns"], row["sector"], row["kind"]))
        if whole is not None:
            assert row["watched_km_h"] <= whole["watched_km_h"] + 0.002
            assert row["effective_km_h"] <= whole["effective_km_h"] + 0.002


@settings(max_examples=10, deadline=None)
@given(NETS, st.data(), st.integers(2, 40))
def test_the_same_rows_are_told_however_deliveries_were_cut(net, data, pieces):
    rows = rows_of(data, net)
    assert watched(net, rows, 7.0, pieces) == watched(net, rows, 7.0)


@settings(max_examples=10, deadline=None)
@given(NETS, st.data())
def test_swapping_the_sides_names_changes_nothing(net, data):
    rows = rows_of(data, net)
    swap = {"A": "B", "B": "A", None: None}
    swapped = {name: SensorFacts(f.type, swap[f.host_side], lon=f.lon, lat=f.lat) for name, f in net.items()}
    mirrored_line = ContactLine.from_draft(
        LineDraft(tuple(zip(LINE.lon.tolist(), LINE.lat.tolist(), strict=True)), "swapped", left_side="B")
    )
    world = world_of(net)
    mirror = Parameters(world.agreement, LineHistory([mirrored_line]), SECTORS, swapped)

    def figures(found):
        return [{k: v for k, v in row.items() if k != "line_version"} for row in found]

    assert figures(watched(swapped, rows, 7.0, world=mirror)) == figures(watched(net, rows, 7.0))


@settings(max_examples=10, deadline=None)
@given(SENSOR, HOURS)
def test_silence_is_never_watched(sensor, hours):
    beat_s = reach.TYPES[sensor.type].heartbeat_s + 600.0
    rows = beats(["S-0"], hours)
    for row in watched({"S-0": sensor}, rows, 30.0):
        begins_h = (row["time_start_ns"] - rows[0]["time_ns"]) / 3.6e12 + hours[0]
        before = max((h for h in hours if h <= begins_h), default=None)
        after = min((h for h in hours if h >= begins_h + 1.0), default=None)
        inside = [h for h in hours if begins_h <= h < begins_h + 1.0]
        is_held = before is not None and after is not None and (after - before) * 3_600 <= beat_s + 1_200
        if not inside and not is_held:
            assert row["watched_km_h"] == 0.0


@settings(max_examples=15, deadline=None)
@given(TYPES, st.integers(1, 60))
def test_any_number_of_sensors_with_one_cause_stays_below_what_that_cause_leaves(kind, number):
    net = {f"S-{i}": post(kind, 500.0, 10.0 * i, "A") for i in range(number)}
    means = reach.TYPES[kind]
    most = (1 - reach.NETWORK_PROB) * (1 - reach.CAUSES[means.cause]) * (1 - reach.HOST_PROB)
    for row in watched(net, beats(net, [0.0, 0.5]), 1.0):
        assert row["effective_km_h"] <= most * row["watched_km_h"] + 0.002


@settings(max_examples=15, deadline=None)
@given(NETS)
def test_the_figures_are_those_of_the_plain_formulas(net):
    found = watched(net, beats(net, every(1 / 6, 1.0)), 1.0)
    line_km = sum(row["line_km_h"] for row in found) / len(reach.KINDS)
    assert abs(line_km - LINE.length_m / 1_000) < 0.1
    for name in reach.NAMES:
        probs = probability(net, name, LINE)
        watched_km = sum(km for prob, km in probs if prob >= 0.1)
        effective_km = sum(km * prob for prob, km in probs if prob >= 0.1)
        mine = [row for row in found if row["kind"] == name]
        assert abs(sum(row["watched_km_h"] for row in mine) - watched_km) < 1.1
        assert abs(sum(row["effective_km_h"] for row in mine) - effective_km) < 0.6


def test_arrays_and_rows_hold_no_not_a_number():
    net = {f"S-{i}": post(kind, 1_000.0) for i, kind in enumerate(schema.SENSOR_TYPES)}
    world = world_of(net)
    rows = told(world, events.in_canonical_order(table(beats(net, [0.0, 0.5]))), 1.0)
    for name in ("line_km_h", "watched_km_h", "effective_km_h", "lost_km_h"):
        assert np.isfinite(rows[name].to_numpy()).all()
