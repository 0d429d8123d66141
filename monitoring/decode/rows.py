"""What decoding gives: every row of the input with a verdict, and a table of those that are well formed."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitoring import schema
from monitoring.decode.fields import REASON_CODES

DETAIL_CHARS_MAX = 160
"""Longest detail of a refusal; what it echoes of the input is at most `ECHO_CHARS_MAX`."""
ECHO_CHARS_MAX = 40


def echo(value: object) -> str:
    """A short, printable quotation of hostile input for a detail.

    >>> echo("a" * 100)
    "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…'"
    """
    text = value if isinstance(value, str) else str(value)
    short = text[:ECHO_CHARS_MAX]
    shown = ascii(short)[1:-1]
    if len(shown) > 2 * ECHO_CHARS_MAX:
        shown = shown[: 2 * ECHO_CHARS_MAX - 1] + "…"
    return f"'{shown}{'…' if len(text) > ECHO_CHARS_MAX and not shown.endswith('…') else ''}'"


@dataclass
class Verdicts:
    """The first problem of each row: reason codes (n,), -1 = none so far, and row → detail."""

    reason: NDArray[np.int8]
    detail: dict[int, str] = field(default_factory=dict)

    @classmethod
    def none_yet(cls, row_count: int) -> "Verdicts":
        return cls(np.full(row_count, -1, dtype=np.int8))

    def refuse(self, row: int, reason: str, detail: str) -> None:
        """Refuse one row unless it was refused already."""
        if self.reason[row] < 0:
            self.reason[row] = REASON_CODES[reason]
            self.detail[row] = detail[:DETAIL_CHARS_MAX]

    def refuse_where(self, mask: NDArray[np.bool_], reason: str, detail: str | Callable[[int], str]) -> None:
        """Refuse the rows of `mask` (n,) that stand so far; `detail` is a text or gives one for a row."""
        rows: Iterable[int] = np.flatnonzero(mask & (self.reason < 0)).tolist()
        for row in rows:
            self.reason[row] = REASON_CODES[reason]
            self.detail[row] = (detail if isinstance(detail, str) else detail(row))[:DETAIL_CHARS_MAX]


@dataclass(frozen=True)
class DecodedRows:
    """The rows of one chunk. Every row of the input is here once, blank lines are not rows.

    `line_no` (n,) int64, 1-based; `start`, `end` (n,) int64: the row's bytes in the chunk, without its line
    end (in formats of tables its position in the batch and the next one's; `originals.original_of` reads
    both); `reason` (n,) int8 into `schema.ROW_REASONS`, -1 = well formed; `detail` row → text for refused rows;
    `flags` (n,) uint16. `table` has `schema.EVENT_FIELDS`, well formed rows only, in order; `ok_rows` (m,)
    their positions among n; `key_hash`, `content_hash` (m, 2) uint64.
    """

    line_no: NDArray[np.int64]
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    reason: NDArray[np.int8]
    detail: dict[int, str]
    flags: NDArray[np.uint16]
    table: pa.Table
    ok_rows: NDArray[np.int64]
    key_hash: NDArray[np.uint64]
    content_hash: NDArray[np.uint64]

    @property
    def row_count(self) -> int:
        return len(self.line_no)

    def reason_word(self, row: int) -> str | None:
        """The reason of one row as its stable word, None for a well formed row."""
        code = int(self.reason[row])
        return None if code < 0 else schema.ROW_REASONS[code]
