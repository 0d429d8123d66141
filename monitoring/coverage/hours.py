"""The figures of one hour: how much of the line was watched for what, and how surely.

Figures are whole numbers (metre-hours, sensors), so that two machines write the same.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from geodata.contact_line import ContactLine
from geodata.sectors import Sectors
from monitoring.agreement import Parameters, SensorFacts
from monitoring.coverage import reach
from monitoring.coverage.chances import (
    HOSTS,
    Grouping,
    Nested,
    Observers,
    Pairs,
    by_observer,
    group_of,
    nested,
    pairs_of,
    together,
)
from monitoring.coverage.health import HOUR_NS, HOUR_SLOTS, SLOT_NS, Health
from monitoring.coverage.line_points import LineCells, cells_of
from monitoring.schema import SENSOR_TYPES

Reals = NDArray[np.float64]
Indices = NDArray[np.int64]
Flags = NDArray[np.bool_]

WATCHED_PROB: Final = 0.1
"""A place counts as watched where a happening has at least this chance of being noticed."""
LINE, WATCHED, EFFECTIVE, LOST, WORKING, DOWN = range(6)
"""Columns of figures: metre-hours of line, watched, weighted by the chance of detection, and lost by what did not
work; sensors that worked at some time and reach there, and registered posts that reach there and never worked."""
FIGURES: Final = 6
_SITES_MOST: Final = 8
_FLIGHTS_MOST: Final = 60
_POSTS_MOST: Final = 20_000
_MEAN_EARTH_M: Final = 6_371_008.8


@dataclass(frozen=True)
class Inputs:
    """All that an hour's figures follow from, besides line and registry. `working` (n, 6), `lost` (n,) share of
    reports lost, `said` (n, 3), `places` (m, 6, 2), `jammed` (m, 6), `hours` (6,) length of each slot."""

    working: Flags
    lost: Reals
    said: Reals
    places: Reals
    jammed: Flags
    hours: Reals

    @property
    def digest(self) -> str:
        """Equal for equal inputs."""
        arrays = (self.working, self.lost, self.said, self.places, self.jammed, self.hours)
        return _digest(*arrays).hex()


@dataclass(frozen=True)
class Posts:
    """Columns of the registry in the order of `Health.ids`, shape (n,)."""

    type_idx: Indices
    host_idx: Indices
    lon: Reals
    lat: Reals
    best_prob: Reals
    reach_m: Reals

    @classmethod
    def of(cls, sensors: Mapping[str, SensorFacts]) -> "Posts":
        """Of the sensors, sorted by id; those of the last registry asked for are remembered."""
        global _newest_posts  # noqa: PLW0603 - a memory of one, exchanged whole
        registry, posts = _newest_posts
        if registry is not sensors:
            posts = cls._made(sensors)
            _newest_posts = sensors, posts
        return posts

    @classmethod
    def _made(cls, sensors: Mapping[str, SensorFacts]) -> "Posts":
        facts = [sensors[name] for name in sorted(sensors)]
        type_idx = np.array([SENSOR_TYPES.index(f.type) for f in facts], dtype=np.int64)
        stated = np.array([np.nan if f.detection_prob is None else f.detection_prob for f in facts])
        best = reach.BEST_PROB[type_idx] if facts else np.zeros(0)
        return cls(
            type_idx=type_idx,
            host_idx=np.array([HOSTS.index(f.host_side) for f in facts], dtype=np.int64),
            lon=np.array([np.nan if f.lon is None else f.lon for f in facts]),
            lat=np.array([np.nan if f.lat is None else f.lat for f in facts]),
            best_prob=np.where(np.isfinite(stated), np.minimum(stated, reach.LOOK_PROB_MOST), best),
            reach_m=np.array([np.nan if f.reach_m is None else f.reach_m for f in facts]),
        )

    def hold_slots(self, lateness_s: float) -> Indices:
        """So many slots without a sign of life are nothing to wonder at, shape (n,)."""
        overdue_s = reach.HEARTBEAT_S[self.type_idx] + lateness_s
        return np.ceil(overdue_s * 1e9 / SLOT_NS).astype(np.int64)

    def observers(self, rows: Indices, said: Reals, lon: Reals, lat: Reals) -> Observers:
        """These sensors at these places, with what they said of themselves."""
        type_idx = self.type_idx[rows]
        return Observers(
            type_idx=type_idx,
            host_idx=self.host_idx[rows],
            lon=lon,
            lat=lat,
            scale=reach.scale(type_idx, self.reach_m[rows], said[rows, 2]),
            best_prob=self.best_prob[rows],
            fov_azimuth_deg=said[rows, 0],
            fov_width_deg=said[rows, 1],
        )


_newest_posts: tuple[Mapping[str, SensorFacts], Posts] = ({}, Posts._made({}))


def inputs_of(
    health: Health, posts: Posts, hour: int, as_of_slot: int, span_ns: tuple[int, int], lateness_s: float
) -> Inputs:
    """What an hour's figures follow from, by what was known of slots before `as_of_slot`; `span_ns` cuts it off."""
    first = hour * HOUR_SLOTS
    begins = (first + np.arange(HOUR_SLOTS)) * SLOT_NS
    since_ns, until_ns = span_ns
    ends = np.minimum(begins + SLOT_NS, until_ns)
    hours = np.maximum(ends - np.maximum(begins, since_ns), 0) / HOUR_NS
    places = health.places(first, as_of_slot)
    return Inputs(
        working=health.working(first, as_of_slot, posts.hold_slots(lateness_s)),
        lost=health.lost_share(hour),
        said=health.said_by(hour),
        places=places,
        jammed=_jammed(health, places, first),
        hours=hours,
    )


