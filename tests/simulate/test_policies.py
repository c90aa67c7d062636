"""Policies compared in made-up worlds: the same worlds, the truth of each, paired differences."""

import json
from dataclasses import dataclass, replace

import numpy as np
import pytest
from typer.testing import CliRunner

from headwater.cli import app
from headwater.data.worth import worth
from headwater.errors import BadParameter, DataError
from headwater.evaluation import interval
from headwater.model import Scorer, learned
from headwater.registry import build
from headwater.simulate.policies import (
    JUDGE,
    MEASURES,
    POLICIES,
    Compared,
    Policy,
    compared,
    lived_with,
)
from headwater.simulate.streaming import World
from headwater.types import PAD

SMALL = {"worlds": 2, "days": 2, "warm_up": 6, "users": 60, "items": 60}
WORLD = World(n_users=120, n_items=120)
BEFORE = WORLD.lived(5)


@dataclass(kw_only=True, eq=False)
class Known(Scorer):
    """One that knows what it should not: a hidden number of each title."""

    what: str = "quality"

    order_: np.ndarray = learned()

    def fit(self, data):  # noqa: ARG002
        self.order_ = getattr(WORLD.titles, self.what).astype(np.float32)
        return self

    def scores(self, queries):
        return np.tile(self.order_, (len(queries), 1)) + 0.0 * queries.history.lengths[:, None]


class Knowing(Policy):
    def fit(self, data):
        return self.model.fit(data)


def lived(policy, **more):
    return lived_with(policy, WORLD, 3, before=BEFORE, warm_up=5, **more)


def test_quality_satisfies_and_lure_is_clicked():
    good, luring = lived(Knowing(Known())), lived(Knowing(Known(what="lure")))
    assert good["satisfied"] > luring["satisfied"] + 10
    assert good["good_visits"] > luring["good_visits"]
    assert good["returning"] > luring["returning"]
    assert luring["clicks"] > good["clicks"] + 0.3
    assert set(good) == set(MEASURES)


def test_what_is_measured_is_what_was_shown_and_done():
    done, asked, began = [], [], []

    class Always(Known):
        def recommend(self, queries, k, *, filter_seen=True):  # noqa: ARG002
            asked.extend(queries.user.tolist())
            return super().recommend(queries, k, filter_seen=False)

    class Watched(World):
        def visit(self, person, page, rng):
            done.append(super().visit(person, page, rng))
            return done[-1]

    watched, kept = Watched(n_users=120, n_items=120), len(BEFORE)
    found = lived_with(
        Knowing(Always()),
        watched,
        3,
        before=BEFORE,
        warm_up=5,
        told=lambda _: began.append(len(done)),
    )
    assert len(BEFORE) == kept  # what others add stays theirs
    best = np.argsort(-WORLD.titles.quality)[:24]
    assert found["coverage"] == pytest.approx(100 * 24 / 120)
    assert found["genres"] == (WORLD.titles.mix[best].sum(0) > 0).sum()
    assert 0 < found["calibration"] < 1
    known = [v.person.number if v.person.consent == "full" else PAD for v in done]
    assert asked == known
    assert 0 < known.count(PAD) < len(done) / 2
    came = np.diff([*began, len(done)])
    assert found["returning"] == pytest.approx(100 * came[1:].mean() / 120)
    good = sum(v.satisfaction for v in done)
    assert found["satisfied"] == pytest.approx(100 * good / len(done))
    assert found["good_visits"] == pytest.approx(100 * good / (3 * 120))
    said = [v.satisfied for v in done if v.answered]
    assert found["answered"] == pytest.approx(100 * np.mean(said))
    clicks = [a for v in done for a in v.acts if a.kind == "click"]
    on_page = [a for a in clicks if a.row != PAD]
    assert found["clicks"] == pytest.approx(len(on_page) / len(done))
    assert len(on_page) < len(clicks)


def test_more_variety_costs_or_gives_but_shows_more():
    kept = {name: lived(POLICIES[name]) for name in ("accuracy", "diversified")}
    assert kept["diversified"]["genres"] > kept["accuracy"]["genres"]


