"""Refused rows as they came: taken out of their chunk, shown to people, and put together again for another try."""

import json
from collections.abc import Iterator, Sequence

import pyarrow as pa

from monitoring.decode.chunk import Chunk
from monitoring.decode.formats import DOCUMENTS, TABLES, Format
from monitoring.decode.json_elements import Scanner
from monitoring.decode.rows import DecodedRows
from monitoring.decode.table_files import batch_of, ipc_bytes


def original_of(form: Format, data: bytes, rows: DecodedRows, row: int) -> bytes:
    """The original bytes of one row of the chunk `data`; of a table the row as an Arrow IPC stream of its own."""
    if form in TABLES:
        return ipc_bytes(batch_of(data).slice(row, 1))
    return data[rows.start[row] : rows.end[row]]


def shown_original(form: Format, original: bytes) -> str:
    """A row's original as text for people; bytes that are no text are escaped.

    >>> shown_original(Format.NDJSON, b"{\\xff}")
    '{\\\\xff}'
    """
    if form in TABLES:
        cells = zip(batch_of(original).schema.names, batch_of(original).columns, strict=True)
        return json.dumps(
            {name: str(cell[0]) for name, cell in cells if cell[0].is_valid}, ensure_ascii=False
        )
    return original.decode("utf-8", errors="backslashreplace")


def chunks_of_originals(
    form: Format, header: bytes | None, originals: Sequence[bytes]
) -> Iterator[tuple[Chunk, int]]:
    """Chunks that hold these rows again, in order, each with how many rows it holds.

    A row that would run into the one behind it (a quote or bracket that nothing closes) is given alone.
    """
    if form in TABLES:
        yield from _tables(originals)
        return
    separator = b",\n" if form in DOCUMENTS else b"\n"
    held: list[bytes] = []
    for original in originals:
        is_open = _is_open(form, original)
        if is_open and held:
            yield Chunk(1, separator.join(held), header), len(held)
            held = []
        held.append(original)
        if is_open:
            yield Chunk(1, original, header), 1
            held = []
    if held:
        yield Chunk(1, separator.join(held), header), len(held)


def _is_open(form: Format, original: bytes) -> bool:
    if form is Format.CSV:
        return original.count(b'"') % 2 == 1
    if form in DOCUMENTS:
        scanner = Scanner()
        found = scanner.structure(original)
        return scanner.depth != 0 or scanner.is_in_string or bool((found.is_comma & (found.depth == 0)).any())
    return False


def _tables(originals: Sequence[bytes]) -> Iterator[tuple[Chunk, int]]:
    held: list[pa.RecordBatch] = []
    for original in originals:
        batch = batch_of(original)
        if held and not batch.schema.equals(held[0].schema):
            yield Chunk(1, ipc_bytes(_one_batch(held))), len(held)
            held = []
        held.append(batch)
    if held:
        yield Chunk(1, ipc_bytes(_one_batch(held))), len(held)


def _one_batch(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    table = pa.Table.from_batches(batches).unify_dictionaries().combine_chunks()
    return pa.RecordBatch.from_arrays([column.chunk(0) for column in table.columns], schema=table.schema)
