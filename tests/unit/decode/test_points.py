"""Files of places are read in pieces: none is much larger than asked for, and no place is lost where they are cut."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from monitoring.decode.limits import DEFAULT_LIMITS
from monitoring.decode.points import PointFile, PointRows

HEADER = b"id,lon,lat\n"


def pieces(path: Path, data: bytes, chunk_bytes: int) -> list[PointRows]:
    path.write_bytes(data)
    return list(PointFile(path, replace(DEFAULT_LIMITS, chunk_bytes=chunk_bytes)).rows())


@pytest.mark.parametrize("chunk_bytes", [len(HEADER) - 4, len(HEADER), 64, 4_096, 1 << 22])
def test_wherever_a_file_is_cut_its_places_are_the_same(tmp_path: Path, chunk_bytes: int) -> None:
    count = 1_000
    data = HEADER + b"".join(b'"p\n%d",%.4f,48.5\n' % (i, 36.0 + i / 1_000) for i in range(count))
    found = pieces(tmp_path / "points.csv", data, chunk_bytes)
    lon = np.concatenate([piece.lon for piece in found])
    np.testing.assert_allclose(lon, 36.0 + np.arange(count) / 1_000, atol=1e-4)
    assert np.concatenate([piece.line_no for piece in found]).tolist() == list(range(2, 2 * count + 2, 2))
    texts = [text for piece in found for text in piece.text.to_pylist()]
    assert texts == [row + b",48.5" for row in data[len(HEADER) :].split(b",48.5\n")[:-1]]


def test_no_piece_of_a_large_file_is_much_larger_than_asked_for(tmp_path: Path) -> None:
    data = HEADER + b"".join(b"p%d,37.1,48.5\n" % i for i in range(50_000))
    found = pieces(tmp_path / "points.csv", data, 1 << 14)
    assert len(found) > 40
    assert max(piece.byte_count for piece in found) <= 2 << 14
    assert sum(len(piece.lon) for piece in found) == 50_000
