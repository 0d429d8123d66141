"""Joining: which fire an imprecise report speaks of.

A report without a place (bearing only), or with an error above the agreement's limit, says too little to found
an incident. It joins the run of the precise event that it fits best: within a minute in time, and in place
within its own error, or in direction within its bearing's. What fits nothing stays apart and is counted as such.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitoring.incidents import geometry
from monitoring.incidents.limits import JOIN_REACH, JOIN_S

Ints = NDArray[np.int64]
Reals = NDArray[np.float64]

_BAND_M: Final = 20_000.0
_PAIRS_MAX: Final = 2_000_000


@dataclass(frozen=True)
class Reports:
    """Places, errors and observers of events; all arrays (n,), NaN where absent. See `readings`."""

    time_ns: Ints
    lon: Reals
    lat: Reals
    var_e: Reals
    cov_en: Reals
    var_n: Reals
    from_lon: Reals
    from_lat: Reals
    bearing_deg: Reals
    bearing_sigma_deg: Reals

    def anchor(self) -> tuple[Reals, Reals]:
        """Where each report looks from: its own place, else the observer's."""
        has_place = np.isfinite(self.lon)
        return np.where(has_place, self.lon, self.from_lon), np.where(has_place, self.lat, self.from_lat)


def best_fit(imprecise: Reports, precise: Reports, k_sigma: Reals, limit_m: Reals, gap_ns: Ints) -> Ints:
    """Index of the precise event that each imprecise report fits best, -1 where none does; (m,).

    Ties go to the earlier event. `k_sigma`, `limit_m`, `gap_ns`: values at the imprecise reports, (m,).
    """
    best = np.full(len(imprecise.time_ns), -1, dtype=np.int64)
    if not len(best) or not len(precise.time_ns):
        return best
    score_of = np.full(len(best), np.inf)
    reach_ns = np.minimum(np.int64(JOIN_S * 1e9), gap_ns)
    lon, lat = imprecise.anchor()
    base_ns = min(int(precise.time_ns.min()), int(imprecise.time_ns.min())) - int(JOIN_S * 1e9)
    band_ns = np.int64(1) << 52  # wider than any span of open events, so that bands never overlap
    order = np.argsort(_band(precise.lat) * band_ns + (precise.time_ns - base_ns), kind="stable")
    key = (_band(precise.lat) * band_ns + (precise.time_ns - base_ns))[order]
    band = _band(lat)
    for step in (-1, 0, 1):
        at = (band + step) * band_ns + imprecise.time_ns - base_ns
        low = np.searchsorted(key, at - reach_ns, side="left")
        high = np.searchsorted(key, at + reach_ns, side="right")
        for begin, end in _portions(high - low):
            which, position = geometry.expand(low[begin:end], high[begin:end])
            which, target = which + begin, order[position]
            score = _score(imprecise, precise, which, target, k_sigma[which])
            east, north = geometry.offsets_m(lon[which], lat[which], precise.lon[target], precise.lat[target])
            score[~(np.hypot(east, north) <= JOIN_REACH * limit_m[which])] = np.inf
            score += np.abs(imprecise.time_ns[which] - precise.time_ns[target]) / 1e9 / JOIN_S
            fits = np.flatnonzero(np.isfinite(score))
            ranked = fits[np.lexsort((target[fits], score[fits], which[fits]))]
            firsts = (
                ranked[np.concatenate([[True], which[ranked][1:] != which[ranked][:-1]])]
                if len(ranked)
                else ranked
            )
            i, j, value = which[firsts], target[firsts], score[firsts]
            better = (value < score_of[i]) | ((value == score_of[i]) & (j < best[i]))
            best[i[better]], score_of[i[better]] = j[better], value[better]
    return best


def _score(imprecise: Reports, precise: Reports, i: Ints, j: Ints, k_sigma: Reals) -> Reals:
    """Squared misfit in standard deviations, infinite beyond `k_sigma`."""
    east, north = geometry.offsets_m(imprecise.lon[i], imprecise.lat[i], precise.lon[j], precise.lat[j])
    by_place = geometry.mahalanobis_sq(
        east,
        north,
        imprecise.var_e[i] + precise.var_e[j],
        imprecise.cov_en[i] + precise.cov_en[j],
        imprecise.var_n[i] + precise.var_n[j],
    )
    east, north = geometry.offsets_m(
        imprecise.from_lon[i], imprecise.from_lat[i], precise.lon[j], precise.lat[j]
    )
    way_m = np.maximum(np.hypot(east, north), 1.0)
    off_deg = (np.degrees(np.arctan2(east, north)) - imprecise.bearing_deg[i] + 180.0) % 360.0 - 180.0
    sigma_deg = np.where(np.isfinite(imprecise.bearing_sigma_deg[i]), imprecise.bearing_sigma_deg[i], 1.0)
    blur_deg = np.degrees(np.sqrt((precise.var_e[j] + precise.var_n[j]) / 2.0) / way_m)
    by_bearing = off_deg**2 / (sigma_deg**2 + blur_deg**2)
    score = np.where(np.isfinite(imprecise.lon[i]), by_place, by_bearing)
    return np.where(score <= k_sigma**2, score, np.inf)


def _band(lat: Reals) -> Ints:
    placed = np.where(np.isfinite(lat), lat, -90.0)
    return np.floor((placed + 90.0) * geometry.METRES_PER_DEG / _BAND_M).astype(np.int64)


def _portions(lengths: Ints) -> list[tuple[int, int]]:
    """Consecutive ranges of reports with about `_PAIRS_MAX` pairs each, so that memory stays bounded."""
    if not len(lengths):
        return []
    block = np.cumsum(np.maximum(lengths, 0)) // _PAIRS_MAX
    starts = np.flatnonzero(np.concatenate([[True], block[1:] != block[:-1]]))
    return list(zip(starts.tolist(), [*starts[1:].tolist(), len(lengths)], strict=True))
