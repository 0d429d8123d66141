"""The normal distribution in NumPy: both tails at once, and the way back.

The complementary error function is the rational Chebyshev fit of Press et al., Numerical Recipes, `erfcc`: its
relative error stays below 1.2e-7 however far out, which is what products of many small likelihoods need.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.float64]

_FIT: Final = (
    0.17087277, -0.82215223, 1.48851587, -1.13520398, 0.27886807, -0.18628806, 0.09678418, 0.37409196,
    1.00002368, -1.26551223,
)  # fmt: skip
_STEPS: Final = 5


def normal_tails(x: Reals) -> tuple[Reals, Reals]:
    """P(N(0,1) <= x) and P(N(0,1) >= x), each of the shape of `x`; exact 1 and 0 at infinity.

    >>> below, above = normal_tails(np.array([0.0, 1.6448536, -np.inf, np.inf]))
    >>> below.round(6), above.round(6)
    (array([0.5 , 0.95, 0.  , 1.  ]), array([0.5 , 0.05, 1.  , 0.  ]))
    """
    z = np.abs(x) * np.sqrt(0.5)
    t = 1.0 / (1.0 + 0.5 * z)
    series = np.full(z.shape, _FIT[0])
    for coefficient in _FIT[1:]:
        series *= t
        series += coefficient
    z *= z
    series -= z
    small = np.exp(series, out=series)
    small *= t
    small *= 0.5
    # At 0 the fit misses a half by 1e-8; both tails agree there all the same.
    np.minimum(small, 0.5, out=small)
    large = 1.0 - small
    is_high = x > 0.0
    return np.where(is_high, large, small), np.where(is_high, small, large)


def score_of_tails(below: Reals, above: Reals) -> Reals:
    """The x with P(<= x) = `below` and P(>= x) = `above` = 1 - `below`; good to 1e-6. All (n,).

    The smaller tail decides, so no precision is lost far out; swapping the two changes the sign and nothing
    else. Newton's steps for the logarithm of the tail, which is concave, descend to the root from above.

    >>> score_of_tails(np.array([0.95, 1e-9, 0.5]), np.array([0.05, 1.0, 0.5])).round(4)
    array([ 1.6449, -5.9978,  0.    ])
    """
    tail = np.maximum(np.minimum(below, above), 1e-300)
    x = np.sqrt(np.maximum(-2.0 * np.log(2.0 * tail), 0.0))
    wanted = np.log(tail)
    for _ in range(_STEPS):
        beyond = normal_tails(x)[1]
        density = np.exp(-0.5 * x * x) / np.sqrt(2.0 * np.pi)
        x = x + (np.log(beyond) - wanted) * beyond / density
    x = np.maximum(x, 0.0)
    return np.where(above < below, x, np.where(above > below, -x, 0.0))
