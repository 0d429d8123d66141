"""Fire in the small world: how tests feed it through association, whole or in pieces."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from monitoring import events, incidents, schema
from monitoring.agreement import Parameters
from monitoring.incidents import IncidentOutput, IncidentState
from monitoring.rules import ceasefire_fire
from monitoring.tracks.place import place
from tests.small_world import START_NS, parameters, shot, table

LONG_AFTER_NS = START_NS + 40 * 3_600 * 1_000_000_000
NO_MOVEMENT = schema.FINDINGS.empty_table()


def placed(rows: Sequence[dict[str, Any]], world: Parameters) -> pa.Table:
    """PLACED_EVENTS in canonical order."""
    return place(events.in_canonical_order(table(rows)), world)


def heard(
    second: float, east_m: float, north_m: float = 0.0, by: int = 5, **fields: Any
) -> list[dict[str, Any]]:
    """One explosion, reported by several sensors with small errors of place and time."""
    return [
        shot(
            second + 0.1 * i,
            east_m + 40 * (i - by // 2),
            north_m + 30 * (i % 3 - 1),
            sensor_id=f"AC-{i}",
            **fields,
        )
        for i in range(by)
    ]


def feed(
    rows: Sequence[dict[str, Any]],
    world: Parameters,
    until_ns: int = LONG_AFTER_NS,
    is_end: bool = False,
    state: IncidentState | None = None,
    shards: int = 1,
    rules: Sequence[Any] = (ceasefire_fire,),
) -> tuple[IncidentState, IncidentOutput]:
    """One step."""
    fire = placed(rows, world) if rows else schema.PLACED_EVENTS.empty_table()
    return incidents.step(
        state or incidents.start(),
        fire,
        NO_MOVEMENT,
        until_ns,
        world,
        is_end,
        shards,
        rules=rules,
    )


def in_pieces(
    rows: Sequence[dict[str, Any]],
    world: Parameters,
    cuts_ns: Sequence[int],
    shards: int = 1,
    with_snapshots: bool = False,
) -> IncidentOutput:
    """The whole input cut at the given watermarks, all finals put together."""
    every = placed(rows, world)
    time_ns, state, outputs, low = events.ints(every, "time_ns"), incidents.start(), [], 0
    for until_ns in [*sorted(cuts_ns), LONG_AFTER_NS]:
        high = int(np.searchsorted(time_ns, until_ns, side="right"))
        batch, low = every.slice(low, high - low), high
        state, output = incidents.step(
            state, batch, NO_MOVEMENT, until_ns, world, False, shards, rules=(ceasefire_fire,)
        )
        if with_snapshots:
            state = IncidentState.restore(state.snapshot())
        outputs.append(output)
    return together(outputs)


def together(outputs: Sequence[IncidentOutput]) -> IncidentOutput:
    """Outputs one behind the other."""
    tables = {
        name: pa.concat_tables([getattr(o, name) for o in outputs])
        for name in ("findings", "incidents", "members", "apart")
    }
    return IncidentOutput(decided_ns=np.concatenate([o.decided_ns for o in outputs]), **tables)


def same(first: IncidentOutput, second: IncidentOutput) -> bool:
    """Whether two outputs are equal in every byte."""
    return all(
        getattr(first, n).equals(getattr(second, n)) for n in ("findings", "incidents", "members", "apart")
    ) and bool(np.array_equal(first.decided_ns, second.decided_ns))


WORLD = parameters()
