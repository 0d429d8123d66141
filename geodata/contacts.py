"""All that one step shares with the line, in rational arithmetic: for steps that touch vertices or begin on
it.

A contact is a place or a stretch that the step has in common with the line. On which side the step was before
it and is after it follows from the step's direction against the one or two edges that meet there.
"""

from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from geodata.contact_line import ContactLine

Point = tuple[Fraction, Fraction]


class Contact(NamedTuple):
    """A place or stretch on the line: `fraction` is where the step leaves it, `edge` the line's edge there.

    `side_in`, `side_out`: +1 side A, -1 side B, just before and just after; 0 where the step does
    not go on that way (the contact holds its first or last fix). `is_at_end`: it holds the last fix.
    """

    fraction: float
    edge: int
    side_in: int
    side_out: int
    is_at_end: bool


def contacts_of_step(line: "ContactLine", step: tuple[float, ...], edges: list[int]) -> list[Contact]:
    """The contacts of the step (lon0, lat0, lon1, lat1) with `edges`, in order along the step.

    `edges` must hold every edge that the step meets; the step has length.
    """
    p, q = (Fraction(step[0]), Fraction(step[1])), (Fraction(step[2]), Fraction(step[3]))
    stretches: list[tuple[Fraction, Fraction, int]] = []
    for edge in edges:
        shared = _shared(p, q, _vertex(line, edge), _vertex(line, edge + 1))
        if shared is not None:
            stretches.append((*shared, edge))
    stretches.sort()
    contacts: list[Contact] = []
    at = 0
    while at < len(stretches):
        begin, end, edge_in = stretches[at]
        edge_out = edge_in
        at += 1
        while at < len(stretches) and stretches[at][0] <= end:
            if stretches[at][1] >= end:
                end, edge_out = stretches[at][1], stretches[at][2]
            at += 1
        contacts.append(_contact(line, p, q, (begin, edge_in), (end, edge_out)))
    return contacts


def _contact(
    line: "ContactLine", p: Point, q: Point, begin: tuple[Fraction, int], end: tuple[Fraction, int]
) -> Contact:
    direction = (q[0] - p[0], q[1] - p[1])
    backwards = (-direction[0], -direction[1])
    side_in = 0 if begin[0] == 0 else _side_towards(line, begin[1], _along(p, direction, begin[0]), backwards)
    side_out = 0 if end[0] == 1 else _side_towards(line, end[1], _along(p, direction, end[0]), direction)
    return Contact(float(end[0]), end[1], side_in, side_out, end[0] == 1)


def _side_towards(line: "ContactLine", edge: int, place: Point, direction: Point) -> int:
    """The side on which one is after leaving `place` on `edge` in `direction`: +1 A, -1 B, 0 along."""
    return _hand_towards(line, edge, place, direction) * int(line.left_signs[line.part_of_vertex[edge]])


def _hand_towards(line: "ContactLine", edge: int, place: Point, direction: Point) -> int:
    """The same by hands: +1 left, -1 right."""
    a, b = _vertex(line, edge), _vertex(line, edge + 1)
    first, second = edge, edge
    if place == a:
        first = int(line.neighbour_edges[0][edge])
    elif place == b:
        second = int(line.neighbour_edges[1][edge])
    if first < 0 or second < 0 or first == second:  # inside the edge, or at an end of the line
        return _sign(_cross(_direction(line, edge), direction))
    into, out_of = _direction(line, first), _direction(line, second)
    sides = _sign(_cross(into, direction)), _sign(_cross(out_of, direction))
    turn = _sign(_cross(into, out_of))
    if turn == 0:
        return sides[0]
    return min(sides) if turn > 0 else max(sides)


def _shared(p: Point, q: Point, a: Point, b: Point) -> tuple[Fraction, Fraction] | None:
    """The stretch of the step p-q, as fractions of it, that lies on the edge a-b; None where they do not
    meet."""
    step, edge, gap = (q[0] - p[0], q[1] - p[1]), (b[0] - a[0], b[1] - a[1]), (a[0] - p[0], a[1] - p[1])
    denominator = _cross(step, edge)
    if denominator != 0:
        along_step, along_edge = _cross(gap, edge) / denominator, _cross(gap, step) / denominator
        meets = 0 <= along_step <= 1 and 0 <= along_edge <= 1
        return (along_step, along_step) if meets else None
    if _cross(gap, step) != 0:
        return None
    length2 = step[0] * step[0] + step[1] * step[1]
    at_a = (gap[0] * step[0] + gap[1] * step[1]) / length2
    at_b = at_a + (edge[0] * step[0] + edge[1] * step[1]) / length2
    begin, end = max(min(at_a, at_b), Fraction(0)), min(max(at_a, at_b), Fraction(1))
    return (begin, end) if begin <= end else None


def _vertex(line: "ContactLine", idx: int) -> Point:
    return Fraction(float(line.lon_continuous[idx])), Fraction(float(line.lat[idx]))


def _direction(line: "ContactLine", edge: int) -> Point:
    a, b = _vertex(line, edge), _vertex(line, edge + 1)
    return b[0] - a[0], b[1] - a[1]


def _along(p: Point, direction: Point, fraction: Fraction) -> Point:
    return p[0] + fraction * direction[0], p[1] + fraction * direction[1]


def _cross(u: Point, v: Point) -> Fraction:
    return u[0] * v[1] - u[1] * v[0]


def _sign(value: Fraction) -> int:
    return (value > 0) - (value < 0)
