"""Which outages really happened, and which of them could be known.

An outage is what one cause does: a post without power, a region without, links cut, a clock that is an hour wrong. The
rule's condition holds while posts are silent for it: without power, with a link cut where the type stores nothing,
or dated so far ahead that the door holds what they send. Where reports only come late the happening breaks no rule.
Observable is what reports of health alone show: by them nobody can know of a silence before
`sensor_outage.missed_count` in a row are missing, nor of a post that never reported, so a post counts as observably
silent if at least so many are lost and one was made before. That the rest of its reports stop may tell earlier; who
sees that finds more than what is observable here, and recall over all outages holds it.
Spells of one post without a report of health between them are one silence, of the cause that began it. Aircraft are
silent between flights by design and do not count.
"""

from dataclasses import dataclass, fields, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitoring.simulation.outages import CAUSES
from monitoring.simulation.paths import Intervals, merged
from monitoring.simulation.scribe import Scribe
from monitoring.simulation.sensors import STORES, TYPES, SensorNet, health_reports
from monitoring.simulation.truth import Happening, RuleTruth, band
from monitoring.simulation.world import World

Reals = NDArray[np.float64]
Indices = NDArray[np.int64]

ACTORS: Final = (
    "power-failure",
    "regional-failure",
    "cut-link",
    "jammed-link",
    "clock-ahead",
    "clock-behind",
)
_LINKS: Final = (CAUSES.index("link"), CAUSES.index("jamming"))
_SILENCING: Final = (CAUSES.index("post"), CAUSES.index("region"), CAUSES.index("clock_ahead"))
_JAMMING: Final = CAUSES.index("jamming")


@dataclass(frozen=True)
class _Spells:
    """Spells of posts, (k,): cause and its number, post, when (s), how many reports of health it made before, and how
    many are lost or late."""

    cause: Indices
    number: Indices
    post: Indices
    start_s: Reals
    end_s: Reals
    before: Indices
    lost: Indices

    def taken(self, idx: Indices | NDArray[np.bool_]) -> "_Spells":
        return _Spells(*(getattr(self, column.name)[idx] for column in fields(self)))


def outage_happenings(world: World) -> list[Happening]:
    """The outages of posts in the order of their beginnings."""
    spells = _of_posts(world)
    is_silent = np.isin(spells.cause, _SILENCING)
    is_silent |= np.isin(spells.cause, _LINKS) & ~STORES[world.net.type_idx[spells.post]]
    silent = _silences(spells.taken(is_silent))
    late = spells.taken(~is_silent)
    groups = [
        (is_broken, part) for is_broken, of in ((True, silent), (False, late)) for part in _by_cause(of)
    ]
    groups.sort(key=lambda one: (one[1].start_s.min(), one[1].cause[0], one[1].number[0], not one[0]))
    scribe = Scribe(world)
    return [_happening(scribe, i, is_broken, part) for i, (is_broken, part) in enumerate(groups)]


def _of_posts(world: World) -> _Spells:
    net, found = world.net, world.outages.spells
    is_post = np.zeros(net.count, dtype=bool)
    is_post[net.watch_sensor[net.watch_flight < 0]] = True
    own = np.flatnonzero(is_post[found.sensor] & (found.start_s < world.duration_s) & (found.end_s > 0.0))
    post, start_s = found.sensor[own], np.maximum(found.start_s[own], 0.0)
    end_s = np.minimum(found.end_s[own], world.duration_s)
    before, until = _made_before(net, post, start_s), _made_before(net, post, end_s)
    return _Spells(found.cause[own], found.number[own], post, start_s, end_s, before, until - before)


def _made_before(net: SensorNet, post: Indices, t: Reals) -> Indices:
    """How many reports of health each post has made before `t`, had it never been out."""
    phase_s, every_s = health_reports(net)
    watch = np.zeros(net.count, dtype=np.int64)
    watch[net.watch_sensor[::-1]] = np.arange(len(net.watch_sensor))[::-1]
    at = watch[post]
    return np.maximum(np.ceil((t - phase_s[at]) / every_s[at]), 0.0).astype(np.int64)


def _silences(spells: _Spells) -> _Spells:
    """Spells of one post without a report between them are one, of the cause that began it."""
    if not len(spells.post):
        return spells
    spells = spells.taken(np.lexsort((spells.number, spells.cause, spells.start_s, spells.post)))
    begin, end = spells.before.astype(np.float64), (spells.before + spells.lost).astype(np.float64)
    # Ends count as inside, so that a spell in which no report was due is found too.
    whole = Intervals(*merged(spells.post, begin, end, 0.0))
    of = Intervals(whole.owner, whole.start_s, whole.end_s + 0.5).find(spells.post, begin)
    first = np.searchsorted(of, np.arange(len(whole)))
    end_s = np.zeros(len(whole))
    np.maximum.at(end_s, of, spells.end_s)
    lost = (whole.end_s - whole.start_s).astype(np.int64)
    return replace(spells.taken(first), end_s=end_s, lost=lost)


def _by_cause(spells: _Spells) -> list[_Spells]:
    key = spells.cause * 1_000_000 + spells.number
    return [spells.taken(np.flatnonzero(key == one)) for one in np.unique(key)]


def _happening(scribe: Scribe, number: int, is_silent: bool, spells: _Spells) -> Happening:
    world, net = scribe.world, scribe.world.net
    x, y = net.x[spells.post], net.y[spells.post]
    cause = int(spells.cause[0])
    is_noticed = (spells.lost >= world.terms.missed_count) & (spells.before > 0) & is_silent
    unheard = world.scenario.faults.missing_frac ** spells.before[is_noticed]
    p = round(float(1.0 - np.prod(unheard)), 6) if is_noticed.any() else 0.0
    kinds = sorted({int(kind) for kind in net.type_idx[spells.post[is_noticed]]})
    return Happening(
        id=f"o-{number:06d}",
        kind="outage",
        actor=ACTORS[cause],
        party="none",
        object_class=CAUSES[cause],
        objects=len(spells.post),
        time_start_ns=scribe.ns(spells.start_s.min()),
        time_end_ns=scribe.ns(spells.end_s.max()),
        places=tuple(scribe.places(["at"], np.array([x.mean()]), np.array([y.mean()]))),
        extent_m=round(float(np.hypot(x - x.mean(), y - y.mean()).max()), 1),
        rules=(RuleTruth("sensor_outage", "undetermined"),) if is_silent else (),
        detection_prob=p,
        band=band(p, None),
        phenomena=int(is_noticed.sum()),
        sensor_types=tuple(TYPES[kind] for kind in kinds),
        sensor_ids=tuple(sorted(net.ids[i] for i in spells.post.tolist())),
        of=f"j-{int(spells.number[0]):06d}" if cause == _JAMMING else None,
    )
