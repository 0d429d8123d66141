"""The shapes of `/v1`: what requests may say, what answers hold. Times RFC 3339 UTC, lengths metres."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Party = Literal["A", "B"]
Text = Annotated[str, Field(min_length=1, max_length=20_000)]
Name = Annotated[str, Field(min_length=1, max_length=64)]


class Shape(BaseModel):
    """An answer."""

    model_config = ConfigDict(extra="forbid")


class Asked(BaseModel):
    """A request: unknown members are refused, so that a misspelt one is not silently without effect."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Problem(BaseModel):
    """RFC 9457 problem details; `code` is the stable word."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    code: str
    detail: str | None = None


class SignIn(Asked):
    name: Name
    secret: Annotated[str, Field(min_length=1, max_length=1_024)]


class NewSecret(Asked):
    secret: Annotated[str, Field(min_length=12, max_length=1_024)]
    current: Annotated[str, Field(max_length=1_024)] | None = Field(
        default=None, description="the present secret; needed unless a one-time secret is being replaced"
    )


class Me(Shape):
    name: str
    display_name: str
    roles: list[str]
    must_set_secret: bool


class Person(Shape):
    name: str
    display_name: str
    roles: list[str]


class People(Shape):
    items: list[Person]


class Period(Shape):
    date: str
    from_: str = Field(alias="from")
    to: str


class LineLabel(Shape):
    version: str
    label: str
    length_m: float


class VersionLabel(Shape):
    version: str
    label: str


class Mission(Shape):
    name: str
    zone: str
    cut_off: str
    period: Period
    periods: list[Period]
    line: LineLabel
    agreement: VersionLabel
    engine_version: str
    coverage: str
    concept_notice: str
    illustrative: bool


class FeatureCollection(BaseModel):
    """GeoJSON (RFC 7946)."""

    model_config = ConfigDict(extra="allow")

    type: Literal["FeatureCollection"]
    features: list[dict[str, Any]]


class CaseSummary(Shape):
    number: str
    status: str
    rule_id: str
    party: Party | None
    sector: str | None
    sector_name: str | None
    chainage_m: float | None
    lon: float | None
    lat: float | None
    time_start: str
    time_end: str
    priority: int
    summary: str
    assignee: str | None
    incident_count: int
    finding_count: int
    due_at: str | None
    overdue: bool
    flags: list[str]
    probability: float | None
    confidence: str | None
    verdict: str | None
    filed_at: str
    updated_at: str
    version: int


class Counts(Shape):
    open: int
    overdue: int
    mine: int
    by_status: dict[str, int]


class CasePage(Shape):
    items: list[CaseSummary]
    next_cursor: str | None
    total: int
    total_is_least: bool = Field(description="the total was counted up to a bound and is at least this")
    counts: Counts


class Finding(Shape):
    """One rule's judgement; the columns of the findings contract."""

    finding_id: str
    revision: int
    state: str
    rule_id: str
    clause: str | None
    verdict: str
    time_start: str
    time_end: str
    lon: float | None
    lat: float | None
    sigma_m: float | None
    side: str | None
    direction: str | None
    distance_m: float | None
    chainage_m: float | None
    line_part: int | None
    sector: str | None
    probability: float | None
    confidence: str | None
    margin: float | None
    margin_unit: str | None
    count: int | None
    count_is_minimum: bool | None
    track_id: str | None
    object_class: str | None
    incident_id: str | None
    sensor_ids: list[str]
    event_ids: list[str]
    line_version: str | None
    agreement_version: str | None
    engine_version: str
    reasons: list[str]
    detail: dict[str, Any]
    party: Party | None
    recorded_at: str
    case_number: str | None


class FindingPage(Shape):
    items: list[Finding]
    next_cursor: str | None
    total: int
    total_is_least: bool


