"""The page of the flow: what each step does, how long answers take, and the versions."""

import re
import sys

import altair as alt
import numpy as np
import pytest
from fastapi.testclient import TestClient
from seen import HERE, NASTY, tags, words

from headwater.errors import BadParameter
from headwater.studio import drawing
from headwater.studio.drawing import INK, LINE, SERIES, SOFT, chart, svg
from headwater.studio.site import STATIC
from loopback import until


def flow(browser, **query):
    return browser.get("/studio/flow.json", params=query).json()


def send(browser, action, **form):
    page = browser.get("/studio/flow").text
    token = re.search(r'name="token" value="([^"]+)"', page)[1]
    return browser.post(f"/studio/flow/{action}", data={"token": token, **form})


def test_the_parts_of_the_model_with_their_settings(browser):
    part = flow(browser)["model"]["part"]
    assert (part["name"], part["settings"]["width"]) == ("flow", "30")
    assert [(each["role"], each["name"]) for each in part["parts"]] == [
        ("retrieve", "retrieve.matrix.itemknn"),
        ("stages 1", "rerank.mmr"),
        ("stages 2", "thumbnail.match"),
    ]
    assert part["parts"][1]["settings"]["trade"] == "0.6"
    assert "stages 1: rerank.mmr" in words(browser.get("/studio/flow").text)


def test_what_each_step_did_to_the_list(app, browser):
    inside = flow(browser, user="p0001")["inside"]
    live = app.state.service.fleet.live()
    assert [each["step"] for each in inside["steps"]] == [
        "retrieve.matrix.itemknn",
        "rerank.mmr",
        "thumbnail.match",
    ]
    sizes = [(each["in"], each["out"]) for each in inside["steps"]]
    assert sizes == [(60, 30), (30, 30), (30, 30)]
    assert all(each["seconds"] > 0 for each in inside["steps"])
    user = live.version.users["p0001"]
    want = live.version.model.recommend(live.version.data.queries([user]), 10).items[0]
    assert [each["item_id"] for each in inside["top"]] == [live.version.names[i] for i in want]
    assert [each["places"][-1] for each in inside["top"]] == list(range(1, 11))
    found = live.version.model.retrieve.recommend(live.version.data.queries([user]), 30).items[0]
    numbers = [live.version.items[each["item_id"]] for each in inside["top"]]
    places = [int(np.flatnonzero(found == at)[0]) + 1 for at in numbers]
    assert [each["places"][0] for each in inside["top"]] == places
    moved = [each for each in inside["top"] if each["places"][0] != each["places"][1]]
    assert moved
    for each in moved:
        assert f"{each['places'][0]} to {each['places'][1]} (mmr)" in each["why"]
        assert each["why"] in words(browser.get("/studio/flow?user=p0001").text)


def test_a_step_that_fails_is_shown_with_what_it_said(app, browser):
    def broken(*_):
        raise RuntimeError("out of ideas")

    model = app.state.service.fleet.live().version.model
    model.stages = (broken, *model.stages[1:])
    inside = flow(browser, user="p0001")["inside"]
    assert inside["steps"][1]["failed"] == "RuntimeError: out of ideas"
    assert any("out of ideas" in each for each in inside["degraded"])
    page = words(browser.get("/studio/flow?user=p0001").text)
    assert page.count("RuntimeError: out of ideas") == 2


def test_latency_is_of_the_answers_that_the_store_has(app, browser):
    assert flow(browser)["latency"]["answers"] == 0
    assert "Nobody who agreed to be remembered" in browser.get("/studio/flow").text
    for user in ("p0001", "p0002", "p0003"):
        browser.get(f"/v1/home/{user}")
        browser.get(f"/v1/recommend/{user}")
    assert app.state.service.recorder.flush()
    latency = flow(browser)["latency"]
    assert latency["answers"] == 6
    assert [(each["surface"], each["answers"]) for each in latency["surfaces"]] == [
        ("home", 3),
        ("recommend", 3),
    ]
    seconds = [
        row["seconds"]
        for user in ("p0001", "p0002", "p0003")
        for row in app.state.service.store.export_user(user)["answers"]
        if row["surface"] == "home"
    ]
    middle = sorted(seconds)[1]
    assert latency["surfaces"][0]["p50"] == pytest.approx(middle)
    assert {each["step"] for each in latency["steps"]} >= {"rerank.mmr", "thumbnail.match"}
    page = browser.get("/studio/flow").text
    labelled = [has for _, has in tags(page) if has.get("role") == "img"]
    assert "of the 6 answers" in labelled[0]["aria-label"]
    assert "svg" in [tag for tag, _ in tags(page)]
    app.state.service.clock = lambda: 4e9
    assert flow(browser)["latency"]["answers"] == 0, "they are of long ago by then"


def test_without_what_draws_the_page_says_so_and_has_the_numbers(app, browser, monkeypatch):
    browser.get("/v1/home/p0001")
    assert app.state.service.recorder.flush()
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    drawing._svg.cache_clear()
    page = browser.get("/studio/flow")
    assert page.status_code == 200
    assert "a chart needs vl_convert, which is not installed" in words(page.text)
    assert "svg" not in [tag for tag, _ in tags(page.text)]
    assert "The numbers of: Time of an answer" in words(page.text)


