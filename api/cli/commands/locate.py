"""`contactline locate`: where every place of a file is, relative to a line."""

import time
from collections import Counter
from pathlib import Path
from typing import Annotated, Any, Final

import numpy as np
import typer
from numpy.typing import NDArray
from rich.markup import escape

from api.cli import located_file, located_forms
from api.cli.exchanged import Exchanged
from api.cli.lines import line_of
from api.cli.output import EXIT_DATA, EXIT_USAGE, console, counts, fail, note, print_json, progress
from geodata.locator import Located
from geodata.sectors import Sectors
from monitoring import schema
from monitoring.agreement import DEFAULT, Agreement
from monitoring.decode import FileRefused
from monitoring.decode.point_files import Points, open_points
from monitoring.decode.points import PointRows
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
        Path,
        typer.Argument(
            metavar="POINTS",
            help="CSV, Parquet or Arrow with lon and lat, or GeoJSON Points (a FeatureCollection, or a feature a "
            "line); plain, gzip or zstd, of any size",
        ),
    ],
    line: Annotated[
        Path, typer.Option("--line", metavar="LINE", help="GeoJSON or GeoPackage, anywhere in the world")
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            metavar="OUT",
            help="ends with .csv, .parquet, .arrow, .geojson or .ndjson (a feature a line); .gz behind text "
            "compresses it",
        ),
    ],
    agreement: Annotated[
        str,
        typer.Option(metavar="FILE", help="whose zones: an agreement file, or a packaged one by its name"),
    ] = DEFAULT,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object")] = False,
) -> None:
    """Tell side, geodesic distance, chainage, foot point, sector and zones of every place in a file.

    The columns of the input are kept as they are written. A place on the line is on side A. Rows without a usable
    position get empty answers, rows that cannot be read as rows are left out; both are counted, and then the exit code
    is 1. In a table made of CSV the position is numbers and all else text; one made of GeoJSON has a column a property.

    Example: `contactline locate posts.csv.gz --line line.geojson --out located.parquet`
    """
    if out.exists() and points.exists() and out.samefile(points):
        fail(f"--out {out}: this is the input", exit_code=EXIT_USAGE)
    if not out.name.endswith(located_forms.ENDINGS):
        fail(
            f"--out {out}: its ending must be one of {', '.join(located_forms.ENDINGS)}", exit_code=EXIT_USAGE
        )
    contact_line = line_of(line)
    sectors = Sectors.fit(contact_line)
    zones = zones_of(Agreement.load(agreement), time.time_ns())
    try:
        file = _opened(points, out, as_json)
        tally = _Tally(file.row_word, Exchanged(contact_line))
        total = _total(points)
        with progress("locating", quiet=as_json) as advance, located_forms.writing(out, file) as target:
            done = 0.0
            for rows in file.rows():
                lon, lat = rows.lon[rows.is_row], rows.lat[rows.is_row]
                found = contact_line.locator.locate(lon, lat)
                sector = sectors.locate(lon, lat, found.chainage_m)
                target.write(rows, located_file.answers(found, sector, sectors, zones))
                tally.add(rows, lon, lat, found)
                done += rows.byte_count
                advance(done, total)
    except FileRefused as refusal:
        fail(f"{points}: {refusal}")
    tally.tell(out, target.renamed, as_json)
    if tally.reasons:
        raise typer.Exit(EXIT_DATA)


def _opened(points: Path, out: Path, as_json: bool) -> Points:
    needs_columns = not out.name.endswith(located_forms.FEATURES)
    total = _total(points)
    with progress("looking through", quiet=as_json) as advance:
        return open_points(points, needs_columns, on_read=lambda done: advance(done, total))


def _total(points: Path) -> float | None:
    """How many bytes will be read, where its size tells it."""
    is_packed = points.name.endswith((".gz", ".gzip", ".zst", ".zstd", ".parquet"))
    return None if is_packed else float(points.stat().st_size)


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

    def __init__(self, row_word: str, exchanged: Exchanged) -> None:
        self.row_word, self.exchanged = row_word, exchanged
        self.row_count = 0
        self.sides: Counter[str] = Counter()
        self.beyond_count = 0
        self.reasons: Counter[str] = Counter()
        self.told: list[dict[str, Any]] = []

    def add(
        self, rows: PointRows, lon: NDArray[np.float64], lat: NDArray[np.float64], found: Located
    ) -> None:
        self.exchanged.add(lon, lat, found)
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
                    "far": self.exchanged.told(),
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
        if self.exchanged.is_likely:
            note(self.exchanged.question(located_count))
        if renamed:
            note(
                "columns of the input that an answer has the name of: "
                + ", ".join(f"{name} is now {other}" for name, other in renamed.items())
            )
        if self.reasons:
            console.print(counts("without an answer", dict(sorted(self.reasons.items()))))
        for row in self.told[:_SHOWN]:
            console.print(
                f"  {self.row_word} {row['line']}: [yellow]{row['reason']}[/] {escape(row['detail'])}"
            )
