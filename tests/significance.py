"""How probable what was drawn is, if the stated distribution is the true one: p-values, two-sided."""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

P_LEAST = 1e-4
"""Below this a fixed seed is no bad luck any more."""
Reals = NDArray[np.float64]


def poisson_p(found: int, expected: float) -> float:
    """Of a count whose mean is `expected`.

    >>> round(poisson_p(3, 3.0), 2), poisson_p(30, 3.0) < 1e-9
    (1.0, True)
    """
    most = int(max(found, expected) + 40 * math.sqrt(max(expected, 1.0)) + 40)
    logs = [k * math.log(expected) - expected - math.lgamma(k + 1) for k in range(most)]
    below = math.fsum(math.exp(value) for value in logs[: found + 1])
    above = math.fsum(math.exp(value) for value in logs[found:])
    return min(1.0, 2.0 * min(below, above))


def trials_p(hits: NDArray[np.bool_], chance: Reals) -> float:
    """Of so many hits in independent trials with these chances, by the normal approximation; shapes (n,).

    >>> trials_p(np.arange(400) < 200, np.full(400, 0.5)), trials_p(np.arange(400) < 300, np.full(400, 0.5)) < 1e-9
    (1.0, True)
    """
    spread = math.sqrt(float((chance * (1.0 - chance)).sum()))
    return math.erfc(abs(float(hits.sum() - chance.sum())) / spread / math.sqrt(2.0))


def ks_p(sample: Reals, distribution: Callable[[Reals], Reals]) -> float:
    """Of a sample of shape (n,) under a continuous distribution function: Kolmogorov's limit, as Stephens corrects it
    for small n (Journal of the Royal Statistical Society B 32, 1970)."""
    ordered = distribution(np.sort(sample))
    n = len(ordered)
    step = np.arange(n + 1) / n
    apart = max(float((step[1:] - ordered).max()), float((ordered - step[:-1]).max()))
    at = apart * (math.sqrt(n) + 0.12 + 0.11 / math.sqrt(n))
    if at < 0.3:
        return 1.0
    return min(1.0, 2.0 * math.fsum((-1) ** (k - 1) * math.exp(-2.0 * (k * at) ** 2) for k in range(1, 101)))


def spread_p(z: Reals) -> float:
    """Of the sum of squares of a sample of shape (n,) of the standard normal distribution: chi square by Wilson's and
    Hilferty's cube root (PNAS 17, 1931).

    >>> spread_p(np.full(100, 1.0)) > 0.5, spread_p(np.full(100, 1.4)) < 1e-4
    (True, True)
    """
    n = len(z)
    root = (float((z**2).sum()) / n) ** (1.0 / 3.0)
    return math.erfc(abs(root - (1.0 - 2.0 / (9.0 * n))) / math.sqrt(2.0 / (9.0 * n)) / math.sqrt(2.0))


def gauss_p(z: Reals) -> float:
    """The smaller p-value of a sample under the standard normal distribution, by its shape and by its spread."""
    return min(ks_p(z, normal), spread_p(z))


def normal(values: Reals) -> Reals:
    """The distribution function of the standard normal distribution.

    >>> normal(np.array([0.0])).tolist(), ks_p(np.zeros(50), normal) < 1e-9
    ([0.5], True)
    """
    return np.array([0.5 * math.erfc(-value / math.sqrt(2.0)) for value in np.asarray(values).tolist()])
