"""A small stand-in for the API that serves the built workspace: for developing it and for testing it alone.

    python -m tests.e2e.stand_in.server [--port 8765] [--scene busy|empty|hostile]

It keeps the shapes of `/v1` and just enough behaviour to click through: sessions, filters, paging, decisions
that need a second person, and a live stream that a test can feed with `StandIn.emit`.
"""

import argparse
import json
import mimetypes
import queue
import threading
import time
import urllib.parse
from datetime import datetime, timedelta
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from typing import Any, ClassVar

from tests.e2e.stand_in.world import DAY_END, DAY_START, LENGTH_M, World, coverage, stamp

Json = dict[str, Any]

DIST = Path(__file__).resolve().parents[3] / "api" / "web" / "dist"
PUBLISHED_QUALITY = files("monitoring") / "evaluation" / "published" / "quality.json"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
PEOPLE = {
    "analyst": ("A. Analyst", ["analyst"]),
    "reviewer": ("R. Reviewer", ["reviewer"]),
    "operator": ("O. Operator", ["operator"]),
}
OUTCOMES = {
    "finding_of_fact": ["verified", "not_substantiated", "inconclusive"],
    "attribution": ["party_a", "party_b", "other_actor", "unattributable"],
    "remedy": ["none", "warning", "restoration", "compensation", "other"],
}
STANDARDS = {
    "finding_of_fact": "reasonable_grounds",
    "attribution": "balance_of_probabilities",
    "remedy": "clear_and_convincing",
}
LABELS = {
    "finding_of_fact": "Propose a finding of fact",
    "attribution": "Propose an attribution",
    "remedy": "Propose a remedy",
}
KIND_AFTER = {
    **dict.fromkeys(("filed", "triaged", "verifying"), "finding_of_fact"),
    "verified": "attribution",
    **dict.fromkeys(("attributed", "unattributable"), "remedy"),
}
LIVE_FIELDS = (
    "status",
    "version",
    "rule_id",
    "party",
    "sector",
    "chainage_m",
    "priority",
    "assignee",
    "summary",
)
DETAIL_KEYS = {"findings", "incidents", "notes", "decisions", "clauses", "priority_reasons"}
CLOSED = {"closed", "not_substantiated", "inconclusive"}


class Problem(Exception):
    """An RFC 9457 answer."""

    def __init__(self, status: int, code: str, title: str, detail: str = "", **more: Any) -> None:
        super().__init__(title)
        self.status = status
        self.body = {"type": f"/problems/{code}", "title": title, "status": status, "detail": detail, **more}


