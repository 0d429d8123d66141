"""What a mission stands on besides its events: line versions, agreement, sectors, area, sensors.

All of it comes from the journal's `reference` and `registry` records, so a replay judges each event by what was
known at that record.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final, Self

from geodata.area import Area
from geodata.contact_line import ContactLine, LineHistory
from geodata.sectors import Sectors
from monitoring.admission import Registry, Sensor
from monitoring.agreement import Agreement, Notices, Parameters, SensorFacts, Terms
from monitoring.agreement.notices import version_of
from monitoring.evidence.records import decode_json, encode_json

REFERENCE_KINDS: Final = ("mission", "line", "agreement", "sectors", "area")
BEGINNING_NS: Final = -(2**63)


@dataclass(frozen=True)
class Mission:
    """The reference data of one home as of one journal record. Immutable: changes give a new one."""

    name: str
    is_illustrative: bool
    lines: LineHistory
    agreement: Agreement
    sectors: Sectors
    area: Area
    registry: Registry
    notices: tuple[Mapping[str, Any], ...] = ()
    """What was told under the agreement, canonical, in the order it came."""

    def parameters(self) -> Parameters:
        """What the engine is handed."""
        facts = {
            sensor.id: SensorFacts(
                type=sensor.type,
                host_side=sensor.host_side,
                sigma_m=sensor.sigma_m,
                lon=sensor.lon,
                lat=sensor.lat,
                detection_prob=sensor.detection_prob,
                reach_m=sensor.reach_m,
            )
            for sensor in self.registry.sensors.values()
        }
        return Parameters(
            agreement=self.agreement,
            lines=self.lines,
            sectors=self.sectors,
            sensors=facts,
            given_later=self._given,
        )

    @cached_property
    def _given(self) -> tuple[Notices, ...]:
        return tuple(Notices.read(content, "notices") for content in self.notices)

    def line_at(self, time_ns: int) -> ContactLine:
        """The line in force at an event time."""
        return self.lines.lines[int(self.lines.at([time_ns])[0])]

    def lines_in(self, from_ns: int, to_ns: int) -> tuple[ContactLine, ...]:
        """Every line in force at some time of [from_ns, to_ns), oldest first."""
        first, last = self.lines.at([from_ns, to_ns - 1]).tolist()
        return self.lines.lines[first : last + 1]

    def with_line(self, line: ContactLine, valid_from_ns: int) -> Self:
        """The mission in which `line` holds from `valid_from_ns` (event time) on."""
        return replace(self, lines=self.lines.with_line(line, valid_from_ns))

    def with_notices(self, content: Mapping[str, Any]) -> Self:
        """The mission that was told this as well (canonical notices); told the same twice on end it is told once."""
        if self.notices and self.notices[-1] == content:
            return self
        return replace(self, notices=(*self.notices, content))

    def check_places(self, newest_notices: str = "notices") -> None:
        """Refuses zones outside the area, crossing points away from the line and the like; the newest notices came
        from the file of this name. Raises `AgreementInvalid`."""
        given = list(self._given)
        if self.notices:
            given[-1] = Notices.read(self.notices[-1], newest_notices)
        Terms.of(self.agreement, given).check(self.lines, self.area)

    def check_newest(self, newest_notices: str) -> None:
        """Refuses what the newest notices, from the file of this name, put where it cannot be meant; what was
        misplaced before them, as by a later line, is not theirs. Raises `AgreementInvalid`."""
        before = self._mistakes(self._given[:-1], self.lines)
        newest = Notices.read(self.notices[-1], newest_notices)
        terms = Terms.of(self.agreement, [*self._given[:-1], newest])
        for mistake in terms.mistakes(self.lines, self.area):
            if str(mistake) not in before:
                raise mistake

    def misplaced_by(self, line: ContactLine, valid_from_ns: int) -> list[str]:
        """What of the agreement and the notices a version of the line would put where it cannot be meant, as crossing
        points away from it; not what is misplaced already."""
        before = self._mistakes(self._given, self.lines)
        after = self._mistakes(self._given, self.lines.with_line(line, valid_from_ns))
        return [told for told in after if told not in before]

    def _mistakes(self, given: Sequence[Notices], lines: LineHistory) -> list[str]:
        return [str(mistake) for mistake in Terms.of(self.agreement, given).mistakes(lines, self.area)]

    def with_sensors(self, sensors: Iterable[Sensor]) -> Self:
        """The mission with these sensors added to its registry or changed in it."""
        return replace(self, registry=self.registry.with_sensors(sensors))

    def references(self) -> list[dict[str, Any]]:
        """The `reference` payloads that found this mission, in the order they are journaled."""
        first, *_ = self.lines.lines
        about = {"name": self.name, "is_illustrative": self.is_illustrative}
        return [
            _reference("mission", self.name, about),
            _reference("line", first.label, first.to_geojson(), version=first.version),
            _reference(
                "agreement", self.agreement.label, self.agreement.to_json(), version=self.agreement.version
            ),
            _reference("sectors", f"{len(self.sectors.ids)} sectors", self.sectors.to_geojson()),
            _reference("area", "area of operations", self.area.to_json()),
            *(notices_reference(content, "notices") for content in self.notices),
        ]

    def to_bytes(self) -> bytes:
        """The whole mission, for the snapshot beside the engine's state."""
        return encode_json(
            {
                "name": self.name,
                "is_illustrative": self.is_illustrative,
                "lines": self.lines.to_json(),
                "agreement": self.agreement.to_json(),
                "sectors": self.sectors.to_geojson(),
                "area": self.area.to_json(),
                "registry": self.registry.to_json(),
                "notices": list(self.notices),
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """The mission that `to_bytes` wrote."""
        content = decode_json(data)
        return cls(
            name=content["name"],
            is_illustrative=content["is_illustrative"],
            lines=LineHistory.from_json(content["lines"]),
            agreement=Agreement.parse(content["agreement"], "agreement"),
            sectors=Sectors.from_geojson(content["sectors"]),
            area=Area.from_json(content["area"]),
            registry=Registry.from_json(content["registry"]),
            notices=tuple(content.get("notices", ())),  # snapshots from before there were notices have none
        )

    @classmethod
    def found(cls, references: Mapping[str, Mapping[str, Any]], registry: Registry) -> Self:
        """The mission that the first `reference` records found: their payloads by kind."""
        missing = [kind for kind in REFERENCE_KINDS if kind not in references]
        if missing:
            raise ValueError(f"the journal founds no mission: it lacks the reference record {missing[0]}")
        about = references["mission"]["body"]
        return cls(
            name=about["name"],
            is_illustrative=about["is_illustrative"],
            lines=LineHistory([ContactLine.from_geojson(references["line"]["body"])]),
            agreement=Agreement.parse(references["agreement"]["body"], "agreement"),
            sectors=Sectors.from_geojson(references["sectors"]["body"]),
            area=Area.from_json(references["area"]["body"]),
            registry=registry,
        )


def line_reference(line: ContactLine, valid_from_ns: int) -> dict[str, Any]:
    """The `reference` payload of a further line version."""
    return _reference(
        "line", line.label, line.to_geojson(), version=line.version, valid_from_ns=valid_from_ns
    )


def notices_reference(content: Mapping[str, Any], label: str) -> dict[str, Any]:
    """The `reference` payload of canonical notices."""
    return _reference("notices", label, dict(content), version=version_of(content))


def _reference(
    kind: str, label: str, body: Any, *, version: str = "", valid_from_ns: int = BEGINNING_NS
) -> dict[str, Any]:
    return {"kind": kind, "label": label, "version": version, "valid_from_ns": valid_from_ns, "body": body}
