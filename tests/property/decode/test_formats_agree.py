"""The same records in every format have the same verdicts, the same content and the same identity."""

import io
import json
from typing import Any
from unittest.mock import patch

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring import schema
from monitoring.decode import DecodedRows, FileRefused, Format, Limits, check_file, chunks, decode, geojson
from monitoring.decode.json_elements import ElementFeeder, Scanner, split
from tests.event_forms import FORMS, feature_of

ids = st.text("abc-9._", min_size=1, max_size=5)
reals = st.floats(-400, 400, allow_nan=False)


@st.composite
def events(draw: st.DrawFn) -> dict[str, Any]:
    """A record of valid types whose values may be out of bounds."""
    second = draw(st.integers(0, 4 * 10**9))
    record: dict[str, Any] = {
        "id": draw(ids),
        "sensor_id": draw(ids),
        "time": str(np.datetime64(second, "s")) + draw(st.sampled_from(["", ".5", ".123456789"])) + "Z",
        "kind": draw(st.sampled_from([*schema.KINDS, "bang"])),
    }
    if draw(st.integers(0, 9)):
        record |= {"lon": draw(reals), "lat": draw(st.floats(-95, 95))}
        if draw(st.booleans()):
            record["alt_m"] = draw(reals)
    optional: dict[str, st.SearchStrategy[Any]] = {
        "sigma_m": reals,
        "track_id": ids,
        "count": st.integers(-1, 20_000),
        "count_is_minimum": st.booleans(),
        "object_class": st.sampled_from(["tank", "boat", "submarine"]),
        "seq": st.integers(0, 2**63 - 1),
        "text": st.text(st.characters(codec="utf-8", exclude_characters="\x00\r"), min_size=1, max_size=6),
        "bearing_deg": reals,
        "media": st.just([{"type": "image/png", "uri": "https://x.example/1"}]),
        "note": st.text("абc ,\"", min_size=1, max_size=4),
        "time_end": st.just("2099-03-14T09:26:53Z"),
    }  # fmt: skip
    for name in draw(st.lists(st.sampled_from(sorted(optional)), max_size=4, unique=True)):
        record[name] = draw(optional[name])
    return record


def read(data: bytes, name: str, limits: Limits) -> list[DecodedRows]:
    form = check_file(io.BytesIO(data), limits, name).format
    return [
        decode(form, chunk.data, chunk.first_line, chunk.header, limits)
        for chunk in chunks(io.BytesIO(data), form, limits)
    ]


def told(parts: list[DecodedRows]) -> tuple[list[str | None], list[int], list[list[int]], list[list[int]]]:
    reasons = [part.reason_word(row) for part in parts for row in range(part.row_count)]
    flags = [int(part.flags[row]) for part in parts for row in part.ok_rows.tolist()]
    content = [pair for part in parts for pair in part.content_hash.tolist()]
    keys = [pair for part in parts for pair in part.key_hash.tolist()]
    return reasons, flags, content, keys


@settings(max_examples=60, deadline=None)
@given(st.lists(events(), min_size=1, max_size=20), st.sampled_from([300, 1 << 20]))
def test_a_record_is_the_same_whatever_it_is_written_in(
    records: list[dict[str, Any]], chunk_bytes: int
) -> None:
    limits = Limits(chunk_bytes=chunk_bytes)
    found = {
        ending: told(read(write(records), f"x.{ending}", limits)) for ending, (write, _) in FORMS.items()
    }
    plain = found["ndjson"]
    for ending, other in found.items():
        if ending.startswith("geojson"):
            # A place that is missing is told of as a geometry that is none, before anything else.
            pairs = zip(other[0], plain[0], strict=True)
            given = [one if one and reason == "geometry_type" else reason for reason, one in pairs]
            assert (given, *other[1:]) == plain, ending
        else:
            assert other == plain, ending


@st.composite
def features(draw: st.DrawFn) -> bytes:
    """Nearly a feature: most are good, every kind of damage comes along."""
    feature = feature_of(draw(events()))
    damage = draw(st.integers(0, 14))
    if damage == 0:
        feature["geometry"] = draw(
            st.sampled_from(
                [None, {}, {"type": "Polygon", "coordinates": []}, {"type": "Point", "coordinates": [1]}, "x",
                 {"type": "Point", "coordinates": [1, None]}, {"type": "Point", "coordinates": [1, 2, 3, 4]},
                 {"type": "Point", "coordinates": [[1, 2]]}, {"type": "Point", "coordinates": [1, "2"]},
                 {"type": "Point", "coordinates": [1, 2], "bbox": []}, {"type": "Point"}]
            )
        )  # fmt: skip
    elif damage == 1:
        feature["id"] = draw(st.sampled_from(["a", 5, None, feature["properties"]["id"]]))
    elif damage == 2:
        feature["properties"] = draw(st.sampled_from([None, [], {}, {"lon": 5}]))
    elif damage == 3:
        feature["properties"]["alt_m"] = draw(st.sampled_from([1.5, "x", None]))
        feature["properties"]["lat"] = 5
    elif damage == 4:
        feature["type"] = draw(st.sampled_from(["feature", None, 5]))
    data = json.dumps(feature, ensure_ascii=draw(st.booleans())).encode()
    if damage == 5:
        at = draw(st.integers(1, len(data) - 1))
        data = data[:at] + draw(st.sampled_from([b"\xff", b"x", b" ", b"\\", b"\x00"])) + data[at + 1 :]
    elif damage == 6:
        data = draw(st.sampled_from([b"null", b"[]", b'"a, b"', b"{}", b"{}{}", data + data, b"5"]))
    elif damage == 7:
        data = data.replace(b'"kind"', b'"kind": "shot", "kind"', 1).replace(b".5", b".5e999", 1)
    return data


