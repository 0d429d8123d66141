"""Belts along the line as polygons for maps: what lies within a width of the line, by side.

For showing only. Whether a place lies in a belt is decided by its distance from the line, never by these
shapes.
"""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np
import shapely
from numpy.typing import NDArray

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
    parts = _in_the_plane(line)
    features = [
        {
            "type": "Feature",
            "properties": {"role": "buffer", "side": side, "width_m": width},
            "geometry": json.loads(shapely.to_geojson(_side_of_belt(line, parts, side, width))),
        }
        for side, width in sorted(width_m.items())
        if width > 0.0
    ]
    return {"type": "FeatureCollection", "features": features}


def _in_the_plane(line: "ContactLine") -> list[NDArray[np.float64]]:
    """The vertices of the pieces of each part, shape (k, 2), metres."""
    pieces = line.segments
    parts = []
    for part in range(len(line.is_closed)):
        first, last = np.searchsorted(pieces.part, [part, part + 1]).tolist()
        x = np.append(pieces.x0[first:last], pieces.x1[last - 1])
        y = np.append(pieces.y0[first:last], pieces.y1[last - 1])
        parts.append(np.stack([x, y], axis=1))
    return parts


def _side_of_belt(
    line: "ContactLine", parts: list[NDArray[np.float64]], side: str, width_m: float
) -> shapely.Geometry:
    spines = np.asarray(shapely.linestrings(np.concatenate(parts), indices=_numbered(parts)))
    belt = shapely.union_all(shapely.buffer(spines, width_m, quad_segs=4, cap_style="flat"))
    # An open part ends on the belt's edge; it must reach beyond it on both ends to cut the belt in two.
    reaching = [
        part if is_closed else _reaching_out(part, width_m)
        for part, is_closed in zip(parts, line.is_closed.tolist(), strict=True)
    ]
    cutters = shapely.linestrings(np.concatenate(reaching), indices=_numbered(reaching))
    edges = shapely.union_all([shapely.union_all(cutters), shapely.boundary(belt)])
    pieces = np.asarray(shapely.get_parts(shapely.polygonize([edges])))
    inside = np.asarray(shapely.point_on_surface(pieces))
    is_belt = shapely.contains_properly(belt, inside) & (shapely.area(pieces) > _SLIVER_M2)
    pieces, inside = pieces[is_belt], inside[is_belt]
    lon, lat = line.frame.inverse(shapely.get_x(inside), shapely.get_y(inside))
    located = line.locator.locate(lon, lat)
    wanted = 1 if side == "A" else -1
    chosen = shapely.union_all(pieces[located.side == wanted])
    simple = shapely.multipolygons(shapely.get_parts(chosen.simplify(_SIMPLIFY_M)))

    def to_degrees(places: NDArray[np.float64]) -> NDArray[np.float64]:
        place_lon, place_lat = line.frame.inverse(places[:, 0], places[:, 1])
        degrees = np.stack([line.continuous(place_lon), place_lat], axis=1)
        return np.asarray(np.round(degrees, _DIGITS), dtype=np.float64)

    in_degrees = shapely.make_valid(shapely.transform(simple, to_degrees))
    return cast("shapely.Geometry", shapely.normalize(in_degrees))


def _numbered(parts: list[NDArray[np.float64]]) -> NDArray[np.int64]:
    return np.repeat(np.arange(len(parts)), [len(part) for part in parts])


def _reaching_out(places: NDArray[np.float64], by_m: float) -> NDArray[np.float64]:
    def beyond(end: NDArray[np.float64], before: NDArray[np.float64]) -> NDArray[np.float64]:
        step = end - before
        return np.asarray(end + step / np.hypot(*step) * by_m)

    return np.vstack([beyond(places[0], places[1]), places, beyond(places[-1], places[-2])])
