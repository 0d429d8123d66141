"""The store over a real SQLite file: one effect a record, revisions kept, cases that follow their evidence."""

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from monitoring import schema
from monitoring.adapters.store import (
    QuarantinedRow,
    SensorSeen,
    Store,
    StoreBusy,
    StoreError,
    StoreTooNew,
    tables,
)
from monitoring.adapters.store.connections import has_wal_reset_bug, open_readers
from monitoring.adapters.store.migrate import MIGRATIONS, SCHEMA_HEAD
from monitoring.adapters.store.queries import CaseFilter, ResultFilter
from monitoring.cases.errors import Conflict, Forbidden, InvalidAction, NotFound
from tests.fakes.runtime import account
from tests.fakes.tables import START_NS, filing, finding, incident, output, table

CASE = "2026-00001"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "contactline.db") as opened:
        yield opened


def publish(store: Store, seq: int, **rows: Any) -> None:
    with store.transaction(seq, seq * 10) as tx:
        tx.apply(output(**rows))


def act(store: Store, seq: int, action: str, actor: str = "ann", role: str = "analyst", **values: Any) -> Any:
    stated = {"action": action, "case": CASE, "actor": actor, "roles": [role], **values}
    store.check_action(stated, seq * 10)
    with store.transaction(seq, seq * 10) as tx:
        return tx.action(stated)


def open_case(store: Store, seq: int = 1) -> None:
    publish(
        store,
        seq,
        findings=[finding("f1", incident_id="i1", probability=0.9)],
        incidents=[incident("i1")],
        filings=[filing(CASE, "f1", incident_id="i1", priority=1)],
    )


def test_effects_and_offset_come_together_and_a_record_applied_again_changes_nothing(store: Store) -> None:
    open_case(store)
    before = (store.offset(), store.counts(), store.case(CASE), store.change_bounds())
    open_case(store)
    assert (store.offset(), store.counts(), store.case(CASE), store.change_bounds()) == before
    assert store.offset() == 1


def test_a_record_that_fails_leaves_neither_effect_nor_offset(store: Store) -> None:
    open_case(store)

    def fail() -> None:
        with store.transaction(2, 20) as tx:
            tx.apply(output(findings=[finding("f2")]))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert store.offset() == 1
    assert store.finding("f2") is None


def test_a_revision_replaces_its_predecessor_and_both_can_be_read(store: Store) -> None:
    open_case(store)
    publish(store, 2, findings=[finding("f1", revision=2, verdict="permitted", incident_id="i1")])
    publish(store, 3, findings=[finding("f1", revision=1, incident_id="i1")])
    found = store.finding("f1")
    assert found is not None
    assert (found["revision"], found["verdict"], found["case_number"]) == (2, "permitted", CASE)
    assert [r["revision"] for r in store.revisions("finding", "f1")] == [1, 2]
    assert store.case(CASE)["version"] == 2


def test_the_timeline_says_why_a_case_is_as_urgent_as_it_is(store: Store) -> None:
    why = ["severity of the rule: 2", "less urgent: it rests on one source"]
    publish(store, 1, findings=[finding("f1")], filings=[filing(CASE, "f1", priority_reasons=why)])
    (entry,) = store.case_timeline(CASE)
    assert entry["detail"]["priority_reasons"] == why


def test_a_withdrawn_incident_flags_its_case_and_does_not_close_it(store: Store) -> None:
    open_case(store)
    publish(store, 2, incidents=[incident("i1", revision=2, state="withdrawn")])
    case = store.case(CASE)
    assert case["flags"] == ["evidence_withdrawn"]
    assert case["status"] == "filed"
    assert [e["kind"] for e in store.case_timeline(CASE)] == ["filed", "evidence_withdrawn"]


def test_a_withdrawn_finding_no_longer_supports_its_case(store: Store) -> None:
    open_case(store)
    flag = filing(CASE, "f1", action="flag", finding_revision=2, summary="withdrawn")
    publish(store, 2, findings=[finding("f1", revision=2, state="withdrawn")], filings=[flag])
    case = store.case(CASE)
    assert (case["verdict"], case["probability"], case["flags"]) == (None, None, ["evidence_withdrawn"])
    assert case["finding_count"] == 1


