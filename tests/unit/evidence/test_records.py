import contextlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring.evidence import records
from monitoring.evidence.errors import FrameDamaged
from monitoring.evidence.records import EventsPayload, decode_events, encode_events


def payload(rows: int = 3, data: bytes = b"a\nb\nc\n", header: bytes | None = None) -> EventsPayload:
    return EventsPayload(
        format="ndjson" if header is None else "csv",
        data=data,
        reason=np.arange(-1, rows - 1, dtype=np.int8),
        flags=np.arange(rows, dtype=np.uint16) * 257,
        duplicate=np.arange(rows) % 2 == 1,
        first_line=41,
        header=header,
    )


@given(rows=st.integers(0, 100), data=st.binary(max_size=300), header=st.none() | st.binary(max_size=20))
@settings(max_examples=50, deadline=None)
def test_original_bytes_and_verdicts_come_back(rows: int, data: bytes, header: bytes | None) -> None:
    given_payload = payload(rows, data, header)
    got = decode_events(encode_events(given_payload))
    assert (got.format, got.data, got.first_line, got.header) == (
        given_payload.format,
        data,
        41,
        header,
    )
    for name in ("reason", "flags", "duplicate"):
        one, other = getattr(given_payload, name), getattr(got, name)
        assert one.dtype == other.dtype
        assert np.array_equal(one, other)


def test_verdicts_of_unequal_length_are_refused() -> None:
    with pytest.raises(ValueError, match="one entry per row"):
        encode_events(
            EventsPayload("ndjson", b"", np.zeros(2, np.int8), np.zeros(1, np.uint16), np.zeros(2, np.bool_))
        )


@pytest.mark.parametrize("cut", [0, 1, 10, 30, -1])
def test_a_cut_off_payload_is_damage_not_a_crash(cut: int) -> None:
    data = encode_events(payload())
    with pytest.raises(FrameDamaged):
        decode_events(data[:cut])


def test_any_flipped_byte_is_damage_or_harmless_never_another_exception() -> None:
    data = encode_events(payload())
    for place in range(len(data)):
        changed = bytearray(data)
        changed[place] ^= 0xA5
        with contextlib.suppress(FrameDamaged):
            decode_events(bytes(changed))


def test_json_payloads_are_canonical_and_come_back() -> None:
    assert records.encode_json({"b": [1.5, None], "a": "ж"}) == '{"a":"ж","b":[1.5,null]}'.encode()
    assert records.decode_json(b'{"a":1}') == {"a": 1}
    with pytest.raises(FrameDamaged):
        records.decode_json(b"[1]")
