"""Excursions: the open incidents of movement, found by finding, by subject and by time.

Held as plain objects, because findings are few and are looked up one by one; `tables` and `of_tables` turn them
into Arrow and back. An `Excursions` handed to a step is not changed: the step works on a copy.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from math import cos, floor, radians
from typing import Any, Final

import pyarrow as pa

from monitoring import findings
from monitoring.incidents.geometry import METRES_PER_DEG

STATE: Final = pa.schema(
    [
        pa.field("incident_id", pa.string(), nullable=False),
        pa.field("number", pa.int64(), nullable=False),
        pa.field("revision", pa.int32(), nullable=False),
        pa.field("object", pa.int64(), nullable=False),
    ]
)
"""Open excursions; `object` is the number of the object (`monitoring.incidents.objects`), -1 = not known."""
SLOT_NS: Final = 900 * 1_000_000_000
SLOTS_NEAR: Final = 8
"""Findings up to two hours apart are looked up together."""
SQUARE_M: Final = 4_000.0
"""Findings are looked up within at least this distance."""


@dataclass(frozen=True)
class Excursion:
    """One incident of movement: its number in the order of opening, revision and newest findings by id.

    `object` is the number of the object that moved, -1 = not known.
    """

    incident_id: str
    number: int
    revision: int
    rows: dict[str, dict[str, Any]]
    object: int = -1

    @cached_property
    def end_ns(self) -> int:
        return max(int(row["time_end_ns"]) for row in self.rows.values())

    def last_direction(self) -> str | None:
        """Direction of the newest crossing in it, None without one."""
        crossings = [
            (row["time_start_ns"], row["direction"]) for row in self.rows.values() if row["direction"]
        ]
        return str(max(crossings)[1]) if crossings else None


class Excursions:
    """Open excursions with their indexes."""

    def __init__(self) -> None:
        self._by_id: dict[str, Excursion] = {}
        self._next_number = 0
        self._home_of_finding: dict[str, str] = {}
        self._findings_of_subject: dict[str, tuple[str, ...]] = {}
        self._findings_of_slot: dict[tuple[tuple[int, int], int], tuple[str, ...]] = {}
        self._of_object: dict[int, tuple[str, ...]] = {}

    def __iter__(self) -> Iterator[Excursion]:
        """The open excursions, in the order of opening."""
        return iter(self._by_id.values())

    def __len__(self) -> int:
        return len(self._by_id)

    def copy(self) -> "Excursions":
        """Excursions that can be changed without changing these."""
        copied = Excursions()
        copied._by_id = dict(self._by_id)
        copied._next_number = self._next_number
        copied._home_of_finding = dict(self._home_of_finding)
        copied._findings_of_subject = dict(self._findings_of_subject)
        copied._findings_of_slot = dict(self._findings_of_slot)
        copied._of_object = dict(self._of_object)
        return copied

    def of_finding(self, finding_id: str) -> Excursion | None:
        """The excursion that a finding already belongs to."""
        incident_id = self._home_of_finding.get(finding_id)
        return None if incident_id is None else self._by_id[incident_id]

    def of_subject(self, subject_key: str) -> Iterator[tuple[Excursion, dict[str, Any]]]:
        """Findings of one subject with their excursions."""
        return self._named(self._findings_of_subject.get(subject_key, ()))

    def near(self, row: dict[str, Any]) -> Iterator[tuple[Excursion, dict[str, Any]]]:
        """Findings within two hours and some kilometres of this one."""
        seen: dict[str, None] = {}
        for square in _squares_around(row):
            for slot in _slots(row, margin=SLOTS_NEAR):
                seen.update(dict.fromkeys(self._findings_of_slot.get((square, slot), ())))
        return self._named(tuple(seen))

    def of_object(self, number: int) -> Iterator[Excursion]:
        """The excursions of an object, in the order of opening."""
        return (self._by_id[incident_id] for incident_id in self._of_object.get(number, ()))

    def opened(self, incident_id: str, number: int = -1) -> Excursion:
        """A new excursion, of the object of this number, without findings."""
        excursion = Excursion(incident_id, self._next_number, 0, {}, number)
        self._next_number += 1
        self._take_up(excursion)
        return excursion

    def _take_up(self, excursion: Excursion) -> None:
        self._by_id[excursion.incident_id] = excursion
        if excursion.object >= 0:
            held = self._of_object.get(excursion.object, ())
            self._of_object[excursion.object] = (*held, excursion.incident_id)

    def joined(self, excursion: Excursion, row: dict[str, Any]) -> Excursion:
        """The excursion's next revision, with a finding, or a new revision of one, in it."""
        if row["finding_id"] in excursion.rows:
            self._unindex(excursion.rows[row["finding_id"]])
        excursion = replace(
            excursion, revision=excursion.revision + 1, rows=excursion.rows | {row["finding_id"]: row}
        )
        self._by_id[excursion.incident_id] = excursion
        self._index(row, excursion.incident_id)
        return excursion

    def remember(self, incident_id: str, revision: int, rows: list[dict[str, Any]]) -> None:
        """Takes up a published excursion again that was forgotten."""
        self._by_id[incident_id] = replace(
            self._by_id.get(incident_id) or self.opened(incident_id),
            revision=revision,
            rows={row["finding_id"]: row for row in rows},
        )
        for row in rows:
            self._index(row, incident_id)

    def forget_before(self, horizon_ns: int) -> None:
        """Drops the excursions that ended before `horizon_ns`."""
        gone = [
            incident_id for incident_id, excursion in self._by_id.items() if excursion.end_ns < horizon_ns
        ]
        for incident_id in gone:
            excursion = self._by_id.pop(incident_id)
            if excursion.object >= 0:
                _drop(self._of_object, excursion.object, incident_id)
            for row in excursion.rows.values():
                self._unindex(row)

    def tables(self) -> tuple[pa.Table, pa.Table]:
        """STATE and FINDINGS of the open excursions."""
        rows = [
            {"incident_id": e.incident_id, "number": e.number, "revision": e.revision, "object": e.object}
            for e in self._by_id.values()
        ]
        return pa.Table.from_pylist(rows, schema=STATE), findings.table(
            row for excursion in self._by_id.values() for row in excursion.rows.values()
        )

    @classmethod
    def of_tables(cls, incidents: pa.Table, moves: pa.Table) -> "Excursions":
        """From `tables`."""
        made = cls()
        for row in incidents.to_pylist():
            # An earlier version knew of no objects.
            excursion = Excursion(
                row["incident_id"], row["number"], row["revision"], {}, row.get("object", -1)
            )
            made._take_up(excursion)
            made._next_number = max(made._next_number, row["number"] + 1)
        for row in moves.to_pylist():
            made._by_id[row["incident_id"]].rows[row["finding_id"]] = row
            made._index(row, row["incident_id"])
        return made

    def _named(self, finding_ids: tuple[str, ...]) -> Iterator[tuple[Excursion, dict[str, Any]]]:
        for finding_id in finding_ids:
            excursion = self._by_id[self._home_of_finding[finding_id]]
            yield excursion, excursion.rows[finding_id]

    def _index(self, row: dict[str, Any], incident_id: str) -> None:
        finding_id, subject = row["finding_id"], row["subject_key"]
        self._home_of_finding[finding_id] = incident_id
        self._findings_of_subject[subject] = (*self._findings_of_subject.get(subject, ()), finding_id)
        for slot in _slots(row):
            key = (_square(row), slot)
            self._findings_of_slot[key] = (*self._findings_of_slot.get(key, ()), finding_id)

    def _unindex(self, row: dict[str, Any]) -> None:
        finding_id = row["finding_id"]
        del self._home_of_finding[finding_id]
        _drop(self._findings_of_subject, row["subject_key"], finding_id)
        for slot in _slots(row):
            _drop(self._findings_of_slot, (_square(row), slot), finding_id)


