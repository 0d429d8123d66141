"""Sectors: fixed polygons along the line, with permanent ids, so that trends survive a moved line.

Sectors are reference data of their own. They are laid out once, around a line, as the places whose nearest
kilometre of the smoothed line falls into the sector's stretch; afterwards only their polygons count.
"""

import json
import math
from collections.abc import Sequence
from functools import cached_property
from importlib import resources
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from shapely.geometry.base import BaseGeometry

from geodata.errors import SectorsInvalid
from geodata.projection import wrap_deg

if TYPE_CHECKING:
    from geodata.contact_line import ContactLine

Reals = NDArray[np.float64]
Indices16 = NDArray[np.int16]

REACH_M: Final = 36_000.0
"""How far sectors reach on each side of the line they are laid out around; 30 km are promised."""
NO_SECTOR: Final = -1
_MIXED: Final = -2
_SAMPLES_PER_SECTOR: Final = 25
_SIMPLIFY_M: Final = 1_000.0
_CELLS_PER_DEGREE: Final = 40.0
"""Lookup cells of about 2 x 2.8 km: most are wholly in one sector or in none."""
_BLOCK_CELLS: Final = 5


class Sectors:
    """Polygons with permanent ids. Immutable; all sequences run in the order of the file.

    `ids`: such as `S01`; `names`: per sector a dict language (`en`, `uk`, `ru`) → name; `polygons`: shapely
    geometries in degrees; `chainage_from_m`, `chainage_to_m`: the stretch of the line they were laid out
    around.
    """

    def __init__(
        self,
        ids: Sequence[str],
        names: Sequence[dict[str, str]],
        polygons: Sequence[BaseGeometry],
        chainage_from_m: ArrayLike,
        chainage_to_m: ArrayLike,
    ) -> None:
        if len(set(ids)) != len(ids):
            raise SectorsInvalid(
                f"sectors: ids repeat ({', '.join(sorted(i for i in ids if list(ids).count(i) > 1))})"
            )
        for sector_id, polygon in zip(ids, polygons, strict=True):
            if (
                polygon.geom_type not in ("Polygon", "MultiPolygon")
                or polygon.is_empty
                or not polygon.is_valid
            ):
                raise SectorsInvalid(
                    f"sector {sector_id}: is no valid polygon ({shapely.is_valid_reason(polygon)})"
                )
        self.ids, self.names = tuple(ids), tuple(names)
        self.polygons = np.array(polygons, dtype=object)
        self.chainage_from_m = np.array(chainage_from_m, dtype=np.float64)
        self.chainage_to_m = np.array(chainage_to_m, dtype=np.float64)

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def fit(cls, line: "ContactLine", length_m: float = 50_000.0) -> Self:
        """Sectors of about `length_m` along the main part of a mission's own line, named by their kilometres.

        >>> from geodata.contact_line import ContactLine, LineDraft
        >>> line = ContactLine.from_draft(LineDraft(((37.0, 48.0), (37.0, 49.0)), "one"))
        >>> Sectors.fit(line).names
        ({'en': 'km 0-56'}, {'en': 'km 56-111'})
        """
        count = max(1, round(line.length_m / length_m))
        bounds = np.linspace(0.0, line.length_m, count + 1)
        width = max(2, len(str(count)))
        names = [{"en": f"km {a / 1e3:.0f}-{b / 1e3:.0f}"} for a, b in pairwise(bounds)]
        ids = [f"S{number:0{width}d}" for number in range(1, count + 1)]
        return cls(ids, names, polygons_along(line, bounds), bounds[:-1], bounds[1:])

    def locate(self, lon: ArrayLike, lat: ArrayLike, chainage_m: ArrayLike | None = None) -> Indices16:
        """Position of the sector that holds each place (degrees, shape (n,)), int16; -1 outside all.

        Where polygons overlap or a place is on a shared border, the sector whose stretch holds the place's
        `chainage_m` (if given) is taken, else the first.

        >>> from geodata.contact_line import ContactLine, LineDraft
        >>> line = ContactLine.from_draft(LineDraft(((37.0, 48.0), (37.0, 49.0)), "one"))
        >>> Sectors.fit(line).locate([37.1, 37.1, 37.1, 30.0], [48.2, 48.9, float("nan"), 48.2])
        array([ 0,  1, -1, -1], dtype=int16)
        """
        lon_deg, lat_deg = (
            np.atleast_1d(np.asarray(lon, np.float64)),
            np.atleast_1d(np.asarray(lat, np.float64)),
        )
        lookup, west, south = self._lookup
        with np.errstate(invalid="ignore"):
            turned = wrap_deg(lon_deg - west) + np.where(wrap_deg(lon_deg - west) < 0.0, 360.0, 0.0)
            column, row = turned * _CELLS_PER_DEGREE, (lat_deg - south) * _CELLS_PER_DEGREE
            inside = np.flatnonzero((column < lookup.shape[1]) & (row >= 0.0) & (row < lookup.shape[0]))
        sector = np.full(len(lon_deg), NO_SECTOR, dtype=np.int16)
        sector[inside] = lookup[row[inside].astype(np.int64), column[inside].astype(np.int64)]
        mixed = np.flatnonzero(sector == _MIXED)
        if len(mixed):
            chainage = None if chainage_m is None else np.asarray(chainage_m, np.float64)[mixed]
            sector[mixed] = self._decide(turned[mixed] + west, lat_deg[mixed], chainage)
        return sector

    def _decide(self, lon: Reals, lat: Reals, chainage_m: Reals | None) -> Indices16:
        sector = np.full(len(lon), NO_SECTOR, dtype=np.int16)
        holds_chainage = np.zeros(len(lon), dtype=bool)
        place, polygon = self._tree.query(shapely.points(lon, lat), predicate="intersects")
        # Pairs come in no stated order; the last assignment wins, so the first sector is assigned last.
        order = np.argsort(-polygon, kind="stable")
        place, polygon = place[order], polygon[order]
        sector[place] = polygon
        if chainage_m is not None:
            with np.errstate(invalid="ignore"):
                of_place = chainage_m[place]
                holds = (of_place >= self.chainage_from_m[polygon]) & (
                    of_place <= self.chainage_to_m[polygon]
                )
            sector[place[holds]] = polygon[holds]
            holds_chainage[place[holds]] = True
        return sector

    @cached_property
    def _tree(self) -> shapely.STRtree:
        return shapely.STRtree(self.polygons)

    @cached_property
    def _lookup(self) -> tuple[Indices16, float, float]:
        """Per lookup cell the sector that holds all of it, -1 where none touches it, -2 otherwise."""
        west, south, east, north = (float(value) for value in shapely.total_bounds(self.polygons))
        columns = math.ceil((east - west) * _CELLS_PER_DEGREE) + 1
        rows = math.ceil((north - south) * _CELLS_PER_DEGREE) + 1
        margin = 1e-9  # so that rounding at a cell's border cannot put a place into the wrong cell
        step = 1.0 / _CELLS_PER_DEGREE + margin
        left = west + np.arange(columns) / _CELLS_PER_DEGREE
        low = south + np.arange(rows) / _CELLS_PER_DEGREE
        # What holds of a block of cells holds of each of them; only blocks on borders are looked at cell by cell.
        first_column, first_row = np.arange(0, columns, _BLOCK_CELLS), np.arange(0, rows, _BLOCK_CELLS)
        last_column = np.minimum(first_column + _BLOCK_CELLS, columns) - 1
        last_row = np.minimum(first_row + _BLOCK_CELLS, rows) - 1
        blocks = self._whole(
            *(grid.ravel() for grid in np.meshgrid(left[first_column] - margin, low[first_row] - margin)),
            *(grid.ravel() for grid in np.meshgrid(left[last_column] + step, low[last_row] + step)),
        ).reshape(len(first_row), len(first_column))
        lookup = blocks.repeat(_BLOCK_CELLS, axis=0)[:rows].repeat(_BLOCK_CELLS, axis=1)[:, :columns]
        row, column = np.nonzero(lookup == _MIXED)
        lookup[row, column] = self._whole(
            left[column] - margin, low[row] - margin, left[column] + step, low[row] + step
        )
        return lookup, west, south

    def _whole(self, west: Reals, south: Reals, east: Reals, north: Reals) -> Indices16:
        """Of each box (n,) the sector that holds all of it, -1 where none touches it, -2 otherwise."""
        boxes = shapely.box(west, south, east, north)
        found = np.full(len(boxes), NO_SECTOR, dtype=np.int16)
        touched, _ = self._tree.query(boxes, predicate="intersects")
        found[touched] = _MIXED
        only_one = np.flatnonzero(np.bincount(touched, minlength=len(boxes)) == 1)
        covered, by = self._tree.query(boxes[only_one], predicate="covered_by")
        found[only_one[covered]] = by
        return found

    def to_geojson(self) -> dict[str, Any]:
        """A FeatureCollection with one polygon a sector, in order."""
        features = [
            {
                "type": "Feature",
                "id": self.ids[idx],
                "properties": {
                    "id": self.ids[idx],
                    "names": self.names[idx],
                    "chainage_from_m": round(float(self.chainage_from_m[idx]), 3),
                    "chainage_to_m": round(float(self.chainage_to_m[idx]), 3),
                },
                "geometry": json.loads(shapely.to_geojson(self.polygons[idx])),
            }
            for idx in range(len(self))
        ]
        return {"type": "FeatureCollection", "features": features}

    @classmethod
    def from_geojson(cls, document: dict[str, Any]) -> Self:
        """The sectors that `to_geojson` described; raises SectorsInvalid naming the sector."""
        try:
            features = list(document["features"])
            stated = [feature["properties"] for feature in features]
            polygons = [shapely.from_geojson(json.dumps(feature["geometry"])) for feature in features]
            return cls(
                [str(item["id"]) for item in stated],
                [dict(item["names"]) for item in stated],
                polygons,
                [float(item["chainage_from_m"]) for item in stated],
                [float(item["chainage_to_m"]) for item in stated],
            )
        except (KeyError, TypeError, ValueError, shapely.errors.GEOSException) as error:
            if isinstance(error, SectorsInvalid):
                raise
            raise SectorsInvalid(f"sectors: not a collection of sector polygons ({error!r})") from error