def test_a_joined_finding_widens_the_case_and_may_make_it_more_urgent(store: Store) -> None:
    publish(store, 1, findings=[finding("f1")], filings=[filing(CASE, "f1", priority=4)])
    due_before = store.case(CASE)["due_at_ns"]
    later = START_NS + 60 * 10**9
    joined = filing(CASE, "f2", action="join", priority=2, time_start_ns=later, time_end_ns=later)
    publish(store, 2, findings=[finding("f2", time_start_ns=later, time_end_ns=later)], filings=[joined])
    case = store.case(CASE)
    assert (case["priority"], case["finding_count"], case["time_end_ns"]) == (2, 2, later)
    assert case["due_at_ns"] < due_before
    assert {r["finding_id"] for r in store.case_links(CASE)} == {"f1", "f2"}


def amend(store: Store, seq: int, finding_id: str, **values: Any) -> None:
    stated = {"incident_id": f"i{finding_id[1:]}", "finding_revision": seq, **values}
    publish(
        store,
        seq,
        findings=[finding(finding_id, revision=seq, incident_id=stated["incident_id"])],
        filings=[filing(CASE, finding_id, action="update", **stated)],
    )


def test_an_amendment_of_the_finding_that_opened_a_case_renews_its_words_and_its_urgency(
    store: Store,
) -> None:
    filed = filing(CASE, "f1", incident_id="i1", priority=3, summary="1 explosion near km 612")
    publish(store, 1, findings=[finding("f1", incident_id="i1")], filings=[filed])
    due_before = store.case(CASE)["due_at_ns"]
    amend(store, 2, "f1", priority=2, summary="60 explosions near km 612")
    case = store.case(CASE)
    assert (case["priority"], case["summary"]) == (2, "60 explosions near km 612")
    assert case["due_at_ns"] < due_before
    assert [c["number"] for c in store.case_page(CaseFilter(q="60 explosions")).items] == [CASE]
    kinds = [e["kind"] for e in store.case_timeline(CASE)]
    assert kinds == ["filed", "evidence_amended", "priority_changed"]
    join(store, 3, "f2", "i2")
    amend(store, 4, "f2", priority=2, summary="2 explosions elsewhere")
    assert store.case(CASE)["summary"].endswith("The first: 60 explosions near km 612")
    assert [e["kind"] for e in store.case_timeline(CASE)][3:] == ["finding_joined", "evidence_amended"]


def test_an_amendment_lowers_the_priority_only_before_a_person_has_seen_the_case(store: Store) -> None:
    publish(store, 1, findings=[finding("f1", incident_id="i1")], filings=[filing(CASE, "f1", priority=2)])
    amend(store, 2, "f1", priority=4)
    assert store.case(CASE)["priority"] == 4
    act(store, 3, "start_verification")
    amend(store, 4, "f1", priority=3)
    amend(store, 5, "f1", priority=5)
    assert store.case(CASE)["priority"] == 3
    decide(store, 6, "finding_of_fact", "verified")
    due_at_ns = store.case(CASE)["due_at_ns"]
    amend(store, 8, "f1", priority=1)
    assert (store.case(CASE)["priority"], store.case(CASE)["due_at_ns"]) == (3, due_at_ns)


def test_a_finding_that_moves_to_another_incident_is_counted_there(store: Store) -> None:
    open_case(store)
    join(store, 2, "f2", "i1")
    assert store.case(CASE)["incident_count"] == 1
    amend(store, 3, "f2", incident_id="i9")
    assert store.case(CASE)["incident_count"] == 2


def decide(store: Store, seq: int, kind: str, outcome: str) -> None:
    """Two people decide, in the records `seq` and the next."""
    standard = "clear_and_convincing"
    stated = {"kind": kind, "outcome": outcome, "reasoning": "seen", "standard_of_proof": standard}
    made = act(store, seq, "propose", **stated)
    act(store, seq + 1, "approve", "rev", "reviewer", decision_id=made["decision_id"])


def join(store: Store, seq: int, finding_id: str, incident_id: str) -> None:
    joined = filing(CASE, finding_id, action="join", incident_id=incident_id)
    publish(store, seq, findings=[finding(finding_id, incident_id=incident_id)], filings=[joined])


