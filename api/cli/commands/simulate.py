"""`contactline simulate`: events of a scenario and, apart, what really happened; into files or a server's door."""

import json
import os
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli import live as playing
from api.cli.output import EXIT_DATA, EXIT_USAGE, console, fail, note, print_json, progress
from api.cli.times import period_date, shown
from geodata.contact_line import ContactLine, packaged_line
from geodata.line_file import read_line
from monitoring.agreement import DEFAULT, Agreement
from monitoring.rules import bind
from monitoring.simulation import (
    DEMO_DATE,
    ENDINGS,
    Run,
    keys_text,
    load_scenario,
    scenario_keys,
    scenario_names,
    write_events,
    write_truth,
)
from monitoring.simulation import simulate as plan

if TYPE_CHECKING:
    from api.cli.live_door import Door


def simulate(
    context: typer.Context,
    scenario: Annotated[
        str | None,
        typer.Option(metavar="NAME|FILE", help=f"packaged ({', '.join(scenario_names())}) or a YAML file"),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="EVENTS", help=".ndjson or .csv, also .gz; .parquet; .arrow")
    ] = None,
    truth: Annotated[Path | None, typer.Option(metavar="TRUTH", help="what really happened, NDJSON")] = None,
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
    notices: Annotated[
        Path | None, typer.Option(metavar="FILE", help="crossing points and what was announced, JSON")
    ] = None,
    live: Annotated[
        str | None,
        typer.Option(metavar="URL|home", help="play into this server, or into the one that holds the home"),
    ] = None,
    rate: Annotated[float, typer.Option(help="with --live: how much faster than the clock")] = 1.0,
    control: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="with --live: a file with the rate; write another number to turn it"
        ),
    ] = None,
    token: Annotated[
        str | None, typer.Option(help="with --live URL [CONTACTLINE_TOKEN]", show_default=False)
    ] = None,
    keys: Annotated[
        bool, typer.Option("--keys", help="print every key of a scenario file: values, unit, meaning")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object")] = False,
) -> None:
    """Simulate sensors, drones and actors along the line; a scenario is a short YAML file.

    Example: `contactline simulate --scenario busy-day --seed 7 --out events.ndjson.gz --truth truth.ndjson
    --registry sensors.json`

    A first scenario of one's own, saved as mine.yaml and run with `--scenario mine.yaml`:

    ```yaml
    format: 1
    extends: quiet-day           # start from a packaged one
    name: mine
    summary: A quiet day with raids at night.
    without: [farmer-in-buffer]  # leave out
    movements:                   # change a key by name, or add
      - {name: raiding-party, per_day_100km: 0.5}
      - {name: night-raid, object_class: group,
         pattern: approach, per_day_100km: 1,
         offset_km: [2.4, 3.4], reach_m: [-1200, -200],
         speed_mps: [1, 1.8], hours: [0, 5]}
    faults: {missing_frac: 0.02}
    ```

    `contactline simulate --keys` prints every key that a scenario may have, with its values, unit and meaning.

    Live: `contactline simulate --scenario busy-day --hours 6 --live home --rate 60` plays into the running server
    at sixty times the speed of the clock. On a terminal + and - turn the rate, space pauses, q ends; anywhere,
    the number in the --control file does (0 pauses).
    """
    if keys:
        _print_keys(as_json)
        return
    if scenario is None:
        fail(
            "--scenario is needed: a packaged one or a YAML file (`--keys` says what it holds)",
            exit_code=EXIT_USAGE,
        )
    _check_options(out, truth, live, rate)
    mission_line = packaged_line() if line is None else ContactLine.from_draft(read_line(line))
    with progress(f"simulating {scenario}", quiet=as_json or live is not None) as advance:
        try:
            plans = load_scenario(scenario)
            lasts = plans.days * 24.0 if hours is None else hours
            run = plan(
                plans,
                mission_line,
                _agreement(),
                seed=seed,
                on=period_date(date),
                hours=lasts if live is not None else hours,
                density=density,
                progress=lambda share: advance(share, 1.0),
                start_ns=None if live is None else playing.start_of(lasts, rate, time.time_ns()),
            )
        except ValueError as error:
            fail(str(error), exit_code=EXIT_USAGE)
        if notices is not None:
            _write_json(notices, run.notices)
        if live is None:
            assert out is not None
            assert truth is not None
            event_count = write_run(run, out, truth, registry)
    if live is not None:
        if registry is not None:
            _write_json(registry, {"sensors": run.registry})
        _play(context, run, live, token, rate, control, truth, as_json)
        return
    if as_json:
        print_json({"events": event_count, "out": str(out), "truth": str(truth), **run.header})
        return
    console.print(f"[bold]{event_count:,}[/] events in {out}, the truth in {truth}")
    if registry is not None:
        console.print(f"sensors in {registry}: `contactline sensors import {registry}`")


