"""The detector that anybody would write first: which side is nearer, and did that change?

A track crosses wherever two fixes in a row lie on different sides. A run of fixes within the buffer is an incursion, a
run of a heavy weapon's within the zone one that should be away, a run of an aircraft's an air violation. Every report
of fire within the zone is a violation by itself, by whoever holds the ground, or by the other party where it says
`impact`, and then fire across the line too. Every report of digging or a mine in the zone is works, every one of
jamming interference. A sensor of which nothing came for three hours is out, and more than ten tracks of heavy objects
in an hour on one side of fifty kilometres are a build-up.

Stated errors are ignored and nothing is ever joined.
"""

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from geodata.contact_line import ContactLine
from monitoring import events, schema

SILENCE_S = 10_800.0
MANY = 10
HOUR_NS = 3_600_000_000_000
STRETCH_M = 50_000.0
WEAPONS = ("tank", "artillery", "mlrs", "mortar", "air_defence")
HEAVY = ("armoured_vehicle", *WEAPONS)
AIRCRAFT = ("uav_small", "uav_large", "aircraft")
DISTURBANCES = ("jamming", "access_denied", "tamper")
PARTIES = pa.array(["B", None, "A"], type=pa.string())
"""By side plus one: -1 is B's, +1 A's."""

Indices = NDArray[np.int64]
Mask = NDArray[np.bool_]


class _Seen(NamedTuple):
    """What each event says, (n,): `side` +1 for A and -1 for B, `said` likewise whose it was taken for (0 = unknown),
    `track` and `sensor` as numbers, `subject` as text."""

    time_ns: Indices
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    side: Indices
    distance_m: NDArray[np.float64]
    stretch: Indices
    kind: NDArray[np.int8]
    object_class: NDArray[np.int8]
    direction: NDArray[np.int8]
    said: Indices
    count: Indices
    sensor: Indices
    track: Indices
    subject: pa.Array
    sensor_id: pa.Array

    def is_kind(self, *kinds: str) -> Mask:
        return np.isin(self.kind, [schema.KINDS.index(word) for word in kinds])

    def is_class(self, *classes: str) -> Mask:
        return np.isin(self.object_class, [schema.OBJECT_CLASSES.index(word) for word in classes])

    def whose(self, rows: Indices, ground: Indices) -> Indices:
        """Whose it was said to be, else of whoever holds the ground."""
        return np.where(self.said[rows] != 0, self.said[rows], ground)


def naive_findings(table: pa.Table, line: ContactLine, width_m: float, zone_m: float) -> pa.Table:
    """FINDINGS of all events of a run; `width_m` of the buffer and `zone_m` on each side of the line."""
    seen = _seen(table, line)
    fixes = np.flatnonzero(seen.is_kind("track") & (seen.side != 0))
    fixes = fixes[np.lexsort((seen.time_ns[fixes], seen.track[fixes]))]
    is_near, is_in_zone = seen.distance_m < width_m, (seen.side != 0) & (seen.distance_m < zone_m)
    found = [
        _crossings(seen, fixes),
        _stays("buffer_incursion", seen, fixes, is_near),
        _stays("heavy_weapon_zone", seen, fixes, is_in_zone & seen.is_class(*WEAPONS)),
        _stays("air_violation", seen, fixes, is_in_zone & seen.is_class(*AIRCRAFT)),
        *_fire(seen, is_in_zone),
        _each("engineering_works", seen, is_in_zone & seen.is_kind("works", "mine")),
        _each("monitor_interference", seen, seen.is_kind(*DISTURBANCES) & (seen.side != 0)),
        _silences(seen),
        _gatherings(seen, fixes[seen.is_class(*HEAVY)[fixes]]),
    ]
    made = pa.concat_tables(found)
    names = pc.binary_join_element_wise("N-", pa.array(np.arange(made.num_rows)).cast(pa.string()), "")
    return made.set_column(0, schema.FINDINGS.field("finding_id"), names)