def figures_of(inputs: Inputs, posts: Posts, mobile: Indices, parameters: Parameters, hour: int) -> Indices:
    """The hour's figures, int64, shape (rows, FIGURES): rows by sector (the last: outside all), then kind."""
    lines = parameters.lines
    sites = sites_along(lines.lines[int(lines.at([hour * HOUR_NS])[0])], parameters.sectors)
    cells = sites.cells
    fixed = np.flatnonzero(np.isfinite(posts.lon))
    site = sites.site(posts.observers(fixed, inputs.said, posts.lon[fixed], posts.lat[fixed]))
    left = (1.0 - inputs.lost)[fixed]
    crews, aircraft = _flown(sites, inputs, posts, mobile)
    table = np.zeros((cells.row_count, FIGURES))
    table[:, LINE] = cells.row_km * inputs.hours.sum()
    for slot, hours in enumerate(inputs.hours.tolist()):
        if not hours:
            continue
        watch = site.watch(left * inputs.working[fixed, slot])
        if slot in crews:
            watch = site.joined(watch, *sites.missed(crews[slot]))
        table[:, [WATCHED, EFFECTIVE, LOST]] += watch.km * hours
    worked: Flags = np.asarray((inputs.working & (inputs.hours > 0)).any(axis=1))
    table[:, WORKING] = site.count(worked[fixed]) + aircraft
    table[:, DOWN] = site.count(~worked[fixed])
    table[:, [LINE, WATCHED, EFFECTIVE, LOST]] *= 1_000.0
    return np.rint(table).astype(np.int64)


class Watch(NamedTuple):
    """How a line is watched: the chance that all miss a happening (cells,), and by row (rows, 3) the km watched,
    weighted by the chance of detection, and lost by what did not work."""

    miss: Reals
    km: Reals


