"""What former versions of association remembered is read, and gone on from."""

import gzip
from pathlib import Path

import pytest

from monitoring import findings, incidents
from monitoring.incidents import IncidentState
from monitoring.incidents.claims import CLAIMS
from monitoring.incidents.state import STATE_VERSION
from monitoring.rules import ceasefire_fire
from tests.small_world import shot
from tests.unit.incidents.fire_world import LONG_AFTER_NS, placed
from tests.unit.incidents.test_passages import WORLD, crossing

FOLDER = Path(__file__).parents[3] / "fixtures" / "snapshots"
FIRST_KEPT = 2
"""The first version is read from a snapshot of today without what it did not know (`test_statements`)."""


def former(version):
    return gzip.decompress((FOLDER / f"association_v{version}.msgpack.gz").read_bytes())


@pytest.mark.parametrize("version", range(FIRST_KEPT, STATE_VERSION))
def test_what_a_former_version_left_open_goes_on(version):
    state = IncidentState.restore(former(version))
    assert (state.rows.num_rows, len(state.excursions)) == (3, 1)
    assert (len(state.sketches) > 0) == (version >= 4)
    assert state.claims.equals(CLAIMS.empty_table())
    back = crossing("GS-1/aGS-1", 4_000, direction="B>A")
    fire = placed([shot(3_005, -3_000, id="later")], WORLD)
    state, output = incidents.step(
        state, fire, findings.table([back]), LONG_AFTER_NS, WORLD, rules=(ceasefire_fire,)
    )
    told = output.incidents.select(["kind", "revision", "event_count"]).to_pylist()
    assert told == [
        {"kind": "fire", "revision": 1, "event_count": 4},
        {"kind": "movement", "revision": 2, "event_count": 1},
    ]
    assert IncidentState.restore(state.snapshot()).snapshot() == state.snapshot()
