"""Decoding: bytes of any source to rows with a verdict each (`decode`), and files to chunks of whole rows.

Pure of clocks and stores. What the rows mean for the mission (registry, area, duplicates) is admission's.
"""

import numpy as np

from monitoring.decode import csv_framing, csv_rows, geojson, json_elements, ndjson, table_files, table_rows
from monitoring.decode.checking import Checked
from monitoring.decode.chunk import Chunk
from monitoring.decode.columns import Columns, Lines
from monitoring.decode.errors import FileRefused
from monitoring.decode.formats import DOCUMENTS, TABLES, Compression, Format, format_of_media_type, sniff
from monitoring.decode.framing import CheckedFile, RowFeeder, check_file, chunks
from monitoring.decode.identity import content_hashes, key_hashes
from monitoring.decode.limits import DEFAULT_LIMITS, Limits
from monitoring.decode.originals import chunks_of_originals, original_of, shown_original
from monitoring.decode.rows import DecodedRows, Verdicts

__all__ = [
    "DEFAULT_LIMITS",
    "TABLES",
    "CheckedFile",
    "Chunk",
    "Compression",
    "DecodedRows",
    "FileRefused",
    "Format",
    "Limits",
    "RowFeeder",
    "check_file",
    "chunks",
    "chunks_of_originals",
    "decode",
    "format_of_media_type",
    "original_of",
    "shown_original",
    "sniff",
]


def decode(
    form: Format,
    data: bytes,
    first_line: int = 1,
    header: bytes | None = None,
    limits: Limits = DEFAULT_LIMITS,
    hash_key: bytes = b"",
) -> DecodedRows:
    """All rows of one chunk, each well formed or refused with one reason.

    `data` holds whole rows (as `chunks` and `RowFeeder` cut them), `first_line` is the number of its
    first line in the file (or row, see `Chunk`), `header` the CSV header line. `hash_key` (0-64 bytes) is a
    home's own secret for the key hashes. Row for row the outcome is the same however the input was cut.
    Raises FileRefused only for a CSV header that is none.

    >>> rows = decode(Format.NDJSON, b'{"id": "a-1"}\\n[]\\n')
    >>> [rows.reason_word(row) for row in range(rows.row_count)]
    ['missing_field', 'not_an_object']
    """
    lines, columns, verdicts = _read(form, data, first_line, header, limits)
    line_no, start, end = lines
    checked = Checked(columns, verdicts, limits)
    table = checked.table()
    ok_rows = np.flatnonzero(verdicts.reason < 0)
    return DecodedRows(
        line_no=line_no,
        start=start,
        end=end,
        reason=verdicts.reason,
        detail=verdicts.detail,
        flags=checked.flags,
        table=table,
        ok_rows=ok_rows,
        key_hash=key_hashes(
            table.column("sensor_id").combine_chunks(), table.column("id").combine_chunks(), hash_key
        ),
        content_hash=content_hashes(table),
    )


def _read(
    form: Format, data: bytes, first_line: int, header: bytes | None, limits: Limits
) -> tuple[Lines, Columns, Verdicts]:
    """Lines, columns and what could not be read, by the format's reader."""
    if form is Format.CSV:
        return csv_rows.read_columns(
            data, csv_framing.header_names(header or b"", limits), first_line, limits
        )
    if form in TABLES:
        batch = table_files.batch_of(data)
        row = np.arange(batch.num_rows, dtype=np.int64)
        return (row + first_line, row, row + 1), *table_rows.read_columns(batch, limits)
    shape = None
    if form in DOCUMENTS:
        found = json_elements.split(data)
        lines = (np.arange(len(found.start), dtype=np.int64) + first_line, found.start, found.end)
        shape = found.depth, found.is_one_object
        data = json_elements.a_row_a_line(data, found)
    else:
        lines = ndjson.split_lines(data, first_line)
    if form in {Format.NDJSON, Format.JSON}:
        return lines, *ndjson.read_columns(data, lines, limits)
    data, lines = geojson.without_separators(data, lines)
    return lines, *geojson.read_columns(data, lines, limits, shape)
