"""What the tracks' rules remember, read back in another form."""

import numpy as np

from monitoring.pipeline import tracking
from monitoring.rules import buffer_incursion
from tests.small_world import START_NS, fix, parameters, table

PARAMETERS = parameters()
ADDED = (
    "start_lon",
    "start_lat",
    "last_lon",
    "last_lat",
    "deepest_object_class",
    "calibre_mm",
    "classes",
    "said_count",
    "said_for_count",
)


def test_a_stay_remembered_before_there_were_such_columns_goes_on() -> None:
    shards = tracking.start(PARAMETERS, 1)
    inside = table([fix(0, -1000), fix(60, -1000)])
    shards, _ = tracking.advance(shards, inside, START_NS + 60 * 10**9, False, PARAMETERS)
    fixes, memory = tracking.joined(shards)
    older = memory["buffer_incursion"].drop_columns(list(ADDED))
    again = tracking.restored(fixes, {"buffer_incursion": older}, PARAMETERS, 1)
    _, judged = tracking.advance(
        again, table([fix(120, -5000, id="out")]), START_NS + 120 * 10**9, False, PARAMETERS
    )
    assert judged.findings["time_start_ns"].to_pylist() == [START_NS]


def test_memory_that_has_unknown_columns_is_not_read() -> None:
    stays = buffer_incursion.MEMORY.empty_table().append_column("strange", [np.zeros(0)])
    fixes, _ = tracking.joined(tracking.start(PARAMETERS, 1))
    again = tracking.restored(fixes, {"buffer_incursion": stays}, PARAMETERS, 1)
    assert again[0].memory["buffer_incursion"].to_table().schema.names == buffer_incursion.MEMORY.names
