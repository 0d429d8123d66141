"""Findings and incidents: pages, single ones with every revision, and the marks of the unrolled line."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Path, Query, Request

from api import formats, policy, presentation, schemas
from api.auth import Me
from api.errors import Problem
from api.policy import GuardedRoute, allow
from api.routes.cases import evidence_of
from api.routes.parameters import (
    BoxText,
    Cursor,
    From,
    Km,
    Limit,
    Since,
    To,
    Words,
    box,
    limits_of,
    runtime_of,
    time_ns,
    words,
)
from monitoring.adapters.store.queries import Page, ResultFilter

router = APIRouter(route_class=GuardedRoute, tags=["results"])
State = Annotated[
    Literal["final", "withdrawn", "provisional"] | None,
    Query(description="left out: what is published, final and withdrawn"),
]
Sort = Literal["-time", "time", "updated"]
Subject = Annotated[str, Path(max_length=128)]
CaseNumber = Annotated[str | None, Query(max_length=32)]
FINDING_COLUMNS: Final = tuple(schemas.Finding.model_fields)
INCIDENT_COLUMNS: Final = tuple(schemas.Incident.model_fields)


@router.get("/v1/findings", response_model=schemas.FindingPage, **allow(policy.MONITORS))
def list_findings(
    request: Request,
    rule_id: Words = None,
    verdict: Words = None,
    state: State = None,
    sector: Words = None,
    party: Words = None,
    case: CaseNumber = None,
    incident_id: Annotated[str | None, Query(max_length=128)] = None,
    from_: From = None,
    to: To = None,
    updated_since: Since = None,
    bbox: BoxText = None,
    km_from: Km = None,
    km_to: Km = None,
    sort: Sort = "-time",
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Any:
    """Findings, a page at a time, as JSON, CSV or GeoJSON by `Accept`."""
    chosen = ResultFilter(
        state=state,
        rule_id=words(rule_id),
        verdict=words(verdict),
        sector=words(sector),
        party=words(party),
        case=case,
        incident_id=incident_id,
        from_ns=time_ns(from_, "from"),
        to_ns=time_ns(to, "to"),
        updated_since_ns=time_ns(updated_since, "updated_since"),
        bbox=box(bbox),
        km_from=km_from,
        km_to=km_to,
    )
    page = runtime_of(request).store.finding_page(chosen, sort=sort, limit=limit, cursor=cursor)
    return _answer(request, page, [presentation.finding(row) for row in page.items], FINDING_COLUMNS)


@router.get("/v1/findings/{finding_id}", response_model=schemas.Finding, **allow(policy.MONITORS))
def show_finding(request: Request, finding_id: Subject) -> dict[str, Any]:
    """One finding at its present revision."""
    return presentation.finding(_found(runtime_of(request).store.finding(finding_id), "finding", finding_id))


@router.get(
    "/v1/findings/{finding_id}/revisions",
    response_model=schemas.FindingRevisions,
    **allow(policy.MONITORS),
)
def show_finding_revisions(request: Request, finding_id: Subject) -> dict[str, Any]:
    """Every published revision of a finding, oldest first."""
    rows = runtime_of(request).store.revisions("finding", finding_id)
    _found(rows or None, "finding", finding_id)
    return {"items": [presentation.finding(row) for row in rows]}


@router.get("/v1/incidents", response_model=schemas.IncidentPage, **allow(policy.MONITORS))
def list_incidents(
    request: Request,
    kind: Words = None,
    state: State = None,
    sector: Words = None,
    party: Words = None,
    case: CaseNumber = None,
    from_: From = None,
    to: To = None,
    updated_since: Since = None,
    bbox: BoxText = None,
    km_from: Km = None,
    km_to: Km = None,
    sort: Sort = "-time",
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Any:
    """Incidents, a page at a time, as JSON, CSV or GeoJSON by `Accept`."""
    chosen = ResultFilter(
        state=state,
        kind=words(kind),
        sector=words(sector),
        party=words(party),
        case=case,
        from_ns=time_ns(from_, "from"),
        to_ns=time_ns(to, "to"),
        updated_since_ns=time_ns(updated_since, "updated_since"),
        bbox=box(bbox),
        km_from=km_from,
        km_to=km_to,
    )
    page = runtime_of(request).store.incident_page(chosen, sort=sort, limit=limit, cursor=cursor)
    return _answer(request, page, [presentation.incident(row) for row in page.items], INCIDENT_COLUMNS)


@router.get("/v1/incidents/{incident_id}", response_model=schemas.Incident, **allow(policy.MONITORS))
def show_incident(request: Request, incident_id: Subject) -> dict[str, Any]:
    """One incident at its present revision."""
    row = runtime_of(request).store.incident(incident_id)
    return presentation.incident(_found(row, "incident", incident_id))


@router.get(
    "/v1/incidents/{incident_id}/revisions",
    response_model=schemas.IncidentRevisions,
    **allow(policy.MONITORS),
)
def show_incident_revisions(request: Request, incident_id: Subject) -> dict[str, Any]:
    """Every published revision of an incident, oldest first."""
    rows = runtime_of(request).store.revisions("incident", incident_id)
    _found(rows or None, "incident", incident_id)
    return {"items": [presentation.incident(row) for row in rows]}


@router.get("/v1/incidents/{incident_id}/events", response_model=schemas.Events, **allow(policy.MONITORS))
def show_incident_events(request: Request, me: Me, incident_id: Subject) -> dict[str, Any]:
    """The events that are one happening."""
    runtime = runtime_of(request)
    _found(runtime.store.incident(incident_id), "incident", incident_id)
    events_max = limits_of(request).evidence_max
    table = evidence_of(runtime, [], [incident_id], events_max)
    records = presentation.events(table.slice(0, events_max), with_sensor_places=me.sees_sensor_places)
    return {"items": records, "truncated": table.num_rows > events_max}


@router.get("/v1/unrolled", response_model=schemas.Marks, **allow(policy.MONITORS))
def unrolled(request: Request, from_: From = None, to: To = None) -> dict[str, Any]:
    """A light mark for each incident along the line, provisional ones too."""
    most = limits_of(request).marks_max
    rows = runtime_of(request).store.marks(time_ns(from_, "from"), time_ns(to, "to"), most + 1)
    return {"incidents": [presentation.mark(row) for row in rows[:most]], "truncated": len(rows) > most}


def _answer(request: Request, page: Page, items: list[dict[str, Any]], columns: tuple[str, ...]) -> Any:
    wanted = formats.wanted(request)
    if wanted != "json":
        return formats.rows_response(request, wanted, items, columns, page.next_cursor)
    return {
        "items": items,
        "next_cursor": page.next_cursor,
        "total": page.total,
        "total_is_least": page.is_total_least,
    }


def _found(row: Any, noun: str, subject: str) -> Mapping[str, Any]:
    if row is None:
        raise Problem(404, "not_found", "There is no such thing here", f"there is no {noun} {subject!r}")
    found: Mapping[str, Any] = row
    return found
