"""Lines that have made trouble: meanders, spikes, stated twice, collinear, tiny beside huge, anywhere on the globe."""

from functools import cache

import numpy as np

from geodata.contact_line import ContactLine
from geodata.line_file import LineDraft

# In grid units, walked eastwards, first and last edge level and at the far west and east: the left is north.
SHAPES: dict[str, list[tuple[int, int]]] = {
    "straight": [(0, 4), (12, 4)],
    "straight, cut by vertices": [(0, 4), (3, 4), (4, 4), (5, 4), (12, 4)],
    "a vertex stated twice": [(0, 4), (4, 4), (4, 4), (6, 6), (6, 6), (8, 4), (12, 4)],
    "comb": [(0, 4), (2, 4), (2, 7), (3, 7), (3, 1), (4, 1), (4, 7), (5, 7), (5, 1), (6, 1), (6, 4), (12, 4)],
    "saw": [(0, 4), (2, 4), (4, 7), (5, 2), (7, 6), (8, 1), (10, 4), (12, 4)],
    "hook": [(0, 4), (5, 4), (5, 7), (3, 7), (3, 6), (4, 6), (4, 5), (2, 5), (2, 8), (8, 8), (8, 4), (12, 4)],
    "needle": [(0, 4), (5, 4), (6, 8), (7, 4), (12, 4)],
}
# Rings to lie beside those shapes, in the same grid: on side A, on side B, in each other, long ones.
RINGS: dict[str, list[tuple[float, float]]] = {
    "pocket in A": [(8, 10), (11, 10), (11, 14), (8, 14), (8, 10)],
    "enclave in the pocket": [(9, 11), (10, 11), (10, 13), (9, 11)],
    "pocket in B": [(1, -6), (7, -6), (7, -1), (1, -1), (1, -6)],
    "stated twice in B": [(8, -3), (9, -3), (9, -3), (9, -2), (8, -2), (8, -2), (8, -3)],
    "enclave in the pocket in B": [(2, -5), (6, -5), (6, -2), (4, -4), (2, -2), (2, -5)],
    "third ring in B": [(3.5, -4.75), (4.5, -4.75), (4, -4.25), (3.5, -4.75)],
}
ORIGINS: dict[str, tuple[float, float]] = {
    "north": (37.0, 48.0),
    "south": (-60.0, -34.0),
    "equator": (10.0, -0.0625),
    "antimeridian": (179.9375, -17.0),
    "high": (25.0, 69.0),
}
UNIT_DEG = 1 / 64
"""A power of two, so that grid places are exact."""


@cache
def zoo_line(shape: str, origin: str = "north", left_side: str = "A", backwards: bool = False) -> ContactLine:
    """A line of the zoo; backwards it is walked from the other end."""
    vertices = zoo_vertices(shape, origin)
    if backwards:
        vertices = vertices[::-1]
    wrapped = tuple((lon - 360.0 if lon > 180.0 else lon, lat) for lon, lat in vertices)
    return ContactLine.from_draft(LineDraft(wrapped, f"{shape}, {origin}", left_side))


def zoo_vertices(shape: str, origin: str = "north") -> list[tuple[float, float]]:
    """The vertices in degrees; longitudes run on beyond 180."""
    lon0, lat0 = ORIGINS[origin]
    return [(lon0 + x * UNIT_DEG, lat0 + y * UNIT_DEG) for x, y in SHAPES[shape]]


@cache
def zoo_scene(
    shape: str, origin: str = "north", left_side: str = "A", backwards: bool = False, turned: bool = False
) -> ContactLine:
    """A line of the zoo with all the rings beside it; `turned` walks every second ring the other way."""
    parts = [ring[::-1] if turned and k % 2 else ring for k, ring in enumerate(zoo_rings(origin))]
    main = zoo_vertices(shape, origin)[:: -1 if backwards else 1]
    first, *others = (
        tuple((lon - 360.0 if lon > 180.0 else lon, lat) for lon, lat in part) for part in (main, *parts)
    )
    # The main part need not come first.
    draft = LineDraft(others[0], shape, left_side, other_parts=(*others[1:], first))
    return ContactLine.from_draft(draft)


def zoo_rings(origin: str = "north") -> list[list[tuple[float, float]]]:
    """The rings in degrees; longitudes run on beyond 180."""
    lon0, lat0 = ORIGINS[origin]
    return [[(lon0 + x * UNIT_DEG, lat0 + y * UNIT_DEG) for x, y in ring] for ring in RINGS.values()]


def ring_line(count: int, radius_deg: float) -> ContactLine:
    """Almost a ring: from its middle every piece is equally far."""
    angle = np.linspace(-3.0, 3.0, count)
    vertices = zip(
        (37.0 + radius_deg * np.cos(angle) * 1.5).tolist(),
        (48.0 + radius_deg * np.sin(angle)).tolist(),
        strict=True,
    )
    return ContactLine.from_draft(LineDraft(tuple(vertices), "ring"))