class Coverage(Shape):
    """How much of a sector's line was watched in an hour for one kind of happening, and how surely."""

    sector: str | None = Field(description="null: line outside every sector")
    kind: str
    time_start: str
    time_end: str
    revision: int
    status: Literal["observed", "partly_observed", "not_observed"] = Field(
        description="`not_observed`: nobody was looking; it never means that nothing happened"
    )
    line_km_h: float
    watched_km_h: float
    effective_km_h: float = Field(description="watched kilometre-hours weighted by the chance of detection")
    lost_km_h: float = Field(description="what registered posts that did not work would have watched besides")
    detection_prob: float | None = Field(description="null where nothing was watched")
    working_count: int
    down_count: int
    is_upper_bound: bool
    line_version: str | None
    engine_version: str
    recorded_at: str


class CoveragePage(Shape):
    items: list[Coverage]
    next_cursor: str | None
    total: int
    total_is_least: bool
    is_computed: bool = Field(
        description="false: coverage was never computed here, so nothing is known of it"
    )
    meaning: str


class Incident(Shape):
    incident_id: str
    revision: int
    state: str
    kind: str
    time_start: str
    time_end: str
    lon: float | None
    lat: float | None
    sigma_major_m: float | None
    sigma_minor_m: float | None
    sigma_azimuth_deg: float | None
    side: str | None
    party: Party | None
    signed_distance_m: float | None
    chainage_m: float | None
    line_part: int | None
    sector: str | None
    violations_smm: int | None
    rounds_least: int | None
    rounds_best: int | None
    count_is_minimum: bool | None
    phenomena: dict[str, int]
    event_count: int
    sensor_ids: list[str]
    confidence: str | None
    summary: str
    line_version: str | None
    engine_version: str
    detail: dict[str, Any]
    recorded_at: str
    case_number: str | None


class IncidentPage(Shape):
    items: list[Incident]
    next_cursor: str | None
    total: int
    total_is_least: bool


class FindingRevisions(Shape):
    items: list[Finding]


class IncidentRevisions(Shape):
    items: list[Incident]


class Note(Shape):
    id: str
    at: str
    author: str
    text: str


class Decision(Shape):
    id: str
    kind: str
    outcome: str
    reasoning: str
    standard_of_proof: str
    state: Literal["proposed", "approved", "returned", "withdrawn"]
    proposed_by: str
    proposed_at: str
    decided_by: str | None
    decided_at: str | None
    comment: str | None


class NextStep(Shape):
    action: str
    label: str
    enabled: bool
    why_not: str | None
    standard_of_proof: str | None
    who_must_agree: str | None
    then: str | None
    decision_id: str | None
    outcomes: list[str]
    needs_text: bool


class ClauseWords(Shape):
    """What a clause of the agreement says: one that a rule judges (`rule_id`), or one that permits (`kind`)."""

    id: str
    rule_id: str | None
    kind: str | None
    title: str
    text: str
    source: str


class Case(CaseSummary):
    priority_reasons: list[str] = Field(description="what made the case as urgent as it is, as it counted")
    clauses: list[ClauseWords] = Field(
        description="the clauses that the findings name, as the agreement has them"
    )
    findings: list[Finding]
    incidents: list[Incident]
    notes: list[Note]
    decisions: list[Decision]
    next_steps: list[NextStep]
    events_geojson_url: str


class Assign(Asked):
    assignee: Name | None
    version: int | None = None


class NewNote(Asked):
    text: Text


class NewDecision(Asked):
    kind: Literal["finding_of_fact", "attribution", "remedy"]
    outcome: Name
    reasoning: Text
    standard_of_proof: Name
    version: int | None = Field(default=None, description="the case's version that the proposal was made on")


class Comment(Asked):
    comment: Annotated[str, Field(max_length=20_000)] | None = None
    version: int | None = None


class Step(Asked):
    action: Literal[
        "start_verification", "send_to_party", "record_reply", "start_compliance", "close", "reopen"
    ]
    text: Text | None = None
    version: int | None = None


class TimelineEntry(Shape):
    number: int
    at: str
    actor: str
    kind: str
    summary: str
    detail: dict[str, Any]


class Timeline(Shape):
    items: list[TimelineEntry]


