"""What a daily report is made of, and what it says, before it has any format."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from monitoring import schema
from monitoring.reports.period import Period
from monitoring.reports.watch import Watch


@dataclass(frozen=True)
class Sector:
    """A sector: permanent id, name, and its stretch of the line."""

    sector_id: str
    name: str
    chainage_from_m: float
    chainage_to_m: float


@dataclass(frozen=True)
class Mission:
    """Who reports, about which line, by which agreement (and which rules it has), with which program."""

    name: str
    line_label: str
    line_version: str
    line_length_m: float
    agreement_label: str
    agreement_version: str
    engine_version: str
    sectors: tuple[Sector, ...]
    is_illustrative: bool = False
    rules: tuple[str, ...] = ("line_crossing", "buffer_incursion", "ceasefire_fire")


@dataclass(frozen=True)
class CaseLine:
    """A case as the report lists it: facts that follow from results and decisions, no time of filing."""

    number: str
    status: str
    rule_id: str
    party: str | None
    sector: str | None
    chainage_m: float | None
    time_start_ns: int
    time_end_ns: int
    priority: int
    summary: str
    incident_count: int
    finding_count: int
    flags: tuple[str, ...] = ()
    incident_ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class SensorLine:
    """Sensors of one type: how many are registered, how many were heard of in the period, which were silent.

    Never a place: where sensors stand does not leave the operators.
    """

    type: str
    registered: int
    heard: int
    silent: tuple[str, ...] = ()


@dataclass(frozen=True)
class Received:
    """What the door took and refused in the period: rows by what became of them."""

    accepted: int = 0
    duplicates: int = 0
    rejected: Mapping[str, int] = field(default_factory=dict)
    flagged: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Totals:
    """Figures of one period, by sector id ("" = outside every sector).

    `violations`: recorded phenomena of fire inside the security zone; `is_minimum`: sectors where that is "at
    least"; `explosions` among them; `other_fire`: recorded outside the zone or undetermined; `rounds` (least,
    best) estimated inside the zone; `fire_incidents`, `crossings`, `incursions`: counts.
    """

    violations: Mapping[str, int] = field(default_factory=dict)
    explosions: Mapping[str, int] = field(default_factory=dict)
    is_minimum: frozenset[str] = frozenset()
    other_fire: Mapping[str, int] = field(default_factory=dict)
    rounds_least: Mapping[str, int] = field(default_factory=dict)
    rounds_best: Mapping[str, int] = field(default_factory=dict)
    fire_incidents: Mapping[str, int] = field(default_factory=dict)
    crossings: Mapping[str, int] = field(default_factory=dict)
    incursions: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Material:
    """Everything a daily report is built from.

    `findings`, `incidents`: newest revisions of finals (FINDINGS, INCIDENTS) of the period, in any order;
    `previous` None = nothing is known of the period before; `as_of_ns`: event time up to which results are final;
    `coverage`: newest COVERAGE rows of the period's hours, none = it was not computed.
    """

    mission: Mission
    period: Period
    as_of_ns: int
    findings: pa.Table
    incidents: pa.Table
    cases: tuple[CaseLine, ...] = ()
    sensors: tuple[SensorLine, ...] = ()
    received: Received = field(default_factory=Received)
    previous: Totals | None = None
    coverage: pa.Table = field(default_factory=schema.COVERAGE.empty_table)


@dataclass(frozen=True)
class SectorLine:
    """One row of the table of violations."""

    sector_id: str
    name: str
    violations: int
    is_minimum: bool
    explosions: int
    other_fire: int
    rounds_least: int
    rounds_best: int
    fire_incidents: int
    crossings: int
    incursions: int
    previous: int | None
    previous_is_minimum: bool


@dataclass(frozen=True)
class EvidenceLine:
    """One incident in the grammar of evidence: when, by what means, what, where, how far, how sure.

    `rules` that judged it; `objects` the most that one of them counts; `limit_m` from where on a heavy weapon would
    have been allowed.
    """

    incident_id: str
    revision: int
    kind: str
    time_start_ns: int
    time_end_ns: int
    when: str
    means: str
    observation: str
    location: str
    distance: str
    direction: str
    party: str
    weapon: str
    verdict: str
    confidence: str
    sensor_count: int
    violations: int | None
    is_minimum: bool
    rounds_least: int | None
    rounds_best: int | None
    sector: str | None
    chainage_m: float | None
    side: str | None
    lon: float | None
    lat: float | None
    sigma_m: float | None
    case_number: str | None
    summary: str
    rules: tuple[str, ...] = ()
    objects: int | None = None
    objects_is_minimum: bool | None = None
    limit_m: float | None = None
    watched_frac: float | None = None
    detection_prob: float | None = None


@dataclass(frozen=True)
class Column:
    """A column of a section's table: its key in machine-readable forms, its title on the page."""

    key: str
    title: str
    is_number: bool = False


@dataclass(frozen=True)
class Table:
    """A table of a section, in words: each row has a value (None = none) for each column."""

    key: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str | None, ...], ...]


@dataclass(frozen=True)
class Section:
    """A section of the fixed order: its key, title, sentences and tables; `is_computed` False = not in this
    version, or not by this agreement."""

    key: str
    title: str
    sentences: tuple[str, ...]
    is_computed: bool = True
    tables: tuple[Table, ...] = ()


@dataclass(frozen=True)
class Report:
    """The daily report, ready for any format."""

    title: str
    mission: Mission
    period: Period
    as_of_ns: int
    is_preliminary: bool
    header: tuple[str, ...]
    sections: tuple[Section, ...]
    sectors: tuple[SectorLine, ...]
    total: SectorLine
    fire: tuple[EvidenceLine, ...]
    movement: tuple[EvidenceLine, ...]
    other: tuple[EvidenceLine, ...]
    cases: tuple[CaseLine, ...]
    sensors: tuple[SensorLine, ...]
    received: Received
    amended: int
    withdrawn: int
    coverage: str
    watch: Watch | None = None
