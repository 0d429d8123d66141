"""The columnar way and the strict way give the same verdicts and the same content, row for row."""

import json
from unittest.mock import patch

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring.decode import DecodedRows, Format, RowFeeder, csv_rows, decode, ndjson, timestamps
from monitoring.decode.csv_framing import are_regular, scan_record, split_records

HEADER = b"id,sensor_id,time,kind,lon,lat,sigma_m,count,text,note"

TIMES = st.sampled_from(
    [
        "2026-03-14T09:26:53Z",
        "2026-03-14T09:26:53.5Z",
        "2026-03-14T09:26:53.123456789+02:00",
        "2026-03-14t09:26:53z",
        "2026-03-14T09:26:53",
        "2026-02-30T09:26:53Z",
        "1999-03-14T09:26:53Z",
        "9999-03-14T09:26:53Z",
        "now",
    ]
)
NUMBERS = st.one_of(
    st.floats(-400, 400).map(repr),
    st.sampled_from(
        [
            "0",
            "-0",
            "-0.0",
            "1e2",
            "1E400",
            "1e-400",
            "NaN",
            "-Infinity",
            "01",
            "+1",
            "1.",
            ".5",
            '"5"',
            "null",
        ]
    ),
    st.sampled_from(
        ["true", "[1]", "{}", '""', "9" * 30, "9223372036854775808", "5.0", "36.5", "36.25", "Inf"]
    ),
)
TEXTS = st.one_of(
    st.text(max_size=12).map(json.dumps),
    st.text('ab{}[],:"\\\n', max_size=8).map(json.dumps),
    st.text(max_size=6).map(lambda text: json.dumps(text, ensure_ascii=False)),
    st.sampled_from(
        ['"\\u0000"', '"\\ud800"', '"\\ud83d\\ude00"', '"\\x"', '"a\tb"', "5", "null", '"\u202e"', '"']
    ),
)
IDS = st.one_of(
    st.text("ab-._:9", min_size=1, max_size=6).map(json.dumps),
    st.sampled_from(['"a b"', '""', "7", '"' + "x" * 65 + '"', '"\\u0001"', '"\u0430"']),
)
GOOD = {
    "id": '"e-1"',
    "sensor_id": '"S"',
    "time": '"2026-03-14T09:26:53Z"',
    "kind": '"shot"',
    "lon": "36",
    "lat": "49.1",
}


@st.composite
def records(draw: st.DrawFn) -> bytes:
    """A line that is nearly an event: most are good, every kind of damage comes along."""
    fields = dict(GOOD)
    changes = draw(
        st.dictionaries(
            st.sampled_from(
                ["id", "time", "lon", "lat", "sigma_m", "count", "text", "kind", "track_id", "x", "seq"]
            ),
            st.just(None),
            max_size=3,
        )
    )
    for name in changes:
        if name in {"id", "track_id"}:
            fields[name] = draw(IDS)
        elif name == "time":
            fields[name] = json.dumps(draw(TIMES))
        elif name in {"text", "kind"}:
            fields[name] = draw(TEXTS)
        else:
            fields[name] = draw(NUMBERS)
    pairs = [f'"{name}":{value}' for name, value in fields.items()]
    if draw(st.integers(0, 15)) == 0:
        pairs.append(draw(st.sampled_from(pairs)))
    line = "{" + ", ".join(draw(st.permutations(pairs))) + "}"
    data = line.encode("utf-8")
    return draw(
        st.sampled_from(
            [data] * 12 + [data + b"\r", b" " + data, data[:-3], data + data, data + b"null" + data, b"null"]
        )
        | st.sampled_from(
            [b"", b"  ", b"[]", data.replace(b"e-1", b"e\xff"), data.replace(b"S", b"\x00"), b"{" * 40]
        )
    )


def columnar(form: Format, data: bytes, header: bytes | None = None) -> DecodedRows:
    with patch.object(ndjson, "COLUMNAR_LEAST", 1), patch.object(csv_rows, "COLUMNAR_LEAST", 1):
        return decode(form, data, 1, header)


def strict(form: Format, data: bytes, header: bytes | None = None) -> DecodedRows:
    with patch.object(ndjson, "COLUMNAR_LEAST", 1 << 30), patch.object(csv_rows, "COLUMNAR_LEAST", 1 << 30):
        return decode(form, data, 1, header)