def test_evidence_that_joins_after_a_decision_is_told_as_not_covered_by_it(store: Store) -> None:
    open_case(store)
    join(store, 2, "f2", "i2")
    assert store.case(CASE)["flags"] == []
    decide(store, 3, "finding_of_fact", "verified")
    decide(store, 5, "attribution", "party_a")
    join(store, 7, "f3", "i3")
    join(store, 8, "f4", "i4")
    case = store.case(CASE)
    assert (case["status"], case["flags"], case["finding_count"]) == ("attributed", ["new_evidence"], 4)
    told = [e for e in store.case_timeline(CASE) if e["at_ns"] >= 70]
    assert [e["kind"] for e in told] == ["finding_joined", "new_evidence", "finding_joined"]
    assert "not covered by the decisions" in told[1]["summary"]


def test_a_finding_of_fact_decided_anew_covers_what_joined_before_it(store: Store) -> None:
    open_case(store)
    decide(store, 2, "finding_of_fact", "not_substantiated")
    join(store, 4, "f2", "i2")
    assert (store.case(CASE)["is_settled"], store.case(CASE)["flags"]) == (True, ["new_evidence"])
    act(store, 5, "reopen", "rev", "reviewer", text="there is more")
    decide(store, 6, "finding_of_fact", "verified")
    assert store.case(CASE)["flags"] == []


def test_members_are_those_of_the_newest_word_about_their_incident(store: Store) -> None:
    def member(event_id: str) -> dict[str, Any]:
        return {"incident_id": "i1", "sensor_id": "s", "id": event_id}

    publish(store, 1, incidents=[incident("i1")], members=[member("1"), member("2")])
    publish(store, 2, incidents=[incident("i1", revision=2)], members=[member("2"), member("3")])
    assert [m["id"] for m in store.member_events(["i1"])] == ["2", "3"]
    assert store.members_table(["i1"]).schema == schema.MEMBERS


def test_the_provisional_view_is_replaced_and_only_differences_are_told(store: Store) -> None:
    first = output(findings=[finding("p1", state="provisional"), finding("p2", state="provisional")])
    store.show_provisional(first, 5)
    _, told = store.change_bounds()
    store.show_provisional(first, 6)
    assert store.change_bounds()[1] == told
    changed = finding("p1", state="provisional", chainage_m=1.0)
    store.show_provisional(output(findings=[changed]), 7)
    news = [(c["subject"], '"gone"' in c["data"]) for c in store.changes_since(told)]
    assert sorted(news) == [("p1", False), ("p2", True)]
    page = store.finding_page(ResultFilter(state="provisional"))
    assert [(r["finding_id"], r["chainage_m"]) for r in page.items] == [("p1", 1.0)]
    assert store.finding_page(ResultFilter()).items == []
    assert store.offset() == 0


def test_published_tables_come_back_as_they_went_in(store: Store) -> None:
    rows = [
        finding(f"f{n}", reasons=["a", "б"], probability=None if n else 0.5, incident_id=f"i{n}")
        for n in range(3)
    ]
    given = output(findings=rows, incidents=[incident(f"i{n}") for n in range(3)])
    with store.transaction(1, 1) as tx:
        tx.apply(given)
    assert store.findings_table().equals(given.findings)
    assert store.incidents_table().equals(given.incidents)
    assert store.findings_table(subject_keys=["track:s/f1"])["finding_id"].to_pylist() == ["f1"]
    assert store.findings_table(incident_ids=["i2"])["finding_id"].to_pylist() == ["f2"]
    assert store.incidents_table(from_ns=START_NS + 1).num_rows == 0
    assert store.incidents_table(bbox=(34.0, 47.0, 36.0, 49.0)).num_rows == 3
    assert store.time_span() == (START_NS, START_NS)


