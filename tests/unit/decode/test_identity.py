"""Identity of events: same content, same hash, however it was written."""

import json

import numpy as np
import pyarrow as pa

from monitoring.decode import Format, decode
from monitoring.decode.identity import hash_strings, key_hashes

CSV_HEADER = b"time,id,lat,lon,kind,sensor_id,count,seq,count_is_minimum,text,operator"
CSV_ROW = b'2026-03-14T11:26:53.500+02:00,e-1,49.10,3.625e1,shot,S,3,12345678901234567,true,"a ""b"", c",Ann'
RECORD = {
    "id": "e-1",
    "sensor_id": "S",
    "time": "2026-03-14T09:26:53.5Z",
    "kind": "shot",
    "lon": 36.25,
    "lat": 49.1,
    "count": 3,
    "seq": 12345678901234567,
    "count_is_minimum": True,
    "text": 'a "b", c',
    "operator": "Ann",
}


def hashes(record: dict[str, object]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    rows = decode(Format.NDJSON, json.dumps(record).encode())
    assert rows.detail == {}
    return tuple(rows.key_hash[0].tolist()), tuple(rows.content_hash[0].tolist())


def test_csv_and_ndjson_of_one_record_have_the_same_hashes() -> None:
    rows = decode(Format.CSV, CSV_ROW, 2, CSV_HEADER)
    assert (tuple(rows.key_hash[0].tolist()), tuple(rows.content_hash[0].tolist())) == hashes(RECORD)


def test_order_of_keys_nulls_and_ways_of_writing_do_not_change_the_content() -> None:
    other = dict(reversed(RECORD.items())) | {"alt_m": None, "x": None, "count": 3.0, "lon": 3.625e1}
    assert hashes(other) == hashes(RECORD)
    assert hashes(RECORD | {"alt_m": -0.0}) == hashes(RECORD | {"alt_m": 0})


def test_every_change_of_a_field_changes_the_content_and_only_it() -> None:
    changes: list[dict[str, object]] = [
        {"time": "2026-03-14T09:26:53.500000001Z"},
        {"lon": 36.250000000000007},
        {"kind": "burst"},
        {"count": None},
        {"count_is_minimum": False},
        {"count_is_minimum": None},
        {"text": 'a "b", d'},
        {"text": ""},
        {"operator": "Bob"},
        {"alt_m": 0},
        {"seq": 12345678901234568},
        {"track_id": "S"},
        {"group_id": "S"},
    ]
    found = [hashes(RECORD | change) for change in [{}, *changes]]
    assert len({content for _, content in found}) == len(found)
    assert len({key for key, _ in found}) == 1


def test_fields_that_swap_their_values_are_other_content() -> None:
    one = hashes(RECORD | {"speed_mps": 5.0, "alt_m": 7.0})
    assert one[1] != hashes(RECORD | {"speed_mps": 7.0, "alt_m": 5.0})[1]


def test_the_key_depends_on_sensor_id_and_id_apart_and_on_the_homes_secret() -> None:
    sensors, ids = pa.array(["a", "ab", "a", "b"]), pa.array(["bc", "c", "bc", "bc"])
    keys = key_hashes(sensors, ids)
    assert len({tuple(key) for key in keys.tolist()}) == 3
    assert (key_hashes(sensors, ids, b"secret") != keys).all()


def test_string_hashes_do_not_depend_on_neighbours_or_slices() -> None:
    texts = ["", "a", "12345678", "123456789", "x" * 100, "їжак", "a\x00", "a"]
    seed = (np.uint64(1), np.uint64(2))
    together = hash_strings(pa.array(texts), seed)
    alone = [hash_strings(pa.array([text]), seed)[0].tolist() for text in texts]
    assert together.tolist() == alone
    assert hash_strings(pa.array(["zzz", *texts, None]).slice(1, len(texts)), seed).tolist() == alone
    assert len({tuple(row) for row in alone}) == len(set(texts))


def test_hashes_stay_what_they_were_when_homes_were_made() -> None:
    """These are written into homes; a change of them is a change of format."""
    key, content = hashes(RECORD)
    assert (f"{key[0]:016x}{key[1]:016x}", f"{content[0]:016x}{content[1]:016x}") == (KEY, CONTENT)


KEY = "2b85a79251de8eaf55a4d2ad68a400f7"
CONTENT = "48c7c1070057a724cf7cd962829ae974"
