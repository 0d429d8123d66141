"""Admission decides row by row, remembers nothing, and its receipt adds up."""

import json
from typing import Any

import numpy as np
import pytest

from geodata.area import Area
from monitoring import schema
from monitoring.admission import Admission, MemorySeenIds, Receipt, Registry, Sensor, admit
from monitoring.decode import DecodedRows, Format, decode

SECOND_NS = 1_000_000_000
NOON_NS = 1_773_489_600 * SECOND_NS  # 2026-03-14T12:00:00Z
REGISTRY = Registry.of([Sensor("S", "generic"), Sensor("T", "eo_ir_tower", 36.0, 49.0)])


def rows(*changes: dict[str, Any]) -> DecodedRows:
    good = {
        "id": "e-1",
        "sensor_id": "S",
        "time": "2026-03-14T11:00:00Z",
        "kind": "shot",
        "lon": 36.25,
        "lat": 49.123,
    }
    return decode(Format.NDJSON, "\n".join(json.dumps(good | change) for change in changes).encode())


def judge(decoded: DecodedRows, seen: MemorySeenIds | None = None, **options: Any) -> Admission:
    given = {"registry": REGISTRY, "area": None, "reference_ns": NOON_NS, "watermark_ns": None} | options
    return admit(decoded, seen=seen, **given)


def flags(admission: Admission, row: int) -> set[str]:
    return {name for bit, name in enumerate(schema.FLAGS) if int(admission.flags[row]) >> bit & 1}


def test_older_than_the_watermark_is_accepted_and_flagged_late() -> None:
    watermark_ns = NOON_NS - 3600 * SECOND_NS
    decoded = rows({"time": "2026-03-14T10:59:59.999999999Z"}, {"id": "e-2"})
    admission = judge(decoded, watermark_ns=watermark_ns)
    assert [flags(admission, row) for row in (0, 1)] == [{"late"}, set()]
    assert admission.receipt.flagged == {"late": 1}
    assert admission.receipt.accepted == 2
    assert not admission.receipt.has_refusals


def test_five_minutes_ahead_is_still_in_time() -> None:
    decoded = rows({"time": "2026-03-14T12:05:00Z"}, {"id": "e-2", "time": "2026-03-14T12:05:00.000000001Z"})
    assert judge(decoded).receipt.rejected == {"clock_skew": 1}
    assert judge(decoded, reference_ns=None).receipt.accepted == 2


def test_a_refused_row_does_not_stand_in_the_way_of_a_later_good_one() -> None:
    decoded = rows({"time": "2026-03-14T13:00:00Z"}, {"kind": "flare"})
    admission = judge(decoded)
    assert admission.receipt.rejected == {"clock_skew": 1}
    assert admission.accepted_rows.tolist() == [1]


def test_ids_whose_hashes_agree_in_one_half_only_are_two() -> None:
    decoded = rows({"id": "a"}, {"id": "b"}, {"id": "c"}, {"id": "b"}, {"id": "a"})
    decoded.key_hash[:, 0] = 7
    admission = judge(decoded)
    assert admission.accepted_rows.tolist() == [0, 1, 2]
    assert admission.receipt.duplicates == 2


def test_the_same_again_is_a_duplicate_and_other_content_a_conflict_across_deliveries() -> None:
    first = rows({})
    seen = MemorySeenIds()
    seen.add(first.key_hash, first.content_hash)
    admission = judge(rows({"kind": "flare"}, {}, {"id": "e-2"}), seen)
    assert admission.duplicate.tolist() == [False, True, False]
    assert admission.receipt.flagged == {"id_conflict": 1}
    assert admission.receipt.rows[0][:2] == (1, "id_conflict")
    assert admission.accepted_rows.tolist() == [2]
    assert admission.receipt.row_count == 3
    assert admission.receipt.has_refusals


def test_admission_remembers_nothing_by_itself() -> None:
    seen = MemorySeenIds()
    decoded = rows({})
    assert judge(decoded, seen).receipt == judge(decoded, seen).receipt


def test_a_bearing_needs_an_observer_unless_the_sensor_has_a_post() -> None:
    bearing = {"lon": None, "lat": None, "bearing_deg": 90}
    decoded = rows(
        bearing, bearing | {"sensor_id": "T"}, bearing | {"id": "e-2", "sensor_lon": 36, "sensor_lat": 49}
    )
    admission = judge(decoded)
    assert admission.receipt.rejected == {"missing_field": 1}
    assert admission.accepted_rows.tolist() == [1, 2]


def test_without_registry_and_area_every_sensor_and_place_counts() -> None:
    admission = judge(rows({"sensor_id": "nobody", "lon": 0, "lat": -90}), registry=None)
    assert admission.receipt.accepted == 1


