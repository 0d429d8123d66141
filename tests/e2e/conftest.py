"""A browser, a stand-in server with an invented day, and pages signed in to it."""

import os
import pickle
import re
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
MAP_LIBRARY = re.compile(r"/assets/library-.*\.js$")
expect.set_options(timeout=45_000)  # a machine that does other work besides is slow, not wrong


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
    browser: Browser, width: int = 1440, height: int = 900, scheme: str = "light", *, maps: bool = False
) -> BrowserContext:
    """A person's browser. Maps are drawn in software here, at a second each: only where a test looks at them."""
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme="dark" if scheme == "dark" else "light"
    )
    context.set_default_timeout(45_000)
    if not maps:
        context.route(MAP_LIBRARY, lambda route: route.abort())
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


def analyst_at_a_desk(browser: Browser, stand_in: StandIn, *, maps: bool) -> Iterator[Page]:
    """The analyst's page. An exception in it, or a violated security policy, fails the test."""
    context = open_context(browser, maps=maps)
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


@pytest.fixture
def page(browser: Browser, stand_in: StandIn) -> Iterator[Page]:
    """The analyst's page at a desk, its map left out."""
    yield from analyst_at_a_desk(browser, stand_in, maps=False)


@pytest.fixture
def page_with_map(browser: Browser, stand_in: StandIn) -> Iterator[Page]:
    """The analyst's page at a desk, with its map."""
    yield from analyst_at_a_desk(browser, stand_in, maps=True)
