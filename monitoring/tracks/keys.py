"""Which track a fix belongs to: one 64-bit number per (sensor, track), the same in every process and
shard."""

import hashlib
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray


class TrackKeys(NamedTuple):
    """`code` (n,) int64: position in `key`; `key` (t,) uint64, sorted: one per track."""

    code: NDArray[np.int64]
    key: NDArray[np.uint64]


def track_keys(sensor_id: pa.Array, track_id: pa.Array) -> TrackKeys:
    """The track of each row from its two id columns (Arrow strings, (n,)); a null track id is the sensor's own.

    Strings are encoded once each, whatever the number of rows.

    >>> keys = track_keys(pa.array(["s", "s", "r"]), pa.array(["1", "2", "1"]))
    >>> len(keys.key), len(set(keys.code.tolist()))
    (3, 3)
    """
    sensors, sensor_code = _encoded(sensor_id)
    tracks, track_code = _encoded(track_id)
    pair = sensor_code * (len(tracks) + 1) + track_code + 1
    pairs, code = _unique(pair, len(sensors) * (len(tracks) + 1))
    named = ((sensors[p // (len(tracks) + 1)], p % (len(tracks) + 1) - 1) for p in pairs.tolist())
    key = _keys((sensor, tracks[t] if t >= 0 else None) for sensor, t in named)
    order = np.argsort(key, kind="stable")
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return TrackKeys(rank[code], key[order])


def key_of(sensor_id: str, track_id: str | None) -> int:
    """The number of one track.

    >>> key_of("s", "1") == int(track_keys(pa.array(["s"]), pa.array(["1"])).key[0])
    True
    """
    return _key(sensor_id, track_id)


@lru_cache(maxsize=1 << 18)
def _key(sensor_id: str, track_id: str | None) -> int:
    name = sensor_id if track_id is None else f"{sensor_id}/{track_id}"
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "big")


def _keys(named: Iterable[tuple[str, str | None]]) -> NDArray[np.uint64]:
    return np.fromiter((_key(sensor, track) for sensor, track in named), dtype=np.uint64)


def _encoded(column: pa.Array) -> tuple[list[str], NDArray[np.int64]]:
    encoded = column if isinstance(column, pa.DictionaryArray) else pc.dictionary_encode(column)
    code = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    return encoded.dictionary.to_pylist(), code.astype(np.int64)


def _unique(values: NDArray[np.int64], size: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Sorted distinct values below `size` and the position of each row's value among them."""
    if size > max(4 * len(values), 1 << 16):
        distinct, code = np.unique(values, return_inverse=True)
        return distinct, code.astype(np.int64)
    is_there = np.zeros(size, dtype=bool)
    is_there[values] = True
    distinct = np.flatnonzero(is_there)
    position = np.zeros(size, dtype=np.int64)
    position[distinct] = np.arange(len(distinct))
    return distinct, position[values]