def test_an_empty_registry_knows_no_sensor() -> None:
    assert judge(rows({}), registry=Registry()).receipt.rejected == {"unknown_sensor": 1}


def test_nothing_is_admitted_of_nothing() -> None:
    admission = judge(decode(Format.NDJSON, b"\n"))
    assert admission.receipt == Receipt()
    assert admission.accepted.schema == schema.EVENT_FIELDS


def test_a_receipt_names_only_so_many_rows_but_counts_all() -> None:
    receipt = judge(decode(Format.NDJSON, b"[]\n" * 1500)).receipt
    assert (len(receipt.rows), receipt.rejected) == (1000, {"not_an_object": 1500})
    merged = receipt.merge(receipt)
    assert (len(merged.rows), merged.row_count) == (1000, 3000)
    assert merged.to_json()["rows"][0] == {
        "line": 1,
        "reason": "not_an_object",
        "detail": "an array, not an object",
    }


def test_seen_ids_in_memory_find_every_key_and_no_other() -> None:
    random = np.random.default_rng(7)
    keys = random.integers(0, 2**63, (5_000, 2), dtype=np.uint64)
    keys[::50, 0] = keys[0, 0]
    seen = MemorySeenIds()
    for part in np.array_split(keys, 13):
        seen.add(part, part + np.uint64(1))
    content, is_found = seen.lookup(keys[100:4000])
    single = keys[:, 0] != keys[0, 0]
    assert is_found[single[100:4000]].all()
    np.testing.assert_array_equal(content[is_found], keys[100:4000][is_found] + np.uint64(1))
    assert not seen.lookup(keys[single] + np.uint64(1))[1].any()


@pytest.mark.parametrize(
    ("record", "complaint"),
    [
        ({"type": "generic"}, "id: is required"),
        ({"id": "a b", "type": "generic"}, "id: 1-64"),
        ({"id": "a", "type": "radar"}, "type: 'radar'"),
        ({"id": "a", "type": "generic", "lon": 3}, "lon and lat go together"),
        ({"id": "a", "type": "generic", "lon": 300, "lat": 3}, "lon: '300'"),
        ({"id": "a", "type": "generic", "lon": float("nan"), "lat": 3}, "lon: 'nan'"),
        ({"id": "a", "type": "generic", "sigma_m": 0}, "sigma_m: above 0"),
        ({"id": "a", "type": "generic", "detection_prob": 0}, "detection_prob: above 0, at most 1"),
        ({"id": "a", "type": "generic", "detection_prob": 1.01}, "detection_prob: above 0, at most 1"),
        ({"id": "a", "type": "generic", "host_side": "C"}, "host_side: A, B or none"),
        ({"id": "a", "type": "generic", "latitude": 3}, "'latitude' is no field"),
        ({"id": "a", "type": "generic", "valid_from": "yesterday"}, "valid_from: not an RFC 3339"),
        (
            {
                "id": "a",
                "type": "generic",
                "valid_from": "2026-01-02T00:00:00Z",
                "valid_to": "2026-01-01T00:00:00Z",
            },
            "valid_to: not after",
        ),
    ],
)
def test_a_wrong_sensor_is_refused_naming_sensor_and_field(record: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match="sensor") as refusal:
        Sensor.from_json(record)
    assert complaint in str(refusal.value)


def test_a_registry_comes_back_from_json_as_it_was() -> None:
    sensor = Sensor("a", "generic", 1.5, 2.5, 3.0, "B", 40.0, NOON_NS + 7, NOON_NS + 8, 0.9)
    registry = REGISTRY.with_sensors([sensor])
    assert Registry.from_json(json.loads(json.dumps(registry.to_json()))) == Registry(
        dict(sorted(registry.sensors.items()))
    )


def test_validity_includes_its_beginning_and_excludes_its_end() -> None:
    registry = Registry.of([Sensor("S", "generic", valid_from_ns=10, valid_to_ns=20)])
    times = np.array([9, 10, 19, 20], dtype=np.int64)
    assert registry.holds(np.zeros(4, dtype=np.int64), times).tolist() == [False, True, True, False]


def test_a_place_that_is_inside_the_area_with_lon_and_lat_exchanged_is_told_so() -> None:
    decoded = rows({"lon": 49.123, "lat": 36.25}, {"id": "e-2", "lon": 10.0}, {"id": "e-3"})
    admission = judge(decoded, area=Area.box(30.0, 44.0, 42.0, 54.0))
    assert admission.receipt.rejected == {"outside_area": 2}
    assert admission.detail == {
        0: "49.123, 36.25 is outside the area of operations, but inside with lon and lat exchanged",
        1: "10, 49.123 is outside the area of operations",
    }
