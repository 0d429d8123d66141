"""Step S1: `(what is remembered, fixes, parameters) → (what is remembered, placed tracks)`.

Every operation runs over all tracks at once. Tracks do not see each other, so any split by key gives the
same.
"""

from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from geodata.contact_line import ContactLine
from monitoring import events, schema
from monitoring.agreement import Parameters
from monitoring.tracks.at_odds import at_odds
from monitoring.tracks.batch import NOT_STATED, UNKNOWN, TrackBatch
from monitoring.tracks.crossing import find_crossings
from monitoring.tracks.keys import track_keys
from monitoring.tracks.sigma import error_ellipse, position_sigma_m
from monitoring.tracks.state import Fixes

_LOW_PRECISION: Final = 1 << schema.FLAGS.index("low_precision")
_UNKNOWN_CLASS: Final = schema.OBJECT_CLASSES.index("unknown")


COLUMNS: Final = (
    "flags", "sensor_id", "id", "time_ns", "lon", "lat", "alt_m", "sigma_m", "sigma_major_m", "sigma_minor_m",
    "sigma_azimuth_deg", "track_id", "object_class", "affiliation", "count", "count_is_minimum", "calibre_mm",
)  # fmt: skip
"""What S1 and the rules on tracks read of a fix; the other columns would be copied for nobody."""


class TrackOutput(NamedTuple):
    """State and placed tracks after a batch."""

    state: Fixes
    batch: TrackBatch


def step(state: Fixes, fixes: pa.Table, until_ns: int, parameters: Parameters) -> TrackOutput:
    """Places the fixes of a batch behind those remembered of their tracks.

    `fixes` are events of kind `track` in canonical order, none older than those of the batch before;
    `until_ns` is the watermark, up to which they are complete. Where positions have errors, fixes given
    with low precision take no part; a fix without a position never does.
    """
    fixes, is_doubtful = _usable(fixes, parameters)
    fresh = _fresh(fixes, is_doubtful, parameters)
    is_touched = np.isin(state.key, fresh.key)
    remembered, untouched = state.take(is_touched), state.take(~is_touched)
    batch, pending_side, judged_ns = _placed(remembered, fresh, fixes, parameters)
    kept = _newest(batch, pending_side, judged_ns)
    return TrackOutput(_forgetting(untouched.followed_by(kept), until_ns, parameters), batch)


def _usable(fixes: pa.Table, parameters: Parameters) -> tuple[pa.Table, NDArray[np.bool_]]:
    """The fixes that take part, and which of them were given with low precision."""
    lon, lat = events.reals(fixes, "lon"), events.reals(fixes, "lat")
    is_doubtful = (events.ints(fixes, "flags") & _LOW_PRECISION) != 0
    is_usable = np.isfinite(lon) & np.isfinite(lat)
    if not parameters.is_exact:
        is_usable &= ~is_doubtful
    if is_usable.all():
        return fixes, is_doubtful
    return events.taken(fixes, np.flatnonzero(is_usable)), is_doubtful[is_usable]


def _fresh(fixes: pa.Table, is_doubtful: NDArray[np.bool_], parameters: Parameters) -> Fixes:
    ids = {name: fixes.column(name).combine_chunks() for name in ("sensor_id", "track_id", "id")}
    time_ns = events.ints(fixes, "time_ns")
    n = len(time_ns)
    sigma_m = position_sigma_m(fixes, parameters)
    minor_m, azimuth_deg = error_ellipse(fixes, sigma_m)
    affiliation, object_class = events.codes(fixes, "affiliation"), events.codes(fixes, "object_class")
    return Fixes(
        key=track_keys(ids["sensor_id"], ids["track_id"]),
        time_ns=time_ns,
        judged_ns=time_ns,
        lon=events.reals(fixes, "lon"),
        lat=events.reals(fixes, "lat"),
        sigma_m=sigma_m,
        sigma_minor_m=minor_m,
        sigma_azimuth_deg=azimuth_deg,
        object_class=np.where(object_class == _UNKNOWN_CLASS, np.int8(NOT_STATED), object_class),
        affiliation=np.where(affiliation == UNKNOWN, np.int8(NOT_STATED), affiliation),
        calibre_mm=_calibre_mm(fixes),
        is_doubtful=is_doubtful,
        is_at_odds=np.zeros(n, dtype=bool),
        pending_side=np.zeros(n, dtype=np.int8),
        **ids,
    )


