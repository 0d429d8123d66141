"""Signing in and out, and who one is."""

from functools import partial

import anyio.to_thread
from fastapi import APIRouter, Request, Response

from api import auth, policy, schemas
from api.auth import Authenticator, Me, Principal
from api.errors import Problem
from api.policy import GuardedRoute, allow
from api.routes.parameters import limits_of, runtime_of

router = APIRouter(route_class=GuardedRoute, tags=["session"])


@router.post("/v1/session", response_model=schemas.Me, **allow(policy.PUBLIC))
async def sign_in(request: Request, response: Response, body: schemas.SignIn) -> dict[str, object]:
    """Sign in with name and secret. The answer sets the session's cookie."""
    address = request.client.host if request.client else "?"
    principal, session_id = await _authenticator(request).sign_in(body.name, body.secret, address)
    auth.set_cookie(response, request, session_id, limits_of(request))
    return _me(principal)


@router.delete("/v1/session", status_code=204, **allow(policy.SIGNED_IN))
async def sign_out(request: Request, response: Response, me: Me) -> None:
    """Sign out: the session ends on the server."""
    await _authenticator(request).sign_out(me)
    response.delete_cookie(auth.COOKIE, path="/", httponly=True, samesite="strict")


@router.get("/v1/me", response_model=schemas.Me, **allow(policy.SIGNED_IN))
async def who_am_i(me: Me) -> dict[str, object]:
    """Who is asking, and whether a one-time secret still has to be replaced."""
    return _me(me)


@router.post("/v1/me/secret", response_model=schemas.Me, **allow(policy.SIGNED_IN))
async def set_secret(
    request: Request, response: Response, me: Me, body: schemas.NewSecret
) -> dict[str, object]:
    """Set one's own secret, of 12 characters or more; every other session of the account ends."""
    authenticator = _authenticator(request)
    if me.session_sha256 is None:
        raise Problem(403, "forbidden", "A token has no secret of its own")
    if not me.must_set_secret and not await authenticator.is_secret_of(me.name, body.current or ""):
        raise Problem(403, "wrong_secret", "The present secret is wrong")
    if await authenticator.is_secret_of(me.name, body.secret):
        raise Problem(422, "same_secret", "The new secret is the present one")
    record = {
        "op": "set_secret",
        "name": me.name,
        "secret_hash": await authenticator.hash(body.secret),
        "must_set_secret": False,
    }
    await anyio.to_thread.run_sync(partial(runtime_of(request).change_account, me.name, record))
    principal, session_id = await authenticator.begin_again(me.name)
    auth.set_cookie(response, request, session_id, limits_of(request))
    return _me(principal)


@router.get("/v1/accounts", response_model=schemas.People, **allow(policy.MONITORS))
def list_people(request: Request) -> dict[str, object]:
    """Who a case can be assigned to, and who else there is."""
    people = runtime_of(request).store.accounts()
    shown = [{k: p[k] for k in ("name", "display_name", "roles")} for p in people if not p["is_disabled"]]
    return {"items": shown}


def _authenticator(request: Request) -> Authenticator:
    authenticator: Authenticator = request.app.state.authenticate
    return authenticator


def _me(principal: Principal) -> dict[str, object]:
    return {
        "name": principal.name,
        "display_name": principal.display_name,
        "roles": sorted(principal.roles),
        "must_set_secret": principal.must_set_secret,
    }
