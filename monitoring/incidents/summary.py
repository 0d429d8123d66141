"""Summary: the rows of incidents of fire, with place, counts, evidence and members.

The place is where the fire came from if a launch was recorded, otherwise where it was recorded (see `location`).
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from monitoring import events, findings, schema
from monitoring.agreement import Parameters
from monitoring.incidents import evidence, geometry, statements, wording
from monitoring.incidents.counting import Counts, count
from monitoring.incidents.ends import ends
from monitoring.incidents.limits import FLARE_SPREAD_M, Limits
from monitoring.incidents.location import Bearings, extent_of, first_of, mean_place, pairs_of
from monitoring.incidents.phenomena import FAMILY, origin_times, roles, same
from monitoring.incidents.place_facts import on_the_line
from monitoring.incidents.readings import group_numbers, is_arrival

Ints = NDArray[np.int64]
Reals = NDArray[np.float64]
Flags = NDArray[np.bool_]

_FLARE: Final = schema.KINDS.index("flare")
_LAUNCH: Final = schema.KINDS.index("launch")
_PARTIES: Final = ("A", "B")


@dataclass(frozen=True)
class Gathered:
    """Reports of the incidents to describe, in canonical order; arrays (n,).

    `incident`: 0-based number, in the order of output; `is_precise`; `is_lead`: belongs to the leading activity;
    `is_shouting`: its sensor reported far more often than any of its type should. `record`: what was claimed before.
    """

    rows: pa.Table
    incident: Ints
    is_precise: Flags
    is_lead: Flags
    is_shouting: Flags
    incident_count: int
    record: evidence.Record


@dataclass(frozen=True)
class Described:
    """INCIDENTS rows without id, revision and state, per report its phenomenon and distance, and the CLAIMS in them."""

    rows: list[dict[str, Any]]
    phenomenon: Ints
    residual_m: Reals
    first_row: Ints
    claims: pa.Table


def describe(gathered: Gathered, parameters: Parameters) -> Described:
    """What is known of each incident, one dictionary each."""
    rows, incident, size = gathered.rows, gathered.incident, gathered.incident_count
    sensor_names = rows.column("sensor_id").combine_chunks().dictionary_encode()
    sensor = np.asarray(sensor_names.indices).astype(np.int64)
    lon, lat, errors = _places(rows)
    time_ns = events.ints(rows, "time_ns")
    kind, role = (
        events.codes(rows, "kind").astype(np.int64),
        roles(events.codes(rows, "kind"), events.codes(rows, "direction")),
    )
    label = _phenomena(rows, incident, sensor, kind, role, lon, lat, errors, parameters)
    counts = _counts(rows, gathered, sensor, kind, role, label)

    anchor = gathered.is_precise & gathered.is_lead
    is_bearing = ~anchor & np.isfinite(events.reals(rows, "bearing_deg")) & ~np.isfinite(lon)
    stated_deg = events.reals(rows, "bearing_sigma_deg")
    mean_lon, mean_lat, spread = mean_place(
        incident,
        size,
        anchor,
        lon,
        lat,
        errors,
        sensor,
        Bearings(
            is_bearing & np.isfinite(events.reals(rows, "from_lon")) & gathered.is_lead,
            events.reals(rows, "from_lon"),
            events.reals(rows, "from_lat"),
            events.reals(rows, "bearing_deg"),
            np.where(np.isfinite(stated_deg), stated_deg, 1.0),
        ),
        _drift_var(counts, kind, anchor, incident, size),
    )
    east, north = geometry.offsets_m(mean_lon[incident], mean_lat[incident], lon, lat)
    first_row = first_of(incident, size, gathered.is_precise)
    worded, claims = _worded(
        gathered,
        parameters,
        counts,
        mean_lon,
        mean_lat,
        spread,
        time_ns,
        sensor,
        sensor_names.dictionary.to_pylist(),
        lon,
        lat,
        errors,
        role,
    )
    return Described(
        rows=worded,
        phenomenon=_numbered(label, incident, size),
        residual_m=np.hypot(east, north),
        first_row=first_row,
        claims=claims,
    )


def _drift_var(counts: Counts, kind: Ints, anchor: Flags, incident: Ints, size: int) -> Reals:
    """Variance per axis between where flares burnt and who fired them, of incidents placed by flares alone, (k,)."""
    others = np.bincount(incident[anchor & (kind != _FLARE)], minlength=size)
    flares = np.maximum(counts.by_kind[:, schema.FIRE_KINDS.index("flare")], 1)
    return np.where(others == 0, FLARE_SPREAD_M**2 / flares, 0.0)


def _places(rows: pa.Table) -> tuple[Reals, Reals, tuple[Reals, Reals, Reals]]:
    errors = (events.reals(rows, "var_e"), events.reals(rows, "cov_en"), events.reals(rows, "var_n"))
    return events.reals(rows, "at_lon"), events.reals(rows, "at_lat"), errors


def _phenomena(
    rows: pa.Table,
    incident: Ints,
    sensor: Ints,
    kind: Ints,
    role: Ints,
    lon: Reals,
    lat: Reals,
    errors: tuple[Reals, Reals, Reals],
    parameters: Parameters,
) -> Ints:
    time_ns = events.ints(rows, "time_ns")
    from_lon, from_lat = events.reals(rows, "from_lon"), events.reals(rows, "from_lat")
    east, north = geometry.offsets_m(from_lon, from_lat, lon, lat)
    origin_ns, origin_sigma_s = origin_times(
        time_ns,
        events.reals(rows, "time_sigma_s"),
        is_arrival(rows),
        np.hypot(east, north),
        events.reals(rows, "sigma_m_max"),
    )
    gate_s = parameters.agreement.numbers("association.phenomenon_gate_s", time_ns)
    group = group_numbers(rows)
    node = np.arange(len(incident), dtype=np.int64)
    grouped = np.flatnonzero(group >= 0)
    if len(grouped):
        order = grouped[np.lexsort((grouped, kind[grouped], group[grouped], incident[grouped]))]
        opens = np.ones(len(order), dtype=np.bool_)
        opens[1:] = (incident[order][1:] != incident[order][:-1]) | (group[order][1:] != group[order][:-1])
        opens[1:] |= kind[order][1:] != kind[order][:-1]
        node[order] = order[np.maximum.accumulate(np.where(opens, np.arange(len(order)), 0))]
    k_sigma = Limits.at(parameters.agreement, time_ns).k_sigma
    return same(
        incident,
        FAMILY[kind],
        role,
        sensor,
        node,
        origin_ns,
        origin_sigma_s,
        lon,
        lat,
        *errors,
        gate_s,
        k_sigma,
    )


def _counts(rows: pa.Table, gathered: Gathered, sensor: Ints, kind: Ints, role: Ints, label: Ints) -> Counts:
    minimum = rows.column("count_is_minimum").combine_chunks().fill_null(False)
    return count(
        gathered.incident,
        gathered.incident_count,
        label,
        gathered.is_precise,
        kind,
        role,
        sensor,
        np.maximum(events.ints(rows, "count", 1), 1),
        np.asarray(minimum.to_numpy(zero_copy_only=False), dtype=np.bool_),
        events.ints(rows, "rounds"),
    )


def _worded(
    gathered: Gathered,
    parameters: Parameters,
    counts: Counts,
    lon: Reals,
    lat: Reals,
    spread: tuple[Reals, Reals, Reals],
    time_ns: Ints,
    sensor: Ints,
    sensor_names: list[str],
    at_lon: Reals,
    at_lat: Reals,
    errors: tuple[Reals, Reals, Reals],
    role: Ints,
) -> tuple[list[dict[str, Any]], pa.Table]:
    incident, size = gathered.incident, gathered.incident_count
    start_ns, end_ns = extent_of(incident, size, gathered.is_precise, time_ns)
    major_m, minor_m, azimuth_deg = geometry.ellipse(*spread)
    line_idx = parameters.lines.at(start_ns)
    facts = on_the_line(parameters, line_idx, lon, lat)
    sector_idx = parameters.sectors.locate(lon, lat, facts["chainage_m"])
    party = _party(incident, size, events.codes(gathered.rows, "affiliation"))
    seen_by = _sensors(incident, size, sensor, sensor_names)
    size_of = np.bincount(incident, minlength=size)
    located = ends(
        incident,
        size,
        gathered.is_precise,
        gathered.is_lead,
        role,
        sensor,
        at_lon,
        at_lat,
        errors,
        start_ns,
        parameters,
    )
    said = statements.of_fire(gathered.rows, incident, size, role, sensor, sensor_names, start_ns, parameters)
    weighed = evidence.weigh(
        gathered.rows,
        incident,
        size,
        role,
        sensor,
        sensor_names,
        lon,
        lat,
        start_ns,
        gathered.is_shouting,
        gathered.record,
        parameters,
    )
    launches = np.bincount(incident[role > 0], minlength=size)
    zone, out = parameters.agreement.reporting.zone, []
    for i in range(size):
        distance_m = findings.millimetres(facts["signed_distance_m"][i])
        side = (
            findings.SIDE_NAMES.get(int(facts["side"][i]))
            if distance_m is not None and abs(distance_m) >= major_m[i]
            else None
        )
        sector = int(sector_idx[i])
        types = sorted({_type(parameters, name) for name in seen_by[i]})
        phenomena = {kind: int(n) for kind, n in zip(schema.FIRE_KINDS, counts.by_kind[i], strict=True) if n}
        chainage_m = findings.millimetres(facts["chainage_m"][i])
        where = wording.place(
            chainage_m, parameters.sectors.ids[sector] if sector >= 0 else None, side, distance_m
        )
        when = wording.span(int(start_ns[i]), int(end_ns[i]), zone)
        detail: dict[str, Any] = {
            "launch_reports": int(launches[i]),
            "sensor_types": types,
            "host_sides": sorted({_host(parameters, name) for name in seen_by[i]}),
            "unmatched_reports": int(counts.unmatched[i]),
            "statements": said[i],
            "evidence": {
                "happened": round(float(weighed.happened[i]), 4),
                "weapon": round(float(weighed.weapon[i]), 4),
                "silent_posts": int(weighed.silent_posts[i]),
                "contradicted_before": int(weighed.contradicted[i]),
            },
            **located[i],
        }
        out.append(
            {
                "kind": "fire",
                "time_start_ns": int(start_ns[i]),
                "time_end_ns": int(end_ns[i]),
                "lon": round(float(lon[i]), 7),
                "lat": round(float(lat[i]), 7),
                "sigma_major_m": findings.millimetres(major_m[i]),
                "sigma_minor_m": findings.millimetres(minor_m[i]),
                "sigma_azimuth_deg": round(float(azimuth_deg[i]), 3),
                "side": side,
                "signed_distance_m": distance_m,
                "chainage_m": chainage_m,
                "line_part": int(facts["line_part"][i]),
                "sector": parameters.sectors.ids[sector] if sector >= 0 else None,
                "line_version": parameters.lines.lines[int(line_idx[i])].version,
                "party": party[i],
                "violations_smm": int(counts.total[i]),
                "rounds_least": int(counts.rounds_least[i]),
                "rounds_best": int(counts.rounds_best[i]),
                "count_is_minimum": bool(counts.is_minimum[i]),
                "phenomena": findings.canonical_json(phenomena),
                "event_count": int(size_of[i]),
                "sensor_ids": seen_by[i],
                "confidence": confidence(len(seen_by[i]), len(types)),
                "summary": wording.fire(
                    phenomena, bool(counts.is_minimum[i]), where, when, len(seen_by[i]), len(types)
                ),
                "engine_version": schema.ENGINE_VERSION,
                "detail": findings.canonical_json(detail),
            }
        )
    return out, weighed.claims


def confidence(sensor_count: int, type_count: int) -> str:
    """A word for the evidence base: one sensor `low`, several of one type `medium`, of more types `high`.

    >>> confidence(1, 1), confidence(2, 1), confidence(2, 2), confidence(4, 1)
    ('low', 'medium', 'high', 'medium')
    """
    if sensor_count < 2:
        return "low"
    return "high" if type_count > 1 else "medium"


def _party(incident: Ints, size: int, affiliation: NDArray[np.int8]) -> list[str | None]:
    """The party whose fire it was, where sensors said so and none said otherwise."""
    said = np.stack([np.bincount(incident[affiliation == code], minlength=size) > 0 for code in range(4)])
    return [
        _PARTIES[int(b)] if a != b and not other else None
        for a, b, other in zip(said[0], said[1], said[2] | said[3], strict=True)
    ]


def _sensors(incident: Ints, size: int, sensor: Ints, names: list[str]) -> list[list[str]]:
    of, which = pairs_of(incident, sensor)
    begins = np.searchsorted(of, np.arange(size + 1))
    return [sorted(names[s] for s in which[begins[i] : begins[i + 1]].tolist()) for i in range(size)]


def _numbered(label: Ints, incident: Ints, size: int) -> Ints:
    """Phenomena numbered from 0 inside each incident, in the order of their first reports."""
    first_reports = np.unique(label)
    of = incident[first_reports]
    order = np.lexsort((first_reports, of))
    rank = np.arange(len(order)) - np.searchsorted(of[order], np.arange(size))[of[order]]
    number = np.zeros(len(first_reports), dtype=np.int64)
    number[order] = rank
    return number[np.searchsorted(first_reports, label)]


def _type(parameters: Parameters, sensor_id: str) -> str:
    facts = parameters.sensors.get(sensor_id)
    return facts.type if facts else "generic"


def _host(parameters: Parameters, sensor_id: str) -> str:
    facts = parameters.sensors.get(sensor_id)
    return (facts.host_side if facts else None) or "none"


def members(gathered: Gathered, described: Described, incident_ids: list[str]) -> pa.Table:
    """MEMBERS of the incidents, by incident, then in canonical order."""
    order = np.lexsort((np.arange(len(gathered.incident)), gathered.incident))
    rows = gathered.rows.take(pa.array(order))
    names = pa.DictionaryArray.from_arrays(
        pa.array(gathered.incident[order]), pa.array(incident_ids, type=pa.string())
    )
    residual = np.round(described.residual_m[order], 3)
    columns = {
        "incident_id": names.cast(pa.string()),
        "phenomenon": pa.array(described.phenomenon[order].astype(np.int32)),
        "residual_m": pa.array(residual, from_pandas=True),
    }
    arrays = [columns[n] if n in columns else rows.column(n).combine_chunks() for n in schema.MEMBERS.names]
    return pa.Table.from_arrays(arrays, schema=schema.MEMBERS)


def event_keys(members_table: pa.Table) -> pa.Array:
    """`sensor_id/id` of each member."""
    keys = pc.binary_join_element_wise(members_table.column("sensor_id"), members_table.column("id"), "/")
    return keys.combine_chunks()
