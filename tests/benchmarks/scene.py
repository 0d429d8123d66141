"""What the benchmarks run on: lines of any number of vertices, places around them, tracks across them. Seeded."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geodata.contact_line import ContactLine, LineDraft, packaged_line
from geodata.segments import GEOD

Reals = NDArray[np.float64]
SEED = 20_260_106


def line_of(vertex_count: int) -> ContactLine:
    """The packaged line with about so many vertices: every k-th one, or more on each edge, a little aside.

    All versions have the same course, so that what grows is the number of vertices alone.
    """
    line = packaged_line()
    count = len(line.lon)
    if vertex_count <= count:
        at = np.unique(np.linspace(0, count - 1, vertex_count).round().astype(int))
        lon, lat = line.lon[at], line.lat[at]
    else:
        per_edge = round(vertex_count / count)
        share = np.arange(per_edge) / per_edge
        lon = np.append((line.lon[:-1, None] + np.diff(line.lon)[:, None] * share).ravel(), line.lon[-1])
        lat = np.append((line.lat[:-1, None] + np.diff(line.lat)[:, None] * share).ravel(), line.lat[-1])
        rng = np.random.default_rng(SEED)
        inner = np.arange(len(lon)) % per_edge != 0
        lon[inner] += rng.normal(0.0, 2e-6, int(inner.sum()))
        lat[inner] += rng.normal(0.0, 2e-6, int(inner.sum()))
    draft = LineDraft(tuple(zip(lon.tolist(), lat.tolist(), strict=True)), f"{vertex_count} vertices")
    return ContactLine.from_draft(draft, allow_self_contacts=True)


def places_within(line: ContactLine, reach_m: float, count: int) -> tuple[Reals, Reals]:
    """Places spread evenly over all that is within `reach_m` of the line."""
    rng = np.random.default_rng(SEED + 1)
    margin = reach_m / 70_000.0
    lon, lat = np.empty(0), np.empty(0)
    while len(lon) < count:
        more_lon = rng.uniform(line.lon.min() - margin, line.lon.max() + margin, count)
        more_lat = rng.uniform(line.lat.min() - margin, line.lat.max() + margin, count)
        near = np.abs(line.locator.locate(more_lon, more_lat).signed_distance_m) < reach_m
        lon, lat = np.append(lon, more_lon[near]), np.append(lat, more_lat[near])
    return lon[:count], lat[:count]


def places_near(line: ContactLine, reach_m: float, count: int) -> tuple[Reals, Reals]:
    """Places at distances up to `reach_m` from places evenly along the line: most are near it."""
    rng = np.random.default_rng(SEED + 2)
    lon, lat = line.place_at(rng.uniform(0.0, line.length_m, count))
    there = GEOD.fwd(lon, lat, rng.uniform(0, 360, count), rng.uniform(0, reach_m, count))
    return np.asarray(there[0]), np.asarray(there[1])


@dataclass(frozen=True)
class Steps:
    """Steps of interleaved tracks: from (lon0, lat0) to (lon1, lat1), shape (n,).

    Step i + track_count begins where step i ended.
    """

    lon0: Reals
    lat0: Reals
    lon1: Reals
    lat1: Reals
    track_count: int


def steps_across(line: ContactLine, count: int, track_count: int = 10_000) -> Steps:
    """Random walks of `track_count` tracks, step by step in turn: legs of 30 to 900 m, within 25 km of the line."""
    rng = np.random.default_rng(SEED + 3)
    track_count = min(track_count, count)
    lon, lat = line.place_at(rng.uniform(0.0, line.length_m, track_count))
    spread = GEOD.fwd(lon, lat, rng.uniform(0, 360, track_count), rng.uniform(0, 25_000, track_count))
    lon, lat = np.asarray(spread[0]), np.asarray(spread[1])
    heading = rng.uniform(0, 2 * np.pi, track_count)
    leg_m = rng.uniform(30.0, 900.0, track_count)
    rounds = -(-count // track_count)
    columns: list[list[Reals]] = [[], [], [], []]
    for _ in range(rounds):
        heading = heading + rng.normal(0.0, 0.5, track_count)
        next_lon = lon + leg_m * np.sin(heading) / (111_320.0 * np.cos(np.radians(lat)))
        next_lat = lat + leg_m * np.cos(heading) / 111_200.0
        for column, values in zip(columns, (lon, lat, next_lon, next_lat), strict=True):
            column.append(values)
        lon, lat = next_lon, next_lat
    return Steps(*(np.concatenate(column)[:count] for column in columns), track_count)
