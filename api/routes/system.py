"""The live feed, the audit log, and how the system itself is."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

import anyio.to_thread
from fastapi import APIRouter, Header, Query, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST
from sse_starlette import EventSourceResponse, ServerSentEvent

from api import policy, schemas
from api.errors import Problem
from api.live import LiveFeed, Position
from api.metrics import Metrics
from api.policy import GuardedRoute, allow
from api.routes.parameters import Cursor, Limit, limits_of, runtime_of
from api.times import to_text

router = APIRouter(route_class=GuardedRoute, tags=["system"])


@router.get(
    "/v1/live",
    response_class=EventSourceResponse,
    responses={
        200: {
            "description": "Server-sent events `finding`, `incident`, `case`, `sensor`, `status`; data is JSON "
            "with `id`. A `status` of `live` opens the stream; its `reset` says that changes were missed.",
            "content": {"text/event-stream": {}},
        },
        **allow(policy.MONITORS)["responses"],
    },
    openapi_extra=allow(policy.MONITORS)["openapi_extra"],
)
async def live(
    request: Request, last_event_id: Annotated[str | None, Header(max_length=64)] = None
) -> Response:
    """What changes, as it changes. `Last-Event-ID` resumes where a stream broke."""
    feed: LiveFeed = request.app.state.live
    metrics: Metrics = request.app.state.metrics
    limits = limits_of(request)
    if request.app.state.subscribers >= limits.subscribers_max:
        raise Problem(
            503, "too_many_subscribers", "All live streams are taken", headers={"Retry-After": "10"}
        )
    start = await feed.position(last_event_id)
    response: Response = EventSourceResponse(
        _followed(request, feed, metrics, start),
        ping=limits.heartbeat_s,
        ping_message_factory=lambda: ServerSentEvent(comment="heartbeat"),
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        send_timeout=30,
    )
    return response


async def _followed(
    request: Request, feed: LiveFeed, metrics: Metrics, start: Position
) -> AsyncIterator[ServerSentEvent]:
    state = request.app.state
    state.subscribers += 1
    metrics.subscribers.inc()
    try:
        async for event in feed.follow(start):
            yield event
    finally:
        state.subscribers -= 1
        metrics.subscribers.dec()


@router.get("/v1/audit", response_model=schemas.AuditPage, **allow(policy.AUDITORS))
def audit(
    request: Request,
    actor: Annotated[str | None, Query(max_length=64)] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> dict[str, Any]:
    """Who did what, newest first."""
    page = runtime_of(request).store.audit_page(actor=actor, limit=limit, cursor=cursor)
    items = [
        {
            "at": to_text(row["at_ns"]),
            "actor": row["actor"],
            "action": row["action"],
            "subject": row["subject"],
            "detail": row["detail"],
            "journal_seq": row["journal_seq"],
        }
        for row in page.items
    ]
    return {
        "items": items,
        "next_cursor": page.next_cursor,
        "total": page.total,
        "total_is_least": page.is_total_least,
    }


@router.get("/healthz", response_model=schemas.Status, **allow(policy.PUBLIC))
async def health() -> dict[str, Any]:
    """Whether the process answers at all."""
    return {"ready": True, "why": ""}


@router.get(
    "/readyz",
    response_model=schemas.Status,
    responses={503: {"description": "Events cannot be taken", "model": schemas.Status}},
    openapi_extra=allow(policy.PUBLIC)["openapi_extra"],
)
def ready(request: Request, response: Response) -> dict[str, Any]:
    """Whether events can be taken, and if not, why."""
    status = runtime_of(request).status()
    response.status_code = 200 if status["ready"] else 503
    return {"ready": status["ready"], "why": status["why"]}


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {}}}},
    openapi_extra=allow(policy.PUBLIC)["openapi_extra"],
)
async def metrics(request: Request) -> Response:
    """Counters for Prometheus. They tell of the door and the steps, nothing of what was observed."""
    status = await anyio.to_thread.run_sync(runtime_of(request).status)
    counted: Metrics = request.app.state.metrics
    return Response(counted.text(status), headers={"Content-Type": CONTENT_TYPE_LATEST})
