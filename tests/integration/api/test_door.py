"""The door as a whole: problems, headers, the live feed, sensors, quarantine, reports, workspace, OpenAPI."""

import contextlib
import json
import threading
import time
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from jsonschema import Draft202012Validator
from starlette.testclient import TestClient

from api.middleware import CONTENT_POLICY
from api.routes.mission import period_at
from api.times import from_text
from tests.fakes.runtime import ThinRuntime
from tests.fakes.tables import finding, output
from tests.integration.api.conftest import SignIn
from tests.integration.api.test_events import served


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/nothing", 404, "not_found"),
        ("GET", "/v1", 404, "not_found"),
        ("GET", "/v1/session", 405, "method_not_allowed"),
        ("PUT", "/v1/cases", 405, "method_not_allowed"),
        ("GET", "/v1/cases", 401, "sign_in_required"),
        ("POST", "/v1/session", 415, "unsupported_media_type"),
        ("GET", "/missing.js", 404, "not_found"),
        ("DELETE", "/", 405, "method_not_allowed"),
    ],
)
def test_every_failure_is_a_problem(
    client: TestClient, method: str, path: str, status: int, code: str
) -> None:
    answer = client.request(method, path, content=b"x" if method == "POST" else None)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert (body["status"], body["code"]) == (status, code)
    assert set(body) >= {"type", "title"}


def test_a_fault_of_the_program_is_a_problem_that_tells_nothing_of_the_inside(
    app: FastAPI, runtime: ThinRuntime, tokens: dict[str, str]
) -> None:
    def fail() -> dict[str, Any]:
        raise RuntimeError("secret inside")

    runtime.status = fail  # type: ignore[method-assign] # a fault on purpose
    with TestClient(app, raise_server_exceptions=False) as client:
        answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert "secret inside" not in answer.text


def test_json_that_cannot_be_read_is_a_malformed_request(client: TestClient) -> None:
    for content in (b"{", b'{"name": NaN}', b"[]", b"\xff", b'{"name":"a","secret":["x"]}'):
        answer = client.post("/v1/session", content=content, headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()["code"]) in ((422, "invalid_request"), (400, "bad_request"))


def test_every_answer_carries_the_safe_headers(client: TestClient) -> None:
    for path in ("/", "/v1/cases", "/healthz", "/v1/nothing", "/assets/app-1a2b.js"):
        headers = client.get(path).headers
        assert headers["content-security-policy"] == CONTENT_POLICY
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
    assert "unsafe" not in CONTENT_POLICY


def test_the_workspace_falls_back_to_its_page_and_its_files_are_kept_for_ever(client: TestClient) -> None:
    for path in ("/", "/cases/2026-00001", "/index.html"):
        answer = client.get(path)
        assert "<title>workspace</title>" in answer.text
        assert answer.headers["cache-control"] == "no-cache"
    assert "immutable" in client.get("/assets/app-1a2b.js").headers["cache-control"]
    assert client.get("/assets/missing.js").status_code == 404
    for path in ("/../pyproject.toml", "/%2e%2e/%2e%2e/etc/passwd", "/assets/..%2f..%2fcontactline.db"):
        assert "workspace" in client.get(path).text or client.get(path).status_code == 404


def test_health_readiness_and_counters(client: TestClient, runtime: ThinRuntime) -> None:
    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").json() == {"ready": True, "why": ""}
    runtime.is_ready = False
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["why"]) == (503, "the disk is full")
    text = client.get("/metrics").text
    assert 'contactline_http_requests_total{method="GET",route="/readyz",status="503"} 1.0' in text
    assert "contactline_ready 0.0" in text


def test_the_mission_and_its_line_are_shown(signed_in: SignIn, runtime: ThinRuntime) -> None:
    client = signed_in("analyst")
    mission = client.get("/v1/mission").json()
    assert (mission["zone"], mission["cut_off"]) == ("Europe/Kyiv", "19:30")
    assert mission["coverage"] == "not computed"
    assert mission["period"]["date"] == "2026-11-24"
    roles: dict[str, int] = {}
    for feature in client.get("/v1/line").json()["features"]:
        role = feature["properties"]["role"]
        roles[role] = roles.get(role, 0) + 1
    assert roles["line"] == 1
    assert roles["sector"] == len(runtime.sectors.ids)
    assert roles["mark"] > 5


