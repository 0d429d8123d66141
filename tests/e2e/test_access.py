"""axe finds no violation on any view, at a desk in light and on a phone in dark."""

from importlib.resources import files
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.e2e.conftest import new_page, open_context, sign_in
from tests.e2e.stand_in.server import StandIn
from tests.e2e.stand_in.world import World

pytestmark = [pytest.mark.browser, pytest.mark.slow]
AXE = (files("axe_playwright_python") / "axe.min.js").read_text()

DESK = (
    "/cases",
    "crossing",
    "fire/evidence",
    "crossing/notes",
    "/reports",
    "/sensors",
    "/quality",
    "/how-this-works",
)
PHONE = ("/cases", "crossing", "fire/evidence", "/quality")


def violations(page: Page) -> list[str]:
    page.evaluate(AXE)
    found: dict[str, Any] = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{v['id']}: {v['nodes'][0]['html'][:160]} | {v['nodes'][0]['failureSummary'][:200]}"
        for v in found["violations"]
    ]


def path_of(view: str, server: StandIn) -> str:
    rule, _, tab = view.partition("/")
    rules = {"crossing": "line_crossing", "fire": "ceasefire_fire"}
    if rule not in rules:
        return view
    number = next(n for n, c in server.world.cases.items() if c["rule_id"] == rules[rule])
    return f"/cases/{number}/{tab}"


@pytest.mark.parametrize(
    ("size", "scheme", "views"),
    [((1440, 900), "light", DESK), ((390, 844), "dark", PHONE)],
    ids=["desk, light", "phone, dark"],
)
def test_axe_finds_nothing(
    browser: Browser, size: tuple[int, int], scheme: str, views: tuple[str, ...]
) -> None:
    world = World.invent(cases=10)
    world.sensors = world.sensors[:12]  # a row more has nothing new to find, and is looked at in full
    stand_in = StandIn(world).start()
    stand_in.must_set.clear()
    context = open_context(browser, *size, scheme, maps=True)
    page = new_page(context)
    page.goto(stand_in.url)
    page.get_by_role("button", name="Sign in").wait_for()
    found = {"sign-in": violations(page)}
    sign_in(context, stand_in)
    for view in views:
        page.goto(stand_in.url + path_of(view, stand_in))
        page.get_by_role("navigation", name="Main").wait_for()
        page.wait_for_timeout(250)
        found[view] = violations(page)
    context.close()
    stand_in.stop()
    assert {view: wrong for view, wrong in found.items() if wrong} == {}
