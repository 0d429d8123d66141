"""Areas of an agreement on the ground: circle, polygon, corridor; how far inside its edge a place lies.

Edges are straight in lon/lat, as everywhere. Depths are measured in a conformal frame fitted to the area: exact to
a metre for areas of up to 100 km.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final, cast

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from geodata.contact_line import ContactLine
from geodata.errors import LineInvalid
from geodata.line_file import polygons_of
from geodata.projection import Frame, unwrap_deg, wrap_deg
from monitoring.agreement.checking import Node

Reals = NDArray[np.float64]

RADIUS_M_MAX: Final = 300_000.0
_STEP_DEG: Final = 0.005
"""Edges are cut this fine before they are laid into the frame, where they are slightly bent."""


@dataclass(frozen=True)
class Shape:
    """An area: what lies within `reach_m` of `spine` (a point, a line, or a polygon with reach 0).

    `spine` is in the metres of `frame`; `lon`, `lat` are the vertices it was given by, degrees.
    """

    frame: Frame
    spine: BaseGeometry
    reach_m: float
    lon: tuple[float, ...]
    lat: tuple[float, ...]

    def depth_m(self, lon: Reals, lat: Reals) -> Reals:
        """How far inside the edge each place lies, (n,); negative outside, NaN for what is no place.

        >>> shape = circle(37.0, 48.0, 1_000.0)
        >>> shape.depth_m(np.array([37.0, 38.0]), np.array([48.0, 48.0])).round(-2)
        array([  1000., -73600.])
        """
        x, y = self.frame.forward(lon, lat)
        if self.spine.geom_type == "Point":
            return np.asarray(self.reach_m - np.hypot(x, y))
        points = shapely.points(x, y)
        if self.spine.geom_type == "LineString":
            away = np.asarray(shapely.distance(self.spine, points), dtype=np.float64)
            return np.where(np.isfinite(x), self.reach_m - away, np.nan)
        away = np.asarray(shapely.distance(self._edge, points), dtype=np.float64)
        return np.where(np.isfinite(x), np.where(shapely.contains_xy(self.spine, x, y), away, -away), np.nan)

    @cached_property
    def centre(self) -> tuple[float, float]:
        """Longitude and latitude of the middle of the box around it."""
        return self.frame.lon0_deg, self.frame.lat0_deg

    @cached_property
    def radius_m(self) -> float:
        """How far from the centre the area reaches at most."""
        west, south, east, north = self.spine.bounds
        return float(np.hypot(max(-west, east), max(-south, north))) + self.reach_m

    @cached_property
    def _edge(self) -> BaseGeometry:
        edge = shapely.boundary(self.spine)
        shapely.prepare(edge)
        return cast("BaseGeometry", edge)


def circle(lon: float, lat: float, radius_m: float) -> Shape:
    """What lies within a radius of a place."""
    return Shape(Frame(lon, lat), shapely.Point(0.0, 0.0), radius_m, (lon,), (lat,))


def read_circle(fields: Mapping[str, Node]) -> Shape:
    """The circle of an entry with `lon`, `lat`, `radius_m`."""
    return circle(
        fields["lon"].number(-180.0, 180.0),
        fields["lat"].number(-89.0, 89.0),
        fields["radius_m"].number(1.0, RADIUS_M_MAX),
    )


def read_area(area: Node) -> Shape:
    """The shape of `{circle: …}`, `{polygon: …}` or `{corridor: …}`. Raises `AgreementInvalid`."""
    fields = area.mapping((), ("circle", "polygon", "corridor"))
    if len(fields) != 1:
        raise area.refused("expected one of circle, polygon, corridor")
    if "circle" in fields:
        return read_circle(fields["circle"].mapping(("lon", "lat", "radius_m")))
    if "polygon" in fields:
        return read_polygon(fields["polygon"])
    corridor = fields["corridor"].mapping(("line", "width_m"))
    half_m = corridor["width_m"].number(1.0, RADIUS_M_MAX) / 2.0
    return _corridor(corridor["line"], half_m)


def read_polygon(geometry: Node) -> Shape:
    """The shape of a GeoJSON Polygon or MultiPolygon. Raises `AgreementInvalid`."""
    raw = geometry.raw
    if not isinstance(raw, dict) or raw.get("type") not in ("Polygon", "MultiPolygon"):
        raise geometry.refused("expected a GeoJSON Polygon or MultiPolygon")
    try:
        polygons = polygons_of(raw, "geometry")
        rings = [np.array(ring) for polygon in polygons for ring in polygon]
        if not rings:
            raise geometry.refused("has no rings")
        lon, lat = np.concatenate([r[:, 0] for r in rings]), np.concatenate([r[:, 1] for r in rings])
        frame = Frame.fit(lon, lat)
    except LineInvalid as error:
        raise geometry.refused(str(error)) from None
    near = lon[0]
    parts = [
        shapely.Polygon(*_shell_and_holes([_continuous(np.array(ring), near) for ring in polygon]))
        for polygon in polygons
    ]
    whole = shapely.MultiPolygon(parts)
    if not shapely.is_valid(whole) or shapely.area(whole) == 0.0:
        raise geometry.refused(f"is no valid polygon ({shapely.is_valid_reason(whole)})")
    spine = _laid(shapely.segmentize(whole, _STEP_DEG), frame)
    shapely.prepare(spine)
    return Shape(frame, spine, 0.0, tuple(lon.tolist()), tuple(lat.tolist()))


def _corridor(geometry: Node, half_m: float) -> Shape:
    raw = geometry.raw
    if not isinstance(raw, dict) or raw.get("type") != "LineString":
        raise geometry.refused("expected a GeoJSON LineString")
    try:
        line = ContactLine.from_geojson({"type": "Feature", "properties": {}, "geometry": raw}, "line")
    except LineInvalid as error:
        raise geometry.refused(str(error)) from None
    along = shapely.LineString(np.stack([line.lon_continuous, line.lat], axis=1))
    spine = _laid(shapely.segmentize(along, _STEP_DEG), line.frame)
    shapely.prepare(spine)
    return Shape(line.frame, spine, half_m, tuple(line.lon.tolist()), tuple(line.lat.tolist()))


def _shell_and_holes(rings: list[Reals]) -> tuple[Reals, list[Reals]]:
    return rings[0], rings[1:]


def _continuous(ring: Reals, near_lon: float) -> Reals:
    """A ring with longitudes that do not jump, on the turn of the globe of `near_lon`."""
    lon = unwrap_deg(ring[:, 0])
    lon = lon + 360.0 * np.round((near_lon - lon[0]) / 360.0)
    return np.stack([lon, ring[:, 1]], axis=1)


def _laid(geometry: BaseGeometry, frame: Frame) -> BaseGeometry:
    def to_metres(places: Reals) -> Reals:
        x, y = frame.forward(wrap_deg(places[:, 0]), places[:, 1])
        return np.stack([x, y], axis=1)

    return shapely.transform(geometry, to_metres)
