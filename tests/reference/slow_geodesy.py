"""Slow, obvious, scalar twins of the locator and of the crossings: geodesics by pyproj, sides by rationals."""

from fractions import Fraction
from itertools import pairwise

from pyproj import Geod

GEOD = Geod(ellps="WGS84")
GOLDEN = (5**0.5 - 1) / 2

Point = tuple[Fraction, Fraction]


def nearest_slowly(vertices: list[tuple[float, float]], lon: float, lat: float) -> tuple[float, float]:
    """Geodesic distance (m) from a place to the line, and the chainage (m) of its foot: golden section per edge.

    Edges are straight in lon/lat; longitudes must not jump. Chainages sum geodesics over 200 pieces an edge.
    """
    best, best_chainage, chainage = float("inf"), 0.0, 0.0
    for (lon0, lat0), (lon1, lat1) in pairwise(vertices):
        if (lon0, lat0) == (lon1, lat1):
            continue

        def distance(
            t: float, a: tuple[float, float] = (lon0, lat0), b: tuple[float, float] = (lon1, lat1)
        ) -> float:
            return GEOD.inv(lon, lat, a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1]))[2]

        low, high = 0.0, 1.0
        for _ in range(45):
            left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
            if distance(left) < distance(right):
                high = right
            else:
                low = left
        t = min((0.0, (low + high) / 2, 1.0), key=distance)
        if distance(t) < best:
            best, best_chainage = distance(t), chainage + length_slowly(lon0, lat0, lon1, lat1, t)
        chainage += length_slowly(lon0, lat0, lon1, lat1, 1.0)
    return best, best_chainage


def length_slowly(lon0: float, lat0: float, lon1: float, lat1: float, t: float) -> float:
    """Geodesic length of the first share `t` of an edge straight in lon/lat."""
    count = 200
    lons = [lon0 + t * k / count * (lon1 - lon0) for k in range(count + 1)]
    lats = [lat0 + t * k / count * (lat1 - lat0) for k in range(count + 1)]
    return GEOD.line_length(lons, lats)


def side_exactly(ring: list[Point], place: Point) -> int:
    """+1 inside a ring of rational points, -1 outside, 0 on it: the textbook crossing number."""
    is_inside = False
    x, y = place
    for (x0, y0), (x1, y1) in zip(ring, ring[1:] + ring[:1], strict=True):
        cross = (x1 - x0) * (y - y0) - (y1 - y0) * (x - x0)
        if cross == 0 and min(x0, x1) <= x <= max(x0, x1) and min(y0, y1) <= y <= max(y0, y1):
            return 0
        if (y0 <= y) != (y1 <= y):
            is_inside ^= x < x0 + (y - y0) * (x1 - x0) / (y1 - y0)
    return 1 if is_inside else -1


def side_of_scene(left_ring: list[Point], rings: list[list[Point]], place: Point) -> int:
    """+1 on side A, -1 on side B, 0 on the line: `left_ring` is the main part closed around its side A, and
    each of `rings` parts its inside from what lies around it."""
    side = side_exactly(left_ring, place)
    for ring in rings:
        side *= -side_exactly(ring, place)
    return side


def crossings_slowly(
    vertices: list[tuple[float, float]], ring: list[Point], fixes: list[tuple[float, float]]
) -> list[tuple[int, Fraction, int]]:
    """Crossings of one line; see `crossings_of_scene`."""
    return crossings_of_scene([vertices], ring, [], fixes)


def crossings_of_scene(
    parts: list[list[tuple[float, float]]],
    left_ring: list[Point],
    rings: list[list[Point]],
    fixes: list[tuple[float, float]],
) -> list[tuple[int, Fraction, int]]:
    """(step, fraction, direction) of each strict change of side across the line, +1 = A>B.

    `parts`: the vertices of each part; sides are those of `side_of_scene`. Each step is cut wherever it meets
    the line; the sides of the middles of what is left are compared along the whole track. A crossing belongs
    to where the track left the line.
    """
    found: list[tuple[int, Fraction, int]] = []
    last = 0
    has_touched = False
    for step, (p, q) in enumerate(pairwise(fixes)):
        a, b = (Fraction(p[0]), Fraction(p[1])), (Fraction(q[0]), Fraction(q[1]))
        if a == b:
            continue
        cuts = sorted({Fraction(0), Fraction(1), *(t for part in parts for t in _meetings(part, a, b))})
        for begin, end in pairwise(cuts):
            if any(_is_on_line(part, _at(a, b, begin)) for part in parts):
                has_touched = True
            middle = _at(a, b, (begin + end) / 2)
            if any(_is_on_line(part, middle) for part in parts):
                has_touched = True
                continue
            side = side_of_scene(left_ring, rings, middle)
            if has_touched and last != 0 and side != last:
                found.append((step, begin, last))
            last, has_touched = side, False
    return found


def _at(a: Point, b: Point, t: Fraction) -> Point:
    return a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])


def _is_on_line(vertices: list[tuple[float, float]], place: Point) -> bool:
    x, y = place
    for (x0, y0), (x1, y1) in pairwise(vertices):
        ax, ay, bx, by = Fraction(x0), Fraction(y0), Fraction(x1), Fraction(y1)
        is_straight = (bx - ax) * (y - ay) == (by - ay) * (x - ax)
        if is_straight and min(ax, bx) <= x <= max(ax, bx) and min(ay, by) <= y <= max(ay, by):
            return True
    return False


def _meetings(vertices: list[tuple[float, float]], a: Point, b: Point) -> list[Fraction]:
    """Fractions of the step a-b at which it meets an edge: proper meetings, and the ends of shared stretches."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    meetings = []
    for (x0, y0), (x1, y1) in pairwise(vertices):
        cx, cy = Fraction(x0), Fraction(y0)
        ex, ey = Fraction(x1) - cx, Fraction(y1) - cy
        denominator = dx * ey - dy * ex
        if denominator:
            t = ((cx - a[0]) * ey - (cy - a[1]) * ex) / denominator
            u = ((cx - a[0]) * dy - (cy - a[1]) * dx) / denominator
            if 0 <= t <= 1 and 0 <= u <= 1:
                meetings.append(t)
        elif (cx - a[0]) * dy == (cy - a[1]) * dx:
            for px, py in ((cx, cy), (cx + ex, cy + ey)):
                t = ((px - a[0]) * dx + (py - a[1]) * dy) / (dx * dx + dy * dy)
                if 0 <= t <= 1:
                    meetings.append(t)
    return meetings
