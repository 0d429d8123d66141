"""Published results as bytes: the five tables of one journal record under Arrow IPC and zstd.

Tables without rows are left out, so a record for which nothing was published costs a few bytes.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa
import zstandard

from monitoring import schema
from monitoring.evidence.errors import FrameDamaged

TABLE_NAMES: Final = ("findings", "incidents", "members", "filings", "coverage")


def encode_tables(tables: Mapping[str, pa.Table]) -> bytes:
    """A MessagePack map name → zstd of an Arrow IPC stream. Raises `ValueError` for a name not in
    TABLE_NAMES."""
    unknown = sorted(set(tables) - set(TABLE_NAMES))
    if unknown:
        raise ValueError(f"no such output table: {', '.join(unknown)}")
    compressor = zstandard.ZstdCompressor(level=1, write_content_size=True)
    streams = {}
    for name in TABLE_NAMES:
        table = tables.get(name)
        if table is None or table.num_rows == 0:
            continue
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table.combine_chunks())
        streams[name] = compressor.compress(sink.getvalue().to_pybytes())
    return msgspec.msgpack.encode({"version": 1, "tables": streams})


def decode_tables(data: bytes) -> dict[str, pa.Table]:
    """All tables; those left out come back empty with today's schema. Raises `FrameDamaged`."""
    try:
        stored: dict[str, Any] = msgspec.msgpack.decode(data)
        streams: dict[str, bytes] = stored["tables"]
        expander = zstandard.ZstdDecompressor()
        tables = {
            name: pa.ipc.open_stream(pa.py_buffer(expander.decompress(stream))).read_all()
            for name, stream in streams.items()
        }
    except (
        msgspec.MsgspecError,
        KeyError,
        TypeError,
        zstandard.ZstdError,
        pa.ArrowInvalid,
        OSError,
    ) as error:
        raise FrameDamaged(f"an output record cannot be read ({error})") from error
    for name in TABLE_NAMES:
        if name not in tables:
            tables[name] = schema.schema_of(name).empty_table()
    return tables


def first_difference(left: Mapping[str, pa.Table], right: Mapping[str, pa.Table]) -> str | None:
    """Where two sets of tables differ in content (`findings.lon`), or None; NaN equals NaN, layout is
    ignored."""
    for name in TABLE_NAMES:
        one, other = left.get(name), right.get(name)
        rows = tuple(0 if table is None else table.num_rows for table in (one, other))
        if rows[0] != rows[1]:
            return f"{name}: {rows[0]} and {rows[1]} rows"
        if one is None or other is None or not rows[0]:
            continue
        if one.column_names != other.column_names:
            return f"{name}: other columns"
        for column in one.column_names:
            if not _same_column(one.column(column).combine_chunks(), other.column(column).combine_chunks()):
                return f"{name}.{column}"
    return None


def _same_column(one: pa.Array, other: pa.Array) -> bool:
    if one.equals(other):
        return True
    if not pa.types.is_floating(one.type) or one.type != other.type or one.null_count != other.null_count:
        return False
    if not one.is_null().equals(other.is_null()):
        return False
    values = [np.asarray(a.to_numpy(zero_copy_only=False), dtype=np.float64) for a in (one, other)]
    return bool(np.array_equal(values[0], values[1], equal_nan=True))