@pytest.mark.parametrize(
    ("now", "date", "hours"),
    [
        ("2026-10-25T12:00:00Z", "2026-10-25", 25),
        ("2026-03-29T12:00:00Z", "2026-03-29", 23),
        ("2026-11-24T17:29:59Z", "2026-11-24", 24),
        ("2026-11-24T17:30:00Z", "2026-11-25", 24),
    ],
)
def test_a_reporting_period_ends_at_the_cut_off_also_when_clocks_change(
    now: str, date: str, hours: int
) -> None:
    period = period_at(from_text(now), "Europe/Kyiv", "19:30")
    assert period["date"] == date
    assert from_text(period["to"]) - from_text(period["from"]) == hours * 3_600 * 10**9


def test_sensors_are_registered_by_operators(signed_in: SignIn, runtime: ThinRuntime) -> None:
    operator = signed_in("operator")
    one = {"id": "gs-1", "type": "geophone", "lon": 35.0, "lat": 48.0, "host_side": "A"}
    assert operator.post("/v1/sensors", json=one).json()["added"] == 1
    many = {"sensors": [{"id": f"n{n}", "type": "generic"} for n in range(3)]}
    assert operator.post("/v1/sensors", json=many).json()["added"] == 3
    answer = operator.post("/v1/sensors", json={"id": "x", "type": "crystal_ball"})
    assert (answer.status_code, answer.json()["code"]) == (422, "sensor_invalid")
    shown = {s["sensor_id"]: s for s in operator.get("/v1/sensors").json()["items"]}
    assert (shown["gs-1"]["lon"], shown["gs-1"]["state"]) == (35.0, "never_seen")
    assert "lon" not in signed_in("analyst").get("/v1/sensors").json()["items"][0]


def test_the_quarantine_shows_rows_with_reason_and_original_to_operators(
    signed_in: SignIn, runtime: ThinRuntime
) -> None:
    runtime.ingest_bytes(b"one\n\xfftwo\n", principal="token:ingest")
    page = signed_in("operator").get("/v1/quarantine?limit=1").json()
    assert (page["items"][0]["original"], page["items"][0]["original_encoding"]) == ("/3R3bw==", "base64")
    assert page["counts"] == {"json_syntax": 2}
    rest = signed_in("operator").get(f"/v1/quarantine?cursor={page['next_cursor']}").json()
    assert [(r["original"], r["line"]) for r in rest["items"]] == [("one", 1)]
    assert signed_in("analyst").get("/v1/quarantine").json()["items"][0]["original"] is None
    answer = signed_in("operator").post("/v1/quarantine/replay", json={"reason": "json_syntax"})
    assert answer.json() == {"replayed": 0, "reason": "json_syntax"}


def test_reports_are_documents_without_scripts(signed_in: SignIn) -> None:
    client = signed_in("reviewer")
    (report,) = client.get("/v1/reports").json()["items"]
    for form in ("html", "csv", "json"):
        assert client.get(report[form]).text == f"{form} of 2026-11-24"
    policy = client.get(report["html"]).headers["content-security-policy"]
    assert "sandbox" in policy
    assert "script" not in policy
    assert client.get("/v1/reports/2026-11-25.html").status_code == 404
    assert client.get("/v1/reports/2026-11-24.exe").status_code == 422


