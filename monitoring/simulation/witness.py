"""Keeps, while a run is observed, what its truth file needs: chances of detection and links; then writes it
up.
"""

from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from monitoring.simulation.activity import CIVILIAN
from monitoring.simulation.background import FALSE_LINK
from monitoring.simulation.build_up_truth import Onlookers, build_up_happenings
from monitoring.simulation.columns import Rows, digits
from monitoring.simulation.deception import Deceptions
from monitoring.simulation.delivery import event_ids
from monitoring.simulation.determinable import DETERMINABLE_P, Launches, is_fire_determinable
from monitoring.simulation.looks import STRETCHES, TRACK, Gathered, Seen
from monitoring.simulation.outage_truth import outage_happenings
from monitoring.simulation.scenario import Fire, Movement
from monitoring.simulation.scribe import Scribe
from monitoring.simulation.sensors import (
    AFFILIATION_KNOWN_FRAC,
    CLASS_KNOWN_FRAC,
    DAY_S,
    TARGETS,
    TYPES,
    hand_party,
)
from monitoring.simulation.truth import IN_REACH_P, Happening, Links, RuleTruth, Truth, band
from monitoring.simulation.world import World

Reals = NDArray[np.float64]
Indices = NDArray[np.int64]

LETTERS: Final = {"crossing": "c", "incursion": "i", "presence": "p"}
CLEAR_P: Final = 0.3
"""A watch counts for the best sigma of an episode only if it had at least this chance of a fix inside it."""


class _Chances:
    """Sums per (episode, watch) over the looks of all windows.

    `class_right`: by sensor type the chance that a track's class is stated and right, for what only those can know
    who see the class; sums are then per stretch of a track, each of which is judged afresh.
    """

    def __init__(self, class_right: Reals | None = None) -> None:
        self._class_right = class_right
        self._parts: list[tuple[Indices, Reals, Reals, Reals]] = []

    def add(self, seen: Seen) -> None:
        if len(seen.episode):
            inside = np.where(seen.is_inside, seen.log_miss, 0.0)
            outside = np.where(seen.is_inside, 0.0, seen.log_miss)
            sigma = np.where(seen.is_inside, seen.sigma_m, np.inf)
            stretch = 0 if self._class_right is None else seen.stretch
            key = (seen.episode * 1_000_000 + seen.watch) * STRETCHES + stretch
            self._parts.append(self._sums(key, inside, outside, sigma))

    @staticmethod
    def _sums(
        key: Indices, inside: Reals, outside: Reals, sigma: Reals
    ) -> tuple[Indices, Reals, Reals, Reals]:
        keys, of = np.unique(key, return_inverse=True)
        least = np.full(len(keys), np.inf)
        np.minimum.at(least, of, sigma)
        within, around = (np.bincount(of, part, len(keys)).astype(np.float64) for part in (inside, outside))
        return keys, within, around, least

    def result(self, episodes: int, types: Indices, needs_outside: bool) -> "Detection":
        """Chances of `episodes` episodes; `types` is the sensor type of each watch."""
        p, best = np.zeros(episodes), np.full(episodes, np.inf)
        by_type, miss_named = np.zeros((episodes, len(TYPES))), np.zeros(episodes)
        if self._parts:
            key, inside, outside, sigma = self._sums(
                *(np.concatenate(c) for c in zip(*self._parts, strict=True))
            )
            episode, watch = key // STRETCHES // 1_000_000, key // STRETCHES % 1_000_000
            p_inside = -np.expm1(inside)
            if self._class_right is not None:
                p_inside = p_inside * self._class_right[types[watch]]
            p_watch = p_inside * (-np.expm1(outside) if needs_outside else 1.0)
            log_miss = np.log1p(-np.minimum(p_watch, 1 - 1e-9))
            np.add.at(by_type, (episode, types[watch]), log_miss)
            known = np.minimum(p_watch * AFFILIATION_KNOWN_FRAC[types[watch]], 1 - 1e-9)
            np.add.at(miss_named, episode, np.log1p(-known))
            p = -np.expm1(by_type.sum(axis=1))
            np.minimum.at(best, episode, np.where(p_inside >= CLEAR_P, sigma, np.inf))
        return Detection(p, best, -np.expm1(by_type), -np.expm1(miss_named))


