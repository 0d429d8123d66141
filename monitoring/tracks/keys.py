"""Which track a fix belongs to: one 64-bit number per (sensor, track), the same in every process and
shard."""

import hashlib
from functools import lru_cache
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

_ODD: Final = np.uint64(0x9E3779B97F4A7C15)
_MIX_1: Final = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2: Final = np.uint64(0x94D049BB133111EB)


def track_keys(sensor_id: pa.Array, track_id: pa.Array) -> NDArray[np.uint64]:
    """The track's number for each row of two id columns (Arrow strings, (n,)); a null track is the sensor's own.

    Each id is hashed once, however many rows it has; the two hashes are mixed by the finaliser of splitmix64
    (Steele, Lea, Flood 2014), so every bit of the number is as good as any other.

    >>> keys = track_keys(pa.array(["s", "s", "r"]), pa.array(["1", "2", "1"]))
    >>> len(set(keys.tolist()))
    3
    """
    mixed = _hashes(sensor_id) * _ODD + _hashes(track_id)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * _MIX_1
    mixed = (mixed ^ (mixed >> np.uint64(27))) * _MIX_2
    return np.asarray(mixed ^ (mixed >> np.uint64(31)))


LONE: Final = "sighting/"
"""How the track of a sighting that belongs to none begins; no event may state such a track (it has a slash)."""


def lone_track(event_id: str) -> str:
    """The track of a sighting that belongs to none: its own, of one fix.

    >>> lone_track("e-1")
    'sighting/e-1'
    """
    return LONE + event_id


def sensor_keys(sensor_id: pa.Array) -> NDArray[np.uint64]:
    """The number of the sensor of each row of an id column (Arrow strings, (n,))."""
    return _hashes(sensor_id)


def positions(keys: NDArray[np.uint64], wanted: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Where each wanted key stands among distinct `keys`, -1 = nowhere."""
    if not len(keys):
        return np.full(len(wanted), -1, dtype=np.int64)
    order = np.argsort(keys, kind="stable")
    at = np.minimum(np.searchsorted(keys[order], wanted), len(keys) - 1)
    return np.where(keys[order][at] == wanted, order[at], -1).astype(np.int64)


def _hashes(column: pa.Array) -> NDArray[np.uint64]:
    encoded = column if isinstance(column, pa.DictionaryArray) else pc.dictionary_encode(column)
    names = encoded.dictionary.to_pylist()
    # The last place is that of null.
    of_name = np.array([*map(_hash, names), 0], dtype=np.uint64)
    code = encoded.indices.fill_null(len(names)).to_numpy(zero_copy_only=False)
    return np.asarray(of_name[code], dtype=np.uint64)


@lru_cache(maxsize=1 << 18)
def _hash(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "big")
