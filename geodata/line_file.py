"""Reading a contact line from a file: GeoJSON (or GeoPackage) to a draft whose geometry is not yet judged.

A draft holds what the file says: vertices in degrees and the properties `name`, `left_side`, `sigma_m`. The
file has one LineString or MultiLineString, or several (further parts: pockets, enclaves, separate runs), or
the polygons of both sides, each with property `side`. What is no line at all is refused here, by name; whether
the line is usable is for `geodata.contact_line` to say.
"""

import json
import math
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from geodata.errors import LineInvalid

FILE_BYTES_MAX: Final = 64 * 1024 * 1024
_GEOPACKAGE_MAGIC: Final = b"SQLite format 3\x00"
LINE_KINDS: Final = frozenset({"LineString", "MultiLineString"})
POLYGON_KINDS: Final = frozenset({"Polygon", "MultiPolygon"})
_WGS84_NAMES: Final = ("CRS84", "EPSG::4326", "EPSG:4326", "WGS84")

Vertex = tuple[float, float]


@dataclass(frozen=True, slots=True)
class LineDraft:
    """A line as its file states it.

    `vertices`: (lon, lat) in degrees, walked from the start, of the first part, `other_parts` those of the
    others; `left_side`: the side on the left of that walk;
    `sigma_m`: the line's own standard deviation per axis (0 = taken as exact); `label`: for people.
    """

    vertices: tuple[Vertex, ...]
    label: str
    left_side: str = "A"
    sigma_m: float = 0.0
    where: str = "line"
    other_parts: tuple[tuple[Vertex, ...], ...] = ()

    @property
    def parts(self) -> tuple[tuple[Vertex, ...], ...]:
        """The vertices of every part, as the file has them."""
        return (self.vertices, *self.other_parts)


def read_line(path: Path) -> LineDraft:
    """The draft of the line in the file `path`; raises LineInvalid naming the file.

    GeoJSON by content, GeoPackage by its magic bytes; at most 64 MiB.
    """
    try:
        size = path.stat().st_size
        if size > FILE_BYTES_MAX:
            raise LineInvalid("size_limit", str(path), f"has {size:,} bytes; a line file may have 64 MiB")
        data = path.read_bytes()
    except OSError as error:
        raise LineInvalid("format", str(path), f"cannot be read ({error.strerror or error})") from error
    if data.startswith(_GEOPACKAGE_MAGIC):
        return _parse_geopackage(path)
    return parse_line(data, path.name)


def parse_line(data: bytes | dict[str, Any], name: str = "line") -> LineDraft:
    """The draft of the line in a GeoJSON text or object; `name` stands in error messages.

    Raises LineInvalid with reason `empty`, `encoding`, `format`, `crs` or `line_invalid`.

    >>> parse_line(b'{"type": "LineString", "coordinates": [[37.5, 48], [37.6, 48.1]]}').vertices
    ((37.5, 48.0), (37.6, 48.1))
    >>> parse_line({"type": "Point", "coordinates": [37.5, 48]})  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    geodata.errors.LineInvalid: line: is a Point; a contact line is a LineString, ... with property side
    """
    document = load_document(data, name)
    features = features_of(document, name)
    kinds = {str(geometry.get("type")) for geometry, _ in features}
    for kind in sorted(kinds):
        if kind not in LINE_KINDS and kind not in POLYGON_KINDS:
            article = "an" if kind[0] in "AEIOU" else "a"
            raise LineInvalid(
                "line_invalid",
                name,
                f"is {article} {kind[:40]}; a contact line is a LineString, a MultiLineString, or Polygons with"
                " property side",
            )
    if not kinds & POLYGON_KINDS:
        return _lines(features, name)
    if kinds & LINE_KINDS:
        raise LineInvalid("line_invalid", name, "has both lines and polygons; give one or the other")
    return _between_polygons(features, name)


def load_document(data: bytes | dict[str, Any], name: str) -> dict[str, Any]:
    """The GeoJSON object of a text; raises LineInvalid where it is none or states a foreign reference system."""
    document = _load_json(data, name) if isinstance(data, bytes) else data
    if not isinstance(document, dict):
        raise LineInvalid("format", name, "is not a GeoJSON object")
    _check_crs(document, name)
    return document


