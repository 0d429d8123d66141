"""Cutting files, bodies and streams into chunks of whole rows, and checking a file to its end beforehand.

A file is read twice: `check_file` looks through all of it for what refuses it whole (compression,
encoding, framing, header, schema), so that nothing of a bad file is ever stored; `chunks` then gives its rows.
A stream of lines cannot be checked beforehand: `RowFeeder` cuts it as it arrives. Memory is bounded by one
block and one row.
"""

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, cast

import numpy as np

from monitoring.decode.chunk import Chunk
from monitoring.decode.compression import Inflater
from monitoring.decode.csv_framing import complete_length, header_names
from monitoring.decode.errors import FileRefused
from monitoring.decode.formats import (
    BOM,
    DOCUMENTS,
    HEAD_BYTES,
    LINES,
    TABLES,
    Compression,
    Format,
    compression_of,
    sniff,
)
from monitoring.decode.json_elements import ElementFeeder, split
from monitoring.decode.limits import DEFAULT_LIMITS, Limits
from monitoring.decode.table_files import SchemaCheck, batch_of, table_chunks

_READ_BYTES: Final = 1 << 20
_BLANK: Final = b" \t\r\n"
_NEWLINE: Final = 10
_SPOOL_BYTES: Final = 64 << 20
"""Compressed tables larger than this are unpacked on disk."""

Source = Path | BinaryIO
"""A file by path, or an open binary stream that can be read from its present position."""


@dataclass(frozen=True)
class CheckedFile:
    """What the look through a whole file found. `rows_hint` counts line ends, so it is an upper estimate."""

    format: Format
    compression: Compression
    rows_hint: int
    bytes_uncompressed: int


class RowFeeder:
    """Bytes in as they come, chunks of complete rows out as soon as they are complete.

    A row longer than the limit is passed on cut off just above it (and is refused as `too_long`), so a stream
    without line ends does not fill memory. Raises FileRefused for a wrong beginning: `encoding`, `format`,
    `csv_dialect`, `csv_header`.

    >>> feeder = RowFeeder(Format.NDJSON)
    >>> feeder.feed(b'{"id": "a"}\\n{"id"')
    [Chunk(first_line=1, data=b'{"id": "a"}\\n', header=None)]
    >>> feeder.finish()
    [Chunk(first_line=2, data=b'{"id"', header=None)]
    """

    def __init__(self, form: Format, limits: Limits = DEFAULT_LIMITS) -> None:
        if form not in LINES:
            raise FileRefused("format", f"{form.value} is read as a whole file, not as a stream")
        self._format = form
        self._limits = limits
        self._pending = b""
        self._line = 1
        self._header: bytes | None = None
        self._has_begun = False
        self._is_skipping = False

    def feed(self, data: bytes) -> list[Chunk]:
        """The rows that these further bytes complete, as at most one chunk."""
        if self._is_skipping:
            stop = data.find(b"\n")
            if stop < 0:
                return []
            data = data[stop:]
            self._is_skipping = False
        self._pending = self._pending + data if self._pending else data
        if not self._has_begun:
            if len(self._pending) < HEAD_BYTES and b"\n" not in self._pending:
                return []
            self._begin()
        if self._format is Format.CSV and self._header is None and not self._take_header():
            return []
        return self._give(self._complete_length())

    def finish(self) -> list[Chunk]:
        """What is left when the input has ended."""
        if not self._has_begun and self._pending:
            self._begin()
        if self._format is Format.CSV and self._header is None:
            self._pending += b"\n"
            if not self._take_header():
                return []
        return self._give(len(self._pending)) if self._pending.strip(_BLANK) else []

    def _begin(self) -> None:
        self._has_begun = True
        sniff(self._pending[:HEAD_BYTES], expected=self._format)
        self._pending = self._pending.removeprefix(BOM)

    def _take_header(self) -> bool:
        """Take the header off the beginning; False while it is not complete. Blank lines may precede it."""
        while b"\n" in self._pending:
            line, _, self._pending = self._pending.partition(b"\n")
            self._line += 1
            if line.strip(_BLANK):
                header_names(line, self._limits)
                self._header = line
                return True
        if len(self._pending) > self._limits.line_bytes_max:
            raise FileRefused("csv_header", "the header has no end")
        return False

    def _complete_length(self) -> int:
        if self._format is Format.CSV:
            return complete_length(self._pending, self._limits.line_bytes_max)
        return self._pending.rfind(b"\n") + 1

    def _give(self, length: int) -> list[Chunk]:
        whole, self._pending = self._pending[:length], self._pending[length:]
        if len(self._pending) > self._limits.line_bytes_max + 1 and b"\n" not in self._pending:
            self._pending = self._pending[: self._limits.line_bytes_max + 1]
            self._is_skipping = True
        if not whole:
            return []
        chunk = Chunk(self._line, whole, self._header)
        self._line += _count_newlines(whole)
        return [chunk]


