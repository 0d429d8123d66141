"""Parquet and Arrow files: what they promise in their schema, and their rows batch by batch.

A file is refused whole for a schema that is not that of events (`schema`), and for damage anywhere
(`truncated`). Its rows are passed on as Arrow IPC streams of one bounded batch each: that is what is decoded
and what is journaled, so that a replay needs neither the file nor a Parquet reader. Dictionaries stay
where they are small; they are a way of writing, not content.
"""

from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Final

import pyarrow as pa
import pyarrow.parquet as pq

from monitoring.decode.chunk import Chunk
from monitoring.decode.errors import FileRefused
from monitoring.decode.fields import BY_NAME, REQUIRED, Kind
from monitoring.decode.formats import Format
from monitoring.decode.limits import Limits
from monitoring.decode.rows import echo

ROWS_AT_ONCE: Final = 1 << 15
THREADS_FROM_BYTES: Final = 16 << 20
"""Smaller files are read in this thread: a pool of threads that is hardly started is not worth stopping."""
COLUMNS_MAX: Final = 1_024
ROW_BYTES_LEAST: Final = 16
"""What a row takes up at the very least once it is unpacked."""
_FOOTER_BYTES: Final = 8


SchemaCheck = Callable[[pa.Schema, Limits], None]
"""Whether the schema of a file promises what is read from it; raises FileRefused."""


def table_chunks(
    source: Path | BinaryIO, form: Format, limits: Limits, check: SchemaCheck | None = None
) -> Iterator[Chunk]:
    """The rows of a file in bounded chunks, numbered from 1. `source` can be read from any position; its schema is
    judged by `check`, as that of events where it is None.

    Raises FileRefused: `schema`, `truncated`, `format`, `size_limit`.
    """
    row = 1
    for batch in _batches(source, form, limits, check or check_schema):
        for piece in _pieces(batch, limits):
            yield Chunk(row, ipc_bytes(piece))
            row += piece.num_rows


