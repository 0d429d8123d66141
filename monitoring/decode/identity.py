"""Identity of events: 128-bit hashes of the key and of the content, for whole columns at once.

Two records have the same content when their decoded fields are equal, whatever format, order of keys or
way of writing a number they came in. The content hash is a sum over the present fields of a mixed value,
so absent fields cost nothing and order cannot matter; the key is kept out of it (it is hashed apart),
which lets the same observation under a second id be seen. The mixing is that of MurmurHash3's finaliser
(A. Appleby, public domain). It is no defence against somebody who can choose content freely, and needs
none: such a collision would only hide that sender's own rows. The key hash must hold against a sensor
that picks ids to collide with another sensor's, so it starts from a keyed BLAKE2b of `sensor_id`.
"""

import hashlib
from functools import lru_cache
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitoring.decode.columns import is_present, spans, values

_M1: Final = np.uint64(0xFF51AFD7ED558CCD)
_M2: Final = np.uint64(0xC4CEB9FE1A85EC53)
_GOLD: Final = np.uint64(0x9E3779B97F4A7C15)
_S33: Final = np.uint64(33)
_S29: Final = np.uint64(29)
_TAIL_MASKS: Final = np.array([(1 << (8 * size)) - 1 for size in range(8)], dtype=np.uint64)

SEEDS_MAX: Final = 1 << 12
"""So many names of fields and sensors keep their seeds from chunk to chunk."""

Hashes = NDArray[np.uint64]


def _mix(value: Hashes) -> Hashes:
    """MurmurHash3 fmix64; works in place on `value` and returns it."""
    value ^= value >> _S33
    value *= _M1
    value ^= value >> _S33
    value *= _M2
    value ^= value >> _S33
    return value


@lru_cache(maxsize=SEEDS_MAX)
def _seeds(text: str, key: bytes = b"") -> tuple[int, int]:
    digest = hashlib.blake2b(text.encode(), digest_size=16, key=key).digest()
    return int.from_bytes(digest[:8], "little"), int.from_bytes(digest[8:], "little")


def hash_strings(texts: pa.Array, seed: tuple[Hashes | np.uint64, Hashes | np.uint64]) -> Hashes:
    """128-bit hashes of a string column, shape (n, 2); seeds are scalars or one per row."""
    count = len(texts)
    data, start, size = spans(texts)
    lanes = np.empty((2, count), dtype=np.uint64)
    lanes[0], lanes[1] = seed
    padded = np.zeros(len(data) + 8, dtype=np.uint8)
    padded[: len(data)] = data
    words = np.ndarray((len(data) + 1,), dtype="<u8", buffer=padded, strides=(1,))
    rows: NDArray[np.int64] | slice = slice(None)
    left = size
    position = start
    while len(left) and left.max() > 0:
        if left.min() <= 0:
            alive = np.flatnonzero(left > 0)
            rows = alive if isinstance(rows, slice) else rows[alive]
            left, position = left[alive], position[alive]
        word = words[position]
        if left.min() < 8:
            short = np.flatnonzero(left < 8)
            word[short] &= _TAIL_MASKS[left[short]]
        for lane, factor in ((0, _M1), (1, _M2)):
            state = lanes[lane][rows] ^ word
            state *= factor
            state ^= state >> _S29
            lanes[lane][rows] = state
        left = left - 8
        position = position + 8
    sizes = size.astype(np.uint64) * _GOLD
    lanes[0] += sizes
    lanes[1] ^= sizes
    return np.stack([_mix(lanes[0]), _mix(lanes[1])], axis=1)


def key_hashes(sensor_ids: pa.Array, ids: pa.Array, key: bytes = b"") -> Hashes:
    """Hashes of (`sensor_id`, `id`), shape (m, 2). `key` is the home's own secret, empty without one."""
    if len(ids) == 0:
        return np.zeros((0, 2), dtype=np.uint64)
    encoded = sensor_ids.dictionary_encode()
    seeds = np.array([_seeds(name, key) for name in encoded.dictionary.to_pylist()], dtype=np.uint64)
    per_row = seeds[encoded.indices.to_numpy()]
    return hash_strings(ids, (per_row[:, 0], per_row[:, 1]))


def content_hashes(table: pa.Table) -> Hashes:
    """Hashes over everything but the key, shape (m, 2), of a table with `schema.EVENT_FIELDS`."""
    total = np.zeros((2, table.num_rows), dtype=np.uint64)
    if table.num_rows == 0:
        return total.T.copy()
    for name in table.schema.names:
        column = table.column(name)
        if name in {"sensor_id", "id"} or column.null_count == len(column):
            continue
        array = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
        first, second = _field_hashes(name, array)
        if array.null_count:
            present = is_present(array)
            first *= present
            second *= present
        total[0] += first
        total[1] += second
    return np.ascontiguousarray(total.T)


def _field_hashes(name: str, array: pa.Array) -> tuple[Hashes, Hashes]:
    seed_low, seed_high = (np.uint64(seed) for seed in _seeds(name))
    if pa.types.is_string(array.type):
        both = hash_strings(array, (seed_low, seed_high))
        return both[:, 0].copy(), both[:, 1].copy()
    if pa.types.is_dictionary(array.type):
        bits = values(array.indices).astype(np.uint64)
    elif pa.types.is_floating(array.type):
        bits = (np.asarray(values(array), dtype=np.float64) + 0.0).view(np.uint64)
    else:
        bits = np.asarray(values(array)).astype(np.int64).view(np.uint64)
    first = _mix(bits ^ seed_low)
    second = first ^ seed_high
    second *= _GOLD
    second ^= second >> _S29
    second *= _M2
    return first, second
