"""What people answered: counted by hand, fitted anew, and drawn by the report of surveys."""

from datetime import timedelta

import numpy as np
import pytest
from insights import DAY, HOUR, put, running, strip, told
from scipy.optimize import minimize
from stored import NOW, Clock

from headwater.data.surveys import Survey
from headwater.serve.insight.satisfaction import satisfaction
from headwater.simulate.streaming import World
from headwater.survey_report import charts
from headwater.visits import columns


def visit(n, user, level, *, time=NOW - HOUR, plays=0, intents=("new",)):
    """A visit of one strip, with plays, and an answer unless the level is None."""
    named = {"session_id": f"s{n}"}
    events = strip(f"r{n}", user, ["i1", "i2"], time, **named)
    for at in range(plays):
        when = time + timedelta(minutes=1 + at)
        events.append(told("play", f"p{n}-{at}", user, when, item_id="i1", seconds=30.0) | named)
    if level is not None:
        when = time + timedelta(minutes=10)
        said = {"satisfaction": level, "intents": list(intents)}
        events.append(told("survey", f"a{n}", user, when, **said) | named)
    return events


@pytest.fixture
def platform(tmp_path):
    with running(tmp_path) as service:
        yield service


def test_nobody_has_answered(platform):
    put(platform, visit(1, "ann", None))
    found = satisfaction(platform)
    assert "Nobody has answered" in found["empty"]["what"]
    assert "/v1/events" in found["empty"]["do"]
    assert (found["response"]["visits"], found["response"]["answered"]) == (1, 0)


def test_fewer_answers_than_five_tell_nothing(platform):
    for n in range(4):
        put(platform, visit(n, f"u{n}", 5))
    found = satisfaction(platform)
    assert found["empty"]["what"].startswith("4 answers")
    assert (found["pictures"], found["intents"], found["predicts"]) == ([], [], None)
    assert found["days_of_answers"][0]["satisfied"] is None


def test_rates_by_day(platform):
    before = NOW - DAY
    levels = [5, 5, 4, 2, 1, 4]
    for n, level in enumerate(levels):
        put(platform, visit(n, f"u{n}", level, time=before))
    for n in range(6, 10):
        put(platform, visit(n, f"u{n}", None, time=before))
    put(platform, visit(99, "u1", 1))
    found = satisfaction(platform)
    response = found["response"]
    assert (response["visits"], response["answered"]) == (11, 7)
    assert response["rate"]["mean"] == pytest.approx(7 / 11)
    assert [row["rate"]["mean"] for row in response["days"]] == pytest.approx([0.6, 1.0])
    day, today = found["days_of_answers"]
    assert (day["answers"], day["people"]) == (6, 6)
    assert day["satisfied"]["mean"] == pytest.approx(4 / 6)
    assert day["mean"]["mean"] == pytest.approx(np.mean(levels))
    wide = 2.570582 * np.std(levels, ddof=1) / np.sqrt(6)  # Student's t with 5 degrees
    assert day["mean"]["high"] == pytest.approx(np.mean(levels) + wide, rel=1e-6)
    assert (today["answers"], today["satisfied"]) == (1, None)
    assert found["people"] == 6


def test_what_predicts_is_the_penalised_regression(platform):
    rng = np.random.default_rng(0)
    for n in range(60):
        plays = int(rng.integers(0, 4))
        good = rng.random() < 0.2 + 0.2 * plays
        intent = ("new", "genre")[int(rng.integers(2))]
        put(platform, visit(n, f"u{n}", 5 if good else 1, plays=plays, intents=(intent,)))
    found = satisfaction(platform)
    rows = {row["name"]: row for row in found["predicts"]["rows"]}
    assert "num_strips" not in rows  # one in every visit
    assert {"num_plays", "new", "genre"} <= set(rows)
    data = platform.store.dataset()
    answers = data.sessions[data.sessions.answered]
    names, x = columns(answers, log=True)
    centre, deviation = np.nanmean(x, 0), np.nanstd(x, 0)
    x = np.nan_to_num((x - centre) / np.where(deviation > 1e-9, deviation, 1))
    x = np.column_stack([np.ones(len(x)), x, answers.intents])
    y = answers.satisfaction >= 4

    def loss(b):
        z = x @ b
        return np.logaddexp(0, z).sum() - z[y].sum() + 0.5 * (b[1:] ** 2).sum()

    best = minimize(loss, np.zeros(x.shape[1]), tol=1e-10).x
    where = [*names, *answers.intent_names]
    for name, row in rows.items():
        assert row["estimate"] == pytest.approx(best[1 + where.index(name)], abs=2e-4)
        assert row["low"] < row["estimate"] < row["high"]
    assert rows["num_plays"]["estimate"] > 0
    half = next(row for row in found["behaviours"] if row["behaviour"] == "num_plays")
    plays = answers.column("num_plays")
    assert half["satisfied"] == pytest.approx(plays[y].mean())
    assert half["others"] == pytest.approx(plays[~y].mean())


def test_too_few_of_either_kind_predict_nothing(platform):
    for n in range(35):
        put(platform, visit(n, f"u{n}", 5 if n else 1))
    found = satisfaction(platform)["predicts"]
    assert found["rows"] == []
    assert found["says"].startswith("Nothing is learned from 35 answers, 34 of them 4 or 5")


def test_the_pictures_are_those_of_the_report(tmp_path):
    clock = Clock()
    world = World(n_users=80, n_items=60, seed=4)
    with running(tmp_path, clock=clock) as service:
        lived = world.lived(12, until=int(clock()))
        put(service, lived.events())
        found = satisfaction(service, days=60)
        data = service.store.dataset()
        groups = Survey.of("video").groups
        want = charts(data.sessions, groups)
        assert [each["name"] for each in found["pictures"]] == list(want)
        for each in found["pictures"]:
            assert each["says"] == want[each["name"]].says
            assert len(each["charts"]) == len(want[each["name"]].charts)
            assert all("$schema" in chart for chart in each["charts"])
        assert found["intents"][-1]["answers"] == int(data.sessions.answered.sum())
        for person in world.people[:40]:
            assert f"'{person.user_id}'" not in str(found)
        short = satisfaction(service, days=3)
        assert short["answers"] < found["answers"]
