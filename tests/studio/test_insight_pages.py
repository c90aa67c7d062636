"""The pages that tell of the live store: quality, satisfaction, norms, experiments and data."""

import re
import time

import pytest
from browsed import chromium, needs_chromium, served
from looks import NAMED, cut_off, low_contrast, nodes_of
from seen import NASTY, read, tags, words

from headwater.simulate.streaming import World
from headwater.studio._charts import over_days, side_by_side, verdicts
from headwater.studio.drawing import svg
from headwater.studio.wording import percent

NAMES = ("quality", "satisfaction", "norms", "experiments", "data")


def fill(service):
    """The days before now of the platform's world."""
    world = World(n_users=40, n_items=60, seed=3)
    service.store.put_items(world.about())
    outcomes = service.store.ingest(world.lived(10, until=int(time.time())).events())
    assert {each.status for each in outcomes} == {"accepted"}
    service.look()


@pytest.fixture
def empty(browser):
    return browser


@pytest.fixture
def full(app, empty):
    fill(app.state.service)
    return empty


def twin(browser, name, **query):
    return browser.get(f"/studio/{name}.json", params=query).json()


def html(browser, name, **query):
    answer = browser.get(f"/studio/{name}", params=query)
    assert answer.status_code == 200
    return answer.text


def send(browser, action, **form):
    token = re.search(r'name="token" value="([^"]+)"', html(browser, "experiments"))[1]
    return browser.post(f"/studio/experiments/{action}", data={"token": token, **form})


def figures(page):
    return re.findall(r"<figure.*?</figure>", page, re.DOTALL)


def test_quality_says_what_its_twin_says(full):
    found, said = twin(full, "quality"), words(html(full, "quality"))
    whole = found["live"]["whole"]
    assert whole["shown"] > 500
    assert f"click rate {percent(whole['ctr']['mean'])} {percent(whole['ctr']['low'])} to" in said
    assert f"visits {whole['visits']:,}" in said
    assert f"{found['coverage']['shown']}" in said
    assert found["offline"]["version"] in said
    assert "NDCG@10 0.2000 (0.1000 to 0.3000)" in said
    assert set(found["charts"]) == {"ctr", "plays", "minutes", "positions", "paths", "versions"}
    days = found["live"]["days"]
    assert sum(day["visits"] for day in days) == whole["visits"]
    assert sum(day["shown"] for day in days) == whole["shown"]


def test_satisfaction_draws_what_people_answered(full):
    found, page = twin(full, "satisfaction"), html(full, "satisfaction")
    names = [each["name"] for each in found["pictures"]]
    assert names[:2] == ["satisfaction", "intents"]
    for each in found["pictures"]:
        assert each["says"] in words(page)
        assert each["rows"], each["name"]
    levels = found["pictures"][0]["rows"]
    assert sum(row["answers"] for row in levels) == found["intents"][-1]["answers"]
    assert f"visits with an answer {found['response']['answered']}" in words(page)


def test_norms_say_whose_they_are_and_how_it_stands(full):
    found, said = twin(full, "norms"), words(html(full, "norms"))
    assert "These are default norms, which nobody set" in said
    assert [each["name"] for each in found["targets"]] == [
        "genres that people choose",
        "genres of the catalogue",
    ]
    for each in found["targets"]:
        assert f"{each['name']} {each['verdict']}" in said
        assert each["segments"]
    assert " ".join(found["text"].split()) in said


def test_every_chart_has_words_and_a_table(full):
    for name in ("quality", "satisfaction", "norms"):
        page = html(full, name)
        assert len(figures(page)) >= 2
        for each in figures(page):
            drawn = [had for tag, had in tags(each) if had.get("role") == "img"]
            assert drawn
            assert all(had["aria-label"].strip(" .") for had in drawn)
            assert any(tag == "svg" for tag, _ in tags(each))
            assert any(tag == "table" for tag, _ in tags(each)), words(each)[:80]
            assert any(tag == "summary" for tag, _ in tags(each))


def test_how_far_back_can_be_asked(full):
    short = twin(full, "quality", days=3)
    assert len(short["live"]["days"]) == 3
    assert short["events"] < twin(full, "quality", days=28)["events"]
    assert '<option value="3" selected>' in html(full, "quality", days=3)
    for name in ("quality", "satisfaction", "norms"):
        answer = full.get(f"/studio/{name}", params={"days": 0})
        assert answer.status_code == 422
        assert "days is a whole number from 1 to 366" in words(answer.text)


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("quality", "Nothing happened in this time"),
        ("satisfaction", "Nobody has answered the survey in this time"),
        ("norms", "Nothing is known to have been shown in this time"),
        ("experiments", "There is no experiment yet"),
        ("data", "send them to POST /v1/events"),
    ],
)
def test_what_is_missing_is_said_with_what_to_do(empty, name, what):
    assert what in words(html(empty, name))
    assert not figures(html(empty, name))


def test_data_lists_what_to_look_at_first(app, empty):
    found, page = twin(empty, "data"), html(empty, "data")
    assert [each["rule"] for each in found["wrong"]] == ["there are events"]
    assert f"1 of {len(found['doctor'])} checks found something" in words(page)
    fill(app.state.service)
    app.state.service.store.consent("somebody", "full")
    app.state.service.store.erase("p0001")
    found, said = twin(empty, "data"), words(html(empty, "data"))
    assert found["erasures"][0]["receipt"] in said
    assert "p0001" not in said
    assert f"events {found['events']:,}" in said
    assert "no user and item come twice" in said


