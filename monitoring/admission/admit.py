"""Admission of one chunk of decoded rows: registry, clock, area, observer, then duplicates.

The first failing check decides the reason. Nothing is remembered here: the caller adds the accepted keys
to its set once they are durable, so a delivery that failed can be sent again.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from monitoring import events, schema
from monitoring.admission.receipt import Receipt, RefusedRow
from monitoring.admission.registry import Registry
from monitoring.admission.seen import SeenIds
from monitoring.decode.fields import FLAG_BITS
from monitoring.decode.limits import DEFAULT_LIMITS, Limits
from monitoring.decode.rows import DecodedRows, Verdicts, echo

_NS: Final = 1_000_000_000
_REPEATABLE: Final = np.array([kind in {"track", *schema.STATUS_KINDS} for kind in schema.KINDS] + [True])
"""Kinds of which equal content under another id is no sign of anything; the last is for an absent kind."""


class AreaOfOperations(Protocol):
    """Where an event may lie."""

    def contains(self, lon: NDArray[np.float64], lat: NDArray[np.float64], /) -> NDArray[np.bool_]:
        """Whether each place (degrees) is inside, shape (n,)."""
        ...


@dataclass(frozen=True)
class Admission:
    """The verdict on every row of a chunk of n rows.

    `reason` (n,) int8 into `schema.ROW_REASONS`, -1 = not refused; `detail` row → text; `flags` (n,) uint16;
    `duplicate` (n,): the same content again, counted and without effect; `accepted` the rows that count
    (`schema.EVENT_FIELDS`), `accepted_rows` (m,) their positions among n.
    """

    reason: NDArray[np.int8]
    detail: dict[int, str]
    flags: NDArray[np.uint16]
    duplicate: NDArray[np.bool_]
    accepted: pa.Table
    accepted_rows: NDArray[np.int64]
    receipt: Receipt


def admit(
    decoded: DecodedRows,
    registry: Registry | None,
    area: AreaOfOperations | None,
    reference_ns: int | None,
    watermark_ns: int | None,
    seen: SeenIds | None,
    limits: Limits = DEFAULT_LIMITS,
) -> Admission:
    """Judge the well formed rows of a chunk.

    `registry`, `area`: None = any sensor, any place. `reference_ns`: the clock for skew, None = no clock.
    `watermark_ns`: as it stood before this delivery began, None = none yet. `seen`: ids accepted before,
    None = only repeats inside this chunk are recognised. `possible_duplicate` (the same observation of
    the same sensor under another id) is flagged inside the chunk only.
    """
    table = decoded.table
    verdicts = Verdicts.none_yet(table.num_rows)
    time_ns = events.ints(table, "time_ns")
    if table.num_rows:
        _judge(table, time_ns, verdicts, registry, area, reference_ns, limits)
    fate = _duplicates(decoded, verdicts, seen)
    flags = decoded.flags.copy()
    _set_flags(decoded, flags, time_ns, fate, watermark_ns)

    reason = decoded.reason.copy()
    reason[decoded.ok_rows] = verdicts.reason
    detail = dict(decoded.detail)
    detail.update((int(decoded.ok_rows[row]), text) for row, text in verdicts.detail.items())
    duplicate = np.zeros(decoded.row_count, dtype=np.bool_)
    duplicate[decoded.ok_rows[fate.is_duplicate]] = True
    accepted = table if fate.is_new.all() else table.filter(pa.array(fate.is_new)).combine_chunks()
    accepted_rows = decoded.ok_rows[fate.is_new]
    receipt = _receipt(decoded, reason, detail, flags, duplicate, accepted_rows, limits)
    return Admission(reason, detail, flags, duplicate, accepted, accepted_rows, receipt)


def _judge(
    table: pa.Table,
    time_ns: NDArray[np.int64],
    verdicts: Verdicts,
    registry: Registry | None,
    area: AreaOfOperations | None,
    reference_ns: int | None,
    limits: Limits,
) -> None:
    has_post = np.zeros(table.num_rows, dtype=np.bool_)
    if registry is not None:
        sensor_ids = table.column("sensor_id").combine_chunks()
        position = registry.locate(sensor_ids)
        has_post = registry.has_post(position)
        holds = registry.holds(position, time_ns)

        def about(row: int) -> str:
            name = echo(sensor_ids[row].as_py())
            return f"{name} is not registered" if position[row] < 0 else f"{name} was not valid at that time"

        verdicts.refuse_where(~holds, "unknown_sensor", about)
    if reference_ns is not None:
        latest_ns = min(reference_ns + round(limits.skew_s_max * _NS), 2**63 - 1)
        verdicts.refuse_where(
            time_ns > latest_ns,
            "clock_skew",
            lambda row: f"{(int(time_ns[row]) - reference_ns) // _NS} s ahead of the reference clock",
        )
    if area is not None:
        lon, lat = events.reals(table, "lon"), events.reals(table, "lat")
        has_place = ~np.isnan(lon)
        inside = np.ones(table.num_rows, dtype=np.bool_)
        inside[has_place] = area.contains(lon[has_place], lat[has_place])
        outside = np.flatnonzero(~inside)
        is_swapped = np.zeros(table.num_rows, dtype=np.bool_)
        if len(outside):
            is_swapped[outside] = area.contains(lat[outside], lon[outside])

        def where(row: int) -> str:
            hint = ", but inside with lon and lat exchanged" if is_swapped[row] else ""
            return f"{lon[row]:.6g}, {lat[row]:.6g} is outside the area of operations{hint}"

        verdicts.refuse_where(~inside, "outside_area", where)
    _judge_observer(table, has_post, verdicts)


def _judge_observer(table: pa.Table, has_post: NDArray[np.bool_], verdicts: Verdicts) -> None:
    """A bearing or range needs to be known from where, unless the sensor has a fixed post."""
    if table.column("bearing_deg").null_count + table.column("range_m").null_count == 2 * table.num_rows:
        return
    is_relative = _has(table, "bearing_deg") | _has(table, "range_m")
    verdicts.refuse_where(
        is_relative & ~has_post & ~_has(table, "sensor_lon"),
        "missing_field",
        "sensor_lon, sensor_lat are required with a bearing or range from a sensor without a fixed post",
    )


def _has(table: pa.Table, name: str) -> NDArray[np.bool_]:
    return np.asarray(pc.is_valid(table.column(name).combine_chunks()), dtype=np.bool_)


@dataclass(frozen=True)
class _Fate:
    """What became of the well formed rows: one of new, duplicate, refused; (m,) each."""

    is_new: NDArray[np.bool_]
    is_duplicate: NDArray[np.bool_]


def _duplicates(decoded: DecodedRows, verdicts: Verdicts, seen: SeenIds | None) -> _Fate:
    """Find repeats of ids accepted before or further up; conflicts are refused."""
    candidate = verdicts.reason < 0
    rows = np.flatnonzero(candidate)
    keys = decoded.key_hash[rows]
    contents = decoded.content_hash[rows]
    is_repeat = np.zeros(len(rows), dtype=np.bool_)
    is_same = np.zeros(len(rows), dtype=np.bool_)
    if seen is not None and len(rows):
        before, is_known = seen.lookup(keys)
        is_repeat |= is_known
        is_same |= is_known & (before == contents).all(axis=1)
    first = _first_of_each(keys)
    if first is not None:
        again = (first != np.arange(len(rows))) & ~is_repeat
        is_repeat |= again
        is_same |= again & (contents[first] == contents).all(axis=1)
    conflict = np.zeros(len(candidate), dtype=np.bool_)
    conflict[rows[is_repeat & ~is_same]] = True
    verdicts.refuse_where(conflict, "id_conflict", "the id was accepted before with other content")
    is_new = candidate
    is_new[rows[is_repeat]] = False
    is_duplicate = np.zeros(len(candidate), dtype=np.bool_)
    is_duplicate[rows[is_same]] = True
    return _Fate(is_new, is_duplicate)


def _first_of_each(keys: NDArray[np.uint64]) -> NDArray[np.int64] | None:
    """Position of the first row with the same key, (m,); None where all keys differ."""
    order = np.argsort(keys[:, 0])
    ordered = keys[order, 0]
    is_tied = np.zeros(len(keys) + 1, dtype=np.bool_)
    is_tied[1:-1] = ordered[1:] == ordered[:-1]
    # Whole keys are compared only where their first halves are equal.
    tied = np.sort(order[is_tied[1:] | is_tied[:-1]])
    if not len(tied):
        return None
    _, at, inverse = np.unique(keys[tied], axis=0, return_index=True, return_inverse=True)
    first = np.arange(len(keys))
    first[tied] = tied[at[inverse.ravel()]]
    return first


def _set_flags(
    decoded: DecodedRows,
    flags: NDArray[np.uint16],
    time_ns: NDArray[np.int64],
    fate: _Fate,
    watermark_ns: int | None,
) -> None:
    if watermark_ns is not None:
        flags[decoded.ok_rows[fate.is_new & (time_ns < watermark_ns)]] |= FLAG_BITS["late"]
    kinds = events.codes(decoded.table, "kind")
    rows = np.flatnonzero(fate.is_new & ~_REPEATABLE[kinds])
    if len(rows) > 1:
        sensor = (
            decoded.table.column("sensor_id").combine_chunks().dictionary_encode().indices.to_numpy()[rows]
        )
        observation = np.column_stack((sensor.astype(np.uint64), decoded.content_hash[rows]))
        _, first, inverse = np.unique(observation, axis=0, return_index=True, return_inverse=True)
        repeated = first[inverse.ravel()] != np.arange(len(rows))
        flags[decoded.ok_rows[rows[repeated]]] |= FLAG_BITS["possible_duplicate"]


def _receipt(
    decoded: DecodedRows,
    reason: NDArray[np.int8],
    detail: dict[int, str],
    flags: NDArray[np.uint16],
    duplicate: NDArray[np.bool_],
    accepted_rows: NDArray[np.int64],
    limits: Limits,
) -> Receipt:
    refused = np.flatnonzero(reason >= 0)
    counts = Counter(schema.ROW_REASONS[code] for code in reason[refused].tolist())
    flagged = Counter(
        {
            name: int(np.count_nonzero(flags[accepted_rows] & np.uint16(bit)))
            for name, bit in FLAG_BITS.items()
        }
    )
    flagged["id_conflict"] = counts.pop("id_conflict", 0)
    named = refused[: limits.receipt_rows_max].tolist()
    return Receipt(
        accepted=len(accepted_rows),
        duplicates=int(np.count_nonzero(duplicate)),
        rejected=dict(sorted(counts.items())),
        flagged={name: count for name, count in sorted(flagged.items()) if count},
        rows=tuple(
            RefusedRow(int(decoded.line_no[row]), schema.ROW_REASONS[reason[row]], detail.get(row, ""))
            for row in named
        ),
    )
