"""The main job in the browser: sign in, find a case, decide it with a second person."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import SECRET, new_page, open_context, sign_in
from tests.e2e.stand_in.server import StandIn

pytestmark = pytest.mark.browser


def a_filed_case(server: StandIn) -> str:
    return next(
        n for n, c in server.world.cases.items() if c["status"] == "filed" and c["rule_id"] == "line_crossing"
    )


def test_the_first_sign_in_asks_for_an_own_passphrase_and_then_shows_the_queue(
    browser: Browser, stand_in: StandIn
) -> None:
    stand_in.must_set.add("analyst")
    context = open_context(browser)
    page = new_page(context)
    page.goto(stand_in.url)
    page.get_by_label("Name").fill("analyst")
    page.get_by_label(re.compile("Passphrase or")).fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("not right")
    page.get_by_label(re.compile("Passphrase or")).fill(SECRET)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Set your own passphrase")).to_be_visible()
    page.get_by_label("New passphrase", exact=True).fill("four words of rain")
    page.get_by_label("New passphrase, once more").fill("four words of rain")
    page.get_by_role("button", name="Set passphrase and go on").click()
    expect(page.get_by_role("list", name="Cases").get_by_role("listitem").first).to_be_visible()
    assert page.url.endswith("/cases")
    context.close()


def test_a_case_is_opened_proposed_and_kept_for_a_second_person_by_keyboard_alone(
    page: Page, stand_in: StandIn
) -> None:
    page.goto(f"{stand_in.url}/cases?status=filed")
    expect(page.get_by_role("list", name="Cases").get_by_role("listitem").first).to_be_visible()
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert re.search(r"/cases/2026-\d{5}\?status=filed$", page.url)
    page.keyboard.press("a")
    expect(page.get_by_role("button", name="Release")).to_be_visible()
    page.keyboard.press("v")
    box = page.get_by_label("Reasoning")
    expect(box).to_be_focused()
    page.keyboard.type("Two sensors saw it; nothing speaks against it.")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Decide on the proposal")).to_be_visible()
    expect(page.get_by_text("it is your own proposal")).to_be_visible()


def test_the_standard_of_proof_and_who_must_agree_stand_before_the_button(
    page: Page, stand_in: StandIn
) -> None:
    page.goto(f"{stand_in.url}/cases/{a_filed_case(stand_in)}")
    step = page.get_by_role("region", name="Next step")
    expect(step).to_contain_text("at least reasonable grounds")
    expect(step).to_contain_text("a reviewer who did not propose it")


def test_another_person_approves_and_the_case_moves_on(
    browser: Browser, page: Page, stand_in: StandIn
) -> None:
    number = a_filed_case(stand_in)
    page.goto(f"{stand_in.url}/cases/{number}")
    page.get_by_role("button", name=re.compile("^Verified")).click()
    page.get_by_label("Reasoning").fill("Fixes on both sides, far beyond their errors.")
    page.get_by_role("button", name="Propose: verified").click()
    expect(page.get_by_role("heading", name="Decide on the proposal")).to_be_visible()
    context = open_context(browser)
    sign_in(context, stand_in, "reviewer")
    theirs = new_page(context)
    theirs.goto(f"{stand_in.url}/cases/{number}")
    theirs.get_by_role("button", name="Approve").click()
    expect(theirs.get_by_role("heading", name="Propose an attribution")).to_be_visible()
    theirs.get_by_role("link", name="Timeline").click()
    expect(theirs.get_by_text("Approved verified")).to_be_visible()
    # the proposer, who still looks at the case, is told and decides when to look
    page.get_by_role("button", name="Show the changes").click()
    expect(page.get_by_role("heading", name="Propose an attribution")).to_be_visible()
    context.close()


def test_half_written_text_survives_a_reload_and_the_end_of_a_session(page: Page, stand_in: StandIn) -> None:
    number = a_filed_case(stand_in)
    page.goto(f"{stand_in.url}/cases/{number}/notes")
    page.get_by_label("Write a note").fill("Ask the operator about the radar")
    page.reload()
    expect(page.get_by_label("Write a note")).to_have_value("Ask the operator about the radar")
    expect(page.get_by_text("live", exact=True)).to_be_visible()
    page.wait_for_timeout(400)
    stand_in.sessions.clear()
    page.get_by_role("button", name="Add note").click()
    dialog = page.get_by_role("dialog", name="Your session has ended")
    expect(dialog).to_be_visible()
    expect(page.get_by_label("Write a note")).to_have_value("Ask the operator about the radar")
    dialog.get_by_label(re.compile("Passphrase or")).fill(SECRET)
    dialog.get_by_role("button", name="Sign in").click()
    expect(dialog).to_be_hidden()
    page.get_by_role("button", name="Add note").click()
    expect(page.get_by_label("Write a note")).to_have_value("")
    expect(page.get_by_text("Ask the operator about the radar")).to_be_visible()
    page.reload()
    expect(page.get_by_label("Write a note")).to_have_value("")


def test_a_conflict_keeps_the_text_and_reads_the_case_again(page: Page, stand_in: StandIn) -> None:
    number = a_filed_case(stand_in)
    page.goto(f"{stand_in.url}/cases/{number}")
    page.get_by_role("button", name=re.compile("^Inconclusive")).click()
    page.get_by_label("Reasoning").fill("One sensor only.")
    stand_in.world.cases[number]["version"] += 1
    page.get_by_role("button", name="Propose: inconclusive").click()
    expect(page.get_by_role("status").filter(has_text="Somebody changed the case")).to_be_visible()
    expect(page.get_by_label("Reasoning")).to_have_value("One sensor only.")
    page.get_by_role("button", name="Propose: inconclusive").click()
    expect(page.get_by_role("heading", name="Decide on the proposal")).to_be_visible()
