"""Observations on their way: plain columns inside the simulation, an Arrow table of events at its door."""

from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitoring import events, schema

Column = NDArray[Any]
Reals = NDArray[np.float64]
Rows = dict[str, NDArray[Any]]
"""Columns of one length. Absent numbers are NaN, absent codes -1; every column is float64 or int64."""

REALS: Final = (
    "time_end_s",
    "time_sigma_s",
    "lon",
    "lat",
    "sigma_m",
    "sigma_major_m",
    "sigma_minor_m",
    "sigma_azimuth_deg",
    "bearing_deg",
    "bearing_sigma_deg",
    "sensor_lon",
    "sensor_lat",
    "calibre_mm",
    "speed_mps",
    "heading_deg",
    "confidence",
    "fov_azimuth_deg",
    "fov_width_deg",
    "reach_m",
    "clock_offset_s_min",
    "clock_offset_s_max",
)
INTS: Final = (
    "sensor",
    "kind",
    "time_basis",
    "object_class",
    "affiliation",
    "direction",
    "track",
    "group",
    "count",
    "is_minimum",
    "rounds",
    "text",
    "link",
)
"""`sensor` is a position in the net; `link` is what truth links the event to (see `truth`)."""
TIMES: Final = ("time_s", "made_s", "latency_s")
"""Seconds since the start: claimed, true, and from being made to being delivered."""
TEXTS: Final = (
    "heard from the post, several in a row",
    "reported by telephone from a village; direction unclear",
    'seen by the patrol, "at least" as counted',
    "чули вибухи, напрямок невідомий",
    "слышали взрывы, направление не ясно",
)


def _spelled(width: int) -> Column:
    """All numbers of `width` digits in ASCII, each as one unsigned integer of that many bytes."""
    number = np.arange(10**width)
    digit = [number // 10**place % 10 + ord("0") for place in range(width - 1, -1, -1)]
    return np.stack(digit, axis=1).astype(np.uint8).view(f"u{width}")[:, 0]


_SPELLED: Final = {width: _spelled(width) for width in (4, 2, 1)}
"""How numbers are cut for spelling, longest pieces first."""
_EMPTY_REAL: Final = np.empty(0)


def rows(**columns: Column) -> Rows:
    """Columns given by name; a name outside the known ones is a programmer's error."""
    assert set(columns) <= {*REALS, *INTS, *TIMES}, sorted(set(columns) - {*REALS, *INTS, *TIMES})
    return dict(columns)


def joined(parts: list[Rows]) -> Rows:
    """Several producers' rows as one, absent columns filled."""
    parts = [part for part in parts if len(part["sensor"])]
    sizes = [len(part["sensor"]) for part in parts]
    out: Rows = {}
    for name in (*TIMES, *REALS, *INTS):
        filler = missing(name)
        kind = np.int64 if name in INTS else np.float64
        if any(name in part for part in parts):
            out[name] = np.concatenate(
                [
                    np.asarray(part[name], dtype=kind) if name in part else np.full(size, filler, dtype=kind)
                    for part, size in zip(parts, sizes, strict=True)
                ]
            )
    for name in ("sensor", "link", "kind"):
        out.setdefault(name, np.empty(0, dtype=np.int64))
    for name in TIMES:
        out.setdefault(name, _EMPTY_REAL)
    return out


def missing(name: str) -> float | int:
    """What a column holds where nothing is known."""
    return np.nan if name in REALS else -1


def taken(batch: Rows, idx: NDArray[np.int64] | NDArray[np.bool_]) -> Rows:
    """The rows at `idx`."""
    return {name: column[idx] for name, column in batch.items()}


def stable_order(values: Reals) -> NDArray[np.int64]:
    """Positions that put numbers (no NaN) in order, equal ones as they came. Shape (n,).

    >>> stable_order(np.array([2.0, 1.0, 2.0, 1.0]))
    array([1, 3, 0, 2])
    """
    order = np.argsort(values)
    in_order = values[order]
    # Few are equal to another: only these are put in order by their positions.
    tied = ties(in_order)
    among = order[tied]
    order[tied] = among[np.lexsort((among, in_order[tied]))]
    return order


def ties(in_order: Reals) -> NDArray[np.int64]:
    """Positions of those of ordered numbers that are equal to a neighbour.

    >>> ties(np.array([1.0, 2.0, 2.0, 3.0]))
    array([1, 2])
    """
    is_same = in_order[1:] == in_order[:-1]
    is_tied = np.zeros(len(in_order), dtype=bool)
    is_tied[1:] = is_same
    is_tied[:-1] |= is_same
    return np.flatnonzero(is_tied)


def digits(prefix: bytes, values: NDArray[np.int64], width: int) -> pa.Array:
    """`prefix` and each value in `width` decimal digits, leading zeros kept, as an Arrow string array.

    >>> digits(b"T", np.array([7]), 4).to_pylist()
    ['T0007']
    """
    return fixed_strings(beside([prefix, numerals(values, width)], len(values)))


def numerals(values: NDArray[np.int64], width: int) -> NDArray[np.uint8]:
    """Each value's last `width` decimal digits in ASCII, shape (n, width).

    >>> numerals(np.array([7, 1_234]), 3).tobytes()
    b'007234'
    """
    out = np.empty((len(values), width), dtype=np.uint8)
    rest, end = values.astype(np.int64), width
    for size, spelled in _SPELLED.items():
        while end >= size:
            end -= size
            above = rest // 10**size
            out[:, end : end + size].view(spelled.dtype)[:, 0] = spelled.take(rest - above * 10**size)
            rest = above
    return out


def beside(parts: list[bytes | NDArray[np.uint8]], n: int) -> NDArray[np.uint8]:
    """Matrices of bytes, (n, width) each, side by side; plain bytes stand in every row.

    >>> beside([b"a", np.frombuffer(b"xy", dtype=np.uint8).reshape(2, 1)], 2).tobytes()
    b'axay'
    """
    widths = [len(part) if isinstance(part, bytes) else part.shape[1] for part in parts]
    out = np.empty((n, sum(widths)), dtype=np.uint8)
    begin = 0
    for part, width in zip(parts, widths, strict=True):
        if width:
            as_one = f"V{width}"
            whole = (
                np.void(part) if isinstance(part, bytes) else np.ascontiguousarray(part).view(as_one)[:, 0]
            )
            out[:, begin : begin + width].view(as_one)[:, 0] = whole
        begin += width
    return out


def fixed_strings(matrix: NDArray[np.uint8]) -> pa.Array:
    """An ASCII byte matrix (n, width) as Arrow strings of that width."""
    n, width = matrix.shape
    offsets = np.arange(0, (n + 1) * width, width or 1, dtype=np.int32)[: n + 1]
    return pa.StringArray.from_buffers(n, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(matrix)))