class _Site:
    """Observers that stay where they are, with the cells that they reach."""

    def __init__(self, observers: Observers, pairs: Pairs, cells: LineCells) -> None:
        self.grouping = Grouping(pairs, group_of(observers), cells.cell_count)
        count = len(observers.type_idx)
        best = self.grouping.miss(np.ones(count))
        self.is_watched_at_best = together(best) >= WATCHED_PROB
        self._cells = cells
        nothing = Watch(best, np.zeros((cells.row_count, 3)))
        self._newest = self._changed(nothing, best, np.arange(cells.row_count))
        self._row, self._observer = _reached(cells.row[pairs.cell], pairs.observer, (cells.row_count, count))

    def count(self, chosen: Flags) -> Reals:
        """How many of the chosen observers (n,) reach each row, shape (rows,)."""
        return np.bincount(self._row, chosen[self._observer], self._cells.row_count).astype(np.float64)

    def watch(self, factor: Reals) -> Watch:
        """What these observers watch, `factor` of each one's chances being left (see `Grouping.miss`).

        Only rows in which something differs from the last call are summed up anew.
        """
        before, miss = self._newest, self.grouping.miss(factor)
        watch = self._changed(before, miss, self._rows_of(np.flatnonzero(miss != before.miss)))
        self._newest = watch
        return watch

    def joined(self, watch: Watch, cell: Indices, missed: Reals) -> Watch:
        """What is watched together with others that miss a happening at some cells, each named once, with a chance."""
        miss = watch.miss.copy()
        miss[cell] *= missed
        return self._changed(watch, miss, self._rows_of(cell))

    def _rows_of(self, cell: Indices) -> Indices:
        is_touched = np.zeros(self._cells.row_count, dtype=bool)
        is_touched[self._cells.row[cell]] = True
        return np.flatnonzero(is_touched)

    def _changed(self, watch: Watch, miss: Reals, rows: Indices) -> Watch:
        """Another chance to miss a happening, which differs at cells of some rows only: these are summed up anew."""
        cells = self._cells
        cell = cells.of_rows(rows)
        row, length_km, prob = cells.row[cell], cells.km[cell], together(miss[cell])
        is_watched = prob >= WATCHED_PROB
        watched_km = length_km * is_watched
        lost_km = length_km * (self.is_watched_at_best[cell] & ~is_watched)
        km = watch.km.copy()
        for column, weight in enumerate((watched_km, watched_km * prob, lost_km)):
            km[rows, column] = np.bincount(row, weight, cells.row_count)[rows]
        return Watch(miss, km)


class _Flight(NamedTuple):
    """Aircraft of one slot with the cells that they reach; and which of them (`aircraft`, positions among them) reaches
    which `row`, each once."""

    key: bytes
    nested: Nested
    row: Indices
    aircraft: Indices


class _Crew(NamedTuple):
    """A flight and what is left of each of its aircraft's chances."""

    flight: _Flight
    left: Reals


class _Sites:
    """What is worked out about posts along one line, remembered: in most hours hardly one has said anything new."""

    def __init__(self, cells: LineCells) -> None:
        self.cells = cells
        self._flights: dict[bytes, _Flight] = {}
        self._sites: dict[bytes, _Site] = {}
        self._posts: dict[tuple[float, ...], tuple[Indices, Reals]] = {}
        self._missed: dict[bytes, tuple[Indices, Reals]] = {}

    def site(self, observers: Observers) -> _Site:
        """The posts as they are now."""
        key = _digest(*observers)
        site = self._sites.get(key)
        if site is None:
            site = _Site(observers, self._pairs(observers), self.cells)
            # Replaced, not changed: another thread may be reading.
            kept = dict(list(self._sites.items())[1 - _SITES_MOST :])
            self._sites = {**kept, key: site}
        return site

    def missed(self, crew: _Crew) -> tuple[Indices, Reals]:
        """Cells that a crew reached, and the chance that all of it miss a happening there.

        Where an hour is looked at again, it is mostly for what the posts lost.
        """
        key = crew.flight.key + _digest(crew.left)
        missed = self._missed.get(key)
        if missed is None:
            missed = crew.flight.nested.missed(crew.left)
            kept = dict(list(self._missed.items())[1 - _FLIGHTS_MOST :])
            self._missed = {**kept, key: missed}
        return missed

    def flights(self, fleets: Sequence[Observers]) -> list[_Flight]:
        """Aircraft as they were in some slots; an hour is looked at again when hardly any of that has changed."""
        keys = [_digest(*observers) for observers in fleets]
        known = self._flights
        fresh = {key: observers for key, observers in zip(keys, fleets, strict=True) if key not in known}
        if fresh:
            kept = dict(list(known.items())[-_FLIGHTS_MOST:])
            known = {**known, **self._flown(fresh)}
            self._flights = {**kept, **{key: known[key] for key in fresh}}
        return [known[key] for key in keys]

    def _flown(self, fleets: Mapping[bytes, Observers]) -> dict[bytes, _Flight]:
        everyone = Observers(*map(np.concatenate, zip(*fleets.values(), strict=True)))
        cells, count = self.cells, len(fleets)
        pairs = pairs_of(everyone, cells)
        fleet_of = np.repeat(np.arange(count), [len(observers.lon) for observers in fleets.values()])
        row, aircraft = _reached(cells.row[pairs.cell], pairs.observer, (cells.row_count, len(fleet_of)))
        found = nested(pairs, group_of(everyone), fleet_of, count, cells.cell_count)
        first = np.searchsorted(fleet_of, np.arange(count))
        flights = {}
        for i, (key, own) in enumerate(zip(fleets, found, strict=True)):
            is_own = fleet_of[aircraft] == i
            flights[key] = _Flight(key, own, row[is_own], aircraft[is_own] - first[i])
        return flights

    def _pairs(self, observers: Observers) -> Pairs:
        rows = zip(*(np.nan_to_num(column, nan=-1.0).tolist() for column in observers), strict=True)
        keys = list(rows)
        known = self._posts if len(self._posts) + len(keys) <= _POSTS_MOST else {}
        fresh = np.array([i for i, key in enumerate(keys) if key not in known], dtype=np.int64)
        pairs = by_observer(pairs_of(observers.taken(fresh), self.cells))
        bounds = np.searchsorted(pairs.observer, np.arange(len(fresh) + 1)).tolist()
        made = {
            keys[i]: (pairs.cell[bounds[at] : bounds[at + 1]], pairs.prob[bounds[at] : bounds[at + 1]])
            for at, i in enumerate(fresh.tolist())
        }
        self._posts = known = {**known, **made}
        found = [known[key] for key in keys]
        cell, prob = [cell for cell, _ in found], [prob for _, prob in found]
        return Pairs(
            np.repeat(np.arange(len(keys)), [len(own) for own in cell]),
            np.concatenate([np.zeros(0, dtype=np.int64), *cell]),
            np.concatenate([np.zeros(0), *prob]),
        )


