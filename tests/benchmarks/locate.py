"""Side, distance and chainage of places: ours beside what a user would pick instead.

`python -m tests.benchmarks.locate` writes `tests/benchmarks/results/locate.md`. `--places` and `--vertices`
choose sizes, `--without-peers` leaves out all but the best one. Peers that would take minutes are asked for less.
"""

import argparse
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from geodata.compilation import HAS_NUMBA
from geodata.contact_line import ContactLine
from geodata.locator import Locator
from geodata.segments import GEOD
from tests.benchmarks import contest, peers
from tests.benchmarks.scene import line_of as line_of_size
from tests.benchmarks.scene import places_near, places_within

SPREADS = {"evenly within 50 km": (places_within, 50_000.0), "near the line, to 3 km": (places_near, 3_000.0)}
BEST = "shapely STRtree.query_nearest + contains_xy"
GOALS = "Goals: 30x the best peer with NumPy alone, 110x compiled; 5 mm within 5 km, 15 cm within 50 km, no flips."


def main(arguments: list[str] | None = None) -> int:
    """Runs the contest; 1 where answers disagree."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--places", type=float, nargs="+", default=[1e5, 1e6, 1e7])
    parser.add_argument("--vertices", type=float, nargs="+", default=[1e3, 5e3, 2e4])
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--without-peers", action="store_true")
    options = parser.parse_args(arguments)
    rows: list[list[str]] = []
    agrees, best_peer = True, contest.BestPeer()
    for vertices in options.vertices:
        line = line_of_size(int(vertices))
        ours = [("ours, NumPy", Locator(line, compiled=False))]
        if HAS_NUMBA:
            ours.append(("ours, compiled", Locator(line, compiled=True)))
        for spread, (places, reach_m) in SPREADS.items():
            for count in options.places:
                lon, lat = places(line, reach_m, int(count))
                contestants = [
                    contest.Contestant(name, partial(_answers, index, lon, lat), is_ours=True)
                    for name, index in ours
                ]
                for name, (prepare, is_here, count_max) in peers.LOCATE.items():
                    if is_here and count <= count_max and (name == BEST or not options.without_peers):
                        job = prepare(line)
                        contestants.append(contest.Contestant(name, partial(job, lon, lat)))
                contest.hold(contestants, options.turns, is_long=count > 1e5)
                times = best_peer.against((vertices, spread), int(count), contestants)
                found, good = _rows(line, spread, contestants, lon, lat, times)
                rows += found
                agrees &= good
                sys.stdout.write("\n".join(" ".join(row) for row in found) + "\n")
        _write(rows, [])  # what there is so far
    sys.stdout.write(f"wrote {_write(rows, _growth(options.turns))}\n")
    return 0 if agrees else 1


def _write(rows: list[list[str]], growth: list[list[str]]) -> Path:
    absent = [name for name, (_, is_here, _) in peers.LOCATE.items() if not is_here]
    text = "\n\n".join(
        [
            "# Locate: side, geodesic distance and chainage from lon/lat",
            contest.machine(),
            GOALS,
            "Rates are places per second of CPU time, the best of some turns taken in turn (one, where it needs more"
            " than two seconds); ratios are to the best peer's best rate on that line, be it with fewer places."
            " Errors are largest ones against geodesics (pyproj.Geod over a fine search) for 120 of the places;"
            " flips are places whose side"
            " differs from ours. Memory is what Python and NumPy allocate at most during a run (not what GEOS or a"
            " database holds)." + (f" Could not be had here: {', '.join(absent)}." if absent else ""),
            contest.table(
                [
                    "vertices",
                    "places",
                    "spread",
                    "way",
                    "places/s",
                    "best peer",
                    "error to 5 km",
                    "error to 50 km",
                    "flips",
                    "MB",
                ],
                rows,
            ),
            "Growth: ten times as many places, and ten times as many vertices; at most 10.5x and 1.5x is the goal.",
            contest.table(["way", "from → to", "takes"], growth),
        ]
    )
    return contest.write("locate.md", text)


def _growth(turns: int) -> list[list[str]]:
    """How the time grows with places (on 5,000 vertices) and with vertices (of a million places)."""
    rows = []
    short, middle, long = (line_of_size(count) for count in (1_000, 5_000, 10_000))
    for compiled in (False, True) if HAS_NUMBA else (False,):
        way = "compiled" if compiled else "NumPy"
        index = Locator(middle, compiled=compiled)
        lon, lat = places_within(middle, 50_000.0, 1_000_000)
        jobs = {
            f"{count:,} places": partial(_answers, index, lon[:count], lat[:count])
            for count in (100_000, 1_000_000)
        }
        rows += contest.growth(f"ours, {way}", jobs, 3 * turns)
        for spread, (places, reach_m) in SPREADS.items():
            lon, lat = places(short, reach_m, 1_000_000)
            jobs = {
                f"{len(line.lon):,} vertices, {spread}": partial(
                    _answers, Locator(line, compiled=compiled), lon, lat
                )
                for line in (short, long)
            }
            rows += contest.growth(f"ours, {way}", jobs, turns)
    return rows


def _answers(index: Locator, lon: np.ndarray, lat: np.ndarray) -> peers.Answers:
    at = index.locate(lon, lat)
    return at.side, at.signed_distance_m, at.chainage_m


def _rows(
    line: ContactLine,
    spread: str,
    contestants: list[contest.Contestant],
    lon: np.ndarray,
    lat: np.ndarray,
    times: Callable[[contest.Contestant], str],
) -> tuple[list[list[str]], bool]:
    """A row for each contestant, and whether all agree as far as the plane allows."""
    side = contestants[0].answer[0]
    sample = np.random.default_rng(7).choice(len(lon), 120, replace=False)
    true_m = _geodesic_distance(line, lon[sample], lat[sample], contestants[0].answer[2][sample])
    rows, agrees = [], True
    for contestant in contestants:
        error_m = np.abs(np.abs(contestant.answer[1][sample]) - true_m)
        near = true_m <= 5_000.0
        # Places beyond the ends have no agreed side, nor those that a plane without geodesics puts over the line.
        flips = int(np.count_nonzero(contestant.answer[0] != side))
        if contestant.is_ours:
            agrees &= flips == 0 and error_m[near].max() <= 0.005 and error_m.max() <= 0.15
        rows.append(
            [
                f"{len(line.lon):,}",
                f"{len(lon):,}",
                spread,
                contestant.name,
                f"{len(lon) / contestant.cpu_s / 1e6:.3f} M",
                times(contestant),
                _length(error_m[near].max()),
                _length(error_m.max()),
                f"{flips:,}",
                contest.megabytes(contestant),
            ]
        )
    return rows, agrees


def _geodesic_distance(
    line: ContactLine, lon: np.ndarray, lat: np.ndarray, chainage_m: np.ndarray
) -> np.ndarray:
    """Least geodesic distance to the line, searched finer and finer around the nearest vertices and the foot."""
    best = np.full(len(lon), np.inf)
    for k in range(len(lon)):
        to_vertex = _to_place(lon[k], lat[k], line.lon, line.lat)
        near = np.asarray(line.chainage_m)[np.argsort(to_vertex)[:6]]
        for guess in (*near, chainage_m[k]):
            at = guess
            for reach_m, count in ((600.0, 241), (600.0, 241), (5.0, 2_001)):
                span = np.linspace(at - reach_m, at + reach_m, count)
                distance = _to_place(lon[k], lat[k], *line.place_at(span))
                at = span[int(np.argmin(distance))]
            best[k] = min(best[k], float(distance.min()))
    return best


def _to_place(lon: float, lat: float, lons: np.ndarray, lats: np.ndarray) -> np.ndarray:
    return np.asarray(GEOD.inv(np.full(len(lons), lon), np.full(len(lons), lat), lons, lats)[2])


def _length(metres: float) -> str:
    return f"{metres * 1e3:.1f} mm" if metres < 0.1 else f"{metres:.2f} m"


if __name__ == "__main__":
    sys.exit(main())