def _seen(table: pa.Table, line: ContactLine) -> _Seen:
    lon, lat = events.reals(table, "lon"), events.reals(table, "lat")
    located = line.locator.locate(lon, lat)
    affiliation = events.codes(table, "affiliation")
    said = [
        np.where(affiliation == schema.AFFILIATIONS.index(name), sign, 0)
        for name, sign in (("A", 1), ("B", -1))
    ]
    sensor_id = table["sensor_id"].combine_chunks()
    subject = pc.binary_join_element_wise("track:", sensor_id, "", null_handling="skip")
    subject = pc.binary_join_element_wise(subject, pc.coalesce(table["track_id"], "-"), "/").combine_chunks()
    return _Seen(
        time_ns=events.ints(table, "time_ns"),
        lon=lon,
        lat=lat,
        side=np.asarray(located.side, dtype=np.int64),
        distance_m=np.abs(np.asarray(located.signed_distance_m)),
        stretch=np.nan_to_num(np.asarray(located.chainage_m) // STRETCH_M, nan=-1).astype(np.int64),
        kind=events.codes(table, "kind"),
        object_class=events.codes(table, "object_class"),
        direction=events.codes(table, "direction"),
        said=said[0] + said[1],
        count=events.ints(table, "count", absent=1),
        sensor=_numbered(sensor_id),
        track=_numbered(subject),
        subject=subject,
        sensor_id=sensor_id,
    )


def _numbered(names: pa.Array) -> Indices:
    return np.asarray(names.dictionary_encode().indices, dtype=np.int64)


def _findings(
    rule_id: str, seen: _Seen, first: Indices, last: Indices, party: Indices, **columns: Any
) -> pa.Table:
    """A finding for each pair of a first and a last event; `columns` replace what these say."""
    n = len(first)
    constant = {
        "finding_id": "",
        "revision": 1,
        "state": "final",
        "rule_id": rule_id,
        "verdict": "violation",
        "engine_version": "naive",
        "detail": "{}",
    }
    none = pa.ListArray.from_arrays(np.zeros(n + 1, dtype=np.int32), pa.array([], type=pa.string()))
    made = {name: pa.repeat(value, n) for name, value in constant.items()}
    made |= {
        "time_start_ns": seen.time_ns[first],
        "time_end_ns": seen.time_ns[last],
        "lon": seen.lon[first],
        "lat": seen.lat[first],
        "party": PARTIES.take(pa.array(party + 1)),
        "subject_key": seen.subject.take(pa.array(first)),
        "sensor_ids": pa.ListArray.from_arrays(
            np.arange(n + 1, dtype=np.int32), seen.sensor_id.take(pa.array(first))
        ),
        "event_ids": none,
        "reasons": none,
    }
    made |= columns
    arrays = [
        pa.array(made[f.name]).cast(f.type) if f.name in made else pa.nulls(n, f.type)
        for f in schema.FINDINGS
    ]
    return pa.Table.from_arrays(arrays, schema=schema.FINDINGS)


def _each(rule_id: str, seen: _Seen, is_meant: Mask) -> pa.Table:
    rows = np.flatnonzero(is_meant)
    return _findings(rule_id, seen, rows, rows, seen.whose(rows, seen.side[rows]))


def _same_as_before(numbers: Indices) -> Mask:
    same = np.zeros(len(numbers), dtype=bool)
    same[1:] = numbers[1:] == numbers[:-1]
    return same


def _crossings(seen: _Seen, fixes: Indices) -> pa.Table:
    flips = _same_as_before(seen.track[fixes]) & ~_same_as_before(seen.side[fixes])
    at = np.flatnonzero(flips)
    after, home = fixes[at], seen.side[fixes[at - 1]]
    way = pa.array(["B>A", "A>B"]).take(pa.array((home > 0).astype(np.int64)))
    return _findings("line_crossing", seen, after, after, seen.whose(after, home), direction=way)


def _stays(rule_id: str, seen: _Seen, fixes: Indices, is_inside: Mask) -> pa.Table:
    """A finding for each run of a track's fixes that are inside."""
    inside, goes_on = is_inside[fixes], _same_as_before(seen.track[fixes])
    first = fixes[inside & ~(np.roll(inside, 1) & goes_on)]
    last = fixes[inside & ~np.append(inside[1:] & goes_on[1:], False)] if len(fixes) else fixes
    return _findings(rule_id, seen, first, last, seen.whose(first, seen.side[first]))


def _fire(seen: _Seen, is_in_zone: Mask) -> list[pa.Table]:
    rows = np.flatnonzero(seen.is_kind(*schema.FIRE_KINDS) & is_in_zone)
    is_impact = seen.direction[rows] == schema.FIRE_DIRECTIONS.index("impact")
    party = np.where(is_impact, -seen.side[rows], seen.side[rows])
    far, by = rows[is_impact], party[is_impact]
    return [
        _findings("ceasefire_fire", seen, rows, rows, party, count=seen.count[rows]),
        _findings("cross_line_fire", seen, far, far, by, count=seen.count[far]),
    ]


def _silences(seen: _Seen) -> pa.Table:
    """A finding, without a place, for each time in which nothing came of a sensor."""
    order = np.lexsort((seen.time_ns, seen.sensor))
    time_ns = seen.time_ns[order]
    is_last = ~np.append(_same_as_before(seen.sensor[order])[1:], False) if len(order) else np.zeros(0, bool)
    until_ns = np.where(is_last, seen.time_ns.max(initial=0), np.append(time_ns[1:], 0)[: len(order)])
    rows = np.flatnonzero(until_ns - time_ns > SILENCE_S * 1e9)
    first, n = order[rows], len(rows)
    nowhere, nobody = np.full(n, np.nan), np.zeros(n, dtype=np.int64)
    return _findings(
        "sensor_outage",
        seen,
        first,
        first,
        nobody,
        time_end_ns=until_ns[rows],
        lon=pa.array(nowhere, from_pandas=True),
        lat=pa.array(nowhere, from_pandas=True),
        verdict=pa.repeat("undetermined", n),
        count=np.ones(n, dtype=np.int64),
    )


def _gatherings(seen: _Seen, fixes: Indices) -> pa.Table:
    """A finding for each hour in which too many tracks were on one side of a stretch."""
    fixes = fixes[np.argsort(seen.time_ns[fixes], kind="stable")]
    place = 2 * seen.stretch[fixes] + (seen.side[fixes] > 0)
    keys, first, of = np.unique(
        np.stack([place, seen.time_ns[fixes] // HOUR_NS]), axis=1, return_index=True, return_inverse=True
    )
    of = of.reshape(-1)
    tracks = np.bincount(np.unique(np.stack([of, seen.track[fixes]]), axis=1)[0], minlength=keys.shape[1])
    last = np.zeros(keys.shape[1], dtype=np.int64)
    np.maximum.at(last, of, np.arange(len(fixes)))
    share = np.bincount(of, minlength=keys.shape[1])
    lon, lat = (np.bincount(of, axis[fixes], keys.shape[1]) / share for axis in (seen.lon, seen.lat))
    many = np.flatnonzero(tracks > MANY)
    return _findings(
        "force_build_up",
        seen,
        fixes[first[many]],
        fixes[last[many]],
        seen.side[fixes[first[many]]],
        lon=lon[many],
        lat=lat[many],
        count=tracks[many],
    )