@settings(max_examples=60, deadline=None)
@given(st.lists(features(), max_size=20), st.sampled_from([Format.GEOJSON, Format.GEOJSON_LINES]))
def test_features_read_by_column_equal_features_read_one_by_one(rows: list[bytes], form: Format) -> None:
    data = (b"\n" if form is Format.GEOJSON_LINES else b" ,\n").join(rows)
    with patch.object(geojson, "COLUMNAR_LEAST", 1):
        fast = decode(form, data)
    with patch.object(geojson, "COLUMNAR_LEAST", 1 << 30):
        slow = decode(form, data)
    for name in ("line_no", "start", "end", "reason", "flags", "content_hash", "key_hash"):
        np.testing.assert_array_equal(getattr(fast, name), getattr(slow, name), err_msg=name)
    assert fast.detail == slow.detail
    assert fast.table.equals(slow.table)


values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.text('a"\\[]{},: \n', max_size=6)),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text('a"\\[]', max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=80, deadline=None)
@given(st.lists(values, max_size=8), st.sampled_from([None, 2]), st.data())
def test_a_document_is_cut_between_its_elements_however_it_arrives(
    elements: list[Any], indent: int | None, data: st.DataObject
) -> None:
    document = {"name": "x, [", "features": elements, "type": "FeatureCollection", "more": [[{}]]}
    form = data.draw(st.sampled_from([Format.GEOJSON, Format.JSON]))
    text = json.dumps(document if form is Format.GEOJSON else elements, indent=indent).encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=5)))
    feeder = ElementFeeder(form)
    given = []
    for first, last in zip([0, *cuts], [*cuts, len(text)], strict=True):
        given += feeder.feed(text[first:last])
    given += feeder.finish()
    found = []
    for chunk in given:
        rows = split(chunk.data)
        assert chunk.first_line == len(found) + 1
        found += [
            json.loads(chunk.data[a:b]) for a, b in zip(rows.start.tolist(), rows.end.tolist(), strict=True)
        ]
    assert found == elements
    assert feeder.row_count == len(elements)


@settings(max_examples=60, deadline=None)
@given(st.text('a"\\[]{},', max_size=30).map(str.encode), st.data())
def test_structure_is_followed_alike_in_one_piece_and_in_several(text: bytes, data: st.DataObject) -> None:
    whole = Scanner().structure(text)
    scanner, at, depth = Scanner(), [], []
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=4)))
    for first, last in zip([0, *cuts], [*cuts, len(text)], strict=True):
        part = scanner.structure(text[first:last])
        at += (part.at + first).tolist()
        depth += part.depth.tolist()
    assert (at, depth) == (whole.at.tolist(), whole.depth.tolist())


def test_an_element_without_end_does_not_fill_memory_and_those_behind_it_are_read() -> None:
    limits = Limits(line_bytes_max=200)
    good = b'{"id": "a"}'
    feeder = ElementFeeder(Format.JSON, limits)
    given = feeder.feed(b"[" + good + b', {"text": "')
    for _ in range(20):
        given += feeder.feed(b'x, \\" ]' * 40)
        assert len(feeder._pending) <= 200
    given += feeder.feed(b'"}, ' + good + b"]") + feeder.finish()
    rows = [decode(Format.JSON, chunk.data, chunk.first_line, limits=limits) for chunk in given]
    told = [(int(line), part.reason_word(row)) for part in rows for row, line in enumerate(part.line_no)]
    assert told == [(1, "missing_field"), (2, "too_long"), (3, "missing_field")]


@pytest.mark.parametrize("ending", ["parquet", "arrow", "arrows", "geojson", "json"])
def test_no_damage_to_a_file_goes_further_than_a_refusal(ending: str) -> None:
    record = {
        "id": "a",
        "sensor_id": "S",
        "time": "2026-03-14T09:26:53Z",
        "kind": "shot",
        "lon": 36.2,
        "lat": 49.1,
    }
    good = FORMS[ending][0]([{**record, "id": f"a-{number}", "text": "seen"} for number in range(30)])
    rng = np.random.default_rng(7)
    refused = 0
    for _ in range(60):
        data = bytearray(good)
        for place in rng.integers(0, len(data), rng.integers(1, 4)).tolist():
            data[place] = rng.integers(0, 256)
        cut = bytes(data[: rng.integers(1, len(data))] if rng.random() < 0.3 else data)
        try:
            read(cut, f"x.{ending}", Limits())
        except FileRefused:
            refused += 1
    assert refused > 5
    assert pa.total_allocated_bytes() < 200_000_000
