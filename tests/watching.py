"""Sensors that watch the small world's line, and what they report of their health."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from geodata.contact_line import LineHistory
from monitoring import coverage, events
from monitoring.agreement import Parameters, SensorFacts
from tests.small_world import LINE, SECTORS, START_NS, agreement, fix, place, table

AGREEMENT = agreement()
HOUR_NS = 3_600 * 10**9
FIRST_NS = START_NS // HOUR_NS * HOUR_NS + HOUR_NS
"""A full hour: the first of these worlds."""


def post(
    kind: str, east_m: float, north_m: float = 0.0, host_side: str | None = None, **fields: Any
) -> SensorFacts:
    """A registered sensor with a fixed post."""
    lon, lat = place(east_m, north_m)
    return SensorFacts(kind, host_side, lon=lon, lat=lat, **fields)


def world_of(sensors: Mapping[str, SensorFacts]) -> Parameters:
    """The small world with these sensors."""
    return Parameters(AGREEMENT, LineHistory([LINE]), SECTORS, sensors)


def heartbeat(sensor_id: str, hour: float, **fields: Any) -> dict[str, Any]:
    """A report of health, so many hours after FIRST_NS."""
    time_ns = FIRST_NS + round(hour * HOUR_NS)
    row = fix(0.0, 0.0) | {
        "kind": "heartbeat",
        "sensor_id": sensor_id,
        "time_ns": time_ns,
        "lon": None,
        "lat": None,
    }
    return {**row, "sigma_m": None, "track_id": None, "id": f"h{time_ns}"} | fields


def beats(sensor_ids: Iterable[str], hours: Sequence[float], **fields: Any) -> list[dict[str, Any]]:
    """Reports of health of several sensors at these hours."""
    return [heartbeat(name, hour, **fields) for name in sensor_ids for hour in hours]


def every(step_h: float, until_h: float) -> list[float]:
    """Hours from 0 on, `step_h` apart."""
    return [i * step_h for i in range(int(until_h / step_h + 1e-9) + 1)]


def watched(
    sensors: Mapping[str, SensorFacts],
    rows: Sequence[Mapping[str, Any]],
    until_h: float,
    pieces: int = 1,
    world: Parameters | None = None,
    is_end: bool = False,
) -> list[dict[str, Any]]:
    """The newest COVERAGE rows after these events, delivered in so many pieces."""
    whole = world_of(sensors) if world is None else world
    return newest(told(whole, events.in_canonical_order(table(rows)), until_h, pieces, is_end))


def told(world: Parameters, due: pa.Table, until_h: float, pieces: int = 1, is_end: bool = False) -> pa.Table:
    """Every row that is told, in order."""
    state, found = coverage.CoverageState(), []
    until_ns = FIRST_NS + round(until_h * HOUR_NS)
    time_ns = events.ints(due, "time_ns")
    first_ns = int(time_ns[0])
    for piece in range(1, pieces + 1):
        at_ns = first_ns + (until_ns - first_ns) * piece // pieces
        before_ns = first_ns - 1 if piece == 1 else first_ns + (until_ns - first_ns) * (piece - 1) // pieces
        part = due.filter(pa.array((time_ns > before_ns) & (time_ns <= at_ns)))
        state, rows = coverage.step(state, part, at_ns, is_end and piece == pieces, world)
        state = coverage.CoverageState.from_state(state.to_state())
        found.append(rows)
    return pa.concat_tables(found)


def newest(rows: pa.Table) -> list[dict[str, Any]]:
    """Of each sector, kind and hour the newest revision."""
    kept = {(row["time_start_ns"], row["sector"], row["kind"]): row for row in rows.to_pylist()}
    return [kept[key] for key in sorted(kept)]


def total(
    rows: Iterable[Mapping[str, Any]], kind: str, figure: str = "watched_km_h", hour: int | None = None
) -> float:
    """A figure summed over sectors (and hours)."""
    return sum(
        row[figure]
        for row in rows
        if row["kind"] == kind and (hour is None or row["time_start_ns"] == FIRST_NS + hour * HOUR_NS)
    )
