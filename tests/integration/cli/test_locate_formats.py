"""`locate` on every format: the same places give the same answers, whatever they are read from and written to."""

import csv
import gzip
import io
import json
import os
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.integration.cli.locating import ANSWERS, locate

NAN, INF = float("nan"), float("inf")
PLACES: list[tuple[float | None, float | None]] = [
    (37.2, 48.5), (37.1, 48.5), (None, 48.5), (37.2, None), (181.0, 48.5), (37.2, 91.0), (48.5, 137.2), (0.0, 90.0),
    (0.0, -90.0), (180.0, 0.0), (-180.0, 0.0), (37.1500001, 48.25), (37.2, 40.0), (36.9, 55.0),
]  # fmt: skip
REJECTED = {"coord_range": 3, "missing_field": 2}
NAMES = ["a", 'b "q", c', "two\nlines", "=1+1", "é", *(f"p{i}" for i in range(5, len(PLACES)))]
COUNTS = [None if i == 3 else i * 10 for i in range(len(PLACES))]


def table() -> pa.Table:
    return pa.table(
        {
            "name": NAMES,
            "Longitude": pa.array([lon for lon, _ in PLACES], pa.float64()),
            "LAT": pa.array([lat for _, lat in PLACES], pa.float64()),
            "n": pa.array(COUNTS, pa.int32()),
        }
    )


def feature(row: int) -> dict[str, Any]:
    lon, lat = PLACES[row]
    properties = {"name": NAMES[row], "n": COUNTS[row]}
    return {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [lon, lat]},
        "properties": properties,
    }


def write_places(path: Path) -> None:
    """The same places in the form that the name's ending says; one row group or record batch for every three."""
    name = path.name.removesuffix(".gz")
    if name.endswith(".parquet"):
        pq.write_table(table(), path, row_group_size=3)
    elif name.endswith(".arrow"):
        with pa.ipc.new_file(path, table().schema) as file:
            file.write_table(table(), max_chunksize=3)
    elif name.endswith(".arrows"):
        with pa.ipc.new_stream(path, table().schema) as stream:
            stream.write_table(table(), max_chunksize=3)
    else:
        path.write_bytes(gzip.compress(text_of(name)) if path.name.endswith(".gz") else text_of(name))


def text_of(name: str) -> bytes:
    features = [feature(row) for row in range(len(PLACES))]
    if name.endswith(".geojson"):
        return json.dumps({"type": "FeatureCollection", "features": features}, indent=1).encode()
    if name.endswith((".ndjson", ".geojsonl")):
        return "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in features).encode()
    target = io.StringIO()
    writer = csv.writer(target)
    writer.writerow(["name", "Longitude", "LAT", "n"])
    for name_, (lon, lat), count in zip(NAMES, PLACES, COUNTS, strict=True):
        writer.writerow(["" if cell is None else cell for cell in (name_, lon, lat, count)])
    return target.getvalue().encode()


def rows_of(path: Path) -> list[dict[str, Any]]:
    """The rows of an output as Python values: an absent answer is None, a number a float."""
    if path.name.endswith(".parquet"):
        rows = pq.read_table(path).to_pylist()
    elif path.name.endswith(".arrow"):
        rows = pa.ipc.open_file(pa.OSFile(str(path))).read_all().to_pylist()
    else:
        data = path.read_bytes()
        text = (gzip.decompress(data) if path.name.endswith(".gz") else data).decode()
        name = path.name.removesuffix(".gz")
        if name.endswith(".csv"):
            rows = list(csv.DictReader(io.StringIO(text, newline="")))
        else:
            features = (
                json.loads(text)["features"]
                if name.endswith(".geojson")
                else map(json.loads, text.splitlines())
            )
            rows = [one["properties"] for one in features]
    return [{name: _value(name, cell) for name, cell in row.items()} for row in rows]


def _value(name: str, cell: Any) -> Any:
    if cell is None or cell == "":
        return None
    return (
        float(cell) if name.endswith("_m") or name.startswith("foot") or name in {"line_part", "n"} else cell
    )


@pytest.fixture
def expected(line: Path, tmp_path: Path) -> list[dict[str, Any]]:
    points, out = tmp_path / "expected-in.csv", tmp_path / "expected.csv"
    write_places(points)
    assert locate(points, line, out).exit_code == 1
    rows = rows_of(out)
    assert [row["side"] is not None for row in rows] == [i not in {2, 3, 4, 5, 6} for i in range(len(PLACES))]
    return rows


