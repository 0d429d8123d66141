"""Files of places in every format are read in pieces, and wherever they are cut the places are the same."""

import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from monitoring.decode.limits import DEFAULT_LIMITS
from monitoring.decode.point_files import Points, open_points
from monitoring.decode.points import PointRows

COUNT = 700
LON = [None if i % 97 == 5 else 36.0 + i / 1_000 for i in range(COUNT)]
LAT = [95.0 if i % 89 == 7 else 48.5 for i in range(COUNT)]


def _features() -> list[str]:
    return [
        json.dumps(
            {
                "type": "Feature",
                "geometry": None if lon is None else {"type": "Point", "coordinates": [lon, lat]},
                "properties": {"name": f"p, {i}"},
            }
        )
        for i, (lon, lat) in enumerate(zip(LON, LAT, strict=True))
    ]


def _table() -> pa.Table:
    return pa.table({"name": [f"p, {i}" for i in range(COUNT)], "lon": LON, "lat": LAT})


def _parquet(rows: int) -> bytes:
    sink = io.BytesIO()
    pq.write_table(_table(), sink, row_group_size=rows)
    return sink.getvalue()


def _arrow(rows: int) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_file(sink, _table().schema) as file:
        file.write_table(_table(), max_chunksize=rows)
    return sink.getvalue()


def _csv() -> bytes:
    cells = (f'"p, {i}",{"" if LON[i] is None else LON[i]},{LAT[i]}\n' for i in range(COUNT))
    return ("name,lon,lat\n" + "".join(cells)).encode()


FILES = {
    "one.parquet": _parquet(COUNT),
    "many.parquet": _parquet(13),
    "one.arrow": _arrow(COUNT),
    "many.arrow": _arrow(13),
    "lines.geojsonl": "\n".join(_features()).encode(),
    "collection.geojson": f'{{"type":"FeatureCollection","features":[{", ".join(_features())}]}}'.encode(),
    "rows.csv": _csv(),
}


def opened(path: Path, chunk_bytes: int) -> tuple[Points, list[PointRows]]:
    points = open_points(path, limits=replace(DEFAULT_LIMITS, chunk_bytes=chunk_bytes))
    return points, list(points.rows())


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("chunk_bytes", [97, 4_096, 1 << 22])
def test_wherever_a_file_is_cut_its_places_are_the_same(name: str, chunk_bytes: int, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(FILES[name])
    points, found = opened(path, chunk_bytes)
    is_good = np.array([lon is not None and lat < 90 for lon, lat in zip(LON, LAT, strict=True)])
    for values, wanted in (("lon", LON), ("lat", LAT)):
        read = np.concatenate([getattr(piece, values) for piece in found])
        expected = np.array([np.nan if value is None else value for value in wanted])
        np.testing.assert_array_equal(read, np.where(is_good, expected, np.nan))
    first = 2 if name == "rows.csv" else 1
    line_no = np.concatenate([piece.line_no for piece in found])
    assert line_no.tolist() == list(range(first, COUNT + first))
    table = pa.Table.from_batches([piece.columns() for piece in found])
    assert table.schema.equals(points.schema)
    assert table.column("name").to_pylist() == [f"p, {i}" for i in range(COUNT)]
    assert table.column("lon").to_pylist() == LON


@pytest.mark.parametrize("name", FILES)
def test_no_piece_is_much_larger_than_asked_for(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(FILES[name])
    _, found = opened(path, 4_096)
    assert len(found) > 3
    assert max(piece.byte_count for piece in found) <= 3 * 4_096


def test_a_file_is_told_by_its_beginning_where_its_name_tells_nothing(tmp_path: Path) -> None:
    for name, data in FILES.items():
        path = tmp_path / "points"
        path.write_bytes(data)
        points, found = opened(path, 1 << 22)
        assert sum(len(piece.lon) for piece in found) == COUNT
        assert points.row_word == ("line" if name in {"lines.geojsonl", "rows.csv"} else "row")
