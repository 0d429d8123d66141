"""Place facts relative to the line that an agreement measures a party's forces from, where it is not the contact
line."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from geodata.contact_line import LineHistory
from monitoring import schema
from monitoring.agreement import Parameters
from monitoring.agreement.catalogue import SIDES
from monitoring.tracks.batch import TrackBatch


class Placed(NamedTuple):
    """Places relative to a line, (n,): `line_idx` in its history, `side` +1 = A, -1 = B, 0 = exactly on it."""

    line_idx: NDArray[np.int64]
    side: NDArray[np.int8]
    signed_distance_m: NDArray[np.float64]
    chainage_m: NDArray[np.float64]
    line_part: NDArray[np.int16]


def placed_from(
    history: LineHistory, time_ns: NDArray[np.int64], lon: NDArray[np.float64], lat: NDArray[np.float64]
) -> Placed:
    """Where places lie relative to the version of a line that is in force at each instant; all (n,), degrees."""
    n = len(lon)
    found = Placed(
        history.at(time_ns),
        np.zeros(n, dtype=np.int8),
        np.full(n, np.nan),
        np.full(n, np.nan),
        np.full(n, -1, dtype=np.int16),
    )
    for idx in np.unique(found.line_idx).tolist():
        at = np.flatnonzero(found.line_idx == idx)
        located = history.lines[idx].locator.locate(lon[at], lat[at])
        found.side[at] = np.where(located.signed_distance_m == 0.0, 0, located.side)
        found.signed_distance_m[at] = located.signed_distance_m
        found.chainage_m[at], found.line_part[at] = located.chainage_m, located.line_part
    return found


def measured_for(batch: TrackBatch, rule_id: str, parameters: Parameters) -> TrackBatch:
    """The batch with the forces of each party placed relative to the line that the rule has for that party.

    Rows of objects that nobody took for forces of a party stay as they are, as do all `crossings`.
    """
    for party in SIDES:
        history = parameters.line_for(rule_id, party)
        if history is parameters.lines:
            continue
        rows = np.flatnonzero(batch.affiliation == schema.AFFILIATIONS.index(party))
        if len(rows):
            batch = _with_rows(batch, rows, history, parameters)
    return batch


def _with_rows(
    batch: TrackBatch, rows: NDArray[np.int64], history: LineHistory, parameters: Parameters
) -> TrackBatch:
    found = placed_from(history, batch.time_ns[rows], batch.lon[rows], batch.lat[rows])
    line_sigma_m = np.array([0.0 if parameters.is_exact else line.sigma_m for line in history.lines])
    sigma_m = np.hypot(batch.own_sigma_m[rows], line_sigma_m[found.line_idx])
    if parameters.is_exact:
        sigma_m = np.zeros(len(rows))
    is_certain = np.abs(found.signed_distance_m) > batch.k_sigma[rows] * sigma_m
    changed = {
        "line_idx": found.line_idx + len(batch.lines),
        "side": found.side,
        "certain_side": np.where(is_certain, found.side, 0).astype(np.int8),
        "signed_distance_m": found.signed_distance_m,
        "chainage_m": found.chainage_m,
        "line_part": found.line_part,
        "sigma_m": sigma_m,
    }
    columns = {}
    for name, values in changed.items():
        column = getattr(batch, name).copy()
        column[rows] = values
        columns[name] = column
    return replace(batch, lines=(*batch.lines, *history.lines), **columns)