def test_policies_repeat_and_are_paired():
    two = {name: POLICIES[name] for name in ("accuracy", "satisfaction")}
    told = []
    one = compared(**SMALL, policies=two, progress=lambda *a: told.append(a))
    again = compared(**SMALL, policies=two)
    assert one.per_world == again.per_world
    assert one.seeds == (0, 1)
    assert told[-1][1:] == (8, 8)
    assert [done for _, done, _ in told] == sorted(done for _, done, _ in told)
    table = one.table()
    assert len(table) == 2 * len(MEASURES)
    row = table.filter(policy="satisfaction", measure="clicks").row(0, named=True)
    gain = np.subtract(*(one.per_world[name]["clicks"] for name in ("satisfaction", "accuracy")))
    assert row["difference"] == pytest.approx(gain.mean(), abs=1e-3)
    assert (row["low"], row["high"]) == pytest.approx(interval(gain, normal=False), abs=1e-3)
    assert row["ahead"] == f"{(gain > 0).sum()} of 2"
    assert table.filter(policy="accuracy")["difference"].null_count() == len(MEASURES)
    alike = compared(**SMALL, policies={"a": POLICIES["accuracy"], "b": POLICIES["accuracy"]})
    assert alike.table().filter(policy="b")["difference"].unique().to_list() == [0.0]


def test_satisfaction_changes_what_a_click_is_worth():
    """The same ranker learns from other clicks, and that is all."""
    data = BEFORE.dataset()
    chances = build(JUDGE).fit(data).chances(data.sessions)
    valued = replace(data, impressions=worth(data.impressions, data.sessions, chances))
    asked = data.queries([0, 1, 2])
    fitted = [POLICIES["clicks"].fit(data), POLICIES["satisfaction"].fit(data)]
    plain, better = (each.recommend(asked, 24) for each in fitted)
    same = POLICIES["clicks"].fit(valued).recommend(asked, 24)
    np.testing.assert_array_equal(better.scores, same.scores)
    assert (plain.scores != better.scores).any()


def test_worlds_without_an_answer():
    found = Compared((0, 1), 1, 1, {n: {m: [1.0, None] for m in MEASURES} for n in ("a", "b")})
    row = found.table().filter(policy="b", measure="answered").row(0, named=True)
    assert (row["mean"], row["difference"], row["low"], row["ahead"]) == (1.0, 0.0, None, "0 of 1")
    none = Compared((0,), 1, 1, {n: {m: [None] for m in MEASURES} for n in ("a", "b")})
    assert none.table()["mean"].null_count() == 2 * len(MEASURES)
    quiet = replace(WORLD, answers=0.0).lived(2).dataset()
    with pytest.raises(DataError, match="of 0 answers 0 are satisfied"):
        POLICIES["satisfaction"].fit(quiet)


def test_bad_calls():
    with pytest.raises(BadParameter, match="learns"):
        Policy("ease", "dwell")
    with pytest.raises(BadParameter, match="worlds must be at least 1"):
        compared(worlds=0)
    with pytest.raises(BadParameter, match="no policies"):
        compared(policies={})


def test_command(tmp_path):
    flow = tmp_path / "mine.yaml"
    flow.write_text("model: popularity\n")
    words = [
        "simulate",
        "policies",
        "--worlds",
        "2",
        "--days",
        "1",
        "--warm-up",
        "3",
        "--users",
        "30",
        "--items",
        "40",
    ]
    words += ["--policy", "accuracy", "--policy", str(flow)]
    done = CliRunner().invoke(app, [*words, "--json"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["seeds"] == [0, 1]
    assert {row["policy"] for row in found["table"]} == {"accuracy", "mine"}
    assert len(found["per_world"]["mine"]["satisfied"]) == 2
    table = CliRunner().invoke(app, words)
    assert "coverage" in table.stdout
    with pytest.raises(BadParameter, match="no policy 'nothing'"):
        CliRunner().invoke(app, [*words, "--policy", "nothing"], catch_exceptions=False)
