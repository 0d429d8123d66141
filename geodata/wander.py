"""A wandering line between coarse places: self-similar, never meeting itself, of a length that is asked for.

Each stretch between two places is halved again and again; each new middle is moved sideways by a random
share of its stretch. The share is the same at every scale, so the line is as rough from 200 m as from 20
km. Where the outcome meets itself, the moves that made the loop are halved until it does not.
"""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from geodata.projection import Frame
from geodata.segments import geodesic_length_m
from geodata.simplicity import self_contacts

Reals = NDArray[np.float64]

DECIMALS: Final = 6
"""Vertices are rounded to 1e-6 degrees (0.1 m), which also hides the last bits of trigonometry."""
_REPAIR_ROUNDS_MAX: Final = 200


@dataclass(frozen=True, slots=True)
class Stretch:
    """The way from one coarse place (x, y in the frame's metres) to the next.

    `sway`: largest sideways move as a share of a stretch's length, before it is scaled; `move_m_max`: no
    single move is longer; `piece_m`: stretches are halved until they are at most so long, measured
    straight.
    """

    x0: float
    y0: float
    x1: float
    y1: float
    sway: float
    move_m_max: float
    piece_m: float


class _Moves:
    """The random share by which each middle is moved: drawn once, then only ever reduced."""

    def __init__(self, stretches: Sequence[Stretch], rng: random.Random) -> None:
        self.stretches = stretches
        self.depths = [
            max(1, math.ceil(math.log2(math.hypot(s.x1 - s.x0, s.y1 - s.y0) / s.piece_m))) for s in stretches
        ]
        self.shares = [[rng.uniform(-1.0, 1.0) for _ in range(2**depth - 1)] for depth in self.depths]

    def vertices(self, scale: float) -> tuple[Reals, Reals, list[tuple[int, int]]]:
        """The line's vertices and, for each, its stretch and position in it (the last place has none)."""
        xs: list[float] = []
        ys: list[float] = []
        origin: list[tuple[int, int]] = []
        for idx, stretch in enumerate(self.stretches):
            count = 2 ** self.depths[idx]
            x, y = [0.0] * (count + 1), [0.0] * (count + 1)
            x[0], y[0], x[count], y[count] = stretch.x0, stretch.y0, stretch.x1, stretch.y1
            width = count
            while width > 1:
                for left in range(0, count, width):
                    middle, right = left + width // 2, left + width
                    dx, dy = x[right] - x[left], y[right] - y[left]
                    share = scale * stretch.sway * self.shares[idx][middle - 1]
                    limit = stretch.move_m_max / math.hypot(dx, dy)
                    share = min(max(share, -limit), limit)
                    x[middle] = (x[left] + x[right]) / 2.0 - share * dy
                    y[middle] = (y[left] + y[right]) / 2.0 + share * dx
                width //= 2
            xs += x[:-1]
            ys += y[:-1]
            origin += [(idx, position) for position in range(count)]
        xs.append(self.stretches[-1].x1)
        ys.append(self.stretches[-1].y1)
        return np.array(xs), np.array(ys), origin

    def calm(self, first: tuple[int, int], last: tuple[int, int]) -> None:
        """Halves the largest move among the middles between two vertices and among those that carry them."""
        places = [first, last]
        (idx0, at0), (idx1, at1) = first, last
        if idx0 == idx1:
            places += [(idx0, at) for at in range(at0, at1 + 1)]
        else:
            places += [(idx0, at) for at in range(at0, len(self.shares[idx0]) + 1)]
            places += [(idx1, at) for at in range(at1 + 1)]
        for idx, at in set(places):
            if 1 <= at <= len(self.shares[idx]):
                self.shares[idx][at - 1] *= 0.6


def wander(stretches: Sequence[Stretch], frame: Frame, length_m: float, seed: int) -> tuple[Reals, Reals]:
    """Vertices (lon, lat in degrees, rounded) of a line along `stretches`, `length_m` long within 1 km.

    The same arguments give the same bytes. Raises ValueError where no scale of the moves gives that length.
    """
    moves = _Moves(stretches, random.Random(seed))  # noqa: S311  a landscape, not a secret
    low, high = 0.0, 2.0
    for _ in range(60):
        scale = (low + high) / 2.0
        lon, lat = _simple_line(moves, frame, scale)
        length = float(np.sum(geodesic_length_m(lon[:-1], lat[:-1], lon[1:], lat[1:])))
        if abs(length - length_m) <= 1_000.0:
            return lon, lat
        low, high = (scale, high) if length < length_m else (low, scale)
    raise ValueError(f"no scale of the sideways moves gives a line of {length_m:.0f} m")


def _simple_line(moves: _Moves, frame: Frame, scale: float) -> tuple[Reals, Reals]:
    for _ in range(_REPAIR_ROUNDS_MAX):
        x, y, origin = moves.vertices(scale)
        lon, lat = (np.round(values, DECIMALS) for values in frame.inverse(x, y))
        contacts = self_contacts(lon, lat)
        if not contacts:
            return lon, lat
        for contact in contacts:
            moves.calm(origin[contact.edge_a], origin[min(contact.edge_b + 1, len(origin) - 1)])
    raise ValueError("the line still meets itself after calming its loops")