class Crossing(Shape):
    finding_id: str
    time: str
    lon: float | None
    lat: float | None
    direction: str | None
    chainage_m: float | None
    probability: float | None


class Evidence(Shape):
    events: FeatureCollection
    crossings: list[Crossing]
    truncated: bool


class Mark(Shape):
    id: str
    kind: str
    state: str
    t: str
    chainage_m: float
    party: Party | None
    verdict: str | None
    case_number: str | None
    weight: int


class Marks(Shape):
    incidents: list[Mark]
    truncated: bool


class Sensor(Shape):
    sensor_id: str
    type: str
    host_side: str | None
    last_seen: str | None
    last_received: str | None
    event_count: int
    state: Literal["never_seen", "reporting", "silent", "outage", "tamper"]
    lon: float | None = None
    lat: float | None = None


class Sensors(Shape):
    items: list[Sensor]


class NewSensor(BaseModel):
    """A sensor of the registry; further members are kept with it."""

    model_config = ConfigDict(extra="allow")

    id: str
    type: str
    lon: float | None = None
    lat: float | None = None
    host_side: Literal["A", "B", "none"] | None = None


class NewSensors(BaseModel):
    """One sensor, or several at once."""

    sensors: Annotated[list[NewSensor], Field(min_length=1, max_length=10_000)]


class Registered(BaseModel):
    model_config = ConfigDict(extra="allow")


class QuarantinedRow(Shape):
    id: str
    receipt_id: str | None
    source: str | None
    line: int
    reason: str
    detail: str
    format: str
    received_at: str
    replayed_at: str | None
    original: str | None = Field(description="the row as it came; null for roles that may not see it")
    original_encoding: Literal["utf-8", "base64"] | None


class QuarantinePage(Shape):
    items: list[QuarantinedRow]
    next_cursor: str | None
    total: int
    total_is_least: bool
    counts: dict[str, int]


class Replay(Asked):
    reason: Name | None = None
    receipt_id: Name | None = None


class Receipt(BaseModel):
    """What became of a delivery."""

    model_config = ConfigDict(extra="allow")

    receipt_id: str
    accepted: int
    duplicates: int
    rejected: dict[str, int]
    flagged: dict[str, int]
    journal_from: int | None = None
    journal_to: int | None = None
    findings: int | None = None
    incidents: int | None = None
    cases: int | None = None


class Report(Shape):
    date: str
    from_: str = Field(alias="from")
    to: str
    html: str
    csv: str
    json_: str = Field(alias="json")
    sealed: bool


class Reports(Shape):
    items: list[Report]


class NewLine(Asked):
    line: dict[str, Any] = Field(description="the line file as GeoJSON")
    valid_from: str


class NewNotices(Asked):
    name: str = Field(min_length=1, max_length=200, description="what errors and the audit call it")
    notices: dict[str, Any] = Field(description="a file of notices as JSON")


class NoticesInForce(Shape):
    crossing_points: list[dict[str, Any]]
    notified: list[dict[str, Any]]
    zones: list[dict[str, Any]]
    protected_places: list[dict[str, Any]]
    monitor_aircraft: list[dict[str, Any]]


class Reanalysis(Asked):
    from_time: str | None = Field(default=None, alias="from", description="first event time, RFC 3339")
    to_time: str | None = Field(default=None, alias="to", description="event time behind the last, RFC 3339")
    apply: bool = Field(default=False, description="publish the amendments")


class Reanalysed(Shape):
    applied: bool
    findings: list[dict[str, Any]] = Field(
        description="amended findings with the revision and state they get"
    )
    incidents: int


class AuditEntry(Shape):
    at: str
    actor: str
    action: str
    subject: str
    detail: dict[str, Any]
    journal_seq: int


class AuditPage(Shape):
    items: list[AuditEntry]
    next_cursor: str | None
    total: int
    total_is_least: bool


class Events(Shape):
    items: list[dict[str, Any]]
    truncated: bool


class Status(BaseModel):
    model_config = ConfigDict(extra="allow")

    ready: bool
    why: str