@lru_cache(maxsize=4)
def sites_along(line: ContactLine, sectors: Sectors) -> _Sites:
    """What is worked out about posts along a line."""
    return _Sites(cells_of(line, sectors))


def _flown(sites: _Sites, inputs: Inputs, posts: Posts, mobile: Indices) -> tuple[dict[int, _Crew], Reals]:
    """By slot the aircraft that were up, and how many reached each row (rows,).

    Of those that were working at a known place.
    """
    is_up = np.isfinite(inputs.places).all(axis=2) & inputs.working[mobile] & (inputs.hours > 0)
    up = {slot: np.flatnonzero(is_up[:, slot]) for slot in np.flatnonzero(is_up.any(axis=0)).tolist()}
    flights = sites.flights(
        [posts.observers(mobile[own], inputs.said, *inputs.places[own, slot].T) for slot, own in up.items()]
    )
    crews, is_reached = {}, np.zeros((sites.cells.row_count, len(mobile)), dtype=bool)
    for (slot, own), flight in zip(up.items(), flights, strict=True):
        jam = np.where(inputs.jammed[own, slot], reach.JAMMED_FACTOR, 1.0)
        crews[slot] = _Crew(flight, (1.0 - inputs.lost[mobile[own]]) * jam)
        is_reached[flight.row, own[flight.aircraft]] = True
    return crews, is_reached.sum(axis=1).astype(np.float64)


def _reached(row: Indices, observer: Indices, shape: tuple[int, int]) -> tuple[Indices, Indices]:
    """Rows and observers that come together among pairs (k,), each two once, by row; `shape`: how many there are."""
    is_pair = np.zeros(shape, dtype=bool)
    is_pair[row, observer] = True
    both = np.nonzero(is_pair)
    return both[0], both[1]


def _digest(*arrays: NDArray[Any]) -> bytes:
    """Equal for equal arrays."""
    told = hashlib.blake2b(digest_size=12)
    for array in arrays:
        told.update(np.ascontiguousarray(array).tobytes())
    return told.digest()


def _jammed(health: Health, places: Reals, first_slot: int) -> Flags:
    """Whether each aircraft was inside a jammed disc in each slot, shape (m, 6); a disc lasts into the next slot."""
    found = np.zeros(places.shape[:2], dtype=bool)
    for slot in range(HOUR_SLOTS):
        at = first_slot + slot
        discs = health.jammed[(health.jammed[:, 0] == at) | (health.jammed[:, 0] == at - 1)]
        if not len(discs) or not len(places):
            continue
        lon, lat = np.radians(places[:, slot].T)
        disc_lon, disc_lat = np.radians(discs[:, 2]), np.radians(discs[:, 3])
        east = (lon[:, None] - disc_lon) * np.cos((lat[:, None] + disc_lat) / 2.0)
        apart_m = np.hypot(east, lat[:, None] - disc_lat) * _MEAN_EARTH_M
        with np.errstate(invalid="ignore"):
            found[:, slot] = (apart_m <= discs[:, 4]).any(axis=1)
    return found
