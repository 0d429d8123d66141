"""Files of places in any format: CSV, Parquet, Arrow and GeoJSON, told apart as files of events are."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, Protocol

import pyarrow as pa

from monitoring.decode.errors import FileRefused
from monitoring.decode.formats import BOM, HEAD_BYTES, TABLES, Format, format_of_name, sniff
from monitoring.decode.framing import blocks
from monitoring.decode.limits import DEFAULT_LIMITS, Limits
from monitoring.decode.point_features import PointFeatures
from monitoring.decode.point_tables import PointTable
from monitoring.decode.points import PointFile, PointRows

_JSON_BEGINS: Final = (b"{", b"[", b"\x1e")


def _ignore(done: float) -> None:
    pass


class Points(Protocol):
    """An open file of places: `schema` of its columns, which of them hold the position, and what its rows are
    numbered by (`line` or `row`)."""

    schema: pa.Schema
    lon_name: str
    lat_name: str
    row_word: str

    def rows(self) -> Iterator[PointRows]:
        """The rows, a chunk at a time. Raises FileRefused for a damaged file."""
        ...


def open_points(
    path: Path,
    needs_columns: bool = True,
    limits: Limits = DEFAULT_LIMITS,
    on_read: Callable[[float], None] = _ignore,
) -> Points:
    """Open a file of places. `needs_columns`: whether its rows are wanted in columns; `on_read` is told how many
    bytes were looked through before that was known. Raises FileRefused.
    """
    content = blocks(path, limits, limits.chunk_bytes)
    begin: list[bytes] = []
    for block in content:
        begin.append(block)
        if sum(map(len, begin)) >= HEAD_BYTES:
            break
    form = _format_of(b"".join(begin)[:HEAD_BYTES], path.name)
    if form is Format.CSV:
        # Not opened anew, so that it may be a pipe.
        return PointFile(path, limits, itertools.chain(begin, content))
    if form in TABLES:
        return PointTable(path, form, limits)
    return PointFeatures(path, form, limits, needs_columns, on_read)


def _format_of(head: bytes, name: str) -> Format:
    is_json = head.removeprefix(BOM).lstrip().startswith(_JSON_BEGINS)
    # What neither name nor beginning tells is CSV: that has no other mark.
    is_told = is_json or format_of_name(name) is not None
    form = sniff(head, name, None if is_told else Format.CSV)
    if form is Format.JSON:
        raise FileRefused("format", "a JSON document, but not GeoJSON; places are features with a Point")
    return Format.GEOJSON_LINES if form is Format.NDJSON else form
