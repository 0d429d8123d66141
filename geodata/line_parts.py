"""The parts of a line: the main line, pockets, enclaves, and on which hand of each side A lies.

Parts whose ends meet end to start are one part written in pieces, and are joined. The main part, number 0, is
the longest open one (the longest of all where all are closed); the others keep their order.

An open part says which side is on its left. A closed part parts its inside from what lies around it, whichever
way it is walked: where it lies on side A its inside is B, and a ring inside that ring holds A again. Only
where nothing else says what lies around a ring does its own walk count.
"""

import numpy as np
from numpy.typing import NDArray

from geodata.orientation import orient
from geodata.projection import unwrap_deg
from geodata.segments import geodesic_length_m

Reals = NDArray[np.float64]
Indices = NDArray[np.int64]
Signs = NDArray[np.int8]
Part = tuple[Reals, Reals]
"""Longitudes and latitudes of the vertices of one part."""


def arranged(parts: list[Part]) -> list[Part]:
    """The parts joined where one begins at the end of another, the main one first.

    >>> one, two = (np.array([1.0, 2.0]), np.zeros(2)), (np.array([0.0, 1.0]), np.zeros(2))
    >>> [lon.tolist() for lon, _ in arranged([one, two])]
    [[0.0, 1.0, 2.0]]
    """
    joined = _joined(parts)
    length_m = [_length_m(*part) for part in joined]
    main = max(range(len(joined)), key=lambda k: (not _is_closed(joined[k]), length_m[k], -k))
    return [joined[main], *joined[:main], *joined[main + 1 :]]


def _joined(parts: list[Part]) -> list[Part]:
    """Parts chained end to start, where exactly one part begins and one ends. A chain stands where its first
    link stood."""
    starts: dict[tuple[float, float], list[int]] = {}
    ends: dict[tuple[float, float], list[int]] = {}
    for idx, part in enumerate(parts):
        if not _is_closed(part):
            starts.setdefault(_place(part, 0), []).append(idx)
            ends.setdefault(_place(part, -1), []).append(idx)
    next_of = {
        ends[place][0]: starts[place][0]
        for place in ends.keys() & starts.keys()
        if len(ends[place]) == len(starts[place]) == 1
    }
    is_next = set(next_of.values())
    heads = [idx for idx in range(len(parts)) if idx not in is_next]
    seen: set[int] = set()
    chains = [_chain(head, next_of, seen) for head in heads]
    # What is left are links that close to rings; each ring begins with its first link.
    chains += [_chain(idx, next_of, seen) for idx in range(len(parts)) if idx not in seen]
    chains = sorted((chain for chain in chains if chain), key=min)
    return [
        (
            np.concatenate([parts[chain[0]][0], *(parts[idx][0][1:] for idx in chain[1:])]),
            np.concatenate([parts[chain[0]][1], *(parts[idx][1][1:] for idx in chain[1:])]),
        )
        for chain in chains
    ]


def _chain(head: int, next_of: dict[int, int], seen: set[int]) -> list[int]:
    chain: list[int] = []
    at: int | None = head
    while at is not None and at not in seen:
        seen.add(at)
        chain.append(at)
        at = next_of.get(at)
    return chain


def left_signs(lon: Reals, lat: Reals, part_begin: Indices, left_sign: int) -> Signs:
    """+1 for each part that has side A on the left of its walk, -1 where A is on its right.

    `lon` (continuous), `lat`: the vertices of all parts; `left_sign`: as the line states it. Parts must not
    meet.
    """
    begin, end = part_begin[:-1], part_begin[1:]
    is_closed = (lon[begin] == lon[end - 1]) & (lat[begin] == lat[end - 1])
    signs = np.full(len(begin), left_sign, dtype=np.int8)
    area = [_area(lon[i:j], lat[i:j]) if c else 0.0 for i, j, c in zip(begin, end, is_closed, strict=True)]
    known = [part for part in range(len(begin)) if not is_closed[part]]
    # A ring never lies inside a smaller one, so from large to small all that surrounds a ring is known.
    for ring in sorted(np.flatnonzero(is_closed).tolist(), key=lambda part: (-abs(area[part]), part)):
        ring_lon, ring_lat = lon[begin[ring] : end[ring]], lat[begin[ring] : end[ring]]
        around = [
            part
            for part in known
            if is_closed[part] or not _is_inside(ring_lon, ring_lat, lon[begin[part]], lat[begin[part]])
        ]
        if around:
            outside = _side_by_nearest(ring_lon[0], ring_lat[0], lon, lat, begin, end, around, signs)
            # Walked counter-clockwise a ring has its inside on the left.
            signs[ring] = -outside if area[ring] > 0.0 else outside
        known.append(ring)
    return signs