@pytest.mark.parametrize(
    "given", ["csv", "parquet", "arrow", "arrows", "geojson", "geojsonl", "ndjson.gz", "parquet.gz"]
)
def test_the_same_places_have_the_same_answers_from_every_form_in_every_form(
    given: str, line: Path, tmp_path: Path, expected: list[dict[str, Any]]
) -> None:
    points = tmp_path / f"points.{given}"
    if given == "parquet.gz":
        write_places(tmp_path / "points.parquet")
        points.write_bytes(gzip.compress((tmp_path / "points.parquet").read_bytes()))
    else:
        write_places(points)
    # A coordinate of a Point cannot be absent: it is null, which is of the wrong type.
    rejected = {**REJECTED, "type": 2} if given[:3] in {"geo", "ndj"} else REJECTED
    rejected = {
        reason: count for reason, count in rejected.items() if not ("type" in rejected and reason[0] == "m")
    }
    for form in ("csv", "csv.gz", "parquet", "arrow", "geojson", "ndjson", "ndjson.gz"):
        out = tmp_path / f"out.{form}"
        ran = locate(points, line, out, "--json")
        assert (ran.exit_code, ran.json["rejected"]) == (1, rejected), (form, ran.err)
        assert (ran.json["rows"], ran.json["located"]) == (len(PLACES), len(PLACES) - 5)
        rows = rows_of(out)
        kept = [*ANSWERS, "name", "n"]
        assert [{name: row[name] for name in kept} for row in rows] == [
            {name: row[name] for name in kept} for row in expected
        ], form


def test_tables_keep_their_types_and_answers_are_numbers(line: Path, tmp_path: Path) -> None:
    points, out = tmp_path / "points.parquet", tmp_path / "out.parquet"
    moments = pa.array([0, None], pa.timestamp("ns", "Europe/Kyiv"))
    given = pa.table(
        {
            "lon": pa.array([37.2, 37.1], pa.float32()),
            "lat": pa.array([48, 49], pa.int16()),
            "kind": pa.array(["x", "y"]).dictionary_encode(),
            "tags": pa.array([["a", "b"], None]),
            "at": moments,
            "side": [True, None],
        }
    )
    pq.write_table(given, points)
    assert "side is now side_in" in locate(points, line, out).err
    found = pq.read_table(out)
    assert found.schema.names == ["lon", "lat", "kind", "tags", "at", "side_in", *ANSWERS]
    assert found.select(["lon", "lat", "tags", "at"]).equals(given.select(["lon", "lat", "tags", "at"]))
    assert found.column("side_in").to_pylist() == [True, None]
    assert found.column("kind").to_pylist() == ["x", "y"]
    assert found.schema.field("distance_m").type == pa.float64()
    assert found.column("side").to_pylist() == ["B", "A"]
    locate(points, line, tmp_path / "out.csv")
    first, second = rows_of(tmp_path / "out.csv")
    assert (first["tags"], first["side_in"], second["tags"], second["at"]) == (
        '["a","b"]',
        "true",
        None,
        None,
    )
    assert first["at"] == "1970-01-01 00:00:00.000000000Z"
    locate(points, line, tmp_path / "out.ndjson")
    one = json.loads((tmp_path / "out.ndjson").read_text().splitlines()[0])
    assert one["geometry"] == {"type": "Point", "coordinates": [pytest.approx(37.2), 48.0]}
    assert one["properties"]["tags"] == ["a", "b"]
    assert "lon" not in one["properties"]