@dataclass(frozen=True)
class Detection:
    """Of each episode the chance of detection (e,), the best sigma (inf where none), the chance by sensor type, and
    the chance that somebody saw whose forces they were."""

    p: Reals
    best_sigma_m: Reals
    by_type: Reals
    p_named: Reals

    def taken(self, idx: Indices) -> "Detection":
        return Detection(self.p[idx], self.best_sigma_m[idx], self.by_type[idx], self.p_named[idx])


def type_names(by_type: Reals) -> tuple[str, ...]:
    """The sensor types that had a chance worth the name, of one happening's chances by type."""
    return tuple(TYPES[k] for k in np.flatnonzero(by_type >= IN_REACH_P).tolist())


class Witness:
    """Collects from each window; `truth` is asked once, at the end."""

    def __init__(self, world: World) -> None:
        self._world, self._scribe = world, Scribe(world)
        right = CLASS_KNOWN_FRAC * (1.0 - world.scenario.faults.class_wrong_frac)
        self._crossings, self._incursions, self._presences = _Chances(), _Chances(), _Chances(right)
        self._fire = np.zeros((world.groups.count, len(TYPES)))
        self._is_noticed = np.zeros(len(world.groups.group), dtype=np.bool_)
        self._onlookers = Onlookers(world)
        self._launches = Launches(world.groups.count)
        self._jamming = np.zeros((len(world.jamming), len(TYPES)))
        self._deceptions: Deceptions | None = None
        self._linked: list[tuple[Indices, Indices, Indices, Indices]] = []
        self._tracks: list[tuple[Indices, Indices, Indices]] = []

    def saw(self, crossings: Seen, incursions: Seen, presences: Seen, gathered: Gathered) -> None:
        """Chances of one window to see what movers did."""
        self._crossings.add(crossings)
        self._incursions.add(incursions)
        self._presences.add(presences)
        self._onlookers.add(gathered)

    def heard(self, group: Indices, sensor_type: Indices, log_miss: Reals) -> None:
        """Chances to hear or see a group's phenomena."""
        np.add.at(self._fire, (group, sensor_type), log_miss)

    def recorded(self, phenomenon: Indices) -> None:
        """Phenomena that a sensor reported."""
        self._is_noticed[phenomenon] = True

    def placed(self, group: Indices, p: Reals, sigma_m: Reals) -> None:
        """Chances to place a group's launches."""
        self._launches.add(group, p, sigma_m)

    def noticed(self, disc: Indices, sensor_type: Indices, log_miss: Reals) -> None:
        """Chances to notice jamming."""
        np.add.at(self._jamming, (disc, sensor_type), log_miss)

    def deceived(self, deceptions: Deceptions) -> None:
        """What captured sensors invent in the whole run."""
        self._deceptions = deceptions

    def link(self, batch: Rows) -> None:
        """Notes where the numbered rows of one window came from; fixes by their track."""
        kind, link, sensor = (batch[name].astype(np.int64) for name in ("kind", "link", "sensor"))
        is_track = kind == TRACK
        alone = np.flatnonzero(~is_track & (link >= FALSE_LINK))
        boot, seq = batch["boot"][alone].astype(np.int64), batch["seq"][alone].astype(np.int64)
        self._linked.append((sensor[alone], link[alone], boot, seq))
        fixes = np.flatnonzero(is_track)
        if len(fixes):
            whole = np.stack([sensor[fixes], link[fixes], batch["track"][fixes].astype(np.int64)])
            key = whole[0] * 100_000_000 + whole[2]
            _, first = np.unique(key, return_index=True)
            self._tracks.append((whole[0][first], whole[1][first], whole[2][first]))

    def truth(self, header: dict[str, Any]) -> Truth:
        """Happenings and links of the whole run."""
        happenings = [
            *self._movements(),
            *self._episodes("crossing"),
            *self._episodes("incursion"),
            *self._episodes("presence"),
            *self._fires(),
            *self._jammings(),
            *self._lies(),
            *outage_happenings(self._world),
            *build_up_happenings(self._world, self._onlookers.probs()),
        ]
        return Truth(header, tuple(happenings), tuple(self._links()))

    def _movements(self) -> list[Happening]:
        world, movers, paths = self._world, self._world.movers, self._world.movers.paths
        if not movers.count:
            return []
        x, y, _, _ = paths.at(np.arange(movers.count), paths.start_s)
        places = self._scribe.places(["at"] * movers.count, x, y)
        extent = np.zeros(movers.count)
        np.maximum.at(extent, paths.owner, np.hypot(paths.x - x[paths.owner], paths.y - y[paths.owner]))
        return [
            Happening(
                id=f"m-{i:06d}",
                kind="movement",
                actor=world.scenario.movements[movers.spec[i]].name,
                party=self._scribe.party(int(movers.hand[i])),
                object_class=TARGETS[movers.object_class[i]],
                objects=int(movers.objects[i]),
                time_start_ns=self._scribe.ns(paths.start_s[i]),
                time_end_ns=self._scribe.ns(min(paths.end_s[i], world.duration_s)),
                places=(places[i],),
                extent_m=round(float(extent[i]), 1),
                rules=(),
                detection_prob=0.0,
                band="out_of_reach",
            )
            for i in range(movers.count)
        ]

    def _episodes(self, kind: Literal["crossing", "incursion", "presence"]) -> list[Happening]:
        world, movers = self._world, self._world.movers
        episodes, flanks, chances = {
            "crossing": (world.crossings, world.crossing_flanks, self._crossings),
            "incursion": (world.incursions, world.incursion_flanks, self._incursions),
            "presence": (world.presences, world.presence_flanks, self._presences),
        }[kind]
        is_crossing = kind == "crossing"
        count = len(episodes)
        if not count:
            return []
        types = world.net.type_idx[world.net.watch_sensor]
        found = chances.result(count, types, needs_outside=is_crossing).taken(np.argsort(flanks.order))
        p, best = found.p, found.best_sigma_m
        deep_x, deep_y, _, _ = movers.paths.at(episodes.mover, episodes.deepest_s)
        out_x, out_y, _, _ = movers.paths.at(episodes.mover, episodes.end_s)
        entry = self._scribe.places(["at"] * count, episodes.x, episodes.y)
        deepest = self._scribe.places(["deepest"] * count, deep_x, deep_y)
        leaving = self._scribe.places(["exit"] * count, out_x, out_y)
        made = []
        for i in range(count):
            mover = int(episodes.mover[i])
            spec = world.scenario.movements[movers.spec[mover]]
            sigmas = float(episodes.depth_m[i] / best[i]) if np.isfinite(best[i]) else 0.0
            home = hand_party(world.space, int(movers.start_hand[mover]))
            other = hand_party(world.space, -int(movers.start_hand[mover]))
            made.append(
                Happening(
                    id=f"{LETTERS[kind]}-{i:06d}",
                    kind=kind,
                    actor=spec.name,
                    party=self._scribe.party(int(movers.hand[mover])),
                    object_class=TARGETS[movers.object_class[mover]],
                    objects=int(movers.objects[mover]),
                    time_start_ns=self._scribe.ns(episodes.start_s[i]),
                    time_end_ns=self._scribe.ns(episodes.end_s[i]),
                    places=(entry[i], deepest[i], leaving[i]),
                    extent_m=round(float(episodes.extent_m[i]), 1),
                    rules=self._rules(kind, spec, int(movers.hand[mover]), float(episodes.start_s[i])),
                    detection_prob=round(float(p[i]), 6),
                    band=band(float(p[i]), sigmas),
                    depth_m=round(float(episodes.depth_m[i]), 1),
                    depth_sigmas=round(sigmas, 2),
                    direction=f"{home}>{other}" if is_crossing else None,
                    speed_mps=round(sum(spec.speed_mps) / 2, 1),
                    sensor_types=type_names(found.by_type[i]),
                    of=f"m-{mover:06d}",
                    attributable_prob=round(float(found.p_named[i]), 6),
                    is_determinable=bool(found.p_named[i] >= DETERMINABLE_P),
                )
            )
        return made

    def _rules(self, kind: str, spec: Movement, hand: int, start_s: float) -> tuple[RuleTruth, ...]:
        """What an all-knowing judge says of an episode. Animals break no rule."""
        if spec.object_class == "animal":
            return ()
        rule_id = {"crossing": "line_crossing", "incursion": "buffer_incursion"}.get(kind)
        if rule_id is None:
            rule_id = "air_violation" if spec.object_class.startswith("uav_") else "heavy_weapon_zone"
        verdict: str = spec.expected
        if verdict == "by_rules":
            verdict = "undetermined" if hand == CIVILIAN else "violation"
            hour = ((start_s + self._world.local_start_s) % DAY_S) / 3_600
            opens, closes = self._world.scenario.crossing_points.hours
            is_open = spec.pattern == "queue" and hand == CIVILIAN and opens <= hour < closes
            if spec.notified or is_open:
                verdict = "permitted"
        return (RuleTruth(rule_id, verdict),)

    def _fires(self) -> list[Happening]:
        world, groups, facts = self._world, self._world.groups, self._world.fire
        if not groups.count:
            return []
        origin = self._scribe.places(["origin"] * groups.count, groups.x, groups.y)
        has_target = np.isfinite(groups.target_x)
        far = iter(
            self._scribe.places(
                ["impact"] * int(has_target.sum()), groups.target_x[has_target], groups.target_y[has_target]
            )
        )
        p, by_type = -np.expm1(self._fire.sum(axis=1)), -np.expm1(self._fire)
        placed, sigma_m = self._launches.prob, self._launches.sigma_m
        noticed = np.bincount(groups.group[self._is_noticed], minlength=groups.count)
        made = []
        for i in range(groups.count):
            places = (origin[i], next(far)) if has_target[i] else (origin[i],)
            if not facts.phenomena[i]:
                continue
            spec = world.scenario.fires[groups.spec[i]]
            made.append(
                Happening(
                    id=f"f-{i:06d}",
                    kind="works" if spec.weapon == "digging" else "fire",
                    actor=spec.name,
                    party=self._scribe.party(int(groups.hand[i])),
                    object_class=spec.weapon,
                    objects=1,
                    time_start_ns=self._scribe.ns(facts.start_s[i]),
                    time_end_ns=self._scribe.ns(facts.end_s[i]),
                    places=places,
                    extent_m=round(3.0 * spec.spread_m, 1),
                    rules=self._fire_rules(i, spec),
                    detection_prob=round(float(p[i]), 6),
                    band=band(float(p[i]), None),
                    sensor_types=type_names(by_type[i]),
                    phenomena=int(facts.phenomena[i]),
                    noticed=None if spec.weapon == "digging" else int(noticed[i]),
                    rounds=int(groups.rounds[i]),
                    of=f"f-{groups.answers[i]:06d}" if groups.answers[i] >= 0 else None,
                    attributable_prob=None if spec.weapon == "digging" else round(float(placed[i]), 6),
                    is_determinable=None
                    if spec.weapon == "digging"
                    else is_fire_determinable(
                        spec.weapon, float(placed[i]), origin[i].signed_distance_m, float(sigma_m[i])
                    ),
                )
            )
        return made

    def _fire_rules(self, i: int, spec: Fire) -> tuple[RuleTruth, ...]:
        facts = self._world.fire
        if self._world.groups.hand[i] == CIVILIAN:
            return ()
        if spec.weapon == "digging":
            verdict = "permitted" if spec.notified else "violation"
            return (RuleTruth("engineering_works", verdict),) if facts.is_in_zone[i] else ()
        rules = []
        if facts.is_in_zone[i]:
            rules.append(RuleTruth("ceasefire_fire", "violation"))
        if facts.is_across[i]:
            rules.append(RuleTruth("cross_line_fire", "violation"))
        return tuple(rules)

    def _jammings(self) -> list[Happening]:
        world, discs = self._world, self._world.jamming
        p = -np.expm1(self._jamming.sum(axis=1))
        places = self._scribe.places(["origin"] * len(discs), discs.x, discs.y) if len(discs) else []
        made = []
        for i in range(len(discs)):
            if discs.start_s[i] >= world.duration_s:
                continue
            spec = int(discs.spec[i])
            made.append(
                Happening(
                    id=f"j-{i:06d}",
                    kind="jamming",
                    actor="interference" if spec < 0 else world.scenario.jammers[spec].name,
                    party=self._scribe.party(int(discs.hand[i])),
                    object_class="jammer",
                    objects=1,
                    time_start_ns=self._scribe.ns(discs.start_s[i]),
                    time_end_ns=self._scribe.ns(min(discs.end_s[i], world.duration_s)),
                    places=(places[i],),
                    extent_m=round(float(discs.radius_m[i]), 1),
                    rules=(RuleTruth("monitor_interference", "violation"),),
                    detection_prob=round(float(p[i]), 6),
                    band=band(float(p[i]), None),
                    sensor_types=type_names(-np.expm1(self._jamming[i])),
                )
            )
        return made

    def _lies(self) -> list[Happening]:
        world, lies = self._world, self._deceptions
        if lies is None or not len(lies.sensor):
            return []
        places = self._scribe.places(
            ["at"] * len(lies.sensor), world.net.x[lies.sensor], world.net.y[lies.sensor]
        )
        return [
            Happening(
                id=f"d-{i:06d}",
                kind="deception",
                actor=world.scenario.spoofs[lies.spec[i]].name,
                party=self._scribe.party(int(lies.hand[i])),
                object_class=world.net.ids[lies.sensor[i]],
                objects=int(lies.count[i]),
                time_start_ns=self._scribe.ns(lies.start_s[i]),
                time_end_ns=self._scribe.ns(lies.end_s[i]),
                places=(places[i],),
                extent_m=0.0,
                rules=(RuleTruth("monitor_interference", "violation"),),
                detection_prob=0.0,
                band="out_of_reach",
            )
            for i in range(len(lies.sensor))
        ]

    def _name(self, link: int) -> str | None:
        if link == FALSE_LINK:
            return None
        movers = self._world.movers.count
        groups = self._world.groups.count
        if link >= movers + groups:
            return f"j-{link - movers - groups:06d}"
        return f"m-{link:06d}" if link < movers else f"f-{link - movers:06d}"

    def _links(self) -> list[Links]:
        nothing = np.empty(0, dtype=np.int64)
        sensor, link, boot, seq = (
            (np.concatenate([nothing, *c]) for c in zip(*self._linked, strict=True))
            if self._linked
            else (nothing,) * 4
        )
        t_sensor, t_link, track = (
            (np.concatenate([nothing, *c]) for c in zip(*self._tracks, strict=True))
            if self._tracks
            else (nothing,) * 3
        )
        names = np.array(event_ids(boot, seq).to_pylist(), dtype=object)
        track_names = np.array(digits(b"T", track, 8).to_pylist(), dtype=object)
        collected: dict[tuple[int, int], tuple[list[str], set[str]]] = {}
        for s, k, name in zip(sensor.tolist(), link.tolist(), names.tolist(), strict=True):
            collected.setdefault((s, k), ([], set()))[0].append(name)
        for s, k, name in zip(t_sensor.tolist(), t_link.tolist(), track_names.tolist(), strict=True):
            collected.setdefault((s, k), ([], set()))[1].add(name)
        ids = self._world.net.ids
        return [
            Links(ids[s], self._name(k), tuple(found), tuple(sorted(tracks)))
            for (s, k), (found, tracks) in sorted(collected.items())
        ]
