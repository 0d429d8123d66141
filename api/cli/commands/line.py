"""`contactline line load`, `line check` and `line show`: the versions of the line, and what is wrong with one."""

import json
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.markup import escape

from api.cli.doors import at_the_writer
from api.cli.lines import LINE_FORM
from api.cli.output import EXIT_DATA, EXIT_USAGE, console, fail, note, print_json
from api.cli.times import event_time_ns
from geodata.area import Area
from geodata.contact_line import ContactLine, packaged_line
from geodata.errors import LineInvalid
from geodata.line_check import Fault, as_note, check
from geodata.line_file import FILE_BYTES_MAX, LineDraft, parse_line, read_line
from geodata.line_repair import Change, repair
from monitoring.adapters.home import HomeMissing
from monitoring.bootstrap import read_home
from monitoring.results import rfc3339
from monitoring.settings import Settings

GEOPACKAGE_MAGIC = b"SQLite format 3\x00"
EACH_SHOWN = 3

app = typer.Typer(no_args_is_help=True, help="The contact line and its versions.")


@app.command("load")
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


@app.command("check")
def check_line(
    context: typer.Context,
    line: Annotated[Path, typer.Argument(metavar="LINE", help="GeoJSON or GeoPackage")],
    repaired: Annotated[
        Path | None,
        typer.Option("--repair", metavar="OUT", help="write what can be mended without guessing, as GeoJSON"),
    ] = None,
    area: Annotated[
        str | None,
        typer.Option(
            "--area", metavar="W,S,E,N", help="tell what lies outside [the home's area, if there is one]"
        ),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="every remark, not the first of each kind")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object")] = False,
) -> None:
    """Tell what is wrong with a line, fault by fault with its place, and whether it can be used.

    Nothing is changed unless `--repair` is given; then every change is listed. The exit code is 1 if the line (the
    mended one, with `--repair`) cannot be used.

    Example: `contactline line check line.geojson --repair mended.geojson`
    """
    if repaired is not None and repaired.exists() and repaired.samefile(line):
        fail(f"--repair {repaired}: this is the input", exit_code=EXIT_USAGE)
    within = _area_of(context.obj.settings, area)
    content = _content(line)
    faults = check(content, line.name, within)
    told: dict[str, Any] = {
        "line": str(line),
        "usable": not _is_fatal(faults),
        "reason": _reason(content, line.name) if _is_fatal(faults) else None,
        "faults": [_told(fault) for fault in faults],
    }
    each = len(faults) if every else EACH_SHOWN
    if not as_json:
        console.print(escape(as_note(faults, line.name, max(each, 1))), soft_wrap=True)
    left = faults
    if repaired is not None:
        document, changes = repair(content, line.name, within)
        left = check(document, repaired.name, within)
        repaired.write_text(json.dumps(document, ensure_ascii=False) + "\n", encoding="utf-8")
        told |= {
            "repaired": str(repaired),
            "repaired_usable": not _is_fatal(left),
            "changes": [_told(change) for change in changes],
            "faults_left": [_told(fault) for fault in left],
        }
        if not as_json:
            console.print(
                f"\n{len(changes)} change{'s' * (len(changes) != 1)} in [bold]{escape(str(repaired))}[/]:"
            )
            for change in changes:
                console.print(f"  {escape(change.text)}", soft_wrap=True)
            console.print()
            console.print(escape(as_note(left, repaired.name, max(each, 1))), soft_wrap=True)
    if as_json:
        print_json(told)
    if _is_fatal(left):
        raise typer.Exit(EXIT_DATA)


