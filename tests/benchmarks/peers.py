"""What a user would pick instead, behind one interface: each peer answers the whole job from lon/lat.

A peer is prepared with a line and then gives side (+1 A, -1 B), unsigned distance (m) and chainage (m) for
places, or the number of crossings per step for tracks. All of them work in the plane of one conformal conic
projection, as a careful user would have it; distances there are not geodesic ones. Peers that are not
installed are left out and named.
"""

import importlib.util
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyproj
import shapely
from numpy.typing import NDArray

from geodata.contact_line import ContactLine
from tests.benchmarks.scene import Steps

Reals = NDArray[np.float64]
Answers = tuple[NDArray[np.int8], Reals, Reals]
Locate = Callable[[Reals, Reals], Answers]
Cross = Callable[[Steps], NDArray[np.int64]]


class Projected:
    """The line in the plane, its edges, their tree, and side A closed far away."""

    def __init__(self, line: ContactLine) -> None:
        lat = np.percentile(line.lat, [15, 50, 85])
        text = (
            f"+proj=lcc +lat_1={lat[0]} +lat_2={lat[2]} +lat_0={lat[1]} +lon_0={line.lon_centre} +ellps=WGS84"
        )
        self.crs = pyproj.CRS.from_proj4(text)
        self.to_metres = pyproj.Transformer.from_crs(4326, self.crs, always_xy=True).transform
        self.x, self.y = self.to_metres(line.lon, line.lat)
        xy = np.stack([self.x, self.y], axis=1)
        self.edges = np.asarray(shapely.linestrings(np.stack([xy[:-1], xy[1:]], axis=1)))
        self.chainage_m = np.append(0.0, np.cumsum(np.hypot(np.diff(self.x), np.diff(self.y))))
        far = 3e6
        hull = [[self.x[-1], far], [-far, far], [-far, self.y[0]]]
        self.side_a = shapely.polygons(np.vstack([xy, hull]))
        shapely.prepare(self.side_a)


def locate_by_shapely(line: ContactLine) -> Locate:
    plane = Projected(line)
    tree = shapely.STRtree(plane.edges)

    def locate(lon: Reals, lat: Reals) -> Answers:
        x, y = plane.to_metres(lon, lat)
        places = shapely.points(x, y)
        (_, edge), distance = tree.query_nearest(places, return_distance=True, all_matches=False)
        side = np.where(shapely.contains_xy(plane.side_a, x, y), 1, -1).astype(np.int8)
        along = shapely.line_locate_point(plane.edges[edge], places)
        return side, distance, plane.chainage_m[edge] + along

    return locate


def locate_by_geopandas(line: ContactLine) -> Locate:
    import geopandas

    plane = Projected(line)
    edges = geopandas.GeoDataFrame({"begin_m": plane.chainage_m[:-1]}, geometry=plane.edges, crs=plane.crs)

    def locate(lon: Reals, lat: Reals) -> Answers:
        places = geopandas.GeoDataFrame(geometry=geopandas.points_from_xy(lon, lat, crs=4326)).to_crs(
            plane.crs
        )
        near = places.sjoin_nearest(edges, distance_col="distance_m")
        near = near[~near.index.duplicated()].sort_index()
        side = np.where(places.within(plane.side_a).to_numpy(), 1, -1).astype(np.int8)
        along = shapely.line_locate_point(plane.edges[near["index_right"]], near.geometry.to_numpy())
        return side, near["distance_m"].to_numpy(), near["begin_m"].to_numpy() + along

    return locate


def locate_by_sedonadb(line: ContactLine) -> Locate:
    import sedonadb

    plane = Projected(line)
    db = sedonadb.connect()
    edges = pa.table({"edge": np.arange(len(plane.edges)), "g": shapely.to_wkb(plane.edges)})
    db.create_data_frame(edges).to_view("edges_wkb")
    db.sql("SELECT edge, ST_GeomFromWKB(g) AS g FROM edges_wkb").to_memtable().to_view("edges")

    def locate(lon: Reals, lat: Reals) -> Answers:
        x, y = plane.to_metres(lon, lat)
        table = pa.table({"id": np.arange(len(x)), "x": x, "y": y})
        db.create_data_frame(table).to_view("places_xy", overwrite=True)
        db.sql("SELECT id, ST_Point(x, y) AS g FROM places_xy").to_memtable().to_view(
            "places", overwrite=True
        )
        near = pa.table(
            db.sql(
                "SELECT p.id, e.edge, ST_Distance(p.g, e.g) AS distance_m FROM places p JOIN edges e"
                " ON ST_KNN(p.g, e.g, 1, false)"
            )
        )
        _, first = np.unique(near["id"].to_numpy(), return_index=True)
        near = near.take(first)
        side = np.where(shapely.contains_xy(plane.side_a, x, y), 1, -1).astype(np.int8)
        edge = near["edge"].to_numpy()
        along = shapely.line_locate_point(plane.edges[edge], shapely.points(x, y))
        return side, near["distance_m"].to_numpy(), plane.chainage_m[edge] + along

    return locate


