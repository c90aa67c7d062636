"""Somebody's home page in the studio: what is shown, what is done, and what is kept of it."""

import re
from dataclasses import replace

import polars as pl
import pytest
from fastapi.testclient import TestClient
from seen import HERE, NASTY, tags, words

from headwater.data.sessions import INTENTS


def person(browser, user, at=0, **more):
    query = {"user": user, **more}
    return browser.get("/studio/home.json", params=query).json()["people"][at]


def token(browser):
    page = browser.get("/studio/home?user=somebody").text
    return re.search(r'name="token" value="([^"]+)"', page)[1]


def act(browser, user, item, strip, **more):
    form = {"token": token(browser), "user": user, "chosen": f"{strip['trace_id']} {item}"}
    return browser.post("/studio/home/act", data=form | more)


def agree(browser, user, level):
    form = {"token": token(browser), "user": user, "level": level}
    return browser.post("/studio/home/consent", data=form)


def answer(browser, user, level, *intents):
    form = {"token": token(browser), "user": user, "satisfaction": level, "intents": intents}
    return browser.post("/studio/home/survey", data=form)


def kept(app, user, table="events"):
    service = app.state.service
    assert service.recorder.flush()
    return service.store.export_user(user)[table]


def first(one):
    return [item["item_id"] for item in one["strips"][0]["items"]]


def test_the_page_is_what_the_api_gives(browser):
    mine, api = person(browser, "p0001"), browser.get("/v1/home/p0001").json()
    assert [strip["title"] for strip in mine["strips"]] == [s["title"] for s in api["strips"]]
    assert first(mine) == first(api)
    page = browser.get("/studio/home?user=p0001").text
    for item in mine["strips"][0]["items"]:
        assert item["title"] in words(page)
        assert item["why"] in words(page)
    pictures = [has["src"] for tag, has in tags(page) if tag == "img"]
    assert {each["picture"] for each in mine["strips"][0]["items"]} <= set(pictures)
    assert browser.get(pictures[0]).headers["content-type"] == "image/jpeg"


def test_to_look_is_not_to_show(app, browser):
    before = app.state.service.store.count()
    browser.get("/studio/home?user=p0001&user=p0002")
    browser.get("/studio/flow?user=p0001")
    assert app.state.service.recorder.flush()
    assert app.state.service.store.count() == before
    browser.get("/v1/home/p0001")
    assert app.state.service.recorder.flush()
    assert app.state.service.store.count() != before, "or nothing would be noticed here"


def test_a_click_is_a_click_and_a_play_of_that_person(app, browser):
    strip = person(browser, "p0001")["strips"][0]
    item = strip["items"][2]
    page = act(browser, "p0001", item["item_id"], strip, seconds=600)
    assert page.url.path == "/studio/home"
    assert f"p0001 chose {item['title']}, and watched it for 10 min." in words(page.text)
    click, play = kept(app, "p0001")
    assert (click["kind"], play["kind"], play["seconds"]) == ("click", "play", 600)
    assert click["event_id"] != play["event_id"]
    for event in (click, play):
        assert event["item_id"] == item["item_id"]
        assert event["request_id"] == strip["trace_id"]
    assert click["session_id"] == play["session_id"]
    act(browser, "p0001", strip["items"][0]["item_id"], strip, seconds=0)
    assert [each["kind"] for each in kept(app, "p0001")] == ["click", "play", "click"]


def test_what_nobody_knows_cannot_be_chosen(app, browser):
    strip = person(browser, "p0001")["strips"][0]
    page = act(browser, "p0001", "of-no-catalogue", strip)
    assert page.status_code == 404
    assert "of-no-catalogue" in words(page.text)
    assert kept(app, "p0001") == []