def assert_same(one: DecodedRows, other: DecodedRows) -> None:
    for name in ("line_no", "start", "end", "reason", "flags", "ok_rows", "key_hash", "content_hash"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    assert one.detail == other.detail
    assert one.table.equals(other.table)


@settings(max_examples=50, deadline=None)
@given(st.lists(records(), max_size=20))
def test_ndjson_read_by_column_equals_ndjson_read_line_by_line(lines: list[bytes]) -> None:
    data = b"\n".join(lines)
    assert_same(columnar(Format.NDJSON, data), strict(Format.NDJSON, data))


@settings(max_examples=40, deadline=None)
@given(st.lists(records(), max_size=12), st.data())
def test_where_a_stream_is_cut_changes_no_row(lines: list[bytes], data: st.DataObject) -> None:
    whole = b"\n".join(lines) + b"\n"
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=4)))
    feeder = RowFeeder(Format.NDJSON)
    feeder._has_begun = True  # the sniffing of the beginning has its own tests
    chunks = []
    for first, last in zip([0, *cuts], [*cuts, len(whole)], strict=True):
        chunks += feeder.feed(whole[first:last])
    chunks += feeder.finish()
    parts = [decode(Format.NDJSON, chunk.data, chunk.first_line) for chunk in chunks]
    at_once = strict(Format.NDJSON, whole)
    assert [n for part in parts for n in part.line_no.tolist()] == at_once.line_no.tolist()
    assert [r for part in parts for r in part.reason.tolist()] == at_once.reason.tolist()
    hashes = np.concatenate([part.content_hash for part in parts] + [np.zeros((0, 2), dtype=np.uint64)])
    np.testing.assert_array_equal(hashes, at_once.content_hash)


CELLS = st.one_of(
    st.text('ab",\n\r ;\t', max_size=5),
    st.sampled_from(
        ["", "36.5", "nan", "1e5", "shot", "2026-03-14T09:26:53Z", "3", "3.0", "a-1", "їж", "1e999"]
    ),
    st.sampled_from(['"x"', '"a""b"', '"a\nb"', '"a,b"', '"a"b', '"', 'x"y', "\x00", "\udcff"]),
)


@st.composite
def csv_lines(draw: st.DrawFn) -> bytes:
    cells = ["e-1", "S", "2026-03-14T09:26:53Z", "shot", "36.1", "49.2", "30", "3", "seen", ""]
    for place in draw(st.lists(st.integers(0, 9), max_size=2)):
        cells[place] = draw(CELLS)
    if draw(st.integers(0, 12)) == 0:
        cells.append("more")
    return ",".join(cells).encode("utf-8", "surrogateescape")


@settings(max_examples=50, deadline=None)
@given(st.lists(csv_lines(), max_size=12), st.sampled_from([b"\n", b"\r\n"]))
def test_csv_read_by_column_equals_csv_read_record_by_record(lines: list[bytes], line_end: bytes) -> None:
    data = b"".join(line + line_end for line in lines)
    assert_same(columnar(Format.CSV, data, HEADER), strict(Format.CSV, data, HEADER))


@settings(max_examples=50, deadline=None)
@given(st.lists(csv_lines(), max_size=8), st.data())
def test_where_a_csv_stream_is_cut_changes_no_row(lines: list[bytes], data: st.DataObject) -> None:
    rows = b"".join(line + b"\n" for line in lines)
    whole = HEADER + b"\n" + rows
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=4)))
    feeder = RowFeeder(Format.CSV)
    feeder._has_begun = True
    chunks = []
    for first, last in zip([0, *cuts], [*cuts, len(whole)], strict=True):
        chunks += feeder.feed(whole[first:last])
    chunks += feeder.finish()
    parts = [decode(Format.CSV, chunk.data, chunk.first_line, chunk.header) for chunk in chunks]
    at_once = decode(Format.CSV, rows, 2, HEADER)
    assert [n for part in parts for n in part.line_no.tolist()] == at_once.line_no.tolist()
    assert [r for part in parts for r in part.reason.tolist()] == at_once.reason.tolist()


@settings(max_examples=50, deadline=None)
@given(st.text('a,"\n\r', max_size=30).map(str.encode), st.sampled_from([4, 10, 1000]))
def test_records_are_framed_alike_as_a_whole_and_one_by_one(data: bytes, record_bytes_max: int) -> None:
    starts = [0]
    while starts[-1] < len(data):
        starts.append(scan_record(data, starts[-1], record_bytes_max).next_start)
    assert split_records(data, record_bytes_max).tolist() == starts
    buffer = np.frombuffer(data, dtype=np.uint8)
    quotes = np.flatnonzero(buffer == ord('"'))
    if record_bytes_max > len(data) and b"\r" not in data and are_regular(buffer, quotes):
        records = [scan_record(data, start, record_bytes_max) for start in starts[:-1]]
        assert all(record.cells is not None for record in records)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.one_of(
            TIMES,
            st.none(),
            st.from_regex(
                r"(19|20|21)[0-9]{2}-[01][0-9]-[0-3][0-9][Tt ][0-2][0-9]:[0-5][0-9]:[0-6][0-9](\.[0-9]{0,10})?"
                r"([Zz]|[+-][0-2][0-9]:?[0-6][0-9])?",
                fullmatch=True,
            ),
            st.text("0123456789-:.TZ+", min_size=18, max_size=30),
        ),
        max_size=30,
    )
)
def test_times_read_by_column_equal_times_read_one_by_one(texts: list[str | None]) -> None:
    ns, refused = timestamps.parse(pa.array(texts, type=pa.string()))
    for row, text in enumerate(texts):
        expected = None if text is None else timestamps.parse_one(text)
        if isinstance(expected, int):
            assert (ns[row], row in refused) == (expected, False)
        else:
            assert refused.get(row) == expected
