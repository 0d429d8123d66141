"""Looking at a day: the unrolled line, the queue that never jumps, evidence as it is, honest states."""

import json
import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import new_page, open_context, sign_in
from tests.e2e.stand_in.server import PUBLISHED_QUALITY, StandIn
from tests.e2e.stand_in.world import HOSTILE, PERMITTED, World

pytestmark = pytest.mark.browser

OTHERS = {
    "rule_id": "ceasefire_fire",
    "party": "A",
    "sector": "S01",
    "chainage_m": 1.0,
    "priority": 1,
    "assignee": None,
}


def rows(page: Page) -> list[str]:
    found: list[str] = page.locator("[data-number]").evaluate_all("all => all.map(one => one.dataset.number)")
    return found


def open_the_day(page: Page, server: StandIn, path: str = "/cases") -> None:
    """Open the cases and wait until line, marks, rows and live stream are there."""
    page.goto(server.url + path)
    expect(page.locator("[data-number]").first).to_be_visible()
    expect(page.locator(".sector").last).to_be_visible()
    expect(page.get_by_text("live", exact=True)).to_be_visible()


def test_brushing_the_unrolled_line_filters_the_queue_and_stands_in_the_address(
    page: Page, stand_in: StandIn
) -> None:
    open_the_day(page, stand_in)
    before = len(rows(page))
    box = page.locator("canvas").first.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.30, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.55, box["y"] + 150, steps=5)
    page.mouse.up()
    page.wait_for_url(re.compile(r"km_from=\d+&km_to=\d+&from=.+&to=.+"))
    expect(page.locator("[data-number]")).not_to_have_count(before)
    km_from, km_to = (float(v) for v in re.findall(r"km_(?:from|to)=(\d+)", page.url))
    for number in rows(page):
        assert km_from * 1000 <= stand_in.world.cases[number]["chainage_m"] <= km_to * 1000
    page.get_by_role("button", name="Clear selection").click()
    expect(page.locator("[data-number]")).to_have_count(before)


def test_the_unrolled_line_can_be_brushed_by_keyboard(page: Page, stand_in: StandIn) -> None:
    open_the_day(page, stand_in)
    page.keyboard.press("g")
    page.keyboard.press("u")
    page.keyboard.press("ArrowRight")
    page.wait_for_url(re.compile(r"km_from=0&km_to=50"))
    page.keyboard.press("Shift+ArrowRight")
    page.wait_for_url(re.compile(r"km_from=0&km_to=100"))
    page.keyboard.press("Escape")
    page.wait_for_url(re.compile(r"/cases$"))


def test_new_cases_wait_behind_a_bar_and_rows_do_not_move(page: Page, stand_in: StandIn) -> None:
    open_the_day(page, stand_in, "/cases?status=filed")
    before = rows(page)
    shown = before[3]
    for number in ("2026-09001", "2026-09002", "2026-09003"):
        data = {**OTHERS, "id": number, "status": "filed", "version": 1, "summary": "Something new"}
        stand_in.emit("case", data)
    changed = {**OTHERS, "id": shown, "status": "triaged", "version": 9, "summary": "Now with other words"}
    stand_in.emit("case", changed)
    expect(page.get_by_role("button", name="3 new or changed cases: show")).to_be_visible()
    assert rows(page) == before
    row = page.locator(f"[data-number='{shown}']")
    expect(row).to_contain_text("Now with other words")
    expect(row).to_contain_text("changed")
    page.get_by_role("button", name="3 new or changed cases: show").click()
    expect(page.get_by_role("button", name="3 new or changed cases: show")).to_be_hidden()


def test_a_lost_connection_is_said_and_messages_are_caught_up_after_it(page: Page, stand_in: StandIn) -> None:
    open_the_day(page, stand_in)
    stand_in.emit("status", {"id": "seen"})
    page.wait_for_timeout(300)
    stand_in.offline = True
    expect(page.get_by_text("no connection since")).to_be_visible()
    missed = {**OTHERS, "id": "2026-09009", "status": "filed", "version": 1, "summary": "Missed meanwhile"}
    stand_in.emit("case", missed)
    stand_in.offline = False
    expect(page.get_by_text("live", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="1 new or changed case: show")).to_be_visible()