def _calibre_mm(fixes: pa.Table) -> NDArray[np.float64]:
    if fixes.column("calibre_mm").null_count == fixes.num_rows:
        return np.zeros(fixes.num_rows)
    return np.nan_to_num(events.reals(fixes, "calibre_mm"))


def _placed(
    remembered: Fixes, fresh: Fixes, fixes: pa.Table, parameters: Parameters
) -> tuple[TrackBatch, NDArray[np.int8], NDArray[np.int64]]:
    rows = remembered.followed_by(fresh) if len(remembered.key) else fresh
    source = _by_track(rows.key)
    is_new = source >= len(remembered.key)
    judged_ns = rows.judged_ns[source]
    line_idx = parameters.lines.at(judged_ns)
    starts_track = _differs(rows.key[source])
    # The last fix before a change of line is judged once more, against the new line, and opens a stretch.
    is_change = np.zeros(len(source), dtype=bool)
    is_change[1:] = (line_idx[1:] != line_idx[:-1]) & ~starts_track[1:]
    is_copy = np.zeros(len(source), dtype=bool)
    if is_change.any():
        later = np.flatnonzero(is_change)
        source = np.insert(source, later, source[later - 1])
        is_new = np.insert(is_new, later, False)
        judged_ns = np.insert(judged_ns, later, judged_ns[later])
        line_idx = np.insert(line_idx, later, line_idx[later])
        starts_track = np.insert(starts_track, later, False)
        is_copy = np.insert(is_copy, later, True)
    time_ns, lon, lat = rows.time_ns[source], rows.lon[source], rows.lat[source]
    is_first = starts_track | is_copy
    if not parameters.is_exact:
        pause_ns = np.diff(time_ns, prepend=time_ns[:1])
        is_first |= is_new & (pause_ns > parameters.agreement.numbers("tracks.forget_s", time_ns) * 1e9)
    is_step = ~is_first
    side, distance_m, chainage_m, line_part = _place_facts(parameters.lines.lines, line_idx, lon, lat)
    own_sigma_m = rows.sigma_m[source]
    sigma_m = _with_line_sigma(own_sigma_m, parameters, line_idx)
    k_sigma = parameters.agreement.numbers("tracks.k_sigma", time_ns)
    certain_side = np.where(np.abs(distance_m) > k_sigma * sigma_m, side, 0).astype(np.int8)
    object_class = _carried_on(rows.object_class[source], starts_track)
    calibre_mm = rows.calibre_mm[source]
    if calibre_mm.any():
        calibre_mm = calibre_mm[_newest_stated(calibre_mm > 0.0, starts_track)]
    is_at_odds = rows.is_at_odds[source] | at_odds(rows.key[source], is_first, time_ns, certain_side)
    # What contradicts a fix does so against the new line too, wherever the batch is cut.
    is_at_odds[is_copy] = is_at_odds[np.flatnonzero(is_copy) - 1]
    pending_before = np.where(is_copy, 0, rows.pending_side[source]).astype(np.int8)
    crossings, pending_side = find_crossings(
        parameters.lines.lines, line_idx, lon, lat, distance_m, is_step, pending_before
    )
    batch = TrackBatch(
        key=rows.key[source],
        is_first=is_first,
        is_step=is_step,
        is_new=is_new,
        time_ns=time_ns,
        lon=lon,
        lat=lat,
        own_sigma_m=own_sigma_m,
        minor_m=rows.sigma_minor_m[source],
        azimuth_deg=rows.sigma_azimuth_deg[source],
        sigma_m=sigma_m,
        k_sigma=k_sigma,
        line_idx=line_idx,
        side=side,
        certain_side=certain_side,
        signed_distance_m=distance_m,
        chainage_m=chainage_m,
        line_part=line_part,
        object_class=object_class,
        affiliation=_carried_on(rows.affiliation[source], starts_track),
        calibre_mm=calibre_mm,
        is_doubtful=rows.is_doubtful[source],
        is_at_odds=is_at_odds,
        source=source,
        sensor_id=rows.sensor_id,
        track_id=rows.track_id,
        id=rows.id,
        crossings=crossings,
        lines=parameters.lines.lines,
        fixes=fixes,
        first_fix=len(remembered.key),
    )
    return batch, pending_side, judged_ns