def test_what_a_feature_says_besides_its_position_is_kept(line: Path, tmp_path: Path) -> None:
    points = tmp_path / "points.geojson"
    given = [
        {
            "type": "Feature",
            "id": 7,
            "bbox": [1, 2, 3, 4],
            "geometry": {"type": "Point", "coordinates": [37.2, 48.5, 120.5]},
            "properties": {"side": "x", "lon": "kept", "mixed": 1, "list": [1, {"b": 2}]},
        },
        {
            "type": "Feature",
            "geometry": {"type": "LineString", "coordinates": [[37, 48], [37.1, 48]]},
            "properties": {"mixed": "text"},
        },
        {"type": "Feature", "geometry": None, "properties": None},
        {"type": "Point", "coordinates": [37.2, 48.5]},
    ]
    points.write_text(json.dumps({"type": "FeatureCollection", "features": given}), encoding="utf-8")
    out = tmp_path / "out.geojson"
    ran = locate(points, line, out)
    assert ran.exit_code == 1
    assert "side is now side_in" in ran.err
    assert "row 2: geometry_type the geometry is 'LineString', not a Point" in ran.out
    assert "row 4: type a 'Point', not a Feature: write " in ran.out
    first, second, third = json.loads(out.read_text(encoding="utf-8"))["features"]
    assert (first["id"], first["bbox"], first["geometry"]) == (7, [1, 2, 3, 4], given[0]["geometry"])
    assert (first["properties"]["side_in"], first["properties"]["side"]) == ("x", "B")
    assert (second["geometry"], second["properties"]["side"]) == (given[1]["geometry"], None)
    assert (third["geometry"], third["properties"]["distance_m"]) == (None, None)
    ran = locate(points, line, tmp_path / "out.parquet")
    found = pq.read_table(tmp_path / "out.parquet").to_pylist()
    assert list(found[0])[:8] == ["lon", "lat", "alt_m", "side_in", "lon_in", "mixed", "list", "id"]
    assert (found[0]["alt_m"], found[0]["lon_in"], found[0]["mixed"], found[0]["id"]) == (
        120.5,
        "kept",
        "1",
        7,
    )
    assert found[0]["list"] == '[1,{"b":2}]'
    assert (found[1]["mixed"], found[1]["lon"], len(found)) == ("text", None, 3)


def test_numbers_that_are_none_are_told_with_their_row(line: Path, tmp_path: Path) -> None:
    points, out = tmp_path / "points.arrow", tmp_path / "out.arrow"
    given = pa.table(
        {"lng": [37.2, NAN, INF, 37.1], "latitude": [48.5, 48.5, 48.5, -INF], "x": [NAN, 1.0, 2.0, 3.0]}
    )
    with pa.ipc.new_file(points, given.schema) as file:
        file.write_table(given)
    ran = locate(points, line, out)
    assert ran.exit_code == 1
    for told in (
        "row 2: non_finite lon is nan",
        "row 3: non_finite lon is inf",
        "row 4: non_finite lat is -inf",
    ):
        assert told in ran.out
    assert [row["side"] for row in rows_of(out)] == ["B", None, None, None]
    ran = locate(points, line, tmp_path / "out.geojson")
    features = json.loads((tmp_path / "out.geojson").read_text())["features"]
    assert [one["geometry"] is None for one in features] == [False, True, True, True]
    assert (features[0]["properties"]["x"], features[3]["properties"]["lng"]) == (None, 37.1)
    lines = tmp_path / "points.ndjson"
    points_of = ["NaN", '"inf"', "true", "1e999", "37.2"]
    lines.write_text(
        "".join(
            f'{{"type":"Feature","geometry":{{"type":"Point","coordinates":[{lon},48.5]}},"properties":{{}}}}\n'
            for lon in points_of
        ),
        encoding="utf-8",
    )
    ran = locate(lines, line, out, "--json")
    assert ran.json["rejected"] == {"non_finite": 2, "number_range": 1, "type": 1}
    assert [row["line"] for row in ran.json["rejected_rows"]] == [1, 2, 3, 4]
    assert ran.json["located"] == 1


def test_what_is_no_file_of_places_is_refused_by_name_and_leaves_nothing_behind(
    line: Path, tmp_path: Path
) -> None:
    def parquet(columns: dict[str, Any]) -> bytes:
        sink = io.BytesIO()
        pq.write_table(pa.table(columns), sink)
        return sink.getvalue()

    good = parquet({"lon": [37.1], "lat": [48.5]})
    collection = json.dumps({"type": "FeatureCollection", "features": [feature(0)] * 3}).encode()
    for name, data, told in (
        ("a.parquet", b"", "empty: nothing in it"),
        ("a.geojson", b"", "empty: nothing in it"),
        ("a.parquet", good[:-9], "truncated"),
        ("a.parquet", b"lon,lat\n1,2\n", "format: named as parquet"),
        ("a.parquet", parquet({"x": [1.0], "lat": [48.5]}), "schema: no column for lon in 'x, lat'"),
        ("a.parquet", parquet({"lon": ["37.1"], "lat": [48.5]}), "schema: 'lon' is string, not a number"),
        (
            "a.parquet",
            parquet({"Lon": [1.0], "LON": [1.0], "lat": [1.0]}),
            "schema: more than one column for lon",
        ),
        ("a.geojson", collection[:-20], "truncated"),
        ("a.geojson", b'{"type": "Polygon", "coordinates": []}', "schema: type is 'Polygon'"),
        ("a.json", b'[{"lon": 37.1, "lat": 48.5}]', "format: a JSON document, but not GeoJSON"),
        ("a.geojson", collection[:-1] + b', "crs": {"properties": {"name": "EPSG:3857"}}}', "crs: "),
    ):
        points = tmp_path / name
        points.write_bytes(data)
        for ending in ("csv", "parquet", "geojson"):
            ran = locate(points, line, tmp_path / f"out.{ending}")
            assert (ran.exit_code, told in ran.err, name in ran.err) == (1, True, True), (data[:60], ran.err)
        points.unlink()
        assert [path.name for path in tmp_path.iterdir()] == ["line.geojson"]