def test_people_move_a_case_and_everything_they_did_is_on_its_timeline_and_in_the_audit(store: Store) -> None:
    open_case(store)
    with store.transaction(2, 20) as tx:
        tx.account(account("ann", ["analyst"]), actor="setup")
        tx.account(account("op", ["operator"]), actor="setup")
    act(store, 3, "assign", assignee="ann", version=1)
    made = act(
        store,
        4,
        "propose",
        kind="finding_of_fact",
        outcome="verified",
        reasoning="three sensors",
        standard_of_proof="reasonable_grounds",
    )
    assert made == {"case": CASE, "version": 3, "decision_id": f"{CASE}-D1"}
    with pytest.raises(Forbidden):
        act(store, 5, "approve", role="reviewer", decision_id=f"{CASE}-D1")
    with pytest.raises(Conflict):
        act(store, 5, "approve", "rev", "reviewer", decision_id=f"{CASE}-D1", version=2)
    act(store, 5, "approve", "rev", "reviewer", decision_id=f"{CASE}-D1", version=3)
    file = store.case_file(CASE)
    assert (file["row"]["status"], file["row"]["assignee"]) == ("verified", "ann")
    assert file["row"]["due_at_ns"] == 50 + 72 * 3_600 * 10**9
    assert [(e["actor"], e["kind"]) for e in file["timeline"]] == [
        ("contactline", "filed"),
        ("ann", "assigned"),
        ("ann", "proposed"),
        ("rev", "approved"),
    ]
    assert file["timeline"][-1]["detail"]["status_to"] == "verified"
    (decision,) = file["state"].decisions
    assert (decision.state, decision.proposed_by, decision.decided_by) == ("approved", "ann", "rev")
    assert [(r["actor"], r["action"]) for r in store.audit_page().items][:2] == [
        ("rev", "approve"),
        ("ann", "propose"),
    ]
    assert "secret_hash" not in str(store.audit_page(actor="setup").items)


def test_a_case_can_only_be_assigned_to_somebody_who_works_on_cases(store: Store) -> None:
    open_case(store)
    with store.transaction(2, 20) as tx:
        tx.account(account("op", ["operator"]), actor="setup")
    with pytest.raises(InvalidAction, match="neither analyst nor reviewer"):
        act(store, 3, "assign", assignee="op")
    with pytest.raises(NotFound, match="nobody-here"):
        act(store, 3, "assign", assignee="nobody-here")
    with pytest.raises(NotFound, match="2026-99999"):
        store.check_action({"action": "note", "case": "2026-99999", "actor": "a", "roles": ["analyst"]}, 1)


def test_replaying_the_same_records_into_an_empty_file_gives_the_same_cases(tmp_path: Path) -> None:
    files = []
    for name in ("one.db", "two.db"):
        with Store.open(tmp_path / name) as store:
            open_case(store)
            act(store, 2, "note", text="seen")
            if name == "one.db":
                store.show_provisional(output(findings=[finding("p", state="provisional")]), 25)
            act(store, 3, "note", text="again")
            files.append((store.case_file(CASE), store.audit_page().items, store.offset()))
    assert files[0] == files[1]


def test_quarantined_rows_keep_their_bytes_and_can_be_marked_as_replayed(store: Store) -> None:
    rows = [
        QuarantinedRow(n, n + 2, "json_syntax", "no", b"\xff{%d" % n, source="a.ndjson") for n in range(3)
    ]
    with store.transaction(1, 10) as tx:
        tx.quarantine(rows, receipt_id="r1")
        tx.receipt({"receipt_id": "r1", "accepted": 1}, principal="s")
    with store.transaction(2, 20) as tx:
        tx.replayed([(1, 0)])
        tx.receipt({"receipt_id": "r1", "accepted": 1, "findings": 2}, principal="s")
    page = store.quarantine_page(reason="json_syntax", limit=2)
    assert [r["row"] for r in page.items] == [2, 1]
    assert page.items[0]["original"] == b"\xff{2"
    rest = store.quarantine_page(reason="json_syntax", limit=2, cursor=page.next_cursor)
    assert [(r["row"], r["replayed_at_ns"]) for r in rest.items] == [(0, 20)]
    assert rest.next_cursor is None
    assert store.quarantine_page(is_open_only=True).total == 2
    assert store.quarantine_counts() == {"json_syntax": 3}
    kept = store.receipt("r1")
    assert kept is not None
    assert kept["body"]["findings"] == 2


def test_a_sensor_is_known_with_what_it_last_delivered(store: Store) -> None:
    with store.transaction(1, 10) as tx:
        tx.registry({"id": "s", "type": "generic", "lon": 35.0, "lat": 48.0, "host_side": "A"}, actor="op")
        tx.seen([SensorSeen("s", 100, 5, "outage")])
    with store.transaction(2, 20) as tx:
        tx.seen([SensorSeen("s", 50, 2)])
    (sensor,) = store.sensors()
    assert (sensor["last_time_ns"], sensor["last_received_ns"], sensor["event_count"]) == (100, 20, 7)
    assert sensor["last_status"] == "outage"


