"""Reading a contact line from a file: GeoJSON (or GeoPackage) to a draft whose geometry is not yet judged.

A draft holds what the file says: vertices in degrees and the properties `name`, `left_side`, `sigma_m`. What
is no line at all is refused here, by name; whether the line is usable is for `geodata.contact_line` to say.
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
_WGS84_NAMES: Final = ("CRS84", "EPSG::4326", "EPSG:4326", "WGS84")

Vertex = tuple[float, float]


@dataclass(frozen=True, slots=True)
class LineDraft:
    """A line as its file states it.

    `vertices`: (lon, lat) in degrees, walked from the start; `left_side`: the side on the left of that walk;
    `sigma_m`: the line's own standard deviation per axis (0 = taken as exact); `label`: for people.
    """

    vertices: tuple[Vertex, ...]
    label: str
    left_side: str = "A"
    sigma_m: float = 0.0
    where: str = "line"


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
    >>> parse_line({"type": "Point", "coordinates": [37.5, 48]})
    Traceback (most recent call last):
    geodata.errors.LineInvalid: line: is a Point; a contact line is one LineString
    """
    document = _load_json(data, name) if isinstance(data, bytes) else data
    if not isinstance(document, dict):
        raise LineInvalid("format", name, "is not a GeoJSON object")
    _check_crs(document, name)
    geometry, properties = _only_geometry(document, name)
    kind = geometry.get("type")
    if kind != "LineString":
        raise LineInvalid("line_invalid", name, f"is a {kind}; a contact line is one LineString")
    vertices = _vertices(geometry.get("coordinates"), name)
    return _draft(vertices, properties, name)


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


def _only_geometry(document: dict[str, Any], name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The one geometry of a document, with its feature's properties."""
    kind = document.get("type")
    if kind == "FeatureCollection":
        features = document.get("features")
        if not isinstance(features, list) or not features:
            raise LineInvalid("empty", name, "has no features")
        if len(features) > 1:
            raise LineInvalid(
                "line_invalid", name, f"has {len(features)} features; a contact line is one LineString"
            )
        if not isinstance(features[0], dict):
            raise LineInvalid("format", f"{name}, feature 0", "is not an object")
        return _only_geometry(features[0], name)
    if kind == "Feature":
        geometry, properties = document.get("geometry"), document.get("properties")
        if not isinstance(geometry, dict):
            raise LineInvalid("empty", name, "has a feature without geometry")
        return geometry, properties if isinstance(properties, dict) else {}
    return document, {}


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


def _draft(vertices: tuple[Vertex, ...], properties: dict[str, Any], name: str) -> LineDraft:
    left_side = properties.get("left_side", "A")
    if left_side not in ("A", "B"):
        raise LineInvalid("line_invalid", name, f"has left_side {str(left_side)[:40]!r}; it is 'A' or 'B'")
    sigma_m = properties.get("sigma_m", 0.0)
    is_number = isinstance(sigma_m, int | float) and not isinstance(sigma_m, bool)
    if not is_number or not math.isfinite(sigma_m) or sigma_m < 0:
        raise LineInvalid(
            "line_invalid", name, f"has sigma_m {str(sigma_m)[:40]!r}; it is a length >= 0 in metres"
        )
    label = properties.get("label") or properties.get("name") or Path(name).stem
    return LineDraft(vertices, str(label)[:200], left_side, float(sigma_m), name)


def _parse_geopackage(path: Path) -> LineDraft:
    """The one line of a GeoPackage, by pyogrio; any reference system but WGS 84 is refused by name."""
    import pyogrio  # noqa: PLC0415  heavy, and only this form of file needs it
    import shapely  # noqa: PLC0415

    try:
        with warnings.catch_warnings():
            # GDAL warns of oddities (a missing application id) that decide nothing here.
            warnings.simplefilter("ignore", RuntimeWarning)
            meta, _, geometries, columns = pyogrio.raw.read(path)
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError) as error:
        raise LineInvalid("format", path.name, f"is not a readable GeoPackage ({error})") from error
    crs = str(meta["crs"] or "")
    if crs and not any(crs.upper().endswith(known.upper()) for known in _WGS84_NAMES):
        raise LineInvalid(
            "crs", path.name, f"states the reference system {crs[:80]!r}; convert it to WGS 84 lon/lat"
        )
    features = [
        {
            "type": "Feature",
            "properties": {
                field: column[idx].item() if hasattr(column[idx], "item") else column[idx]
                for field, column in zip(meta["fields"], columns, strict=True)
            },
            "geometry": None if wkb is None else json.loads(shapely.to_geojson(shapely.from_wkb(wkb))),
        }
        for idx, wkb in enumerate(geometries)
    ]
    return parse_line({"type": "FeatureCollection", "features": features}, path.name)
