"""Policies compared in made-up worlds: the same worlds, the truth of each, paired differences."""

import json
from dataclasses import dataclass, replace

import numpy as np
import pytest
from typer.testing import CliRunner

from headwater.cli import app
from headwater.errors import BadParameter, DataError
from headwater.evaluation import interval
from headwater.model import Scorer, learned
from headwater.simulate.policies import MEASURES, POLICIES, Compared, Policy, compared, lived_with
from headwater.simulate.streaming import World

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


def test_what_is_measured_is_what_was_shown():
    class Always(Known):
        def recommend(self, queries, k, *, filter_seen=True):  # noqa: ARG002
            return super().recommend(queries, k, filter_seen=False)

    found = lived(Knowing(Always()))
    best = np.argsort(-WORLD.titles.quality)[:24]
    assert found["coverage"] == pytest.approx(100 * 24 / 120)
    assert found["genres"] == (WORLD.titles.mix[best].sum(0) > 0).sum()
    assert 0 < found["calibration"] < 1
    days = range(5, 8)
    came = [sum(WORLD.comes(p, d) is not None for p in BEFORE.people) for d in days]
    assert came[0] / 120 <= 1
    assert len(BEFORE) == len(BEFORE.kept)  # what others add stays theirs


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
    learned_from = []

    @dataclass(kw_only=True, eq=False)
    class Watching(Known):
        def fit(self, data):
            learned_from.append(data.impressions.clicks)
            return super().fit(data)

    for learns in ("clicks", "satisfaction"):
        policy = Policy(Watching(), learns)
        data = BEFORE.dataset()
        if learns == "clicks":
            Knowing(policy.model).fit(data)
        else:
            from headwater.simulate.policies import _worth

            Knowing(policy.model).fit(_worth(data))
    plain, valued = learned_from
    np.testing.assert_array_equal(plain > 0, valued > 0)
    assert set(np.unique(plain)) == {0, 1}
    assert 0 < valued[valued > 0].min() < valued[valued > 0].max() < 1


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
