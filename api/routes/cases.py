"""Cases: the queue, one case with its evidence, and what people do with it."""

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any, Final, Literal

import pyarrow as pa
from fastapi import APIRouter, Path, Query, Request, Response

from api import formats, policy, presentation, schemas
from api.auth import Me, Principal
from api.policy import GuardedRoute, allow
from api.ports import Runtime
from api.routes.mission import sector_names
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
from monitoring.adapters.store.queries import CaseFilter
from monitoring.cases.next_steps import next_steps

router = APIRouter(route_class=GuardedRoute, tags=["cases"])
Number = Annotated[str, Path(pattern=r"^\d{4}-\d{5,9}$", description="as `2026-00412`")]
DecisionId = Annotated[str, Path(max_length=64)]
COLUMNS: Final = tuple(schemas.CaseSummary.model_fields)
TRACK_MARGIN_NS: Final = 600 * 10**9
"""How much of a track is shown before and after a finding."""
TRACKS_MAX: Final = 20
"""Findings of a case whose tracks are shown beyond the events that they name."""


@router.get("/v1/cases", response_model=schemas.CasePage, **allow(policy.MONITORS))
def list_cases(
    request: Request,
    me: Me,
    status: Words = None,
    sector: Words = None,
    party: Words = None,
    rule_id: Words = None,
    priority: Annotated[list[int] | None, Query()] = None,
    assignee: Annotated[str | None, Query(max_length=64, description="a name, `me` or `nobody`")] = None,
    q: Annotated[str | None, Query(max_length=200, description="words of number, summary, rule")] = None,
    overdue: bool = False,
    from_: From = None,
    to: To = None,
    updated_since: Since = None,
    bbox: BoxText = None,
    km_from: Km = None,
    km_to: Km = None,
    sort: Literal["priority", "-updated", "updated", "number", "-number"] = "priority",
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Any:
    """The queue, a page at a time. `status=open` stands for every state in which something is to be done."""
    runtime = runtime_of(request)
    now_ns = request.app.state.clock_ns()
    chosen = CaseFilter(
        status=words(status),
        sector=words(sector),
        party=words(party),
        rule_id=words(rule_id),
        priority=tuple(priority or ()),
        assignee=me.name if assignee == "me" else assignee or None,
        q=q,
        from_ns=time_ns(from_, "from"),
        to_ns=time_ns(to, "to"),
        updated_since_ns=time_ns(updated_since, "updated_since"),
        overdue_at_ns=now_ns if overdue else None,
        bbox=box(bbox),
        km_from=km_from,
        km_to=km_to,
    )
    page = runtime.store.case_page(chosen, sort=sort, limit=limit, cursor=cursor)
    names = sector_names(runtime)
    items = [presentation.case_summary(row, names, now_ns) for row in page.items]
    wanted = formats.wanted(request)
    if wanted != "json":
        return formats.rows_response(request, wanted, items, COLUMNS, page.next_cursor)
    return {
        "items": items,
        "next_cursor": page.next_cursor,
        "total": page.total,
        "total_is_least": page.is_total_least,
        "counts": runtime.store.case_counts(me.name, now_ns),
    }


@router.get("/v1/cases/{number}", response_model=schemas.Case, **allow(policy.MONITORS))
def show_case(request: Request, me: Me, number: Number) -> dict[str, Any]:
    """One case with its findings, incidents, notes, decisions, and what can be done next."""
    return _case(request, me, number)


@router.get("/v1/cases/{number}/timeline", response_model=schemas.Timeline, **allow(policy.MONITORS))
def show_timeline(request: Request, number: Number) -> dict[str, Any]:
    """What happened to a case, oldest first."""
    store = runtime_of(request).store
    store.case(number)
    return {"items": [presentation.timeline_entry(row) for row in store.case_timeline(number)]}


@router.get("/v1/cases/{number}/evidence", response_model=schemas.Evidence, **allow(policy.MONITORS))
def show_evidence(request: Request, me: Me, number: Number) -> dict[str, Any]:
    """The events behind a case, with the tracks around its findings, and where the line was crossed."""
    runtime = runtime_of(request)
    events_max = limits_of(request).evidence_max
    file = runtime.store.case_file(number)
    table = evidence_of(runtime, file["findings"], [i["incident_id"] for i in file["incidents"]], events_max)
    records = presentation.events(table.slice(0, events_max), with_sensor_places=me.sees_sensor_places)
    crossings = _crossings(runtime, file)
    return {
        "events": presentation.event_features(records),
        "crossings": [presentation.crossing(row) for row in crossings],
        "truncated": table.num_rows > events_max,
    }


@router.get(
    "/v1/cases/{number}/events.geojson",
    response_class=Response,
    responses={200: {"content": {formats.GEOJSON_TYPE: {}}}, **allow(policy.MONITORS)["responses"]},
    openapi_extra=allow(policy.MONITORS)["openapi_extra"],
)
def download_events(request: Request, me: Me, number: Number) -> Response:
    """The events behind a case as a GeoJSON file."""
    evidence = show_evidence(request, me, number)
    features = schemas.FeatureCollection.model_validate(evidence["events"])
    headers = {"Content-Disposition": f'attachment; filename="case-{number}-events.geojson"'}
    return Response(features.model_dump_json(), media_type=formats.GEOJSON_TYPE, headers=headers)


@router.post("/v1/cases/{number}/assign", response_model=schemas.Case, **allow(policy.CASE_WORKERS))
def assign(request: Request, me: Me, number: Number, body: schemas.Assign) -> dict[str, Any]:
    """Give the case to somebody, or to nobody."""
    given = {"action": "assign", "assignee": body.assignee, "version": body.version}
    return _act(request, me, number, given)


@router.post("/v1/cases/{number}/notes", response_model=schemas.Case, **allow(policy.CASE_WORKERS))
def add_note(request: Request, me: Me, number: Number, body: schemas.NewNote) -> dict[str, Any]:
    """Add a note; it stays as it was written."""
    return _act(request, me, number, {"action": "note", "text": body.text})


@router.post("/v1/cases/{number}/steps", response_model=schemas.Case, **allow(policy.CASE_WORKERS))
def take_step(request: Request, me: Me, number: Number, body: schemas.Step) -> dict[str, Any]:
    """Move the case on where no decision is needed (`next_steps` of the case names what is possible)."""
    given = {"action": body.action, "text": body.text, "version": body.version}
    return _act(request, me, number, given)


@router.post("/v1/cases/{number}/decisions", response_model=schemas.Case, **allow(policy.CASE_WORKERS))
def propose(request: Request, me: Me, number: Number, body: schemas.NewDecision) -> dict[str, Any]:
    """Propose a finding of fact, an attribution or a remedy; somebody else decides on it."""
    return _act(request, me, number, {"action": "propose", **body.model_dump()})


@router.post(
    "/v1/cases/{number}/decisions/{decision_id}/approve",
    response_model=schemas.Case,
    **allow(policy.REVIEWERS),
)
def approve(
    request: Request, me: Me, number: Number, decision_id: DecisionId, body: schemas.Comment
) -> dict[str, Any]:
    """Approve somebody else's proposal."""
    return _decide(request, me, number, decision_id, "approve", body)


@router.post(
    "/v1/cases/{number}/decisions/{decision_id}/return",
    response_model=schemas.Case,
    **allow(policy.REVIEWERS),
)
def give_back(
    request: Request, me: Me, number: Number, decision_id: DecisionId, body: schemas.Comment
) -> dict[str, Any]:
    """Return somebody else's proposal and say what is missing."""
    return _decide(request, me, number, decision_id, "return", body)


@router.post(
    "/v1/cases/{number}/decisions/{decision_id}/withdraw",
    response_model=schemas.Case,
    **allow(policy.CASE_WORKERS),
)
def withdraw(
    request: Request, me: Me, number: Number, decision_id: DecisionId, body: schemas.Comment
) -> dict[str, Any]:
    """Withdraw one's own proposal."""
    return _decide(request, me, number, decision_id, "withdraw", body)


def evidence_of(
    runtime: Runtime, findings: list[dict[str, Any]], incident_ids: list[str], events_max: int
) -> pa.Table:
    """Events of the incidents and findings, and the tracks around the findings, each event once."""
    select = partial(runtime.archive.select, limit=events_max + 1)
    members = runtime.store.member_events(incident_ids, events_max)
    parts: list[pa.Table] = []
    if members:
        parts.append(select(addresses=[(m["journal_seq"], m["row"]) for m in members]))
    event_ids = list(dict.fromkeys(key for f in findings for key in f["event_ids"]))[:events_max]
    if event_ids:
        parts.append(select(ids=event_ids))
    for found in [f for f in findings if f["track_id"] is not None][:TRACKS_MAX]:
        if sum(part.num_rows for part in parts) < events_max:
            parts.append(
                select(
                    keys=[(sensor_id, found["track_id"]) for sensor_id in found["sensor_ids"]],
                    from_ns=found["time_start_ns"] - TRACK_MARGIN_NS,
                    to_ns=found["time_end_ns"] + TRACK_MARGIN_NS,
                )
            )
    if not parts:
        return select(ids=[])
    table = pa.concat_tables(parts)
    first: dict[tuple[int, int], int] = {}
    addresses = zip(table["journal_seq"].to_pylist(), table["row"].to_pylist(), strict=True)
    for at, address in enumerate(addresses):
        first.setdefault(address, at)
    return table.take(pa.array(list(first.values()), type=pa.int64())).sort_by(
        [("time_ns", "ascending"), ("sensor_id", "ascending"), ("id", "ascending")]
    )


def _crossings(runtime: Runtime, file: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Crossings that the case is about, and those that belong to its incidents."""
    incident_ids = [incident["incident_id"] for incident in file["incidents"]]
    related = runtime.store.findings_table(incident_ids=incident_ids).to_pylist() if incident_ids else []
    found = {row["finding_id"]: row for row in (*related, *file["findings"])}
    crossings = [r for r in found.values() if r["rule_id"] == "line_crossing" and r["state"] != "withdrawn"]
    return sorted(crossings, key=lambda row: (row["time_start_ns"], row["finding_id"]))


def _decide(
    request: Request, me: Principal, number: str, decision_id: str, action: str, body: schemas.Comment
) -> dict[str, Any]:
    given = {
        "action": action,
        "decision_id": decision_id,
        "comment": body.comment,
        "version": body.version,
    }
    return _act(request, me, number, given)


def _act(request: Request, me: Principal, number: str, given: Mapping[str, Any]) -> dict[str, Any]:
    action = {**{k: v for k, v in given.items() if v is not None}, "case": number, "roles": sorted(me.roles)}
    if given["action"] == "assign":
        action["assignee"] = given["assignee"]
    runtime_of(request).act(me.name, action)
    return _case(request, me, number)


def _case(request: Request, me: Principal, number: str) -> dict[str, Any]:
    runtime = runtime_of(request)
    file = runtime.store.case_file(number)
    now_ns = request.app.state.clock_ns()
    steps = next_steps(file["state"], me.name, me.roles, runtime.store.procedure)
    return {
        **presentation.case_summary(file["row"], sector_names(runtime), now_ns),
        "priority_reasons": presentation.priority_reasons(file["timeline"], file["row"]["priority"]),
        "clauses": presentation.clauses(runtime.agreement, file["findings"]),
        "findings": [presentation.finding(row) for row in file["findings"]],
        "incidents": [presentation.incident(row) for row in file["incidents"]],
        "notes": presentation.notes(file["timeline"], number),
        "decisions": [presentation.decision(one) for one in file["state"].decisions],
        "next_steps": [presentation.next_step(step) for step in steps],
        "events_geojson_url": f"/v1/cases/{number}/events.geojson",
    }
