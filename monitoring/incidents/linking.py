"""Linking: a sensor that saw a launch and its impact joins the two activities into one incident.

A counter-battery radar names both ends of a trajectory with one `group_id`; they lie kilometres apart, so no
gate could join them. The activity with the launches leads; an activity of impacts follows the launching one it
has the most links with. A launching activity follows nobody, so links do not chain.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

FLIGHT_S_MAX: Final = 300.0
"""No projectile of artillery or rockets flies longer."""


def heads(
    activity: Ints, activity_count: int, group: Ints, is_launch: Flags, time_ns: Ints, complete_ns: Ints
) -> tuple[Ints, Ints]:
    """Which activity leads each activity, and when that is certain.

    - `activity` (n,): index of each event's activity, in canonical order of events; `group` (n,): number of the
      sensor's group, -1 = none; `is_launch` (n,); `complete_ns` (a,): from when each activity is complete.
    - Returns (a,) the leading activity (itself where it follows none) and (a,) when all of the incident that it
      leads is complete.
    """
    lead = np.arange(activity_count, dtype=np.int64)
    from_launch, to_impact = _pairs(activity, group, is_launch, time_ns)
    if not len(from_launch):
        return lead, complete_ns
    links, counts = np.unique(np.stack([to_impact, from_launch]), axis=1, return_counts=True)
    impact, launch = links
    launches = np.zeros(activity_count, dtype=np.bool_)
    launches[launch] = True

    order = np.lexsort((launch, -counts, impact))
    first = order[np.concatenate([[True], impact[order][1:] != impact[order][:-1]])]
    follows = first[~launches[impact[first]]]
    lead[impact[follows]] = launch[follows]

    chosen_ns = complete_ns.copy()
    np.maximum.at(chosen_ns, impact, complete_ns[launch])
    all_ns = chosen_ns.copy()
    np.maximum.at(all_ns, launch, chosen_ns[impact])
    return lead, all_ns


def _pairs(activity: Ints, group: Ints, is_launch: Flags, time_ns: Ints) -> tuple[Ints, Ints]:
    """Activities of (launch, other end) of each group whose two ends lie in different activities."""
    grouped = np.flatnonzero(group >= 0)
    order = grouped[np.lexsort((grouped, group[grouped]))]
    if len(order) < 2:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    opens = np.concatenate([[True], group[order][1:] != group[order][:-1]])
    launch_at = np.maximum.accumulate(np.where(opens | is_launch[order], np.arange(len(order)), 0))
    launch = order[launch_at]  # the newest launch of the same group, or its first event where none came yet
    linked = (
        is_launch[launch]
        & ~is_launch[order]
        & (activity[launch] != activity[order])
        & (time_ns[order] - time_ns[launch] <= int(FLIGHT_S_MAX * 1e9))
    )
    return activity[launch[linked]], activity[order[linked]]
