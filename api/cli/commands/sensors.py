"""`contactline sensors`: the registry. Events of a sensor that is not in it are quarantined."""

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.table import Table

from api.cli.doors import at_the_writer
from api.cli.output import EXIT_DATA, EXIT_USAGE, console, fail, print_json
from api.cli.times import shown
from monitoring import schema
from monitoring.admission import Sensor
from monitoring.bootstrap import read_home

app = typer.Typer(no_args_is_help=True, help="The registry of sensors.")


@app.command("add")
def add(
    context: typer.Context,
    sensor_id: Annotated[str, typer.Argument(metavar="ID")],
    sensor_type: Annotated[str, typer.Option("--type", metavar="TYPE", help=", ".join(schema.SENSOR_TYPES))],
    lon: Annotated[float | None, typer.Option(help="of a fixed post, degrees")] = None,
    lat: Annotated[float | None, typer.Option(help="of a fixed post, degrees")] = None,
    host_side: Annotated[Literal["A", "B", "none"], typer.Option(help="whose side it stands on")] = "none",
    reach: Annotated[
        float | None, typer.Option(metavar="M", help="how far it notices anything at all")
    ] = None,
    detection_prob: Annotated[
        float | None, typer.Option(metavar="P", help="how likely one look notices what is well within range")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object")] = False,
) -> None:
    """Register a sensor, or change it.

    Example: `contactline sensors add GS-017 --type geophone --lon 37.53 --lat 48.01 --host-side A`
    """
    record: dict[str, Any] = {"id": sensor_id, "type": sensor_type}
    if lon is not None or lat is not None:
        record |= {"lon": lon, "lat": lat}
    if host_side != "none":
        record["host_side"] = host_side
    given = {"reach_m": reach, "detection_prob": detection_prob}
    record |= {name: value for name, value in given.items() if value is not None}
    try:
        Sensor.from_json(record)
    except ValueError as error:
        fail(str(error), exit_code=EXIT_USAGE)
    _register(context, [record], as_json)


@app.command("import")
def import_file(
    context: typer.Context,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help='JSON: a list of sensors, or {"sensors": […]}')
    ],
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object")] = False,
) -> None:
    """Register all sensors of a file; nothing is registered when one of them is wrong.

    Example: `contactline sensors import registry.json`
    """
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        fail(f"{file}: not JSON in UTF-8 ({error})")
    records = content.get("sensors") if isinstance(content, dict) else content
    if not isinstance(records, list):
        fail(f'{file}: expected a list of sensors, or an object with the list under "sensors"')
    for position, record in enumerate(records):
        try:
            Sensor.from_json(record)
        except ValueError as error:
            fail(f"{file}: sensor {position + 1} of {len(records)}: {error}")
    _register(context, records, as_json)


@app.command("list")
def list_sensors(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object")] = False,
) -> None:
    """List the sensors with what was last heard of them.

    Example: `contactline sensors list`
    """
    with read_home(context.obj.settings) as (_, store, _):
        rows = store.sensors()
    if as_json:
        print_json({"sensors": rows})
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("id", "type", "host side", "events", "last event time"):
        table.add_column(name, justify="right" if name == "events" else "left")
    for row in rows:
        table.add_row(
            row["sensor_id"],
            row["type"],
            row["host_side"] or "-",
            f"{row.get('event_count') or 0:,}",
            shown(row.get("last_time_ns")),
        )
    console.print(table if rows else "no sensors are registered: `contactline sensors add ID --type TYPE`")


def _register(context: typer.Context, records: list[dict[str, Any]], as_json: bool) -> None:
    if not records:
        fail("no sensors in it", exit_code=EXIT_DATA)
    with at_the_writer(context.obj.settings, "sensors") as writer:
        done = writer.register_sensors(records)
    if as_json:
        print_json(done)
    else:
        console.print(f"{done['added']:,} added, {done['changed']:,} changed")