POSTGIS = "CONTACTLINE_BENCHMARK_POSTGIS"
"""Names the database to use, as psycopg.connect takes it; it may get the extension and temporary tables."""


def _postgis() -> Any:
    """A connection that works with one process."""
    import psycopg

    connection = psycopg.connect(os.environ[POSTGIS], autocommit=True)
    connection.execute("CREATE EXTENSION IF NOT EXISTS postgis")
    connection.execute("SET max_parallel_workers_per_gather = 0")
    return connection


def _cpu_of_server(connection: Any) -> Callable[[], float]:
    """CPU seconds of the server's process that works for us; where it is on another machine, seconds by the clock."""
    stat = Path(f"/proc/{connection.info.backend_pid}/stat")
    if not stat.exists() or "postgres" not in stat.read_text():
        return time.perf_counter
    ticks = os.sysconf("SC_CLK_TCK")
    return lambda: sum(map(int, stat.read_text().rpartition(")")[2].split()[11:13])) / ticks


def locate_by_postgis(line: ContactLine) -> Locate:
    plane = Projected(line)
    connection = _postgis()
    connection.execute("CREATE TEMP TABLE edges (edge int, begin_m float8, g geometry(LineString))")
    with connection.cursor().copy("COPY edges FROM STDIN") as copy:
        for edge, wkb in enumerate(shapely.to_wkb(plane.edges, hex=True)):
            copy.write_row((edge, float(plane.chainage_m[edge]), wkb))
    connection.execute("CREATE INDEX ON edges USING gist (g)")
    connection.execute("ANALYZE edges")

    def locate(lon: Reals, lat: Reals) -> Answers:
        x, y = plane.to_metres(lon, lat)
        connection.execute("DROP TABLE IF EXISTS places")
        connection.execute("CREATE TEMP TABLE places (id int, x float8, y float8)")
        with connection.cursor().copy("COPY places FROM STDIN") as copy:
            for row in zip(range(len(x)), x.tolist(), y.tolist(), strict=True):
                copy.write_row(row)
        rows = connection.execute(
            "SELECT n.distance_m, n.begin_m + ST_LineLocatePoint(n.g, ST_Point(x, y)) * ST_Length(n.g)"
            " FROM places CROSS JOIN LATERAL (SELECT g, begin_m, g <-> ST_Point(x, y) AS distance_m FROM edges"
            " ORDER BY g <-> ST_Point(x, y) LIMIT 1) n ORDER BY id"
        ).fetchall()
        found = np.array(rows, dtype=np.float64)
        side = np.where(shapely.contains_xy(plane.side_a, x, y), 1, -1).astype(np.int8)
        return side, found[:, 0], found[:, 1]

    locate.cpu_elsewhere_s = _cpu_of_server(connection)  # type: ignore[attr-defined]  # see Contestant
    return locate


def cross_by_shapely(line: ContactLine) -> Cross:
    tree = shapely.STRtree(_edges_in_degrees(line))

    def cross(steps: Steps) -> NDArray[np.int64]:
        step, _ = tree.query(_lines(steps), predicate="crosses")
        return np.bincount(step, minlength=len(steps.lon0))

    return cross


def cross_by_prepared_shapely(line: ContactLine) -> Cross:
    whole = shapely.multilinestrings(_edges_in_degrees(line))
    shapely.prepare(whole)
    tree = shapely.STRtree(_edges_in_degrees(line))

    def cross(steps: Steps) -> NDArray[np.int64]:
        lines = _lines(steps)
        hit = np.flatnonzero(shapely.intersects(whole, lines))
        step, _ = tree.query(lines[hit], predicate="crosses")
        return np.bincount(hit[step], minlength=len(lines))

    return cross


def cross_by_geopandas(line: ContactLine) -> Cross:
    import geopandas

    edges = geopandas.GeoDataFrame(geometry=_edges_in_degrees(line), crs=4326)

    def cross(steps: Steps) -> NDArray[np.int64]:
        frame = geopandas.GeoDataFrame(geometry=_lines(steps), crs=4326)
        hit = frame.sjoin(edges, predicate="crosses")
        return np.bincount(hit.index.to_numpy(), minlength=len(frame))

    return cross


def cross_by_duckdb(line: ContactLine) -> Cross:
    import duckdb

    connection = duckdb.connect(config={"threads": 1})
    # The wheel carries the extension; nothing is downloaded.
    wheel = Path(str(importlib.util.find_spec("duckdb_extension_spatial").origin)).parent
    connection.execute(f"LOAD '{next(wheel.rglob('spatial.duckdb_extension'))}'")
    edges = pa.table({"wkb": shapely.to_wkb(_edges_in_degrees(line))})
    connection.register("edges_wkb", edges)
    connection.execute("CREATE TABLE edges AS SELECT ST_GeomFromWKB(wkb) AS g FROM edges_wkb")

    def cross(steps: Steps) -> NDArray[np.int64]:
        table = pa.table(
            {"id": np.arange(len(steps.lon0)), **{k: v for k, v in vars(steps).items() if k != "track_count"}}
        )
        connection.register("steps", table)
        rows = connection.execute(
            "SELECT s.id, count(*) AS n FROM (SELECT id, ST_MakeLine(ST_Point(lon0, lat0), ST_Point(lon1, lat1)) AS g"
            " FROM steps) s JOIN edges e ON ST_Intersects(s.g, e.g) GROUP BY s.id"
        ).fetchnumpy()
        counts = np.zeros(table.num_rows, dtype=np.int64)
        counts[rows["id"]] = rows["n"]
        return counts

    return cross