def test_a_failure_says_what_failed_and_offers_to_try_again(page: Page, stand_in: StandIn) -> None:
    stand_in.broken.add("cases")
    page.goto(f"{stand_in.url}/cases")
    expect(page.get_by_role("heading", name="Could not load the queue")).to_be_visible()
    stand_in.broken.clear()
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("[data-number]").first).to_be_visible()


def test_a_case_that_does_not_exist_is_called_so(page: Page, stand_in: StandIn) -> None:
    page.goto(f"{stand_in.url}/cases/2026-99999")
    expect(page.get_by_role("heading", name="There is no such case")).to_be_visible()


def test_an_empty_day_is_not_called_quiet(browser: Browser) -> None:
    server = StandIn(World.invent(cases=0)).start()
    server.must_set.clear()
    context = open_context(browser)
    sign_in(context, server)
    page = new_page(context)
    page.goto(f"{server.url}/cases")
    expect(page.get_by_text("this does not mean that it was quiet")).to_be_visible()
    expect(page.get_by_role("heading", name="No case here")).to_be_visible()
    context.close()
    server.stop()


def test_hostile_text_is_shown_as_text_with_its_marks_and_folded(browser: Browser) -> None:
    server = StandIn(World.invent(hostile=True)).start()
    server.must_set.clear()
    context = open_context(browser)
    sign_in(context, server)
    page = new_page(context)
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: dialogs.append(dialog.message))
    number = next(iter(server.world.cases))
    page.goto(f"{server.url}/cases/{number}/evidence")
    cell = page.locator(".foreign").filter(has_text="<script>alert(1)</script>").first
    expect(cell).to_contain_text("RLO")
    expect(cell).not_to_contain_text("\u202e")
    fold = cell.get_by_role("button", name=re.compile(r"Show [\d,]+ more characters"))
    expect(fold).to_be_visible()
    fold.click()
    expect(cell).to_contain_text("A" * 900)
    assert HOSTILE.count("<script>") == 1
    assert dialogs == []
    assert page.locator("script").count() == 1
    context.close()
    server.stop()


def test_numbers_lead_to_the_rows_behind_them(page: Page, stand_in: StandIn) -> None:
    number, case = next((n, c) for n, c in stand_in.world.cases.items() if c["rule_id"] == "ceasefire_fire")
    count = case["incidents"][0]["event_count"]
    page.goto(f"{stand_in.url}/cases/{number}")
    page.get_by_role("link", name=str(count), exact=True).first.click()
    page.wait_for_url(re.compile("/evidence"))
    expect(page.get_by_text(f"{count} of {count} events")).to_be_visible()
    sensor = case["findings"][0]["sensor_ids"][0]
    page.get_by_role("cell").get_by_role("link", name=sensor).first.click()
    features = stand_in.world.evidence[number]["events"]["features"]
    seen = sum(f["properties"]["sensor_id"] == sensor for f in features)
    expect(page.get_by_text(f"{seen} of {count} events")).to_be_visible()


def test_the_case_map_draws_without_breaking_the_security_policy(
    page_with_map: Page, stand_in: StandIn
) -> None:
    number = next(n for n, c in stand_in.world.cases.items() if c["rule_id"] == "line_crossing")
    page = page_with_map
    page.goto(f"{stand_in.url}/cases/{number}")
    canvas = page.locator("canvas.maplibregl-canvas")
    expect(canvas).to_be_visible()
    expect(page.locator(".maplibregl-ctrl-scale")).to_have_text(re.compile("m$"))


def test_crossings_at_one_place_share_a_mark_and_one_label_tells_of_them(
    page_with_map: Page, stand_in: StandIn
) -> None:
    crossings = {n: len(e["crossings"]) for n, e in stand_in.world.evidence.items()}
    number = next(n for n, count in crossings.items() if count == 4)
    page = page_with_map
    page.goto(f"{stand_in.url}/cases/{number}")
    label = page.get_by_role("group", name="the map").locator(".label")
    expect(label).to_have_count(1)
    expect(label).to_contain_text("4 crossings")
    expect(label).to_contain_text("2 × A → B")
    alone = next(n for n, count in crossings.items() if count == 1)
    page.goto(f"{stand_in.url}/cases/{alone}")
    expect(label).to_contain_text("0.98 almost certain")


