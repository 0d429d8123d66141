"""The area of operations: where an event may lie at all. Either a box, or the surroundings of the line."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geodata.errors import AreaInvalid
from geodata.projection import wrap_deg

if TYPE_CHECKING:
    from geodata.contact_line import ContactLine

Reals = NDArray[np.float64]

AROUND_LINE_M: Final = 300_000.0
_EARTH_RADIUS_M: Final = 6_371_008.8
_RESAMPLE_M: Final = 2_000.0
_CELL_COLUMNS, _CELL_ROWS = 1_440, 721
_UNKNOWN, _OUT, _BORDER, _IN = range(4)


@dataclass(frozen=True)
class Area:
    """Places inside a box (`bounds` = west, south, east, north in degrees), or nearer than `reach_m` to a
    place of `spine_lon`, `spine_lat` (the line, taken every 2 km; so the border is true to within 2 km on the
    sphere).

    West may be greater than east: the box then crosses the antimeridian.
    """

    bounds: tuple[float, float, float, float] | None
    spine_lon: tuple[float, ...] = ()
    spine_lat: tuple[float, ...] = ()
    reach_m: float = 0.0

    @classmethod
    def fit(cls, line: "ContactLine", reach_m: float = AROUND_LINE_M) -> Self:
        """The surroundings of `line` up to `reach_m` metres.

        >>> from geodata.contact_line import ContactLine, LineDraft
        >>> line = ContactLine.from_draft(LineDraft(((37.0, 48.0), (37.0, 49.0)), "one"))
        >>> Area.fit(line, 50_000.0).contains([37.0, 37.6, 39.0], [48.5, 48.5, 48.5])
        array([ True,  True, False])
        """
        if not (math.isfinite(reach_m) and reach_m > 0.0):
            raise AreaInvalid(f"area of operations: reach {reach_m} m is not a length above 0")
        places = [
            line.place_at(np.linspace(0.0, length_m, max(2, math.ceil(length_m / _RESAMPLE_M) + 1)), part)
            for part, length_m in enumerate(line.part_length_m.tolist())
        ]
        lon, lat = (np.concatenate([place[axis] for place in places]) for axis in (0, 1))
        return cls(None, tuple(lon.tolist()), tuple(lat.tolist()), reach_m)

    @classmethod
    def box(cls, west: float, south: float, east: float, north: float) -> Self:
        """The box between two meridians and two parallels, edges included.

        >>> Area.box(179.0, -42.0, -179.0, -40.0).contains([179.5, -179.5, 0.0], [-41.0, -41.0, -41.0])
        array([ True,  True, False])
        >>> Area.box(30.0, 50.0, 40.0, 45.0)
        Traceback (most recent call last):
        geodata.errors.AreaInvalid: area of operations: south 50.0 is not below north 45.0
        """
        for name, value, limit in (("west", west, 180.0), ("south", south, 90.0), ("east", east, 180.0)):
            if not abs(value) <= limit:
                raise AreaInvalid(f"area of operations: {name} {value} is not within {limit:.0f} degrees")
        if not abs(north) <= 90.0:
            raise AreaInvalid(f"area of operations: north {north} is not within 90 degrees")
        if south >= north:
            raise AreaInvalid(f"area of operations: south {south} is not below north {north}")
        if west == east:
            raise AreaInvalid(f"area of operations: west and east are both {west}")
        return cls((west, south, east, north))

    def contains(self, lon: ArrayLike, lat: ArrayLike) -> NDArray[np.bool_]:
        """Whether each place (degrees, shape (n,)) is inside; False for what is no place."""
        lon_deg, lat_deg = (
            np.atleast_1d(np.asarray(lon, np.float64)),
            np.atleast_1d(np.asarray(lat, np.float64)),
        )
        if self.bounds is not None:
            return _in_box(self.bounds, lon_deg, lat_deg)
        spine = _unit_vectors(np.array(self.spine_lon), np.array(self.spine_lat))
        return self._near_spine(spine, lon_deg, lat_deg)

    def _near_spine(self, spine: Reals, lon: Reals, lat: Reals) -> NDArray[np.bool_]:
        """Quarter-degree cells are decided as a whole and once; only places in border cells are measured."""
        is_place = (np.abs(lon) <= 360.0) & (np.abs(lat) <= 90.0)
        inside = np.zeros(len(lon), dtype=bool)
        at = slice(None) if is_place.all() else np.flatnonzero(is_place)
        column = np.floor(wrap_deg(lon[at]) * 4.0).astype(np.int64) + _CELL_COLUMNS // 2
        row = np.floor(lat[at] * 4.0).astype(np.int64) + _CELL_ROWS // 2
        cell = row * _CELL_COLUMNS + column % _CELL_COLUMNS
        standing = self._cells[cell]
        if not standing.all():
            unknown = np.unique(cell[standing == _UNKNOWN])
            self._cells[unknown] = self._standing(spine, unknown)
            standing = self._cells[cell]
        inside[at] = standing == _IN
        border = np.arange(len(lon))[at][standing == _BORDER]
        if len(border):
            cosine = _largest_product(_unit_vectors(lon[border], lat[border]), spine)
            inside[border] = _EARTH_RADIUS_M * np.arccos(np.clip(cosine, -1.0, 1.0)) <= self.reach_m
        return inside

    @cached_property
    def _cells(self) -> NDArray[np.int8]:
        """How each cell stands that was asked for so far, row by row from the south-west."""
        return np.full(_CELL_ROWS * _CELL_COLUMNS, _UNKNOWN, dtype=np.int8)

    def _standing(self, spine: Reals, cell: NDArray[np.int64]) -> NDArray[np.int8]:
        row, column = np.divmod(cell, _CELL_COLUMNS)
        lon, lat = (column - _CELL_COLUMNS // 2 + 0.5) / 4.0, (row - _CELL_ROWS // 2 + 0.5) / 4.0
        nearest_m = _EARTH_RADIUS_M * np.arccos(
            np.clip(_largest_product(_unit_vectors(lon, lat), spine), -1.0, 1.0)
        )
        # Half the diagonal of such a cell is under 20 km anywhere on the globe.
        is_border = np.abs(nearest_m - self.reach_m) <= 20_000.0
        return np.where(is_border, _BORDER, np.where(nearest_m < self.reach_m, _IN, _OUT)).astype(np.int8)

    def to_json(self) -> dict[str, Any]:
        """What `from_json` reads."""
        if self.bounds is not None:
            return {"kind": "box", "bounds": list(self.bounds)}
        spine = [list(place) for place in zip(self.spine_lon, self.spine_lat, strict=True)]
        return {"kind": "around_line", "reach_m": self.reach_m, "spine": spine}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """The area that `to_json` described.

        >>> Area.from_json(Area.box(20.0, 43.0, 46.0, 54.0).to_json()).bounds
        (20.0, 43.0, 46.0, 54.0)
        """
        if data["kind"] == "box":
            west, south, east, north = (float(value) for value in data["bounds"])
            return cls.box(west, south, east, north)
        lon, lat = zip(*((float(place[0]), float(place[1])) for place in data["spine"]), strict=True)
        return cls(None, lon, lat, float(data["reach_m"]))


def _in_box(bounds: tuple[float, float, float, float], lon: Reals, lat: Reals) -> NDArray[np.bool_]:
    west, south, east, north = bounds
    is_place = np.abs(lon) <= 360.0
    turned = wrap_deg(np.where(is_place, lon, 0.0))
    if west < east:
        # The meridian of 180 degrees is -180 after turning; a box that ends there still holds it.
        in_lon = ((turned >= west) & (turned <= east)) | ((turned == -180.0) & (east == 180.0))
    else:
        in_lon = (turned >= west) | (turned <= east)
    return np.asarray(is_place & in_lon & (lat >= south) & (lat <= north))


def _unit_vectors(lon: Reals, lat: Reals) -> Reals:
    lam, phi = np.radians(lon), np.radians(lat)
    return np.stack([np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi)], axis=1)


def _largest_product(places: Reals, spine: Reals) -> Reals:
    """Largest scalar product of each place with the spine, in blocks that stay small."""
    best = np.empty(len(places))
    for begin in range(0, len(places), 4_096):
        block = slice(begin, begin + 4_096)
        best[block] = np.max(places[block] @ spine.T, axis=1)
    return best
