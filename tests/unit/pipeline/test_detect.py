"""`detect` on files of real fixes (where they are at hand) and on small ones."""

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from geodata.contact_line import ContactLine, LineHistory
from geodata.line_file import LineDraft
from monitoring import events, schema
from monitoring.agreement import Parameters
from monitoring.pipeline.detect import detect
from tests.real_data import real
from tests.small_world import SECTORS, agreement, fix, parameters, table


def real_events(name: str) -> pa.Table:
    frame = pd.read_csv(
        real(f"tracks_{name}.events.csv.gz"), dtype={"id": str, "sensor_id": str, "track_id": str}
    )
    columns = {name: pa.array(frame[name]) for name in ("id", "sensor_id", "track_id", "lon", "lat")}
    columns["time_ns"] = pa.array(pd.to_datetime(frame["time"]).astype("datetime64[ns, UTC]").astype("int64"))
    columns["kind"] = events.words("kind", ["track"] * len(frame))
    columns["flags"] = columns["row"] = columns["journal_seq"] = pa.array(
        np.zeros(len(frame), dtype=np.int64)
    )
    for field in schema.EVENTS:
        empty = [None] * len(frame)
        absent = (
            events.words(field.name, empty)
            if field.name in events.WORDS
            else pa.nulls(len(frame), field.type)
        )
        columns.setdefault(field.name, absent)
    return pa.table({name: columns[name] for name in schema.EVENTS.names}).cast(schema.EVENTS)


def real_line(name: str) -> ContactLine:
    document = json.loads(real(f"tracks_{name}.line.geojson").read_text(encoding="utf-8"))
    lon, lat = np.array(document["features"][0]["geometry"]["coordinates"]).T
    # The glider's line crosses itself, which a mission's line may not; crossings of it are defined all the same.
    return ContactLine(lon, lat, name, "A", 0.0)


@pytest.mark.parametrize("name", ["ais_us", "glider_franconia", "liverpool_bus"])
def test_the_crossings_of_real_tracks_are_those_of_the_exact_oracle(name: str) -> None:
    line = real_line(name)
    given = Parameters(agreement(), LineHistory([line]), SECTORS, position_error=0, rules=("line_crossing",))
    found = detect([real_events(name)], given).to_pandas()
    expected = pd.read_csv(real(f"tracks_{name}.crossings.csv"))
    firm = expected[expected["degenerate"] + expected["model_sensitive"] == 0]
    assert len(firm) <= len(found) <= len(expected)
    for row in firm.itertuples():
        direction = {"L2R": "A>B", "R2L": "B>A"}[row.direction]
        off_ns = (found["time_start_ns"] - pd.Timestamp(row.t_cross).value).abs()
        same = found[
            (found["track_id"] == row.track) & (found["direction"] == direction) & (off_ns < 2_000_000)
        ]
        assert len(same) == 1
        assert abs(same["chainage_m"].iloc[0] - row.chainage_m) < 0.02
        assert abs(same["lon"].iloc[0] - row.lon) < 2e-8
        assert abs(same["lat"].iloc[0] - row.lat) < 2e-8


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
