"""Cases over HTTP: the whole way of a case, four eyes, versions, lists in three formats."""

import csv
import io

import pytest

from tests.fakes.runtime import ThinRuntime
from tests.fakes.tables import filing, finding, incident, output
from tests.integration.api.conftest import CASE, SignIn

FACT = {
    "kind": "finding_of_fact",
    "outcome": "verified",
    "reasoning": "three independent sensors",
    "standard_of_proof": "reasonable_grounds",
}


def test_a_case_is_decided_by_an_analyst_and_a_reviewer(signed_in: SignIn, with_case: str) -> None:
    analyst, reviewer = signed_in("analyst"), signed_in("reviewer")
    path = f"/v1/cases/{with_case}"
    case = analyst.get(path).json()
    assert (case["status"], case["version"], case["finding_count"]) == ("filed", 1, 1)
    assert case["findings"][0]["finding_id"] == "f1"
    assert case["incidents"][0]["phenomena"] == {"explosion": 3}
    case = analyst.post(f"{path}/assign", json={"assignee": "analyst", "version": 1}).json()
    assert (case["status"], case["assignee"]) == ("triaged", "analyst")
    case = analyst.post(f"{path}/notes", json={"text": "looked at it"}).json()
    assert case["notes"][0]["text"] == "looked at it"
    steps = {s["action"]: s for s in case["next_steps"]}
    assert steps["propose_finding_of_fact"]["standard_of_proof"] == "reasonable_grounds"
    assert steps["propose_finding_of_fact"]["enabled"]
    case = analyst.post(f"{path}/decisions", json={**FACT, "version": case["version"]}).json()
    assert case["status"] == "verifying"
    decision = case["decisions"][0]
    assert (decision["state"], decision["proposed_by"]) == ("proposed", "analyst")
    case = reviewer.post(f"{path}/decisions/{decision['id']}/approve", json={"comment": "agreed"}).json()
    assert case["status"] == "verified"
    for kind, outcome, status in (
        ("attribution", "party_a", "attributed"),
        ("remedy", "warning", "remedy_determined"),
    ):
        proposed = {**FACT, "kind": kind, "outcome": outcome, "standard_of_proof": "clear_and_convincing"}
        case = analyst.post(f"{path}/decisions", json=proposed).json()
        answer = reviewer.post(f"{path}/decisions/{case['decisions'][-1]['id']}/approve", json={})
        assert answer.json()["status"] == status
    assert reviewer.post(f"{path}/steps", json={"action": "close"}).json()["status"] == "closed"
    timeline = analyst.get(f"{path}/timeline").json()["items"]
    assert [entry["kind"] for entry in timeline] == [
        "filed",
        "assigned",
        "note",
        "proposed",
        "approved",
        "proposed",
        "approved",
        "proposed",
        "approved",
        "moved",
    ]
    assert timeline[1]["actor"] == "analyst"
    audit = signed_in("auditor").get("/v1/audit?actor=reviewer").json()["items"]
    assert [entry["action"] for entry in audit] == ["close", "approve", "approve", "approve"]


def test_a_case_tells_its_clauses_in_words_and_why_it_is_urgent(
    signed_in: SignIn, runtime: ThinRuntime
) -> None:
    reasons = ["severity of the rule: 3", "more urgent: a school is near"]
    runtime.publish(
        output(
            findings=[
                finding("f1", verdict="permitted", clause="9.9", detail='{"permission_clause":"unknown"}'),
                finding("f2", rule_id="ceasefire_fire"),
            ],
            filings=[
                filing("2026-00007", "f1", priority=3, priority_reasons=["severity of the rule: 3"]),
                filing("2026-00007", "f2", action="join", priority=2, priority_reasons=reasons),
                filing("2026-00007", "f2", action="join", priority=2, priority_reasons=["a later one"]),
            ],
        )
    )
    case = signed_in("analyst").get("/v1/cases/2026-00007").json()
    assert (case["priority"], case["priority_reasons"]) == (2, reasons)
    assert [(one["id"], one["rule_id"], one["kind"]) for one in case["clauses"]] == [
        (clause.id, clause.rule_id, None)
        for clause in runtime.agreement.clauses
        if clause.rule_id in ("line_crossing", "ceasefire_fire")
    ]
    assert all(one["title"] and one["text"] for one in case["clauses"])


