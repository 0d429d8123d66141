"""Places by weighted least squares: bearings, errors that are repeated, misstated or contradicted, and outliers."""

import numpy as np
import pytest

from monitoring.incidents import geometry
from monitoring.incidents.location import Bearings, mean_place

LON, LAT = 37.0, 48.5


def located(east, north, sigma_m, sensor=None, bearings=None, own_var=0.0):
    """East, north and standard deviations (m) of one incident with reports at these offsets."""
    east, north = np.asarray(east, dtype=float), np.asarray(north, dtype=float)
    n = len(east)
    lon, lat = geometry.moved(np.full(n, LON), np.full(n, LAT), east, north)
    variance = np.broadcast_to(np.asarray(sigma_m, dtype=float) ** 2, (n,)).copy()
    anchor = np.isfinite(east)
    mean_lon, mean_lat, cov = mean_place(
        np.zeros(n, dtype=np.int64), 1, anchor, lon, lat, (variance, np.zeros(n), variance),
        np.arange(n) if sensor is None else np.asarray(sensor), bearings, own_var,
    )  # fmt: skip
    at_e, at_n = geometry.offsets_m(np.array([LON]), np.array([LAT]), mean_lon, mean_lat)
    major_m, minor_m, _ = geometry.ellipse(*cov)
    return float(at_e[0]), float(at_n[0]), float(major_m[0]), float(minor_m[0])


def test_one_report_is_its_own_place_and_error():
    assert located([0.0], [0.0], 80.0)[2:] == pytest.approx((80.0, 80.0))


def test_a_line_of_sight_narrows_the_place_across_it_and_not_along_it():
    eye_lon, eye_lat = geometry.moved(np.array([LON]), np.array([LAT]), np.array([0.0]), np.array([-3_000.0]))
    seen = Bearings(
        np.array([False, True]), np.array([np.nan, eye_lon[0]]), np.array([np.nan, eye_lat[0]]),
        np.array([np.nan, 0.0]), np.array([np.nan, 0.3]),
    )  # fmt: skip
    east, north, major_m, minor_m = located([150.0, np.nan], [0.0, np.nan], 200.0, bearings=seen)
    assert abs(east) < 30 < 150
    assert abs(north) < 1
    assert minor_m < 40 < 150 < major_m


def test_two_lines_of_sight_cross_where_the_flash_was():
    eyes = [
        geometry.moved(np.array([LON]), np.array([LAT]), np.array([e]), np.array([-3_000.0]))
        for e in (-3_000.0, 3_000.0)
    ]
    seen = Bearings(
        np.array([False, True, True]),
        np.array([np.nan, eyes[0][0][0], eyes[1][0][0]]),
        np.array([np.nan, eyes[0][1][0], eyes[1][1][0]]),
        np.array([np.nan, 45.0, 315.0]),
        np.array([np.nan, 0.3, 0.3]),
    )
    east, north, major_m, _ = located([300.0, np.nan, np.nan], [200.0, np.nan, np.nan], 500.0, bearings=seen)
    assert np.hypot(east, north) < 15
    assert major_m < 60


def test_what_a_sensor_repeats_does_not_average_out():
    scatter = np.random.default_rng(2).normal(0, 100.0, (2, 20))
    by_many = located(*scatter, 100.0)[2]
    by_one = located(*scatter, 100.0, sensor=np.zeros(20, dtype=np.int64))[2]
    assert by_many < 30 < 50 < by_one < 100


def test_errors_stated_by_half_or_double_are_found_out_by_the_scatter():
    rng = np.random.default_rng(1)
    scatter = rng.normal(0, 100.0, (2, 40))
    honest = located(*scatter, 100.0)[2]
    assert located(*scatter, 50.0)[2] == pytest.approx(honest, rel=0.25)
    assert located(*scatter, 200.0)[2] == pytest.approx(honest, rel=0.25)


def test_two_sensors_that_contradict_each_other_are_trusted_less():
    sensor = np.repeat([0, 1], 10)
    agreed = located(np.zeros(20), np.zeros(20), 50.0, sensor)[2]
    opposed = located(np.where(sensor == 0, -150.0, 150.0), np.zeros(20), 50.0, sensor)[2]
    assert opposed > 2 * agreed


def test_one_report_far_off_moves_the_place_little():
    east = np.append(np.zeros(9), 2_000.0)
    assert abs(located(east, np.zeros(10), 50.0)[0]) < 30 < 200


def test_the_source_of_a_flare_is_known_no_better_than_flares_drift():
    assert located([0.0, 0.0], [0.0, 0.0], 10.0, own_var=60.0**2)[2] > 60.0


def test_pairs_between_hold_every_pair_within_the_limit_and_few_others():
    rng = np.random.default_rng(1)
    lon, lat = rng.uniform(179.5, 180.5, 300), rng.uniform(48.0, 49.0, 300)
    other_lon, other_lat = rng.uniform(179.5, 180.5, 40), rng.uniform(48.0, 49.0, 40)
    lon, other_lon = ((places + 180.0) % 360.0 - 180.0 for places in (lon, other_lon))
    i, j = geometry.pairs_between(lon, lat, other_lon, other_lat, 10_000.0)
    at = np.meshgrid(np.arange(300), np.arange(40), indexing="ij")
    first, second = (part.ravel() for part in at)
    away = geometry.offsets_m(lon[first], lat[first], other_lon[second], other_lat[second])
    near = np.hypot(*away) <= 10_000.0
    found = set(zip(i.tolist(), j.tolist(), strict=True))
    assert set(zip(first[near].tolist(), second[near].tolist(), strict=True)) <= found
    assert len(found) == len(i) < 8 * np.count_nonzero(near)