def test_files_without_a_row_give_files_without_a_row(line: Path, tmp_path: Path) -> None:
    for name in ("points.parquet", "points.arrow"):
        points = tmp_path / name
        if name.endswith("parquet"):
            pq.write_table(table().slice(0, 0), points)
        else:
            with pa.ipc.new_file(points, table().schema):
                pass
        for form in ("csv", "parquet", "arrow", "geojson", "ndjson"):
            out = tmp_path / f"out.{form}"
            assert locate(points, line, out).exit_code == 0
            assert rows_of(out) == []


def test_columns_of_rare_types_go_everywhere_or_are_refused_by_type(line: Path, tmp_path: Path) -> None:
    offsets = pa.py_buffer(np.array([0, 2, 3], dtype=np.int32).tobytes())
    rare = {
        "interval": pa.array([(1, 2, 3), None], pa.month_day_nano_interval()),
        "zone": pa.array([0, None], pa.timestamp("us", "No/Where")),
        "raw": pa.array([b"\xff\x00", None], pa.binary_view()),
        "text": pa.Array.from_buffers(pa.string(), 2, [None, offsets, pa.py_buffer(b"\xff\xfea")]),
    }
    given = pa.table({"lon": [37.2, 37.2], "lat": [48.5, 48.5], **rare})
    points = tmp_path / "points.arrow"
    with pa.ipc.new_file(points, given.schema) as file:
        file.write_table(given)
    for form in ("csv", "arrow", "geojson"):
        out = tmp_path / f"out.{form}"
        ran = locate(points, line, out)
        assert (ran.exit_code, "row 1: encoding 'text' is not UTF-8 at byte 1" in ran.out) == (1, True)
        # Python knows no such zone.
        columns = (
            pa.ipc.open_file(pa.OSFile(str(out))).read_all().drop_columns("zone") if form == "arrow" else None
        )
        first, second = rows_of(out) if columns is None else columns.to_pylist()
        assert (first["side"], second["side"], second["text"]) == (None, "B", "a")
        assert not first["text"]
    assert rows_of(tmp_path / "out.csv")[0]["zone"] == "1970-01-01 00:00:00.000000Z"
    ran = locate(points, line, tmp_path / "out.parquet")
    assert (ran.exit_code, "write .arrow" in ran.err, (tmp_path / "out.parquet").exists()) == (1, True, False)


def test_csv_may_come_through_a_pipe(line: Path, tmp_path: Path) -> None:
    pipe, out = tmp_path / "pipe", tmp_path / "out.csv"
    os.mkfifo(pipe)
    text = "lon,lat\n" + "37.2,48.5\n" * 3_000
    writer = threading.Thread(target=pipe.write_text, args=(text,), daemon=True)
    writer.start()
    ran = locate(pipe, line, out, "--json")
    assert (ran.exit_code, ran.json["located"]) == (0, 3_000)
    writer.join()


def test_no_ending_that_nobody_writes(line: Path, tmp_path: Path) -> None:
    write_places(tmp_path / "points.csv")
    for name in ("out.parquet.gz", "out.json", "out"):
        ran = locate(tmp_path / "points.csv", line, tmp_path / name)
        assert (ran.exit_code, ".parquet, .arrow" in ran.err) == (2, True)


def test_lines_that_are_no_features_are_told_what_they_are_and_what_they_should_be(
    line: Path, tmp_path: Path
) -> None:
    points = tmp_path / "points.ndjson"
    points.write_text('{"id":"a","lon":37.2,"lat":48.5}\n', encoding="utf-8")
    ran = locate(points, line, tmp_path / "out.csv")
    assert ran.exit_code == 1
    told = " ".join(ran.out.split())
    assert "line 1: type an object without a type, not a Feature: write " in told
    assert '{"type":"Feature","geometry":{"type":"Point",...},"properties":{...}}' in told
    assert "here lat and lon stand by themselves" in told
    assert "None" not in ran.out