def test_reference_versions_are_kept_with_their_validity(store: Store) -> None:
    with store.transaction(1, 10) as tx:
        tx.reference("line", "sha256:1", label="first", body={"a": 1}, valid_from_ns=-(2**63), actor="op")
        tx.reference("line", "sha256:2", label="second", body={"a": 2}, valid_from_ns=5, actor="op")
    assert [r["label"] for r in store.references("line")] == ["first", "second"]


def test_the_file_is_written_with_full_durability_by_one_connection(store: Store) -> None:
    with pytest.raises(StoreBusy):
        Store.open(store.path)
    readers = open_readers(store.path)
    with readers.connect() as connection:
        for statement in ("DELETE FROM cases", "PRAGMA wal_checkpoint(TRUNCATE)", "VACUUM"):
            with pytest.raises(sa.exc.OperationalError):
                connection.exec_driver_sql(statement)
    readers.dispose()


def test_the_linked_sqlite_is_judged_by_its_version() -> None:
    assert has_wal_reset_bug((3, 7, 0))
    assert has_wal_reset_bug((3, 51, 2))
    assert not has_wal_reset_bug((3, 50, 7))
    assert has_wal_reset_bug((3, 50, 6))
    assert not has_wal_reset_bug((3, 52, 0))


def test_readers_see_the_last_commit_while_a_long_record_is_written(store: Store) -> None:
    open_case(store)
    seen = []
    with store.transaction(2, 20) as tx:
        tx.apply(output(findings=[finding("f2")]))
        reader = threading.Thread(
            target=lambda: seen.append((store.finding("f2"), store.counts()["findings"]))
        )
        reader.start()
        reader.join()
    assert seen == [(None, 1)]
    assert store.finding("f2") is not None


def test_another_process_reads_beside_the_writer(store: Store) -> None:
    open_case(store)
    code = (
        "import sys,pathlib;from monitoring.adapters.store import Store;"
        "s=Store.open(pathlib.Path(sys.argv[1]),read_only=True);print(s.counts()['cases'])"
    )
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-c", code, str(store.path)], capture_output=True, text=True, check=True, cwd=root
    )
    assert done.stdout.strip() == "1"


def test_a_file_of_a_newer_version_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "contactline.db"
    Store.open(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'v9999'")
    connection.close()
    for read_only in (False, True):
        with pytest.raises(StoreTooNew, match="v9999"):
            Store.open(path, read_only=read_only)


def test_there_is_nothing_to_read_where_nothing_was_written(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="does not exist"):
        Store.open(tmp_path / "contactline.db", read_only=True)
    assert not (tmp_path / "contactline.db").exists()


def test_the_migrations_make_exactly_the_tables_that_the_program_uses(store: Store) -> None:
    with store._readers.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), tables.metadata) == []
    newest = max(path.name for path in (MIGRATIONS / "versions").glob("v*.py"))
    assert newest.startswith(SCHEMA_HEAD)


