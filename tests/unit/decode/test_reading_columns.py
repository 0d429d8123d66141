"""What the columnar reader of NDJSON is asked to do."""

import json

import pytest

from monitoring.decode import Format, decode, ndjson


def test_a_name_that_no_sampled_line_has_costs_one_more_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [
        {"sensor_id": "S-1", "id": str(i), "time": "2026-06-14T16:30:00Z", "kind": "heartbeat"}
        for i in range(2_000)
    ]
    rows[1_003]["text"] = "rare"
    read, readings = ndjson.pj.read_json, []

    def counted(*args: object, **options: object) -> object:
        readings.append(1)
        return read(*args, **options)

    monkeypatch.setattr(ndjson.pj, "read_json", counted)
    decoded = decode(Format.NDJSON, "\n".join(json.dumps(row) for row in rows).encode(), 1)
    assert decoded.table.column("text").to_pylist()[1_002:1_005] == [None, "rare", None]
    assert len(readings) == 2