def features_of(document: dict[str, Any], name: str) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Geometry and properties of each feature of a document, collections of geometries taken apart."""
    kind = document.get("type")
    if kind == "FeatureCollection":
        features = document.get("features")
        if not isinstance(features, list) or not features:
            raise LineInvalid("empty", name, "has no features")
        found = []
        for idx, feature in enumerate(features):
            if not isinstance(feature, dict):
                raise LineInvalid("format", f"{name}, feature {idx}", "is not an object")
            found += features_of(feature, name if len(features) == 1 else f"{name}, feature {idx}")
        return found
    if kind == "Feature":
        geometry, properties = document.get("geometry"), document.get("properties")
        if not isinstance(geometry, dict):
            raise LineInvalid("empty", name, "has a feature without geometry")
        return [(geometry, properties if isinstance(properties, dict) else {})]
    return [(document, {})]


def _load_json(data: bytes, name: str) -> Any:
    if not data.strip():
        raise LineInvalid("empty", name, "is empty")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise LineInvalid("encoding", name, f"is not UTF-8 at byte {error.start}") from error
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        where = f"{name}, line {error.lineno}, column {error.colno}"
        raise LineInvalid("format", where, f"is not JSON ({error.msg})") from error
    except RecursionError as error:
        raise LineInvalid("format", name, "is nested too deeply for GeoJSON") from error


def _check_crs(document: dict[str, Any], name: str) -> None:
    """The legacy `crs` member may only say what GeoJSON means anyway: WGS 84 degrees."""
    crs = document.get("crs")
    if crs is None:
        return
    properties = crs.get("properties") if isinstance(crs, dict) else None
    stated = str(properties.get("name", "")) if isinstance(properties, dict) else str(crs)
    if not any(stated.replace(" ", "").upper().endswith(known.upper()) for known in _WGS84_NAMES):
        raise LineInvalid(
            "crs", name, f"states the reference system {stated[:80]!r}; convert it to WGS 84 lon/lat"
        )


def _lines(features: list[tuple[dict[str, Any], dict[str, Any]]], name: str) -> LineDraft:
    """The draft of one or more LineStrings and MultiLineStrings: each a part of one line."""
    parts: list[tuple[Vertex, ...]] = []
    for idx, (geometry, properties) in enumerate(features):
        where = name if len(features) == 1 else f"{name}, feature {idx}"
        coordinates = geometry.get("coordinates")
        if geometry.get("type") == "LineString":
            parts.append(_vertices(coordinates, where))
        elif isinstance(coordinates, list):
            parts += [_vertices(part, f"{where}, part {number}") for number, part in enumerate(coordinates)]
        else:
            raise LineInvalid("format", where, "has no list of coordinates")
        if _left_side(properties, where) != _left_side(features[0][1], name):
            raise LineInvalid(
                "line_invalid", where, "has another left_side than feature 0; walk all parts the same way"
            )
    if not parts:
        raise LineInvalid("line_invalid", name, "has no points; a line needs at least two")
    return _draft(tuple(parts), features[0][1], name)


def _between_polygons(features: list[tuple[dict[str, Any], dict[str, Any]]], name: str) -> LineDraft:
    """The draft of the line where the polygons of side A and of side B touch."""
    from geodata.side_polygons import line_between  # noqa: PLC0415  shapely is only needed for this form

    sides: dict[str, list[list[list[Vertex]]]] = {"A": [], "B": []}
    for idx, (geometry, properties) in enumerate(features):
        where = name if len(features) == 1 else f"{name}, feature {idx}"
        side = properties.get("side")
        if side not in sides:
            said = "no property side" if side is None else f"side {str(side)[:40]!r}"
            raise LineInvalid(
                "line_invalid",
                where,
                f"is a {geometry['type']} with {said}; a side's polygon says 'A' or 'B'",
            )
        sides[str(side)] += polygons_of(geometry, where)
    for side, other in (("A", "B"), ("B", "A")):
        if not sides[side]:
            raise LineInvalid(
                "line_invalid", name, f"has polygons of side {other} only; the line is where A and B touch"
            )
    parts = line_between(sides["A"], sides["B"], name)
    properties = {
        key: value for key, value in features[0][1].items() if key not in ("left_side", "side_left")
    }
    return _draft(tuple(tuple(part) for part in parts), properties, name)


def polygons_of(geometry: dict[str, Any], where: str) -> list[list[list[Vertex]]]:
    """The polygons of a Polygon or MultiPolygon: lists of rings, each closed, of (lon, lat)."""
    coordinates = geometry.get("coordinates")
    polygons = [coordinates] if geometry.get("type") == "Polygon" else coordinates
    if not isinstance(polygons, list):
        raise LineInvalid("format", where, "has no list of coordinates")
    found = []
    for number, polygon in enumerate(polygons):
        if not isinstance(polygon, list) or not polygon:
            raise LineInvalid("line_invalid", f"{where}, polygon {number}", "has no rings")
        rings = []
        for ring_number, ring in enumerate(polygon):
            place = f"{where}, polygon {number}, ring {ring_number}"
            vertices = list(_vertices(ring, place))
            bad = [k for k, (lon, lat) in enumerate(vertices) if not (abs(lon) <= 180.0 and abs(lat) <= 90.0)]
            if bad:
                raise LineInvalid("line_invalid", f"{place}, vertex {bad[0]}", "is no place on the globe")
            if len(vertices) < 4 or vertices[0] != vertices[-1]:
                raise LineInvalid(
                    "line_invalid", place, "is no ring: four vertices or more, the last the first"
                )
            rings.append(vertices)
        found.append(rings)
    return found


def _vertices(coordinates: Any, name: str) -> tuple[Vertex, ...]:
    if not isinstance(coordinates, list):
        raise LineInvalid("format", name, "has no list of coordinates")
    return tuple(_vertex(position, f"{name}, vertex {idx}") for idx, position in enumerate(coordinates))


def _vertex(position: Any, where: str) -> Vertex:
    if not isinstance(position, list) or len(position) < 2:
        raise LineInvalid("line_invalid", where, "is not a [longitude, latitude] pair")
    lon, lat = position[0], position[1]
    for value in (lon, lat):
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise LineInvalid(
                "line_invalid", where, f"has {str(value)[:40]!r} where a number of degrees belongs"
            )
    try:
        return float(lon), float(lat)
    except OverflowError as error:
        raise LineInvalid("line_invalid", where, "has a number beyond all coordinates") from error


def _left_side(properties: dict[str, Any], name: str) -> str:
    left_side = properties.get("left_side", properties.get("side_left", "A"))
    if left_side not in ("A", "B"):
        raise LineInvalid("line_invalid", name, f"has left_side {str(left_side)[:40]!r}; it is 'A' or 'B'")
    return str(left_side)


def _draft(parts: tuple[tuple[Vertex, ...], ...], properties: dict[str, Any], name: str) -> LineDraft:
    left_side = _left_side(properties, name)
    sigma_m = properties.get("sigma_m", 0.0)
    is_number = isinstance(sigma_m, int | float) and not isinstance(sigma_m, bool)
    if not is_number or not math.isfinite(sigma_m) or sigma_m < 0:
        raise LineInvalid(
            "line_invalid", name, f"has sigma_m {str(sigma_m)[:40]!r}; it is a length >= 0 in metres"
        )
    label = properties.get("label") or properties.get("name") or Path(name).stem
    return LineDraft(parts[0], str(label)[:200], left_side, float(sigma_m), name, parts[1:])


def _parse_geopackage(path: Path) -> LineDraft:
    """The line of a GeoPackage, by geopandas; any reference system but WGS 84 is refused by name."""
    import geopandas  # noqa: PLC0415  heavy, and only this form of file needs it
    import pyogrio  # noqa: PLC0415

    try:
        with warnings.catch_warnings():
            # GDAL warns of oddities (a missing application id) that decide nothing here.
            warnings.simplefilter("ignore", RuntimeWarning)
            frame = geopandas.read_file(path)
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError) as error:
        raise LineInvalid("format", path.name, f"is not a readable GeoPackage ({error})") from error
    if frame.crs is not None and frame.crs.to_epsg() != 4326:
        raise LineInvalid(
            "crs",
            path.name,
            f"states the reference system {str(frame.crs.name)[:80]!r}; convert it to WGS 84 lon/lat",
        )
    features = json.loads(frame.to_json(drop_id=True))
    return parse_line(features, path.name)
