"""`contactline locate`: where every place of a file is, relative to a line."""

import time
from collections import Counter
from pathlib import Path
from typing import Annotated, Any, Final

import numpy as np
import pyarrow as pa
import typer
from rich.markup import escape

from api.cli import located_file
from api.cli.lines import line_of
from api.cli.output import EXIT_DATA, EXIT_USAGE, console, counts, fail, note, print_json, progress
from geodata.locator import Located
from geodata.sectors import Sectors
from monitoring import schema
from monitoring.agreement import DEFAULT, Agreement
from monitoring.decode.points import PointFile, PointRows
from monitoring.rules import bind

ZONES: Final = (
    ("buffer", "buffer_incursion", "width_m"),
    ("security_zone", "ceasefire_fire", "zone_m"),
)
"""Zones along the line: name, the rule whose parameter is their depth, the parameter."""
ROWS_TOLD = 1_000
_SHOWN = 5


def locate(
    points: Annotated[
        Path, typer.Argument(metavar="POINTS", help="CSV with lon and lat, plain, gzip or zstd, of any size")
    ],
    line: Annotated[
        Path, typer.Option("--line", metavar="LINE", help="GeoJSON or GeoPackage, anywhere in the world")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="OUT", help="CSV; .gz compresses it")],
    agreement: Annotated[
        str,
        typer.Option(metavar="FILE", help="whose zones: an agreement file, or a packaged one by its name"),
    ] = DEFAULT,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object")] = False,
) -> None:
    """Tell side, geodesic distance, chainage, foot point, sector and zones of every place in a file.

    The columns of the input are kept as they are written. A place on the line is on side A. Rows without a usable
    position get empty answers, rows that are no CSV rows are left out; both are counted, and then the exit code is 1.

    Example: `contactline locate posts.csv.gz --line line.geojson --out located.csv`
    """
    if out.exists() and points.exists() and out.samefile(points):
        fail(f"--out {out}: this is the input", exit_code=EXIT_USAGE)
    if not out.name.endswith((".csv", ".csv.gz")):
        fail(f"--out {out}: its ending must be .csv or .csv.gz", exit_code=EXIT_USAGE)
    contact_line = line_of(line)
    sectors = Sectors.fit(contact_line)
    zones = zones_of(Agreement.load(agreement), time.time_ns())
    file = PointFile(points)
    head, renamed = located_file.header(file.names)
    tally = _Tally()
    total = float(points.stat().st_size)
    is_packed = points.name.endswith((".gz", ".gzip", ".zst", ".zstd"))
    with progress("locating", quiet=as_json) as advance, located_file.replacing(out) as target:
        target.write(head)
        done = 0.0
        for rows in file.rows():
            kept = np.flatnonzero(rows.is_row)
            lon, lat = rows.lon[kept], rows.lat[kept]
            found = contact_line.locator.locate(lon, lat)
            sector = sectors.locate(lon, lat, found.chainage_m)
            target.write(located_file.lines(rows.text.take(pa.array(kept)), found, sector, sectors, zones))
            tally.add(rows, found)
            done += rows.byte_count
            advance(done, None if is_packed else total)
    tally.tell(out, renamed, as_json)
    if tally.reasons:
        raise typer.Exit(EXIT_DATA)


def zones_of(agreement: Agreement, time_ns: int) -> located_file.Zones:
    """The zones along the line that an agreement knows at an instant."""
    bind(agreement)
    return {
        name: agreement.value(f"{rule_id}.{parameter}", time_ns)
        for name, rule_id, parameter in ZONES
        if agreement.clause(rule_id) is not None
    }


class _Tally:
    """What became of the rows."""

    def __init__(self) -> None:
        self.row_count = 0
        self.sides: Counter[str] = Counter()
        self.beyond_count = 0
        self.reasons: Counter[str] = Counter()
        self.told: list[dict[str, Any]] = []

    def add(self, rows: PointRows, found: Located) -> None:
        self.row_count += len(rows.line_no)
        for side, word in ((1, "A"), (-1, "B")):
            self.sides[word] += int(np.count_nonzero(found.side == side))
        self.beyond_count += int(np.count_nonzero(found.beyond_end))
        refused = np.flatnonzero(rows.verdicts.reason >= 0)
        self.reasons.update(schema.ROW_REASONS[code] for code in rows.verdicts.reason[refused].tolist())
        for row in refused[: ROWS_TOLD - len(self.told)].tolist():
            reason = schema.ROW_REASONS[rows.verdicts.reason[row]]
            detail = rows.verdicts.detail.get(row, "")
            self.told.append({"line": int(rows.line_no[row]), "reason": reason, "detail": detail})

    def tell(self, out: Path, renamed: dict[str, str], as_json: bool) -> None:
        located_count = self.sides.total()
        if as_json:
            print_json(
                {
                    "out": str(out),
                    "rows": self.row_count,
                    "located": located_count,
                    "sides": dict(self.sides),
                    "beyond_end": self.beyond_count,
                    "rejected": dict(sorted(self.reasons.items())),
                    "rejected_rows": self.told,
                    "renamed": renamed,
                }
            )
            return
        console.print(
            f"[bold]{located_count:,}[/] of {self.row_count:,} places located in {out}: "
            f"{self.sides['A']:,} on side A, {self.sides['B']:,} on side B, {self.beyond_count:,} beyond an end",
            soft_wrap=True,
        )
        if renamed:
            note(
                "columns of the input that an answer has the name of: "
                + ", ".join(f"{name} is now {other}" for name, other in renamed.items())
            )
        if self.reasons:
            console.print(counts("without an answer", dict(sorted(self.reasons.items()))))
        for row in self.told[:_SHOWN]:
            console.print(f"  line {row['line']}: [yellow]{row['reason']}[/] {escape(row['detail'])}")
