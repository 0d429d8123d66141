"""Located places: the answers as columns, and as CSV behind the rows of the input as they were written."""

import gzip
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from geodata.locator import Located
from geodata.sectors import Sectors

COLUMNS: Final = {
    "side": pa.string(),
    "distance_m": pa.float64(),
    "signed_distance_m": pa.float64(),
    "chainage_m": pa.float64(),
    "line_part": pa.int32(),
    "foot_lon": pa.float64(),
    "foot_lat": pa.float64(),
    "beyond_end": pa.string(),
    "sector": pa.string(),
    "zones": pa.string(),
}
"""The answers and their types."""
_SIDE_WORDS: Final = ("B", None, "A")
_BEYOND_WORDS: Final = (None, "start", "end")
_DEGREE_DIGITS: Final = 9
"""A tenth of a millimetre."""
_METRE_DIGITS: Final = 3
_COMPRESS_LEVEL: Final = 3

Zones = Mapping[str, Mapping[str, float]]
"""Name of a zone along the line → its depth on each side, metres."""


def renamed_columns(names: Sequence[str]) -> dict[str, str]:
    """Which columns of the input are renamed because an answer has their name, and to what."""
    renamed = {}
    taken = {*names, *COLUMNS}
    for name in names:
        if name in COLUMNS:
            other = f"{name}_in"
            while other in taken:
                other += "_in"
            taken.add(other)
            renamed[name] = other
    return renamed


def header(names: Sequence[str], renamed: Mapping[str, str]) -> bytes:
    """The header line of CSV."""
    cells = [*(renamed.get(name, name) for name in names), *COLUMNS]
    return (",".join(_quoted(cell) for cell in cells) + "\n").encode()


def _quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"' if any(mark in cell for mark in ',"\r\n') else cell


def answers(
    located: Located, sector: NDArray[np.int16], sectors: Sectors, zones: Zones
) -> dict[str, pa.Array]:
    """The answers for n places in the columns of `COLUMNS`, (n,) each; absent where there is nothing to tell."""
    has_answer = located.side != 0
    signed = np.round(located.signed_distance_m, _METRE_DIGITS) + 0.0
    words = pa.array([*sectors.ids, None], type=pa.string())
    columns = [
        pa.array(_SIDE_WORDS).take(pa.array(located.side.astype(np.int64) + 1)),
        _numbers(np.abs(signed), has_answer, _METRE_DIGITS),
        _numbers(signed, has_answer, _METRE_DIGITS),
        _numbers(located.chainage_m, has_answer, _METRE_DIGITS),
        pa.array(located.line_part, type=pa.int32(), mask=~has_answer),
        _numbers(located.foot_lon, has_answer, _DEGREE_DIGITS),
        _numbers(located.foot_lat, has_answer, _DEGREE_DIGITS),
        pa.array(_BEYOND_WORDS).take(pa.array(located.beyond_end.astype(np.int64))),
        words.take(pa.array(np.where(has_answer & (sector >= 0), sector, len(sectors.ids)).astype(np.int64))),
        _zone_names(located, zones),
    ]
    return dict(zip(COLUMNS, columns, strict=True))


def lines(text: pa.Array, found: Mapping[str, pa.Array]) -> memoryview:
    """Rows of CSV, each with its line end: `text` (n,) binary, answers for the same n places."""
    columns = (found[name].cast(pa.string()).fill_null("").cast(pa.binary()) for name in COLUMNS)
    joined = pc.binary_join_element_wise(text, *columns, b",")
    ended = pc.binary_join_element_wise(joined, pa.scalar(b""), b"\n")
    _, offsets, data = ended.buffers()
    stop = int(np.frombuffer(offsets, dtype=np.int32)[len(ended)])
    return memoryview(data)[:stop]


def _numbers(values: NDArray[np.float64], has_answer: NDArray[np.bool_], digits: int) -> pa.Array:
    """Numbers rounded to `digits`; absent without an answer."""
    known = np.round(np.where(has_answer, values, 0.0), digits) + 0.0
    return pa.array(known, mask=~has_answer)


def _zone_names(located: Located, zones: Zones) -> pa.Array:
    """The zones that hold each place, separated by blanks; a place on the edge is inside."""
    code = np.zeros(len(located.side), dtype=np.int64)
    distance_m = np.abs(located.signed_distance_m)
    for bit, depth_m in enumerate(zones.values()):
        limit_m = np.where(located.side > 0, depth_m["A"], depth_m["B"])
        with np.errstate(invalid="ignore"):
            code |= (distance_m <= limit_m).astype(np.int64) << bit
    names = list(zones)
    words = [
        " ".join(name for bit, name in enumerate(names) if number >> bit & 1) or None
        for number in range(1 << len(names))
    ]
    return pa.array(words, type=pa.string()).take(pa.array(code))


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """A file to write that takes the place of `path` when it is complete, and leaves nothing when it is not;
    compressed where its name ends with `.gz`."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with unfinished.open("wb") as raw:
            if path.name.endswith(".gz"):
                with gzip.GzipFile(
                    filename="", mode="wb", fileobj=raw, compresslevel=_COMPRESS_LEVEL, mtime=0
                ) as packed:
                    yield cast("IO[bytes]", packed)
            else:
                yield raw
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
