"""Rows of places, and CSV files of them: any columns, of which two are longitude and latitude; rows are kept as
they are written. `point_files` opens a file of any format.

What makes a row of events unreadable makes a row of places unreadable, in the same words. Such rows hold no
cells that could be kept; rows whose position is none are kept, with the reason.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from monitoring.decode.columns import Columns, is_present
from monitoring.decode.csv_cells import typed_columns
from monitoring.decode.csv_framing import complete_length, scan_record
from monitoring.decode.csv_rows import read_cells
from monitoring.decode.errors import FileRefused
from monitoring.decode.formats import BOM
from monitoring.decode.framing import blocks
from monitoring.decode.limits import DEFAULT_LIMITS, Limits
from monitoring.decode.rows import Verdicts, echo

LON_NAMES: Final = ("lon", "longitude", "lng", "long")
LAT_NAMES: Final = ("lat", "latitude")
_BLANK: Final = b" \t\r\n"


@dataclass(frozen=True)
class PointRows:
    """The rows of one chunk of n: `line_no` (n,), `verdicts` why a row has no position, `is_row` (n,) whether it has
    the cells that the header promises, `lon`, `lat` (n,) degrees, NaN where there is no position; `columns` gives
    the n rows in the columns of the file's `schema`, made only when called; `byte_count` what was read for it.

    Of CSV `text` (n,) binary is each row as it is written, empty where it is none; of GeoJSON `features` are the
    features, empty where there is none.
    """

    line_no: NDArray[np.int64]
    verdicts: Verdicts
    is_row: NDArray[np.bool_]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    columns: Callable[[], pa.RecordBatch]
    byte_count: int
    text: pa.Array | None = None
    features: list[dict[str, Any]] | None = None


class PointFile:
    """A CSV file of places, read from its beginning with bounded memory; gzip and zstd are recognised.

    `names`: its columns; `schema`: the same with their types, the position as numbers, all else as text; `lon_name`,
    `lat_name`: which hold the position. `given`: the content of the file where it is being read already.
    Raises FileRefused for a file that is no CSV file of places.
    """

    row_word = "line"

    def __init__(
        self, path: Path, limits: Limits = DEFAULT_LIMITS, given: Iterator[bytes] | None = None
    ) -> None:
        self._limits = limits
        self._blocks = blocks(path, limits, limits.chunk_bytes) if given is None else given
        self._pending = b""
        self._line = 1
        self.names = self._take_header()
        self.lon_name, self.lat_name = position_names(self.names, "csv_header", "; the separator is a comma")
        numbers = {self.lon_name, self.lat_name}
        self.schema = pa.schema(
            [(name, pa.float64() if name in numbers else pa.string()) for name in self.names]
        )

    def rows(self) -> Iterator[PointRows]:
        """The rows, a chunk at a time. Raises FileRefused for a damaged file."""
        while True:
            length = complete_length(self._pending, self._limits.line_bytes_max) if self._pending else 0
            whole, self._pending = self._pending[:length], self._pending[length:]
            if whole:
                yield self._read(whole)
            more = next(self._blocks, b"")
            if not more:
                if self._pending.strip(_BLANK):
                    yield self._read(self._pending)
                return
            self._pending += more

    def _take_header(self) -> tuple[str, ...]:
        is_first = True
        while True:
            more = next(self._blocks, b"")
            self._pending += more.removeprefix(BOM) if is_first else more
            is_first = False
            while b"\n" in self._pending or (not more and self._pending):
                line, _, self._pending = self._pending.partition(b"\n")
                self._line += 1
                if line.strip(_BLANK):
                    return _names_of(line, self._limits)
            if not more:
                raise FileRefused("empty", "nothing in it")
            if len(self._pending) > self._limits.line_bytes_max:
                raise FileRefused("csv_header", "the header has no end")

    def _read(self, data: bytes) -> PointRows:
        (line_no, start, end), cells, verdicts = read_cells(data, self.names, self._line, self._limits)
        self._line += data.count(b"\n")
        is_row = verdicts.reason < 0
        held = (("lon", self.lon_name), ("lat", self.lat_name))
        written = {name: cells[column] for name, column in held if column in cells}
        read = typed_columns(written, verdicts, self._limits)
        lon, lat = positions(read, verdicts)
        text = _texts(data, start, np.where(is_row, end, start))

        def columns() -> pa.RecordBatch:
            numbers = {column: read[name] for name, column in held if name in read}
            return self._typed(cells, numbers, len(start))

        return PointRows(line_no, verdicts, is_row, lon, lat, columns, len(data), text)

    def _typed(self, cells: Columns, numbers: Columns, row_count: int) -> pa.RecordBatch:
        """The rows in the columns of `schema`; an empty cell is an absent one."""
        none = pa.scalar(None, pa.string())
        columns = []
        for field in self.schema:
            column = numbers.get(field.name)
            if column is None and pa.types.is_string(field.type) and field.name in cells:
                column = pc.if_else(pc.equal(cells[field.name], ""), none, cells[field.name])
            columns.append(pa.nulls(row_count, field.type) if column is None else column)
        return pa.RecordBatch.from_arrays(columns, schema=self.schema)


def positions(read: Columns, verdicts: Verdicts) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Longitude and latitude (n,) from the columns `lon` and `lat` as they were read, NaN without a position; why
    there is none goes to `verdicts`."""
    row_count = len(verdicts.reason)
    place = []
    for name, most in (("lon", 180.0), ("lat", 90.0)):
        column = read.get(name, pa.nulls(row_count, pa.float64()))
        verdicts.refuse_where(~is_present(column), "missing_field", f"{name} is empty")
        values = np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.float64)
        with np.errstate(invalid="ignore"):
            is_beyond = np.abs(values) > most
        verdicts.refuse_where(is_beyond, "coord_range", f"{name} is beyond {most:g} degrees")
        place.append(values)
    has_none = verdicts.reason >= 0
    lon, lat = (np.where(has_none, np.nan, values) for values in place)
    return lon, lat