def polygons_along(line: "ContactLine", bounds_m: Reals) -> list[BaseGeometry]:
    """One polygon for each stretch of chainage between neighbours in `bounds_m`, together tiling `REACH_M`.

    Places belong to the stretch of their nearest sample of the smoothed main part (a Voronoi diagram), those
    around other parts too; borders are simplified together, so that neighbours keep sharing them. Degrees,
    rounded to 1e-4.
    """
    count = len(bounds_m) - 1
    samples = np.linspace(0.0, line.length_m, count * _SAMPLES_PER_SECTOR * 2 + 1)[1::2]
    owner = np.clip(np.searchsorted(bounds_m, samples, side="right") - 1, 0, count - 1)
    x, y = line.frame.forward(*line.place_at(samples))
    x, y = _smoothed(x), _smoothed(y)
    pieces = line.segments
    spines = shapely.linestrings(np.stack([pieces.x0, pieces.y0], axis=1), indices=pieces.part)
    reach = shapely.union_all(shapely.buffer(shapely.simplify(spines, 500.0), REACH_M, quad_segs=8))
    cells = shapely.get_parts(
        shapely.voronoi_polygons(shapely.MultiPoint(np.stack([x, y], axis=1)), extend_to=reach, ordered=True)
    )
    stretches = [shapely.union_all(cells[owner == idx]).intersection(reach) for idx in range(count)]
    simple = shapely.coverage_simplify(np.array(stretches, dtype=object), _SIMPLIFY_M)
    return [_in_degrees(line, polygon) for polygon in simple]


def _smoothed(values: Reals) -> Reals:
    """A moving mean over about one sector, which shrinks towards the ends."""
    half = _SAMPLES_PER_SECTOR // 2
    total = np.concatenate([[0.0], np.cumsum(values)])
    at = np.arange(len(values))
    reach = np.minimum(np.minimum(at, len(values) - 1 - at), half)
    return np.asarray((total[at + reach + 1] - total[at - reach]) / (2 * reach + 1))


def _in_degrees(line: "ContactLine", polygon: BaseGeometry) -> BaseGeometry:
    def to_degrees(places: Reals) -> Reals:
        lon, lat = line.frame.inverse(places[:, 0], places[:, 1])
        return np.asarray(np.round(np.stack([line.continuous(lon), lat], axis=1), 4), dtype=np.float64)

    return shapely.normalize(shapely.transform(polygon, to_degrees))


def packaged_sectors() -> Sectors:
    """The 24 sectors around the packaged line."""
    text = resources.files("geodata").joinpath("data/sectors.geojson").read_text(encoding="utf-8")
    return Sectors.from_geojson(json.loads(text))