def chunks(
    source: Source, form: Format, limits: Limits = DEFAULT_LIMITS, check: SchemaCheck | None = None
) -> Iterator[Chunk]:
    """The rows of a file, compressed or not, in chunks of about `limits.chunk_bytes`; `check` judges the schema of a
    table (see `table_chunks`). Raises FileRefused."""
    if form in TABLES:
        with _whole(source, limits) as whole:
            yield from table_chunks(whole, form, limits, check)
        return
    feeder = ElementFeeder(form, limits) if form in DOCUMENTS else RowFeeder(form, limits)
    for block in blocks(source, limits, limits.chunk_bytes):
        yield from feeder.feed(block)
    yield from feeder.finish()


def check_file(
    source: Source,
    limits: Limits = DEFAULT_LIMITS,
    name: str | None = None,
    expected: Format | None = None,
) -> CheckedFile:
    """Look through the whole file for everything that would refuse it; its rows are not judged.

    `name` defaults to the path's name; `expected` is what a media type said. Raises FileRefused.
    """
    if name is None:
        name = source.name if isinstance(source, Path) else ""
    with _opened(source) as stream:
        at = stream.tell() if stream.seekable() else None
        head = stream.read(4)
        compression = compression_of(head)
        look: _Look | _DocumentLook | None = None
        beginning = b""
        for block in _uncompressed(stream, head, compression, limits):
            if look is None:
                beginning += block
                if len(beginning) < HEAD_BYTES:
                    continue
                look = _look_of(sniff(beginning[:HEAD_BYTES], name, expected), limits)
                if look is None:
                    break
                look.take(beginning)
            else:
                look.take(block)
        if look is None:
            form = sniff(beginning[:HEAD_BYTES], name, expected)
            look = _look_of(form, limits)
            if look is None:
                if at is not None:
                    stream.seek(at)
                return _checked_table(
                    source if isinstance(source, Path) else stream, form, compression, limits
                )
            look.take(beginning)
        look.finish()
    return CheckedFile(look.format, compression, look.rows_hint, look.byte_count)


def _checked_table(source: Source, form: Format, compression: Compression, limits: Limits) -> CheckedFile:
    rows, size = 0, 0
    with _whole(source, limits) as whole:
        for chunk in table_chunks(whole, form, limits):
            rows += batch_of(chunk.data).num_rows
            size += len(chunk.data)
    if not rows:
        raise FileRefused("empty", "no rows in it")
    return CheckedFile(form, compression, rows, size)


def _look_of(form: Format, limits: Limits) -> "_Look | _DocumentLook | None":
    """How a format of text is looked through; None for tables, which need the whole file."""
    if form in TABLES:
        return None
    return _DocumentLook(form, limits) if form in DOCUMENTS else _Look(form, limits)


class _DocumentLook:
    """The running judgement of `check_file` on one JSON document."""

    def __init__(self, form: Format, limits: Limits) -> None:
        self.format = form
        self.byte_count = 0
        self._feeder = ElementFeeder(form, limits)
        self._undecodable_row: int | None = None
        self._has_good_row = False

    @property
    def rows_hint(self) -> int:
        return self._feeder.row_count

    def take(self, block: bytes) -> None:
        self.byte_count += len(block)
        for chunk in self._feeder.feed(block):
            self._look_at(chunk)

    def finish(self) -> None:
        self._feeder.finish()
        if not self.rows_hint:
            raise FileRefused("empty", "no rows in it")
        if not self._has_good_row:
            raise FileRefused("encoding", f"not UTF-8, first in row {self._undecodable_row}")

    def _look_at(self, chunk: Chunk) -> None:
        if _is_utf8(chunk.data):
            self._has_good_row = True
            return
        found = split(chunk.data)
        for row, (first, last) in enumerate(zip(found.start.tolist(), found.end.tolist(), strict=True)):
            if _is_utf8(chunk.data[first:last]):
                self._has_good_row = True
            else:
                self._undecodable_row = self._undecodable_row or chunk.first_line + row


