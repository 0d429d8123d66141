"""The step: an hour is told when the watermark has passed it, and again when what was known of it has changed.

An hour is looked at a second time when every silence in it has shown itself (the longest interval between reports of
health, and the lateness), and whenever late evidence bears on it; a row is published again, with the next revision,
only where a figure differs. Late evidence is taken into account every third hour and at an end of input.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitoring import events, schema
from monitoring.agreement import Parameters
from monitoring.coverage import hours, reach
from monitoring.coverage.health import HOUR_NS, HOUR_SLOTS, KEEP_HOURS, SLOT_NS, Health, sensors_of

Indices = NDArray[np.int64]

STATE_VERSION: Final = 1
_NOTHING: Final = events.empty(schema.COVERAGE)
AMENDED_EVERY_HOURS: Final = 3
"""What came late is looked at when the watermark passes every third hour, and at an end of input."""
SILENT_HOURS_MOST: Final = 48
"""Hours in which nothing was heard of any sensor have rows of their own up to so many on end, then none."""


class Published(NamedTuple):
    """An hour as it was told: when it was told first (digest of what it followed from, end, figures) and last, with
    the revision of each row."""

    first: Indices
    digest: str
    until_ns: int
    figures: Indices
    revision: Indices


@dataclass(frozen=True)
class CoverageState:
    """Health of the sensors, the next hour to tell, hours that were told, those to look at again, and the last hour
    with any sign of life; `sector_ids` in the order of rows; `since_ns` when everything began. `health`
    None = nothing was heard yet."""

    health: Health | None = None
    next_hour: int | None = None
    told: Mapping[int, Published] = field(default_factory=dict)
    again: frozenset[int] = frozenset()
    heard_hour: int | None = None
    sector_ids: tuple[str, ...] = ()
    since_ns: int = 0

    def pruned(self) -> "CoverageState":
        """Without hours whose evidence has left the window."""
        oldest = None if self.health is None else self.health.first_slot // HOUR_SLOTS
        told = {hour: one for hour, one in self.told.items() if oldest is not None and hour >= oldest}
        return replace(self, told=told, again=frozenset(hour for hour in self.again if hour in told))

    def to_state(self) -> dict[str, Any]:
        """What `from_state` reads."""
        self = self.pruned()  # noqa: PLW0642 - the same, as far as it is remembered
        return {
            "version": STATE_VERSION,
            "health": None if self.health is None else self.health.to_state(),
            "next_hour": self.next_hour,
            "told": [
                [
                    hour,
                    one.first.tobytes(),
                    one.digest,
                    one.until_ns,
                    one.figures.tobytes(),
                    one.revision.tobytes(),
                ]
                for hour, one in sorted(self.told.items())
            ],
            "again": sorted(self.again),
            "heard_hour": self.heard_hour,
            "sector_ids": list(self.sector_ids),
            "since_ns": self.since_ns,
        }

    @classmethod
    def from_state(cls, content: Mapping[str, Any] | None) -> "CoverageState":
        """The state that `to_state` wrote; nothing known for a snapshot from before there was coverage."""
        if content is None:
            return cls()
        told = {
            hour: Published(_ints(first), digest, until_ns, _ints(figures), np.frombuffer(revision, np.int64))
            for hour, first, digest, until_ns, figures, revision in content["told"]
        }
        health = content["health"]
        return cls(
            health=None if health is None else Health.from_state(health),
            next_hour=content["next_hour"],
            told=told,
            again=frozenset(content["again"]),
            heard_hour=content["heard_hour"],
            sector_ids=tuple(content["sector_ids"]),
            since_ns=content["since_ns"],
        )


def step(
    state: CoverageState, due: pa.Table, until_ns: int, is_end: bool, parameters: Parameters
) -> tuple[CoverageState, pa.Table]:
    """Events (EVENTS in canonical order, all up to the watermark) in; COVERAGE rows out, in order of telling.

    At the end of input the running hour is told as far as it has come, and again when it is over.
    """
    if not parameters.sensors:
        return state, _NOTHING
    clerk = _Clerk(state.pruned(), parameters)
    hour_of = events.ints(due, "time_ns") // HOUR_NS
    reached = until_ns // HOUR_NS
    if state.next_hour is None and len(hour_of):
        clerk.begin(int(events.ints(due.slice(0, 1), "time_ns")[0]))
    while clerk.next_hour is not None:
        hour = clerk.next_hour
        first, last = np.searchsorted(hour_of, [hour, hour + 1])
        if last > first:
            clerk.observe(due.slice(first, last - first), hour)
        if hour >= reached:
            break
        clerk.tell(hour)
        following = int(hour_of[last]) if last < len(hour_of) else reached
        clerk.pass_on(following)
    if is_end:
        clerk.look_again()
        if clerk.next_hour is not None and until_ns > clerk.next_hour * HOUR_NS:
            clerk.tell_so_far(until_ns)
    return clerk.state(), clerk.table()


def late(state: CoverageState, table: pa.Table, parameters: Parameters) -> CoverageState:
    """The state after events from behind the watermark (EVENTS, any order); their hours are looked at again."""
    if state.health is None or not parameters.sensors:
        return state
    health = state.health.of_sensors(parameters.sensors).copied()
    slots = health.observe(table)
    health = health.with_jamming(table)
    hold = int(hours.Posts.of(parameters.sensors).hold_slots(_lateness_s(parameters, 0)).max())
    touched = {
        hour
        for slot in slots.tolist()
        for hour in range((slot - hold) // HOUR_SLOTS, (slot + hold) // HOUR_SLOTS + 1)
        if hour in state.told
    }
    return replace(state, health=health, again=state.again | touched)


class _Clerk:
    """One call of the step: state on its way from what was to what will be."""

    def __init__(self, state: CoverageState, parameters: Parameters) -> None:
        self._parameters = parameters
        self._sensors = parameters.sensors
        self._posts = hours.Posts.of(self._sensors)
        known = None if state.health is None else state.health.of_sensors(self._sensors)
        self._health = known
        self._is_own = False
        self._told = dict(state.told)
        self._again = set(state.again)
        self._heard_hour = state.heard_hour
        self._since_ns = state.since_ns
        self._rows: list[pa.Table] = []
        self.next_hour = state.next_hour

    def begin(self, time_ns: int) -> None:
        """The first event of all: what was before its slot is nobody's hour."""
        self.next_hour, self._since_ns = time_ns // HOUR_NS, time_ns // SLOT_NS * SLOT_NS

    def observe(self, table: pa.Table, hour: int) -> None:
        """Events of one hour."""
        health = self._window_at(hour)
        if len(health.observe(table)):
            self._heard_hour = hour
        self._health = health.with_jamming(table)

    def tell(self, hour: int) -> None:
        """An hour that is over, and the earlier one whose silences have shown themselves by now."""
        as_of_slot = (hour + 1) * HOUR_SLOTS
        if not self._is_silent(hour):
            self._health = self._window_at(hour)
            self._publish(hour, as_of_slot, (hour + 1) * HOUR_NS)
        settled = (as_of_slot - self._settle_slots(hour)) // HOUR_SLOTS - 1
        if settled in self._told:
            self._look_at(settled, as_of_slot)
        if (hour + 1) % AMENDED_EVERY_HOURS == 0:
            self.look_again(as_of_slot)

    def tell_so_far(self, until_ns: int) -> None:
        """The running hour up to the end of input."""
        assert self.next_hour is not None
        if not self._is_silent(self.next_hour):
            self._health = self._window_at(self.next_hour)
            self._publish(self.next_hour, -(-until_ns // SLOT_NS), until_ns)

    def look_again(self, as_of_slot: int | None = None) -> None:
        """Hours whose evidence may have changed."""
        assert self.next_hour is not None or not self._again
        reached = as_of_slot if as_of_slot is not None else (self.next_hour or 0) * HOUR_SLOTS
        for hour in sorted(self._again):
            self._look_at(hour, reached)
        self._again.clear()

    def _look_at(self, hour: int, reached: int) -> None:
        """An hour that was told, by what is known now that the watermark has reached a slot."""
        known = self._told.get(hour)
        if known is not None and self._health is not None and hour * HOUR_SLOTS >= self._health.first_slot:
            end = (hour + 1) * HOUR_SLOTS
            settled, so_far = end + self._settle_slots(hour), -(-known.until_ns // SLOT_NS)
            self._publish(hour, settled if reached >= settled else min(end, so_far), known.until_ns)

    def pass_on(self, following: int) -> None:
        """To the next hour, or over a long silence to the next one with an event (or that of the watermark)."""
        assert self.next_hour is not None
        self.next_hour += 1
        if self._is_silent(self.next_hour) and following > self.next_hour:
            self.next_hour = following

    def state(self) -> CoverageState:
        """What is remembered; hours of this call stay until the next, for the findings that are told with them."""
        sectors = (*self._parameters.sectors.ids, "")
        return CoverageState(
            self._health,
            self.next_hour,
            self._told,
            frozenset(self._again),
            self._heard_hour,
            sectors,
            self._since_ns,
        )

    def table(self) -> pa.Table:
        """What is told."""
        return pa.concat_tables([_NOTHING, *self._rows])

    def _window_at(self, hour: int) -> Health:
        """The health with its window up to the end of an hour, free to be written to."""
        first_slot = (hour + 1 - KEEP_HOURS) * HOUR_SLOTS
        if self._health is None:
            return Health.empty(*sensors_of(self._sensors), first_slot)
        if not self._is_own:
            self._health, self._is_own = self._health.copied(), True
        return self._health.moved_to(first_slot)

    def _is_silent(self, hour: int) -> bool:
        return self._heard_hour is None or hour - self._heard_hour > SILENT_HOURS_MOST

    def _settle_slots(self, hour: int) -> int:
        return int(self._posts.hold_slots(_lateness_s(self._parameters, hour * HOUR_NS)).max()) + 1

    def _publish(self, hour: int, as_of_slot: int, until_ns: int) -> None:
        assert self._health is not None
        health, posts = self._health, self._posts
        has_place = np.isfinite(posts.lon).any() or np.isfinite(health.place).any()
        window = health.first_slot // HOUR_SLOTS
        if not has_place or not window <= hour < window + KEEP_HOURS:
            return
        lateness_s = _lateness_s(self._parameters, hour * HOUR_NS)
        inputs = hours.inputs_of(health, posts, hour, as_of_slot, (self._since_ns, until_ns), lateness_s)
        known = self._told.get(hour)
        if known is not None and (known.digest, known.until_ns) == (inputs.digest, until_ns):
            return
        figures = hours.figures_of(inputs, posts, health.mobile, self._parameters, hour)
        revision = np.ones(len(figures), dtype=np.int64)
        is_told = np.ones(len(figures), dtype=bool)
        if known is not None and len(known.figures) == len(figures):
            is_told = (known.figures != figures).any(axis=1)
            revision = known.revision + is_told
        is_told &= figures[:, hours.LINE] > 0
        first = figures if known is None or known.until_ns < until_ns else known.first
        self._told[hour] = Published(first, inputs.digest, until_ns, figures, revision)
        self._rows.append(self._table(hour, until_ns, figures, revision, np.flatnonzero(is_told)))

    def _table(
        self, hour: int, until_ns: int, figures: Indices, revision: Indices, rows: Indices
    ) -> pa.Table:
        lines = self._parameters.lines
        line = lines.lines[int(lines.at([hour * HOUR_NS])[0])]
        sectors = np.array([*self._parameters.sectors.ids, ""], dtype=object)
        kinds = np.array(reach.NAMES, dtype=object)
        chosen = figures[rows]
        count = len(rows)
        watched, effective = chosen[:, hours.WATCHED], chosen[:, hours.EFFECTIVE]
        prob = np.divide(effective, watched, out=np.full(count, np.nan), where=watched > 0)
        return pa.Table.from_arrays(
            [
                pa.array(sectors[rows // len(kinds)], pa.string()),
                pa.array(kinds[rows % len(kinds)], pa.string()),
                pa.array(np.full(count, max(hour * HOUR_NS, self._since_ns))),
                pa.array(np.full(count, until_ns)),
                pa.array(revision[rows].astype(np.int32)),
                *(
                    pa.array(chosen[:, i] / 1_000.0)
                    for i in (hours.LINE, hours.WATCHED, hours.EFFECTIVE, hours.LOST)
                ),
                pa.array(np.round(prob, 4), from_pandas=True),
                pa.array(
                    [
                        word_of(w, t)
                        for w, t in zip(watched.tolist(), chosen[:, hours.LINE].tolist(), strict=True)
                    ]
                ),
                pa.array(chosen[:, hours.WORKING]),
                pa.array(chosen[:, hours.DOWN]),
                pa.array(np.ones(count, dtype=bool)),
                pa.array([line.version] * count, pa.string()),
                pa.array([schema.ENGINE_VERSION] * count, pa.string()),
            ],
            schema=schema.COVERAGE,
        )


OBSERVED_FRAC: Final = 0.9
"""From this share of the line on it counts as observed."""


def word_of(watched: int, line: int) -> str:
    """How much of the line was watched, in one of `schema.COVERAGE_WORDS`.

    >>> word_of(0, 10), word_of(5, 10), word_of(10, 10)
    ('not_observed', 'partly_observed', 'observed')
    """
    if not watched:
        return "not_observed"
    return "observed" if watched >= OBSERVED_FRAC * line else "partly_observed"


def _lateness_s(parameters: Parameters, time_ns: int) -> float:
    return parameters.agreement.number("stream.lateness_s", time_ns)


def _ints(data: bytes) -> Indices:
    return np.frombuffer(data, dtype=np.int64).reshape(-1, hours.FIGURES)