def test_the_belts_are_told_apart_in_the_legend(page_with_map: Page, stand_in: StandIn) -> None:
    number = next(n for n, c in stand_in.world.cases.items() if c["rule_id"] == "buffer_incursion")
    page = page_with_map
    page.goto(f"{stand_in.url}/cases/{number}")
    expect(page.get_by_text("warning belts, 1 km")).to_be_visible()
    expect(page.get_by_text("critical belts, 400 m")).to_be_visible()


def test_the_probability_over_time_is_drawn_and_stands_in_a_table(page: Page, stand_in: StandIn) -> None:
    crossings = {n: e["crossings"] for n, e in stand_in.world.evidence.items()}
    number = next(n for n, found in crossings.items() if len(found) == 2)
    page.goto(f"{stand_in.url}/cases/{number}")
    chart = page.get_by_role("region", name="Probability over time")
    expect(chart).to_contain_text("0.98 almost certain")
    expect(chart.get_by_role("img")).to_have_attribute(
        "aria-label", re.compile("^From 0.02 almost no chance")
    )
    chart.get_by_text("As a table").click()
    expect(chart.get_by_role("row")).to_have_count(7)
    expect(chart.get_by_role("row").last.get_by_role("cell")).to_have_text(
        [re.compile(r"^\d\d:\d\d:\d\d\.\d{3}$"), "0.98", "almost certain"]
    )
    chart.get_by_role("button", name="Next crossing").click()
    expect(chart).to_contain_text("0.86 very likely")
    fire = next(n for n, found in crossings.items() if not found)
    page.goto(f"{stand_in.url}/cases/{fire}")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(chart).to_be_hidden()


def test_quality_names_weaknesses_first_and_misses_beside_false_reports(
    page: Page, stand_in: StandIn
) -> None:
    page.goto(f"{stand_in.url}/cases")
    page.keyboard.press("g")
    page.keyboard.press("q")
    page.wait_for_url(re.compile("/quality$"))
    headings = page.get_by_role("heading", level=2)
    expect(headings.first).to_have_text("Known weaknesses")
    expect(page.get_by_text(re.compile("with engine .*seeds 101 to"))).to_be_visible()
    table = page.get_by_role("region", name="Crossing").get_by_role("table")
    names = table.get_by_role("columnheader").all_text_contents()
    assert [name.split("0")[0].strip() for name in names if "Missed" in name or "False reports" in name] == [
        "Missed",
        "False reports",
    ]
    busy = table.get_by_role("row").filter(has_text="Busy day")
    expect(busy).to_contain_text(re.compile(r"\d+ %\s+\d+–\d+"))
    expect(page.get_by_role("heading", name="A beside B")).to_be_visible()
    even = page.get_by_role("region", name="A beside B").get_by_role("table")
    expect(even.get_by_text(re.compile(r"^0 points$")).first).to_be_visible()
    expect(even.get_by_text(re.compile(r"^−0(\.0*)?( points)?$"))).to_have_count(0)


def test_quality_says_how_much_is_only_told_and_what_it_would_be_worth(page: Page, stand_in: StandIn) -> None:
    page.goto(f"{stand_in.url}/quality")
    known = json.loads(PUBLISHED_QUALITY.read_text())
    quiet = next(one for one in known["scenarios"] if one["name"] == "quiet-day")
    told = {one["rule_id"]: one["told"] for one in quiet["rules"]}
    fire = page.get_by_role("region", name="Fire", exact=True).get_by_role("table")
    expect(fire.get_by_role("columnheader").last).to_have_text("Only told, and with them")
    cell = fire.get_by_role("row").filter(has_text="Quiet day").get_by_role("cell").last
    right = round(100 * told["ceasefire_fire"]["precision"]["value"])
    expect(cell).to_contain_text(f"{told['ceasefire_fire']['reports']:,}")
    expect(cell).to_contain_text(re.compile(rf"found \d+ %, true {right} %"))
    nothing = next(rule_id for rule_id, said in told.items() if said is None)
    row = (
        page.locator(f"section[aria-labelledby=rule-{nothing}]")
        .get_by_role("row")
        .filter(has_text="Quiet day")
    )
    expect(row.get_by_role("cell").last).to_have_text("0")


