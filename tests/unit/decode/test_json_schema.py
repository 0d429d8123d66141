"""The published JSON Schema and the decoder say the same about a record."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import monitoring
from monitoring.decode import Format, decode, json_schema

PUBLISHED = Path(monitoring.__file__).parent / "event.schema.json"
GOOD: dict[str, Any] = {
    "id": "e-1",
    "sensor_id": "S",
    "time": "2026-03-14T09:26:53Z",
    "kind": "shot",
    "lon": 36.25,
    "lat": 49.1,
}
CASES: list[dict[str, Any]] = [
    {},
    {"id": None},
    {"id": "a b"},
    {"id": "x" * 65},
    {"id": 5},
    {"time": "2026-03-14T09:26:53"},
    {"time": 1773480413},
    {"time": "2026-03-14T24:00:00Z"},
    {"kind": "Shot"},
    {"kind": "track"},
    {"kind": "track", "track_id": "t-1"},
    {"kind": "heartbeat", "lon": None, "lat": None},
    {"lon": None, "lat": None},
    {"lon": None},
    {"lon": None, "lat": None, "bearing_deg": 40},
    {"lon": None, "lat": None, "bearing_deg": 40, "range_m": 10},
    {"lon": 181},
    {"lon": "36"},
    {"sigma_m": 0},
    {"sigma_m": 50_000},
    {"sigma_m": 50_001},
    {"sigma_major_m": 10},
    {"sigma_major_m": 10, "sigma_minor_m": 5, "sigma_azimuth_deg": 0},
    {"count": 0},
    {"count": 3.0},
    {"count": 3.5},
    {"count_is_minimum": True},
    {"count_is_minimum": "yes"},
    {"object_class": "tank"},
    {"object_class": "spaceship"},
    {"confidence": 1.5},
    {"seq": -1},
    {"text": "x" * 2_001},
    {"sensor_lon": 36},
    {"media": [{"sha256": "0f" * 32, "uri": "https://e.example/1"}]},
    {"media": [{"sha256": "zz"}]},
    {"media": [{}] * 17},
    {"media": {}},
    {"unknown": {"nested": [1]}},
]


@pytest.mark.parametrize("change", CASES, ids=[json.dumps(case)[:60] for case in CASES])
def test_schema_and_decoder_agree_on(change: dict[str, Any]) -> None:
    record = {**GOOD, **change}
    rows = decode(Format.NDJSON, json.dumps(record).encode())
    validator = jsonschema.Draft202012Validator(json.loads(PUBLISHED.read_text(encoding="utf-8")))
    assert validator.is_valid(record) == (rows.reason_word(0) is None), rows.detail


def test_the_published_schema_is_the_one_the_field_table_gives() -> None:
    assert PUBLISHED.read_text(encoding="utf-8") == json_schema.text()


def test_the_published_schema_is_a_json_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema.document())
