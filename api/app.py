"""The HTTP application: routes, sign-in, limits, live feed and workspace around a running system."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from fastapi import FastAPI

from api import documentation, errors
from api.auth import Authenticator
from api.limits import Limits
from api.live import LiveFeed
from api.metrics import Metrics
from api.middleware import BoundedBody, Counted, SafeHeaders
from api.policy import check_routes
from api.ports import Runtime
from api.routes import (
    cases,
    coverage,
    events,
    mission,
    quality,
    quarantine,
    reports,
    results,
    sensors,
    session,
    system,
)
from api.workspace import BUNDLE, workspace_router
from monitoring.settings import Settings


def create_app(
    runtime: Runtime,
    settings: Settings | None = None,
    *,
    limits: Limits | None = None,
    bundle: Path = BUNDLE,
    clock_ns: Callable[[], int] = time.time_ns,
) -> FastAPI:
    """The application around `runtime`. Raises UndeclaredPolicy when a route does not say who may use it.

    `clock_ns` decides what is overdue and when sessions end; it has no part in any result.
    """
    settings = settings or Settings()
    limits = limits or Limits()
    product_version = _version()
    app = FastAPI(
        title="contactline",
        version=product_version,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan,
    )
    app.state.runtime = runtime
    app.state.limits = limits
    app.state.clock_ns = clock_ns
    app.state.authenticate = Authenticator(runtime, limits, clock_ns)
    app.state.metrics = Metrics()
    app.state.deliveries = events.Deliveries(limits)
    app.state.live = LiveFeed(runtime.store)
    app.state.subscribers = 0
    for part in (
        session,
        mission,
        quality,
        cases,
        results,
        coverage,
        events,
        sensors,
        quarantine,
        reports,
        system,
    ):
        app.include_router(part.router)
    app.include_router(documentation.router)
    app.include_router(workspace_router(bundle))
    check_routes(app)
    errors.install(app)
    app.openapi = partial(documentation.describe, app, product_version)  # type: ignore[method-assign] # FastAPI's documented way
    app.add_middleware(BoundedBody, limits=limits, events_bytes_max=settings.body_bytes_max)
    app.add_middleware(SafeHeaders)
    app.add_middleware(Counted, metrics=app.state.metrics)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    live: LiveFeed = app.state.live
    await live.start()
    try:
        yield
    finally:
        live.close()


def _version() -> str:
    try:
        return version("contactline")
    except PackageNotFoundError:
        return "0"