@app.command("show")
def show_line(
    context: typer.Context,
    line: Annotated[
        Path | None, typer.Argument(metavar="[LINE]", help="a file [the versions that the home holds]")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="write the last one shown, as GeoJSON")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object")] = False,
) -> None:
    """Show a line: its versions with their validity, length, parts, and which side is on the left.

    Example: `contactline line show --json`
    """
    shown = _held(context.obj.settings) if line is None else [(ContactLine.from_draft(read_line(line)), None)]
    if out is not None:
        out.write_text(json.dumps(shown[-1][0].to_geojson(), ensure_ascii=False) + "\n", encoding="utf-8")
    about = [_about(one, valid_from) for one, valid_from in shown]
    if as_json:
        print_json({"versions": about})
        return
    for one in about:
        console.print(f"[bold]{escape(one['label'])}[/]  [dim]{one['version']}[/]", soft_wrap=True)
        since = "" if one["valid_from"] is None else f", in force from {one['valid_from']}"
        console.print(
            f"  {one['length_m'] / 1000:,.1f} km, {one['vertices']:,} vertices, side {one['left_side']} on the left, "
            f"own error {one['sigma_m']:g} m{since}",
            soft_wrap=True,
        )
        for part in one["parts"][1:]:
            shape = "closed" if part["closed"] else "open"
            console.print(
                f"  part {part['line_part']}: {part['length_m'] / 1000:,.1f} km, {shape}", soft_wrap=True
            )
    if out is not None:
        note(f"written to {out}")


def _held(settings: Settings) -> list[tuple[ContactLine, str | None]]:
    """The line versions of the home, each with the instant it holds from (None = always); the shipped one without
    a home."""
    try:
        with read_home(settings) as (_, _, mission):
            history = mission.lines
    except HomeMissing:
        note(f"there is no home at {settings.home}: this is the line that ships with the program")
        return [(packaged_line(), None)]
    since = [None, *(rfc3339(instant) for instant in history.valid_from_ns[1:])]
    return list(zip(history.lines, since, strict=True))


def _about(line: ContactLine, valid_from: str | None) -> dict[str, Any]:
    return {
        "label": line.label,
        "version": line.version,
        "valid_from": valid_from,
        "left_side": line.left_side,
        "sigma_m": line.sigma_m,
        "length_m": round(line.length_m, 3),
        "vertices": len(line.lon),
        "bounds": [float(edge) for edge in (line.lon.min(), line.lat.min(), line.lon.max(), line.lat.max())],
        "parts": [
            {"line_part": part, "length_m": round(float(length_m), 3), "closed": bool(is_closed)}
            for part, (length_m, is_closed) in enumerate(
                zip(np.asarray(line.part_length_m).tolist(), np.asarray(line.is_closed).tolist(), strict=True)
            )
        ],
    }


def _content(path: Path) -> LineDraft | bytes:
    """What to check: the text of GeoJSON as it is, the draft of a GeoPackage. Raises LineInvalid, OSError."""
    with path.open("rb") as file:
        is_geopackage = file.read(len(GEOPACKAGE_MAGIC)) == GEOPACKAGE_MAGIC
    if is_geopackage or path.stat().st_size > FILE_BYTES_MAX:
        return read_line(path)
    return path.read_bytes()


def _reason(content: LineDraft | bytes, name: str) -> str:
    """The stable code under which `line load` refuses it."""
    try:
        draft = content if isinstance(content, LineDraft) else parse_line(content, name)
        ContactLine.from_draft(draft)
    except LineInvalid as error:
        return error.reason
    return "line_invalid"


def _area_of(settings: Settings, text: str | None) -> Area | None:
    if text is not None:
        try:
            west, south, east, north = (float(part) for part in text.split(","))
        except ValueError:
            fail(
                f"--area {text}: expected four numbers W,S,E,N in degrees, as 30,44,41,53",
                exit_code=EXIT_USAGE,
            )
        return Area.box(west, south, east, north)
    try:
        with read_home(settings) as (_, _, mission):
            return mission.area
    except HomeMissing:
        return None


def _is_fatal(faults: list[Fault]) -> bool:
    return any(fault.is_fatal for fault in faults)


def _told(one: Fault | Change) -> dict[str, Any]:
    told: dict[str, Any] = {
        "kind": one.kind,
        "text": one.text,
        "lon": one.lon,
        "lat": one.lat,
        "part": one.part,
    }
    if isinstance(one, Fault):
        told |= {"fatal": one.is_fatal, "edge": one.edge, "vertex": one.vertex}
    return told
