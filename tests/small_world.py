"""A world small enough to reason about: a line straight north along 37 E, side A west of it, and events by metres."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa
from pyproj import Geod

from geodata.contact_line import ContactLine, LineHistory
from geodata.line_file import LineDraft
from geodata.sectors import Sectors
from monitoring import events, schema
from monitoring.agreement import REFERENCE_LINE, Agreement, Parameters, SensorFacts
from monitoring.rules import bind

START_NS = 1_760_000_000_000_000_000
SECOND_NS = 1_000_000_000
LON, LAT = 37.0, 48.5
_GEOD = Geod(ellps="WGS84")

LINE = ContactLine.from_draft(LineDraft(((LON, 48.0), (LON, 49.0)), "straight north"))
SECTORS = Sectors.fit(LINE)


def place(east_m: float, north_m: float = 0.0) -> tuple[float, float]:
    """Longitude and latitude of a place by its distance east of the line and north of 48.5 N."""
    _, lat, _ = _GEOD.fwd(LON, LAT, 0.0, north_m)
    lon, lat, _ = _GEOD.fwd(LON, lat, 90.0, east_m)
    return lon, lat


def fix(second: float, east_m: float, north_m: float = 0.0, **fields: Any) -> dict[str, Any]:
    """An event of kind `track`, `second` after START_NS."""
    lon, lat = place(east_m, north_m)
    return {
        "time_ns": START_NS + round(second * SECOND_NS),
        "kind": "track",
        "sensor_id": "GS-1",
        "track_id": "t1",
        "lon": lon,
        "lat": lat,
        "sigma_m": 20.0,
    } | fields


def shot(second: float, east_m: float, north_m: float = 0.0, **fields: Any) -> dict[str, Any]:
    """An explosion, `second` after START_NS."""
    row = fix(second, east_m, north_m, kind="explosion", sensor_id="AC-1", sigma_m=100.0) | fields
    del row["track_id"]
    return row


def works(second: float, east_m: float = -1_000.0, north_m: float = 0.0, **fields: Any) -> dict[str, Any]:
    """Earth being moved, `second` after START_NS."""
    return shot(second, east_m, north_m, kind="works", sensor_id="W-1") | fields


def table(rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    """An EVENTS table; ids are given by position where absent."""
    filled = [
        {"journal_seq": 1, "row": i, "flags": 0, "id": f"e{i:05d}"} | dict(row) for i, row in enumerate(rows)
    ]
    columns = []
    for field in schema.EVENTS:
        values = [row.get(field.name) for row in filled]
        is_word = field.name in events.WORDS
        columns.append(events.words(field.name, values) if is_word else pa.array(values, type=field.type))
    return pa.Table.from_arrays(columns, schema=schema.EVENTS)


def agreement(
    changes: Mapping[str, Any] | None = None,
    said_besides: Mapping[str, Any] | None = None,
    name: str = "minimal",
) -> Agreement:
    """A packaged agreement, with values replaced by `section.name`: one value, or a list of {from, value}.

    `said_besides` are further sections at the top (`reference_lines`, `permits`).
    """
    content = json.loads(Agreement.load(name).to_json()) | dict(said_besides or {})
    for key, value in (changes or {}).items():
        section, parameter = key.split(".")
        is_dated = isinstance(value, list) and value and isinstance(value[0], dict) and "from" in value[0]
        stated = content["parameters"][section].setdefault(
            parameter, {"unit": REFERENCE_LINE.unit, "meaning": "Of the test.", "source": "the test"}
        )
        stated["values"] = value if is_dated else [{"from": "always", "value": value}]
    made = Agreement.parse(json.dumps(content), f"changed {name}.yaml")
    bind(made)
    return made


def parameters(
    changes: Mapping[str, Any] | None = None,
    lines: LineHistory | None = None,
    sensors: Mapping[str, SensorFacts] | None = None,
    said_besides: Mapping[str, Any] | None = None,
    name: str = "minimal",
    **fields: Any,
) -> Parameters:
    """Parameters of the small world, by the packaged agreement `name`."""
    made = agreement(changes, said_besides, name)
    return Parameters(made, lines or LineHistory([LINE]), SECTORS, sensors or {}, **fields)
