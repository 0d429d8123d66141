"""The error ellipse across straight and bent lines, against a sum over many places."""

import numpy as np
import pytest

from geodata.contact_line import ContactLine
from geodata.line_file import LineDraft
from monitoring.tracks.ellipse import across
from monitoring.tracks.normal import normal_tails
from tests.small_world import LINE, LON, place

BAY = ContactLine.from_draft(
    LineDraft(
        ((LON, 48.0), place(0, -60), place(-300, -50), place(-300, 50), place(0, 60), (LON, 49.0)),
        "a narrow bay",
    )
)


def share_on_a(
    line: ContactLine, east_m: float, north_m: float, long_m: float, short_m: float, azimuth: float
) -> float:
    """P(side A) by brute force: 40,000 places of the ellipse, drawn with a fixed seed."""
    rng = np.random.default_rng(1)
    u, v = rng.normal(size=(2, 40_000))
    sin, cos = np.sin(np.radians(azimuth)), np.cos(np.radians(azimuth))
    lon, lat = place(east_m, north_m)
    east, north = u * long_m * sin + v * short_m * cos, u * long_m * cos - v * short_m * sin
    lon0, lat0 = place(0.0, 0.0)
    lon1, lat1 = place(1_000.0, 1_000.0)
    side = line.locator.locate(lon + east * (lon1 - lon0) / 1_000, lat + north * (lat1 - lat0) / 1_000).side
    return float(np.mean(side > 0))


def judged(
    line: ContactLine, east_m: float, north_m: float, long_m: float, short_m: float, azimuth: float
) -> float:
    lon, lat = (np.array([value]) for value in place(east_m, north_m))
    found = across(
        line.locator,
        lon,
        lat,
        line.locator.locate(lon, lat).signed_distance_m,
        *(np.array([value]) for value in (long_m, short_m, azimuth)),
        line.sigma_m,
    )
    return float(normal_tails(found.distance_m / found.sigma_m)[0][0])


@pytest.mark.parametrize(
    ("east_m", "north_m", "long_m", "short_m", "azimuth"),
    [
        (-80, 0, 60, 60, 0),
        (30, 500, 60, 20, 0),
        (30, 500, 60, 20, 90),
        (-40, 0, 100, 10, 30),
        (10, 9, 50, 50, 0),
    ],
)
def test_on_a_straight_line_the_error_along_its_normal_counts(
    east_m: float, north_m: float, long_m: float, short_m: float, azimuth: float
) -> None:
    wanted = share_on_a(LINE, east_m, north_m, long_m, short_m, azimuth)
    assert judged(LINE, east_m, north_m, long_m, short_m, azimuth) == pytest.approx(wanted, abs=0.01)


@pytest.mark.parametrize(
    ("east_m", "north_m", "sigma_m"),
    [(-150, 0, 100), (-250, 0, 60), (-20, 0, 80), (40, 100, 120), (-150, 100, 90)],
)
def test_in_a_bend_the_ellipse_is_summed_over_the_sides_to_a_few_hundredths(
    east_m: float, north_m: float, sigma_m: float
) -> None:
    wanted = share_on_a(BAY, east_m, north_m, sigma_m, sigma_m, 0.0)
    assert judged(BAY, east_m, north_m, sigma_m, sigma_m, 0.0) == pytest.approx(wanted, abs=0.08)


def test_deep_in_a_bay_narrower_than_the_error_the_nearest_normal_would_be_wrong() -> None:
    """On B's side of the nearest bank, and yet most of the ellipse lies on A's."""
    lon, lat = place(-150.0, 0.0)
    assert BAY.locator.locate([lon], [lat]).side[0] == -1
    assert judged(BAY, -150.0, 0.0, 100.0, 100.0, 0.0) > 0.5
