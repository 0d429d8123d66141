import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring.evidence import framing
from monitoring.evidence.errors import FrameDamaged


def whole_frame(header: bytes = b'{"seq":7}', body: bytes = b"body") -> bytes:
    return b"".join(framing.encode_frame(7, 96, header, body))


def read(data: bytes) -> tuple[framing.Prefix, bytes, bytes]:
    prefix = framing.decode_prefix(data)
    return prefix, *framing.split_frame(prefix, data[framing.PREFIX_BYTES :])


@given(header=st.binary(max_size=50), body=st.binary(max_size=200))
@settings(max_examples=50, deadline=None)
def test_a_frame_gives_back_what_was_put_in(header: bytes, body: bytes) -> None:
    prefix, got_header, got_body = read(whole_frame(header, body))
    assert (prefix.seq, prefix.synced_to, got_header, got_body) == (7, 96, header, body)


def test_every_single_flipped_bit_of_a_frame_is_noticed() -> None:
    data = whole_frame()
    for bit in range(len(data) * 8):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(FrameDamaged):
            read(bytes(flipped))


def test_the_length_of_a_frame_is_the_length_of_its_parts() -> None:
    data = whole_frame()
    assert framing.decode_prefix(data).frame_len == len(data)


def test_a_frame_of_a_later_version_is_refused_and_says_so() -> None:
    packed = bytearray(whole_frame()[: framing.PREFIX_BYTES])
    packed[6] = framing.FRAME_VERSION + 1
    packed[-4:] = framing.crc32c(bytes(packed[:-4])).to_bytes(4, "little")
    with pytest.raises(FrameDamaged, match="version 2"):
        framing.decode_prefix(bytes(packed))


def test_an_erased_frame_keeps_its_length_and_header_and_loses_its_body() -> None:
    prefix, header, _ = read(whole_frame(body=b"a person's name"))
    erased = b"".join(framing.erase_frame(prefix, header))
    again, header_again, body = read(erased)
    assert len(erased) == prefix.frame_len
    assert header_again == header
    assert again.is_erased
    assert body == b"\xff" * 15


@pytest.mark.parametrize(
    ("data", "offset", "expected"),
    [
        (b"x" * 2_000, 0, False),
        (b"x" * 512 + bytes(512) + b"x", 0, True),
        (b"x" * 512 + bytes(512) + b"x", 1, False),
        (b"x" * 100 + bytes(10), 412, True),
        (b"x" * 100 + bytes(10), 411, True),
        (b"x" * 100 + bytes(10), 413, False),
        (b"", 0, False),
    ],
)
def test_only_a_sector_that_is_all_zeros_looks_unwritten(data: bytes, offset: int, expected: bool) -> None:
    assert framing.has_unwritten_sector(data, offset) is expected


def test_a_later_frame_written_after_a_sync_proves_that_the_damage_is_no_torn_write() -> None:
    later = b"".join(framing.encode_frame(8, 500, b"{}", b""))
    assert framing.later_frame_proves_sync(b"junk" + later, 100, 100)
    assert not framing.later_frame_proves_sync(b"junk" + later, 600, 600)
    assert not framing.later_frame_proves_sync(b"junk" + later[:20], 100, 100)


def test_a_segment_header_gives_back_its_fields_and_notices_every_flipped_bit() -> None:
    data = framing.SegmentHeader("journal", 12, bytes(range(32))).encode()
    assert framing.decode_segment_header(data) == framing.SegmentHeader("journal", 12, bytes(range(32)))
    for bit in range(len(data) * 8):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(FrameDamaged):
            framing.decode_segment_header(bytes(flipped))
