"""Objects: which tracks were found to be one, for as long as that can matter.

A track is looked up when a finding of it comes, with the sketches that were there when the finding was decided;
what is found stays, so a later finding of the track belongs to the same object.
"""

from collections.abc import KeysView
from typing import Final

import pyarrow as pa

from monitoring.incidents.following import Foresight, followed
from monitoring.incidents.same_object import Rules
from monitoring.incidents.sketchbook import WINDOW_NS, Sketchbook

OBJECTS: Final = pa.schema(
    [
        pa.field("key", pa.uint64(), nullable=False),
        pa.field("object", pa.int64(), nullable=False),
        pa.field("last_ns", pa.int64(), nullable=False),
        pa.field("noise_of", pa.uint64()),
    ]
)
"""Tracks and their objects; `last_ns`: when the track was last looked at; `noise_of`: the sensor of whose noise
it is a part, null for an object."""
MEETING_NS: Final = 60_000_000_000
"""Tracks of one sensor that overlap by more than this are two objects."""


class Objects:
    """Tracks by object and objects by track."""

    def __init__(self) -> None:
        self._object: dict[int, int] = {}
        self._last_ns: dict[int, int] = {}
        self._tracks: dict[int, tuple[int, ...]] = {}
        self._noise: dict[int, int] = {}
        self._noise_of: dict[int, int] = {}
        self._next = 0

    def copy(self) -> "Objects":
        """Objects that can be changed without changing these."""
        copied = Objects()
        copied._object, copied._last_ns = dict(self._object), dict(self._last_ns)
        copied._tracks, copied._next = dict(self._tracks), self._next
        copied._noise, copied._noise_of = dict(self._noise), dict(self._noise_of)
        return copied

    @property
    def numbers(self) -> KeysView[int]:
        """The numbers of the objects whose tracks are remembered; the noise of a sensor is no object."""
        return self._tracks.keys()

    def tracks(self, number: int) -> tuple[int, ...]:
        """The tracks of an object."""
        return self._tracks.get(number, ())

    def __contains__(self, key: object) -> bool:
        """Whether a track was looked up before."""
        return key in self._object

    def known(self, key: int) -> int:
        """The object of a track that was looked up before, -1 for another."""
        return self._object.get(key, -1)

    def of_sensor(self, key: int, sensor: int, now_ns: int) -> int:
        """The one number under which the noise of a sensor is kept."""
        self._last_ns[key] = max(self._last_ns.get(key, now_ns), now_ns)
        if key not in self._object:
            number = self._noise.get(sensor, self._next)
            self._next = max(self._next, number + 1)
            self._noise[sensor] = number
            self._object[key] = number
            self._noise_of[key] = sensor
        return self._object[key]

    def of(
        self, key: int, now_ns: int, book: Sketchbook, rules: Rules, foresight: Foresight | None = None
    ) -> int:
        """The object of a track, by what was known at `now_ns`; one that was not known before gets a number.

        `foresight`: what was asked of `book` ahead, if anything was.
        """
        if key in self._object:
            self._last_ns[key] = max(self._last_ns[key], now_ns)
            return self._object[key]
        chain = [key]
        votes: dict[int, int] = {}
        for track in followed(chain, self._object, now_ns, foresight or Foresight(book), rules):
            known = self._object.get(track)
            if known is not None:
                votes[known] = votes.get(known, 0) + 1
        margin = {
            known: count - self._against(key, known, chain, now_ns, book) for known, count in votes.items()
        }
        number = max(margin, key=lambda known: margin[known], default=-1)
        if number < 0 or margin[number] <= 0:
            number = self._next
            self._next += 1
        for track in chain:
            if track not in self._object and (track == key or not self._meets(track, number, now_ns, book)):
                self._object[track] = number
                self._last_ns[track] = now_ns
                self._tracks[number] = (*self._tracks.get(number, ()), track)
        return number

    def merge(self, number: int, into: int) -> None:
        """Two objects were found to be one: the tracks of the first are the second's from now on."""
        for track in self._tracks.pop(number, ()):
            self._object[track] = into
        self._tracks[into] = tuple(track for track, known in self._object.items() if known == into)

    def forget_before(self, horizon_ns: int) -> None:
        """Drops the tracks that were last looked at before `horizon_ns`."""
        for track in [track for track, last_ns in self._last_ns.items() if last_ns < horizon_ns]:
            del self._last_ns[track]
            number = self._object.pop(track)
            self._noise_of.pop(track, None)
            left = tuple(other for other in self._tracks.pop(number, ()) if other != track)
            if left:
                self._tracks[number] = left
        held = set(self._noise_of.values())
        self._noise = {sensor: number for sensor, number in self._noise.items() if sensor in held}

    def table(self) -> pa.Table:
        """OBJECTS, in the order of finding."""
        rows = [
            {
                "key": key,
                "object": number,
                "last_ns": self._last_ns[key],
                "noise_of": self._noise_of.get(key),
            }
            for key, number in self._object.items()
        ]
        return pa.Table.from_pylist(rows, schema=OBJECTS)

    @classmethod
    def of_table(cls, table: pa.Table, next_number: int) -> "Objects":
        """From `table`; `next_number` is the number of the next object."""
        made = cls()
        made._next = next_number
        for row in table.to_pylist():
            key, number = row["key"], row["object"]
            made._object[key], made._last_ns[key] = number, row["last_ns"]
            if row["noise_of"] is None:
                made._tracks[number] = (*made._tracks.get(number, ()), key)
            else:
                made._noise_of[key] = row["noise_of"]
                made._noise[row["noise_of"]] = number
        return made

    @property
    def next_number(self) -> int:
        """The number that the next object gets."""
        return self._next

    def _against(self, key: int, number: int, chain: list[int], now_ns: int, book: Sketchbook) -> int:
        """How many tracks of an object, if one is of the same sensor at the same time, say that a track is another.

        They speak against it when they were there at its time and are not found to be one with it (`chain`): one
        stray track in an object does not keep out what most of its tracks speak for.
        """
        met = self._met(key, number, now_ns, book)
        return sum(track not in chain for track, _ in met) if any(is_own for _, is_own in met) else 0

    def _meets(self, key: int, number: int, now_ns: int, book: Sketchbook) -> bool:
        """Whether an object has another track of the same sensor at the same time: then these are two."""
        return any(is_own for _, is_own in self._met(key, number, now_ns, book))

    def _met(self, key: int, number: int, now_ns: int, book: Sketchbook) -> list[tuple[int, bool]]:
        """Other tracks of an object at the time of a track, and whether they are of its sensor."""
        since_ns = now_ns - WINDOW_NS
        own = book.extent_of(key, since_ns, now_ns)
        if own is None:
            return []
        met = []
        for track in self._tracks.get(number, ()):
            other = book.extent_of(track, since_ns, now_ns) if track != key else None
            if other is None:
                continue
            together_ns = min(other.last_ns, own.last_ns) - max(other.first_ns, own.first_ns)
            if together_ns > MEETING_NS:
                met.append((track, other.sensor == own.sensor))
        return met
