"""What a file is cut into: whole rows, ready to be decoded, and to be journaled as they are."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Chunk:
    """Whole rows: ready for `decode(format, data, first_line, header)`.

    `data` are bytes as they stand in the file; of a Parquet or Arrow file the rows as an Arrow IPC stream of
    one batch. `first_line` is the number of the first row's line; in documents without lines (GeoJSON, JSON
    arrays, Parquet, Arrow) rows are numbered instead. Both begin with 1.
    """

    first_line: int
    data: bytes
    header: bytes | None = None
