"""The door for events: receipts, refusals, streams, slow and large bodies, overload, a full disk."""

import asyncio
import contextlib
import gzip
import json
import socket
import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn
from fastapi import FastAPI
from starlette.testclient import TestClient

from api.app import create_app
from api.limits import Limits
from api.serving import server
from monitoring.adapters.refusals import Overloaded, StorageFull
from monitoring.settings import Settings
from tests.fakes.runtime import ThinRuntime
from tests.integration.api.conftest import FAST, SignIn

NDJSON = {"Content-Type": "application/x-ndjson"}


def test_a_delivery_is_answered_with_its_receipt_which_can_be_asked_for_again(
    signed_in: SignIn, runtime: ThinRuntime
) -> None:
    sensor = signed_in("ingest")
    answer = sensor.post("/v1/events?wait=processed&name=a.ndjson", content=b"{}\nbad\n", headers=NDJSON)
    receipt = answer.json()
    assert answer.status_code == 200
    assert (receipt["accepted"], receipt["rejected"]) == (1, {"json_syntax": 1})
    _, how = runtime.calls[-1]
    assert (how["wait"], how["name"], how["principal"]) == ("processed", "a.ndjson", "token:ingest")
    assert sensor.get(f"/v1/receipts/{receipt['receipt_id']}").json() == receipt
    assert signed_in("analyst").get(f"/v1/receipts/{receipt['receipt_id']}").status_code == 200
    runtime.ingest_bytes(b"{}\n", principal="token:other")
    others = f"/v1/receipts/r-{runtime.store.offset()}"
    assert sensor.get(others).json()["code"] == sensor.get("/v1/receipts/none").json()["code"] == "not_found"


def test_the_body_reaches_the_door_byte_by_byte_as_it_was_sent(
    signed_in: SignIn, runtime: ThinRuntime
) -> None:
    packed = gzip.compress(b"{}\n" * 3)
    headers = {"Content-Type": "text/csv; charset=utf-8", "Content-Encoding": "gzip"}
    signed_in("local").post("/v1/events?end_of_input=true", content=packed, headers=headers)
    _, how = runtime.calls[-1]
    assert how["body"] == packed
    assert (how["content_type"], how["encoding"], how["end_of_input"]) == ("text/csv", "gzip", True)


def test_what_is_refused_whole_is_a_problem_with_its_reason(signed_in: SignIn) -> None:
    sensor = signed_in("ingest")
    answer = sensor.post("/v1/events", content=b"", headers=NDJSON)
    assert (answer.status_code, answer.json()["code"]) == (422, "empty")
    assert answer.headers["content-type"] == "application/problem+json"
    answer = sensor.post("/v1/events", content=b"bad\n", headers=NDJSON)
    assert (answer.status_code, answer.json()["code"]) == (422, "no_row_accepted")
    assert answer.json()["receipt"]["rejected"] == {"json_syntax": 1}


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "application/xml"},
        {"Content-Type": ""},
        {"Content-Type": "application/x-ndjson", "Content-Encoding": "br"},
        {"Content-Type": "application/x-ndjson", "Content-Encoding": "gzip, gzip"},
        {"Content-Type": "multipart/form-data; boundary=x"},
    ],
)
def test_other_media_types_and_encodings_are_415(signed_in: SignIn, headers: dict[str, str]) -> None:
    answer = signed_in("ingest").post("/v1/events", content=b"{}\n", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


def test_overload_and_a_full_disk_are_said_openly(signed_in: SignIn, runtime: ThinRuntime) -> None:
    sensor = signed_in("ingest")
    runtime.refuse = Overloaded("64 records wait", retry_after_s=2.5)
    answer = sensor.post("/v1/events", content=b"{}\n", headers=NDJSON)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "3")
    runtime.refuse = StorageFull("no space left")
    answer = sensor.post("/v1/events", content=b"{}\n", headers=NDJSON)
    assert (answer.status_code, answer.json()["code"]) == (507, "storage_full")
    runtime.refuse = None
    assert sensor.post("/v1/events", content=b"{}\n", headers=NDJSON).status_code == 200


def test_a_large_body_is_refused_before_and_while_it_is_read(
    runtime: ThinRuntime, tokens: dict[str, str]
) -> None:
    settings = Settings(body_bytes_max=4_096, line_bytes_max=1_024)
    headers = {**NDJSON, "Authorization": f"Bearer {tokens['ingest']}"}
    with TestClient(create_app(runtime, settings, limits=FAST)) as client:
        answer = client.post("/v1/events", content=b"{" * 5_000, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
        lying = {**headers, "Content-Length": "10"}
        answer = client.post("/v1/events", content=iter([b"{" * 5_000]), headers=lying)
        assert answer.status_code == 413
        answer = client.post("/v1/session", json={"name": "x", "secret": "y" * (2 << 20)})
        assert answer.status_code == 413
    assert runtime.calls == []


def test_a_stream_that_is_short_is_answered_like_a_body(signed_in: SignIn, runtime: ThinRuntime) -> None:
    answer = signed_in("ingest").post("/v1/events", content=iter([b"{}\n{", b"}\nbad\n"]), headers=NDJSON)
    assert answer.status_code == 200
    assert (answer.json()["accepted"], answer.json()["rejected"]) == (2, {"json_syntax": 1})
    assert runtime.calls[-1][0] == "ingest_stream"
    assert signed_in("ingest").post("/v1/events", content=iter([b"x\n"]), headers=NDJSON).status_code == 422


def test_a_long_stream_is_answered_with_running_receipts(signed_in: SignIn) -> None:
    answer = signed_in("ingest").post("/v1/events", content=iter([b"{}\n" * 1_000] * 5), headers=NDJSON)
    receipts = [json.loads(line) for line in answer.text.splitlines()]
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert receipts[-1]["final"] is True
    assert receipts[-1]["accepted"] == 5_000
    accepted = [r["accepted"] for r in receipts]
    assert accepted == sorted(accepted)


@contextlib.contextmanager
def served(app: FastAPI, limits: Limits = FAST) -> Iterator[int]:
    """The application under the real server, on a port of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    running: uvicorn.Server = server(app, "127.0.0.1", port, limits=limits)
    thread = threading.Thread(target=lambda: asyncio.run(running.serve()), daemon=True)
    thread.start()
    deadline = time.monotonic() + 10
    while not running.started and time.monotonic() < deadline:
        time.sleep(0.01)
    try:
        yield port
    finally:
        running.should_exit = True
        thread.join(10)
        assert not thread.is_alive()


def talk(port: int, *parts: bytes, pause_s: float = 0.0, timeout_s: float = 5.0) -> bytes:
    """Send the parts with pauses and read until the server closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=timeout_s) as connection:
        received = b""
        try:
            for part in parts:
                connection.sendall(part)
                time.sleep(pause_s)
            while piece := connection.recv(65_536):
                received += piece
        except (ConnectionError, TimeoutError):
            pass
        return received


