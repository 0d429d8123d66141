"""Rows that were refused: listed with their reasons, sent through the door again when the reason is gone."""

import base64
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request

from api import formats, policy, schemas
from api.auth import Me
from api.policy import GuardedRoute, allow
from api.routes.parameters import Cursor, Limit, runtime_of
from api.times import to_text, to_text_or_none

router = APIRouter(route_class=GuardedRoute, tags=["quarantine"])
COLUMNS: Final = tuple(schemas.QuarantinedRow.model_fields)
READERS: Final = ("operator", "analyst", "reviewer", "auditor", "local")


@router.get("/v1/quarantine", response_model=schemas.QuarantinePage, **allow(READERS))
def list_quarantine(
    request: Request,
    me: Me,
    reason: Annotated[str | None, Query(max_length=64)] = None,
    receipt_id: Annotated[str | None, Query(max_length=128)] = None,
    waiting: Annotated[bool, Query(description="only rows that were not replayed")] = False,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Any:
    """Refused rows, newest first. Row and detail are shown to operators: they may hold a sensor's place."""
    store = runtime_of(request).store
    page = store.quarantine_page(
        reason=reason, receipt_id=receipt_id, is_open_only=waiting, limit=limit, cursor=cursor
    )
    items = [_shown(row, with_original=me.sees_sensor_places) for row in page.items]
    wanted = formats.wanted(request)
    if wanted != "json":
        return formats.rows_response(request, wanted, items, COLUMNS, page.next_cursor)
    return {
        "items": items,
        "next_cursor": page.next_cursor,
        "total": page.total,
        "total_is_least": page.is_total_least,
        "counts": store.quarantine_counts(),
    }


@router.post("/v1/quarantine/replay", response_model=schemas.Registered, **allow(policy.OPERATORS))
def replay(request: Request, me: Me, body: schemas.Replay) -> dict[str, Any]:
    """Send refused rows through the door again, all or those of one reason or receipt."""
    return runtime_of(request).replay_quarantine(me.name, body.model_dump(exclude_none=True))


def _shown(row: dict[str, Any], *, with_original: bool) -> dict[str, Any]:
    original: str | None = None
    encoding: str | None = None
    if with_original:
        try:
            original, encoding = row["original"].decode("utf-8"), "utf-8"
        except UnicodeDecodeError:
            original, encoding = base64.b64encode(row["original"]).decode(), "base64"
    return {
        "id": f"{row['journal_seq']}-{row['row']}",
        "receipt_id": row["receipt_id"],
        "source": row["source"],
        "line": row["line_no"],
        "reason": row["reason"],
        # The detail quotes the row, which may hold the place of a sensor.
        "detail": row["detail"] if with_original else "",
        "format": row["format"],
        "received_at": to_text(row["received_at_ns"]),
        "replayed_at": to_text_or_none(row["replayed_at_ns"]),
        "original": original,
        "original_encoding": encoding,
    }