def test_nobody_decides_on_their_own_proposal(signed_in: SignIn, with_case: str) -> None:
    first, second = signed_in("reviewer"), signed_in("reviewer2")
    path = f"/v1/cases/{with_case}"
    decision_id = first.post(f"{path}/decisions", json=FACT).json()["decisions"][0]["id"]
    for verb in ("approve", "return"):
        answer = first.post(f"{path}/decisions/{decision_id}/{verb}", json={"comment": "mine"})
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    answer = signed_in("analyst").post(f"{path}/decisions/{decision_id}/approve", json={})
    assert answer.status_code == 403
    assert second.post(f"{path}/decisions/{decision_id}/approve", json={}).json()["status"] == "verified"


def test_a_proposal_can_be_returned_with_a_reason_or_withdrawn(signed_in: SignIn, with_case: str) -> None:
    analyst, reviewer = signed_in("analyst"), signed_in("reviewer")
    path = f"/v1/cases/{with_case}"
    decision_id = analyst.post(f"{path}/decisions", json=FACT).json()["decisions"][0]["id"]
    answer = reviewer.post(f"{path}/decisions/{decision_id}/return", json={})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_action")
    case = reviewer.post(f"{path}/decisions/{decision_id}/return", json={"comment": "one source"}).json()
    assert (case["decisions"][0]["state"], case["decisions"][0]["comment"]) == ("returned", "one source")
    decision_id = analyst.post(f"{path}/decisions", json=FACT).json()["decisions"][1]["id"]
    case = analyst.post(f"{path}/decisions/{decision_id}/withdraw", json={}).json()
    assert case["decisions"][1]["state"] == "withdrawn"


def test_an_action_on_an_old_version_is_a_conflict_with_the_present_version(
    signed_in: SignIn, with_case: str
) -> None:
    one, other = signed_in("analyst"), signed_in("reviewer")
    path = f"/v1/cases/{with_case}"
    assert one.post(f"{path}/assign", json={"assignee": "analyst", "version": 1}).status_code == 200
    answer = other.post(f"{path}/assign", json={"assignee": "reviewer", "version": 1})
    assert (answer.status_code, answer.json()["code"]) == (409, "version_conflict")
    assert answer.json()["current_version"] == 2
    assert one.get(path).json()["assignee"] == "analyst"


def test_what_a_case_is_not_ready_for_is_a_conflict(signed_in: SignIn, with_case: str) -> None:
    proposed = {
        **FACT,
        "kind": "attribution",
        "outcome": "party_b",
        "standard_of_proof": "clear_and_convincing",
    }
    answer = signed_in("analyst").post(f"/v1/cases/{with_case}/decisions", json=proposed)
    assert (answer.status_code, answer.json()["code"]) == (409, "invalid_transition")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "invalid_request"),
        ({**FACT, "kind": "verdict"}, "invalid_request"),
        ({**FACT, "outcome": "party_a"}, "invalid_action"),
        ({**FACT, "standard_of_proof": "reasonable_suspicion"}, "invalid_action"),
        ({**FACT, "reasoning": "   "}, "invalid_action"),
        ({**FACT, "reasoning": "x" * 20_001}, "invalid_request"),
        ({**FACT, "verison": 1}, "invalid_request"),
    ],
)
def test_a_malformed_decision_is_refused(
    signed_in: SignIn, with_case: str, body: dict[str, str], code: str
) -> None:
    answer = signed_in("analyst").post(f"/v1/cases/{with_case}/decisions", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, code)


