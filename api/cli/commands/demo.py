"""`contactline demo`: the main job end to end, on a simulated day of the shipped line."""

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Annotated, Any

import typer
from rich.table import Table

from api.cli.commands.serve import bound, serve_runtime
from api.cli.commands.simulate import write_run
from api.cli.interrupts import Interrupts
from api.cli.output import EXIT_DATA, console, fail, note, print_json, progress
from api.cli.times import period_date
from api.cli.welcome import show_credentials
from monitoring.adapters.intake import Input
from monitoring.adapters.reporting import write_report
from monitoring.adapters.runtime import Runtime
from monitoring.bootstrap import DEMO_MARK, demo_home, open_home, shipped_mission
from monitoring.evaluation import Score, evaluate
from monitoring.settings import Settings
from monitoring.simulation import DEMO_DATE, Run, scenario_names, simulate

SCENARIO = "busy-day"
CLOCK_ON_NS = 900 * 1_000_000_000


def demo(
    context: typer.Context,
    no_serve: Annotated[bool, typer.Option("--no-serve", help="stop before serving")] = False,
    scenario: Annotated[
        str, typer.Option(metavar="NAME|FILE", help=f"{', '.join(scenario_names())}, or a file")
    ] = SCENARIO,
    seed: Annotated[int, typer.Option(min=0, help="the same seed gives the same day")] = 1,
    date: Annotated[
        str, typer.Option(metavar="D", help="the reporting period that ends on this date")
    ] = DEMO_DATE.isoformat(),
    hours: Annotated[float | None, typer.Option(help="only the first hours of the period")] = None,
    density: Annotated[float, typer.Option(help="how busy everybody is; 1 = as the scenario says")] = 1.0,
    port: Annotated[int | None, typer.Option(min=1, max=65_535, help="port to serve on [8000]")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object; implies --no-serve")] = False,
) -> None:
    """Simulate a day, feed it through the door, detect, file cases, compare with the truth, write the report, serve.

    The home of an earlier demo is replaced; any other home is left alone. Example: `contactline demo --seed 7`
    """
    settings: Settings = context.obj.settings
    stops = no_serve or as_json
    with ExitStack() as open_until_end:
        listening = (
            None if stops else open_until_end.enter_context(bound(settings.host, port or settings.port))
        )
        if demo_home(settings):
            note(f"the home of the last demo in {settings.home} is replaced")
        opened = open_until_end.enter_context(
            open_home(settings, "demo", found=lambda: shipped_mission("Demonstration"), must_be_new=True)
        )
        score, answer = run_demo(
            opened.runtime, scenario, seed=seed, date=date, hours=hours, density=density, quiet=as_json
        )
        if as_json:
            print_json(answer)
            return
        show(answer, score)
        if opened.credentials is not None:
            show_credentials(opened.credentials)
        if listening is None:
            console.print(
                f"[bold]contactline --home {settings.home} serve[/] opens the workspace on these cases"
            )
        else:
            console.print(
                "Sign in as [bold]analyst[/], open a case and propose a finding; the [bold]reviewer[/] approves it."
            )
            serve_runtime(opened.runtime, listening)


def run_demo(
    runtime: Runtime,
    scenario: str,
    *,
    seed: int,
    date: str,
    hours: float | None,
    density: float,
    quiet: bool,
) -> tuple[Score, dict[str, Any]]:
    """The main job on an open, new home: the score against the truth, and what it found and wrote."""
    seconds: dict[str, float] = {}
    folder = runtime.home.path / DEMO_MARK
    folder.mkdir()
    events_file, truth_file, sensors_file, notices_file = (
        folder / name for name in ("events.ndjson", "truth.ndjson", "sensors.json", "notices.json")
    )
    mission = runtime.mission
    assert mission is not None
    on = period_date(date)
    with _stage(seconds, "simulate"), progress(f"simulating {scenario}", quiet=quiet) as advance:
        run: Run = simulate(
            scenario,
            mission.lines.lines[0],
            mission.agreement,
            seed=seed,
            on=on,
            hours=hours,
            density=density,
            progress=lambda share: advance(share, 1.0),
        )
        event_count = write_run(run, events_file, truth_file, sensors_file)
        notices_file.write_text(json.dumps(run.notices, indent=1) + "\n", encoding="utf-8")
    with _stage(seconds, "register"):
        runtime.register_sensors("demo", json.loads(sensors_file.read_text(encoding="utf-8"))["sensors"])
        # What was announced is known before the day begins, so what fits it is permitted.
        runtime.load_notices("demo", run.notices, notices_file.name)
    with (
        _stage(seconds, "ingest"),
        progress("through the door", quiet=quiet) as advance,
        Interrupts() as interrupts,
    ):

        def between(done: float, total: float | None) -> None:
            interrupts.heed()
            advance(done, total)

        # The day is over when its last report has come in: the reference clock stands behind it.
        receipt = runtime.ingest_files(
            [Input(events_file, events_file.name)],
            door="file",
            principal="demo",
            now_ns=run.to_ns + 86_400 * 1_000_000_000,
            progress=between,
        )
    if receipt["files"]:
        fail(f"the simulated day was refused: {receipt['files'][0]['detail']}", exit_code=EXIT_DATA)
    # The clock of the simulated day goes on until its last event may no longer be late.
    runtime.wait_for(runtime.tick(run.to_ns + CLOCK_ON_NS, source="file", end_of_input=True))
    with _stage(seconds, "report"):
        as_of_ns = runtime.processor.watermark_ns or 0
        reports = write_report(
            runtime.store, runtime.archive, mission, on, as_of_ns, runtime.home.reports_dir
        )
    with _stage(seconds, "evaluate"):
        score: Score = evaluate(
            run.truth(),
            runtime.store.findings_table(),
            runtime.store.incidents_table(),
        )
    numbers = runtime.store.counts()
    return score, {
        "scenario": scenario,
        "seed": seed,
        "date": date,
        "events": event_count,
        "accepted": receipt["accepted"],
        "duplicates": receipt["duplicates"],
        "rejected": receipt["rejected"],
        "flagged": receipt["flagged"],
        "findings": numbers["findings"],
        "incidents": numbers["incidents"],
        "cases": numbers["cases"],
        "recall": score.recall(),
        "precision": score.precision(),
        "report": {name: str(path) for name, path in reports.items()},
        "files": [str(events_file), str(truth_file), str(sensors_file), str(notices_file)],
        "seconds": {name: round(value, 2) for name, value in seconds.items()},
    }


def show(answer: dict[str, Any], score: Score) -> None:
    """What the demo found, for people."""
    console.print(
        f"\n[bold]{answer['scenario']}[/], seed {answer['seed']}, the period that ends on {answer['date']} 19:30\n"
        f"[bold]{answer['events']:,}[/] events → {answer['accepted']:,} accepted, {answer['duplicates']:,} duplicates, "
        f"{sum(answer['rejected'].values()):,} refused\n"
        f"[bold]{answer['findings']:,}[/] findings, [bold]{answer['incidents']:,}[/] incidents, "
        f"[bold]{answer['cases']:,}[/] cases"
    )
    table = Table(
        box=None, pad_edge=False, header_style="bold", title="against the truth", title_justify="left"
    )
    for name in ("rule", "recall", "observable", "precision", "true", "found", "false", "split"):
        table.add_column(name, justify="left" if name == "rule" else "right", no_wrap=True)
    for rule in score.rules:
        shares = (rule.recall.value, rule.recall_observable.value, rule.precision.value)
        numbers = (rule.n, rule.matched, len(rule.false_alarms), len(rule.splits))
        table.add_row(rule.rule_id, *("-" if v is None else f"{v:.3f}" for v in shares), *map(str, numbers))
    console.print(table)
    console.print(
        "[dim]over what is asserted; recall of all that happened, and of what the sensors could observe; true: what "
        "happened; false: reports of nothing; split: further reports of one happening; matched one to one, see "
        "`contactline demo --json`[/]"
    )
    for path in [*answer["report"].values(), *answer["files"]]:
        console.print(f"  [dim]wrote[/] {path}", soft_wrap=True)
    stages = ", ".join(f"{name} {value:.1f} s" for name, value in answer["seconds"].items())
    console.print(f"  [dim]{stages}[/]")


@contextmanager
def _stage(seconds: dict[str, float], name: str) -> Iterator[None]:
    began = time.perf_counter()
    yield
    seconds[name] = time.perf_counter() - began
