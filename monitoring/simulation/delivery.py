"""From a sensor's observation to the door: numbering, losses, latency, outages, repetition; in order of
arrival.

A sensor numbers its reports (`boot`, `seq`) before anything can be lost, so that gaps show. While its link is
down it keeps its reports and sends them in a burst afterwards, now and then twice. So does an aircraft beyond the
reach of its link, which sends them in the order in which it made them.
"""

from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitoring.simulation.columns import (
    Column,
    Rows,
    digits,
    joined,
    missing,
    stable_order,
    taken,
    ties,
    to_table,
)
from monitoring.simulation.paths import SPAN_S
from monitoring.simulation.randomness import stream, uniform_field
from monitoring.simulation.sensors import DAY_S, LATENCY_S, STORES
from monitoring.simulation.world import World

Reals = NDArray[np.float64]
Indices = NDArray[np.int64]

BURST_S: Final = 120.0
"""A stored burst is sent within this time."""
REPEAT_S: Final = (5.0, 900.0)
SEQ_MAX: Final = 10_000_000
LINKED: Final = ("sensor", "kind", "link", "track")
"""Columns that tell what an event is of, beside its numbers."""


class Delivery:
    """Takes windows of observations in order of time and gives tables in order of arrival. Holds what is
    late.

    What is on its way is held as its numbers and the row where the rest of it stands: columns are put together once,
    when a window is taken, and read once, when its reports have arrived.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._ids = pa.array(world.net.ids, type=pa.string())
        self._seq = np.zeros(world.net.count, dtype=np.int64)
        self._boot = np.zeros(world.net.count, dtype=np.int64)
        self._code = np.uint16 if world.net.count <= 2**16 else np.int64
        self._rows: Rows = joined([])
        self._names = set(self._rows)
        self._held: Rows = {
            "row": np.empty(0, dtype=np.int64),
            "sensor": np.empty(0, dtype=np.int64),
            "arrival_s": np.empty(0),
            "boot": np.empty(0, dtype=np.int64),
            "seq": np.empty(0, dtype=np.int64),
        }
        rng = stream(world.seed, "delivery")
        count = rng.poisson(world.scenario.faults.reboots_per_day * world.duration_s / DAY_S, world.net.count)
        owner = np.repeat(np.arange(world.net.count), count)
        at = np.sort(owner * SPAN_S + rng.uniform(0.0, world.duration_s, len(owner)))
        if world.scenario.faults.power_cut_reboots:
            power = world.outages.power
            at = np.sort(np.concatenate([at, power.owner * SPAN_S + power.end_s]))
        self._reboots, self._first_reboot = at, np.searchsorted(at, np.arange(world.net.count) * SPAN_S)

    def take(self, parts: list[Rows], chunk: int) -> Rows:
        """Numbers one window's observations and puts them on their way; returns of those that were not lost what is in
        `LINKED`, for the truth's links.
        """
        late, count = len(self._held["row"]), sum(len(part["sensor"]) for part in parts)
        batch = joined([*parts, taken(self._rows, self._held["row"])])
        self._held["row"] = np.arange(count, count + late)
        self._names |= set(batch)
        self._rows = batch
        world, faults = self._world, self._world.scenario.faults
        rng = stream(world.seed, "delivery", chunk + 1)
        order = stable_order(batch["made_s"][:count])
        order = order[np.argsort(batch["sensor"][order].astype(self._code), kind="stable")]
        sensor, made, latency_s = (batch[name][order] for name in ("sensor", "made_s", "latency_s"))
        boot = (
            np.searchsorted(self._reboots, sensor * SPAN_S + made, side="right") - self._first_reboot[sensor]
        )
        seq = self._numbers(sensor, boot)
        n = len(sensor)
        is_kept = rng.uniform(size=n) >= faults.missing_frac
        arrival = made + latency_s
        reach = world.outages.reach
        if len(reach):
            away, kind = reach.find(sensor, made), world.net.type_idx[sensor]
            begin, back = reach.start_s[away], reach.end_s[away]
            part = np.clip((made - begin) / np.maximum(back - begin, 1.0), 0.0, 1.0)
            # The slowest latency for all, so that what was seen later does not come first.
            arrival = np.where(away >= 0, back + LATENCY_S[kind, 1] + BURST_S * part, arrival)
            is_kept &= (away < 0) | STORES[kind]
        outage = world.outages.link.find(sensor, arrival)
        is_cut = outage >= 0
        if len(world.outages.link):
            after = world.outages.link.end_s[outage] + rng.uniform(0.0, BURST_S, n)
            arrival = np.where(is_cut, after, arrival)
            is_kept &= ~is_cut | STORES[world.net.type_idx[sensor]]
        burst = uniform_field(world.seed, 30, sensor, outage)
        again = (rng.uniform(size=n) < faults.duplicate_frac) | (is_cut & (burst < faults.resent_frac))
        later = arrival + rng.uniform(*REPEAT_S, n)
        kept, repeated = np.flatnonzero(is_kept), np.flatnonzero(again & is_kept)
        which = np.concatenate([kept, repeated])
        sent = {
            "row": order[which],
            "sensor": sensor[which],
            "arrival_s": np.concatenate([arrival[kept], later[repeated]]),
            "boot": boot[which],
            "seq": seq[which],
        }
        self._held = {name: np.concatenate([column, sent[name]]) for name, column in self._held.items()}
        rows = order[kept]
        linked: Rows = {name: batch[name][rows] for name in LINKED if name in batch}
        return {**linked, "boot": boot[kept], "seq": seq[kept]}

    def _numbers(self, sensor: Indices, boot: Indices) -> Indices:
        """The next number of each report, counted per sensor from its last start. Rows are sorted by
        sensor, time.
        """
        if not len(sensor):
            return np.empty(0, dtype=np.int64)
        key = sensor * 1_000 + boot
        is_first = np.diff(key, prepend=-1) != 0
        first = np.flatnonzero(is_first)
        size = np.diff(np.append(first, len(key)))
        begin = np.where(boot[first] == self._boot[sensor[first]], self._seq[sensor[first]], 0)
        numbers = np.arange(len(key)) - np.repeat(first - begin, size)
        last = np.append(first[1:], len(key)) - 1
        # The last run of a sensor wins: runs are in order of boot.
        self._boot[sensor[last]], self._seq[sensor[last]] = boot[last], numbers[last] + 1
        return numbers % SEQ_MAX

    def give(self, until_s: float) -> pa.Table:
        """What has arrived before `until_s`, in order of arrival."""
        held = self._held
        is_due = held["arrival_s"] < until_s
        due = taken(held, _in_order(held, np.flatnonzero(is_due)))
        self._held = taken(held, np.flatnonzero(~is_due))
        batch = {name: self._column(name, due["row"]) for name in self._names}
        ids = event_ids(due["boot"], due["seq"])
        return to_table(batch, self._ids, self._world.start_ns, ids, due["seq"], due["boot"])

    def on_its_way(self) -> Rows:
        """What has been taken and not given yet, numbered and with `arrival_s`; a window's repetitions come last."""
        return {name: self._column(name, self._held["row"]) for name in self._names} | self._held

    def _column(self, name: str, row: Indices) -> Column:
        column = self._rows.get(name)
        return np.full(len(row), missing(name)) if column is None else column.take(row)


def _in_order(held: Rows, idx: Indices) -> Indices:
    """The rows `idx` in order of arrival; what arrives at once by sensor, boot and number."""
    arrival = held["arrival_s"][idx]
    order = np.argsort(arrival)
    tied = ties(arrival[order])
    among = order[tied]
    keys = [held[name][idx[among]] for name in ("seq", "boot", "sensor", "arrival_s")]
    order[tied] = among[np.lexsort((among, *keys))]
    return idx[order]


def event_ids(boot: Indices, seq: Indices) -> pa.Array:
    """Ids unique per sensor: `E`, two digits of `boot`, seven of `seq`.

    >>> event_ids(np.array([1]), np.array([23])).to_pylist()
    ['E010000023']
    """
    return digits(b"E", boot % 100 * SEQ_MAX + seq, 9)
