"""What real feeds throw: the same verdicts, row for row, from the command line and over HTTP."""

import csv
import io
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from monitoring.adapters.service import MissionService
from monitoring.bootstrap import issue_token, open_home
from monitoring.settings import Settings
from tests.integration.cli.command_line import contactline
from tests.integration.cli.event_files import NOW
from tests.real_data import real

FIXTURES = Path(__file__).resolve().parents[3] / "fixtures" / "events"
FIXTURES_NOW = "2026-03-15T12:00:00Z"
VERDICT = ("accepted", "duplicates", "rejected", "flagged", "rows")

Post = Callable[[Path, str], dict[str, Any]]


def table(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))


def row_count(receipt: dict[str, Any]) -> int:
    rejected = sum(receipt["rejected"].values()) + receipt["flagged"].get("id_conflict", 0)
    return int(receipt["accepted"] + receipt["duplicates"] + rejected)


def verdicts(receipt: dict[str, Any]) -> dict[str, Any]:
    files = [(one["file"], one["reason"], one["detail"]) for one in receipt.get("files", [])]
    return {name: receipt[name] for name in VERDICT} | {"files": files}


@pytest.fixture
def at_a_copy(template: Path, tmp_path: Path) -> Callable[[], Path]:
    made = []

    def copy() -> Path:
        made.append(tmp_path / f"copy-{len(made)}")
        return Path(shutil.copytree(template, made[-1]))

    return copy


@pytest.fixture
def post(at_a_copy: Callable[[], Path]) -> Post:
    """Posts a file to a fresh served home; the receipt, out of the problem where there is one."""

    def deliver(path: Path, now: str) -> dict[str, Any]:
        with open_home(Settings(home=at_a_copy()), "serve", makes_accounts=False) as opened:
            token = issue_token(opened.runtime, "ingest", ("events",))
            with TestClient(create_app(MissionService(opened.runtime))) as client:
                answer = client.post(
                    "/v1/events",
                    params={"now": now, "name": path.name},
                    content=path.read_bytes(),
                    headers={
                        "Authorization": f"Bearer {token}",
                        "Content-Type": "application/octet-stream",
                    },
                )
        assert answer.status_code in {200, 413, 422}, answer.text
        body: dict[str, Any] = answer.json()
        if answer.status_code != 200:
            assert answer.headers["content-type"] == "application/problem+json"
            body = body["receipt"]
        assert (answer.status_code == 200) == bool(body["accepted"] or body["duplicates"])
        return body

    return deliver


def fits(row: dict[str, str], receipt: dict[str, Any]) -> bool:
    """Whether a receipt is what the table of real feeds calls good."""
    reasons = {row["reason_code"], *row["ambiguous"].split()}
    if row["action"] == "reject_file":
        return (
            len(receipt["files"]) == 1 and receipt["files"][0]["reason"] in reasons and not row_count(receipt)
        )
    found = {*receipt["rejected"], *receipt["flagged"], *(["duplicate"] if receipt["duplicates"] else [])}
    has_refusals = bool(receipt["rejected"] or receipt["flagged"].get("id_conflict"))
    return (
        not receipt["files"]
        and receipt["accepted"] == int(row["rows_accepted"])
        and row_count(receipt) == int(row["rows_in"])
        and has_refusals == (row["action"] == "reject_row")
        and (not row["reason_code"] or bool(found & reasons))
    )


@pytest.mark.slow
def test_real_feeds_get_the_verdicts_that_a_good_system_gives_at_both_doors(
    at_a_copy: Callable[[], Path], post: Post
) -> None:
    wrong, different = {}, {}
    rows = [row for row in table(real("bad_input/expected.csv")) if row["reason_code"] != "line_invalid"]
    assert len(rows) > 35
    for row in rows:
        path = real(f"bad_input/{row['file']}")
        ran = contactline(at_a_copy(), "ingest", path, "--now", NOW, "--json")
        told = ran.json
        assert ran.exit_code == int(row["action"].startswith("reject")), row["file"]
        if not fits(row, told):
            wrong[row["file"]] = verdicts(told)
        if row["file"] not in wrong and verdicts(post(path, NOW)) != verdicts(told):
            different[row["file"]] = (verdicts(told), verdicts(post(path, NOW)))
    assert wrong == {}
    assert different == {}


def test_two_instants_of_one_local_hour_are_both_taken_when_their_time_has_come(home: Path) -> None:
    file = real("bad_input/d09_dst_fold.ndjson")
    assert contactline(home, "ingest", file, "--now", NOW, "--json").json["rejected"] == {"clock_skew": 2}
    ran = contactline(home, "ingest", file, "--now", "2026-10-25T12:00:00Z", "--json")
    assert (ran.exit_code, ran.json["accepted"]) == (0, 2)


SOME = (
    "plain.csv", "fine.ndjson.gz", "blank_lines.csv", "bom_and_cr_lf.csv", "mixed_line_ends.ndjson", "quoted.csv",
    "ragged.csv", "numbers.csv", "stray_quotes.csv", "unclosed_quote.csv", "bad_utf8_in_one_row.ndjson",
    "id_conflict.ndjson", "duplicates.ndjson", "ids.ndjson", "words.ndjson", "ranges.ndjson", "nul_byte.ndjson",
    "not_finite.ndjson", "deep.ndjson", "lone_surrogates.ndjson", "times_malformed.ndjson", "media.ndjson",
    "ahead_of_the_clock.ndjson", "long_line.ndjson.gz", "two_objects_in_a_line.ndjson", "texts.ndjson",
    "utf16.csv", "semicolon.csv", "repeated_name.csv", "bomb.ndjson.gz", "cut_off.ndjson.gz", "only_bom.ndjson",
    "bare_cr.csv", "json_array.ndjson", "tarball.ndjson", "twice.ndjson.gz",
)  # fmt: skip


@pytest.mark.parametrize("name", SOME)
def test_committed_files_get_the_verdicts_of_their_table_at_both_doors(
    name: str, at_a_copy: Callable[[], Path], post: Post
) -> None:
    [row] = [row for row in table(FIXTURES / "expected.csv") if row["file"] == name]
    ran = contactline(at_a_copy(), "ingest", FIXTURES / name, "--now", FIXTURES_NOW, "--json")
    told = ran.json
    assert verdicts(post(FIXTURES / name, FIXTURES_NOW)) == verdicts(told)
    if row["file_reason"]:
        assert [one["reason"] for one in told["files"]] == [row["file_reason"]]
        assert row_count(told) == 0
    else:
        assert told["files"] == []
        assert row_count(told) == int(row["rows"])
        assert (told["accepted"], told["duplicates"]) == (int(row["accepted"]), int(row["duplicates"]))
        assert told["rejected"] == counts(row["rejected"])
        assert told["flagged"] == counts(row["flagged"])
        refused = sum(told["rejected"].values()) + told["flagged"].get("id_conflict", 0)
        assert len(told["rows"]) == refused
    assert ran.exit_code == int(
        bool(row["file_reason"] or told["rejected"] or "id_conflict" in told["flagged"])
    )


def counts(text: str) -> dict[str, int]:
    parts = (part.partition(":") for part in text.split(";") if part)
    return {code: int(number) for code, _, number in parts}
