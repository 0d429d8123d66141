"""Which side of the line an object is on, by fixes with errors: a two-state filter, many tracks at once.

The model. The side is A or B and changes at a known, symmetric rate. Of the error of a fix, along the normal of
the line, one part is the track's own (its sensor's bias, and the line's error, which all its fixes share), the
rest is white. Nothing else is known of where on its side an object is, so a fix at signed distance d (positive
on A) has, given the bias, likelihood Phi((d - bias) / noise) on A and Phi(-(d - bias) / noise) on B. The bias
is `beta` times the shared standard deviation of the fix, beta standard normal and summed over `NODE_COUNT`
equidistant nodes, on which the trapezoidal rule is accurate for so smooth an integrand. Sharing the bias is
what keeps a hundred fixes just beyond the line from adding up to certainty.

Besides the side now, the filter keeps what a change of side is judged by: whether the object was on its old
side at a past instant (the *anchor*) and on the new one at a later one (the *mark*). Both stay joint with
everything that later fixes say, which is smoothing at those two instants without running backwards.

Arrays have the shape (mark, side, node, track): mark 0 = was not on the old side at the anchor, 1 = was, 2 =
was, and had changed at the mark; side 0 = A, 1 = B. They sum to 1 over everything but tracks. All sums pair the
nodes symmetrically, so swapping the sides swaps the results to the last bit.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitoring.tracks.normal import normal_tails

Reals = NDArray[np.float64]
Sides = NDArray[np.int8]

NODE_COUNT: Final = 13
_HALF: Final = NODE_COUNT // 2
BETA: Final = np.linspace(-4.0, 4.0, NODE_COUNT)
_WEIGHT: Final = np.exp(-0.5 * BETA**2) / np.exp(-0.5 * BETA**2).sum()
JOINT_SIZE: Final = 3 * 2 * NODE_COUNT


def unknown(count: int) -> Reals:
    """Nothing known: either side is as likely, the bias as the model says. Shape (3, 2, node, count).

    >>> float(unknown(1).sum().round(12))
    1.0
    """
    joint = np.zeros((3, 2, NODE_COUNT, count))
    joint[0] = 0.5 * _WEIGHT[:, None]
    return joint


def certain(side: Sides) -> Reals:
    """The side (+1 = A, -1 = B) is known now, which is the anchor; shape (3, 2, node, len(side))."""
    joint = np.zeros((3, 2, NODE_COUNT, len(side)))
    joint[1, 0] = _WEIGHT[:, None] * (side > 0)
    joint[1, 1] = _WEIGHT[:, None] * (side < 0)
    return joint


def update(joint: Reals, change_prob: Reals, distance_m: Reals, bias_m: Reals, noise_m: Reals) -> Reals:
    """Takes in one fix of each track, in place, and gives the sums over nodes, shape (3, 2, track).

    `change_prob`: that the side now differs from that at the fix before; `distance_m` signed, infinite where
    the side is beyond doubt; `bias_m`, `noise_m` (> 0): shared and white standard deviation; all (track,).
    """
    return take_in(joint, change_prob, *likelihoods(distance_m, bias_m, noise_m))


def likelihoods(distance_m: Reals, bias_m: Reals, noise_m: Reals) -> tuple[Reals, Reals]:
    """Of each fix on side A and on side B, by the bias: two of shape (node, fix); the rest as in `update`."""
    return normal_tails((distance_m - BETA[:, None] * bias_m) / noise_m)


def take_in(joint: Reals, change_prob: Reals, like_a: Reals, like_b: Reals) -> Reals:
    """`update` by `likelihoods` that are known."""
    on_a, on_b = joint[:, 0], joint[:, 1]
    exchange = on_b - on_a
    exchange *= change_prob
    on_a += exchange
    on_b -= exchange
    on_a *= like_a
    on_b *= like_b
    sums = over_nodes(joint)
    total = (sums[0, 0] + sums[0, 1]) + (sums[1, 0] + sums[1, 1]) + (sums[2, 0] + sums[2, 1])
    joint /= total
    sums /= total
    return sums


def take_in_turn(joint: Reals, change_prob: Reals, like_a: Reals, like_b: Reals) -> tuple[Reals, Reals]:
    """`take_in` of fix after fix of the same tracks, to the last bit, at less expense where tracks are few.

    `change_prob` (fix, track), `like_a`, `like_b` (node, fix, track). Gives what is known before each and after the
    last, shape (fix + 1, 3, 2, node, track), and the sums after each, (3, 2, fix, track). `joint` stays as it is.
    """
    like = np.ascontiguousarray(np.stack([like_a, like_b]).transpose(2, 0, 1, 3))[:, None]
    count, tracks = change_prob.shape
    joints, sums = np.empty((count + 1, *joint.shape)), np.empty((count, 3, 2, tracks))
    joints[0], totals = joint, np.empty((count, tracks))
    after = joints[1:]
    halves = after[..., :_HALF, :], after[..., :_HALF:-1, :], after[..., _HALF, :]
    pairs, on_both = np.empty((3, 2, _HALF, tracks)), np.empty((3, tracks))
    # All views are made by going along the arrays, and all results have their place: calls are all that this costs.
    every = zip(
        joints, joints[:, :, ::-1], after, change_prob, like, *halves, sums, sums[:, :, 0], sums[:, :, 1], totals,
        strict=False,
    )  # fmt: skip
    for was, exchanged, now, change, alike, below, above, middle, here, on_a, on_b, total in every:
        np.subtract(exchanged, was, now)
        np.multiply(now, change, now)
        np.add(now, was, now)
        np.multiply(now, alike, now)
        np.add(below, above, pairs)
        np.add.reduce(pairs, 2, None, here)
        np.add(here, middle, here)
        np.add(on_a, on_b, on_both)
        np.add(on_both[0], on_both[1], total)
        np.add(total, on_both[2], total)
        np.divide(now, total, now)
    sums /= totals[:, None, None]
    return joints, np.moveaxis(sums, 0, 2)


def over_nodes(joint: Reals) -> Reals:
    """The probabilities of (mark, side), shape (3, 2, track)."""
    pairs = joint[:, :, :_HALF] + joint[:, :, :_HALF:-1]
    sums: Reals = pairs.sum(axis=2)
    sums += joint[:, :, _HALF]
    return sums


def side_a(sums: Reals) -> Reals:
    """P(side A now), (track,)."""
    return np.asarray((sums[0, 0] + sums[1, 0]) + sums[2, 0])


def side_b(sums: Reals) -> Reals:
    """P(side B now), (track,)."""
    return np.asarray((sums[0, 1] + sums[1, 1]) + sums[2, 1])


def changed(sums: Reals, side: Sides) -> Reals:
    """P(on `side` at the anchor and on the other side now), (track,); 0 where `side` is 0."""
    left_a, left_b = sums[1, 1] + sums[2, 1], sums[1, 0] + sums[2, 0]
    return np.where(side > 0, left_a, np.where(side < 0, left_b, 0.0))


def had_changed(sums: Reals) -> Reals:
    """P(on the old side at the anchor and on the new one at the mark), (track,)."""
    return np.asarray(sums[2, 0] + sums[2, 1])


def anchored(joint: Reals, side: Sides) -> Reals:
    """The same knowledge with the anchor set to now: mark 1 = is on `side` now."""
    both = joint.sum(axis=0)
    is_a = side > 0
    fresh = np.zeros_like(joint)
    fresh[1, 0], fresh[0, 0] = both[0] * is_a, both[0] * ~is_a
    fresh[1, 1], fresh[0, 1] = both[1] * ~is_a, both[1] * is_a
    return fresh


def marked(joint: Reals, side: Sides) -> Reals:
    """The same knowledge with the mark set to now: mark 2 = was on `side` at the anchor and is not now."""
    is_a = side > 0
    were = joint[1] + joint[2]
    fresh = joint.copy()
    fresh[1, 0], fresh[2, 0] = were[0] * is_a, were[0] * ~is_a
    fresh[1, 1], fresh[2, 1] = were[1] * ~is_a, were[1] * is_a
    return fresh


def change_probability(elapsed_s: Reals, rate_per_s: Reals) -> Reals:
    """P(the side differs after `elapsed_s`) when it changes at `rate_per_s`, any number of times; (n,).

    Two fixes at one instant are taken as a millisecond apart, so that contradicting ones do not rule each
    other out.

    >>> change_probability(np.array([0.0, 60.0, 1e9]), np.full(3, 1 / 3600)).round(4)
    array([0.    , 0.0164, 0.5   ])
    """
    return np.asarray(-0.5 * np.expm1(-2.0 * rate_per_s * np.maximum(elapsed_s, 1e-3)))
