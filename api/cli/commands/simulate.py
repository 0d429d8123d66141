"""`contactline simulate`: events of a scenario and, apart, what really happened."""

import json
from pathlib import Path
from typing import Annotated

import typer

from api.cli.output import EXIT_USAGE, console, fail, print_json, progress
from api.cli.times import period_date
from geodata.contact_line import ContactLine, packaged_line
from geodata.line_file import read_line
from monitoring.agreement import Agreement
from monitoring.rules import bind
from monitoring.simulation import DEMO_DATE, Run, scenario_names, write_events, write_truth
from monitoring.simulation import simulate as plan

ENDINGS = (".ndjson", ".jsonl", ".csv", ".ndjson.gz", ".jsonl.gz", ".csv.gz")


def simulate(
    scenario: Annotated[
        str,
        typer.Option(metavar="NAME|FILE", help=f"packaged ({', '.join(scenario_names())}) or a YAML file"),
    ],
    out: Annotated[Path, typer.Option(metavar="EVENTS", help=".ndjson or .csv, also .gz")],
    truth: Annotated[Path, typer.Option(metavar="TRUTH", help="what really happened, NDJSON")],
    seed: Annotated[int, typer.Option(min=0, help="the same seed gives the same bytes")] = 1,
    date: Annotated[
        str, typer.Option(metavar="D", help="the reporting period that ends on this date")
    ] = DEMO_DATE.isoformat(),
    hours: Annotated[float | None, typer.Option(help="only the first hours of the period")] = None,
    density: Annotated[float, typer.Option(help="how busy everybody is; 1 = as the scenario says")] = 1.0,
    line: Annotated[
        Path | None, typer.Option(metavar="FILE", help="another line than the shipped one")
    ] = None,
    registry: Annotated[
        Path | None, typer.Option(metavar="FILE", help="the sensors, for `sensors import`")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object")] = False,
) -> None:
    """Simulate sensors, drones and actors along the line; a scenario is a short YAML file.

    Example: `contactline simulate --scenario busy-day --seed 7 --out events.ndjson.gz --truth truth.ndjson
    --registry sensors.json`
    """
    if not str(out).endswith(ENDINGS):
        fail(f"--out {out}: its ending must be one of {', '.join(ENDINGS)}", exit_code=EXIT_USAGE)
    mission_line = packaged_line() if line is None else ContactLine.from_draft(read_line(line))
    agreement = Agreement.load("minimal")
    bind(agreement)
    with progress(f"simulating {scenario}", quiet=as_json) as advance:
        try:
            run = plan(
                scenario,
                mission_line,
                agreement,
                seed=seed,
                on=period_date(date),
                hours=hours,
                density=density,
                progress=lambda share: advance(share, 1.0),
            )
        except ValueError as error:
            fail(str(error), exit_code=EXIT_USAGE)
        event_count = write_run(run, out, truth, registry)
    if as_json:
        print_json({"events": event_count, "out": str(out), "truth": str(truth), **run.header})
        return
    console.print(f"[bold]{event_count:,}[/] events in {out}, the truth in {truth}")
    if registry is not None:
        console.print(f"sensors in {registry}: `contactline sensors import {registry}`")


def write_run(run: Run, out: Path, truth: Path, registry: Path | None) -> int:
    """Write what a run gives; the number of events."""
    event_count = write_events(out, run.tables())
    write_truth(truth, run.truth())
    if registry is not None:
        text = json.dumps({"sensors": run.registry}, ensure_ascii=False, indent=1)
        registry.write_text(text + "\n", encoding="utf-8")
    return event_count