def test_the_openapi_document_is_valid_complete_and_says_who_may_do_what(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    for path, item in document["paths"].items():
        for method, operation in item.items():
            assert operation["x-roles"], (path, method)
            assert operation.get("description"), (path, method)
            ok = [r for code, r in operation["responses"].items() if code.startswith("2")]
            assert all("content" in r for r in ok) or "204" in operation["responses"], (path, method)
            assert "default" in operation["responses"]
    text = json.dumps(document)
    names = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert names <= set(document["components"]["schemas"])
    for shape in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(shape)
    page = client.get("/docs")
    assert "/v1/cases/{number}/decisions" in page.text
    assert "<script" not in page.text


def read_stream(
    client: TestClient,
    port: int,
    headers: dict[str, str],
    until: int,
    *,
    with_comments: bool = False,
    greeted: threading.Event | None = None,
) -> list[dict[str, Any]]:
    """Events of the live stream, read over a real connection until there are `until` of them; `greeted` is set with
    the first, from which on every change is told."""
    cookies = {"contactline_session": client.cookies["contactline_session"]}
    found: list[dict[str, Any]] = []
    with (
        contextlib.suppress(httpx2.TransportError),
        httpx2.Client(cookies=cookies, timeout=60) as own,
        own.stream("GET", f"http://127.0.0.1:{port}/v1/live", headers=headers) as answer,
    ):
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        event: dict[str, Any] = {}
        for line in answer.iter_lines():
            if line.startswith(":") and not with_comments:
                continue
            if line.startswith(":"):
                found.append({"comment": line[1:].strip()})
            elif line:
                name, _, value = line.partition(": ")
                event[name] = value
            elif event:
                found.append({**event, "data": json.loads(event["data"])})
                event = {}
                if greeted is not None:
                    greeted.set()
            if len(found) >= until:
                return found
    return found


def test_the_live_feed_tells_changes_and_resumes_where_it_broke(
    app: FastAPI, signed_in: SignIn, runtime: ThinRuntime, with_case: str
) -> None:
    client = signed_in("analyst")
    with served(app) as port:
        results: list[list[dict[str, Any]]] = []
        greeted = threading.Event()
        reader = threading.Thread(
            target=lambda: results.append(read_stream(client, port, {}, 3, greeted=greeted))
        )
        reader.start()
        assert greeted.wait(60), "the stream did not begin"
        runtime.publish(output(findings=[finding("g1"), finding("g2")]))
        reader.join(60)
        hello, *told = results[0]
        assert hello["data"] == {"id": "live", "reset": False}
        assert [e["data"]["id"] for e in told] == ["g1", "g2"]
        assert told[0]["event"] == "finding"
        missed = read_stream(client, port, {"Last-Event-ID": hello["id"]}, 3)
        assert [e["data"]["id"] for e in missed] == ["live", "g1", "g2"]
        ids = [int(e["id"]) for e in missed if "id" in e]
        assert ids == sorted(ids)
        for strange in ("999999", "-1", "abc"):
            (first,) = read_stream(client, port, {"Last-Event-ID": strange}, 1)
            assert first["data"]["reset"] is True
        beats = read_stream(client, port, {}, 2, with_comments=True)
        assert {"comment": "heartbeat"} in beats


def test_a_change_is_told_to_whoever_listens(app: FastAPI, signed_in: SignIn, runtime: ThinRuntime) -> None:
    client = signed_in("analyst")
    with served(app) as port:
        for n in range(5):
            greeted = threading.Event()
            reader = threading.Thread(
                target=read_stream, args=(client, port, {}, 2), kwargs={"greeted": greeted}
            )
            reader.start()
            assert greeted.wait(60), "the stream did not begin"
            runtime.publish(output(findings=[finding(f"x{n}")]))
            reader.join(60)
            assert not reader.is_alive(), "the change was not told"


def test_a_server_with_open_live_streams_stops_in_time(app: FastAPI, signed_in: SignIn) -> None:
    client = signed_in("analyst")
    readers = []
    with served(app) as port:
        for _ in range(3):
            reader = threading.Thread(target=lambda: read_stream(client, port, {}, 10_000), daemon=True)
            reader.start()
            readers.append(reader)
        time.sleep(0.3)
    for reader in readers:
        reader.join(30)
        assert not reader.is_alive(), "an open stream outlives its server"
