"""Which step crossed the line: ours, with place, time and direction, beside peers that only find the crossings.

`python -m tests.benchmarks.crossings` writes `tests/benchmarks/results/crossings.md`.
"""

import argparse
import math
import sys
from functools import partial

import numpy as np

from geodata.compiled import HAS_NUMBA
from geodata.contact_line import ContactLine
from geodata.crossings import step_crossings
from geodata.locator import Locator
from tests.benchmarks import contest, peers
from tests.benchmarks.scene import Steps, steps_across
from tests.benchmarks.scene import line_of as line_of_size

GOALS = "Goal: 1.8x the best peer with NumPy alone; the same crossings."


def main(arguments: list[str] | None = None) -> int:
    """Runs the contest; 1 where the crossings differ."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=float, nargs="+", default=[1e5, 1e6])
    parser.add_argument("--vertices", type=float, nargs="+", default=[1e3, 5e3, 2e4])
    parser.add_argument("--turns", type=int, default=3)
    options = parser.parse_args(arguments)
    rows: list[list[str]] = []
    agrees = True
    for vertices in options.vertices:
        line = line_of_size(int(vertices))
        ways = [("ours, every fix located too, NumPy", Locator(line, compiled=False))]
        if HAS_NUMBA:
            ways.append(("ours, every fix located too, compiled", Locator(line, compiled=True)))
        for count in options.steps:
            steps = steps_across(line, int(count))
            contestants = [contest.Contestant("ours, NumPy", partial(_ours, line, steps), is_ours=True)]
            contestants += [
                contest.Contestant(name, partial(_ours_after_locating, line, way, steps), is_ours=True)
                for name, way in ways
            ]
            for name, (prepare, is_here, count_max) in peers.CROSS.items():
                if is_here and count <= count_max:
                    job = prepare(line)
                    contestants.append(contest.Contestant(name, partial(job, steps)))
            contest.hold(contestants, options.turns)
            best_peer = min((c.cpu_s for c in contestants if not c.is_ours), default=math.nan)
            reference = contestants[0].answer
            for contestant in contestants:
                differs = int(np.count_nonzero(contestant.answer != reference))
                agrees &= differs == 0
                row = [
                    f"{len(line.lon):,}",
                    f"{len(steps.lon0):,}",
                    contestant.name,
                    f"{len(steps.lon0) / contestant.cpu_s / 1e6:.3f} M",
                    f"{best_peer / contestant.cpu_s:.2f}x",
                    f"{int(contestant.answer.sum()):,}",
                    f"{differs:,}",
                    f"{contestant.peak_mb:,.0f}",
                ]
                rows.append(row)
                sys.stdout.write(" ".join(row) + "\n")
    absent = [name for name, (_, is_here, _) in peers.CROSS.items() if not is_here]
    text = "\n\n".join(
        [
            "# Crossings: steps of interleaved tracks across the line",
            contest.machine(),
            GOALS,
            "Rates are steps per second of CPU time. Ours gives place, fraction, chainage and direction of each"
            " crossing; the peers say which steps cross which edges."
            + (f" Could not be had here: {', '.join(absent)}." if absent else ""),
            contest.table(
                ["vertices", "steps", "way", "steps/s", "best peer", "crossings", "steps that differ", "MB"],
                rows,
            ),
        ]
    )
    sys.stdout.write(f"wrote {contest.write('crossings.md', text)}\n")
    return 0 if agrees else 1


def _ours(line: ContactLine, steps: Steps) -> np.ndarray:
    """Number of crossings per step, each with place, fraction, chainage and direction."""
    apart = np.zeros(len(steps.lon0), dtype=bool)
    found = step_crossings(line, steps.lon0, steps.lat0, steps.lon1, steps.lat1, continues=apart)
    return np.bincount(found.step_idx, minlength=len(steps.lon0))


def _ours_after_locating(line: ContactLine, way: Locator, steps: Steps) -> np.ndarray:
    """The same where every fix is located too: steps of a round begin where those of the last one ended."""
    tracks = steps.track_count
    end = way.locate(steps.lon1, steps.lat1).signed_distance_m
    first = way.locate(steps.lon0[:tracks], steps.lat0[:tracks]).signed_distance_m
    begin = np.concatenate([first, end[:-tracks]])
    found = step_crossings(
        line,
        steps.lon0,
        steps.lat0,
        steps.lon1,
        steps.lat1,
        continues=np.zeros(len(steps.lon0), dtype=bool),
        clearance0_m=begin,
        clearance1_m=end,
    )
    return np.bincount(found.step_idx, minlength=len(steps.lon0))


if __name__ == "__main__":
    sys.exit(main())
