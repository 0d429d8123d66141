"""Files of events to findings, without a home: in bounded memory whatever their size and order.

Files that are in order of time (up to the lateness that the agreement allows) go straight through the steps.
Where an event turns out to be older than what has been judged, everything is read once more, sorted on disk, and
judged in order: the findings are the same. What must be kept meanwhile lies in a temporary folder.
"""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa

from monitoring.adapters.ahead import worked_ahead
from monitoring.adapters.intake import addressed
from monitoring.adapters.seen_ids import SeenIds
from monitoring.adapters.time_order import TimeOrder
from monitoring.admission import Receipt, admit
from monitoring.agreement import Parameters
from monitoring.decode import CheckedFile, Chunk, DecodedRows, FileRefused, Format, check_file, chunks, decode
from monitoring.pipeline.detect import Detection, OutOfOrder

Progress = Callable[[float, float | None], None]


@dataclass
class Detected:
    """What files led to: FINDINGS, the receipt of their rows, and the files that were refused whole."""

    findings: pa.Table
    receipt: Receipt = field(default_factory=Receipt)
    refused: list[dict[str, str]] = field(default_factory=list)


def detect_files(
    files: Sequence[Path], parameters: Parameters, progress: Progress = lambda _done, _total: None
) -> Detected:
    """The findings of all well formed rows of the files, without registry, area or clock; of several rows with one
    id of one sensor the first counts.

    A file that is refused stands in `refused`, the others go on. Raises OSError.
    """
    refused: list[dict[str, str]] = []
    checked: list[tuple[Path, CheckedFile]] = []
    for path in files:
        try:
            checked.append((path, check_file(path)))
        except FileRefused as error:
            refused.append({"file": path.name, "reason": error.reason, "detail": error.detail})
    with tempfile.TemporaryDirectory(prefix="contactline-detect-") as folder:
        try:
            rows = _Rows(checked, Path(folder) / "straight", progress)
            findings = _in_given_order(rows, parameters)
        except OutOfOrder:
            rows = _Rows(checked, Path(folder) / "ordered", progress)
            findings = _in_time_order(rows, parameters, Path(folder))
    return Detected(findings, rows.receipt, refused)


def _in_given_order(rows: "_Rows", parameters: Parameters) -> pa.Table:
    detection = Detection(parameters)
    for table in rows.tables():
        detection.take(table)
    return detection.end()


def _in_time_order(rows: "_Rows", parameters: Parameters, folder: Path) -> pa.Table:
    order = TimeOrder(folder)
    for table in rows.tables():
        order.add(table)
    detection = Detection(parameters)
    for table in order.in_order():
        detection.take(table)
    return detection.end()


class _Rows:
    """The accepted rows of checked files, in the order given; what was refused is counted in `receipt`."""

    def __init__(self, checked: Sequence[tuple[Path, CheckedFile]], folder: Path, progress: Progress) -> None:
        self.receipt = Receipt()
        self._checked = checked
        self._progress = progress
        self._seen = SeenIds(folder, is_frugal=True)

    def tables(self) -> Iterator[pa.Table]:
        total = float(sum(file.bytes_uncompressed for _, file in self._checked))
        done = 0.0
        for (_, chunk), decoded in worked_ahead(self._chunks(), _decoded):
            admission = admit(decoded, None, None, None, None, self._seen)
            kept = np.isin(decoded.ok_rows, admission.accepted_rows)
            self._seen.add(decoded.key_hash[kept], decoded.content_hash[kept], are_new=True)
            self.receipt = self.receipt.merge(admission.receipt)
            table = addressed(admission.accepted, 0, admission.accepted_rows, admission.flags)
            if table.num_rows:
                yield table
            done += len(chunk.data)
            self._progress(done, total)
            pa.default_memory_pool().release_unused()  # what reading ahead has freed is not wanted again at once

    def _chunks(self) -> Iterator[tuple[Format, Chunk]]:
        for path, file in self._checked:
            for chunk in chunks(path, file.format):
                yield file.format, chunk


def _decoded(one: tuple[Format, Chunk]) -> DecodedRows:
    form, chunk = one
    return decode(form, chunk.data, chunk.first_line, chunk.header)
