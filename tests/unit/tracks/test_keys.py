"""Numbers of tracks."""

import pyarrow as pa

from monitoring.tracks.keys import track_keys


def test_the_number_of_a_track_depends_on_its_ids_alone() -> None:
    whole = track_keys(pa.array(["s", "r", "s"]), pa.array(["1", "1", "2"]))
    again = track_keys(pa.array(["s"]), pa.array(["2"]))
    assert whole[2] == again[0]
    assert len(set(whole.tolist())) == 3


def test_sensor_and_track_may_not_be_exchanged() -> None:
    keys = track_keys(pa.array(["a", "b"]), pa.array(["b", "a"]))
    assert keys[0] != keys[1]


def test_a_null_track_is_the_sensors_own() -> None:
    keys = track_keys(pa.array(["a", "a", "b"]), pa.array([None, "x", None]))
    assert len(set(keys.tolist())) == 3


def test_dictionary_encoded_ids_have_the_same_numbers() -> None:
    sensor, track = pa.array(["a", "b", "a"]), pa.array(["x", None, "y"])
    encoded = track_keys(sensor.dictionary_encode(), track.dictionary_encode())
    assert encoded.tolist() == track_keys(sensor, track).tolist()


def test_no_rows_have_no_numbers() -> None:
    assert track_keys(pa.array([], pa.string()), pa.array([], pa.string())).tolist() == []
