import numpy as np
import pyarrow as pa
import pytest

from monitoring import schema
from monitoring.evidence import outputs
from monitoring.evidence.errors import FrameDamaged


def members(residual: float | None = 1.5, rows: int = 2) -> pa.Table:
    return pa.table(
        {
            "incident_id": ["i"] * rows,
            "sensor_id": ["s"] * rows,
            "id": [str(row) for row in range(rows)],
            "journal_seq": list(range(rows)),
            "row": list(range(rows)),
            "phenomenon": [0] * rows,
            "residual_m": [residual] * rows,
        },
        schema=schema.MEMBERS,
    )


def test_tables_come_back_and_those_left_out_are_empty() -> None:
    got = outputs.decode_tables(outputs.encode_tables({"members": members()}))
    assert got["members"].equals(members())
    assert got["findings"].schema == schema.FINDINGS
    assert got["findings"].num_rows == 0


def test_nothing_published_takes_few_bytes() -> None:
    assert len(outputs.encode_tables({"members": schema.MEMBERS.empty_table()})) < 64


def test_an_unknown_table_is_refused() -> None:
    with pytest.raises(ValueError, match="no such output table: cases"):
        outputs.encode_tables({"cases": members()})


def test_the_layout_of_a_table_is_no_difference() -> None:
    chunked = pa.concat_tables([members(rows=4).slice(0, 1), members(rows=4).slice(1)])
    assert outputs.first_difference({"members": members(rows=4)}, {"members": chunked}) is None
    assert outputs.first_difference({}, {"members": members(rows=0)}) is None


def test_nan_equals_nan_and_null_does_not_equal_nan() -> None:
    nan = {"members": members(float("nan"))}
    assert outputs.first_difference(nan, nan) is None
    assert outputs.first_difference(nan, {"members": members(None)}) == "members.residual_m"


def test_a_difference_is_named() -> None:
    assert (
        outputs.first_difference({"members": members(1.0)}, {"members": members(2.0)}) == "members.residual_m"
    )
    assert outputs.first_difference({"members": members()}, {}) == "members: 2 and 0 rows"


def test_garbage_is_damage() -> None:
    data = outputs.encode_tables({"members": members()})
    for place in np.random.default_rng(3).integers(0, len(data), 100):
        with pytest.raises(FrameDamaged):
            outputs.decode_tables(data[:place])
