"""The studio as people use it, in Chromium: with a mouse, with a keyboard alone, on a phone."""

import re
from itertools import pairwise
from urllib.parse import urlsplit

import pytest
from browsed import chromium, needs_chromium, served
from looks import MOVING, NAMED, cut_off, low_contrast, nodes_of, unseen_focus

from headwater.studio.pages import PAGES

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def address(studio, tmp_path_factory):
    app = studio(tmp_path_factory.mktemp("served"), rate="100000/minute")
    with served(app) as address:
        service = app.state.service
        for _ in range(3):
            service.home("p0003")  # so that there are answers to show the time of
        assert service.recorder.flush()
        yield address


@pytest.fixture(scope="module")
def chrome():
    with chromium() as browser:
        yield browser


@pytest.fixture
def opened(chrome, address):
    """Opens pages; in the end nothing was asked of anybody else, and nothing went wrong in them."""
    contexts, asked, wrong = [], [], []

    def open_(path="/", *, clock=False, **how):
        context = chrome.new_context(**{"viewport": {"width": 1280, "height": 900}, **how})
        context.set_default_timeout(10_000)
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on(
            "console",
            lambda said: wrong.append(said.text) if said.type in ("error", "warning") else None,
        )
        if clock:
            page.clock.install()
        page.goto(address + path)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert asked
    assert {"{0.scheme}://{0.netloc}".format(urlsplit(each)) for each in asked} == {address}
    assert not wrong


def titles(page, strip=0):
    return page.locator(".strip").nth(strip).locator(".title").all_inner_texts()


def test_an_editor_chooses_three_titles_and_sees_the_page_change(opened):
    page = opened("/")
    assert page.url.endswith("/studio/home")
    page.get_by_label("User", exact=True).fill("an editor")
    page.get_by_role("button", name="Show").click()
    page.wait_for_url("**/studio/home?user=an+editor*")
    seen = [titles(page)]
    assert page.get_by_role("heading", name="To begin with").is_visible()
    for _ in range(3):
        chosen = titles(page)[1]
        page.locator(".strip").first.locator("button.choose").nth(1).click()
        page.get_by_text(f"an editor chose {chosen}, and watched it for 10 min.").wait_for()
        seen.append(titles(page))
        assert chosen not in seen[-1]
        told = page.get_by_text("titles were not on the page before").inner_text()
        new = int(re.match(r"\d+", told)[0])
        assert page.locator(".flag").count() == new
    assert seen[3] != seen[0]
    assert page.get_by_role("heading", name="For you").is_visible()


def test_consent_is_given_and_taken_back(opened):
    page = opened("/studio/home?user=careful")
    nobody = opened("/studio/home")
    assert page.get_by_text("Consent: essential (not asked yet)").is_visible()
    page.get_by_label("full: kept, and learned from").check()
    page.get_by_role("button", name="Save the consent").click()
    page.get_by_text("careful agreed to full").wait_for()
    page.locator("button.choose").first.click()
    page.get_by_text("careful chose").wait_for()
    assert titles(page) != titles(nobody)
    page.get_by_text("Consent: full").click()
    page.get_by_label("none: nothing of theirs is kept").check()
    page.get_by_role("button", name="Save the consent").click()
    page.get_by_text("careful agreed to none").wait_for()
    assert titles(page) == titles(nobody)
    assert page.get_by_role("link", name="How was the visit?").count() == 0


def test_the_survey_comes_after_seven_seconds_and_is_answered_by_keyboard_alone(opened):
    page = opened("/studio/home?user=by+keyboard", clock=True)
    dialog = page.get_by_role("dialog")
    page.clock.fast_forward(6_500)
    assert dialog.count() == 0
    page.clock.fast_forward(600)
    dialog.wait_for()
    assert dialog.get_attribute("aria-labelledby")
    page.keyboard.press("Space")  # the first face has the focus
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    assert page.get_by_label("Satisfied", exact=True).is_checked()
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    assert page.get_by_label("To catch up on a programme that I missed").is_checked()
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent.trim()") == "Send":
            break
    page.keyboard.press("Enter")
    page.get_by_text("Thank you. by keyboard was satisfied.").wait_for()
    page.clock.fast_forward(20_000)
    page.wait_for_timeout(100)
    assert dialog.count() == 0, "nobody is asked twice"


def test_the_survey_is_closed_by_escape_and_does_not_come_back(opened):
    page = opened("/studio/home?user=in+a+hurry", clock=True)
    page.clock.fast_forward(7_100)
    page.get_by_role("dialog").wait_for()
    page.keyboard.press("Escape")
    assert page.get_by_role("dialog").count() == 0
    page.reload()
    page.clock.fast_forward(20_000)
    page.wait_for_timeout(100)
    assert page.get_by_role("dialog").count() == 0
    page.get_by_role("link", name="How was the visit?").click()
    page.get_by_role("button", name="Not now").click()
    assert page.get_by_role("dialog").count() == 0


