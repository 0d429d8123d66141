"""Claims: fire that one sensor told of alone, and how far the sensor is believed since.

A sensor may be faulty, or in somebody's hands, and go on inventing fire that nobody else can confirm. What shows it is
the silence of those who would have noticed: real fire that a sensor reports is missed by all others with the
probability m that `silence` gives; what a captured sensor invents, a share f of its claims, is always missed. A lone
claim multiplies the odds that its sensor is captured by (f + (1 - f) m) / m, so that a claim that nobody could have
denied says nothing; fire that another sensor reported as well multiplies them by 1 - f, so that trust comes back
slowly. What the false alarms of the sensor's type explain, or an innocent bang, is no claim.

A claim counts from when its incident is complete, for incidents that become complete later; never for its own. The
odds neither fall below those before anything was known, nor rise above the agreement's bound. Of each sensor the
newest `MOST` claims are remembered, and none for longer than `KEPT_NS`.
"""

from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from monitoring import events

Ints = NDArray[np.int64]
Reals = NDArray[np.float64]
Flags = NDArray[np.bool_]

MOST: Final = 16
KEPT_NS: Final = 30 * 86_400_000_000_000
CLAIM_PROB: Final = 0.5
"""A report is a claim where it would be believed, this or more probably, if there were nobody else to ask."""
_LEAST: Final = 0.05
"""A silence that says less than this (natural logarithm of odds) is none."""
CLAIMS: Final = pa.schema(
    [
        pa.field("sensor_id", pa.string(), nullable=False),
        pa.field("id", pa.string(), nullable=False),
        pa.field("decided_ns", pa.int64(), nullable=False),
        pa.field("log_odds", pa.float64(), nullable=False),
    ]
)
"""Claims in order of sensor and decision: `id` of the sensor's first report in the incident, when that was complete,
and by how much the odds that the sensor is captured grew (natural logarithm; negative where others bore it out)."""
_ORDER: Final = [("sensor_id", "ascending"), ("decided_ns", "ascending"), ("id", "ascending")]


class Told(NamedTuple):
    """Sensors in incidents, columns (p,): the incident, the sensor's number, the position of its first report."""

    incident: Ints
    sensor: Ints
    first: Ints