def head(token: str, *lines: str) -> bytes:
    always = ["Host: x", f"Authorization: Bearer {token}", "Content-Type: application/x-ndjson"]
    return "\r\n".join(["POST /v1/events HTTP/1.1", *always, *lines, "", ""]).encode()


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def test_over_a_real_connection_receipts_run_while_the_stream_is_sent(
    app: FastAPI, tokens: dict[str, str]
) -> None:
    with (
        served(app) as port,
        socket.create_connection(("127.0.0.1", port), timeout=5) as connection,
    ):
        connection.sendall(head(tokens["ingest"], "Transfer-Encoding: chunked", "Connection: close"))
        connection.sendall(chunk(b"{}\n" * 1_000))
        first = b""
        while b'"accepted": 1000' not in first:
            piece = connection.recv(65_536)
            assert piece, "the connection ended before the first running receipt"
            first += piece
        assert first.startswith(b"HTTP/1.1 200 OK")
        connection.sendall(chunk(b"{}\n") + b"0\r\n\r\n")
        rest = b""
        while piece := connection.recv(65_536):
            rest += piece
    assert b'"final": true' in rest


def test_a_trickling_body_and_a_trickling_head_are_given_up(app: FastAPI, tokens: dict[str, str]) -> None:
    limits = Limits(head_s=0.4, body_idle_s=FAST.body_idle_s)
    with served(app, limits) as port:
        answer = talk(port, head(tokens["ingest"], "Content-Length: 1000"), b"{")
        assert b" 408 " in answer.split(b"\r\n")[0]
        assert b"body_too_slow" in answer
        assert talk(port, b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ") == b""
        assert b" 200 " in talk(port, b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")


def test_a_stream_that_breaks_keeps_what_came(
    app: FastAPI, tokens: dict[str, str], runtime: ThinRuntime
) -> None:
    with served(app) as port:
        connection = socket.create_connection(("127.0.0.1", port), timeout=5)
        connection.sendall(head(tokens["ingest"], "Transfer-Encoding: chunked"))
        connection.sendall(chunk(b"{}\n{}\n"))
        time.sleep(0.1)
        connection.close()
        deadline = time.monotonic() + 5
        before = runtime.store.offset()
        while runtime.store.offset() == before and time.monotonic() < deadline:
            time.sleep(0.02)
        kept = runtime.store.receipt(f"r-{runtime.store.offset()}")
    assert kept is not None
    assert kept["body"]["accepted"] == 2


def test_more_deliveries_than_can_be_taken_are_told_to_wait(app: FastAPI, tokens: dict[str, str]) -> None:
    opened = []
    with served(app) as port:
        for _ in range(FAST.deliveries_max):
            connection = socket.create_connection(("127.0.0.1", port), timeout=5)
            connection.sendall(head(tokens["ingest"], "Transfer-Encoding: chunked"))
            opened.append(connection)
        time.sleep(0.15)
        answer = talk(port, head(tokens["ingest"], "Content-Length: 3", "Connection: close"), b"{}\n")
        assert b" 429 " in answer.split(b"\r\n")[0]
        assert b"retry-after" in answer.lower()
        for connection in opened:
            connection.close()
        time.sleep(0.2)
        answer = talk(port, head(tokens["ingest"], "Content-Length: 3", "Connection: close"), b"{}\n")
        assert b" 200 " in answer.split(b"\r\n")[0]


def test_events_are_opened_by_id_by_track_and_by_sensor(
    signed_in: SignIn, runtime: ThinRuntime, with_case: str
) -> None:
    client = signed_in("analyst")
    assert [e["id"] for e in client.get("/v1/events?ids=s/2,s/1").json()["items"]] == ["1", "2"]
    assert len(client.get("/v1/events?sensor_id=s&track_id=t").json()["items"]) == 3
    assert client.get("/v1/events?sensor_id=s&track_id=t&limit=2").json()["truncated"] is True
    event = client.get("/v1/events?ids=s/1").json()["items"][0]
    day = {"sensor_id": "s", "from": event["time"], "to": "2026-11-25T00:00:00Z"}
    answer = client.get("/v1/events", params=day)
    assert answer.status_code in (200, 422)
    assert client.get("/v1/events?sensor_id=s").status_code == 422
    assert client.get("/v1/events").status_code == 422
    lines = client.get("/v1/events?ids=s/1,s/2&format=ndjson").text.splitlines()
    assert [json.loads(line)["id"] for line in lines] == ["1", "2"]
