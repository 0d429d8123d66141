"""The workspace on the real program: an hour of a simulated day, two people, one case decided."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import open_context

pytestmark = pytest.mark.browser

PROGRAM = Path(sys.executable).with_name("contactline")
PASSPHRASE = "four words of rain"
REASONING = "Fixes lie on both sides, far beyond their errors."


@dataclass(frozen=True)
class Served:
    """A running server and the one-time credentials it printed."""

    url: str
    secrets: dict[str, str]


@pytest.fixture
def served(tmp_path: Path, browser: Browser) -> Iterator[Served]:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    with subprocess.Popen(
        [str(PROGRAM), "--home", str(tmp_path / "home"), "demo", "--hours", "1", "--port", str(port)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "COLUMNS": "200", "PYTHONUNBUFFERED": "1"},
    ) as process:
        assert process.stdout is not None
        told = ""
        for line in process.stdout:
            told += line
            if line.startswith("serving "):
                break
        try:
            assert "serving " in told, told
            secrets = dict(re.findall(r"(analyst|reviewer|operator)\s+([a-z0-9-]{20,})", told))
            yield Served(f"http://127.0.0.1:{port}", secrets)
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=30)


def enter(page: Page, served: Served, name: str) -> None:
    """Sign in for the first time and set an own passphrase."""
    page.goto(served.url)
    page.get_by_label("Name").fill(name)
    page.get_by_label(re.compile("Passphrase or")).fill(served.secrets[name])
    page.get_by_role("button", name="Sign in").click()
    page.get_by_label("New passphrase", exact=True).fill(PASSPHRASE)
    page.get_by_label("New passphrase, once more").fill(PASSPHRASE)
    page.get_by_role("button", name="Set passphrase and go on").click()
    expect(page.locator("[data-number]").first).to_be_visible()


def test_two_people_decide_a_case_of_a_simulated_hour(served: Served, browser: Browser) -> None:
    wrong: list[str] = []
    pages = []
    for _ in range(2):
        context = open_context(browser, maps=True)
        context.set_default_timeout(60_000)
        pages.append(context.new_page())
        pages[-1].on("pageerror", lambda error: wrong.append(str(error)))
    theirs, second = pages

    enter(theirs, served, "analyst")
    theirs.get_by_label("any rule").select_option("line_crossing")
    theirs.wait_for_url(re.compile("rule_id=line_crossing"))
    expect(theirs.locator("[data-number]").filter(has_not_text="Crossing")).to_have_count(0)
    theirs.locator("[data-number] a").first.click()
    expect(theirs.get_by_role("heading", level=1)).to_contain_text("crossed")
    expect(theirs.locator("canvas.maplibregl-canvas")).to_be_visible()
    theirs.get_by_role("button", name=re.compile("^Verified")).click()
    theirs.get_by_label("Reasoning").fill(REASONING)
    theirs.get_by_role("button", name="Propose: verified").click()
    expect(theirs.get_by_role("heading", name="Decide on the proposal")).to_be_visible()

    enter(second, served, "reviewer")
    second.goto(theirs.url)
    expect(second.get_by_text(REASONING)).to_be_visible()
    second.get_by_role("button", name="Approve").click()
    expect(second.get_by_role("heading", name="Propose an attribution")).to_be_visible()
    second.get_by_role("link", name="Timeline").click()
    entries = second.get_by_role("article").get_by_role("listitem")
    expect(entries.filter(has_text=re.compile(r"analyst\s+proposed"))).to_have_count(1)
    expect(entries.filter(has_text=re.compile(r"reviewer\s+approved"))).to_have_count(1)

    second.get_by_role("link", name="Quality").click()
    expect(second.get_by_role("heading", name="Known weaknesses")).to_be_visible()
    assert wrong == []
    for page in pages:
        page.context.close()
