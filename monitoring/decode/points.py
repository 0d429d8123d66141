"""CSV files of places: any columns, of which two are longitude and latitude; rows are kept as they are written.

What makes a row of events unreadable makes a row of places unreadable, in the same words. Such rows hold no
cells that could be kept; rows whose position is none are kept, with the reason.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitoring.decode.columns import is_present
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
    the cells that the header promises, `lon`, `lat` (n,) degrees, NaN where there is no position, `text` (n,)
    binary: each row as it is written, empty where it is none; `byte_count` what was read for it."""

    line_no: NDArray[np.int64]
    verdicts: Verdicts
    is_row: NDArray[np.bool_]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    text: pa.Array
    byte_count: int


class PointFile:
    """A file of places, read from its beginning with bounded memory; gzip and zstd are recognised.

    `names`: its columns. Raises FileRefused for a file that is no CSV file of places.
    """

    def __init__(self, path: Path, limits: Limits = DEFAULT_LIMITS) -> None:
        self._limits = limits
        self._blocks = blocks(path, limits, limits.chunk_bytes)
        self._pending = b""
        self._line = 1
        self.names = self._take_header()
        self._lon, self._lat = (_place_of(self.names, wanted) for wanted in (LON_NAMES, LAT_NAMES))

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
        written = {
            name: cells[held] for name, held in (("lon", self._lon), ("lat", self._lat)) if held in cells
        }
        read = typed_columns(written, verdicts, self._limits)
        place = {}
        for name, most in (("lon", 180.0), ("lat", 90.0)):
            column = read.get(name, pa.nulls(len(start), pa.float64()))
            verdicts.refuse_where(~is_present(column), "missing_field", f"{name} is empty")
            values = np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.float64)
            with np.errstate(invalid="ignore"):
                is_beyond = np.abs(values) > most
            verdicts.refuse_where(is_beyond, "coord_range", f"{name} is beyond {most:g} degrees")
            place[name] = values
        has_none = verdicts.reason >= 0
        lon, lat = (np.where(has_none, np.nan, place[name]) for name in ("lon", "lat"))
        text = _texts(data, start, np.where(is_row, end, start))
        return PointRows(line_no, verdicts, is_row, lon, lat, text, len(data))


def _names_of(line: bytes, limits: Limits) -> tuple[str, ...]:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise FileRefused("encoding", f"the header is not UTF-8 at byte {error.start + 1}") from None
    if b"\x00" in line:
        raise FileRefused("format", "binary data; places are read from CSV")
    cells = scan_record(line.rstrip(b"\r\n") + b"\n", 0, limits.line_bytes_max).cells
    if cells is None:
        raise FileRefused("csv_header", "the header is not a CSV record")
    names = tuple(cell.decode("utf-8") for cell in cells)
    repeated = next((name for at, name in enumerate(names) if name in names[:at]), None)
    if repeated is not None:
        raise FileRefused("csv_header", f"two columns are called {echo(repeated)}")
    return names


def _place_of(names: tuple[str, ...], wanted: tuple[str, ...]) -> str:
    """The column that holds a coordinate: the exact name, else the only one that is spelled like it."""
    if wanted[0] in names:
        return wanted[0]
    found = [name for name in names if name.strip().casefold() in wanted]
    if len(found) == 1:
        return found[0]
    told = "more than one column" if found else "no column"
    raise FileRefused(
        "csv_header", f"{told} for {wanted[0]} in {echo(', '.join(names))}; the separator is a comma"
    )


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
