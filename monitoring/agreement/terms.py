"""What the agreement, and the notices given under it, allow at a place and time: the exculpation paths.

Every question is asked for many places at once; `permission` asks it for one. Places are degrees, instants int64
ns UTC, shape (n,). Who acts is a word of `schema.AFFILIATIONS` (`A`, `B`, `civilian`, `monitor`) or None where
nobody said; contradicting statements are for the caller to keep out.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from geodata.projection import wrap_deg
from monitoring import schema
from monitoring.agreement.checking import AgreementInvalid
from monitoring.agreement.notices import Activity, CrossingPoint, Notices, ProtectedPlace, Zone, joined
from monitoring.agreement.permits import Permit

if TYPE_CHECKING:
    from geodata.area import Area
    from geodata.contact_line import LineHistory
    from monitoring.agreement.agreement import Agreement

Reals = NDArray[np.float64]
Instants = NDArray[np.int64]
Codes = NDArray[np.int8]
Mask = NDArray[np.bool_]

NOBODY: Final = -1
"""No permission, no zone, no place."""
_UNKNOWN: Final = "unknown"
_PAIRS_MOST: Final = 100_000
"""So many pairs of entry and place are looked at together; above, entry by entry, so that memory stays small."""
_METRES_PER_DEGREE: Final = 110_000.0
"""A little less than a degree of latitude ever has, so that nothing near is left out."""


@dataclass(frozen=True)
class Permission:
    """What excuses a happening: crossing point or activity `id` of a `kind`, by `clause`; `reason` in words."""

    id: str
    kind: str
    clause: str
    reason: str


class Depths(NamedTuple):
    """Per place the zone that it is deepest in: `idx` in `Terms.zones`, and metres inside its edge, both (n,).

    Where no zone of the purpose is in force -1 and -inf; outside all of them the nearest one and a negative depth.
    """

    idx: Instants
    depth_m: Reals


class Near(NamedTuple):
    """Per place the nearest protected place within reach: `idx` in `Terms.protected_places` (-1 = none) and metres
    to its edge, 0 inside (inf = none), both (n,)."""

    idx: Instants
    distance_m: Reals


class Happenings(NamedTuple):
    """What is to be excused, one row each: place, its error, instants, whose, what; codes as in `schema`."""

    lon: Reals
    lat: Reals
    from_ns: Instants
    to_ns: Instants
    object_class: Codes
    party: Codes
    sigma_m: Reals

    def at(self, rows: Instants) -> "Happenings":
        """Some of them."""
        columns: list[Any] = [column[rows] for column in self]
        return Happenings(*columns)


@dataclass(frozen=True)
class Terms:
    """The questions rules ask of agreement and notices. Without an agreement nothing is permitted.

    An earlier crossing point or activity goes before a later one where several would excuse.
    """

    agreement: "Agreement | None" = None
    notices: Notices = field(default_factory=Notices)

    @classmethod
    def of(cls, agreement: "Agreement", given_later: Sequence[Notices] = ()) -> "Terms":
        """The terms of an agreement with the notices given under it, in the order they came."""
        return cls(agreement, joined([agreement.notices, *given_later]))

    @property
    def zones(self) -> tuple[Zone, ...]:
        """Every zone, of any purpose and date."""
        return self.notices.zones

    @property
    def protected_places(self) -> tuple[ProtectedPlace, ...]:
        """Every protected place, of any date."""
        return self.notices.protected_places

    def permissions_at(
        self,
        rule_id: str,
        lon: Reals,
        lat: Reals,
        from_ns: Instants,
        to_ns: Instants,
        object_class: Codes,
        party: Codes,
        sigma_m: Reals,
    ) -> list[Permission | None]:
        """What excuses each of n happenings from a rule; None where nothing does.

        `object_class` and `party` are positions in `schema.OBJECT_CLASSES` and `schema.AFFILIATIONS`, -1 = not
        stated; `sigma_m` is the standard deviation of the place per axis. A happening is excused when it lies inside
        the area of the permission, or may by `permissions.k_sigma` of its error (at most `grow_m_max`), and in its
        time, or by `tolerance_s` around it.
        """
        found: list[Permission | None] = [None] * len(lon)
        given = Happenings(lon, lat, from_ns, to_ns, object_class, party, sigma_m)
        if self.agreement is None or not len(lon):
            return found
        for permit in self.agreement.permits:
            if rule_id not in permit.rules:
                continue
            left = np.array([row for row, known in enumerate(found) if known is None], dtype=np.int64)
            left = left[self._is_for(permit, given.at(left))]
            for row, permission in self._granted(permit, given.at(left)).items():
                found[int(left[row])] = permission
        return found

    def permission(
        self,
        rule_id: str,
        lon: float,
        lat: float,
        from_ns: int,
        to_ns: int,
        object_class: str | None,
        party: str | None,
        sigma_m: float,
    ) -> Permission | None:
        """What excuses one happening from a rule, or None."""
        (found,) = self.permissions_at(
            rule_id,
            np.array([lon], dtype=np.float64),
            np.array([lat], dtype=np.float64),
            np.array([from_ns], dtype=np.int64),
            np.array([to_ns], dtype=np.int64),
            _code(object_class, schema.OBJECT_CLASSES),
            _code(party, schema.AFFILIATIONS),
            np.array([sigma_m], dtype=np.float64),
        )
        return found

    def zones_at(self, purpose: str, lon: Reals, lat: Reals, time_ns: Instants) -> Depths:
        """The zone of a purpose (`disengagement_area`, `exercise_range`, `no_fly`, `other`) that each place is in."""
        idx, depth_m = np.full(len(lon), NOBODY, dtype=np.int64), np.full(len(lon), -np.inf)
        for number, zone in enumerate(self.zones):
            if zone.purpose == purpose:
                self._deepest(number, zone, lon, lat, time_ns, np.arange(len(lon)), idx, depth_m)
        return Depths(idx, depth_m)

    def protected_near(self, lon: Reals, lat: Reals, time_ns: Instants, within_m: float) -> Near:
        """The protected place (settlement, water, power, school, hospital) next to each place."""
        idx, depth_m = np.full(len(lon), NOBODY, dtype=np.int64), np.full(len(lon), -np.inf)
        for number, place in enumerate(self.protected_places):
            reach_deg = (within_m + place.shape.reach_m) / _METRES_PER_DEGREE
            rows = np.flatnonzero(np.abs(lat - place.shape.centre[1]) <= reach_deg)
            self._deepest(number, place, lon, lat, time_ns, rows, idx, depth_m)
        distance_m = np.maximum(-depth_m, 0.0)
        is_near = distance_m <= within_m
        return Near(np.where(is_near, idx, NOBODY), np.where(is_near, distance_m, np.inf))

    def is_own_aircraft(
        self, sensor_ids: Sequence[str], track_ids: Sequence[str | None], time_ns: Instants
    ) -> Mask:
        """Whether each track is that of an aircraft of the monitors, (n,)."""
        is_own = np.zeros(len(time_ns), dtype=bool)
        for aircraft in self.notices.monitor_aircraft:
            is_its = [
                f"{sensor}/*" in aircraft.tracks or f"{sensor}/{track}" in aircraft.tracks
                for sensor, track in zip(sensor_ids, track_ids, strict=True)
            ]
            is_own |= np.array(is_its, dtype=bool) & _holds(aircraft.from_ns, aircraft.to_ns, time_ns)
        return is_own

    def check(self, lines: "LineHistory", area: "Area | None") -> None:
        """Refuses what cannot be meant. Raises the first of `mistakes`."""
        for mistake in self.mistakes(lines, area):
            raise mistake

    def mistakes(self, lines: "LineHistory", area: "Area | None") -> Iterator[AgreementInvalid]:
        """What cannot be meant, with file and key: zones, lines and places outside the area of operations, crossing
        points away from a line that is in force while they are."""
        told = self.notices
        if area is not None:
            placed: tuple[Zone | Activity | ProtectedPlace | CrossingPoint, ...] = (
                *told.zones,
                *told.notified,
                *told.protected_places,
                *told.crossing_points,
            )
            for entry in placed:
                if not area.contains(entry.shape.lon, entry.shape.lat).all():
                    yield AgreementInvalid(
                        entry.file, entry.key, f"{entry.id} lies outside the area of operations"
                    )
            for name, history in self.agreement.reference_lines.items() if self.agreement else ():
                if not all(area.contains(line.lon, line.lat).all() for line in history.lines):
                    assert self.agreement is not None
                    yield AgreementInvalid(
                        self.agreement.file, f"reference_lines.{name}", "leaves the area of operations"
                    )
        for point in told.crossing_points:
            first, last = lines.at([point.from_ns, point.to_ns - 1]).tolist()
            for line in lines.lines[first : last + 1]:
                away_m = abs(
                    float(line.locator.locate(point.shape.lon, point.shape.lat).signed_distance_m[0])
                )
                if away_m > point.shape.reach_m:
                    what = (
                        f"{point.id} lies {away_m:,.0f} m from the line {line.label}, beyond its own radius of "
                        f"{point.shape.reach_m:,.0f} m"
                    )
                    yield AgreementInvalid(point.file, point.key, what)

    def _is_for(self, permit: Permit, given: Happenings) -> Mask:
        """Whether a permit is in force for the time, affiliation and class of each happening."""
        is_for = _holds(permit.from_ns, permit.to_ns, given.from_ns)
        if permit.whose:
            is_for &= _in_words(given.party, permit.whose, schema.AFFILIATIONS)
        if permit.classes:
            is_for &= _in_words(given.object_class, permit.classes, schema.OBJECT_CLASSES)
        return is_for

    def _granted(self, permit: Permit, given: Happenings) -> dict[int, Permission]:
        """By row what a permit grants."""
        if not len(given.lon):
            return {}
        if permit.kind == "monitor":
            own = np.flatnonzero(given.party == schema.AFFILIATIONS.index("monitor"))
            permission = Permission(
                "monitors", "monitor", permit.id, _reason(permit, "It belongs to the monitors")
            )
            return dict.fromkeys(own.tolist(), permission)
        granted: dict[int, Permission] = {}
        is_left = np.ones(len(given.lon), dtype=bool)
        for entry in self._candidates(permit.kind, given):
            rows = np.flatnonzero(is_left & self._may_be_near(entry, given))
            rows = rows[self._excuses(entry, permit, given.at(rows))] if len(rows) else rows
            if len(rows):
                permission = Permission(entry.id, permit.kind, permit.id, _reason(permit, _told(entry)))
                granted |= dict.fromkeys(rows.tolist(), permission)
                is_left[rows] = False
        return granted

    def _excuses(self, entry: CrossingPoint | Activity, permit: Permit, given: Happenings) -> Mask:
        """Whether each happening is in the time and area of an entry, and of its party."""
        is_its = self._times(entry, given)
        if isinstance(entry, Activity):
            is_its &= _is_whose(entry, permit, given)
        rows = np.flatnonzero(is_its)
        if len(rows):
            depth_m = entry.shape.depth_m(given.lon[rows], given.lat[rows])
            with np.errstate(invalid="ignore"):
                is_its[rows] = depth_m >= -self._slack_m(given.at(rows))
        return is_its

    def _may_be_near(self, entry: CrossingPoint | Activity, given: Happenings) -> Mask:
        """Whether each happening is in the box around an entry; rules most of them out for little."""
        lon, lat = entry.shape.centre
        grown_m = float(self._numbers("grow_m_max", given).max())
        within_deg = 1.1 * (entry.shape.radius_m + grown_m) / _METRES_PER_DEGREE
        is_near = np.abs(given.lat - lat) <= within_deg
        # Meridians draw together towards the poles: the box is as wide as it must be at its own edge there.
        narrow = np.cos(np.radians(min(abs(lat) + within_deg, 89.9)))
        return np.asarray(is_near & (np.abs(wrap_deg(given.lon - lon)) <= within_deg / narrow))

    def _candidates(self, kind: str, given: Happenings) -> list[CrossingPoint | Activity]:
        """Entries of a kind that overlap the time of all the happenings together, and that any of them lies near."""
        known = self._by_kind.get(kind)
        if known is None:
            return []
        first_ns, last_ns = int(given.from_ns.min()), int(given.to_ns.max())
        slack_ns = int(1e9 * float(self._numbers("tolerance_s", given).max()))
        meets = np.flatnonzero((known.to_ns >= first_ns - slack_ns) & (known.from_ns <= last_ns + slack_ns))
        if 0 < len(meets) * len(given.lon) <= _PAIRS_MOST:
            grown_m = float(self._numbers("grow_m_max", given).max())
            meets = meets[known.is_near(meets, given.lon, given.lat, grown_m)]
        return [known.entries[at] for at in meets.tolist()]

    @cached_property
    def _by_kind(self) -> Mapping[str, "_Entries"]:
        kinds: dict[str, list[Any]] = {"crossing_point": list(self.notices.crossing_points)}
        for activity in self.notices.notified:
            kinds.setdefault(activity.kind, []).append(activity)
        return {kind: _Entries.of(entries) for kind, entries in kinds.items() if entries}

    def _times(self, entry: CrossingPoint | Activity, given: Happenings) -> Mask:
        """Whether each happening took place in the time of an entry."""
        tolerance_s = self._numbers("tolerance_s", given)
        slack_ns = (tolerance_s * 1e9).astype(np.int64)
        if isinstance(entry, Activity):
            return (given.from_ns + slack_ns >= entry.from_ns) & (given.to_ns - slack_ns <= entry.to_ns)
        assert self.agreement is not None
        is_open = np.zeros(len(given.lon), dtype=bool)
        for value in np.unique(tolerance_s).tolist():
            rows = np.flatnonzero(tolerance_s == value)
            some = given.at(rows)
            for clearing_s in np.unique(self._numbers("clearing_s", some)).tolist():
                at = self._numbers("clearing_s", some) == clearing_s
                is_open[rows[at]] = entry.hours.are_open(
                    some.from_ns[at], some.to_ns[at], self.agreement.reporting.zone, value, clearing_s
                )
        return is_open & _holds(entry.from_ns, entry.to_ns, given.from_ns)

    def _slack_m(self, given: Happenings) -> Reals:
        grown_m = self._numbers("k_sigma", given) * np.nan_to_num(given.sigma_m, nan=0.0)
        return np.minimum(grown_m, self._numbers("grow_m_max", given))

    def _numbers(self, name: str, given: Happenings) -> Reals:
        assert self.agreement is not None
        return self.agreement.numbers(f"permissions.{name}", given.from_ns)

    @staticmethod
    def _deepest(
        number: int,
        entry: Zone | ProtectedPlace,
        lon: Reals,
        lat: Reals,
        time_ns: Instants,
        rows: Instants,
        idx: Instants,
        depth_m: Reals,
    ) -> None:
        """Puts an entry, for some rows, where it is the deepest so far; of equal ones the first stays."""
        rows = rows[_holds(entry.from_ns, entry.to_ns, time_ns[rows])]
        if not len(rows):
            return
        depth = entry.shape.depth_m(lon[rows], lat[rows])
        is_deeper = depth > depth_m[rows]
        idx[rows[is_deeper]], depth_m[rows[is_deeper]] = number, depth[is_deeper]


@dataclass(frozen=True)
class _Entries:
    """Entries of one kind with their times and a circle around each; arrays (m,)."""

    entries: list[Any]
    from_ns: Reals
    to_ns: Reals
    lon: Reals
    lat: Reals
    radius_m: Reals

    @classmethod
    def of(cls, entries: list[Any]) -> "_Entries":
        shapes = [entry.shape for entry in entries]
        return cls(
            entries,
            np.array([float(entry.from_ns) for entry in entries]),
            np.array([float(entry.to_ns) for entry in entries]),
            np.array([shape.centre[0] for shape in shapes]),
            np.array([shape.centre[1] for shape in shapes]),
            np.array([shape.radius_m for shape in shapes]),
        )

    def is_near(self, idx: Instants, lon: Reals, lat: Reals, within_m: float) -> Mask:
        """Whether any of the places may lie within a distance of each of the entries `idx`; errs to the near side."""
        north_m = (lat[None, :] - self.lat[idx, None]) * _METRES_PER_DEGREE
        turn = (lon[None, :] - self.lon[idx, None] + 180.0) % 360.0 - 180.0
        # Meridians close up towards the poles; the pole-most of the two parallels gives the least distance.
        polemost = np.maximum(np.abs(lat[None, :]), np.abs(self.lat[idx, None]))
        east_m = turn * _METRES_PER_DEGREE * np.cos(np.radians(np.minimum(polemost, 90.0)))
        reach_m = 1.1 * (self.radius_m[idx, None] + within_m)
        with np.errstate(invalid="ignore"):
            return np.asarray((np.hypot(east_m, north_m) <= reach_m).any(axis=1))


def _holds(from_ns: int, to_ns: int, time_ns: Instants) -> Mask:
    return (time_ns >= from_ns) & (time_ns < to_ns)


def _is_whose(activity: Activity, permit: Permit, given: Happenings) -> Mask:
    """Whether each may be the notified party's: that one's, or (where the permit names nobody) of nobody known."""
    is_its = _in_words(given.party, frozenset([activity.party]), schema.AFFILIATIONS)
    if not permit.whose:
        is_its |= (given.party < 0) | (given.party == schema.AFFILIATIONS.index(_UNKNOWN))
    if activity.classes:
        known = activity.classes | {_UNKNOWN}
        is_its &= (given.object_class < 0) | _in_words(given.object_class, known, schema.OBJECT_CLASSES)
    return is_its


def _in_words(code: Codes, words: frozenset[str], all_words: tuple[str, ...]) -> Mask:
    """Whether each code is that of one of the words; `unknown` stands for what was not stated as well."""
    return _among(words, all_words)[code + 1]


@cache
def _among(words: frozenset[str], all_words: tuple[str, ...]) -> Mask:
    """By code + 1 whether it is that of one of the words."""
    return np.array([_UNKNOWN in words, *(word in words for word in all_words)])


def _code(word: str | None, words: tuple[str, ...]) -> Codes:
    return np.array([-1 if word is None else words.index(word)], dtype=np.int8)


def _told(entry: CrossingPoint | Activity) -> str:
    if isinstance(entry, CrossingPoint):
        return f"It was at the crossing point {entry.name} in its opening hours"
    whose = {"civilian": "civilians", "monitor": "the monitors"}.get(entry.party, f"party {entry.party}")
    return f"It fits {entry.kind.replace('_', ' ')} of {whose} of which the mission was notified ({entry.id})"


def _reason(permit: Permit, told: str) -> str:
    return f"{told}; clause {permit.id} permits it: {permit.title}."