def _slots(row: dict[str, Any], margin: int = 0) -> range:
    """Numbers of the time slots that a finding touches, and `margin` more on each side."""
    return range(row["time_start_ns"] // SLOT_NS - margin, row["time_end_ns"] // SLOT_NS + margin + 1)


def _square(row: dict[str, Any], rows_north: int = 0) -> tuple[int, int]:
    """Row and column of the square a finding lies in, in the row `rows_north` further north; (0, 0) = no place."""
    if row["lon"] is None or row["lat"] is None:
        return 0, 0
    edge_deg = SQUARE_M / METRES_PER_DEG
    band = floor((row["lat"] + 90.0) / edge_deg) + rows_north
    shrink = max(cos(radians(band * edge_deg - 90.0)), 0.01)
    return band, floor((row["lon"] + 180.0) * shrink / edge_deg)


def _squares_around(row: dict[str, Any]) -> Iterator[tuple[int, int]]:
    for rows_north in (-1, 0, 1):
        band, column = _square(row, rows_north)
        yield from ((band, column + step) for step in (-1, 0, 1))


def _drop(index: dict[Any, tuple[str, ...]], key: object, finding_id: str) -> None:
    left = tuple(name for name in index[key] if name != finding_id)
    if left:
        index[key] = left
    else:
        del index[key]
