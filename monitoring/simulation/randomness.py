"""Seeded randomness, so that a scenario, a seed and a date give the same bytes everywhere.

Two kinds: streams (a NumPy generator per component and chunk, for draws in a fixed order) and fields (a
hash of a few integers, for properties of a pair of things that must come out the same whenever they are
asked for).
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

COMPONENTS: Final = (
    "hot",
    "posts",
    "flights",
    "movers",
    "fires",
    "faults",
    "false",
    "looks",
    "sounds",
    "delivery",
    "points",
    "jammers",
    "spoofs",
)
"""Each component has its own stream; the order is part of what makes a seed reproducible."""


def stream(seed: int, component: str, chunk: int = 0) -> np.random.Generator:
    """The generator of a component for one chunk of time.

    >>> stream(7, "looks").integers(100) == stream(7, "looks").integers(100)
    np.True_
    """
    key = (COMPONENTS.index(component), chunk)
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=key)))


def uniform_field(
    seed: int, purpose: int, first: NDArray[np.int64], second: NDArray[np.int64]
) -> NDArray[np.float64]:
    """A uniform number in [0, 1) for each pair of integers, the same on every call. Shape (n,).

    Mixing is splitmix64 (Steele, Lea, Flood 2014).

    >>> float(uniform_field(1, 2, np.array([3]), np.array([4]))[0]) == float(
    ...     uniform_field(1, 2, np.array([3]), np.array([4]))[0])
    True
    """
    with np.errstate(over="ignore"):
        base = np.uint64((seed * 0x9E3779B97F4A7C15 + purpose * 0xD1B54A32D192ED03) % 2**64)
        state = _mix(np.asarray(first, dtype=np.uint64) + base)
        state = _mix(state ^ (np.asarray(second, dtype=np.uint64) * np.uint64(0xA0761D6478BD642F)))
    return (state >> np.uint64(11)).astype(np.float64) * (1.0 / (1 << 53))


def normal_field(
    seed: int, purpose: int, first: NDArray[np.int64], second: NDArray[np.int64]
) -> NDArray[np.float64]:
    """A standard normal number for each pair of integers (Box and Muller 1958). Shape (n,)."""
    u = uniform_field(seed, 2 * purpose + 1_000, first, second)
    v = uniform_field(seed, 2 * purpose + 1_001, first, second)
    return np.asarray(np.sqrt(-2.0 * np.log1p(-u)) * np.cos(2.0 * np.pi * v))


def _mix(z: NDArray[np.uint64]) -> NDArray[np.uint64]:
    z = z + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def poisson_counts(rng: np.random.Generator, rate: float, n: int) -> NDArray[np.int64]:
    """`n` counts with expectation `rate` each."""
    return rng.poisson(rate, n).astype(np.int64)


def between(rng: np.random.Generator, span: tuple[float, float], n: int) -> NDArray[np.float64]:
    """`n` numbers spread evenly over `span`."""
    return rng.uniform(span[0], span[1], n) if span[1] > span[0] else np.full(n, float(span[0]))
