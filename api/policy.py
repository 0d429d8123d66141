"""Who may use which route. Deny by default: a route that declares no policy cannot be built.

A policy is declared where the route is, as `**allow(MONITORS)`, shows in the OpenAPI document as `x-roles` and is
enforced before the body is read.
"""

from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, Final

from fastapi import FastAPI, Request, Response
from fastapi.routing import APIRoute, iter_route_contexts

from api.errors import MEDIA_TYPE, Problem

ROLES: Final = (
    "sensor",
    "operator",
    "analyst",
    "reviewer",
    "commissioner",
    "liaison_a",
    "liaison_b",
    "auditor",
    "admin",
    "local",
)
"""`sensor` is a token that delivers events; `local` a command of the server's own user on its own machine."""
PUBLIC: Final = ("public",)
"""Anybody, signed in or not."""
SIGNED_IN: Final = ("signed_in",)
"""Any account, also one that still has to set its own secret."""
MONITORS: Final = ("operator", "analyst", "reviewer", "commissioner", "auditor", "local")
"""Who sees positions and times as they are: the monitors and the commission."""
CASE_WORKERS: Final = ("analyst", "reviewer")
REVIEWERS: Final = ("reviewer",)
OPERATORS: Final = ("operator", "local")
DELIVERERS: Final = ("sensor", "operator", "local")
RECEIPT_READERS: Final = ("sensor", *MONITORS)
AUDITORS: Final = ("auditor", "reviewer")

Authenticate = Callable[[Request], Awaitable[Any]]


class UndeclaredPolicy(Exception):
    """A route was built without saying who may use it."""


def allow(roles: Iterable[str]) -> dict[str, Any]:
    """Keyword arguments of a route that may be used by these roles."""
    named = list(roles)
    unknown = set(named) - {*ROLES, *PUBLIC, *SIGNED_IN}
    if unknown or not named:
        raise UndeclaredPolicy(f"a policy names no role or unknown ones: {sorted(unknown)}")
    responses: dict[int | str, dict[str, Any]] = {}
    if named != list(PUBLIC):
        responses = {401: _documented("Nobody is signed in"), 403: _documented("The role is missing")}
    return {"openapi_extra": {"x-roles": named}, "responses": responses}


def _documented(description: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": description, "content": {MEDIA_TYPE: {"schema": schema}}}


class GuardedRoute(APIRoute):
    """A route that knows who may use it and asks before anything else is done."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        roles = (options.get("openapi_extra") or {}).get("x-roles")
        if not roles:
            raise UndeclaredPolicy(
                f"route {path} ({endpoint.__module__}.{endpoint.__name__}) declares no policy: add **allow(…)"
            )
        self.roles = tuple(roles)
        super().__init__(path, endpoint, **options)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            authenticate: Authenticate = request.app.state.authenticate
            request.state.principal = await authenticate(request)
            enforce(request.state.principal, self.roles)
            if self.body_field is not None:
                _need_json(request)
            return await handle(request)

        return guarded


def enforce(principal: Any, roles: tuple[str, ...]) -> None:
    """Raise the Problem that keeps `principal` (None = nobody) away from a route of these roles."""
    if roles == PUBLIC:
        return
    if principal is None:
        raise Problem(
            401,
            "sign_in_required",
            "Sign in first",
            headers={"WWW-Authenticate": 'Bearer realm="contactline"'},
        )
    if roles == SIGNED_IN:
        return
    if principal.must_set_secret:
        raise Problem(
            403,
            "secret_required",
            "Set your own secret first",
            "The one-time secret opens nothing but POST /v1/me/secret.",
        )
    if not principal.roles & set(roles):
        raise Problem(
            403,
            "forbidden",
            "You may not do this",
            f"This needs the role {' or '.join(roles)}; you have {', '.join(sorted(principal.roles))}.",
        )


def check_routes(app: FastAPI, open_paths: Iterable[str] = ()) -> None:
    """Raise UndeclaredPolicy for a route outside `open_paths` that is not guarded."""
    known = set(open_paths)
    for context in iter_route_contexts(app.routes):
        if not isinstance(context.original_route, GuardedRoute) and context.path not in known:
            raise UndeclaredPolicy(f"route {context.path} declares no policy")


def _need_json(request: Request) -> None:
    media = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if media != "application/json" and not media.endswith("+json"):
        raise Problem(
            415,
            "unsupported_media_type",
            "The body has to be JSON",
            f"Content-Type is {media or 'missing'}; send application/json.",
        )
