"""The middle of a site: its error holds what it says, whatever the sensors declare and however many look at once."""

import numpy as np
import pytest

from monitoring.incidents import geometry
from monitoring.incidents.extended import SPREAD_M, extended_place

MINUTE_NS = 60_000_000_000
CHI2_90 = 4.605


def share_inside(looks, sensors, declared_m, true_m, spread_m, sites=3_000):
    """How often a 90 % circle holds the middle of sites that `sensors` look at `looks` times, each at once."""
    rng = np.random.default_rng(4)
    site, look, sensor = (
        part.reshape(-1)
        for part in np.meshgrid(np.arange(sites), np.arange(looks), np.arange(sensors), indexing="ij")
    )
    part_m = rng.normal(0.0, spread_m, (2, sites, looks))
    off_m = part_m[:, site, look] + rng.normal(0.0, true_m, (2, len(site)))
    lon, lat = geometry.moved(np.full(len(site), 30.0), np.full(len(site), 48.0), *off_m)
    sigma_m = np.full(len(site), declared_m)
    found = extended_place(site, sites, look * 5 * MINUTE_NS, lon, lat, sigma_m, sensor)
    east, north = geometry.offsets_m(np.full(sites, 30.0), np.full(sites, 48.0), found[0], found[1])
    return float(np.mean((east**2 + north**2) / found[2] ** 2 <= CHI2_90))


@pytest.mark.parametrize(
    ("looks", "sensors", "declared_m", "true_m", "spread_m"),
    [
        (1, 1, 15.0, 15.0, 60.0),
        (4, 1, 15.0, 15.0, 60.0),
        (20, 1, 15.0, 15.0, 60.0),
        (6, 3, 15.0, 15.0, 60.0),
        (6, 2, 20.0, 20.0, 40.0),
        (12, 2, 15.0, 15.0, 100.0),
        (8, 2, 15.0, 30.0, 50.0),
    ],
)
def test_a_ninety_per_cent_circle_holds_the_middle(looks, sensors, declared_m, true_m, spread_m):
    assert 0.85 <= share_inside(looks, sensors, declared_m, true_m, spread_m) <= 0.985


def test_a_lone_look_may_be_of_any_part():
    one = np.zeros(1, dtype=np.int64)
    sigma_m = extended_place(one, 1, one, np.array([30.0]), np.array([48.0]), np.array([5.0]), one)[2]
    assert sigma_m[0] > SPREAD_M
