"""Which step crossed the line: ours, with place, time and direction, beside peers that only find the crossings.

`python -m tests.benchmarks.crossings` writes `tests/benchmarks/results/crossings.md`.
"""

import argparse
import sys
from functools import partial

import numpy as np

from geodata.compilation import HAS_NUMBA
from geodata.contact_line import ContactLine
from geodata.crossings import step_crossings
from geodata.locator import Locator
from tests.benchmarks import contest, peers
from tests.benchmarks.scene import Steps, steps_across
from tests.benchmarks.scene import line_of as line_of_size

GOALS = "Goals: 1.8x the best peer with NumPy alone, 10x compiled; the same crossings."


def main(arguments: list[str] | None = None) -> int:
    """Runs the contest; 1 where the crossings differ."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=float, nargs="+", default=[1e5, 1e6, 1e7])
    parser.add_argument("--vertices", type=float, nargs="+", default=[1e3, 5e3, 2e4])
    parser.add_argument("--turns", type=int, default=3)
    options = parser.parse_args(arguments)
    rows: list[list[str]] = []
    agrees, best_peer = True, contest.BestPeer()
    for vertices in options.vertices:
        line = line_of_size(int(vertices))
        ways = [("NumPy", False)] + ([("compiled", True)] if HAS_NUMBA else [])
        locators = {compiled: Locator(line, compiled=compiled) for _, compiled in ways}
        for count in options.steps:
            steps = steps_across(line, int(count))
            contestants = [
                contest.Contestant(f"ours, {name}", partial(_ours, line, compiled, steps), is_ours=True)
                for name, compiled in ways
            ]
            contestants += [
                contest.Contestant(
                    f"ours, every fix located too, {name}",
                    partial(_ours_with_locating, line, compiled, locators[compiled], steps),
                    is_ours=True,
                )
                for name, compiled in ways
            ]
            for name, (prepare, is_here, count_max) in peers.CROSS.items():
                if is_here and count <= count_max:
                    job = prepare(line)
                    contestants.append(contest.Contestant(name, partial(job, steps)))
            contest.hold(contestants, options.turns, is_long=count > 1e5)
            times = best_peer.against(vertices, int(count), contestants)
            reference = contestants[0].answer
            for contestant in contestants:
                differs = int(np.count_nonzero(contestant.answer != reference))
                agrees &= differs == 0
                row = [
                    f"{len(line.lon):,}",
                    f"{len(steps.lon0):,}",
                    contestant.name,
                    f"{len(steps.lon0) / contestant.cpu_s / 1e6:.3f} M",
                    times(contestant),
                    f"{int(contestant.answer.sum()):,}",
                    f"{differs:,}",
                    contest.megabytes(contestant),
                ]
                rows.append(row)
                sys.stdout.write(" ".join(row) + "\n")
    absent = [name for name, (_, is_here, _) in peers.CROSS.items() if not is_here]
    text = "\n\n".join(
        [
            "# Crossings: steps of interleaved tracks across the line",
            contest.machine(),
            GOALS,
            "Rates are steps per second of CPU time; ratios are to the best peer's best rate on that line, be it with"
            " fewer steps. Ours gives place, fraction, chainage and direction of each crossing; the peers say"
            " which steps cross which edges."
            + (f" Could not be had here: {', '.join(absent)}." if absent else ""),
            contest.table(
                ["vertices", "steps", "way", "steps/s", "best peer", "crossings", "steps that differ", "MB"],
                rows,
            ),
            "Growth: ten times as many steps, and ten times as many vertices; at most 10.5x and 1.5x is the goal.",
            contest.table(["way", "from → to", "takes"], _growth(options.turns)),
        ]
    )
    sys.stdout.write(f"wrote {contest.write('crossings.md', text)}\n")
    return 0 if agrees else 1


def _growth(turns: int) -> list[list[str]]:
    """How the time grows with steps (on 5,000 vertices) and with vertices (of a million steps)."""
    rows = []
    short, middle, long = (line_of_size(count) for count in (1_000, 5_000, 10_000))
    many, few, over_short = (
        steps_across(middle, 1_000_000),
        steps_across(middle, 100_000),
        steps_across(short, 1_000_000),
    )
    for compiled in (False, True) if HAS_NUMBA else (False,):
        way = "ours, compiled" if compiled else "ours, NumPy"
        jobs = {f"{len(s.lon0):,} steps": partial(_ours, middle, compiled, s) for s in (few, many)}
        rows += contest.growth(way, jobs, 3 * turns)
        lines = {
            f"{len(line.lon):,} vertices": partial(_ours, line, compiled, over_short)
            for line in (short, long)
        }
        rows += contest.growth(way, lines, turns)
    return rows


def _ours(line: ContactLine, compiled: bool, steps: Steps) -> np.ndarray:
    """Number of crossings per step, each with place, fraction, chainage and direction."""
    apart = np.zeros(len(steps.lon0), dtype=bool)
    found = step_crossings(
        line, steps.lon0, steps.lat0, steps.lon1, steps.lat1, continues=apart, compiled=compiled
    )
    return np.bincount(found.step_idx, minlength=len(steps.lon0))


def _ours_with_locating(line: ContactLine, compiled: bool, way: Locator, steps: Steps) -> np.ndarray:
    """The same where every fix is located too: steps of a round begin where those of the last one ended."""
    way.locate(steps.lon0[: steps.track_count], steps.lat0[: steps.track_count])
    way.locate(steps.lon1, steps.lat1)
    return _ours(line, compiled, steps)


if __name__ == "__main__":
    sys.exit(main())
