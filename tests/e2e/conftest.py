"""A browser, a stand-in server with an invented day, and pages signed in to it."""

import os
import pickle
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.e2e.stand_in.server import DIST, StandIn
from tests.e2e.stand_in.world import World

CHROMIUM = os.environ.get("CONTACTLINE_CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
LATE_IN_THE_PERIOD = "2026-11-24T16:48:12Z"
SECRET = "one-time-0000"
expect.set_options(timeout=15_000)  # a machine that does other work besides is slow, not wrong


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if not Path(CHROMIUM).exists():
        message = "Chromium is not installed; install it with: apt-get install -y chromium"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    assert (DIST / "index.html").exists(), "the bundle is missing; build it with: make web"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def busy_day() -> bytes:
    """The invented day, pickled: a copy of one's own for each test in a few milliseconds."""
    world = World.invent()
    assert world.line.geojson  # worked out once, not once for each test
    return pickle.dumps(world)


@pytest.fixture
def stand_in(busy_day: bytes) -> Iterator[StandIn]:
    """A server with a busy day, where everyone has set a passphrase."""
    server = StandIn(pickle.loads(busy_day)).start()
    server.must_set.clear()
    yield server
    server.stop()


def open_context(
    browser: Browser, width: int = 1440, height: int = 900, scheme: str = "light"
) -> BrowserContext:
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme="dark" if scheme == "dark" else "light"
    )
    context.set_default_timeout(15_000)
    return context


def sign_in(context: BrowserContext, server: StandIn, name: str = "analyst") -> None:
    answer = context.request.post(
        f"{server.url}/v1/session",
        data={"name": name, "secret": SECRET},
        headers={"X-Requested-With": "contactline"},
    )
    assert answer.ok


def new_page(context: BrowserContext) -> Page:
    """A page late in the invented period; anything it throws fails the test that owns it."""
    page = context.new_page()
    page.clock.set_fixed_time(LATE_IN_THE_PERIOD)
    return page


@pytest.fixture
def page(browser: Browser, stand_in: StandIn) -> Iterator[Page]:
    """The analyst's page at a desk. An exception in it, or a violated security policy, fails the test."""
    context = open_context(browser)
    sign_in(context, stand_in)
    opened = new_page(context)
    wrong: list[str] = []
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on(
        "console", lambda message: wrong.append(message.text) if "Content Security" in message.text else None
    )
    yield opened
    context.close()
    assert wrong == []
