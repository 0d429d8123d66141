"""`contactline notices import` and `notices list`: what the mission was told under the agreement."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from api.cli.doors import at_the_writer
from api.cli.output import console, counts, note, print_json
from monitoring.agreement.notice_file import in_force, read_notices
from monitoring.bootstrap import read_home

app = typer.Typer(
    no_args_is_help=True, help="What the mission was told: crossing points, works, convoys, exercises."
)


@app.command("import")
def import_file(
    context: typer.Context,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="YAML or JSON; also what `simulate --notices` writes")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object")] = False,
) -> None:
    """Take crossing points, notified activities, zones, protected places; nothing is taken when one is wrong.

    They hold by event time: what fits them is `permitted` by the clause of the agreement. A later file replaces an
    entry by its id, or ends it under `withdrawn: [id]`. Results that are out already stay; `contactline reanalyse`
    shows what would change.

    ```yaml
    notices_format: 1
    crossing_points:
      - {id: CP-1, name: Bridge, lon: 37.5, lat: 48.1,
         radius_m: 1000, hours: {every_day: ["08:00-17:00"]}}
    notified:
      - {id: W-7, kind: works, party: A, source: letter 12,
         area: {circle: {lon: 37.6, lat: 48.2, radius_m: 500}},
         from: 2026-07-01T06:00:00Z, to: 2026-07-01T18:00:00Z}
    ```

    Example: `contactline notices import notices.yaml`
    """
    content = read_notices(file)
    with at_the_writer(context.obj.settings, "notices import") as writer:
        loaded = writer.load_notices(content, file.name)
    if as_json:
        print_json(loaded)
        return
    console.print(counts(f"told in {escape(file.name)}", loaded["told"]))
    console.print(f"[dim]{loaded['version']}[/]", soft_wrap=True)


@app.command("list")
def list_notices(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object")] = False,
) -> None:
    """List what was told and not replaced or withdrawn since, from the agreement and from notices.

    Example: `contactline notices list`
    """
    with read_home(context.obj.settings) as (_, _, mission):
        told = in_force(mission.agreement, mission.notices)
        zone = mission.agreement.reporting.zone
    if as_json:
        print_json({"zone": zone, **told})
        return
    if not any(told.values()):
        note("nothing was told: `contactline notices import FILE`")
        return
    for section, entries in told.items():
        if entries:
            console.print(_table(section, entries))


def _table(section: str, entries: list[dict[str, Any]]) -> Table:
    table = Table(
        box=None,
        pad_edge=False,
        header_style="bold",
        title=section.replace("_", " "),
        title_justify="left",
    )
    for name in ("id", "what", "where", "when"):
        table.add_column(name, no_wrap=name == "id")
    for entry in entries:
        table.add_row(*(escape(text) for text in (entry["id"], _what(entry), _where(entry), _when(entry))))
    return table


def _what(entry: dict[str, Any]) -> str:
    words = [entry.get("kind") or entry.get("purpose"), entry.get("name"), entry.get("text")]
    if "party" in entry:
        words.append(f"of {entry['party']}")
    return ", ".join(str(word) for word in words if word)


def _where(entry: dict[str, Any]) -> str:
    circle = entry.get("area", {}).get("circle", entry)
    if "radius_m" in circle:
        return f"{circle['lon']:.4f}, {circle['lat']:.4f}, {circle['radius_m']:,.0f} m around"
    if "tracks" in entry:
        return ", ".join(entry["tracks"])
    return str(next(iter(entry.get("area", {"polygon": None}))))


def _when(entry: dict[str, Any]) -> str:
    hours = "; ".join(f"{day} {', '.join(spans)}" for day, spans in entry.get("hours", {}).items())
    dates = f"{entry.get('from', 'always')} to {entry.get('to', 'ever')}"
    if "from" not in entry and "to" not in entry:
        dates = ""
    return " ".join(part for part in (hours, dates) if part) or "always"