def test_nobody_who_agreed_to_nothing_is_asked(opened):
    page = opened("/studio/home?user=private", clock=True)
    page.get_by_label("none: nothing of theirs is kept").check()
    page.get_by_role("button", name="Save the consent").click()
    page.get_by_text("private agreed to none").wait_for()
    page.clock.fast_forward(60_000)
    page.wait_for_timeout(100)
    assert page.locator("dialog").count() == 0


def test_a_chart_is_as_dark_as_the_page(opened):
    page = opened("/studio/flow", color_scheme="dark")
    text = page.locator(".chart svg text").first
    assert text.get_attribute("fill") == "#59636e", "as it was drawn"
    colour = text.evaluate("e => getComputedStyle(e).fill")
    assert min(map(int, re.findall(r"\d+", colour))) > 150
    page.emulate_media(color_scheme="light")
    assert max(map(int, re.findall(r"\d+", text.evaluate("e => getComputedStyle(e).fill")))) < 120


def test_an_engineer_publishes_another_version_and_rolls_back(opened):
    page = opened("/studio/flow?user=p0001")
    was = page.locator(".facts dd").first.inner_text()
    page.get_by_role("button", name="Publish").click()
    page.get_by_text("answers from now on.").wait_for()
    assert page.locator(".facts dd").first.inner_text() != was
    page.get_by_role("button", name="Roll back").click()
    page.get_by_text(f"{was} answers again.").wait_for()
    assert page.locator(".facts dd").first.inner_text() == was
    page.get_by_text("Its report").first.click()
    assert page.get_by_text("NDCG@10").is_visible()


def test_the_reason_is_shown_to_the_keyboard_and_put_away_by_escape(opened):
    page = opened("/studio/home?user=p0001")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.className") == "choose":
            break
    reason = page.locator(".reason").first
    assert reason.is_visible()
    assert "place" in reason.inner_text()
    page.keyboard.press("Escape")
    assert not reason.is_visible()
    page.keyboard.press("Tab")  # to its "Why this"
    page.keyboard.press("Enter")
    assert page.locator(".item details[open] dl").first.is_visible()


def test_it_works_without_scripts(opened):
    page = opened("/studio/home?user=plain", java_script_enabled=False)
    page.locator("button.choose").first.click()
    page.get_by_text("plain chose").wait_for()
    page.get_by_role("link", name="How was the visit?").click()
    page.get_by_label("Very satisfied").check()
    page.get_by_role("button", name="Send").click()
    page.get_by_text("Thank you. plain was very satisfied.").wait_for()


# Of every page

PATHS = [f"/studio/{page.name}" for page in PAGES]
PATHS += ["/studio/home?user=p0001&user=p0002", "/studio/home?user=p0001&ask=1"]


@pytest.mark.parametrize("path", PATHS)
def test_every_page_can_be_used_by_everybody(opened, path):
    page = opened(path)
    nodes = nodes_of(page)
    roles = [role for role, _ in nodes]
    assert ("dialog" if "ask" in path else "main") in roles
    assert len([role for role in roles if role in NAMED]) >= 5
    assert not [role for role, name in nodes if role in NAMED and not name]
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(e => e.id)")
    assert len(ids) == len(set(ids))
    levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3,h4')].map(e => +e.tagName[1])")
    assert (levels[0], levels.count(1)) == (1, 1)
    assert all(below - above <= 1 for above, below in pairwise(levels))
    assert not unseen_focus(page)
    for scheme in ("light", "dark"):
        assert not low_contrast(page, scheme)
    assert cut_off(page) == (0, [])


def test_nothing_moves_for_who_wants_it_still(opened):
    assert opened("/studio/home?user=p0001", reduced_motion="reduce").evaluate(MOVING) == 0
    assert opened("/studio/home?user=p0001").evaluate(MOVING) > 0, "or this would see nothing"


def test_what_is_looked_for_is_found(opened):
    """The checks above see a page that has it all wrong."""
    page = opened("/studio/home")
    page.evaluate(
        """() => {
          const wrong = document.createElement("div");
          wrong.innerHTML = "<button></button><p id=pale>pale</p>" +
            "<img src='/studio/static/icon.svg'>";
          document.querySelector("main").prepend(wrong);
          document.querySelector("#pale").attributeStyleMap.set("color", "rgb(200,200,200)");
          document.querySelector("#pale").attributeStyleMap.set("width", "900px");
          wrong.querySelector("button").attributeStyleMap.set("outline-style", "none");
        }"""
    )
    nodes = nodes_of(page)
    assert ("button", "") in nodes
    assert ("image", "") in nodes or ("img", "") in nodes
    assert [each[0] for each in low_contrast(page, "light")] == ["pale"]
    assert unseen_focus(page)
    wide, _ = cut_off(page)
    assert wide > 0