def _names_of(line: bytes, limits: Limits) -> tuple[str, ...]:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise FileRefused("encoding", f"the header is not UTF-8 at byte {error.start + 1}") from None
    if b"\x00" in line:
        raise FileRefused("format", "binary data in the header of a CSV file")
    cells = scan_record(line.rstrip(b"\r\n") + b"\n", 0, limits.line_bytes_max).cells
    if cells is None:
        raise FileRefused("csv_header", "the header is not a CSV record")
    return tuple(cell.decode("utf-8") for cell in cells)


def position_names(names: tuple[str, ...], reason: str, hint: str = "") -> tuple[str, str]:
    """The columns that hold longitude and latitude. Raises FileRefused with `reason`, also for a repeated name."""
    repeated = next((name for at, name in enumerate(names) if name in names[:at]), None)
    if repeated is not None:
        raise FileRefused(reason, f"two columns are called {echo(repeated)}")
    return _place_of(names, LON_NAMES, reason, hint), _place_of(names, LAT_NAMES, reason, hint)


def _place_of(names: tuple[str, ...], wanted: tuple[str, ...], reason: str, hint: str) -> str:
    """The column that holds a coordinate: the exact name, else the only one that is spelled like it."""
    if wanted[0] in names:
        return wanted[0]
    found = [name for name in names if name.strip().casefold() in wanted]
    if len(found) == 1:
        return found[0]
    told = "more than one column" if found else "no column"
    raise FileRefused(reason, f"{told} for {wanted[0]} in {echo(', '.join(names))}{hint}")


def _texts(data: bytes, start: NDArray[np.int64], end: NDArray[np.int64]) -> pa.Array:
    """The bytes of each row, laid end to end."""
    edge = np.zeros(len(data) + 1, dtype=np.int8)
    filled = end > start
    np.add.at(edge, start[filled], 1)
    np.add.at(edge, end[filled], -1)
    inside = np.cumsum(edge[:-1], dtype=np.int8).astype(np.bool_)
    kept = np.frombuffer(data, dtype=np.uint8)[inside]
    offsets = np.zeros(len(start) + 1, dtype=np.int32)
    np.cumsum(end - start, out=offsets[1:])
    return pa.Array.from_buffers(pa.binary(), len(start), [None, pa.py_buffer(offsets), pa.py_buffer(kept)])
