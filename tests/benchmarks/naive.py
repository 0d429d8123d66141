"""The detector that anybody would write first: which side is nearer, and did that change?

A track crosses wherever two fixes in a row lie on different sides. A run of fixes within the buffer is an
incursion. Every report of fire within the zone is a violation by itself, by whoever holds the ground, or by
the other party where it says `impact`. Stated errors are ignored and nothing is ever joined.
"""

from typing import Any

import numpy as np
import pyarrow as pa

from geodata.contact_line import ContactLine
from monitoring import events, findings, schema

SIDES = {1: "A", -1: "B"}
OTHER = {"A": "B", "B": "A"}
IMPACT = schema.FIRE_DIRECTIONS.index("impact")


def naive_findings(table: pa.Table, line: ContactLine, width_m: float, zone_m: float) -> pa.Table:
    """FINDINGS of all events of a run."""
    lon, lat = events.reals(table, "lon"), events.reals(table, "lat")
    located = line.locator.locate(lon, lat)
    side, distance_m = np.asarray(located.side), np.abs(np.asarray(located.signed_distance_m))
    kind, time_ns = events.codes(table, "kind"), events.ints(table, "time_ns")
    affiliation = events.codes(table, "affiliation")
    sensor, track = events.strings(table, "sensor_id"), events.strings(table, "track_id")
    rows: list[dict[str, Any]] = []

    def add(rule_id: str, i: int, party: str | None, until: int, **more: Any) -> None:
        rows.append(
            {
                "finding_id": f"N-{len(rows):08d}",
                "revision": 1,
                "state": "final",
                "rule_id": rule_id,
                "verdict": "violation",
                "time_start_ns": int(time_ns[i]),
                "time_end_ns": int(time_ns[until]),
                "lon": float(lon[i]),
                "lat": float(lat[i]),
                "party": party,
                "subject_key": f"track:{sensor[i]}/{track[i]}",
                "sensor_ids": [sensor[i]],
                "event_ids": [],
                "engine_version": "naive",
                "reasons": [],
                "detail": "{}",
            }
            | more
        )

    def whose(i: int, ground: int) -> str | None:
        stated = schema.AFFILIATIONS[affiliation[i]] if affiliation[i] >= 0 else "unknown"
        return stated if stated in OTHER else SIDES.get(ground)

    placed = np.flatnonzero((kind == schema.KINDS.index("track")) & (side != 0))
    name = np.array([f"{sensor[i]}/{track[i]}" for i in placed.tolist()])
    _, of = np.unique(name, return_inverse=True)
    fixes = placed[np.lexsort((time_ns[placed], of))]
    of = np.sort(of)
    same = np.zeros(len(fixes), dtype=bool)
    same[1:] = of[1:] == of[:-1]
    for at in np.flatnonzero(same & (side[fixes] != np.roll(side[fixes], 1))).tolist():
        before, after = int(fixes[at - 1]), int(fixes[at])
        way = "A>B" if side[before] > 0 else "B>A"
        add("line_crossing", after, whose(after, int(side[before])), after, direction=way)
    inside = distance_m[fixes] < width_m
    begins = np.flatnonzero(inside & ~(np.roll(inside, 1) & same))
    ends = np.flatnonzero(inside & ~np.append(inside[1:] & same[1:], False))
    for first, last in zip(begins.tolist(), ends.tolist(), strict=True):
        i = int(fixes[first])
        add("buffer_incursion", i, whose(i, int(side[i])), int(fixes[last]))
    direction, counts = events.codes(table, "direction"), events.ints(table, "count", absent=1)
    is_fire = np.isin(kind, [schema.KINDS.index(word) for word in schema.FIRE_KINDS])
    for i in np.flatnonzero(is_fire & (side != 0) & (distance_m < zone_m)).tolist():
        ground = SIDES[int(side[i])]
        add("ceasefire_fire", i, OTHER[ground] if direction[i] == IMPACT else ground, i, count=int(counts[i]))
    return findings.table(rows)
