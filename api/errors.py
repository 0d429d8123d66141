"""Every refusal as RFC 9457 problem details: one table from what happened to what is answered.

`code` is the stable word for programs, `title` the sentence for people, `detail` what was wrong this time.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from geodata.errors import GeodataError
from monitoring.adapters.refusals import Overloaded, StorageFull
from monitoring.adapters.store.queries import InvalidCursor
from monitoring.agreement import AgreementInvalid
from monitoring.cases import errors as cases

log = structlog.get_logger()
MEDIA_TYPE: Final = "application/problem+json"
ERRORS_SHOWN_MAX: Final = 50


@dataclass(frozen=True)
class Answer:
    """How one kind of failure is answered."""

    status: int
    code: str
    title: str


class Problem(Exception):
    """A refusal that the door itself makes."""

    def __init__(
        self,
        status: int,
        code: str,
        title: str,
        detail: str = "",
        headers: Mapping[str, str] | None = None,
        **members: Any,
    ) -> None:
        super().__init__(detail or title)
        self.status = status
        self.code = code
        self.title = title
        self.detail = detail
        self.headers = dict(headers or {})
        self.members = members


class BodyTooLarge(HTTPException):
    """More bytes than the route takes."""

    def __init__(self, limit: int) -> None:
        super().__init__(413, f"The body is larger than the {limit:,} bytes that this route takes.")


class BodyTooSlow(HTTPException):
    """The body did not come in time."""

    def __init__(self) -> None:
        super().__init__(408, "The body came too slowly and was given up.", {"Connection": "close"})


ANSWERS: Final[dict[type[Exception], Answer]] = {
    cases.NotFound: Answer(404, "not_found", "There is no such thing here"),
    cases.Conflict: Answer(409, "version_conflict", "The case has changed since you looked at it"),
    cases.Forbidden: Answer(403, "forbidden", "You may not do this"),
    cases.InvalidTransition: Answer(409, "invalid_transition", "The case is not in a state for this"),
    cases.InvalidAction: Answer(422, "invalid_action", "The action is incomplete or malformed"),
    InvalidCursor: Answer(422, "invalid_cursor", "The cursor does not belong to this list"),
    Overloaded: Answer(429, "overloaded", "More is waiting than can be processed"),
    StorageFull: Answer(507, "storage_full", "Nothing can be written at present"),
    AgreementInvalid: Answer(422, "notices_invalid", "The notices cannot be used"),
    GeodataError: Answer(422, "geometry_invalid", "The geometry cannot be used"),
}
"""What each failure of the system is answered with; a subclass is answered like its nearest parent here."""
CODES: Final = {
    400: "bad_request",
    401: "sign_in_required",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    408: "body_too_slow",
    409: "conflict",
    413: "body_too_large",
    415: "unsupported_media_type",
    422: "invalid_request",
    429: "too_many_requests",
    500: "internal_error",
    503: "not_ready",
    507: "storage_full",
}


def problem_response(
    status: int,
    code: str,
    title: str,
    detail: str = "",
    headers: Mapping[str, str] | None = None,
    **members: Any,
) -> JSONResponse:
    """A problem as a response; `members` are further members of the object."""
    content = {
        "type": f"urn:contactline:problem:{code}",
        "title": title,
        "status": status,
        "code": code,
        **({"detail": detail} if detail else {}),
        **members,
    }
    return JSONResponse(content, status, headers=dict(headers or {}), media_type=MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Let every failure of `app` be answered as a problem."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    for kind in ANSWERS:
        app.add_exception_handler(kind, _failure)
    app.add_exception_handler(Exception, _unexpected)


def _problem(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Problem)
    return problem_response(
        error.status, error.code, error.title, error.detail, error.headers, **error.members
    )


def _http(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    title = HTTPStatus(error.status_code).phrase
    detail = error.detail if error.detail != title else ""
    code = CODES.get(error.status_code, "error")
    return problem_response(error.status_code, code, title, detail, error.headers)


def _invalid(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    found = [
        {"where": ".".join(str(part) for part in one["loc"]), "what": one["msg"]}
        for one in error.errors()[:ERRORS_SHOWN_MAX]
    ]
    detail = "; ".join(f"{one['where']}: {one['what']}" for one in found[:3])
    return problem_response(422, "invalid_request", "The request is malformed", detail, errors=found)


def _failure(_request: Request, error: Exception) -> JSONResponse:
    answer = next(ANSWERS[kind] for kind in type(error).__mro__ if kind in ANSWERS)
    headers: dict[str, str] = {}
    members: dict[str, Any] = {}
    if isinstance(error, Overloaded):
        headers["Retry-After"] = str(math.ceil(error.retry_after_s))
    if isinstance(error, cases.Conflict):
        members["current_version"] = error.current_version
    return problem_response(answer.status, answer.code, answer.title, str(error), headers, **members)


def _unexpected(request: Request, error: Exception) -> JSONResponse:
    log.error("request failed", path=request.url.path, error=repr(error))
    return problem_response(500, "internal_error", "Something went wrong here, not with your request")
