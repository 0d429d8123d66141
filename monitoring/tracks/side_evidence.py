"""Which fixes say something of a track's side, and what: the evidence of a batch.

A fix further from the line than `FAR_SIGMA` standard deviations shows its side beyond doubt; a run of such
fixes on one side says nothing new after its first. A position repeated to the last digit is one measurement.
What is left, the fixes near the line and those that show another side than the fix before, is the evidence.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitoring.agreement import Parameters
from monitoring.tracks import side_filter
from monitoring.tracks.batch import TrackBatch
from monitoring.tracks.changes import Pending
from monitoring.tracks.ellipse import across
from monitoring.tracks.keys import positions

FAR_SIGMA: Final = 7.0
_NOISE_SHARE_LEAST: Final = 0.2
"""White noise is taken as at least this share of a fix's sigma, so that the bias nodes stay close enough."""

Ints = NDArray[np.int64]
Reals = NDArray[np.float64]
Bools = NDArray[np.bool_]


class Evidence(NamedTuple):
    """The rows that are evidence, track by track, each (e,), and per track its first one.

    `time_ns`: when it became known (for a fix judged again against a new line, that of the fix after it);
    `change_prob`: that the side has changed since the evidence before; `distance_m` across the line, infinite
    where the side is beyond doubt; `bias_m`, `noise_m`: shared and white standard deviation;
    `continues_certain`: the row before shows its side beyond doubt; `offset` (m,): where each track begins
    among them; `counts` (m,): how many it has; `first` (m,): its first row; `certain_side` (n,) of every row.
    """

    row: Ints
    time_ns: Ints
    change_prob: Reals
    distance_m: Reals
    bias_m: Reals
    noise_m: Reals
    continues_certain: Bools
    offset: Ints
    counts: Ints
    first: Ints
    certain_side: NDArray[np.int8]


class Ranked(NamedTuple):
    """All evidence, rank by rank and inside a rank lane by lane: where it stands in `Evidence`, `time_ns`, the chance
    of a change and what is known across the line (distance, bias, noise), each (e,); from where to where each rank
    reaches, (ranks,)."""

    at: Ints
    time_ns: Ints
    change_prob: Reals
    across: tuple[Reals, Reals, Reals]
    begin: Ints
    end: Ints

    def until(self, wanted: int, least: int) -> int:
        """The end of the last rank that ends by `wanted`; at least `least`."""
        ended = int(np.searchsorted(self.end, wanted, side="right"))
        return max(int(self.end[ended - 1]) if ended else 0, least)


def ranked(evidence: Evidence, offset: Ints, count: Ints) -> Ranked:
    """The evidence of lanes that begin at `offset` and have `count` pieces each, most first."""
    lanes = np.searchsorted(-count, -np.arange(int(count[0])), side="left")
    end = np.cumsum(lanes)
    begin = end - lanes
    rank = np.repeat(np.arange(len(lanes)), lanes)
    at = offset[np.arange(len(rank)) - begin[rank]] + rank
    across = (evidence.distance_m[at], evidence.bias_m[at], evidence.noise_m[at])
    return Ranked(at, evidence.time_ns[at], evidence.change_prob[at], across, begin, end)


