"""What is asked of the archive: once as a filter that Parquet can skip by, once exactly."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from monitoring import events as event_tables


class _Bounds(Protocol):
    """What the archive knows of a file without opening it."""

    @property
    def seq_from(self) -> int: ...
    @property
    def seq_to(self) -> int: ...
    @property
    def time_from_ns(self) -> int: ...
    @property
    def time_to_ns(self) -> int: ...
    @property
    def bbox(self) -> tuple[float, float, float, float] | None: ...


@dataclass(frozen=True)
class Selection:
    """Conditions that must all be met; None = no such condition. See `Archive.select` for their meaning."""

    keys: tuple[tuple[str, str | None], ...] | None
    ids: tuple[str, ...] | None
    bbox: tuple[float, float, float, float] | None
    from_ns: int | None
    to_ns: int | None
    kinds: tuple[str, ...] | None
    addresses: NDArray[np.int64] | None

    @classmethod
    def of(
        cls,
        keys: Iterable[tuple[str, str | None]] | None = None,
        ids: Iterable[str] | None = None,
        bbox: tuple[float, float, float, float] | None = None,
        from_ns: int | None = None,
        to_ns: int | None = None,
        kinds: Iterable[str] | None = None,
        addresses: Iterable[tuple[int, int]] | None = None,
    ) -> Self:
        """Conditions from any iterables."""
        return cls(
            None if keys is None else tuple(dict.fromkeys(keys)),
            None if ids is None else tuple(dict.fromkeys(ids)),
            bbox,
            from_ns,
            to_ns,
            None if kinds is None else tuple(kinds),
            None if addresses is None else np.array(list(addresses), dtype=np.int64).reshape(-1, 2),
        )

    def may_be_in(self, file: _Bounds) -> bool:
        """Whether a file with these bounds can hold a match."""
        if self.from_ns is not None and file.time_to_ns < self.from_ns:
            return False
        if self.to_ns is not None and file.time_from_ns >= self.to_ns:
            return False
        if self.bbox is not None:
            if file.bbox is None:
                return False
            west, south, east, north = self.bbox
            if file.bbox[0] > east or file.bbox[2] < west or file.bbox[1] > north or file.bbox[3] < south:
                return False
        if self.addresses is not None:
            seqs = self.addresses[:, 0]
            return bool(np.any((seqs >= file.seq_from) & (seqs <= file.seq_to)))
        return True

    @property
    def pushdown(self) -> Any:
        """An expression that keeps every match (and perhaps a little more), for skipping by statistics."""
        parts = []
        field = pc.field
        if self.from_ns is not None:
            parts.append(field("time_ns") >= self.from_ns)
        if self.to_ns is not None:
            parts.append(field("time_ns") < self.to_ns)
        if self.bbox is not None:
            west, south, east, north = self.bbox
            parts += [
                field("lon") >= west,
                field("lon") <= east,
                field("lat") >= south,
                field("lat") <= north,
            ]
        if self.keys is not None:
            parts.append(_among("sensor_id", {sensor for sensor, _ in self.keys}))
            tracks = {track for _, track in self.keys if track is not None}
            named = _among("track_id", tracks)
            parts.append(
                named | field("track_id").is_null() if any(t is None for _, t in self.keys) else named
            )
        if self.ids is not None:
            pairs = [key.partition("/") for key in self.ids]
            parts += [_among("sensor_id", {p[0] for p in pairs}), _among("id", {p[2] for p in pairs})]
        if self.kinds is not None:
            parts.append(_among("kind", set(self.kinds)))
        if self.addresses is not None:
            parts.append(field("journal_seq").isin(pa.array(np.unique(self.addresses[:, 0]))))
        expression = None
        for part in parts:
            expression = part if expression is None else expression & part
        return expression

    def exact(self, events: pa.Table) -> pa.Table:
        """The rows of an EVENTS table that match."""
        keep = np.ones(events.num_rows, dtype=np.bool_)
        if self.from_ns is not None or self.to_ns is not None:
            time_ns = event_tables.ints(events, "time_ns")
            keep &= time_ns >= self.from_ns if self.from_ns is not None else True
            keep &= time_ns < self.to_ns if self.to_ns is not None else True
        if self.bbox is not None:
            west, south, east, north = self.bbox
            lon, lat = event_tables.reals(events, "lon"), event_tables.reals(events, "lat")
            keep &= (lon >= west) & (lon <= east) & (lat >= south) & (lat <= north)
        if self.kinds is not None:
            words = event_tables.WORDS["kind"]
            wanted = [position for position, word in enumerate(words) if word in self.kinds]
            keep &= np.isin(event_tables.codes(events, "kind"), wanted)
        if self.keys is not None:
            # A slash cannot be in an id, so sensor + slash + track (or nothing) names a key without
            # ambiguity.
            wanted_keys = [f"{sensor}/{track or ''}" for sensor, track in self.keys]
            keep &= _pair_is_among(events, "track_id", wanted_keys)
        if self.ids is not None:
            keep &= _pair_is_among(events, "id", list(self.ids))
        if self.addresses is not None:
            seq, row = event_tables.ints(events, "journal_seq"), event_tables.ints(events, "row")
            wanted_addresses = (self.addresses[:, 0] << 32) | self.addresses[:, 1]
            keep &= np.isin((seq << 32) | row, wanted_addresses)
        return events if keep.all() else events.filter(pa.array(keep))


def _among(name: str, values: set[str]) -> Any:
    return pc.field(name).isin(pa.array(sorted(values), type=pa.string()))


def _pair_is_among(events: pa.Table, second: str, wanted: list[str]) -> NDArray[np.bool_]:
    sensors = events.column("sensor_id").combine_chunks()
    others = events.column(second).combine_chunks().fill_null("")
    pairs = pc.binary_join_element_wise(sensors, others, "/")
    is_wanted = pc.is_in(pairs, value_set=pa.array(wanted, type=pa.string()))
    return np.asarray(is_wanted.to_numpy(zero_copy_only=False), dtype=np.bool_)