class StandIn:
    """The server with its world; `broken` paths answer 500, `offline` drops every connection."""

    def __init__(self, world: World, port: int = 0) -> None:
        self.world = world
        self.must_set = {"analyst", "reviewer", "operator"}
        self.secrets = dict.fromkeys(PEOPLE, "one-time-0000")
        self.sessions: dict[str, str] = {}
        self.broken: set[str] = set()
        self.offline = False
        self.delay_s = 0.0
        self.listeners: list[queue.Queue[Json]] = []
        self.changes: list[Json] = []
        handler = type("Handler", (Handler,), {"stand_in": self})
        self.httpd = ThreadingHTTPServer(("127.0.0.1", port), handler)
        self.httpd.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.httpd.server_address[1]}"

    def start(self) -> "StandIn":
        threading.Thread(target=self.httpd.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def stop(self) -> None:
        self.httpd.shutdown()
        self.httpd.server_close()

    def emit(self, kind: str, data: Json) -> None:
        change = {"event": kind, "id": len(self.changes) + 1, "data": data}
        self.changes.append(change)
        for listener in list(self.listeners):
            listener.put(change)

    def summary(self, case: Json) -> Json:
        return {k: v for k, v in case.items() if k not in DETAIL_KEYS}

    def page(self, query: dict[str, str], me: str) -> Json:
        cases = list(self.world.cases.values())
        counts = {
            "open": sum(c["status"] not in CLOSED for c in cases),
            "overdue": sum(c["overdue"] for c in cases),
            "mine": sum(c["assignee"] == me and c["status"] not in CLOSED for c in cases),
            "by_status": {},
        }
        for case in cases:
            counts["by_status"][case["status"]] = counts["by_status"].get(case["status"], 0) + 1
        kept = [c for c in cases if self._matches(c, query)]
        sort = query.get("sort", "priority")
        if sort == "number":
            kept.sort(key=lambda c: c["number"])
        elif sort == "-updated":
            kept.sort(key=lambda c: c["updated_at"], reverse=True)
        else:
            kept.sort(key=lambda c: (not c["overdue"], c["priority"], c["due_at"] or "z", c["number"]))
        first, limit = int(query.get("cursor") or 0), int(query.get("limit", 50))
        after = first + limit
        return {
            "items": [self.summary(c) for c in kept[first:after]],
            "next_cursor": str(after) if after < len(kept) else None,
            "total": len(kept),
            "counts": counts,
        }

    @staticmethod
    def _matches(case: Json, query: dict[str, str]) -> bool:
        def same(name: str, value: Any) -> bool:
            return not query.get(name) or query[name] == value

        status = query.get("status")
        if status == "open" and case["status"] in CLOSED:
            return False
        if query.get("overdue") and not case["overdue"]:
            return False
        if status not in {None, "", "open"} and status != case["status"]:
            return False
        assignee = None if query.get("assignee") == "nobody" else query.get("assignee")
        return (
            same("sector", case["sector"])
            and same("party", case["party"] or "unknown")
            and same("rule_id", case["rule_id"])
            and (not query.get("assignee") or case["assignee"] == assignee)
            and query.get("q", "").lower() in (case["number"] + case["summary"]).lower()
            and float(query.get("km_from") or 0) * 1000 <= case["chainage_m"]
            and case["chainage_m"] <= float(query.get("km_to") or 9e9) * 1000
            and query.get("from", "") <= case["time_start"]
            and case["time_start"] <= (query.get("to") or "9")
        )

    def detailed(self, number: str, me: str) -> Json:
        case = self.world.cases.get(number)
        if case is None:
            raise Problem(404, "not_found", "There is no such case", f"No case has the number {number}.")
        return {
            **case,
            "next_steps": self.next_steps(case, me),
            "events_geojson_url": f"/v1/cases/{number}/evidence",
        }

    def next_steps(self, case: Json, me: str) -> list[Json]:
        waiting = next((d for d in case["decisions"] if d["state"] == "proposed"), None)
        may_decide = "reviewer" in PEOPLE[me][1]
        steps: list[Json] = []
        if waiting:
            own = waiting["proposed_by"] == me
            why = "it is your own proposal" if own else "" if may_decide else "needs the role reviewer"
            steps = [
                step(verb, f"{verb.capitalize()} {waiting['outcome']}", why, decision_id=waiting["id"])
                for verb in ("approve", "return")
            ]
            if own:
                steps.append(step("withdraw", "Withdraw the proposal", "", decision_id=waiting["id"]))
        kind = KIND_AFTER.get(case["status"])
        if kind:
            why = "" if PEOPLE[me][1] != ["operator"] else "needs the role analyst or reviewer"
            why = f"a proposal of {waiting['proposed_by']} waits to be decided" if waiting else why
            steps.append(step(f"propose_{kind}", LABELS[kind], why, outcomes=OUTCOMES[kind], needs_text=True))
            steps[-1]["standard_of_proof"] = STANDARDS[kind]
        if case["status"] in {"filed", "triaged"}:
            steps.append(
                step("start_verification", "Start verification", "", then="the evidence is examined")
            )
        if case["status"] in CLOSED:
            why = "" if may_decide else "needs the role reviewer"
            steps.append(step("reopen", "Reopen", why, then="the case is verified again", needs_text=True))
        return steps

    def act(self, number: str, action: str, body: Json, me: str) -> Json:
        case = self.world.cases[self.detailed(number, me)["number"]]
        now = stamp(DAY_END - timedelta(minutes=5))
        if action == "assign":
            case["assignee"] = body.get("assignee")
            self._log(case, me, "assigned", f"Assigned to {body.get('assignee') or 'nobody'}")
        elif action == "notes":
            case["notes"].append(
                {"id": f"n{len(case['notes'])}", "at": now, "author": me, "text": body["text"]}
            )
            self._log(case, me, "note", "Wrote a note")
        elif action == "decisions":
            if body.get("version") != case["version"]:
                raise Problem(
                    409, "conflict", "The case has changed", "Read it again.", version=case["version"]
                )
            case["decisions"].append(
                {
                    **{k: body[k] for k in ("kind", "outcome", "reasoning", "standard_of_proof")},
                    "id": f"d{len(case['decisions'])}",
                    "state": "proposed",
                    "proposed_by": me,
                    "proposed_at": now,
                    "decided_by": None,
                    "decided_at": None,
                    "comment": None,
                }
            )
            if case["status"] in {"filed", "triaged"}:
                case["status"] = "verifying"
            self._log(case, me, "decision_proposed", f"Proposed {body['outcome']}")
        elif action == "steps":
            case["status"] = "verifying"
            self._log(case, me, body["action"], body["action"].replace("_", " ").capitalize())
        else:
            _, decision_id, verb = action.split("/")
            decision = next(d for d in case["decisions"] if d["id"] == decision_id)
            if decision["proposed_by"] == me and verb != "withdraw":
                raise Problem(
                    403, "same_person", "Another person has to agree", "You proposed this decision."
                )
            state = {"approve": "approved", "return": "returned", "withdraw": "withdrawn"}[verb]
            decision.update(state=state, decided_by=me, decided_at=now, comment=body.get("comment"))
            if state == "approved":
                case["status"] = {
                    "finding_of_fact": decision["outcome"],
                    "attribution": "unattributable"
                    if decision["outcome"] == "unattributable"
                    else "attributed",
                    "remedy": "remedy_determined",
                }[decision["kind"]]
            self._log(case, me, f"decision_{state}", f"{state.capitalize()} {decision['outcome']}")
        case["version"] += 1
        case["updated_at"] = now
        self.emit("case", {"id": number, **{name: case[name] for name in LIVE_FIELDS}})
        return self.detailed(number, me)

    def _log(self, case: Json, actor: str, kind: str, summary: str) -> None:
        at = stamp(DAY_END - timedelta(minutes=5))
        entry = {"at": at, "actor": actor, "kind": kind, "summary": summary, "detail": {}}
        self.world.timeline[case["number"]].append(entry)


class Handler(BaseHTTPRequestHandler):
    """Routes of `/v1`, and the built files with a fall-back to index.html."""

    stand_in: ClassVar[StandIn]
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        """Silent: the tests look at pages, not at logs."""

    def do_GET(self) -> None:
        self._answer("GET")

    def do_POST(self) -> None:
        self._answer("POST")

    def do_DELETE(self) -> None:
        self._answer("DELETE")

    def _answer(self, method: str) -> None:
        url = urllib.parse.urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        if self.stand_in.offline:
            self.close_connection = True
            return
        if not url.path.startswith("/v1/"):
            self._file(url.path)
            return
        if self.stand_in.delay_s:
            time.sleep(self.stand_in.delay_s)
        try:
            query = dict(urllib.parse.parse_qsl(url.query))
            answer = self._route(method, url.path[4:], query, json.loads(body or b"{}"))
        except Problem as problem:
            self._json(problem.status, problem.body, "application/problem+json")
        else:
            if answer is not None:
                self._json(200, answer)

    def _me(self) -> str | None:
        cookie = SimpleCookie(self.headers.get("Cookie", "")).get("session")
        return self.stand_in.sessions.get(cookie.value) if cookie else None

    def _person(self, name: str) -> Json:
        display, roles = PEOPLE[name]
        must_set = name in self.stand_in.must_set
        return {"name": name, "display_name": display, "roles": roles, "must_set_secret": must_set}

    def _route(self, method: str, path: str, query: dict[str, str], body: Json) -> Json | None:
        world = self.stand_in.world
        if any(path.startswith(broken) for broken in self.stand_in.broken):
            raise Problem(500, "internal", "The server failed", "The log of the server says why.")
        if method != "GET" and self.headers.get("X-Requested-With") != "contactline":
            raise Problem(403, "header_missing", "The header X-Requested-With is missing")
        if (method, path) == ("POST", "session"):
            name = body.get("name", "")
            if self.stand_in.secrets.get(name) != body.get("secret"):
                raise Problem(401, "bad_credentials", "Name or passphrase is not right")
            token = f"{name}-{time.monotonic_ns()}"
            self.stand_in.sessions[token] = name
            self._json(
                200, {"me": self._person(name)}, cookie=f"session={token}; HttpOnly; SameSite=Strict; Path=/"
            )
            return None
        me = self._me()
        if me is None:
            raise Problem(401, "not_signed_in", "Sign in first")
        if (method, path) == ("DELETE", "session"):
            self._json(200, {}, cookie="session=; Max-Age=0; Path=/")
            return None
        if path == "me":
            return self._person(me)
        if path == "me/secret":
            if len(body.get("secret", "")) < 12:
                raise Problem(422, "secret_too_short", "The passphrase needs at least 12 characters")
            self.stand_in.secrets[me] = body["secret"]
            self.stand_in.must_set.discard(me)
            return self._person(me)
        if me in self.stand_in.must_set:
            raise Problem(403, "secret_required", "Set your own passphrase first")
        if path == "live":
            self._live()
            return None
        if path.startswith("cases/"):
            _, number, *rest = path.split("/")
            if method == "POST":
                return self.stand_in.act(number, "/".join(rest), body, me)
            case = self.stand_in.detailed(number, me)
            if rest == ["timeline"]:
                return {"items": world.timeline[number]}
            return world.evidence[number] if rest == ["evidence"] else case
        if path.startswith("incidents/") and path.endswith("/events"):
            number = path.split("/")[1].removeprefix("inc-")
            return {"items": [f["properties"] for f in world.evidence[number]["events"]["features"]]}
        return self._listing(path, query, me)

    def _listing(self, path: str, query: dict[str, str], me: str) -> Json:
        world = self.stand_in.world
        if path == "cases":
            return self.stand_in.page(query, me)
        if path == "mission":
            return mission()
        if path == "line":
            return world.line.geojson
        if path == "unrolled":
            return {"incidents": world.marks}
        if path == "coverage":
            begin, end = (datetime.fromisoformat(query[name]) for name in ("from", "to"))
            return {"items": coverage(query["sector"], query["kind"], begin, end), "is_computed": True}
        if path == "sensors":
            seen = world.sensors
            if me != "operator":
                seen = [{k: v for k, v in s.items() if k not in {"lon", "lat"}} for s in seen]
            return {"items": seen}
        if path == "quality":
            published: Json = json.loads(PUBLISHED_QUALITY.read_text())
            return published
        if path == "reports":
            days = [DAY_END - timedelta(days=n) for n in range(5)]
            return {"items": [report(day) for day in days] if world.cases else []}
        raise Problem(404, "not_found", "There is no such page")

    def _live(self) -> None:
        mailbox: queue.Queue[Json] = queue.Queue()
        since = int(self.headers.get("Last-Event-ID") or len(self.stand_in.changes))
        for change in self.stand_in.changes[since:]:
            mailbox.put(change)
        self.stand_in.listeners.append(mailbox)
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Cache-Control", "no-store")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        try:
            self.wfile.write(b": here\n\n")
            while not self.stand_in.offline:
                try:
                    change = mailbox.get(timeout=0.5)
                except queue.Empty:
                    self.wfile.write(b": beat\n\n")
                else:
                    text = f"id: {change['id']}\nevent: {change['event']}\ndata: {json.dumps(change['data'])}\n\n"
                    self.wfile.write(text.encode())
        except OSError:
            pass
        finally:
            self.stand_in.listeners.remove(mailbox)

    def _json(self, status: int, answer: Json, kind: str = "application/json", cookie: str = "") -> None:
        data = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        if cookie:
            self.send_header("Set-Cookie", cookie)
        self.end_headers()
        self.wfile.write(data)

    def _file(self, path: str) -> None:
        file = (DIST / path.lstrip("/")).resolve()
        if not file.is_file() or DIST not in file.parents:
            file = DIST / "index.html"
        data = file.read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", mimetypes.guess_type(file.name)[0] or "application/octet-stream")
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Content-Security-Policy", POLICY)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        self.wfile.write(data)


def step(
    action: str, label: str, why_not: str, then: str = "the timeline names who did it", **more: Any
) -> Json:
    return {
        "action": action,
        "label": label,
        "enabled": not why_not,
        "why_not": why_not,
        "standard_of_proof": None,
        "who_must_agree": "a reviewer who did not propose it" if action != "start_verification" else None,
        "then": then,
        "decision_id": None,
        "outcomes": [],
        "needs_text": False,
        **more,
    }


def mission() -> Json:
    periods = [
        {
            "date": (DAY_END - timedelta(days=n)).strftime("%Y-%m-%d"),
            "from": stamp(DAY_START - timedelta(days=n)),
            "to": stamp(DAY_END - timedelta(days=n)),
        }
        for n in range(5)
    ]
    return {
        "name": "Demonstration mission",
        "zone": "Europe/Kyiv",
        "cut_off": "19:30",
        "period": periods[0],
        "periods": periods,
        "line": {"version": "sha256:" + "3f" * 32, "label": "illustrative 1", "length_m": LENGTH_M},
        "agreement": {"version": "sha256:" + "a1" * 32, "label": "minimal"},
        "engine_version": "0.1.0",
        "coverage": "upper bound: no terrain mask",
        "concept_notice": "Concept stage. The line is illustrative and follows no publication.",
        "illustrative": True,
    }


def report(day: Any) -> Json:
    date = day.strftime("%Y-%m-%d")
    urls = {kind: f"/v1/reports/{date}.{kind}" for kind in ("html", "csv", "json")}
    return {"date": date, "from": stamp(day - timedelta(days=1)), "to": stamp(day), **urls, "sealed": True}


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--port", type=int, default=8765)
    arguments.add_argument("--scene", choices=("busy", "empty", "hostile"), default="busy")
    chosen = arguments.parse_args()
    world = World.invent(cases=0 if chosen.scene == "empty" else 64, hostile=chosen.scene == "hostile")
    stand_in = StandIn(world, chosen.port)
    print(f"{stand_in.url}  sign in as analyst, reviewer or operator with one-time-0000")
    stand_in.httpd.serve_forever()


if __name__ == "__main__":
    main()
