"""On which side of a directed edge a place lies, decided exactly.

The sign of `(b - a) x (p - a)` in degrees is what "left of the edge a -> b, straight in lon/lat" means.
Floating point decides it wherever its error bound allows; the few places within 1e-15 degrees of the edge are
decided in rational arithmetic, so that "exactly on the line" has one meaning on every machine.

Source of the bound: Shewchuk, Adaptive Precision Floating-Point Arithmetic (1997), `orient2d` stage A.
"""

from fractions import Fraction
from typing import Final

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.float64]

BOUND: Final = (3.0 + 16.0 * 2.0**-53) * 2.0**-53
UNDERFLOW: Final = 1e-290
"""Products smaller than this may have lost digits to underflow, which the relative bound does not cover."""


def orient(ax: Reals, ay: Reals, bx: Reals, by: Reals, px: Reals, py: Reals) -> NDArray[np.int8]:
    """+1 where p is left of a -> b, -1 right, 0 exactly on its straight line. All shape (n,), int8 out.

    Inputs must be finite. An edge without length has every place on it (0).

    >>> one = np.ones(3)
    >>> orient(0 * one, 0 * one, one, one / 3, 3 * one, np.array([1.0, 1.1, 0.9]))
    array([ 1,  1, -1], dtype=int8)
    """
    left = (bx - ax) * (py - ay)
    right = (by - ay) * (px - ax)
    det = left - right
    sign = np.sign(det).astype(np.int8)
    in_doubt = np.flatnonzero(np.abs(det) <= BOUND * (np.abs(left) + np.abs(right)) + UNDERFLOW)
    if len(in_doubt):
        sign[in_doubt] = _decided(np.stack([v[in_doubt] for v in (ax, ay, bx, by, px, py)], axis=1))
    return sign


def _decided(rows: Reals) -> NDArray[np.int8]:
    """Signs of rows ax, ay, bx, by, px, py, shape (n, 6), each different row once: who stands still stands for all."""
    sign = np.zeros(len(rows), dtype=np.int8)
    # At an end of the edge there is nothing to reckon.
    is_end = np.all(rows[:, 4:] == rows[:, :2], axis=1) | np.all(rows[:, 4:] == rows[:, 2:4], axis=1)
    inside = np.flatnonzero(~is_end)
    if len(inside):
        different, which = np.unique(rows[inside], axis=0, return_inverse=True)
        decided = [orient_exactly(*row) for row in different.tolist()]
        sign[inside] = np.array(decided, dtype=np.int8)[which.ravel()]
    return sign


def orient_exactly(ax: float, ay: float, bx: float, by: float, px: float, py: float) -> int:
    """The same for one place, in rational arithmetic.

    >>> orient_exactly(0.0, 0.0, 1.0, 1.0, 0.5, 0.5)
    0
    """
    x0, y0 = Fraction(float(ax)), Fraction(float(ay))
    det = (Fraction(float(bx)) - x0) * (Fraction(float(py)) - y0) - (Fraction(float(by)) - y0) * (
        Fraction(float(px)) - x0
    )
    return (det > 0) - (det < 0)
