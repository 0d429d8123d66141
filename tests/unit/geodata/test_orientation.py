import numpy as np
import pytest

from geodata import orientation
from geodata.orientation import orient


def test_fixes_in_one_place_on_an_edge_are_decided_exactly_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[float, ...]] = []
    exactly = orientation.orient_exactly

    def counting(*row: float) -> int:
        asked.append(row)
        return exactly(*row)

    monkeypatch.setattr(orientation, "orient_exactly", counting)
    ones = np.ones(10_000)
    px, py = 3.0 * ones, 1.0 * ones
    py[::2] = np.nextafter(1.0, 2.0)
    sign = orient(0.0 * ones, 0.0 * ones, ones, ones / 3.0, px, py)
    assert len(asked) == 2
    assert sign.tolist() == [exactly(0.0, 0.0, 1.0, 1.0 / 3.0, 3.0, y) for y in py[:2].tolist()] * 5_000


def test_the_ends_of_an_edge_are_on_it() -> None:
    ax, ay, bx, by = (np.full(2, v) for v in (0.1, 0.2, 0.7, 0.3))
    assert orient(ax, ay, bx, by, np.array([0.1, 0.7]), np.array([0.2, 0.3])).tolist() == [0, 0]