def test_a_listener_hears_of_each_commit_with_the_newest_change(store: Store) -> None:
    heard: list[int] = []
    stop = store.subscribe(heard.append)
    open_case(store)
    with store.transaction(2, 20):
        pass
    stop()
    publish(store, 3, findings=[finding("f9")])
    assert heard == [3]
    assert [c["kind"] for c in store.changes_since(0)] == ["finding", "incident", "case", "finding"]


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    count = 120
    with Store.open(tmp_path_factory.mktemp("many") / "contactline.db") as store:
        with store.transaction(1, 1) as tx:
            tx.account(account("ann", ["analyst"]), actor="setup")
        for part in range(3):
            numbers = range(part * 40, part * 40 + 40)
            publish(
                store,
                part + 2,
                findings=[finding(f"f{n:03}", time_start_ns=START_NS + n // 7) for n in numbers],
                filings=[
                    filing(
                        f"2026-{n:05}",
                        f"f{n:03}",
                        priority=1 + n % 5,
                        sector=f"S{n % 3:02}",
                        party=(None, "A", "B")[n % 3],
                        chainage_m=n * 1_000.0,
                        summary=f"Fire near Торське {n}" if n % 10 == 0 else f"100%_of {n}",
                    )
                    for n in numbers
                ],
            )
        stated = {"action": "assign", "actor": "ann", "roles": ["analyst"], "assignee": "ann"}
        with store.transaction(9, 90) as tx:
            tx.action({**stated, "case": "2026-00007"})
        assert store.counts()["cases"] == count
        yield store


@pytest.mark.parametrize("sort", ["priority", "-updated", "updated", "number", "-number"])
def test_pages_follow_each_other_without_gap_or_repetition_in_every_order(many: Store, sort: str) -> None:
    whole = many.case_page(CaseFilter(), sort=sort, limit=1_000).items
    cursor, seen = None, []
    while True:
        page = many.case_page(CaseFilter(), sort=sort, limit=7, cursor=cursor)
        seen += page.items
        cursor = page.next_cursor
        assert page.total == 120
        if cursor is None:
            break
    assert seen == whole
    assert len({row["number"] for row in seen}) == 120


def test_pages_stay_right_while_cases_are_filed(many: Store, tmp_path: Path) -> None:
    with Store.open(tmp_path / "contactline.db") as store:
        publish(
            store,
            1,
            findings=[finding(f"f{n}") for n in range(10)],
            filings=[filing(f"2026-{n:05}", f"f{n}") for n in range(10)],
        )
        page = store.case_page(CaseFilter(), sort="number", limit=5)
        publish(store, 2, findings=[finding("g")], filings=[filing("2026-00010", "g", priority=1)])
        rest = store.case_page(CaseFilter(), sort="number", limit=20, cursor=page.next_cursor)
    numbers = [row["number"] for row in (*page.items, *rest.items)]
    assert numbers == [f"2026-{n:05}" for n in range(11)]


@pytest.mark.parametrize(
    ("chosen", "count"),
    [
        (CaseFilter(status=("open",)), 120),
        (CaseFilter(status=("closed",)), 0),
        (CaseFilter(status=("triaged",)), 1),
        (CaseFilter(assignee="ann"), 1),
        (CaseFilter(assignee="nobody"), 119),
        (CaseFilter(sector=("S01",)), 40),
        (CaseFilter(sector=("S01", "S02")), 80),
        (CaseFilter(party=("A",)), 40),
        (CaseFilter(party=("A", "undetermined")), 80),
        (CaseFilter(priority=(1, 2)), 48),
        (CaseFilter(q="торське"), 12),
        (CaseFilter(q="ТОРСЬКЕ fire"), 12),
        (CaseFilter(q="%"), 108),
        (CaseFilter(q="100%_of 77"), 1),
        (CaseFilter(q="_"), 120),
        (CaseFilter(q="' OR 1=1 --"), 0),
        (CaseFilter(km_from=100.0, km_to=109.0), 10),
        (CaseFilter(bbox=(34.0, 47.0, 36.0, 49.0)), 120),
        (CaseFilter(bbox=(36.0, 47.0, 34.0, 49.0)), 0),
        (CaseFilter(from_ns=START_NS + 1), 0),
        (CaseFilter(to_ns=START_NS), 0),
        (CaseFilter(updated_since_ns=90), 1),
        (CaseFilter(overdue_at_ns=2**60), 120),
    ],
)
def test_filters_choose_what_they_say(many: Store, chosen: CaseFilter, count: int) -> None:
    page = many.case_page(chosen, limit=1_000)
    assert (page.total, len(page.items)) == (count, count)


def test_counts_above_the_queue(many: Store) -> None:
    counts = many.case_counts("ann", 2**60)
    assert counts == {"open": 120, "overdue": 120, "mine": 1, "by_status": {"filed": 119, "triaged": 1}}


def test_ten_thousand_findings_are_written_in_one_transaction(store: Store) -> None:
    rows = [finding(f"f{n:05}", subject_key=f"track:s/{n}") for n in range(10_000)]
    given = output()._replace(findings=table(schema.FINDINGS, rows))
    with store.transaction(1, 1) as tx:
        tx.apply(given)
    assert store.counts()["findings"] == 10_000