def to_table(
    batch: Rows, sensor_ids: pa.Array, start_ns: int, event_ids: pa.Array, seq: Column, boot: Column
) -> pa.Table:
    """The rows as a table with the columns of `schema.EVENT_FIELDS`. Times are whole milliseconds."""
    n = len(batch["sensor"])
    made: dict[str, pa.Array] = {
        "sensor_id": sensor_ids.take(pa.array(batch["sensor"])),
        "id": event_ids,
        "time_ns": pa.array(start_ns + np.rint(batch["time_s"] * 1e3).astype(np.int64) * 1_000_000),
        "seq": pa.array(np.asarray(seq, dtype=np.int64)),
        "boot": pa.array(np.asarray(boot, dtype=np.int64)),
    }
    for name in REALS:
        if name == "time_end_s" or name not in batch:
            continue
        made[name] = _reals(batch[name])
    if "time_end_s" in batch:
        known = ~np.isnan(batch["time_end_s"])
        end_ns = np.rint(np.where(known, batch["time_end_s"], 0.0) * 1e3).astype(np.int64) * 1_000_000
        made["time_end_ns"] = pa.array(start_ns + end_ns, mask=~known)
    for name in ("kind", "time_basis", "object_class", "affiliation", "direction"):
        codes = batch[name].astype(np.int8) if name in batch else np.full(n, -1, dtype=np.int8)
        made[name] = events.words(name, codes)
    for name in ("count", "rounds"):
        if name in batch:
            made[name] = pa.array(batch[name].astype(np.int64), mask=batch[name] < 0)
    if "is_minimum" in batch:
        made["count_is_minimum"] = pa.array(batch["is_minimum"] > 0, mask=batch["is_minimum"] < 0)
    for name, source, prefix, width in (("track_id", "track", b"T", 8), ("group_id", "group", b"G", 7)):
        if source in batch:
            made[name] = _named(prefix, batch[source].astype(np.int64), width)
    if "text" in batch:
        texts = pa.array(TEXTS, type=pa.string())
        made["text"] = texts.take(pa.array(batch["text"].astype(np.int64), mask=batch["text"] < 0))
    columns = [
        made[field.name].cast(field.type) if field.name in made else pa.nulls(n, field.type)
        for field in schema.EVENT_FIELDS
    ]
    return pa.Table.from_arrays(columns, schema=schema.EVENT_FIELDS)


def _reals(column: Column) -> pa.Array:
    """Numbers, NaN as null."""
    is_absent = np.isnan(column)
    return pa.array(column, mask=is_absent) if is_absent.any() else pa.array(column)


def _named(prefix: bytes, numbers: NDArray[np.int64], width: int) -> pa.Array:
    is_known = numbers >= 0
    if is_known.all():
        return digits(prefix, numbers, width)
    known = np.flatnonzero(is_known)
    position = np.cumsum(is_known) - 1
    return digits(prefix, numbers[known], width).take(pa.array(position, mask=~is_known))
