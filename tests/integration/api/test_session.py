"""Signing in: cookies, one-time secrets, throttling, expiry, the header against forged requests."""

from fastapi import FastAPI
from starlette.testclient import TestClient

from api.app import create_app
from monitoring.adapters.credentials import hash_secret
from tests.fakes.runtime import SECRET, ThinRuntime, account
from tests.integration.api.conftest import CSRF, FAST, SignIn

OWN = "a secret of my own"


def test_a_one_time_secret_lets_a_person_in_once_they_chose_their_own(
    app: FastAPI, client: TestClient, runtime: ThinRuntime
) -> None:
    once = "four-words-by-hand"
    record = account("analyst", ["analyst"], secret_hash=hash_secret(once), must_set_secret=True)
    runtime.change_account("contactline", record)
    answer = client.post("/v1/session", json={"name": "analyst", "secret": once})
    assert answer.json() == {
        "name": "analyst",
        "display_name": "Analyst",
        "roles": ["analyst"],
        "must_set_secret": True,
    }
    assert client.get("/v1/cases").json()["code"] == "secret_required"
    for wrong, code in (("too short", "invalid_request"), (once, "same_secret")):
        answer = client.post("/v1/me/secret", json={"secret": wrong}, headers=CSRF)
        assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert client.post("/v1/me/secret", json={"secret": OWN}, headers=CSRF).status_code == 200
    assert client.get("/v1/cases").status_code == 200
    other = TestClient(app)
    assert other.post("/v1/session", json={"name": "analyst", "secret": once}).status_code == 401
    assert other.post("/v1/session", json={"name": "analyst", "secret": OWN}).status_code == 200


def test_replacing_ones_own_secret_needs_the_present_one_and_ends_other_sessions(signed_in: SignIn) -> None:
    here, elsewhere = signed_in("analyst"), signed_in("analyst")
    assert here.post("/v1/me/secret", json={"secret": OWN}).json()["code"] == "wrong_secret"
    assert here.post("/v1/me/secret", json={"secret": OWN, "current": SECRET}).status_code == 200
    assert here.get("/v1/me").status_code == 200
    assert elsewhere.get("/v1/me").status_code == 401


def test_the_cookie_can_neither_be_read_by_scripts_nor_sent_from_other_sites(
    client: TestClient, tokens: dict[str, str]
) -> None:
    answer = client.post("/v1/session", json={"name": "analyst", "secret": SECRET})
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "path=/" in cookie
    assert answer.headers["cache-control"] == "no-store"


def test_only_the_hash_of_a_session_is_kept(signed_in: SignIn, runtime: ThinRuntime) -> None:
    client = signed_in("analyst")
    session_id = client.cookies["contactline_session"]
    runtime.store.close()
    assert session_id.encode() not in runtime.store.path.read_bytes()
    runtime.store = type(runtime.store).open(runtime.store.path)


def test_a_change_without_the_header_is_refused(
    app: FastAPI, client: TestClient, tokens: dict[str, str]
) -> None:
    client.post("/v1/session", json={"name": "analyst", "secret": SECRET})
    answer = client.request("DELETE", "/v1/session")
    assert (answer.status_code, answer.json()["code"]) == (403, "csrf_header")
    assert client.get("/v1/me").status_code == 200
    assert client.request("DELETE", "/v1/session", headers=CSRF).status_code == 204
    assert client.get("/v1/me").status_code == 401


def test_a_signed_out_session_is_over_on_the_server(signed_in: SignIn, app: FastAPI) -> None:
    client = signed_in("analyst")
    stolen = TestClient(app, cookies=dict(client.cookies))
    assert stolen.get("/v1/me").status_code == 200
    client.request("DELETE", "/v1/session")
    assert stolen.get("/v1/me").status_code == 401


def test_sessions_end_when_unused_and_after_a_shift(signed_in: SignIn, runtime: ThinRuntime) -> None:
    client = signed_in("analyst")
    runtime.now_ns += FAST.session_idle_ns - 1
    assert client.get("/v1/me").status_code == 200
    runtime.now_ns += FAST.session_idle_ns - 1
    assert client.get("/v1/me").status_code == 200
    runtime.now_ns += FAST.session_idle_ns + 1
    assert client.get("/v1/me").status_code == 401
    client = signed_in("analyst")
    for _ in range(FAST.session_ns // (FAST.session_idle_ns // 2)):
        runtime.now_ns += FAST.session_idle_ns // 2
        client.get("/v1/me")
    runtime.now_ns += 1
    assert client.get("/v1/me").status_code == 401


def test_a_session_survives_a_restart(signed_in: SignIn, runtime: ThinRuntime) -> None:
    cookies = dict(signed_in("analyst").cookies)
    runtime.store.close()
    runtime.store = type(runtime.store).open(runtime.store.path)
    with TestClient(create_app(runtime, clock_ns=lambda: runtime.now_ns), cookies=cookies) as again:
        assert again.get("/v1/me").json()["name"] == "analyst"


def test_a_disabled_account_is_out_at_once(signed_in: SignIn, runtime: ThinRuntime) -> None:
    client = signed_in("analyst")
    runtime.change_account("admin", {"op": "disable", "name": "analyst"})
    assert client.get("/v1/me").status_code == 401
    answer = client.post("/v1/session", json={"name": "analyst", "secret": SECRET})
    assert answer.json()["code"] == "sign_in_failed"


def test_wrong_names_and_wrong_secrets_look_the_same_and_have_to_wait(
    client: TestClient, tokens: dict[str, str]
) -> None:
    answers = {}
    for name in ("analyst", "nobody"):
        for _ in range(FAST.failures_max):
            answer = client.post("/v1/session", json={"name": name, "secret": "wrong"})
            assert answer.status_code == 401
        answers[name] = answer.json()
        answer = client.post("/v1/session", json={"name": name, "secret": SECRET})
        assert (answer.status_code, answer.json()["code"]) == (429, "sign_in_throttled")
        assert int(answer.headers["retry-after"]) > 0
    assert answers["analyst"] == answers["nobody"]


def test_tokens_are_judged_by_their_whole_text_and_can_be_revoked(
    client: TestClient, runtime: ThinRuntime, tokens: dict[str, str]
) -> None:
    def deliver(token: str) -> int:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/x-ndjson"}
        return client.post("/v1/events", content=b"{}\n", headers=headers).status_code

    good = tokens["ingest"]
    assert deliver(good) == 200
    assert deliver(good + "x") == 401
    assert deliver(good[:-1]) == 401
    assert deliver("cl_") == 401
    headers = {"Authorization": f"Basic {good}"}
    assert client.get("/v1/me", headers=headers).status_code == 401
    runtime.change_account("admin", {"op": "revoke_token", "prefix": good.split("_")[1]})
    assert deliver(good) == 401


def test_people_are_listed_without_anything_secret(signed_in: SignIn, runtime: ThinRuntime) -> None:
    runtime.change_account("admin", account("gone", ["analyst"]))
    runtime.change_account("admin", {"op": "disable", "name": "gone"})
    people = signed_in("analyst").get("/v1/accounts").json()["items"]
    assert {"name": "analyst", "display_name": "Analyst", "roles": ["analyst"]} in people
    assert "gone" not in {p["name"] for p in people}
    assert "argon2" not in str(people)