def _print_keys(as_json: bool) -> None:
    if as_json:
        print_json({"keys": [asdict(key) for key in scenario_keys()]})
    else:
        typer.echo(keys_text())


def _check_options(out: Path | None, truth: Path | None, live: str | None, rate: float) -> None:
    """Ends the program where options are missing or exclude each other."""
    if live is None and (out is None or truth is None):
        fail("without --live both --out and --truth are needed", exit_code=EXIT_USAGE)
    if out is not None and not str(out).endswith(ENDINGS):
        fail(f"--out {out}: its ending must be one of {', '.join(ENDINGS)}", exit_code=EXIT_USAGE)
    if live is not None and out is not None:
        fail("--live and --out exclude each other", exit_code=EXIT_USAGE)
    if live is not None and not 0 < rate <= playing.RATE_MAX:
        fail(f"--rate {rate:g}: above 0, at most {playing.RATE_MAX:g}", exit_code=EXIT_USAGE)


def _agreement() -> Agreement:
    agreement = Agreement.load(DEFAULT)
    bind(agreement)
    return agreement


def _play(
    context: typer.Context,
    run: Run,
    live: str,
    token: str | None,
    rate: float,
    control: Path | None,
    truth: Path | None,
    as_json: bool,
) -> None:
    from api.cli.live_door import DoorRefused  # noqa: PLC0415  HTTP is only needed here

    door = _door(context.obj.settings.home, live, token)
    try:
        if not door.register(run.registry):
            note("this token may not register sensors: import the --registry file on the server first")
        with (
            playing.keys_of_terminal() as key,
            progress(f"playing ({playing.KEYS})", quiet=as_json) as advance,
        ):

            def told(_played: playing.Played, at_ns: int, _rate: float) -> None:
                advance((at_ns - run.from_ns) / 1e9, (run.to_ns - run.from_ns) / 1e9)

            pace = playing.Pace(run.from_ns, time.time_ns(), rate)
            played = playing.play(run, door, pace, playing.Knobs(control, key), told=told)
    except DoorRefused as error:
        fail(str(error), exit_code=EXIT_DATA)
    finally:
        door.close()
    if truth is not None and played.is_whole:
        write_truth(truth, run.truth())
    elif truth is not None:
        note("the play was ended early, so no truth was written")
    if as_json:
        print_json(
            {
                "sent": played.sent,
                "accepted": played.accepted,
                "duplicates": played.duplicates,
                "rejected": played.rejected,
                "deliveries": played.deliveries,
                "is_whole": played.is_whole,
                **run.header,
            }
        )
        return
    console.print(
        f"[bold]{played.sent:,}[/] events sent in {played.deliveries:,} deliveries, from {shown(run.from_ns)}: "
        f"{played.accepted:,} accepted, {played.duplicates:,} duplicates, {sum(played.rejected.values()):,} refused"
    )


def _door(home: Path, live: str, token: str | None) -> "Door":
    from api.cli.live_door import Door  # noqa: PLC0415

    if live == "home":
        door = Door.of_home(home)
        if door is None:
            fail(
                f"--live home: no server holds {home}; start one with `contactline serve`",
                exit_code=EXIT_USAGE,
            )
        return door
    secret = token or os.environ.get("CONTACTLINE_TOKEN")
    if not live.startswith(("http://", "https://")):
        fail(f"--live {live}: a URL such as http://127.0.0.1:8000, or `home`", exit_code=EXIT_USAGE)
    if secret is None:
        fail("--live URL needs --token, or CONTACTLINE_TOKEN in the environment", exit_code=EXIT_USAGE)
    return Door(live, secret)


def write_run(run: Run, out: Path, truth: Path, registry: Path | None) -> int:
    """Write what a run gives; the number of events."""
    event_count = write_events(out, run.tables())
    write_truth(truth, run.truth())
    if registry is not None:
        _write_json(registry, {"sensors": run.registry})
    return event_count


def _write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