def test_an_experiment_is_begun_seen_and_ended(app, full):
    service = app.state.service
    old, new = service.shelf.before, service.shelf.current
    form = {"name": "ours", "control": old, "new": new, "metric": "plays", "share": "50"}
    answer = send(full, "start", **form, rail_latency_p95="20", rail_satisfaction="")
    assert "ours has begun." in words(answer.text)
    about = service.store.experiments()["ours"]
    assert about["arms"]["new"] == {"share": 0.5, "model": new, "settings": {}}
    assert about["guardrails"]["latency_p95"]["tolerated"] == 20
    assert [each.name for each in service.experiments] == ["ours"]
    users = [f"p{n:04}" for n in range(12)]
    for user in users:
        service.home(user, 5)
    assert service.recorder.flush()
    service.store.consent("nobody", "none")
    said = words(html(full, "experiments"))
    assert "ours running" in said
    assert "nothing is decided after 0 of 10,000 people" in said
    ended = words(send(full, "stop", name="ours").text)
    assert "ours is over" in ended
    assert "ours stopped" in ended
    assert service.experiments == ()


@pytest.mark.parametrize(
    ("more", "what"),
    [
        ({"name": ""}, "name is empty"),
        ({"new": "20200101-000000-000000-00000000"}, "no version"),
        ({"metric": "nonsense"}, "nonsense"),
        ({"rail_latency_p95": "much"}, "latency_p95 takes a number"),
        ({"share": "80"}, "share is a whole number from 1 to 50"),
        ({"new": "current"}, "nothing to compare"),
    ],
)
def test_an_experiment_that_makes_no_sense_is_not_begun(app, empty, more, what):
    service = app.state.service
    form = {"name": "ours", "new": service.shelf.before, "metric": "plays"} | more
    answer = send(empty, "start", **form)
    assert 400 <= answer.status_code < 500
    assert what in words(answer.text)
    assert service.store.experiments() == {}


def test_what_others_wrote_is_shown_harmlessly(app, empty):
    service = app.state.service
    now = service._now()
    event = {"user_id": "u", "time": now, "consent": "full", "request_id": "r", "propensity": 1.0}
    shown = [
        {
            **event,
            "kind": "impression",
            "event_id": f"e{n}",
            "item_id": f"{NASTY}{n}",
            "position": n,
        }
        for n in range(3)
    ]
    shown = [{**each, "path": NASTY} for each in shown]
    assert {each.status for each in service.take(shown)} == {"accepted"}
    service.store.put_items({f"{NASTY}{n}": {"title": NASTY, "genres": [NASTY]} for n in range(3)})
    service.store.put_experiment(NASTY, {"arms": {NASTY: {}}})
    service.look()
    for name in NAMES:
        page = html(empty, name)
        assert "<script>alert" not in page
        assert "<img" not in page
        scripts = [had for tag, had in read(page).tags if tag == "script"]
        assert all(had["src"].startswith("/studio/static/") for had in scripts)
        assert not [had for _, had in tags(page) if any(key.startswith("on") for key in had)]
    assert NASTY in words(html(empty, "quality"))


def test_charts_leave_out_what_cannot_be_told():
    none = {"mean": None, "low": None, "high": None, "people": 0}
    rate = {"mean": 0.2, "low": 0.1, "high": 0.3, "people": 9}
    rows = [{"day": "2026-05-01", "r": rate}, {"day": "2026-05-02", "r": None}]
    made = over_days("t", "s", [*rows, {"day": "2026-05-03", "r": none}], "r", share=True)
    assert [row["day"] for row in made["rows"]] == ["2026-05-01"]
    assert made["rows"][0]["value and 95 % interval"] == "20 % (10 % to 30 %)"
    assert over_days("t", "s", [{"day": "2026-05-01", "r": none}], "r") is None
    assert side_by_side("t", "s", [{"name": "a", **none}]) is None
    beside = side_by_side("t", "s", [{"name": "a", **rate}], zero=True)
    part = {"range_low": None, "range_high": 0.5, "verdict": "met", "name": "2026-05-04"}
    over = verdicts("t", "s", [part | rate, {**part, "name": "2026-05-11"} | none])
    assert [row["wanted"] for row in over["rows"]] == ["at most 0.5000"] * 2
    for each in (made, beside, over):
        assert svg(each["spec"]).startswith("<svg ")


@needs_chromium
def test_full_pages_can_be_used_by_everybody(app):
    with served(app) as address, chromium() as browser:
        fill(app.state.service)
        for name in NAMES:
            page = browser.new_page()
            wrong = []
            page.on("console", lambda said: wrong.append(said.text))  # noqa: B023
            page.goto(f"{address}/studio/{name}")
            nodes = nodes_of(page)
            assert not [role for role, named in nodes if role in NAMED and not named]
            for scheme in ("light", "dark"):
                low = low_contrast(page, scheme)
                # cells of the correlations are light in both, and their numbers black
                assert not [each for each in low if not re.fullmatch(r"-?\.\d+", each[0])]
            assert cut_off(page) == (0, [])
            assert not wrong
            page.close()
