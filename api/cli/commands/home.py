"""`contactline init`: a home on a mission's own line."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from api.cli.lines import LINE_FORM
from api.cli.output import EXIT_USAGE, console, fail, print_json
from api.cli.welcome import show_credentials
from monitoring.bootstrap import open_home, own_mission


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


def _bounds(text: str | None) -> tuple[float, float, float, float] | None:
    if text is None:
        return None
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError:
        fail(f"--area {text}: expected four numbers W,S,E,N in degrees, as 30,44,41,53", exit_code=EXIT_USAGE)
    return west, south, east, north