def gather(pending: Pending, batch: TrackBatch, parameters: Parameters) -> Evidence:
    """The evidence among the new rows of a batch, and among those judged again against a new line."""
    n = len(batch)
    with np.errstate(invalid="ignore"):
        is_far = np.abs(batch.signed_distance_m) > FAR_SIGMA * batch.sigma_m
        is_near = np.abs(batch.signed_distance_m) <= FAR_SIGMA * batch.sigma_m
    certain = np.where(is_far, batch.side, 0).astype(np.int8)
    before = np.concatenate([certain[:1], certain[:-1]])
    before = np.where(batch.is_first, 0, before)
    is_evidence = (is_near & ~_repeats(batch)) | (is_far & (certain != before) & ~batch.is_first)
    # What a track was judged by before it began anew counts no more, so its new beginning has to be seen.
    anew = np.flatnonzero(is_far & batch.is_first)
    continues = batch.key[anew] == batch.key[np.maximum(anew - 1, 0)]
    continues &= anew > 0
    is_evidence[anew] = continues | np.isin(batch.key[anew], pending["key"])
    is_copy = np.zeros(n, dtype=bool)
    if n > 1:
        is_copy[:-1] = (batch.source[1:] != batch.source[:-1]) & batch.is_new[1:]
        is_copy[1:] &= batch.source[1:] == batch.source[:-1]
        is_copy[0] = False
    row = np.flatnonzero(is_evidence & (batch.is_new | is_copy))
    starts = np.ones(len(row), dtype=bool)
    starts[1:] = batch.key[row[1:]] != batch.key[row[:-1]]
    offset = np.flatnonzero(starts)
    count = np.diff(np.append(offset, len(row)))
    time_ns = batch.time_ns[row]
    before_ns = np.concatenate([time_ns[:1], time_ns[:-1]])
    lane = positions(pending["key"], batch.key[row[offset]]) if len(row) else offset
    known = lane >= 0
    before_ns[offset[known]] = pending["after_time_ns"][lane[known]]
    before_ns[offset[~known]] = time_ns[offset[~known]]
    continues_certain = before[row] != 0
    before_ns = np.where(continues_certain, batch.time_ns[np.maximum(row - 1, 0)], before_ns)
    rate_per_s = parameters.agreement.numbers("tracks.side_change_per_h", time_ns) / 3600.0
    change_prob = side_filter.change_probability((time_ns - before_ns) / 1e9, rate_per_s)
    distance_m, bias_m, noise_m = _across(batch, row, certain[row], parameters)
    known_ns = np.where(is_copy[row], batch.time_ns[np.minimum(row + 1, n - 1)], time_ns)
    return Evidence(
        row, known_ns, change_prob, distance_m, bias_m, noise_m, continues_certain, offset, count, row[offset], certain
    )  # fmt: skip


def _repeats(batch: TrackBatch) -> Bools:
    """Fixes that give the position before, and its error, to the last digit."""
    repeats = np.zeros(len(batch), dtype=bool)
    columns = (batch.lon, batch.lat, batch.own_sigma_m)
    repeats[1:] = np.logical_and.reduce([column[1:] == column[:-1] for column in columns])
    return repeats & ~batch.is_first


def _across(
    batch: TrackBatch, row: Ints, certain_side: NDArray[np.int8], parameters: Parameters
) -> tuple[Reals, Reals, Reals]:
    """Distance across the line, shared and white standard deviation of the evidence; all (e,)."""
    distance_m = np.where(certain_side > 0, np.inf, np.where(certain_side < 0, -np.inf, 0.0))
    sigma_m = batch.own_sigma_m[row].copy()
    line_idx = batch.line_idx[row]
    line_sigma_m = np.array([line.sigma_m for line in batch.lines])[line_idx]
    near = certain_side == 0
    for idx in np.unique(line_idx[near]).tolist():
        at = np.flatnonzero(near & (line_idx == idx))
        rows = row[at]
        found = across(
            batch.lines[idx].locator,
            batch.lon[rows],
            batch.lat[rows],
            batch.signed_distance_m[rows],
            batch.own_sigma_m[rows],
            batch.minor_m[rows],
            batch.azimuth_deg[rows],
            batch.lines[idx].sigma_m,
        )
        distance_m[at], sigma_m[at] = found
    share = parameters.agreement.numbers("tracks.bias_frac", batch.time_ns[row])
    bias_m = np.hypot(np.sqrt(share) * sigma_m, line_sigma_m)
    noise_m = np.maximum(np.sqrt(1.0 - share) * sigma_m, _NOISE_SHARE_LEAST * np.hypot(sigma_m, line_sigma_m))
    return distance_m, bias_m, np.maximum(noise_m, 1e-3)
