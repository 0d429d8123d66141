"""Who is asking: a signed-in person by session cookie, or a machine by bearer token.

Sessions live on the server; the cookie holds a random id of which only the SHA-256 is kept. Secrets are
verified off the event loop, few at a time, and a name that fails again and again has to wait ever longer.
"""

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Final, TypeVar

import anyio
import anyio.to_thread
from fastapi import Depends, Request, Response

from api.errors import Problem
from api.limits import Limits
from api.ports import Runtime
from monitoring.adapters import credentials
from monitoring.adapters.store import Account, Session

T = TypeVar("T")
COOKIE: Final = "contactline_session"
CSRF_HEADER: Final = "x-requested-with"
CSRF_VALUE: Final = "contactline"
_SAFE_METHODS: Final = ("GET", "HEAD", "OPTIONS")
_SCOPE_ROLES: Final = {"events": ("sensor",), "local": ("sensor", "operator", "local")}
_TOUCH_NS: Final = 60 * 10**9
"""A session's use is written down at most this often."""


@dataclass(frozen=True)
class Principal:
    """Who asks. `session_sha256` is set for a person."""

    name: str
    display_name: str
    roles: frozenset[str]
    must_set_secret: bool = False
    session_sha256: str | None = None

    @property
    def sees_sensor_places(self) -> bool:
        """Sensor places never leave operator roles."""
        return bool(self.roles & {"operator", "local"})

    @property
    def is_monitor(self) -> bool:
        """Whether receipts of others may be seen."""
        return bool(self.roles - {"sensor"})


class Authenticator:
    """Finds out who asks, and signs people in and out."""

    def __init__(self, runtime: Runtime, limits: Limits, clock_ns: Callable[[], int] = time.time_ns) -> None:
        self._store = runtime.store
        self._limits = limits
        self._clock_ns = clock_ns
        self._throttle = Throttle(limits)
        self._verifying = anyio.CapacityLimiter(limits.sign_ins_at_once)

    async def __call__(self, request: Request) -> Principal | None:
        """The principal of the request, None for nobody. Raises the Problem of a bad credential."""
        authorization = request.headers.get("authorization")
        if authorization is not None:
            return await anyio.to_thread.run_sync(self._by_token, authorization)
        session_id = request.cookies.get(COOKIE)
        if session_id is None:
            return None
        principal = await anyio.to_thread.run_sync(self._by_session, session_id)
        if (
            principal is not None
            and request.method not in _SAFE_METHODS
            and request.headers.get(CSRF_HEADER) != CSRF_VALUE
        ):
            raise Problem(
                403,
                "csrf_header",
                "The request does not say that it comes from this workspace",
                f"Send the header X-Requested-With: {CSRF_VALUE} with every change.",
            )
        return principal

    def _by_token(self, authorization: str) -> Principal:
        scheme, _, text = authorization.partition(" ")
        prefix = credentials.token_prefix(text.strip()) if scheme.lower() == "bearer" else None
        kept = None if prefix is None else self._store.token(prefix)
        if kept is None or not credentials.is_same(kept.sha256, credentials.token_sha256(text.strip())):
            raise Problem(
                401,
                "bad_token",
                "The token is not known here",
                headers={"WWW-Authenticate": 'Bearer realm="contactline", error="invalid_token"'},
            )
        roles = frozenset(role for scope in kept.scopes for role in _SCOPE_ROLES.get(scope, ()))
        return Principal(f"token:{kept.name}", kept.name, roles)

    def _by_session(self, session_id: str) -> Principal | None:
        now_ns = self._clock_ns()
        id_sha256 = credentials.token_sha256(session_id)
        session = self._store.session(id_sha256)
        if session is None or self._is_over(session, now_ns):
            return None
        account = self._store.account(session.account)
        if account is None or account.is_disabled:
            return None
        if now_ns - session.used_at_ns > _TOUCH_NS:
            self._store.touch_session(id_sha256, now_ns)
        return _person(account, id_sha256)

    def _is_over(self, session: Session, now_ns: int) -> bool:
        return (
            now_ns - session.used_at_ns > self._limits.session_idle_ns
            or now_ns - session.created_at_ns > self._limits.session_ns
        )

    async def sign_in(self, name: str, secret: str, address: str) -> tuple[Principal, str]:
        """The person and the new session's id. Raises the Problem of a wrong name or secret."""
        self._throttle.check(name, address)
        account = await anyio.to_thread.run_sync(self._store.account, name)
        usable = account is not None and not account.is_disabled
        secret_hash = account.secret_hash if account is not None and usable else None
        is_right = await self._verify(secret, secret_hash)
        if account is None or not usable or not is_right:
            self._throttle.failed(name, address)
            raise Problem(401, "sign_in_failed", "Name or secret is wrong")
        self._throttle.succeeded(name, address)
        return await self._begin(account)

    async def is_secret_of(self, account_name: str, secret: str) -> bool:
        """Whether this is the account's present secret."""
        account = await anyio.to_thread.run_sync(self._store.account, account_name)
        return account is not None and await self._verify(secret, account.secret_hash)

    async def hash(self, secret: str) -> str:
        """The hash of a new secret."""
        return await self._off_loop(partial(credentials.hash_secret, secret))

    async def _begin(self, account: Account) -> tuple[Principal, str]:
        session_id = secrets.token_urlsafe(32)
        now_ns = self._clock_ns()
        id_sha256 = credentials.token_sha256(session_id)
        session = Session(id_sha256, account.name, now_ns, now_ns)
        limits = self._limits

        def keep() -> None:
            self._store.end_old_sessions(now_ns - limits.session_idle_ns, now_ns - limits.session_ns)
            self._store.add_session(session)

        await anyio.to_thread.run_sync(keep)
        return _person(account, id_sha256), session_id

    async def begin_again(self, name: str) -> tuple[Principal, str]:
        """A new session after the account's secret was replaced, which ended its sessions."""
        account = await anyio.to_thread.run_sync(self._store.account, name)
        assert account is not None
        return await self._begin(account)

    async def sign_out(self, principal: Principal) -> None:
        """End the session."""
        if principal.session_sha256 is not None:
            await anyio.to_thread.run_sync(self._store.end_session, principal.session_sha256)

    async def _verify(self, secret: str, secret_hash: str | None) -> bool:
        def verify() -> bool:
            matches = credentials.verify_secret(secret, secret_hash or credentials.nobody_hash())
            return matches and secret_hash is not None

        return await self._off_loop(verify)

    async def _off_loop(self, work: Callable[[], T]) -> T:
        if self._verifying.statistics().tasks_waiting >= self._limits.sign_ins_waiting_max:
            raise Problem(
                429, "too_many_sign_ins", "Many people are signing in just now", headers={"Retry-After": "2"}
            )
        return await anyio.to_thread.run_sync(work, limiter=self._verifying)