def test_the_queue_is_paged_counted_and_filtered(signed_in: SignIn, runtime: ThinRuntime) -> None:
    client = signed_in("analyst")
    numbers = range(1, 24)
    runtime.publish(
        output(
            findings=[finding(f"f{n}") for n in numbers],
            filings=[filing(f"2026-{n:05}", f"f{n}", priority=1 + n % 5) for n in numbers],
        )
    )
    client.post("/v1/cases/2026-00003/assign", json={"assignee": "analyst"})
    seen, cursor = [], ""
    while cursor is not None:
        page = client.get(f"/v1/cases?limit=10&cursor={cursor}" if cursor else "/v1/cases?limit=10").json()
        seen += [item["number"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert sorted(seen) == [f"2026-{n:05}" for n in numbers]
    assert page["total"] == 23
    assert page["counts"] == {"open": 23, "overdue": 0, "mine": 1, "by_status": {"filed": 22, "triaged": 1}}
    mine = client.get("/v1/cases?assignee=me").json()["items"]
    assert [item["number"] for item in mine] == ["2026-00003"]
    assert client.get("/v1/cases?status=filed,triaged&priority=1&priority=2").json()["total"] == 9
    runtime.now_ns += 100 * 3_600 * 10**9
    client = signed_in("analyst")
    assert client.get("/v1/cases?overdue=true").json()["total"] == 23
    assert client.get("/v1/cases?limit=1").json()["items"][0]["overdue"] is True


def test_who_follows_updated_since_sees_every_change(signed_in: SignIn, runtime: ThinRuntime) -> None:
    client = signed_in("analyst")
    runtime.publish(output(findings=[finding("f1")], filings=[filing("2026-00001", "f1")]))
    runtime.publish(output(findings=[finding("f2")], filings=[filing("2026-00002", "f2")]))
    newest = client.get("/v1/cases?sort=updated").json()["items"][-1]["updated_at"]
    client.post("/v1/cases/2026-00001/notes", json={"text": "x"})
    params = {"sort": "updated", "updated_since": newest}
    changed = client.get("/v1/cases", params=params).json()["items"]
    assert [item["number"] for item in changed] == ["2026-00002", "2026-00001"]


@pytest.mark.parametrize(
    "query",
    [
        "cursor=garbage",
        "cursor=WyJwcmlvcml0eSJd",
        "cursor=%00",
        "limit=0",
        "limit=1001",
        "from=yesterday",
        "from=2026-01-01T00:00:00",
        "updated_since=1",
        "bbox=1,2,3",
        "bbox=nan,0,1,1",
        "bbox=0,50,1,40",
        "km_from=nan",
        "sort=random",
        "priority=high",
        "status=" + ",".join(["filed"] * 60),
    ],
)
def test_malformed_queries_are_named_not_guessed(signed_in: SignIn, query: str) -> None:
    answer = signed_in("analyst").get(f"/v1/cases?{query}")
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_cursor_of_one_order_does_not_open_another(signed_in: SignIn, runtime: ThinRuntime) -> None:
    client = signed_in("analyst")
    numbers = range(1, 4)
    runtime.publish(
        output(
            [finding(f"f{n}") for n in numbers], filings=[filing(f"2026-{n:05}", f"f{n}") for n in numbers]
        )
    )
    cursor = client.get("/v1/cases?limit=1&sort=number").json()["next_cursor"]
    assert client.get(f"/v1/cases?limit=1&sort=number&cursor={cursor}").status_code == 200
    answer = client.get(f"/v1/cases?limit=1&sort=priority&cursor={cursor}")
    assert answer.json()["code"] == "invalid_cursor"


def test_lists_come_as_csv_that_no_spreadsheet_runs_and_as_geojson(
    signed_in: SignIn, runtime: ThinRuntime
) -> None:
    client = signed_in("analyst")
    hostile = '=HYPERLINK("http://x")'
    numbers = range(1, 4)
    runtime.publish(
        output(
            findings=[finding(f"f{n}", object_class="@x", distance_m=-2.5) for n in numbers],
            incidents=[incident("i1", summary=hostile)],
            filings=[filing(f"2026-{n:05}", f"f{n}", summary=hostile) for n in numbers],
        )
    )
    answer = client.get("/v1/cases?limit=2", headers={"Accept": "text/csv"})
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["summary"] for row in rows] == ["'" + hostile] * 2
    assert 'rel="next"' in answer.headers["link"]
    following = answer.headers["link"].split(">")[0][1:]
    rest = client.get(following, headers={"Accept": "text/csv"})
    assert len(list(csv.DictReader(io.StringIO(rest.text)))) == 1
    rows = list(csv.DictReader(io.StringIO(client.get("/v1/findings", headers={"Accept": "text/csv"}).text)))
    assert (rows[0]["object_class"], rows[0]["distance_m"]) == ("'@x", "-2.5")
    for path in ("/v1/cases", "/v1/findings", "/v1/incidents"):
        answer = client.get(path, headers={"Accept": "application/geo+json"})
        assert answer.headers["content-type"] == "application/geo+json"
        features = answer.json()["features"]
        assert features[0]["geometry"] == {"type": "Point", "coordinates": [35.0, 48.0]}


def test_the_evidence_of_a_case_is_its_events_and_the_tracks_around_its_crossings(
    signed_in: SignIn, with_case: str
) -> None:
    evidence = signed_in("analyst").get(f"/v1/cases/{with_case}/evidence").json()
    features = evidence["events"]["features"]
    assert [f["properties"]["event_id"] for f in features] == ["s/1", "s/2", "s/3"]
    assert features[0]["properties"]["flags"] == ["late"]
    assert features[0]["properties"]["text"] == "<script>alert(1)</script>"
    assert evidence["crossings"][0]["direction"] == "A>B"
    answer = signed_in("analyst").get(f"/v1/cases/{with_case}/events.geojson")
    assert len(answer.json()["features"]) == 3
    assert answer.headers["content-type"].startswith("application/geo+json")


def test_findings_and_incidents_open_with_their_revisions(
    signed_in: SignIn, runtime: ThinRuntime, with_case: str
) -> None:
    client = signed_in("analyst")
    runtime.publish(output(findings=[finding("f1", revision=2, verdict="permitted")]))
    assert client.get("/v1/findings/f1").json()["revision"] == 2
    items = client.get("/v1/findings/f1/revisions").json()["items"]
    assert [item["verdict"] for item in items] == ["violation", "permitted"]
    assert client.get("/v1/incidents/i1").json()["case_number"] == CASE
    assert client.get("/v1/incidents/i1/events").json()["items"][0]["event_id"] == "s/3"
    assert client.get("/v1/incidents/i1/revisions").status_code == 200
    for path in ("/v1/findings/x", "/v1/incidents/x", "/v1/findings/x/revisions", "/v1/incidents/x/events"):
        assert client.get(path).json()["code"] == "not_found"
    assert [f["finding_id"] for f in client.get(f"/v1/findings?case={CASE}").json()["items"]] == ["f1"]
    assert client.get("/v1/findings?party=undetermined").json()["items"][0]["finding_id"] == "f2"


def test_the_unrolled_line_has_a_mark_for_each_incident_also_provisional_ones(
    signed_in: SignIn, runtime: ThinRuntime, with_case: str
) -> None:
    runtime.store.show_provisional(output(incidents=[incident("p1", state="provisional", party=None)]), 1)
    marks = signed_in("analyst").get("/v1/unrolled").json()["incidents"]
    assert [(m["id"], m["state"], m["verdict"], m["weight"]) for m in marks] == [
        ("i1", "final", "violation", 3),
        ("p1", "provisional", None, 3),
    ]
    assert marks[0]["case_number"] == CASE
