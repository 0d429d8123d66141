"""Cutting streams into rows and looking through whole files: bounded, exact, and refusing in time."""

import gzip
import io
import tracemalloc
import zlib

import pytest

from monitoring.decode import (
    Compression,
    FileRefused,
    Format,
    Limits,
    RowFeeder,
    check_file,
    chunks,
    decode,
    sniff,
)
from monitoring.decode.formats import format_of_media_type

LINE = b'{"id": "e-1", "sensor_id": "S", "time": "2026-03-14T09:26:53Z", "kind": "shot", "lon": 36.25, "lat": 49.1}\n'
HEADER = b"id,sensor_id,time,kind,lon,lat"


class Endless(io.RawIOBase):
    """A stream of `count` pieces that is never in memory as a whole."""

    def __init__(self, piece: bytes, count: int) -> None:
        self._piece, self._left, self._rest = piece, count, b""

    def read(self, size: int = -1) -> bytes:
        while len(self._rest) < size and self._left:
            self._rest += self._piece
            self._left -= 1
        given, self._rest = self._rest[:size], self._rest[size:]
        return given


def test_a_row_is_given_out_as_soon_as_it_is_complete() -> None:
    feeder = RowFeeder(Format.NDJSON)
    assert feeder.feed(LINE[:40]) == []
    (chunk,) = feeder.feed(LINE[40:] + LINE[:3])
    assert (chunk.first_line, chunk.data) == (1, LINE)
    (last,) = feeder.finish()
    assert (last.first_line, last.data) == (2, LINE[:3])


def test_a_stream_without_line_ends_does_not_fill_memory() -> None:
    limits = Limits(line_bytes_max=1000, chunk_bytes=4096)
    tracemalloc.start()
    given = list(chunks(Endless(b"x" * 4096, 5_000), Format.NDJSON, limits))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    rows = [
        decode(Format.NDJSON, chunk.data, chunk.first_line, limits=limits).reason_word(0) for chunk in given
    ]
    assert rows == ["too_long"]
    assert peak < 200_000


def test_rows_after_an_endless_one_keep_their_line_numbers() -> None:
    limits = Limits(line_bytes_max=200)
    feeder = RowFeeder(Format.NDJSON, limits)
    given = feeder.feed(LINE)
    for _ in range(5):
        given += feeder.feed(b"y" * 300)
    given += feeder.feed(b"y\n" + LINE) + feeder.finish()
    found = []
    for chunk in given:
        rows = decode(Format.NDJSON, chunk.data, chunk.first_line, limits=limits)
        found += [(int(line), rows.reason_word(row)) for row, line in enumerate(rows.line_no)]
    assert found == [(1, None), (2, "too_long"), (3, None)]


def test_an_unclosed_quote_cannot_swallow_a_csv_file() -> None:
    limits = Limits(line_bytes_max=300)
    good = b"e-%d,S,2026-03-14T09:26:53Z,shot,36.25,49.1\n"
    data = HEADER + b"\n" + b'"e-0,S\n' + b"".join(good % number for number in range(100))
    for size in (7, 1000, len(data)):
        feeder = RowFeeder(Format.CSV, limits)
        reasons = []
        for first in range(0, len(data), size):
            for chunk in feeder.feed(data[first : first + size]):
                rows = decode(Format.CSV, chunk.data, chunk.first_line, chunk.header, limits)
                reasons += [(int(line), rows.reason_word(row)) for row, line in enumerate(rows.line_no)]
        assert reasons[0] == (2, "csv_syntax")
        assert [line for line, _ in reasons[1:]] == list(range(9, 103))
        assert {reason for _, reason in reasons[1:]} == {None}


def test_a_csv_stream_refuses_a_wrong_header_before_any_row() -> None:
    with pytest.raises(FileRefused, match="csv_dialect"):
        RowFeeder(Format.CSV).feed(HEADER.replace(b",", b";") + b"\n")


def test_a_bare_return_inside_an_lf_file_is_white_space_of_json_not_a_line_end() -> None:
    rows = decode(Format.NDJSON, LINE.rstrip() + b"\r" + LINE)
    assert [rows.reason_word(row) for row in range(rows.row_count)] == ["json_syntax"]


@pytest.mark.parametrize("line_count", [1, 50_000])
def test_the_look_through_a_file_finds_the_last_byte_that_is_wrong(line_count: int) -> None:
    data = bytearray(gzip.compress(LINE * line_count, mtime=0))
    assert check_file(io.BytesIO(data)).compression is Compression.GZIP
    data[-5] ^= 1
    with pytest.raises(FileRefused, match="truncated"):
        check_file(io.BytesIO(data))


def test_a_bomb_is_stopped_long_before_it_is_unpacked() -> None:
    packer = zlib.compressobj(wbits=31)
    bomb = b"".join(packer.compress(b" " * (1 << 20)) for _ in range(300)) + packer.flush()
    limits = Limits(expansion_free_bytes=1 << 20)
    tracemalloc.start()
    with pytest.raises(FileRefused, match="size_limit"):
        list(chunks(io.BytesIO(bomb), Format.NDJSON, limits))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20_000_000


def test_text_that_expands_well_is_no_bomb() -> None:
    lines = b"".join(
        LINE.replace(b"36.25", b"36.%06d" % (number * 7919 % 999_983)) for number in range(400_000)
    )
    assert len(lines) > 33 << 20
    data = gzip.compress(lines, compresslevel=1, mtime=0)
    assert check_file(io.BytesIO(data)).bytes_uncompressed == len(lines)


def test_a_file_of_many_blocks_is_cut_between_rows_only() -> None:
    limits = Limits(chunk_bytes=1000)
    parts = list(chunks(io.BytesIO(LINE * 100), Format.NDJSON, limits))
    assert len(parts) > 5
    assert b"".join(part.data for part in parts) == LINE * 100
    assert [part.first_line for part in parts][:2] == [1, 1 + parts[0].data.count(b"\n")]


@pytest.mark.parametrize(
    ("head", "name", "form"),
    [
        (LINE, "", Format.NDJSON),
        (LINE, "events.jsonl", Format.NDJSON),
        (HEADER, "", Format.CSV),
        (HEADER, "a/b.CSV.gz", Format.CSV),
        (b'{"type": "FeatureCollection", "features": []}', "", Format.GEOJSON),
        (b"PAR1", "x", Format.PARQUET),
        (b"ARROW1\x00\x00", "", Format.ARROW),
        (b"<html>", "x.ndjson", Format.NDJSON),
    ],
)
def test_formats_are_told_apart(head: bytes, name: str, form: Format) -> None:
    assert sniff(head, name) is form


def test_a_table_is_known_by_its_first_bytes_and_needs_its_last_ones() -> None:
    with pytest.raises(FileRefused, match="truncated"):
        check_file(io.BytesIO(b"PAR1" + bytes(50)))
    with pytest.raises(FileRefused, match="named as parquet"):
        check_file(io.BytesIO(LINE), name="x.parquet")


def test_media_types_name_formats() -> None:
    assert format_of_media_type("application/x-ndjson") is Format.NDJSON
    assert format_of_media_type("Text/CSV; charset=utf-8") is Format.CSV
    assert format_of_media_type("image/png") is None
