import numpy as np
import pytest
from pyproj import Proj

from geodata.frame_series import FrameSeries
from geodata.projection import Frame, _latitude, _latitude_by_rounds, unwrap_deg, wrap_deg
from geodata.segments import GEOD

CENTRES = [(35.0, 48.0), (-70.0, -33.0), (10.0, 0.0), (179.9, -17.0), (25.0, 70.0), (0.0, 1e-11)]


@pytest.mark.parametrize("centre", CENTRES)
def test_there_and_back_again(centre: tuple[float, float]) -> None:
    frame, (lon, lat) = Frame(*centre), places_around(centre)
    back_lon, back_lat = frame.inverse(*frame.forward(lon, lat))
    assert np.abs(wrap_deg(back_lon - lon)).max() < 1e-11
    assert np.abs(back_lat - lat).max() < 1e-11


def test_it_is_the_conic_that_others_compute() -> None:
    lon, lat = places_around((35.0, 48.0))
    theirs = Proj(proj="lcc", lat_1=48.0, lat_0=48.0, lon_0=35.0, ellps="WGS84")(lon, lat)
    np.testing.assert_allclose(Frame(35.0, 48.0).forward(lon, lat), theirs, atol=1e-6)


@pytest.mark.parametrize("centre", CENTRES)
def test_the_series_give_the_frame_and_geodesic_lengths(centre: tuple[float, float]) -> None:
    frame, (lon, lat) = Frame(*centre), places_around(centre)
    lon = centre[0] + wrap_deg(lon - centre[0])
    series = FrameSeries.around(frame, lon, lat, 100_000.0)
    x, y = series.forward(lon, lat)
    np.testing.assert_allclose(frame.forward(lon, lat), (x, y), atol=1e-6)
    for distance_m, error_m in ((5_000.0, 1e-5), (50_000.0, 0.002), (100_000.0, 0.02)):
        azimuth = np.linspace(0.0, 360.0, len(lon))
        there_lon, there_lat, _ = GEOD.fwd(lon, lat, azimuth, np.full(len(lon), distance_m))
        x1, y1 = series.forward(
            centre[0] + wrap_deg(np.asarray(there_lon) - centre[0]), np.asarray(there_lat)
        )
        mean = series.along(x1, y1, x1 - x, y1 - y)[0]
        assert np.abs(np.hypot(x1 - x, y1 - y) * mean - distance_m).max() < error_m


def test_the_rectangle_holds_the_whole_box() -> None:
    lon, lat = places_around((35.0, 48.0))
    series = FrameSeries.around(Frame(35.0, 48.0), lon, lat, 50_000.0)
    west, south, east, north = series.extent()
    rng = np.random.default_rng(1)
    x, y = series.forward(
        series.lon_centre + rng.uniform(-1, 1, 9_999) * series.lon_reach_deg,
        rng.uniform(series.south, series.north, 9_999),
    )
    assert west < x.min()
    assert x.max() < east
    assert south < y.min()
    assert y.max() < north


def test_scale_is_one_on_the_central_parallel_and_nan_stays_nan() -> None:
    frame = Frame(35.0, 48.0)
    assert frame.scale_at(48.0) == pytest.approx(1.0, abs=1e-15)
    assert np.isnan(frame.forward([np.nan], [48.0])[0]).all()
    assert np.isnan(frame.scale([np.nan], [0.0])).all()


def test_longitudes_are_wrapped_and_unwrapped_without_touching_good_ones() -> None:
    lon = np.array([37.123456789012345, -179.99999999999997])
    assert np.array_equal(wrap_deg(lon), lon)
    assert np.array_equal(unwrap_deg([170.0, -170.0, 170.0]), [170.0, 190.0, 170.0])


def places_around(centre: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return wrap_deg(centre[0] + rng.uniform(-5, 5, 300)), np.clip(
        centre[1] + rng.uniform(-4, 4, 300), -80, 80
    )


@pytest.mark.parametrize("reach", [7.0, 1.2, 0.01, 40.0])
def test_latitudes_have_the_bits_of_the_rounds_wherever_the_series_is_believed(reach: float) -> None:
    psi = np.random.default_rng(1).uniform(-reach, reach, 200_000)
    psi[:8] = [0.0, -0.0, np.nan, np.inf, -np.inf, 800.0, -800.0, 5e-324]
    with np.errstate(over="ignore"):
        by_rounds = np.degrees(_latitude_by_rounds(psi))
    assert _latitude(psi).tobytes() == by_rounds.tobytes()


def test_one_latitude_has_the_bits_of_many() -> None:
    psi = np.linspace(0.9, 1.0, 101)
    assert [float(_latitude(one)) for one in psi] == _latitude(psi).tolist()
