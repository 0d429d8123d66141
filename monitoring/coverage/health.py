"""What is known of every sensor's health: slots of ten minutes in which it gave a sign of life, and what it said.

Everything is a maximum, a union or the newest statement, so that neither the order nor the cut of deliveries can
show. The window is two days; what comes later than that changes no figure any more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from monitoring import events, schema
from monitoring.agreement import SensorFacts

Reals = NDArray[np.float64]
Indices = NDArray[np.int64]
Flags = NDArray[np.bool_]

SLOT_NS: Final = 600 * 10**9
HOUR_SLOTS: Final = 6
HOUR_NS: Final = HOUR_SLOTS * SLOT_NS
KEEP_HOURS: Final = 48
KEEP_SLOTS: Final = KEEP_HOURS * HOUR_SLOTS
NEVER: Final = np.iinfo(np.int64).min
STATEMENTS: Final = ("fov_azimuth_deg", "fov_width_deg", "reach_m")
JAMMED_RADIUS_M: Final = (2_000.0, 30_000.0)
"""A report of jamming speaks for a disc of twice its sigma around its place, within these bounds."""
_JAMMED_SIGMA_M: Final = 5_000.0
_SEQ_SPAN_MOST: Final = 1_000_000
"""A wider span of numbers within an hour is a counter that began anew, not a million lost reports."""
_LOSS_STEPS: Final = 20.0
_READ: Final = (
    *("sensor_id", "time_ns", "time_end_ns", "kind", "seq", "boot", "sensor_lon", "sensor_lat"),
    *STATEMENTS,
)
"""What of an event bears on its sensor's health."""
COLUMNS: Final = (*_READ, "lon", "lat", "sigma_m")
"""What of an event bears on coverage: its sensor's health, and where it was jammed."""
_JAMMING, _OUTAGE, _TAMPER, _HEARTBEAT = (
    schema.KINDS.index(kind) for kind in ("jamming", "outage", "tamper", "heartbeat")
)


