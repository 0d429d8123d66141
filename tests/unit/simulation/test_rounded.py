import numpy as np
import pytest

from geodata.projection import Frame
from monitoring.simulation.rounded import rounded_place

FRAMES = (Frame(36.7, 48.4), Frame(-69.0, -40.0), Frame(179.5, 8.0), Frame(20.0, 0.0))


@pytest.mark.parametrize("frame", FRAMES)
def test_places_are_the_exact_ones_rounded(frame: Frame) -> None:
    x, y = np.random.default_rng(1).uniform(-6e5, 6e5, (2, 50_000))
    lon, lat = frame.inverse(x, y)
    rounded = rounded_place(frame, x, y)
    assert np.array_equal(rounded, (np.round(lon, 6), np.round(lat, 6)))


@pytest.mark.parametrize("frame", FRAMES)
def test_latitudes_between_two_roundings_go_the_way_of_the_exact_one(frame: Frame) -> None:
    halves = frame.lat0_deg + (np.arange(-20_000, 20_000) * 200 + 0.5) * 1e-6
    x, y = frame.forward(np.full(len(halves), frame.lon0_deg + 0.3), halves)
    lon, lat = frame.inverse(x, y)
    rounded = rounded_place(frame, x, y)
    assert np.array_equal(rounded, (np.round(lon, 6), np.round(lat, 6)))


def test_what_is_no_place_stays_none() -> None:
    lon, lat = rounded_place(FRAMES[0], np.array([np.nan, 0.0]), np.array([0.0, np.nan]))
    assert np.isnan(lon).all()
    assert np.isnan(lat).all()