def _by_track(key: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Positions that put rows track by track, keeping their order inside a track."""
    if len(key) < 2 or bool(np.all(key[1:] >= key[:-1])):
        return np.arange(len(key), dtype=np.int64)
    # Keys are hashes: their first bits nearly order them, and 16-bit numbers sort by radix, several times faster
    # than 64-bit ones. What they leave together is put apart by the rest.
    order = np.argsort((key >> np.uint64(48)).astype(np.uint16), kind="stable")
    in_order = key[order]
    if np.all(in_order[1:] >= in_order[:-1]):
        return order.astype(np.int64)
    again = np.argsort(in_order, kind="stable")
    return order[again].astype(np.int64)


def _differs(values: NDArray[np.uint64]) -> NDArray[np.bool_]:
    differs = np.ones(len(values), dtype=bool)
    differs[1:] = values[1:] != values[:-1]
    return differs


def _place_facts(
    lines: tuple[ContactLine, ...],
    line_idx: NDArray[np.int64],
    lon: NDArray[np.float64],
    lat: NDArray[np.float64],
) -> tuple[NDArray[np.int8], NDArray[np.float64], NDArray[np.float64], NDArray[np.int16]]:
    n = len(lon)
    side, part = np.zeros(n, dtype=np.int8), np.full(n, -1, dtype=np.int16)
    distance_m, chainage_m = np.full(n, np.nan), np.full(n, np.nan)
    in_use = range(1) if len(lines) == 1 else np.unique(line_idx).tolist()
    for idx in in_use:
        at = slice(None) if len(lines) == 1 else line_idx == idx
        found = lines[idx].locator.locate(lon[at], lat[at])
        # On the line a place is on side A by convention; a step that only touches it has changed no side.
        side[at] = np.where(found.signed_distance_m == 0.0, 0, found.side)
        distance_m[at], chainage_m[at], part[at] = found.signed_distance_m, found.chainage_m, found.line_part
    return side, distance_m, chainage_m, part


def _with_line_sigma(
    sigma_m: NDArray[np.float64], parameters: Parameters, line_idx: NDArray[np.int64]
) -> NDArray[np.float64]:
    if parameters.is_exact:
        return np.zeros(len(sigma_m))
    line_sigma_m = np.array([line.sigma_m for line in parameters.lines.lines])
    return np.asarray(np.hypot(sigma_m, line_sigma_m[line_idx]))


def _carried_on(code: NDArray[np.int8], starts_track: NDArray[np.bool_]) -> NDArray[np.int8]:
    """The newest stated word of the track at each row."""
    return code[_newest_stated(code != NOT_STATED, starts_track)]


def _newest_stated(is_stated: NDArray[np.bool_], starts_track: NDArray[np.bool_]) -> NDArray[np.int64]:
    """For each row the newest one of its track so far that stated something, else the track's first; (n,)."""
    rows = np.arange(len(is_stated))
    return np.maximum.accumulate(np.where(is_stated | starts_track, rows, 0)) if len(is_stated) else rows


def _newest(batch: TrackBatch, pending_side: NDArray[np.int8], judged_ns: NDArray[np.int64]) -> Fixes:
    """The newest fix of each track."""
    if not len(batch):
        return Fixes.empty()
    last = np.flatnonzero(np.concatenate([batch.key[1:] != batch.key[:-1], [True]]))
    at = pa.array(batch.source[last])
    return Fixes(
        key=batch.key[last],
        sensor_id=batch.sensor_id.take(at),
        track_id=batch.track_id.take(at),
        id=batch.id.take(at),
        time_ns=batch.time_ns[last],
        judged_ns=judged_ns[last],
        lon=batch.lon[last],
        lat=batch.lat[last],
        sigma_m=batch.own_sigma_m[last],
        sigma_minor_m=batch.minor_m[last],
        sigma_azimuth_deg=batch.azimuth_deg[last],
        object_class=batch.object_class[last],
        affiliation=batch.affiliation[last],
        calibre_mm=batch.calibre_mm[last],
        is_doubtful=batch.is_doubtful[last],
        is_at_odds=batch.is_at_odds[last],
        pending_side=pending_side[last],
    )


def _forgetting(state: Fixes, until_ns: int, parameters: Parameters) -> Fixes:
    """Without the tracks that have been silent for so long that their next fix begins anew."""
    if parameters.is_exact or not len(state.key):
        return state
    forget_ns = parameters.agreement.numbers("tracks.forget_s", np.array([until_ns]))[0] * 1e9
    return state.take(until_ns - state.time_ns <= forget_ns)
