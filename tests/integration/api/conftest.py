"""The real application over the real store, with a thin runtime; people who are signed in."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from api.app import create_app
from api.limits import Limits
from monitoring import schema
from tests.fakes.runtime import SECRET, ThinRuntime, some_events
from tests.fakes.tables import filing, finding, incident, output

CASE = "2026-00001"
CSRF = {"X-Requested-With": "contactline"}
FAST = Limits(body_idle_s=0.3, heartbeat_s=0.2, failures_max=3, deliveries_max=4)


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[ThinRuntime]:
    opened = ThinRuntime(tmp_path / "contactline.db")
    yield opened
    opened.close()


@pytest.fixture
def tokens(runtime: ThinRuntime) -> dict[str, str]:
    return runtime.with_people()


@pytest.fixture
def app(runtime: ThinRuntime, tmp_path: Path) -> FastAPI:
    bundle = tmp_path / "dist"
    (bundle / "assets").mkdir(parents=True)
    (bundle / "index.html").write_text("<!doctype html><title>workspace</title>")
    (bundle / "assets" / "app-1a2b.js").write_text("export {}")
    return create_app(runtime, limits=FAST, bundle=bundle, clock_ns=lambda: runtime.now_ns)


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app) as opened:
        yield opened


SignIn = Callable[..., TestClient]


@pytest.fixture
def signed_in(app: FastAPI, client: TestClient, tokens: dict[str, str]) -> SignIn:
    """A client of its own for each person or token."""

    def sign_in(name: str) -> TestClient:
        own = TestClient(app, headers=dict(CSRF))
        if name in tokens:
            own.headers["Authorization"] = f"Bearer {tokens[name]}"
        elif name != "nobody":
            answer = own.post("/v1/session", json={"name": name, "secret": SECRET})
            assert answer.status_code == 200, answer.text
        return own

    return sign_in


@pytest.fixture
def with_case(runtime: ThinRuntime, tokens: dict[str, str]) -> str:
    """A case about a crossing and an incident of fire, with the events behind them."""
    runtime.archive.table = some_events()
    members = [{"incident_id": "i1", "sensor_id": "s", "id": "3", "journal_seq": 1, "row": 2}]
    runtime.publish(
        output(
            findings=[
                finding("f1", track_id="t", probability=0.98, incident_id="i1"),
                finding("f2", rule_id="ceasefire_fire", party=None, verdict="undetermined", sector=None),
            ],
            incidents=[incident("i1")],
            members=members,
            filings=[filing(CASE, "f1", incident_id="i1", priority=1)],
        )
    )
    assert schema.MEMBERS.names[0] == "incident_id"
    return CASE