class _Look:
    """The running judgement of `check_file` on lines: line ends, encoding, header, whether there is anything at
    all."""

    def __init__(self, form: Format, limits: Limits) -> None:
        self.format = form
        self.byte_count = 0
        self.newline_count = 0
        self._limits = limits
        self._partial = b""
        self._is_first = True
        self._header: bytes | None = None
        self._has_content = False
        self._saw_return = False
        self._has_content_after_return = False
        self._undecodable_line: int | None = None
        self._has_good_line = False
        self._has_good_beyond_ascii = False

    @property
    def rows_hint(self) -> int:
        return self.newline_count + 1

    def take(self, block: bytes) -> None:
        self.byte_count += len(block)
        if self._is_first:
            block = block.removeprefix(BOM)
            self._is_first = False
        if self.newline_count == 0:
            self._look_for_bare_returns(block)
        lines_end = block.rfind(b"\n") + 1
        if lines_end == 0:
            self._partial = (self._partial + block)[: self._limits.line_bytes_max + 1]
        elif self._has_good_line and self._partial.isascii() and block.isascii():
            self.newline_count += _count_newlines(block)
            self._partial = block[lines_end:]
        else:
            self._look_at_lines(self._partial + block[:lines_end])
            self._partial = block[lines_end:]

    def finish(self) -> None:
        if self._partial:
            self._look_at_lines(self._partial)
        if self.newline_count == 0 and self._has_content_after_return:
            raise FileRefused("framing", "lines end with a bare CR; LF or CR LF is needed")
        if not self._has_content:
            what = "nothing in it" if self._header is None else "a header without rows"
            raise FileRefused("empty", what)
        if self._undecodable_line is None:
            return
        is_all_bad = not self._has_good_line
        is_legacy_csv = self.format is Format.CSV and not self._has_good_beyond_ascii
        if is_all_bad or is_legacy_csv:
            raise FileRefused("encoding", f"not UTF-8, first in line {self._undecodable_line}")

    def _look_for_bare_returns(self, block: bytes) -> None:
        first_line = block.partition(b"\n")[0]
        if not self._saw_return:
            self._saw_return = b"\r" in first_line
            first_line = first_line.partition(b"\r")[2]
        if self._saw_return and first_line.strip(_BLANK):
            self._has_content_after_return = True

    def _look_at_lines(self, lines: bytes) -> None:
        line_before = self.newline_count
        self.newline_count += _count_newlines(lines)
        while self.format is Format.CSV and self._header is None and lines:
            line, _, lines = lines.partition(b"\n")
            line_before += 1
            if line.strip(_BLANK):
                if self.newline_count == 0 and self._has_content_after_return:
                    return
                header_names(line, self._limits)
                self._header = line
        if not lines.strip(_BLANK):
            return
        self._has_content = True
        if lines.isascii():
            self._has_good_line = True
        elif _is_utf8(lines):
            self._has_good_line = self._has_good_beyond_ascii = True
        else:
            self._look_at_each(lines, line_before)

    def _look_at_each(self, lines: bytes, line_before: int) -> None:
        for number, line in enumerate(lines.split(b"\n"), line_before + 1):
            if not _is_utf8(line):
                self._undecodable_line = self._undecodable_line or number
            elif line.strip(_BLANK):
                self._has_good_line = True
                self._has_good_beyond_ascii |= not line.isascii()


def _count_newlines(data: bytes) -> int:
    return int(np.count_nonzero(np.frombuffer(data, dtype=np.uint8) == _NEWLINE))


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _opened(source: Source) -> contextlib.AbstractContextManager[BinaryIO]:
    return source.open("rb") if isinstance(source, Path) else contextlib.nullcontext(source)


@contextlib.contextmanager
def _whole(source: Source, limits: Limits) -> Iterator[Source]:
    """A source that can be read from any position: itself, or unpacked into a temporary file."""
    with _opened(source) as stream:
        at = stream.tell() if stream.seekable() else None
        head = stream.read(4)
        compression = compression_of(head)
        if compression is Compression.NONE and at == 0:
            stream.seek(0)
            yield source
            return
        with tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES) as spool:
            for block in _uncompressed(stream, head, compression, limits):
                spool.write(block)
            spool.seek(0)
            yield cast("BinaryIO", spool)


def blocks(source: Source, limits: Limits, block_bytes: int) -> Iterator[bytes]:
    """The content of a file, compressed or not, in blocks of about `block_bytes`. Raises FileRefused."""
    with _opened(source) as stream:
        head = stream.read(4)
        gathered: list[bytes] = []
        size = 0
        compression = compression_of(head)
        read_bytes = block_bytes if compression is Compression.NONE else _READ_BYTES
        for piece in _uncompressed(stream, head, compression, limits, read_bytes):
            gathered.append(piece)
            size += len(piece)
            if size >= block_bytes:
                yield b"".join(gathered)
                gathered, size = [], 0
        if gathered:
            yield b"".join(gathered)


def _uncompressed(
    stream: BinaryIO,
    head: bytes,
    compression: Compression,
    limits: Limits,
    read_bytes: int = _READ_BYTES,
) -> Iterator[bytes]:
    inflater = Inflater(compression, limits)
    data = head
    while data:
        yield from inflater.feed(data)
        data = stream.read(read_bytes)
    inflater.finish()
