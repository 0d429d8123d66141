"""`detect` on files of real fixes (where they are at hand) and on small ones."""

import json

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv

from geodata.contact_line import ContactLine, LineHistory
from geodata.line_file import LineDraft
from monitoring import events, schema
from monitoring.agreement import Parameters
from monitoring.pipeline.detect import detect
from tests.real_data import real
from tests.small_world import SECTORS, agreement, fix, parameters, table


def real_events(name: str) -> pa.Table:
    frame = read_csv(f"tracks_{name}.events.csv.gz")
    columns = {name: frame[name].cast(pa.string()) for name in ("id", "sensor_id", "track_id")}
    columns |= {name: frame[name].cast(pa.float64()) for name in ("lon", "lat")}
    columns["time_ns"] = frame["time"].cast(pa.timestamp("ns", tz="UTC")).cast(pa.int64())
    columns["kind"] = events.words("kind", ["track"] * frame.num_rows)
    columns["flags"] = columns["row"] = columns["journal_seq"] = pa.array(
        np.zeros(frame.num_rows, dtype=np.int64)
    )
    for field in schema.EVENTS:
        empty = [None] * frame.num_rows
        absent = (
            events.words(field.name, empty)
            if field.name in events.WORDS
            else pa.nulls(frame.num_rows, field.type)
        )
        columns.setdefault(field.name, absent)
    return pa.table({name: columns[name] for name in schema.EVENTS.names}).cast(schema.EVENTS)


def read_csv(name: str) -> pa.Table:
    return csv.read_csv(real(name))


def real_line(name: str) -> ContactLine:
    document = json.loads(real(f"tracks_{name}.line.geojson").read_text(encoding="utf-8"))
    lon, lat = np.array(document["features"][0]["geometry"]["coordinates"]).T
    # The glider's line crosses itself, which a mission's line may not; crossings of it are defined all the same.
    return ContactLine(lon, lat, name, "A", 0.0)


@pytest.mark.parametrize("name", ["ais_us", "glider_franconia", "liverpool_bus"])
def test_the_crossings_of_real_tracks_are_those_of_the_exact_oracle(name: str) -> None:
    line = real_line(name)
    given = Parameters(agreement(), LineHistory([line]), SECTORS, position_error=0, rules=("line_crossing",))
    found = detect([real_events(name)], given).to_pylist()
    expected = read_csv(f"tracks_{name}.crossings.csv")
    instants = expected["t_cross"].cast(pa.timestamp("ns", tz="UTC")).cast(pa.int64()).to_pylist()
    rows = [{**row, "time_ns": at} for row, at in zip(expected.to_pylist(), instants, strict=True)]
    firm = [row for row in rows if not (row["degenerate"] or row["model_sensitive"])]
    assert len(firm) <= len(found) <= len(rows)
    for row in firm:
        same = [
            one
            for one in found
            if one["track_id"] == str(row["track"])
            and one["direction"] == {"L2R": "A>B", "R2L": "B>A"}[row["direction"]]
            and abs(one["time_start_ns"] - row["time_ns"]) < 2_000_000
        ]
        assert len(same) == 1
        assert abs(same[0]["chainage_m"] - row["chainage_m"]) < 0.02
        assert abs(same[0]["lon"] - row["lon"]) < 2e-8
        assert abs(same[0]["lat"] - row["lat"]) < 2e-8


def test_events_in_any_order_and_given_twice_are_judged_once() -> None:
    rows = [fix(0, -400, id="a"), fix(60, 400, id="b"), fix(120, -400, id="c")]
    once = detect([table(rows)], parameters())
    assert once.num_rows == 3
    other = {**rows[0], "time_ns": rows[0]["time_ns"] + 5}
    assert detect([table(rows[::-1]), table(rows), table([other])], parameters()).equals(once)


def test_no_events_give_an_empty_table() -> None:
    assert detect([], parameters()).schema == schema.FINDINGS
    assert detect([table([])], parameters()).num_rows == 0


def test_a_line_anywhere_in_the_world_will_do() -> None:
    line = ContactLine.from_draft(LineDraft(((179.9, -17.0), (-179.9, -17.2)), "across the antimeridian"))
    given = parameters(lines=LineHistory([line]), position_error=0)
    rows = [fix(0, 0, lon=179.99, lat=-17.0), fix(60, 0, lon=-179.99, lat=-17.2)]
    directions = detect([table(rows)], given)["direction"].to_pylist()
    assert [direction for direction in directions if direction] == ["A>B"]
