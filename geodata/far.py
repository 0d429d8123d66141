"""The nearest piece for places far from the line, anywhere on the globe.

A flat frame stretches over hundreds of kilometres, so here distances are measured as chords through the
globe. Chord and geodesic differ by a known curvature; pieces whose chords are so alike that this could
decide between them are measured by the geodesic itself.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from geodata.projection import WGS84_A_M, WGS84_E2
from geodata.segments import GEOD, Segments

Reals = NDArray[np.float64]
Indices = NDArray[np.int64]

_GROUP: Final = 32
_BLOCK: Final = 1_024
_EARTH_M: Final = 6_371_000.0


class FarSearch:
    """Pieces in groups of 32 neighbours, each in a ball. Immutable."""

    def __init__(self, pieces: Segments) -> None:
        self._pieces = pieces
        self._start = _earth_centred(pieces.lon0, pieces.lat0)
        self._along = _earth_centred(pieces.lon1, pieces.lat1) - self._start
        self._inverse_length2 = 1.0 / np.maximum(np.sum(self._along**2, axis=1), 1e-12)
        self._begin = np.arange(0, len(pieces), _GROUP)
        self._count = np.diff(np.append(self._begin, len(pieces)))
        middle = self._start + 0.5 * self._along
        group = np.repeat(np.arange(len(self._begin)), self._count)
        self._centre = np.add.reduceat(middle, self._begin, axis=0) / self._count[:, None]
        reach = np.linalg.norm(middle - self._centre[group], axis=1) + 0.5 * np.linalg.norm(
            self._along, axis=1
        )
        self._radius = np.maximum.reduceat(reach, self._begin)

    def nearest(self, lon: Reals, lat: Reals) -> tuple[Indices, Reals, Reals]:
        """Piece, fraction along it (0 to 1) and geodesic distance (m) for each place, shape (n,).

        The first of equals. Exact to a millimetre at any distance; degrees, on any turn of the globe.
        """
        piece = np.zeros(len(lon), dtype=np.int64)
        t, distance_m = np.zeros(len(lon)), np.zeros(len(lon))
        for begin in range(0, len(lon), _BLOCK):
            block = slice(begin, min(begin + _BLOCK, len(lon)))
            piece[block], t[block], distance_m[block] = self.nearest_of(
                lon[block], lat[block], *self._possible(_earth_centred(lon[block], lat[block]))
            )
        return piece, t, distance_m

    def nearest_of(
        self, lon: Reals, lat: Reals, row: Indices, piece: Indices
    ) -> tuple[Indices, Reals, Reals]:
        """The same, where for each place (`row`, ascending, none left out) candidate pieces are known."""
        place = _earth_centred(lon, lat)
        along, gap = self._along[piece], place[row] - self._start[piece]
        t = np.clip(_dot(gap, along) * self._inverse_length2[piece], 0.0, 1.0)
        gap -= t[:, None] * along
        chord = np.sqrt(_dot(gap, gap))
        least = np.minimum.reduceat(chord, np.flatnonzero(np.diff(row, prepend=-1)))
        is_like = chord <= (least * (1.0 + _likeness(least)) + 0.001)[row]
        row, piece, t = row[is_like], piece[is_like], t[is_like]
        pieces = self._pieces
        foot_lon = pieces.lon0[piece] + t * (pieces.lon1 - pieces.lon0)[piece]
        foot_lat = pieces.lat0[piece] + t * (pieces.lat1 - pieces.lat0)[piece]
        distance_m = np.asarray(GEOD.inv(lon[row], lat[row], foot_lon, foot_lat)[2])
        if len(row) > len(lon):
            best = np.lexsort((piece, distance_m, row))
            best = best[np.flatnonzero(np.diff(row[best], prepend=-1))]
            piece, t, distance_m = piece[best], t[best], distance_m[best]
        return piece, t, distance_m

    def _possible(self, place: Reals) -> tuple[Indices, Indices]:
        """Pairs of a place's position and a piece that may be its nearest: those of balls near enough."""
        to_centre = np.sqrt(
            _dot(place, place)[:, None] - 2.0 * place @ self._centre.T + _dot(self._centre, self._centre)
        )
        slack = 1.0 + _likeness(to_centre.min(axis=1))[:, None]
        at_most = (to_centre + self._radius).min(axis=1, keepdims=True) * slack + 1.0
        row, group = np.nonzero(to_centre - self._radius <= at_most)
        count = self._count[group]
        pair_row = np.repeat(row, count)
        rank = np.arange(len(pair_row)) - np.repeat(np.cumsum(count) - count, count)
        return pair_row, np.repeat(self._begin[group], count) + rank


def _dot(u: Reals, v: Reals) -> Reals:
    """Scalar products of rows, shape (n,)."""
    return u[:, 0] * v[:, 0] + u[:, 1] * v[:, 1] + u[:, 2] * v[:, 2]


def _likeness(chord_m: Reals) -> Reals:
    """Share by which chords may differ while the geodesics order the other way round.

    A geodesic exceeds its chord by c^2 / 24 R^2, with R between 6,335 and 6,400 km by direction and place; at
    the far side of the globe by up to 0.4 per cent.
    """
    return np.minimum(1e-7 + 0.003 * (chord_m / _EARTH_M) ** 2, 0.02)


def _earth_centred(lon: Reals, lat: Reals) -> Reals:
    """Cartesian coordinates on the ellipsoid, shape (n, 3), metres."""
    lam, phi = np.radians(lon), np.radians(lat)
    radius = WGS84_A_M / np.sqrt(1.0 - WGS84_E2 * np.sin(phi) ** 2)
    return np.stack(
        [
            radius * np.cos(phi) * np.cos(lam),
            radius * np.cos(phi) * np.sin(lam),
            radius * (1.0 - WGS84_E2) * np.sin(phi),
        ],
        axis=1,
    )
