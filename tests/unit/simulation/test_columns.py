import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from monitoring.simulation.columns import beside, numerals, stable_order


@given(st.lists(st.integers(0, 10**12), max_size=20), st.integers(1, 14))
def test_numerals_are_the_last_digits(values: list[int], width: int) -> None:
    spelled = numerals(np.array(values, dtype=np.int64), width)
    assert spelled.shape == (len(values), width)
    assert spelled.tobytes() == b"".join(f"{value:014d}"[-width:].encode() for value in values)


@given(st.integers(0, 5), st.lists(st.one_of(st.binary(max_size=4), st.integers(0, 4)), max_size=4))
def test_matrices_and_bytes_stand_side_by_side(n: int, parts: list[bytes | int]) -> None:
    made = [part if isinstance(part, bytes) else np.full((n, part), 65 + part, np.uint8) for part in parts]
    wanted = b"".join(part if isinstance(part, bytes) else bytes([65 + part]) * part for part in parts)
    assert beside(made, n).tobytes() == wanted * n


@given(st.lists(st.sampled_from([-1.5, -0.0, 0.0, 1.0, 2.0, np.inf]), max_size=60))
def test_equal_numbers_stay_in_order(values: list[float]) -> None:
    column = np.array(values, dtype=np.float64)
    assert stable_order(column).tolist() == np.argsort(column, kind="stable").tolist()
