"""Belts along the line as polygons for maps: what lies within a width of the line, by side.

For showing only. Whether a place lies in a belt is decided by its distance from the line, never by these
shapes.
"""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.ops import split

if TYPE_CHECKING:
    from geodata.contact_line import ContactLine

_SIMPLIFY_M: Final = 25.0
_SLIVER_M2: Final = 1.0
_DIGITS: Final = 5


def belts_along(line: "ContactLine", width_m: Mapping[str, float]) -> dict[str, Any]:
    """A GeoJSON FeatureCollection with one MultiPolygon for each side in `width_m` (side → metres).

    Properties: `role` = `buffer`, `side`, `width_m`. Edges are simplified to 25 m and rounded to 1e-5
    degrees.

    >>> from geodata.contact_line import ContactLine, LineDraft
    >>> line = ContactLine.from_draft(LineDraft(((37.0, 48.0), (37.0, 48.1)), "north"))
    >>> [f["properties"]["side"] for f in belts_along(line, {"A": 2_000.0, "B": 1_000.0})["features"]]
    ['A', 'B']
    """
    pieces = line.segments
    spine = shapely.LineString(
        np.stack([np.append(pieces.x0, pieces.x1[-1]), np.append(pieces.y0, pieces.y1[-1])], axis=1)
    )
    features = [
        {
            "type": "Feature",
            "properties": {"role": "buffer", "side": side, "width_m": width},
            "geometry": json.loads(shapely.to_geojson(_side_of_belt(line, spine, side, width))),
        }
        for side, width in sorted(width_m.items())
        if width > 0.0
    ]
    return {"type": "FeatureCollection", "features": features}


def _side_of_belt(
    line: "ContactLine", spine: shapely.LineString, side: str, width_m: float
) -> shapely.Geometry:
    belt = spine.buffer(width_m, quad_segs=4, cap_style="flat")
    # The line ends on the belt's edge; it must reach beyond it on both ends to cut the belt in two.
    cutter = shapely.LineString(_reaching_out(shapely.get_coordinates(spine), width_m))
    parts = [part for part in shapely.get_parts(split(belt, cutter)) if part.area > _SLIVER_M2]
    inside = shapely.point_on_surface(np.array(parts, dtype=object))
    lon, lat = line.frame.inverse(shapely.get_x(inside), shapely.get_y(inside))
    located = line.locator.locate(lon, lat)
    wanted = 1 if side == "A" else -1
    chosen = shapely.union_all(np.array(parts, dtype=object)[located.side == wanted])
    simple = shapely.multipolygons(shapely.get_parts(chosen.simplify(_SIMPLIFY_M)))

    def to_degrees(places: NDArray[np.float64]) -> NDArray[np.float64]:
        place_lon, place_lat = line.frame.inverse(places[:, 0], places[:, 1])
        rounded = np.round(np.stack([line.continuous(place_lon), place_lat], axis=1), _DIGITS)
        return np.asarray(rounded, dtype=np.float64)

    valid = np.asarray(shapely.make_valid(np.array([shapely.transform(simple, to_degrees)], dtype=object)))
    belt_in_degrees: shapely.Geometry = shapely.normalize(valid)[0]
    return belt_in_degrees


def _reaching_out(places: NDArray[np.float64], by_m: float) -> NDArray[np.float64]:
    def beyond(end: NDArray[np.float64], before: NDArray[np.float64]) -> NDArray[np.float64]:
        step = end - before
        return np.asarray(end + step / np.hypot(*step) * by_m)

    return np.vstack([beyond(places[0], places[1]), places, beyond(places[-1], places[-2])])