class Throttle:
    """Makes a name wait after repeated failures from one address; bounded, in memory."""

    def __init__(self, limits: Limits, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits
        self._clock_s = clock_s
        self._failures: OrderedDict[tuple[str, str], tuple[int, float]] = OrderedDict()

    def check(self, name: str, address: str) -> None:
        """Raise the Problem of having to wait."""
        count, wait_until_s = self._failures.get((name, address), (0, 0.0))
        left_s = wait_until_s - self._clock_s()
        if count >= self._limits.failures_max and left_s > 0:
            seconds = int(left_s) + 1
            raise Problem(
                429,
                "sign_in_throttled",
                "Too many wrong secrets",
                f"Wait {seconds} s before the next try.",
                headers={"Retry-After": str(seconds)},
            )

    def failed(self, name: str, address: str) -> None:
        """Count a failure."""
        count = self._failures.pop((name, address), (0, 0.0))[0] + 1
        extra = min(max(0, count - self._limits.failures_max), 30)
        wait_s = min(self._limits.failure_wait_s * 2**extra, self._limits.failure_wait_s_max)
        self._failures[(name, address)] = (count, self._clock_s() + wait_s)
        while len(self._failures) > self._limits.failures_kept_max:
            self._failures.popitem(last=False)

    def succeeded(self, name: str, address: str) -> None:
        """Forget the failures."""
        self._failures.pop((name, address), None)


def set_cookie(response: Response, request: Request, session_id: str, limits: Limits) -> None:
    """Hand the session's id to the browser."""
    response.set_cookie(
        COOKIE,
        session_id,
        max_age=limits.session_ns // 10**9,
        path="/",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )


def _person(account: Account, id_sha256: str) -> Principal:
    return Principal(
        account.name,
        account.display_name,
        frozenset(account.roles),
        account.must_set_secret,
        id_sha256,
    )


async def _current(request: Request) -> Principal:
    principal = request.state.principal
    assert isinstance(principal, Principal)
    return principal


Me = Annotated[Principal, Depends(_current)]
"""The person or machine that asks; for routes that are not public."""