def test_the_third_click_changes_the_page_and_the_page_says_what_is_new(browser):
    pages = [person(browser, "newcomer")]
    for n in range(3):
        strip = pages[-1]["strips"][0]
        item = strip["items"][n]["item_id"]
        act(browser, "newcomer", item, strip, seconds=60, had=pages[-1]["had"])
        pages.append(person(browser, "newcomer"))
        assert item not in {i["item_id"] for s in pages[-1]["strips"][:1] for i in s["items"]}
    assert first(pages[3]) != first(pages[0])
    assert pages[0]["strips"][0]["title"] == "To begin with"
    assert pages[3]["strips"][0]["title"] == "For you"


def test_new_titles_are_those_that_were_not_there_before(browser):
    before = person(browser, "newcomer")
    had = {item["item_id"] for strip in before["strips"] for item in strip["items"]}
    strip = before["strips"][0]
    form = {"token": token(browser), "user": "newcomer", "had": before["had"], "seconds": 60}
    form["chosen"] = f"{strip['trace_id']} {strip['items'][0]['item_id']}"
    answered = browser.post("/studio/home/act", data=form, follow_redirects=False)
    page = browser.get(answered.headers["location"])
    now = person(browser, "newcomer")
    new = [i for s in now["strips"] for i in s["items"] if i["item_id"] not in had]
    assert new
    said = re.search(r"(\d+) of (\d+) titles were not on the page before", words(page.text))
    assert (int(said[1]), int(said[2])) == (len(new), now["items"])
    assert page.text.count("new on this page") == len(new)
    assert person(browser, "newcomer")["new"] is None, "it is told once"


def test_who_takes_consent_back_gets_what_anybody_gets_and_nothing_is_kept(app, browser):
    strip = person(browser, "p0001")["strips"][0]
    assert "p0001 agreed to full: kept, and learned from." in agree(browser, "p0001", "full").text
    assert person(browser, "p0001")["recorded"] == "full"
    act(browser, "p0001", strip["items"][0]["item_id"], strip, seconds=60)
    assert {each["consent"] for each in kept(app, "p0001")} == {"full"}
    had = len(kept(app, "p0001"))
    agree(browser, "p0001", "none")
    mine = person(browser, "p0001")
    assert first(mine) == first(browser.get("/v1/home").json())
    refused = act(browser, "p0001", strip["items"][1]["item_id"], strip, seconds=60)
    assert refused.status_code == 422
    assert "nothing was recorded" in words(refused.text)
    assert len(kept(app, "p0001")) == had
    page = browser.get("/studio/home?user=p0001").text
    assert "dialog" not in [tag for tag, _ in tags(page)]
    assert agree(browser, "p0001", "much").status_code == 422


def test_the_survey_asks_as_the_thesis_did_and_keeps_the_answer(app, browser):
    page = browser.get("/studio/home?user=p0001").text
    dialog = next(has for tag, has in tags(page) if tag == "dialog")
    assert float(dialog["data-after"]) == 7
    named = [has for tag, has in tags(page) if tag == "input"]
    faces = [has["value"] for has in named if has.get("name") == "satisfaction"]
    assert faces == ["1", "2", "3", "4", "5"]
    intents = {has["value"] for has in named if has.get("name") == "intents"}
    assert intents == {each for group in INTENTS.values() for each in group}
    thanks = answer(browser, "p0001", 4, "genre", "new")
    assert "Thank you. p0001 was satisfied." in words(thanks.text)
    (event,) = kept(app, "p0001")
    assert (event["kind"], event["satisfaction"], event["intents"]) == (
        "survey",
        4,
        ["genre", "new"],
    )
    for level, intents in ((None, ()), (6, ()), ("x", ()), (3, ("fun",))):
        assert answer(browser, "p0001", level, *intents).status_code == 422
    assert len(kept(app, "p0001")) == 1


