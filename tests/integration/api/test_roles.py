"""Who may use which route: each route with each role, nobody, a token, a one-time secret."""

import re
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.routing import iter_route_contexts
from starlette.testclient import TestClient

from api import policy
from api.app import create_app
from api.policy import GuardedRoute, UndeclaredPolicy, allow, check_routes
from tests.fakes.runtime import ThinRuntime, account
from tests.integration.api.conftest import CASE, SignIn

ROLES_OF = {
    "analyst": {"analyst"},
    "reviewer": {"reviewer"},
    "operator": {"operator"},
    "auditor": {"auditor"},
    "commissioner": {"commissioner"},
    "admin": {"admin"},
    "liaison_a": {"liaison_a"},
    "ingest": {"sensor"},
    "local": {"sensor", "operator", "local"},
}
PLACES = {
    "number": CASE,
    "decision_id": f"{CASE}-D1",
    "finding_id": "f1",
    "incident_id": "i1",
    "receipt_id": "r-1",
    "date": "2026-11-24",
    "form": "html",
    "path": "queue",
}
BODIES: dict[str, dict[str, Any]] = {
    "/v1/session": {"name": "x", "secret": "y"},
    "/v1/me/secret": {"secret": "short"},
    "/v1/cases/{number}/assign": {"assignee": None},
    "/v1/cases/{number}/notes": {"text": "n"},
    "/v1/cases/{number}/steps": {"action": "start_verification"},
    "/v1/cases/{number}/decisions": {
        "kind": "finding_of_fact",
        "outcome": "verified",
        "reasoning": "r",
        "standard_of_proof": "reasonable_grounds",
    },
    "/v1/sensors": {"id": "new", "type": "generic"},
    "/v1/lines": {"line": {}, "valid_from": "2026-01-01T00:00:00Z"},
    "/v1/notices": {"name": "n", "notices": {}},
    "/v1/quarantine/replay": {},
}


def routes_of(app: FastAPI) -> list[tuple[str, str, tuple[str, ...]]]:
    found = []
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        assert isinstance(route, GuardedRoute)
        found += [(method, route.path, route.roles) for method in sorted(route.methods)]
    return found


def ask(client: TestClient, method: str, path: str) -> int:
    target = re.sub(r"\{(\w+)(?::\w+)?\}", lambda m: PLACES[m[1]], path)
    if path == "/v1/live":
        with client.stream(method, "/v1/live?") as answer:
            return answer.status_code
    if path == "/v1/events" and method == "POST":
        headers = {"content-type": "application/x-ndjson"}
        return client.post(target, content=b"{}\n", headers=headers).status_code
    body = BODIES.get(path, {}) if method != "GET" else None
    return client.request(method, target, json=body).status_code


def test_every_route_answers_each_role_as_its_policy_says(
    app: FastAPI, signed_in: SignIn, with_case: str
) -> None:
    routes = [r for r in routes_of(app) if r[1] not in ("/v1/session", "/v1/live")]
    assert len(routes) > 35
    wrong = []
    for name, roles in ROLES_OF.items():
        client = signed_in(name)
        for method, path, allowed in routes:
            status = ask(client, method, path)
            may = allowed in (policy.PUBLIC, policy.SIGNED_IN) or bool(roles & set(allowed))
            if may != (status not in (401, 403)) and path != "/v1/me/secret":
                wrong.append((name, method, path, status))
            if status >= 500:
                wrong.append((name, method, path, status))
    assert wrong == []


def test_nobody_gets_in_anywhere_but_at_the_public_routes(app: FastAPI, signed_in: SignIn) -> None:
    client = signed_in("nobody")
    statuses = {
        (method, path): ask(client, method, path)
        for method, path, allowed in routes_of(app)
        if allowed != policy.PUBLIC
    }
    assert set(statuses.values()) == {401}
    public = {path for _, path, allowed in routes_of(app) if allowed == policy.PUBLIC}
    assert public == {
        "/v1/session",
        "/healthz",
        "/readyz",
        "/metrics",
        "/openapi.json",
        "/docs",
        "/{path:page}",
    }


def test_a_one_time_secret_opens_nothing_but_the_way_to_an_own_one(
    app: FastAPI, runtime: ThinRuntime, signed_in: SignIn
) -> None:
    runtime.change_account("test", account("newcomer", ["analyst", "reviewer"], must_set_secret=True))
    client = signed_in("newcomer")
    for method, path, allowed in routes_of(app):
        if allowed not in (policy.PUBLIC, policy.SIGNED_IN):
            assert ask(client, method, path) == 403, path
    assert client.get("/v1/cases").json()["code"] == "secret_required"
    assert client.get("/v1/me").json()["must_set_secret"] is True


def test_a_route_without_a_policy_stops_the_start(app: FastAPI, runtime: ThinRuntime) -> None:
    router = APIRouter(route_class=GuardedRoute)
    with pytest.raises(UndeclaredPolicy, match="/v1/open"):
        router.get("/v1/open")(lambda: None)
    with pytest.raises(UndeclaredPolicy, match="unknown"):
        allow(["generals"])
    app.get("/v1/unguarded")(lambda: None)
    with pytest.raises(UndeclaredPolicy, match="/v1/unguarded"):
        check_routes(app)
    assert create_app(runtime) is not None


def test_the_live_stream_is_for_monitors_only(signed_in: SignIn) -> None:
    for name in ("ingest", "admin", "liaison_a"):
        assert signed_in(name).get("/v1/live").status_code == 403


def test_sensor_places_are_shown_to_operators_only(
    runtime: ThinRuntime, signed_in: SignIn, with_case: str
) -> None:
    canary = ("34.987", "47.987", "45.0", "1000.0")
    runtime.register_sensors("op", [{"id": "s", "type": "generic", "lon": 34.987_654, "lat": 47.987_654}])
    runtime.ingest_bytes(b'x{"sensor_lon":34.987654}\n', principal="token:ingest")
    paths = [
        "/v1/sensors",
        f"/v1/cases/{with_case}",
        f"/v1/cases/{with_case}/evidence",
        f"/v1/cases/{with_case}/events.geojson",
        "/v1/incidents/i1/events",
        "/v1/events?ids=s/1",
        "/v1/quarantine",
    ]
    operator = signed_in("operator")
    assert "34.987" in operator.get("/v1/sensors").text
    assert "34.987" in operator.get("/v1/events?ids=s/1").text
    assert "34.987" in operator.get("/v1/quarantine").text
    for name in ("analyst", "reviewer", "auditor", "commissioner"):
        client = signed_in(name)
        for path in paths:
            for accept in ("application/json", "text/csv", "application/geo+json"):
                answer = client.get(path, headers={"Accept": accept})
                if answer.status_code != 403:
                    assert not any(word in answer.text for word in canary), (name, path)