def ipc_bytes(batch: pa.RecordBatch) -> bytes:
    """One batch as an Arrow IPC stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return bytes(sink.getvalue())


def batch_of(data: bytes) -> pa.RecordBatch:
    """The batch that `ipc_bytes` wrote."""
    with pa.ipc.open_stream(pa.py_buffer(data)) as reader:
        return reader.read_next_batch()


def _batches(
    source: Path | BinaryIO, form: Format, limits: Limits, check: SchemaCheck
) -> Iterator[pa.RecordBatch]:
    try:
        with _opened(source) as file:
            size = file.size()
            read = _parquet if form is Format.PARQUET else _arrow
            for batch in read(file, size, limits, check):
                if batch.num_rows:
                    yield batch
    except pa.ArrowNotImplementedError as error:
        raise FileRefused("format", f"something in it is not read: {_short(error)}") from None
    except (pa.ArrowMemoryError, MemoryError):
        raise FileRefused("size_limit", "a part of it is larger than memory") from None
    except (pa.ArrowException, OSError) as error:
        raise FileRefused("truncated", f"damaged or cut off: {_short(error)}") from None


def _opened(source: Path | BinaryIO) -> pa.NativeFile:
    if isinstance(source, Path):
        return pa.OSFile(str(source))
    if isinstance(source, BytesIO):
        return pa.BufferReader(source.getvalue())
    return pa.PythonFile(source, mode="r")


def _parquet(file: pa.NativeFile, size: int, limits: Limits, check: SchemaCheck) -> Iterator[pa.RecordBatch]:
    _look_at_footer(file, size)
    parquet = pq.ParquetFile(file, buffer_size=1 << 20, pre_buffer=False)
    promised = parquet.schema_arrow
    check(promised, limits)
    pages = sum(parquet.metadata.row_group(group).total_byte_size for group in range(parquet.num_row_groups))
    _refuse_bomb(max(pages, ROW_BYTES_LEAST * parquet.metadata.num_rows), size, limits)
    rows_at_once = max(1, min(ROWS_AT_ONCE, limits.chunk_bytes))
    yield from parquet.iter_batches(batch_size=rows_at_once, use_threads=size >= THREADS_FROM_BYTES)


def _look_at_footer(file: pa.NativeFile, size: int) -> None:
    """Tell a file that was cut off from one that is locked."""
    if size < 2 * _FOOTER_BYTES:
        raise FileRefused("truncated", "a Parquet file without a footer")
    file.seek(size - 4)
    magic = file.read(4)
    file.seek(0)
    if magic == b"PARE":
        raise FileRefused("format", "an encrypted Parquet file")
    if magic != b"PAR1":
        raise FileRefused("truncated", "a Parquet file without a footer")


def _refuse_bomb(unpacked: int, size: int, limits: Limits) -> None:
    if unpacked > limits.expansion_free_bytes and unpacked > limits.expansion_ratio_max * size:
        raise FileRefused(
            "size_limit", f"expands more than {limits.expansion_ratio_max} times beyond the free allowance"
        )


def _arrow(file: pa.NativeFile, size: int, limits: Limits, check: SchemaCheck) -> Iterator[pa.RecordBatch]:
    is_file = file.read(6) == b"ARROW1"
    file.seek(0)
    reader = pa.ipc.open_file(file) if is_file else pa.ipc.open_stream(file)
    check(reader.schema, limits)
    batches = (reader.get_batch(at) for at in range(reader.num_record_batches)) if is_file else iter(reader)
    unpacked = 0
    for batch in batches:
        unpacked += batch.nbytes
        _refuse_bomb(unpacked, size, limits)
        yield _trusted(batch)


def _trusted(batch: pa.RecordBatch) -> pa.RecordBatch:
    """A batch whose offsets and indices are known to stay inside it, whoever wrote it. Raises ArrowInvalid."""
    try:
        batch.validate(full=True)
    except pa.ArrowInvalid:
        # Text that is not UTF-8 is a matter of its row; everything else spoils the file.
        for column in batch.columns:
            as_bytes = _as_bytes(column)
            as_bytes.validate(full=True)
    return batch


def _as_bytes(column: pa.Array) -> pa.Array:
    if pa.types.is_string(column.type):
        return column.view(pa.binary())
    if pa.types.is_large_string(column.type):
        return column.view(pa.large_binary())
    return column


def _pieces(batch: pa.RecordBatch, limits: Limits) -> Iterator[pa.RecordBatch]:
    """A batch in pieces of about the size of a chunk, without the dictionaries that outweigh them."""
    columns = [_without_large_dictionary(column, batch.num_rows) for column in batch.columns]
    batch = pa.RecordBatch.from_arrays(columns, names=batch.schema.names)
    bytes_per_row = max(1, batch.nbytes // batch.num_rows)
    rows = max(1, min(ROWS_AT_ONCE, limits.chunk_bytes // bytes_per_row))
    for first in range(0, batch.num_rows, rows):
        yield batch.slice(first, rows)


def _without_large_dictionary(column: pa.Array, row_count: int) -> pa.Array:
    if not pa.types.is_dictionary(column.type) or len(column.dictionary) * 8 < row_count:
        return column
    return column.dictionary_decode()


def check_schema(found: pa.Schema, limits: Limits) -> None:
    """Whether a file promises event records. Raises FileRefused (`schema`)."""
    seen: dict[str, str] = {}
    for name in found.names:
        plain = name.strip().casefold()
        if plain in seen:
            raise FileRefused("schema", f"the column {echo(name)} repeats {echo(seen[plain])}")
        if plain in BY_NAME and name not in BY_NAME:
            raise FileRefused("schema", f"the column {echo(name)} must be written {plain}")
        seen[plain] = name
    missing = [name for name in REQUIRED if name not in seen]
    if missing:
        raise FileRefused("schema", f"no column {', '.join(missing)}")
    refuse_wide(found)
    for column in found:
        field = BY_NAME.get(column.name)
        if field is not None:
            is_fit, wanted = _WANTED[field.kind]
            if not (pa.types.is_null(column.type) or is_fit(column.type)):
                raise FileRefused("schema", f"{field.name} is {str(column.type)[:80]}, not {wanted}")
        else:
            refuse_deep(column, limits)


def refuse_wide(found: pa.Schema) -> None:
    """Refuse more columns than are read. Raises FileRefused."""
    if len(found.names) > COLUMNS_MAX:
        raise FileRefused("schema", f"{len(found.names)} columns, at most {COLUMNS_MAX} are read")


def refuse_deep(column: pa.Field, limits: Limits) -> None:
    """Refuse a column that nests deeper than is read. Raises FileRefused."""
    if _depth_of(column.type) > limits.depth_max:
        raise FileRefused("schema", f"the column {echo(column.name)} nests more than {limits.depth_max} deep")


def _is_instant(given: pa.DataType) -> bool:
    return bool(pa.types.is_timestamp(given) and given.tz is not None)


def is_number(given: pa.DataType) -> bool:
    """Whether a column type holds numbers."""
    types = pa.types
    return bool(types.is_integer(given) or types.is_floating(given) or types.is_decimal(given))


def is_text(given: pa.DataType) -> bool:
    """Whether a column type holds text, in whatever way it is laid out."""
    types = pa.types
    if types.is_dictionary(given):
        given = given.value_type
    return bool(types.is_string(given) or types.is_large_string(given) or types.is_string_view(given))


def _is_list(given: pa.DataType) -> bool:
    types = pa.types
    return bool(types.is_list(given) or types.is_large_list(given) or types.is_fixed_size_list(given))


def _is_media(given: pa.DataType) -> bool:
    return is_text(given) or (_is_list(given) and bool(pa.types.is_struct(given.value_type)))


_WANTED: Final[dict[Kind, tuple[Callable[[pa.DataType], bool], str]]] = {
    Kind.ID: (is_text, "text"),
    Kind.WORD: (is_text, "text"),
    Kind.TEXT: (is_text, "text"),
    Kind.TIME: (_is_instant, "a timestamp with a zone"),
    Kind.REAL: (is_number, "a number"),
    Kind.INTEGER: (is_number, "a number"),
    Kind.TRUTH: (pa.types.is_boolean, "boolean"),
    Kind.MEDIA: (_is_media, "a list of structs"),
}
"""Which types a column may have for each kind of field, and what to call them."""


def _depth_of(given: pa.DataType) -> int:
    inner = [given.field(index).type for index in range(given.num_fields)]
    return 1 + max((_depth_of(one) for one in inner), default=0)


def _short(error: BaseException) -> str:
    text = str(error).split("\n", 1)[0]
    return ascii(text[:120])[1:-1]
