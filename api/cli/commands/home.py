"""`contactline init` and `contactline line load`: a home on a mission's own line."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from api.cli.doors import at_the_writer
from api.cli.output import EXIT_USAGE, console, fail, note, print_json
from api.cli.times import event_time_ns
from api.cli.welcome import show_credentials
from geodata.contact_line import ContactLine
from geodata.line_file import read_line
from monitoring.bootstrap import open_home, own_mission

line_app = typer.Typer(no_args_is_help=True, help="The contact line and its versions.")

LINE_FORM = "GeoJSON or GeoPackage with one LineString, walked so that side A is on the left"


def init(
    context: typer.Context,
    line: Annotated[Path | None, typer.Option("--line", metavar="FILE", help=LINE_FORM)] = None,
    agreement: Annotated[
        str | None,
        typer.Option("--agreement", metavar="FILE", help="agreement file, or a packaged one by its name"),
    ] = None,
    area: Annotated[
        str | None, typer.Option("--area", metavar="W,S,E,N", help="area of operations [the line + 300 km]")
    ] = None,
    notices: Annotated[
        Path | None,
        typer.Option("--notices", metavar="FILE", help="what was told, as for `notices import`"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object")] = False,
) -> None:
    """Make a home on a mission's own line and agreement; without options on the shipped ones.

    Example: `contactline --home north init --line line.geojson --area 30,44,41,53`
    """
    bounds = _bounds(area)
    with open_home(
        context.obj.settings,
        "init",
        found=lambda: own_mission(line, agreement, bounds, notices),
        must_be_new=True,
    ) as opened:
        mission = opened.runtime.mission
        assert mission is not None
        assert opened.credentials is not None
        current = mission.lines.lines[-1]
        about = {
            "home": str(context.obj.home),
            "line": {"version": current.version, "label": current.label, "length_m": round(current.length_m)},
            "agreement": {"version": mission.agreement.version, "label": mission.agreement.label},
            "sectors": len(mission.sectors.ids),
        }
        if as_json:
            print_json(
                {
                    **about,
                    "credentials": opened.credentials.secrets,
                    "ingest_token": opened.credentials.ingest_token,
                }
            )
            return
        console.print(
            f"[bold]{context.obj.home}[/] is ready: line [cyan]{escape(current.label)}[/] "
            f"({current.length_m / 1000:,.1f} km, {len(mission.sectors.ids)} sectors), "
            f"agreement [cyan]{escape(mission.agreement.label)}[/]"
        )
        show_credentials(opened.credentials)


@line_app.command("load")
def load(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help=LINE_FORM)],
    valid_from: Annotated[
        str,
        typer.Option(
            "--valid-from", metavar="TIME", help="first event time it holds for, as 2026-06-01T00:00:00Z"
        ),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object")] = False,
) -> None:
    """Add a version of the line that holds from an event time on; findings made before stay as they are.

    Example: `contactline line load moved.geojson --valid-from 2026-07-01T00:00:00+03:00`
    """
    valid_from_ns = event_time_ns(valid_from, "--valid-from")
    geojson = ContactLine.from_draft(read_line(file)).to_geojson()
    with at_the_writer(context.obj.settings, "line load") as writer:
        loaded = writer.load_line(geojson, (valid_from, valid_from_ns))
    if as_json:
        print_json({**loaded, "valid_from": valid_from})
    else:
        console.print(
            f"line [cyan]{escape(loaded['label'])}[/] ({loaded['length_m'] / 1000:,.1f} km) holds from {valid_from}\n"
            f"[dim]{loaded['version']}[/]"
        )
        if loaded["misplaced"]:
            note("the line is loaded, but what is in force with it no longer fits it; see `notices import`:")
            for told in loaded["misplaced"]:
                note(f"  {told}")


def _bounds(text: str | None) -> tuple[float, float, float, float] | None:
    if text is None:
        return None
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError:
        fail(f"--area {text}: expected four numbers W,S,E,N in degrees, as 30,44,41,53", exit_code=EXIT_USAGE)
    return west, south, east, north
