"""`contactline evaluate`: what the home found, scored against what really happened."""

import json
from pathlib import Path
from typing import Annotated

import typer

from api.cli.output import EXIT_DATA, EXIT_USAGE, console, fail, messages, note, print_json
from api.cli.quality_tables import quality_tables
from api.quality import published_quality
from monitoring.adapters.final_times import FinalTimes, final_times
from monitoring.bootstrap import read_home
from monitoring.evaluation import Score, detail_tables, markdown, score_tables
from monitoring.evaluation import evaluate as score_of
from monitoring.evaluation.plots import PlotsUnavailable, write_plots
from monitoring.simulation import Truth, TruthInvalid, parse_truth


def evaluate(
    context: typer.Context,
    truth: Annotated[
        Path | None, typer.Option(metavar="TRUTH", help="the truth file that `simulate` wrote")
    ] = None,
    published: Annotated[
        bool, typer.Option("--published", help="instead, print how good this version was found to be")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="also write score.json, score.md and plots (SVG) there"),
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="every measure of every rule")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object")] = False,
) -> None:
    """Score the findings and incidents of the home against what really happened in a simulation.

    Reports are matched one to one with happenings of the same rule within gates in time and space (outages, whose
    reports give no place, by the sensors in both); misses, false alarms, splits and merges are counted together,
    intervals are of 95 %. False alarms in brackets have an innocent cause. The headline is over what is asserted
    (probability of at least one half, or none stated); what is only told is scored beside it. `--published` needs
    no home: it prints what this version finds, misses and falsely reports over all packaged scenarios.

    Example: `contactline evaluate --truth truth.ndjson --out score`
    """
    if published:
        print_published(as_json)
        return
    if truth is None:
        fail("--truth TRUTH is needed (or --published)", exit_code=EXIT_USAGE)
    happened = _read(truth)
    with read_home(context.obj.settings) as (home, store, _mission):
        became_final = final_times(home)
        score = score_of(
            happened,
            store.findings_table(),
            store.incidents_table(),
            published_ns=became_final.resolved_ns or None,
        )
    delay = delay_in_words(became_final)
    written = [] if out is None else write_score(score, out)
    if as_json:
        print_json({**score.to_json(), "delay": delay, "files": [str(path) for path in written]})
        return
    for table in [*score_tables(score), *(detail_tables(score) if full else [])]:
        console.print(table)
    note(delay)
    for path in written:
        console.print(f"wrote {path}", soft_wrap=True)


def delay_in_words(became_final: FinalTimes) -> str:
    """What the delay from a happening to its finding means here, or why it is not known.

    >>> delay_in_words(FinalTimes({"F": 5}, 60.0, by_clock=True))[:61]
    'Delay to the final: from the start of a happening to the tick'
    >>> delay_in_words(FinalTimes({"F": 5}))[:78]
    'Delay to the final: not known, for event time moved on only once before the en'
    """
    apart_s = became_final.ticks_apart_s
    if became_final.resolved_ns:
        clock = (
            "the server's clock; what is played in faster than the clock lags behind it by design"
            if became_final.by_clock
            else "the newest event that had been read"
        )
        return (
            "Delay to the final: from the start of a happening to the tick that made its finding final, by the "
            f"reference time of that tick ({clock}). Ticks were {apart_s:,.0f} s apart (median), so it is up to as "
            "much too long. What only the end of input made final is left out."
        )
    if not became_final.at_ns:
        why = "nothing became final before the end of input"
    elif apart_s is None:
        why = "event time moved on only once before the end of input"
    else:
        why = f"event time moved on in steps of {apart_s / 60:,.0f} min (median), which would be most of it"
    return (
        f"Delay to the final: not known, for {why}. A file lets event time move on every "
        "CONTACTLINE_FILE_TICK_ROWS rows [250,000]; with fewer, or from a server that events are played into by "
        "`simulate --live`, it is known."
    )


def print_published(as_json: bool) -> None:
    """Prints the published quality, as one JSON object or as tables."""
    known = published_quality()
    if as_json:
        print_json(known.model_dump())
        return
    for table in quality_tables(known):
        console.print(table)
    for sentence in known.limits:
        console.print(f"- {sentence}", markup=False)


def _read(path: Path) -> Truth:
    try:
        with path.open(encoding="utf-8") as lines:
            return parse_truth(lines, path.name)
    except OSError as error:
        fail(f"--truth {path}: {error.strerror}", exit_code=EXIT_USAGE)
    except (TruthInvalid, UnicodeDecodeError) as error:
        fail(str(error), exit_code=EXIT_DATA)


def write_score(score: Score, folder: Path) -> list[Path]:
    """Writes the score as JSON, as a page and, where matplotlib is installed, as plots; the paths written."""
    folder.mkdir(parents=True, exist_ok=True)
    written = [folder / "score.json", folder / "score.md"]
    text = json.dumps(score.to_json(), sort_keys=True, ensure_ascii=False, indent=1)
    written[0].write_text(text + "\n", encoding="utf-8")
    written[1].write_text(markdown(score), encoding="utf-8")
    try:
        written += write_plots(score, folder)
    except PlotsUnavailable as error:
        messages.print(f"no plots: {error}", soft_wrap=True, markup=False)
    return written