def _side_by_nearest(
    lon: float,
    lat: float,
    lons: Reals,
    lats: Reals,
    begin: Indices,
    end: Indices,
    parts: list[int],
    signs: Signs,
) -> int:
    """+1 where a place next to none of `parts` is on side A of the nearest of them, else -1."""
    best, side = np.inf, 1
    shrink = float(np.cos(np.radians(lat)))
    for part in parts:
        x, y = lons[begin[part] : end[part]], lats[begin[part] : end[part]]
        is_new = np.append(True, (x[1:] != x[:-1]) | (y[1:] != y[:-1]))
        x, y = x[is_new], y[is_new]
        dx, dy, off_x, off_y = np.diff(x) * shrink, np.diff(y), (lon - x[:-1]) * shrink, lat - y[:-1]
        t = np.clip((off_x * dx + off_y * dy) / (dx * dx + dy * dy), 0.0, 1.0)
        square = np.square(off_x - t * dx) + np.square(off_y - t * dy)
        edge = int(np.argmin(square))
        if square[edge] < best:
            best = float(square[edge])
            side = int(signs[part]) * _hand(lon, lat, x, y, edge, float(t[edge]))
    return side


def _hand(lon: float, lat: float, x: Reals, y: Reals, edge: int, t: float) -> int:
    """+1 left, -1 right of the part through x, y, whose edge `edge` is the nearest, at the share t of it."""

    def of(k: int) -> int:
        sides = orient(*(np.array([v]) for v in (x[k], y[k], x[k + 1], y[k + 1], lon, lat)))
        return int(sides[0]) or 1

    first = edge - 1 if t == 0.0 else edge
    last = len(x) - 2
    is_closed = x[0] == x[-1] and y[0] == y[-1]
    if 0.0 < t < 1.0 or (not is_closed and (first < 0 or first + 1 > last)):
        return of(edge)
    first %= last + 1
    second = (first + 1) % (last + 1)
    turn = orient(
        *(
            np.array([v])
            for v in (x[first], y[first], x[first + 1], y[first + 1], x[second + 1], y[second + 1])
        )
    )[0]
    # Left of a left turn is left of both edges; left of a right turn is left of either.
    return min(of(first), of(second)) if turn > 0 else max(of(first), of(second))


def _is_inside(ring_lon: Reals, ring_lat: Reals, lon: float, lat: float) -> bool:
    """Whether a place that is not on the ring is inside it: the crossing number, exact."""
    spans = (ring_lat[:-1] <= lat) != (ring_lat[1:] <= lat)
    x0, y0, x1, y1 = ring_lon[:-1][spans], ring_lat[:-1][spans], ring_lon[1:][spans], ring_lat[1:][spans]
    place = np.full(len(x0), lon), np.full(len(x0), lat)
    sides = orient(x0, y0, x1, y1, *place)
    is_left_of_edge = np.where(y1 > y0, sides > 0, sides < 0)
    return bool(np.count_nonzero(is_left_of_edge) % 2)


def _area(lon: Reals, lat: Reals) -> float:
    """Signed area of a ring in square degrees, positive where it is walked counter-clockwise."""
    x, y = lon - lon[0], lat - lat[0]
    return 0.5 * float(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1]))


def _length_m(lon: Reals, lat: Reals) -> float:
    continuous = unwrap_deg(lon)
    return float(np.sum(geodesic_length_m(continuous[:-1], lat[:-1], continuous[1:], lat[1:])))


def _is_closed(part: Part) -> bool:
    return _place(part, 0) == _place(part, -1)


def _place(part: Part, at: int) -> tuple[float, float]:
    return float(part[0][at]), float(part[1][at])