def told(incident: Ints, sensor: Ints) -> Told:
    """Each sensor of each incident once, by incident, then sensor, of reports (n,) in canonical order."""
    width = np.int64(sensor.max(initial=0) + 1)
    key, first = np.unique(incident * width + sensor, return_index=True)
    return Told(key // width, key % width, first.astype(np.int64))


def log_odds(is_alone: Flags, believed: Reals, miss_prob: Reals, invented_frac: Reals) -> Reals:
    """By how much each claim changes the odds that its sensor is captured (log), elementwise; 0 = no claim.

    `believed`: P(fire) by the reports alone; `miss_prob`: that nobody else would have reported it.

    >>> log_odds(np.array([True, True, False]), np.full(3, 1.0), np.array([0.1, 1.0, 0.1]), np.full(3, 0.7)).round(2)
    array([ 1.99,  0.  , -1.2 ])
    """
    silent = believed * miss_prob + 1.0 - believed
    grown = np.log((invented_frac + (1.0 - invented_frac) * silent) / silent)
    grown = np.where(is_alone, np.where(grown >= _LEAST, grown, 0.0), np.log1p(-invented_frac))
    return np.asarray(np.round(np.where(believed >= CLAIM_PROB, grown, 0.0), 6), dtype=np.float64)


def table(rows: pa.Table, pairs: Told, decided_ns: Ints, grown: Reals) -> pa.Table:
    """CLAIMS of the pairs whose odds change; `decided_ns` (k,) by incident, `grown` (p,)."""
    at = np.flatnonzero(grown != 0.0)
    ids = rows.select(["sensor_id", "id"]).take(pa.array(pairs.first[at]))
    names = [ids.column(name).combine_chunks().cast(pa.string()) for name in ("sensor_id", "id")]
    arrays = [*names, pa.array(decided_ns[pairs.incident[at]]), pa.array(grown[at])]
    return pa.Table.from_arrays(arrays, schema=CLAIMS)


def with_claims(known: pa.Table, fresh: pa.Table) -> pa.Table:
    """CLAIMS of both, in order."""
    return pa.concat_tables([known, fresh]).sort_by(_ORDER).combine_chunks() if fresh.num_rows else known


def recent(claims: pa.Table, until_ns: int) -> pa.Table:
    """CLAIMS without what nobody looks back on from the watermark: of each sensor the newest ones, from the first that
    was contradicted on."""
    if not claims.num_rows:
        return claims
    claims = claims.filter(pa.array(events.ints(claims, "decided_ns") >= until_ns - KEPT_NS))
    code, count = _sensors(claims)
    place = np.arange(len(code))
    ends = np.searchsorted(code, np.arange(count), side="right")
    is_newest = ends[code] - place <= MOST
    first = np.full(count, len(code))
    at = np.flatnonzero(is_newest & (events.reals(claims, "log_odds") > 0.0))
    np.minimum.at(first, code[at], at)
    return claims.filter(pa.array(is_newest & (place >= first[code]))).combine_chunks()


def without(claims: pa.Table, sensor_ids: pa.Array, ids: pa.Array) -> pa.Table:
    """CLAIMS without contradicted ones of the reports named: what another sensor bore out later is held against nobody.

    One that was borne out at once stays: what more is heard of it takes no trust away.
    """
    if not claims.num_rows:
        return claims
    named = pc.is_in(_names(claims.column("sensor_id"), claims.column("id")), _names(sensor_ids, ids))
    keeps = pc.or_(pc.invert(named), pc.less(claims.column("log_odds"), 0.0))
    return claims.filter(keeps).combine_chunks()


def doubts(
    claims: pa.Table,
    rows: pa.Table,
    incident: Ints,
    pairs: Told,
    sensor_names: list[str],
    decided_ns: Ints,
    kept_ns: Ints,
    log_odds_max: Reals,
) -> tuple[Reals, Ints]:
    """By how much the odds that a sensor is captured have grown (log, >= 0) when its incident is complete; and how many
    of its claims had been contradicted. Shapes (p,).

    `incident` (n,) of the reports `rows`; `decided_ns`, `kept_ns` (for how long a claim counts), `log_odds_max` (k,).
    """
    size = len(pairs.sensor)
    grown, contradicted = np.zeros(size), np.zeros(size, dtype=np.int64)
    if not claims.num_rows:
        return grown, contradicted
    code, _ = _sensors(claims)
    names = claims.column("sensor_id").combine_chunks().unique().to_pylist()
    number = {name: k for k, name in enumerate(names)}
    of_sensor = np.array([number.get(name, -1) for name in sensor_names], dtype=np.int64)[pairs.sensor]
    at = np.flatnonzero(of_sensor >= 0)
    if not len(at):
        return grown, contradicted
    times_ns, steps = events.ints(claims, "decided_ns"), events.reals(claims, "log_odds")
    own = _own(claims, rows, incident)
    now_ns = decided_ns[pairs.incident[at]]
    moments = np.unique(times_ns)
    width = np.int64(len(moments) + 1)
    key = code * width + np.searchsorted(moments, times_ns)
    end = np.searchsorted(key, of_sensor[at] * width + np.searchsorted(moments, now_ns))
    for back in range(MOST, 0, -1):
        claim = np.maximum(end - back, 0)
        counts = (end >= back) & (code[claim] == of_sensor[at]) & (own[claim] != pairs.incident[at])
        counts &= times_ns[claim] >= now_ns - kept_ns[pairs.incident[at]]
        step = np.where(counts, steps[claim], 0.0)
        grown[at] = np.clip(grown[at] + step, 0.0, log_odds_max[pairs.incident[at]])
        contradicted[at] += step > 0.0
    return grown, contradicted


def _own(claims: pa.Table, rows: pa.Table, incident: Ints) -> Ints:
    """The incident that each claim is of, -1 = none of these: one that is judged again does not count for itself."""
    place = pc.index_in(
        _names(claims.column("sensor_id"), claims.column("id")),
        _names(rows.column("sensor_id"), rows.column("id")),
    )
    found = np.asarray(place.fill_null(-1).to_numpy(zero_copy_only=False), dtype=np.int64)
    return np.where(found >= 0, incident[found], -1)


def _sensors(claims: pa.Table) -> tuple[Ints, int]:
    """The number of each claim's sensor, ascending, and how many sensors there are."""
    coded = claims.column("sensor_id").combine_chunks().dictionary_encode()
    return np.asarray(coded.indices).astype(np.int64), len(coded.dictionary)


def _names(sensor_id: pa.Array | pa.ChunkedArray, ids: pa.Array | pa.ChunkedArray) -> pa.Array:
    joined = pc.binary_join_element_wise(sensor_id.cast(pa.string()), ids.cast(pa.string()), "/")
    return joined.combine_chunks() if isinstance(joined, pa.ChunkedArray) else joined