@dataclass(frozen=True)
class Health:
    """Of n sensors, m of them without a post, from slot `first_slot` on (slots count from the epoch).

    `signs`, `down` (n, slots): a sign of life, a stated outage or tampering in the slot. `stated_ns` (n, hours),
    `stated` (n, hours, 3): the newest statement of `STATEMENTS`; `stated_before` (n, 3) that before the window.
    `heard` (n, hours, 4): newest boot, least and greatest number, count. `place_ns` (m, slots), `place`
    (m, slots, 2): newest own position, degrees. `jammed` (j, 5): slot, sensor, degrees, radius (m), sorted.
    """

    ids: tuple[str, ...]
    mobile: Indices
    first_slot: int
    signs: Flags
    down: Flags
    stated_ns: Indices
    stated: Reals
    stated_before: Reals
    heard: Indices
    place_ns: Indices
    place: Reals
    jammed: Reals

    @classmethod
    def empty(cls, ids: Sequence[str], mobile: Sequence[int], first_slot: int) -> "Health":
        """Nothing known of these sensors; `mobile` are the positions of those without a post."""
        n, m = len(ids), len(mobile)
        return cls(
            ids=tuple(ids),
            mobile=np.array(mobile, dtype=np.int64),
            first_slot=first_slot,
            signs=np.zeros((n, KEEP_SLOTS), dtype=bool),
            down=np.zeros((n, KEEP_SLOTS), dtype=bool),
            stated_ns=np.full((n, KEEP_HOURS), NEVER),
            stated=np.full((n, KEEP_HOURS, 3), np.nan),
            stated_before=np.full((n, 3), np.nan),
            heard=np.full((n, KEEP_HOURS, 4), -1, dtype=np.int64),
            place_ns=np.full((m, KEEP_SLOTS), NEVER),
            place=np.full((m, KEEP_SLOTS, 2), np.nan),
            jammed=np.zeros((0, 5)),
        )

    def copied(self) -> "Health":
        """A copy whose arrays may be written to."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        arrays: dict[str, Any] = {n: v.copy() for n, v in values.items() if isinstance(v, np.ndarray)}
        return replace(self, **arrays)

    def of_sensors(self, sensors: Mapping[str, SensorFacts]) -> "Health":
        """The same knowledge for another set of sensors."""
        ids, mobile = sensors_of(sensors)
        if ids == self.ids and mobile == tuple(self.mobile.tolist()):
            return self
        made = Health.empty(ids, mobile, self.first_slot)
        old = {name: i for i, name in enumerate(self.ids)}
        here = np.array([i for i, name in enumerate(ids) if name in old], dtype=np.int64)
        there = np.array([old[ids[i]] for i in here.tolist()], dtype=np.int64)
        for name in ("signs", "down", "stated_ns", "stated", "stated_before", "heard"):
            getattr(made, name)[here] = getattr(self, name)[there]
        old_mobile = {self.ids[i]: j for j, i in enumerate(self.mobile.tolist())}
        for j, i in enumerate(mobile):
            if ids[i] in old_mobile:
                made.place_ns[j] = self.place_ns[old_mobile[ids[i]]]
                made.place[j] = self.place[old_mobile[ids[i]]]
        position = {old[name]: i for i, name in enumerate(ids) if name in old}
        is_known = np.array([int(row[1]) in position for row in self.jammed], dtype=bool)
        jammed = self.jammed[is_known]
        if len(jammed):
            jammed[:, 1] = [position[int(number)] for number in jammed[:, 1]]
        return replace(made, jammed=jammed)

    def moved_to(self, first_slot: int) -> "Health":
        """The window moved forward; `first_slot` begins an hour."""
        slots = first_slot - self.first_slot
        if slots <= 0:
            return self
        hours = slots // HOUR_SLOTS
        before = self.stated_before.copy()
        for hour in range(min(hours, KEEP_HOURS)):
            said = self.stated_ns[:, hour] > NEVER
            before[said] = self.stated[said, hour]
        empty = Health.empty(self.ids, self.mobile.tolist(), first_slot)
        moved = {}
        for name in ("signs", "down", "place_ns", "place", "stated_ns", "stated", "heard"):
            shift = slots if name in ("signs", "down", "place_ns", "place") else hours
            kept, made = getattr(self, name)[:, shift:], getattr(empty, name)
            made[:, : kept.shape[1]] = kept
            moved[name] = made
        jammed = self.jammed[self.jammed[:, 0] >= first_slot]
        return replace(self, first_slot=first_slot, stated_before=before, jammed=jammed, **moved)

    def observe(self, table: pa.Table) -> Indices:
        """Takes note of events (EVENTS) in place; the slots (within the window) that they speak of, each once."""
        table = table.select(_READ)
        sensor, time_ns = _positions(table, self.ids), events.ints(table, "time_ns")
        slot = time_ns // SLOT_NS - self.first_slot
        known = np.flatnonzero((sensor >= 0) & (slot >= 0) & (slot < KEEP_SLOTS))
        if not len(known):
            return np.zeros(0, dtype=np.int64)
        if len(known) < table.num_rows:
            table, sensor, time_ns, slot = (
                table.take(pa.array(known)),
                sensor[known],
                time_ns[known],
                slot[known],
            )
        kind = events.codes(table, "kind")
        is_sign = (kind != _OUTAGE) & (kind != _TAMPER)
        self.signs[sensor[is_sign], slot[is_sign]] = True
        self._note_down(table, sensor, slot, ~is_sign)
        self._note_numbers(table, sensor, slot // HOUR_SLOTS)
        said = np.flatnonzero(kind == _HEARTBEAT)
        self._note_statements(
            table.take(pa.array(said)), sensor[said], time_ns[said], slot[said] // HOUR_SLOTS
        )
        self._note_places(table, sensor, time_ns, slot)
        return np.unique(slot) + self.first_slot

    def with_jamming(self, table: pa.Table) -> "Health":
        """Together with what these events (EVENTS) say of jamming, at the place that they state."""
        at = np.flatnonzero(events.codes(table, "kind") == _JAMMING)
        if not len(at):
            return self
        table = table.take(pa.array(at))
        sensor, slot = _positions(table, self.ids), events.ints(table, "time_ns") // SLOT_NS
        sigma_m = events.reals(table, "sigma_m")
        radius_m = np.clip(2.0 * np.where(np.isfinite(sigma_m), sigma_m, _JAMMED_SIGMA_M), *JAMMED_RADIUS_M)
        rows = np.stack(
            [slot, sensor, events.reals(table, "lon"), events.reals(table, "lat"), radius_m], axis=1
        )
        is_used = (sensor >= 0) & (slot >= self.first_slot) & (slot < self.first_slot + KEEP_SLOTS)
        rows = rows[is_used & np.isfinite(rows).all(axis=1)]
        return replace(self, jammed=np.unique(np.concatenate([self.jammed, rows]), axis=0))

    def working(self, from_slot: int, as_of_slot: int, hold_slots: Indices) -> Flags:
        """Whether each sensor worked in each of the six slots of an hour, by signs before `as_of_slot`. (n, 6).

        A sensor works between two signs of life no farther apart than it reports its health (`hold_slots`, shape
        (n,)) unless it said otherwise. Behind its last sign it is taken to work until the next one is overdue; once
        that is so it was silent from its last sign on: silence is never taken for watching.
        """
        first = from_slot - self.first_slot
        # Signs further away than the longest that any sensor may be silent prove nothing for this hour.
        near = int(hold_slots.max(initial=0)) + 2
        begin = max(first - near, 0)
        first -= begin
        end = max(min(as_of_slot - self.first_slot - begin, KEEP_SLOTS - begin, first + HOUR_SLOTS + near), 0)
        columns = np.arange(end)
        signs, down = self.signs[:, begin : begin + end], self.down[:, begin : begin + end]
        before = np.maximum.accumulate(np.where(signs, columns, -1), axis=1)
        after = np.minimum.accumulate(np.where(signs, columns, end)[:, ::-1], axis=1)[:, ::-1]
        hour = slice(first, min(first + HOUR_SLOTS, end))
        last, following = before[:, hour], after[:, hour]
        hold = hold_slots[:, None]
        is_held = np.where(following < end, following - last <= hold, (end - 1) - last <= hold)
        fallen = np.concatenate([np.zeros((len(down), 1), dtype=np.int64), np.cumsum(down, axis=1)], axis=1)
        is_told = np.take_along_axis(fallen, np.maximum(last, 0), axis=1) < fallen[:, 1:][:, hour]
        working: Flags = np.asarray((last >= 0) & (is_held | (last == columns[hour])) & ~is_told)
        missing = HOUR_SLOTS - working.shape[1]
        return np.pad(working, ((0, 0), (0, missing))) if missing else working

    def lost_share(self, hour: int) -> Reals:
        """Share of each sensor's reports of the hour that its numbers show to be missing, in steps of 1/20. (n,)."""
        column = hour - self.first_slot // HOUR_SLOTS
        _, low, high, seen = self.heard[:, column].T
        span = high - low + 1
        share = np.where((seen > 0) & (span <= _SEQ_SPAN_MOST), 1.0 - seen / np.maximum(span, 1), 0.0)
        return np.asarray(np.floor(np.clip(share, 0.0, 1.0) * _LOSS_STEPS) / _LOSS_STEPS)

    def said_by(self, hour: int) -> Reals:
        """What each sensor had stated last by the end of an hour (`STATEMENTS`, NaN = nothing), shape (n, 3)."""
        until = hour - self.first_slot // HOUR_SLOTS + 1
        said: Flags = np.asarray(self.stated_ns[:, :until] > NEVER)
        last = until - 1 - np.argmax(np.flip(said, axis=1), axis=1)
        newest = self.stated[np.arange(len(self.ids)), last]
        has_said = said.sum(axis=1)[:, None] > 0
        return np.where(has_said, newest, self.stated_before)

    def places(self, from_slot: int, as_of_slot: int) -> Reals:
        """Where the sensors without a post were in the six slots of an hour: degrees, NaN = not known. (m, 6, 2).

        In a slot without a position of its own it is half way between its neighbours, or that of the slot before.
        """
        first = from_slot - self.first_slot
        end = min(as_of_slot - self.first_slot, KEEP_SLOTS)
        at = np.arange(first - 1, first + HOUR_SLOTS + 1)
        inside = (at >= 0) & (at < end)
        own = np.where(inside[:, None], self.place[:, np.clip(at, 0, KEEP_SLOTS - 1)], np.nan)
        before, here, after = own[:, :-2], own[:, 1:-1], own[:, 2:]
        middle = np.where(np.isfinite(after), (before + after) / 2.0, before)
        return np.asarray(np.where(np.isfinite(here), here, middle))

    def to_state(self) -> dict[str, Any]:
        """What `from_state` reads: plain values and bytes."""
        made: dict[str, Any] = {"ids": list(self.ids), "first_slot": self.first_slot}
        for f in fields(self):
            value = getattr(self, f.name)
            if isinstance(value, np.ndarray):
                content = np.packbits(value) if value.dtype == bool else np.ascontiguousarray(value)
                made[f.name] = [list(value.shape), content.tobytes()]
        return made

    @classmethod
    def from_state(cls, content: dict[str, Any]) -> "Health":
        """The health that `to_state` wrote."""
        made: dict[str, Any] = {"ids": tuple(content["ids"]), "first_slot": content["first_slot"]}
        for name in ("signs", "down"):
            shape, data = content[name]
            bits = np.unpackbits(np.frombuffer(data, dtype=np.uint8), count=int(np.prod(shape)))
            made[name] = bits.astype(bool).reshape(shape)
        for name in ("mobile", "stated_ns", "heard", "place_ns"):
            shape, data = content[name]
            made[name] = np.frombuffer(data, dtype=np.int64).reshape(shape).copy()
        for name in ("stated", "stated_before", "place", "jammed"):
            shape, data = content[name]
            made[name] = np.frombuffer(data, dtype=np.float64).reshape(shape).copy()
        return cls(**made)

    def _note_down(self, table: pa.Table, sensor: Indices, slot: Indices, is_down: Flags) -> None:
        at = np.flatnonzero(is_down)
        if not len(at):
            return
        end = events.ints(table, "time_end_ns", absent=NEVER)[at]
        last = np.clip(end // SLOT_NS - self.first_slot, slot[at], KEEP_SLOTS - 1)
        for s, begin, until in zip(sensor[at].tolist(), slot[at].tolist(), last.tolist(), strict=True):
            self.down[s, begin : until + 1] = True

    def _note_numbers(self, table: pa.Table, sensor: Indices, hour: Indices) -> None:
        seq, boot = events.ints(table, "seq"), events.ints(table, "boot", absent=0)
        at = np.flatnonzero(seq >= 0)
        if not len(at):
            return
        key, seq, boot = sensor[at] * KEEP_HOURS + hour[at], seq[at], boot[at]
        order = np.lexsort((boot, key))
        key, seq, boot = key[order], seq[order], boot[order]
        first = np.flatnonzero(np.diff(key, prepend=-1) | np.diff(boot, prepend=-1))
        low, high = np.minimum.reduceat(seq, first), np.maximum.reduceat(seq, first)
        count = np.diff(np.append(first, len(key)))
        is_last = np.diff(key[first], append=-1) != 0  # of each key the newest boot
        which, boot = key[first][is_last], boot[first][is_last]
        low, high, count = low[is_last], high[is_last], count[is_last]
        flat = self.heard.reshape(-1, 4)
        known = flat[which]
        same, newer = known[:, 0] == boot, boot > known[:, 0]
        merged = np.stack(
            [boot, np.minimum(low, known[:, 1]), np.maximum(high, known[:, 2]), count + known[:, 3]], axis=1
        )
        alone = np.stack([boot, low, high, count], axis=1)
        flat[which] = np.where(newer[:, None], alone, np.where(same[:, None], merged, known))

    def _note_statements(self, table: pa.Table, sensor: Indices, time_ns: Indices, hour: Indices) -> None:
        if not len(sensor):
            return
        said = np.stack([events.reals(table, name) for name in STATEMENTS], axis=1)
        says = np.isfinite(said).any(axis=1) & (time_ns >= self.stated_ns[sensor, hour])
        at = np.flatnonzero(says)
        at = at[np.argsort(time_ns[at], kind="stable")]  # of several in an hour the newest is written last
        self.stated[sensor[at], hour[at]] = said[at]
        self.stated_ns[sensor[at], hour[at]] = time_ns[at]

    def _note_places(self, table: pa.Table, sensor: Indices, time_ns: Indices, slot: Indices) -> None:
        if not len(self.mobile) or table.column("sensor_lon").null_count == table.num_rows:
            return
        lon, lat = events.reals(table, "sensor_lon"), events.reals(table, "sensor_lat")
        which = np.full(len(self.ids), -1, dtype=np.int64)
        which[self.mobile] = np.arange(len(self.mobile))
        row = which[sensor]
        at = np.flatnonzero(np.isfinite(lon) & np.isfinite(lat) & (row >= 0))
        at = at[time_ns[at] >= self.place_ns[row[at], slot[at]]]
        at = at[np.argsort(time_ns[at], kind="stable")]
        self.place[row[at], slot[at], 0], self.place[row[at], slot[at], 1] = lon[at], lat[at]
        self.place_ns[row[at], slot[at]] = time_ns[at]


def sensors_of(sensors: Mapping[str, SensorFacts]) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """The ids of a registry in their order here, and the positions of the sensors without a post."""
    ids = tuple(sorted(sensors))
    return ids, tuple(i for i, name in enumerate(ids) if sensors[name].lon is None)


def _positions(table: pa.Table, ids: tuple[str, ...]) -> Indices:
    """Position of each event's sensor among the ids, -1 for an unknown one."""
    encoded = pc.dictionary_encode(table.column("sensor_id").combine_chunks())
    position = {name: i for i, name in enumerate(ids)}
    found = np.array(
        [position.get(name, -1) for name in encoded.dictionary.to_pylist()] or [-1], dtype=np.int64
    )
    return np.asarray(found[encoded.indices.to_numpy(zero_copy_only=False)], dtype=np.int64)
