"""Decoding: bytes of any source to rows with a verdict each (`decode`), and files to chunks of whole rows.

Pure of clocks and stores. What the rows mean for the mission (registry, area, duplicates) is admission's.
"""

import numpy as np

from monitoring.decode import csv_framing, csv_rows, ndjson
from monitoring.decode.checking import Checked
from monitoring.decode.errors import FileRefused
from monitoring.decode.formats import Compression, Format, format_of_media_type, sniff
from monitoring.decode.framing import CheckedFile, Chunk, RowFeeder, check_file, chunks
from monitoring.decode.identity import content_hashes, key_hashes
from monitoring.decode.limits import DEFAULT_LIMITS, Limits
from monitoring.decode.rows import DecodedRows

__all__ = [
    "DEFAULT_LIMITS",
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
    "decode",
    "format_of_media_type",
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
    first line in the file, `header` the CSV header line. `hash_key` (0-64 bytes) is a home's own secret
    for the key hashes. Row for row the outcome is the same however the input was cut. Raises FileRefused
    only for a format that is not read, or a CSV header that is none.

    >>> rows = decode(Format.NDJSON, b'{"id": "a-1"}\\n[]\\n')
    >>> [rows.reason_word(row) for row in range(rows.row_count)]
    ['missing_field', 'not_an_object']
    """
    if form is Format.NDJSON:
        lines = ndjson.split_lines(data, first_line)
        columns, verdicts = ndjson.read_columns(data, lines, limits)
    elif form is Format.CSV:
        names = csv_framing.header_names(header or b"", limits)
        lines, columns, verdicts = csv_rows.read_columns(data, names, first_line, limits)
    else:
        raise FileRefused("format", f"{form.value} is not read yet")
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
