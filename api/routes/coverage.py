"""Coverage: where and when somebody was looking, by sector, hour and kind of happening. No sensor's place shows."""

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query, Request

from api import formats, policy, presentation, schemas
from api.policy import GuardedRoute, allow
from api.routes.parameters import Cursor, From, Limit, Since, To, Words, runtime_of, time_ns, words
from monitoring.adapters.store.queries import CoverageFilter

router = APIRouter(route_class=GuardedRoute, tags=["coverage"])
COLUMNS: Final = tuple(schemas.Coverage.model_fields)
OUTSIDE: Final = "none"
"""In the place of a sector: line that lies outside every sector."""
MEANING: Final = (
    "Upper bound: no terrain mask. `not_observed` says that nobody was looking, not that nothing happened; within "
    "`observed`, what happened was noticed with the stated chance. An hour without a row was not computed."
)
Status = Annotated[
    list[Literal["observed", "partly_observed", "not_observed"]] | None,
    Query(description="how much of the line was watched"),
]


@router.get("/v1/coverage", response_model=schemas.CoveragePage, **allow(policy.MONITORS))
def list_coverage(
    request: Request,
    sector: Words = None,
    kind: Words = None,
    status: Status = None,
    from_: From = None,
    to: To = None,
    updated_since: Since = None,
    sort: Literal["-time", "time"] = "-time",
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Any:
    """What was watched, a page at a time, as JSON or CSV by `Accept`; `sector=none` is line outside every sector."""
    store = runtime_of(request).store
    chosen = CoverageFilter(
        sector=tuple("" if word == OUTSIDE else word for word in words(sector)),
        kind=words(kind),
        status=tuple(status or ()),
        from_ns=time_ns(from_, "from"),
        to_ns=time_ns(to, "to"),
        updated_since_ns=time_ns(updated_since, "updated_since"),
    )
    page = store.coverage_page(chosen, sort=sort, limit=limit, cursor=cursor)
    items = [presentation.coverage(row) for row in page.items]
    if formats.wanted(request) == "csv":
        return formats.rows_response(request, "csv", items, COLUMNS, page.next_cursor)
    return {
        "items": items,
        "next_cursor": page.next_cursor,
        "total": page.total,
        "total_is_least": page.is_total_least,
        "is_computed": bool(items) or store.has_coverage(),
        "meaning": MEANING,
    }