def test_two_people_side_by_side_see_the_same_titles_in_other_pictures(browser):
    made = browser.get("/studio/home.json?user=p0001&user=p0002").json()
    assert [each["user_id"] for each in made["people"]] == ["p0001", "p0002"]
    assert len(made["same"]) >= 6
    for row in made["same"]:
        assert {each["item_id"] for each in row["theirs"]} == {row["item_id"]}
    pairs = [[each["picture"] for each in row["theirs"]] for row in made["same"]]
    assert any(one != two for one, two in pairs)
    page = browser.get("/studio/home?user=p0001&user=p0002").text
    shown = [has["src"] for tag, has in tags(page) if tag == "img"]
    assert {each for pair in pairs for each in pair} <= set(shown)
    ids = [has["id"] for _, has in tags(page) if "id" in has]
    assert len(ids) == len(set(ids)), "labels point to one thing each"
    dialogs = [has for tag, has in tags(page) if tag == "dialog"]
    assert len(dialogs) == 2
    assert not any("data-after" in has for has in dialogs), "nobody pops up between two"
    assert browser.get("/studio/home?user=a&user=b&user=c").status_code == 422


def test_the_titles_that_two_are_compared_by_are_those_on_their_pages(made):
    """Also where chance puts new items on pages, on each other ones."""
    app = made(explore=0.9)
    with TestClient(app, base_url=HERE) as client:
        for n in range(30):
            assert client.put(f"/v1/items/new-{n}", json={"title": f"New {n}"}).status_code == 200
        app.state.service.look()
        query = {"user": ["p0003", "p0011"]}
        shown = client.get("/studio/home.json", params=query).json()
        on_top = [item for one in shown["people"] for item in first(one)[:6]]
        assert any(item.startswith("new-") for item in on_top)
        assert [row["item_id"] for row in shown["same"]] == list(dict.fromkeys(on_top))


def test_after_a_click_beside_somebody_both_are_still_there(browser):
    strip = person(browser, "p0001")["strips"][0]
    page = act(
        browser, "p0001", strip["items"][0]["item_id"], strip, beside=["p0001", "p0002"], k=5
    )
    assert page.url.query.decode() == "user=p0001&user=p0002&k=5"


@pytest.mark.parametrize("chosen", ["", "trace", " item", "trace "])
def test_a_click_on_nothing_is_refused(browser, chosen):
    form = {"token": token(browser), "user": "p0001", "chosen": chosen}
    assert browser.post("/studio/home/act", data=form).status_code == 422
    form |= {"chosen": "t i", "seconds": "-1"}
    assert browser.post("/studio/home/act", data=form).status_code == 422


def test_script_in_titles_and_ids_is_shown_and_does_nothing(app, browser):
    item = person(browser, "p0001")["strips"][0]["items"][0]["item_id"]
    app.state.service.put_item(item, {"title": NASTY, "genres": ["Comedy"]})
    app.state.service.look()
    assert person(browser, "p0001")["strips"][0]["items"][0]["title"] == NASTY
    for path in (f"/studio/home?user=p0001&user={NASTY}", "/studio/flow?user=p0001"):
        page = browser.get(path).text
        assert NASTY in words(page)
        assert len([tag for tag, _ in tags(page) if tag == "script"]) == 1
        assert not [has for tag, has in tags(page) if tag == "img" and has["src"] == "x"]
    said = act(browser, NASTY, item, {"trace_id": "t"}).text
    assert f"{NASTY} chose {NASTY}" in words(said)
    assert len([tag for tag, _ in tags(said) if tag == "script"]) == 1


def test_a_picture_elsewhere_is_not_asked_for(app, browser):
    item = person(browser, "p0001")["strips"][0]["items"][0]["item_id"]
    live = app.state.service.fleet.live()
    stills = live.version.data.catalog.stills
    at = live.version.items[item]
    names = stills.names.to_list()
    for place in range(stills.start[at], stills.start[at + 1]):
        names[place] = "https://pictures.example/1.jpg"
    object.__setattr__(live.version.data.catalog, "stills", replace(stills, names=pl.Series(names)))
    shown = person(browser, "p0001")["strips"][0]["items"][0]
    assert shown["picture"] == "https://pictures.example/1.jpg"
    page = browser.get("/studio/home?user=p0001").text
    assert not [has for tag, has in tags(page) if tag == "img" and "example" in has["src"]]
