"""A line cut into pieces short enough to be straight: what the locator and the crossings work on.

An edge is straight in lon/lat (RFC 7946), which in the metric frame is a slight arc. Every edge is cut into
equal pieces of at most 500 m, and further until the piece's arc departs from its chord by at most 1 mm.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pyproj import Geod

from geodata.projection import Frame

Reals = NDArray[np.float64]

PIECE_LENGTH_M_MAX: Final = 500.0
PIECE_SAGITTA_M_MAX: Final = 0.001

GEOD: Final = Geod(ellps="WGS84")


@dataclass(frozen=True, slots=True)
class Segments:
    """The pieces of a line, part by part in walking order, arrays of shape (m,).

    `lon*`, `lat*`: ends in degrees, longitudes continuous along the line (see `ContactLine.lon_continuous`);
    `x*`, `y*`: ends in the frame's metres; `chainage0_m`: geodesic chainage of the first end along its part;
    `length_m`: geodesic length; `edge`: the edge that the piece is cut from; `part`: its line part;
    `t0`, `t1`: the piece's ends as fractions of that edge.
    """

    lon0: Reals
    lat0: Reals
    lon1: Reals
    lat1: Reals
    x0: Reals
    y0: Reals
    x1: Reals
    y1: Reals
    chainage0_m: Reals
    length_m: Reals
    edge: NDArray[np.int32]
    part: NDArray[np.int16]
    t0: Reals
    t1: Reals

    def __len__(self) -> int:
        return len(self.x0)


def cut(lon: Reals, lat: Reals, part_begin: NDArray[np.int64], frame: Frame) -> Segments:
    """The pieces of the line through the vertices (`lon`, `lat`), shape (v,), degrees.

    Part p has the vertices from `part_begin[p]` to before `part_begin[p + 1]` (shape (parts + 1,)); edge i runs
    from vertex i to vertex i + 1 of one part. Longitudes are continuous along the line. Edges without length
    (a vertex stated twice) give no piece.
    """
    edge_lon0, edge_lon1, edge_lat0, edge_lat1 = lon[:-1], lon[1:], lat[:-1], lat[1:]
    counts = _piece_counts(edge_lon0, edge_lat0, edge_lon1, edge_lat1, frame)
    counts[part_begin[1:-1] - 1] = 0
    part_of_edge = np.repeat(np.arange(len(part_begin) - 1, dtype=np.int16), np.diff(part_begin))[:-1]
    edge = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
    rank = np.arange(len(edge)) - np.repeat(np.cumsum(counts) - counts, counts)
    t0, t1 = rank / counts[edge], (rank + 1) / counts[edge]
    dlon, dlat = edge_lon1 - edge_lon0, edge_lat1 - edge_lat0
    is_last = rank + 1 == counts[edge]
    cut_lon0, cut_lat0 = edge_lon0[edge] + t0 * dlon[edge], edge_lat0[edge] + t0 * dlat[edge]
    cut_lon1 = np.where(is_last, edge_lon1[edge], edge_lon0[edge] + t1 * dlon[edge])
    cut_lat1 = np.where(is_last, edge_lat1[edge], edge_lat0[edge] + t1 * dlat[edge])
    x0, y0 = frame.forward(cut_lon0, cut_lat0)
    x1, y1 = frame.forward(cut_lon1, cut_lat1)
    length_m = geodesic_length_m(cut_lon0, cut_lat0, cut_lon1, cut_lat1)
    part = part_of_edge[edge]
    begin = np.cumsum(length_m) - length_m
    first_of_part = np.searchsorted(part, part, side="left")
    return Segments(
        lon0=cut_lon0,
        lat0=cut_lat0,
        lon1=cut_lon1,
        lat1=cut_lat1,
        x0=x0,
        y0=y0,
        x1=x1,
        y1=y1,
        chainage0_m=begin - begin[first_of_part],
        length_m=length_m,
        edge=edge,
        part=part,
        t0=t0,
        t1=t1,
    )


def geodesic_length_m(lon0: Reals, lat0: Reals, lon1: Reals, lat1: Reals) -> Reals:
    """Length of the geodesics between places in degrees, shape (n,), metres (Karney 2013, exact to 15 nm)."""
    return np.asarray(GEOD.inv(lon0, lat0, lon1, lat1)[2], dtype=np.float64)


def _piece_counts(lon0: Reals, lat0: Reals, lon1: Reals, lat1: Reals, frame: Frame) -> NDArray[np.int64]:
    """Into how many pieces each edge is cut; 0 for an edge without length. The arc shrinks with the
    square."""
    x0, y0 = frame.forward(lon0, lat0)
    x1, y1 = frame.forward(lon1, lat1)
    xm, ym = frame.forward((lon0 + lon1) / 2.0, (lat0 + lat1) / 2.0)
    sagitta_m = np.hypot(xm - (x0 + x1) / 2.0, ym - (y0 + y1) / 2.0)
    length_m = np.hypot(x1 - x0, y1 - y0)
    pieces = np.maximum(
        np.ceil(length_m / PIECE_LENGTH_M_MAX), np.ceil(np.sqrt(sagitta_m / PIECE_SAGITTA_M_MAX))
    )
    has_length = (lon0 != lon1) | (lat0 != lat1)
    return np.where(has_length, np.maximum(pieces, 1.0), 0.0).astype(np.int64)
