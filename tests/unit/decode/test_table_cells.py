"""Unknown columns of Parquet and Arrow, of whatever type, become unknown fields and stop nothing."""

import json

import pyarrow as pa
import pytest

from monitoring.decode import Format, decode
from monitoring.decode.table_files import ipc_bytes


@pytest.mark.parametrize(
    ("column", "field"),
    [
        (pa.array([(1, 2, 3)], pa.month_day_nano_interval()), [1, 2, 3]),
        (pa.array([0], pa.timestamp("us", "No/Where")), "1970-01-01 00:00:00.000000Z"),
        (pa.array([0], pa.timestamp("ms", "+02:00")), "1970-01-01 02:00:00.000+0200"),
        (pa.array([5], pa.duration("s")), "5"),
    ],
)
def test_a_column_of_a_rare_type_is_an_unknown_field(column: pa.Array, field: object) -> None:
    known = {
        "id": pa.array(["e-1"]),
        "sensor_id": pa.array(["S-1"]),
        "kind": pa.array(["heartbeat"]),
        "time": pa.array([1_781_000_000], pa.timestamp("s", "UTC")),
    }
    decoded = decode(Format.ARROW, ipc_bytes(pa.RecordBatch.from_pydict({**known, "strange": column})))
    assert decoded.reason.tolist() == [-1]
    assert json.loads(decoded.table.column("extra")[0].as_py()) == {"strange": field}
