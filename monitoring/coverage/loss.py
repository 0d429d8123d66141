"""What the line loses when some posts do not work, all others working: an upper bound like all coverage."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np

from monitoring.agreement import Parameters
from monitoring.coverage import hours, reach
from monitoring.coverage.chances import together


class Loss(NamedTuple):
    """Kilometres of line no longer watched, by kind of happening, and the sectors in which they lie."""

    km: Mapping[str, float]
    sectors: tuple[str, ...]


def loss_of(sensor_ids: Iterable[str], parameters: Parameters, time_ns: int) -> Loss:
    """What is lost without these posts; kinds and sectors that lose nothing are left out."""
    posts = hours.Posts.of(parameters.sensors)
    lines = parameters.lines
    sites = hours.sites_along(lines.lines[int(lines.at([time_ns])[0])], parameters.sectors)
    fixed = np.flatnonzero(np.isfinite(posts.lon))
    nothing_said = np.full((len(posts.lon), 3), np.nan)
    site = sites.site(posts.observers(fixed, nothing_said, posts.lon[fixed], posts.lat[fixed]))
    gone = set(sensor_ids)
    is_left = np.array([name not in gone for name in sorted(parameters.sensors)], dtype=bool)[fixed]
    is_watched = together(site.grouping.miss(is_left.astype(np.float64))) >= hours.WATCHED_PROB
    cells = sites.cells
    is_lost = site.is_watched_at_best & ~is_watched
    km = np.bincount(cells.row, cells.km * is_lost, cells.row_count).reshape(-1, len(reach.NAMES))
    sectors = (*parameters.sectors.ids, "")
    by_kind = {name: round(float(km[:, i].sum()), 1) for i, name in enumerate(reach.NAMES)}
    return Loss(
        {name: value for name, value in by_kind.items() if value >= 0.1},
        tuple(sectors[row] for row in np.flatnonzero(km.max(axis=1) >= 0.1).tolist() if sectors[row]),
    )