def cross_by_sedonadb(line: ContactLine) -> Cross:
    import sedonadb

    db = sedonadb.connect()
    edges = pa.table({"g": shapely.to_wkb(_edges_in_degrees(line))})
    db.create_data_frame(edges).to_view("line_wkb")
    db.sql("SELECT ST_GeomFromWKB(g) AS g FROM line_wkb").to_memtable().to_view("line_edges")

    def cross(steps: Steps) -> NDArray[np.int64]:
        table = pa.table({"id": np.arange(len(steps.lon0)), "g": shapely.to_wkb(_lines(steps))})
        db.create_data_frame(table).to_view("steps_wkb", overwrite=True)
        hit = pa.table(
            db.sql(
                "SELECT s.id FROM (SELECT id, ST_GeomFromWKB(g) AS g FROM steps_wkb) s JOIN line_edges e"
                " ON ST_Intersects(s.g, e.g)"
            )
        )
        return np.bincount(hit["id"].to_numpy(), minlength=table.num_rows)

    return cross


def cross_by_postgis(line: ContactLine) -> Cross:
    connection = _postgis()
    connection.execute("CREATE TEMP TABLE line_edges (g geometry(LineString))")
    with connection.cursor().copy("COPY line_edges FROM STDIN") as copy:
        for wkb in shapely.to_wkb(_edges_in_degrees(line), hex=True):
            copy.write_row((wkb,))
    connection.execute("CREATE INDEX ON line_edges USING gist (g)")
    connection.execute("ANALYZE line_edges")

    def cross(steps: Steps) -> NDArray[np.int64]:
        connection.execute("DROP TABLE IF EXISTS steps")
        connection.execute(
            "CREATE TEMP TABLE steps (id int, lon0 float8, lat0 float8, lon1 float8, lat1 float8)"
        )
        columns = (steps.lon0.tolist(), steps.lat0.tolist(), steps.lon1.tolist(), steps.lat1.tolist())
        with connection.cursor().copy("COPY steps FROM STDIN") as copy:
            for row in zip(range(len(steps.lon0)), *columns, strict=True):
                copy.write_row(row)
        rows = connection.execute(
            "SELECT s.id, count(*) FROM steps s JOIN line_edges e ON"
            " ST_Intersects(e.g, ST_MakeLine(ST_Point(lon0, lat0), ST_Point(lon1, lat1))) GROUP BY s.id"
        ).fetchall()
        counts = np.zeros(len(steps.lon0), dtype=np.int64)
        if rows:
            at, times = np.array(rows, dtype=np.int64).T
            counts[at] = times
        return counts

    cross.cpu_elsewhere_s = _cpu_of_server(connection)  # type: ignore[attr-defined]  # see Contestant
    return cross


def _edges_in_degrees(line: ContactLine) -> NDArray[Any]:
    xy = np.stack([line.lon, line.lat], axis=1)
    return np.asarray(shapely.linestrings(np.stack([xy[:-1], xy[1:]], axis=1)))


def _lines(steps: Steps) -> NDArray[Any]:
    ends = np.stack([steps.lon0, steps.lat0, steps.lon1, steps.lat1], axis=1)
    return np.asarray(shapely.linestrings(ends.reshape(-1, 2, 2)))


def _has(*modules: str) -> bool:
    return all(importlib.util.find_spec(module) is not None for module in modules)


LOCATE: dict[str, tuple[Callable[[ContactLine], Locate], bool, int]] = {
    "shapely STRtree.query_nearest + contains_xy": (locate_by_shapely, True, 1_000_000),
    "geopandas sjoin_nearest": (locate_by_geopandas, _has("geopandas"), 100_000),
    "SedonaDB KNN join": (locate_by_sedonadb, _has("sedonadb"), 100_000),
    "PostGIS KNN lateral": (
        locate_by_postgis,
        _has("psycopg") and POSTGIS in os.environ,
        100_000,
    ),
}
"""Name → (preparation, whether it can be had here, most places it is asked for)."""

CROSS: dict[str, tuple[Callable[[ContactLine], Cross], bool, int]] = {
    "shapely STRtree per step": (cross_by_shapely, True, 1_000_000),
    "shapely prepared, STRtree on hits": (cross_by_prepared_shapely, True, 1_000_000),
    "geopandas sjoin": (cross_by_geopandas, _has("geopandas"), 100_000),
    "DuckDB spatial join": (cross_by_duckdb, _has("duckdb", "duckdb_extension_spatial"), 10_000_000),
    "SedonaDB spatial join": (cross_by_sedonadb, _has("sedonadb"), 100_000),
    "PostGIS spatial join": (cross_by_postgis, _has("psycopg") and POSTGIS in os.environ, 100_000),
}
