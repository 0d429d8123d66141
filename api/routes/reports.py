"""Daily reports: which periods there are, and each one as HTML, CSV and JSON."""

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Path, Request, Response

from api import policy, schemas
from api.errors import Problem
from api.middleware import DOCUMENT_POLICY
from api.policy import GuardedRoute, allow
from api.routes.parameters import runtime_of

router = APIRouter(route_class=GuardedRoute, tags=["reports"])
MEDIA_TYPES: Final = {
    "html": "text/html; charset=utf-8",
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
}


@router.get("/v1/reports", response_model=schemas.Reports, **allow(policy.MONITORS))
def list_reports(request: Request) -> dict[str, Any]:
    """Periods with data, newest first, and where each format of their report is."""
    items = [
        {
            "date": one["date"],
            "from": one["from"],
            "to": one["to"],
            **{form: f"/v1/reports/{one['date']}.{form}" for form in MEDIA_TYPES},
            "sealed": one["sealed"],
        }
        for one in runtime_of(request).reports()
    ]
    return {"items": items}


@router.get(
    "/v1/reports/{date}.{form}",
    response_class=Response,
    responses={
        200: {"content": {media.split(";")[0]: {} for media in MEDIA_TYPES.values()}},
        **allow(policy.MONITORS)["responses"],
    },
    openapi_extra=allow(policy.MONITORS)["openapi_extra"],
)
def show_report(
    request: Request,
    date: Annotated[str, Path(pattern=r"^\d{4}-\d{2}-\d{2}$")],
    form: Literal["html", "csv", "json"],
) -> Response:
    """The report of the period that ends on `date`."""
    content = runtime_of(request).report(date, form)
    if content is None:
        raise Problem(404, "not_found", "There is no such report", f"no {form} report of {date}")
    headers = {"Content-Disposition": f'inline; filename="contactline-{date}.{form}"'}
    if form == "html":
        headers["Content-Security-Policy"] = DOCUMENT_POLICY
        headers["X-Frame-Options"] = "SAMEORIGIN"
    return Response(content, media_type=MEDIA_TYPES[form], headers=headers)
