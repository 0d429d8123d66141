"""Real tracks, carried onto the shipped line, through both detectors, scored like the simulated worlds.

    python -m tests.benchmarks.real_tracks [--seeds 101-110] [--folder DIR]

The recordings are other people's and do not come with the project; where the folder is absent this says so and
ends. How tracks are moved and what is taken for true is told in `moved_tracks`.
"""

import argparse
import os
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from monitoring.evaluation import evaluate
from monitoring.simulation.run import DEMO_DATE, period
from monitoring.simulation.terms import Terms
from tests.benchmarks.detectors import DETECTORS
from tests.benchmarks.kept import code_fingerprint
from tests.benchmarks.moved_tracks import JUDGED, SOURCES, MovedRun, Piece, copies, noise_m, pieces
from tests.benchmarks.published import RESULTS, circumstances, preface, seeds_of
from tests.benchmarks.scenarios import pooled, setting, table
from tests.benchmarks.tally import Tally
from tests.real_data import FOLDER

KEPT = {"every fix": 1.0, "one in three": 1 / 3, "one in ten": 0.1}
SIGMA_M_LEAST = 5.0


def score(many: list[Piece], sigma_m: float, kept: str, seed: int) -> dict[str, Any]:
    """Both detectors on the copies of one recording; the form of `scenarios.score_seed`."""
    line, agreement = setting()
    began = time.process_time()
    terms = Terms.of(agreement, period(DEMO_DATE, agreement.reporting.zone, "00:00")[0], line.left_side)
    moved = copies(many, line, seed)
    rules = []
    for detector, detect in DETECTORS.items():
        run = MovedRun(moved, line, terms, {many[0].source: sigma_m}, KEPT[kept], seed)
        found = detect(run, line, agreement)  # type: ignore[arg-type]  # what a detector needs of a run
        scored = evaluate(run.truth(), found.findings, found.incidents)
        rules += [
            {"rule_id": rule.rule_id, "detector": detector, "tally": asdict(Tally.of(rule))}
            for rule in scored.rules
            if rule.rule_id in JUDGED
        ]
    spent = time.process_time() - began
    return {
        "scenario": f"{many[0].source}, {kept}",
        "seed": seed,
        "hours": 24,
        "cpu_s": spent,
        "rules": rules,
    }


def main(arguments: list[str]) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.real_tracks", description=__doc__)
    parser.add_argument("--seeds", default="101-110")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where tracks_*.events.csv.gz lie")
    given = parser.parse_args(arguments)
    if not given.folder.is_dir():
        print(
            f"The recordings are not here ({given.folder}); nothing was measured, the table stays as it is."
        )
        return 0
    os.nice(10)
    recorded = {source: pieces(given.folder, source) for source in SOURCES}
    sigma_m = {source: max(round(noise_m(many)), SIGMA_M_LEAST) for source, many in recorded.items()}
    scored = [
        score(many, sigma_m[source], kept, seed)
        for seed in seeds_of(given.seeds)
        for source, many in recorded.items()
        for kept in KEPT
    ]
    said = circumstances(
        seeds=given.seeds,
        line=setting()[0].version,
        agreement=setting()[1].version,
        code=code_fingerprint(),
        cpu_s=round(sum(one["cpu_s"] for one in scored)),
    )
    noises = [
        f"- {source}: {len(many)} pieces, {sum(len(p.t) for p in many):,} fixes; noise about the smooth path "
        f"{noise_m(many):.1f} m per axis, {sigma_m[source]:g} m stated with each fix"
        for source, many in recorded.items()
    ]
    page = [
        "# Real tracks carried onto the shipped line",
        "",
        "A glider, city buses and ships as they were recorded, noise and gaps included, moved rigidly so that they "
        "cross (or pass) the shipped line as they did their own test line; seeded places and times. True are the "
        "exact crossings of a smooth path through the fixes; observed are the fixes, all or a seeded share. A "
        "crossing is one excursion, out and back, as in the simulated worlds. No thing of this was made here but "
        "the move and the smoothing; nobody's party is known, so every verdict is *undetermined*.",
        *preface(said),
        *noises,
        "",
        *table(pooled(scored)),
    ]
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "real_tracks.md").write_text("\n".join(page) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