def test_another_version_is_published_and_rolled_back(app, browser):
    shelf = app.state.service.shelf
    old, new = shelf.names()
    made = flow(browser)
    assert [each["name"] for each in made["versions"]] == [new, old]
    assert [each["current"] for each in made["versions"]] == [True, False]
    page = send(browser, "publish", version=old)
    assert f"{old} answers from now on." in words(page.text)
    assert shelf.current == old
    assert browser.get("/v1/home/p0001").json()["model"] == old, "at once"
    assert flow(browser)["model"]["part"]["name"] == "retrieve.matrix.popularity"
    assert f"Roll back to {new}" in words(page.text)
    page = send(browser, "roll_back")
    assert f"{new} answers again." in words(page.text)
    assert browser.get("/v1/home/p0001").json()["model"] == new


@pytest.mark.parametrize("name", ["../../etc", "20260101-000000-000000-00000000", NASTY])
def test_a_version_that_is_not_there_is_not_published(app, browser, name):
    current = app.state.service.shelf.current
    answer = send(browser, "publish", version=name)
    assert answer.status_code == 404
    assert name.split()[0] in words(answer.text) or "no version" in words(answer.text)
    assert len([tag for tag, _ in tags(answer.text) if tag == "script"]) == 1
    assert app.state.service.shelf.current == current
    assert send(browser, "publish").status_code == 422


def test_reports_are_shown_as_they_are_and_harmlessly(browser):
    page = browser.get("/studio/flow").text
    said = words(page)
    assert "metric NDCG@10 mean 0.2000 low 0.1000 high 0.3000" in said
    assert NASTY in said
    assert len([tag for tag, _ in tags(page) if tag == "script"]) == 1


def test_a_damaged_pointer_is_told_and_the_page_goes_on(app, browser):
    service = app.state.service
    (service.shelf.folder / "current.json").write_text("{")
    service.look()
    page = browser.get("/studio/flow")
    assert page.status_code == 200
    assert "current.json cannot be read" in words(page.text)
    assert flow(browser)["since"] is None
    first = service.shelf.names()[0]
    assert send(browser, "publish", version=first).status_code == 200
    assert "cannot be read" not in browser.get("/studio/flow").text


def test_the_shadow_is_counted(made):
    app = made()
    shadow = app.state.service.shelf.names()[0]
    app = made(shadow=shadow)
    with TestClient(app, base_url=HERE) as client:
        assert "it was not asked yet" in client.get("/studio/flow").text
        client.get("/v1/home/p0001")
        assert until(lambda: app.state.service.shadow.compared.asked)
        found = flow(client)["shadow"]
        assert (found["asked"], found["model"]) == (1, shadow)
        assert shadow in words(client.get("/studio/flow").text)


# Charts


SPEC = {
    "data": {"values": [{"x": NASTY, "y": 1}, {"x": "b", "y": 2}]},
    "mark": "bar",
    "title": NASTY,
    "encoding": {
        "x": {"field": "x", "type": "nominal"},
        "y": {"field": "y", "type": "quantitative"},
        "color": {"field": "x", "type": "nominal"},
    },
}


def test_a_chart_is_svg_without_anything_that_acts():
    drawn = svg(SPEC)
    found = tags(drawn)
    assert not [tag for tag, _ in found if tag in ("script", "style", "foreignobject", "img", "a")]
    assert not [has for _, has in found if "style" in has or any(n.startswith("on") for n in has)]
    assert NASTY[:20] in words(drawn).replace("…", "")
    assert found[0][1]["aria-hidden"] == "true"
    leading = {**SPEC["encoding"], "href": {"field": "x", "type": "nominal"}}
    with pytest.raises(BadParameter, match="href"):
        svg(SPEC | {"encoding": leading})


def test_two_charts_on_a_page_have_ids_of_their_own():
    clipped = SPEC | {"mark": {"type": "bar", "clip": True}}
    other = clipped | {"width": 300}
    one, two = (
        {has["id"] for _, has in tags(svg(each)) if "id" in has} for each in (clipped, other)
    )
    assert one
    assert not one & two


def test_every_colour_of_a_chart_has_one_for_the_dark():
    style = (STATIC / "style.css").read_text()
    known = set(re.findall(r'\[(?:fill|stroke)="(#\w+)"\]', style))
    used = set(re.findall(r'(?:fill|stroke)="(#\w+)"', svg(SPEC)))
    assert used
    assert used <= known
    assert {INK, LINE, SOFT, *SERIES} == known


def test_a_chart_may_be_altairs():
    drawn = alt.Chart(alt.Data(values=[{"x": 1}])).mark_point().encode(x="x:Q")
    made = chart("One", "There is one point.", drawn, [{"x": 1}])
    assert made["rows"] == [{"x": 1}]
    assert svg(made["spec"]).startswith("<svg ")