def test_on_a_phone_the_queue_and_the_case_follow_each_other(browser: Browser, stand_in: StandIn) -> None:
    context = open_context(browser, 390, 844)
    sign_in(context, stand_in)
    page = new_page(context)
    page.goto(f"{stand_in.url}/cases")
    page.locator("[data-number] a").first.click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.locator("[data-number]").first).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_role("link", name="‹ Queue").click()
    expect(page.locator("[data-number]").first).to_be_visible()
    context.close()


def test_places_of_sensors_are_shown_to_operators_only(
    browser: Browser, page: Page, stand_in: StandIn
) -> None:
    page.goto(f"{stand_in.url}/sensors")
    expect(page.get_by_text("shown to operators only")).to_be_visible()
    expect(page.get_by_role("columnheader", name="Place")).to_be_hidden()
    context = open_context(browser)
    sign_in(context, stand_in, "operator")
    theirs = new_page(context)
    theirs.goto(f"{stand_in.url}/sensors")
    expect(theirs.get_by_role("columnheader", name="Place")).to_be_visible()
    context.close()


def with_weighing(stand_in: StandIn, proposal: str) -> str:
    """The number of a case of which that was proposed."""
    return next(
        number
        for number, case in stand_in.world.cases.items()
        if case["findings"][0]["detail"]["attribution"]["proposal"] == proposal
    )


def test_what_is_undetermined_is_said_so_and_names_no_party_before_the_other(
    page: Page, stand_in: StandIn
) -> None:
    page.goto(f"{stand_in.url}/cases/{with_weighing(stand_in, 'undetermined')}")
    panel = page.get_by_role("region", name="Whose deed")
    expect(panel).to_contain_text("The evidence carries no proposal.")
    expect(panel).to_contain_text("Most probable are party A and party B at 0.40 each, unlikely.")
    expect(panel).to_contain_text("Nobody saw whose forces they were")
    expect(panel.locator("details[open]")).to_have_count(2)
    expect(panel).to_contain_text("Only people attribute")


def test_each_answer_to_whose_deed_opens_on_what_speaks_for_and_against_it(
    page: Page, stand_in: StandIn
) -> None:
    page.goto(f"{stand_in.url}/cases/{with_weighing(stand_in, 'B')}")
    panel = page.get_by_role("region", name="Whose deed")
    expect(panel).to_contain_text("party B is proposed, at 0.90 very likely")
    answers = panel.locator("details")
    expect(answers).to_have_count(6)
    expect(answers.nth(0)).to_contain_text("party A: 0.03, almost no chance; before the evidence 0.35")
    expect(answers.nth(0).get_by_text("Against").first).to_be_hidden()
    answers.nth(0).locator("summary").focus()
    page.keyboard.press("Enter")
    expect(answers.nth(0).get_by_text("Against").first).to_be_visible()
    expect(answers.nth(0)).to_contain_text("50 times less probable if this was so")


def test_the_clause_stands_in_words_beside_the_one_that_permits(page: Page, stand_in: StandIn) -> None:
    number = list(stand_in.world.cases)[PERMITTED]
    page.goto(f"{stand_in.url}/cases/{number}")
    panel = page.get_by_role("region", name="What the agreement says")
    expect(panel).to_contain_text("What is forbidden")
    expect(panel).to_contain_text("8.2 Notified convoys")
    expect(panel).to_contain_text(re.compile(r"permits \d findings? of this case: N-0007"))
    expect(page.get_by_role("region", name="Why priority")).to_contain_text("14 recorded")


def test_who_saw_it_stands_beside_who_was_looking(page: Page, stand_in: StandIn) -> None:
    number, case = next((n, c) for n, c in stand_in.world.cases.items() if c["rule_id"] == "buffer_incursion")
    page.goto(f"{stand_in.url}/cases/{number}")
    panel = page.get_by_role("region", name="Who saw it")
    expect(panel).to_contain_text("ground radar")
    expect(panel.get_by_role("link", name=case["findings"][0]["sensor_ids"][0])).to_be_visible()
    expect(panel).to_contain_text("upper bound: no terrain mask")
    panel.get_by_text("As a table").click()
    expect(panel.get_by_role("row").nth(1)).to_contain_text(re.compile("not observed.*0 %.*–"))
    expect(panel.get_by_role("row").nth(2)).to_contain_text(re.compile("observed.*100 %.*0.80"))
    assert "lon" not in panel.inner_text()
