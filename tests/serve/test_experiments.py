"""Who is in which arm, and what came of it: by hand, and in worlds with and without an effect."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import isclose

import numpy as np
import polars as pl
import pytest
import sqlalchemy as sa
from scipy import stats
from typer.testing import CliRunner

from headwater.cli import app
from headwater.data.toy import blocks
from headwater.errors import BadParameter, DataError, MissingColumn, UnknownName
from headwater.evaluation import boundary, looks, quantile_interval, sample_ratio
from headwater.flow import Flow
from headwater.metrics.intra_list_distance import IntraListDistance
from headwater.registry import build
from headwater.serve.events import microseconds
from headwater.serve.experiments import (
    Experiment,
    analyse,
    analyse_named,
    analysed,
    assign,
    before_launch,
    begin,
    end,
)
from headwater.serve.store import Store
from headwater.serve.store._tables import CONSENTS
from headwater.types import PAD, Impressions, Slate

START = datetime(2026, 3, 1, tzinfo=UTC)
ZERO = int(START.timestamp() * 1e6)
HOUR, DAY = 3_600_000_000, 86_400_000_000
FIXED = ["new", "new", "old", "old", "old", "old", "old", "new"]
USERS = [f"user {i}" for i in range(30_000)]
HALVES = {"old": {"share": 0.5}, "new": {"share": 0.5}}
TWO = {"arms": {"old": {"share": 0.25}, "new": {"share": 0.25, "model": "v2"}}}
EVENTS = {
    "user_id": pl.String,
    "kind": pl.String,
    "time": pl.Int64,
    "seconds": pl.Float64,
    "satisfaction": pl.Int32,
}
ANSWERS = {
    "user_id": pl.String,
    "time": pl.Int64,
    "seconds": pl.Float64,
    "degraded": pl.String,
    "experiment": pl.String,
    "arm": pl.String,
}


def made(name="rows", **about):
    return Experiment.of(name, {"arms": HALVES, "started": START, **about})


def after(**time):
    return START + timedelta(**time)


class TestExperiment:
    def test_goes_through_json(self):
        whole = made(
            guardrails={"latency_p95": 20, "topics": {"tolerated": 0.1, "better": "lower"}},
            stopped=after(days=9),
            arms={"a": {"share": 0.1, "model": "v1"}, "b": {"share": 0.2, "settings": {"k": 3}}},
        )
        again = Experiment.of("rows", json.loads(json.dumps(whole.about())))
        assert again == whole
        assert again.guardrails["latency_p95"].tolerated == 20
        assert again.models == ("v1", "current")
        assert again.model_of("a") == "v1"
        assert again.dealt == {"a": 0.3333, "b": 0.6667}

    @pytest.mark.parametrize(
        ("about", "said"),
        [
            ({"arm": {}}, "arm: Extra inputs"),
            ({"arms": {"a": {"share": 1.0}}}, "arms: Dictionary should have at least 2"),
            ({"arms": {"a": {"share": 0.7}, "b": {"share": 0.6}}}, "sum to 1.3"),
            ({"arms": {"a": {"share": 0.7}, "b": {"share": 1e-6}}}, "less than 1 in 10,000"),
            ({"arms": {"a": {"share": 0}, "b": {"share": 1}}}, "greater than 0"),
            ({"control": "c"}, "there is no arm 'c': old, new"),
            ({"metric": "click"}, "did you mean 'clicks'"),
            ({"metric": "latency_p95"}, "it can be a guardrail"),
            ({"metric": "degraded", "better": "higher"}, "degraded is better lower"),
            ({"guardrails": {"topics": 0.1}}, "needs better: higher, or lower"),
            ({"guardrails": {"clicks": -1}}, "greater than or equal to 0"),
            ({"started": "2026-03-01T00:00:00"}, "timezone"),
            ({"stopped": START - timedelta(1)}, "before it started"),
            ({"people": 10}, "200"),
        ],
    )
    def test_what_is_wrong_is_named(self, about, said):
        with pytest.raises(BadParameter, match=said) as error:
            made(**about)
        assert "experiment 'rows'" in str(error.value)

    def test_no_mapping(self):
        with pytest.raises(BadParameter, match="a mapping of names"):
            Experiment.of("rows", [1])

    def test_unknown_arm(self):
        with pytest.raises(UnknownName, match="did you mean 'new'"):
            made().model_of("now")

    def test_runs_from_started_until_stopped(self):
        whole = made(stopped=after(days=2))
        assert [whole.runs(after(days=d)) for d in (-1, 0, 1, 2)] == [False, True, True, False]
        assert not Experiment.of("rows", {"arms": HALVES}).runs(START)


class TestAssign:
    def test_shares(self):
        arms = {"a": {"share": 0.2}, "b": {"share": 0.1}, "c": {"share": 0.4}}
        given = [assign(made(arms=arms), user) for user in USERS]
        counts = [given.count(each) for each in ("a", "b", "c", None)]
        expected = [0.2 * 30_000, 0.1 * 30_000, 0.4 * 30_000, 0.3 * 30_000]
        assert stats.chisquare(counts, expected).pvalue > 0.001
        assert assign(made(arms={"a": {"share": 0.5}, "b": {"share": 0.5}}), "x") in ("a", "b")

    def test_everybody_is_in_where_shares_sum_to_one(self):
        thirds = {name: {"share": 1 / 3} for name in "abc"}
        assert {assign(made(arms=thirds), user) for user in USERS[:3000]} == {"a", "b", "c"}

    def test_is_the_same_for_good(self):
        """What people were assigned once must never change with the code."""
        assert [assign(made(), f"u{i}") for i in range(8)] == FIXED
        assert assign(made("other", salt="rows"), "u0") == FIXED[0]

    def test_more_people_leave_those_who_are_in(self):
        few = made(arms={"old": {"share": 0.05}, "new": {"share": 0.1}})
        many = made(arms={"old": {"share": 0.3}, "new": {"share": 0.6}})
        was = {user: arm for user in USERS if (arm := assign(few, user))}
        assert 4000 < len(was) < 5000
        assert all(assign(many, user) == arm for user, arm in was.items())

    def test_experiments_know_nothing_of_each_other(self):
        one, two = made("one"), made("two")
        pairs = [(assign(one, user) == "new", assign(two, user) == "new") for user in USERS]
        table = np.histogram2d(*np.array(pairs, float).T, bins=2)[0]
        assert stats.chi2_contingency(table).pvalue > 0.001

    def test_inside_says_nothing_of_the_arm(self):
        """Of those who come in when shares are raised, as many are in each arm."""
        few = made(arms={name: {"share": 0.2} for name in HALVES})
        late = [assign(made(), user) for user in USERS if assign(few, user) is None]
        assert stats.binomtest(late.count("new"), len(late)).pvalue > 0.001


def frames(people, events=(), answers=()):
    """``people``: (user, arm, hours); events and answers as rows, hours after START."""
    exposures = [(user, arm, ZERO + int(hours * HOUR)) for user, arm, hours in people]
    done = [(u, kind, ZERO + int(h * HOUR), *more) for u, kind, h, *more in events]
    said = [(u, ZERO + int(h * HOUR), *more) for u, h, *more in answers]
    schema = {"user_id": pl.String, "arm": pl.String, "time": pl.Int64}
    return (
        pl.DataFrame(exposures, schema, orient="row"),
        pl.DataFrame([(*row, None, None)[:5] for row in done], EVENTS, orient="row"),
        pl.DataFrame(said, ANSWERS, orient="row"),
    )


def world(seed, n=600, days=5, effect=0.0, **about):
    """People with tastes of their own, who come on some day, and had been there before."""
    whole = made(f"world {seed}", **{"people": n, **about})
    rng = np.random.default_rng(seed)
    users = np.array([f"u{i}" for i in range(n)])
    first = ZERO + np.sort(rng.integers(0, days * DAY, n))
    arm = np.array([assign(whole, user) for user in users])
    taste = rng.gamma(1, 1, n)
    past, now = rng.poisson(5 * taste), rng.poisson(taste + effect * (arm == "new"))
    who = np.repeat(np.tile(np.arange(n), 2), np.concatenate([past, now]))
    ago = np.arange(len(who)) < past.sum()
    time = first[who] + np.where(ago, -rng.integers(1, 14 * DAY, len(who)), 0)
    time += np.where(ago, 0, rng.integers(0, DAY, len(who)))
    clicks = {"user_id": users[who], "kind": "click", "time": time}
    clicks |= {"seconds": None, "satisfaction": None}
    answers = {"user_id": users, "time": first, "seconds": rng.exponential(0.02, n)}
    answers |= {"degraded": "[]", "experiment": whole.name, "arm": arm}
    exposures = pl.DataFrame({"user_id": users, "arm": arm, "time": first})
    return whole, exposures, pl.DataFrame(clicks, EVENTS), pl.DataFrame(answers, ANSWERS)


class TestByHand:
    def test_numbers_of_people(self):
        """Only what is done within the horizon counts, and only people whose time is over."""
        exposures, events, answers = frames(
            [("a", "old", 0), ("b", "old", 1), ("c", "new", 2), ("d", "new", 30), ("e", "x", 1)],
            [
                ("a", "click", 0),  # as they come
                ("a", "click", 23.9),
                ("a", "click", 24),  # over
                ("a", "click", -1),  # before
                ("b", "play", 2, 600.0),
                ("c", "play", 3, 90.0),
                ("c", "play", 4, 30.0),
                ("c", "survey", 5, None, 4),
                ("c", "survey", 6, None, 1),
                ("d", "click", 31),
                ("z", "click", 1),  # outside
            ],
            [("a", 0, 0.01, '["x"]', "rows", "old"), ("a", 1, 0.01, "[]", "rows", "old")],
        )
        wanted = {
            "clicks": (1.0, 0.0),
            "plays": (0.5, 2.0),
            "minutes": (5.0, 2.0),
            "active": (1.0, 1.0),
            "satisfaction": (None, 2.5),
            "degraded": (0.5, None),
        }
        for metric, means in wanted.items():
            whole = made(metric=metric)
            found = analysed(whole, exposures, events, answers, now=after(hours=48)).as_dict()
            assert tuple(arm["mean"] for arm in found["arms"]) == means, metric
            assert [arm["exposed"] for arm in found["arms"]] == [2, 2]
            assert found["action"] == "go on"
        assert found["notes"] == [
            "people left out, who saw an arm that there is no more: 1",
            *[each for each in found["notes"] if "assigned now" in each],
            "people who came less than 24 hours ago, and count later: 1",
        ]
        json.dumps(found, allow_nan=False)

    def test_the_first_answer_is_when_they_came(self):
        """An exposure is written down a little later than what it stands for."""
        people, events, answers = frames(
            [("a", "old", 2)], [("a", "click", 1.5)], [("a", 1, 0.01, "[]", "rows", "old")]
        )
        found = analysed(made(), people, events, answers, now=after(hours=25))
        assert (found.arms[0].n, found.arms[0].mean) == (1, 1)
        other = answers.with_columns(experiment=pl.lit("another"))
        found = analysed(made(), people, events, other, now=after(hours=26))
        assert (found.arms[0].n, found.arms[0].mean) == (1, 0)

    def test_nobody_yet(self):
        found = analysed(made(guardrails={"latency_p95": 5}), *frames([]), now=after(hours=1))
        assert found.advice == "Go on: nothing is decided after 0 of 10,000 people."
        assert found.contrasts[0].guardrails[0].verdict == "unknown yet"
        json.dumps(found.as_dict(), allow_nan=False)

    def test_after_the_stop_nobody_is_added(self):
        people = [(f"p{i}", "old", i) for i in range(100)]
        whole = made(stopped=after(hours=50))
        found = analysed(whole, *frames(people), now=after(days=90))
        assert (found.arms[0].exposed, found.arms[0].n) == (50, 27)
        assert found.notes[0] == "people left out, who came when it did not run: 50"
        assert found.notes[-1].endswith("came less than 24 hours before it stopped: 23")

    def test_interval_of_an_arm(self):
        people = [(f"p{i}", "old", 0) for i in range(300)]
        events = [(f"p{i}", "click", 1) for i in range(90)]
        arm = analysed(made(), *frames(people, events), now=after(days=2)).arms[0]
        y = np.arange(300) < 90
        wide = boundary(300, 5000) * y.std(ddof=1) / np.sqrt(300)
        assert (arm.mean, arm.high - arm.mean) == (0.3, pytest.approx(wide))

    def test_what_a_metric_can_be_is_known(self):
        """Of 3 and 4 on a scale to 5, and of what nobody and everybody did."""
        people = [(f"p{i}", "old" if i % 2 else "new", 0) for i in range(400)]
        said = [(f"p{i}", "survey", 1, None, 3 + i % 3 // 2) for i in range(400)]
        done = [(f"p{i}", "click", 1) for i in range(400)]
        served = [(f"p{i}", 0, 0.01, "[]", "rows", people[i][1]) for i in range(400)]
        arms = np.arange(400) % 2 == 0
        for metric, values, bounds in (
            ("satisfaction", 3 + np.arange(400) % 3 // 2, (1, 5)),
            ("active", np.ones(400), (0, 1)),
            ("degraded", np.zeros(400), (0, 1)),
        ):
            order = np.argsort([user for user, _, _ in people])
            found = analysed(
                made(metric=metric, before_days=0),
                *frames(people, [*said, *done], served),
                now=after(days=2),
            ).contrasts[0]
            wanted = looks(values[order], arms[order], planned=10_000, bounds=bounds).last
            assert np.isfinite(wanted.low)
            assert (found.plain.low, found.plain.high) == pytest.approx((wanted.low, wanted.high))

    def test_measured_elsewhere(self):
        whole = made(metric="topics", better="lower")
        people, events, answers = frames([("a", "old", 0), ("b", "new", 0)])
        measured = pl.DataFrame(
            {
                "user_id": ["a", "a", "a", "b"],
                "time": [ZERO, ZERO + HOUR, ZERO + 2 * DAY, ZERO],
                "name": ["topics"] * 4,
                "value": [0.2, 0.4, 9.0, float("nan")],
            }
        )
        found = analysed(whole, people, events, answers, now=after(days=3), measured=measured)
        assert found.arms[0].mean == pytest.approx(0.3)
        assert found.arms[1].n == 0
        with pytest.raises(UnknownName, match="Nobody has measured it"):
            analysed(whole, people, events, answers, now=after(days=3))

    def test_wrong_frames(self):
        people, events, answers = frames([("a", "old", 0)])
        with pytest.raises(MissingColumn, match="no column 'kind' in the events"):
            analysed(made(), people, events.drop("kind"), answers, now=after(days=1))
        row = {"user_id": "a", "kind": "click", "time": "2026", "seconds": 1.0, "satisfaction": 1}
        odd = pl.DataFrame([row])
        with pytest.raises(DataError, match="unix microseconds"):
            analysed(made(), people, odd, answers, now=after(days=1))
        with pytest.raises(BadParameter, match="time zone"):
            analysed(made(), people, events, answers, now=datetime(2026, 3, 2))
        with pytest.raises(BadParameter, match="has not started"):
            analysed(made(started=None), people, events, answers, now=after(days=1))


def clicked(people, events):
    """When each came, and their clicks in the day after."""
    done = events.join(people, on="user_id", suffix="_came")
    done = done.filter(pl.col("time").is_between("time_came", pl.col("time_came") + DAY))
    joined = people.join(done.group_by("user_id").len(), on="user_id", how="left")
    return joined["time"].to_numpy(), joined["len"].fill_null(0).to_numpy()


def t_tests(people, events):
    """Of those clicks, on six days, of those whose day is over."""
    came, clicks = clicked(people, events)
    new = people["arm"].to_numpy() == "new"
    for day in range(2, 8):
        over = came + DAY <= ZERO + day * DAY
        yield stats.ttest_ind(clicks[over & new], clicks[over & ~new]).pvalue


class TestPeeked:
    def test_no_effect(self):
        """200 experiments of two equal arms, looked at after every person; and by a t test every
        day. p never rises, so the last one tells whether any look was an alarm."""
        alarms = peeked = 0
        for seed in range(200):
            found = world(seed, n=1500)
            alarms += analysed(*found, now=after(days=7)).contrasts[0].adjusted.p < 0.05
            peeked += min(t_tests(*found[1:3])) < 0.05
        assert alarms <= 0.05 * 200
        assert peeked > 0.07 * 200

    def test_an_effect(self):
        """With what people did before, it is found more often, and is as large as it is."""
        plain = adjusted = 0
        means, reduction = [], []
        for seed in range(60):
            found = analysed(*world(seed, n=1500, effect=0.25), now=after(days=9)).contrasts[0]
            plain += found.plain.p < 0.05
            adjusted += found.verdict == "better"
            means.append(found.adjusted.mean)
            reduction.append(found.reduction)
        assert np.mean(means) == pytest.approx(0.25, abs=0.03)
        assert adjusted > plain + 6
        rho2 = 5 / 6 * 1 / 2  # of Poisson counts of 5 g and g, g of variance 1
        assert np.mean(reduction) == pytest.approx(rho2, abs=0.04)

    def test_looking_more_often_changes_nothing(self):
        found = world(3, n=390, effect=0.5)  # few enough for every look to be in the path
        whole = {p.n: p for p in analysed(*found, now=after(days=8)).contrasts[0].path}
        seen = 0
        for day in range(2, 8):
            part = analysed(*found, now=after(days=day)).contrasts[0]
            assert part.path == () or part.path[-1] == part.adjusted
            for each in part.path:
                assert isclose(each.p, whole[each.n].p)
                assert isclose(each.low, whole[each.n].low)
                seen += 1
        assert seen > 200
        assert len(analysed(*world(3), now=after(days=8)).contrasts[0].path) == 200

    @pytest.mark.parametrize(
        ("hours", "known"), [(-14 * 24 - 0.1, 0), (-14 * 24, 1), (-0.001, 1), (0, 0), (1, 0)]
    )
    def test_what_was_before_ends_when_they_come(self, hours, known):
        """Each clicks as often at ``hours`` as an hour and a half after they came: 0 to 2 times."""
        people = [(f"p{i}", "old" if i % 2 else "new", i / 100) for i in range(400)]
        often = np.random.default_rng(0).integers(3, size=400)
        clicks = [
            (user, "click", came + at)
            for n, (user, _, came) in zip(often, people, strict=True)
            for at in (hours, 1.5)
            for _ in range(n)
        ]
        found = analysed(made(), *frames(people, clicks), now=after(days=2)).contrasts[0]
        assert found.reduction == pytest.approx(known, abs=1e-9)

    def test_without_what_was_before(self):
        found = world(0, before_days=0)
        contrast = analysed(*found, now=after(days=8)).contrasts[0]
        assert contrast.adjusted == contrast.plain
        assert contrast.reduction == 0


class TestAdvice:
    def told(self, effect=0.0, change=None, n=1500, **about):
        whole, people, events, answers = world(1, n=n, effect=effect, **about)
        if change:
            answers = change(answers)
        return analysed(whole, people, events, answers, now=after(days=9))

    def test_better(self):
        found = self.told(1.0, guardrails={"degraded": 0.05})
        assert (found.action, found.contrasts[0].verdict) == ("stop", "better")
        assert found.advice.startswith("Stop, and keep new: new has 0.")
        assert found.advice.endswith("more clicks a person than old, and the guardrails hold.")

    def test_better_but_slower_is_not_known(self):
        found = self.told(1.0, guardrails={"latency_p95": 5})
        assert found.action == "go on"
        assert found.advice.endswith("but whether latency_p95 holds is not known yet.")

    def test_worse(self):
        whole, *rest = world(1, n=1500, effect=1.0)
        turned = Experiment.of(whole.name, {**whole.about(), "control": "new"})
        found = analysed(turned, *rest, now=after(days=9))
        assert found.action == "stop"
        assert found.advice.startswith("Stop, and keep new: old has 0.")
        assert "fewer clicks a person than new" in found.advice

    def test_nothing_known(self):
        assert self.told(n=1500, people=4000, before_days=0).advice.startswith("Go on: nothing is")

    def test_a_guardrail_is_broken(self):
        def slower(answers):
            slow = pl.col("seconds") + 0.2 * (pl.col("arm") == "new")
            return answers.with_columns(seconds=slow)

        found = self.told(1.0, slower, guardrails={"latency_p95": 20})
        (rail,) = found.contrasts[0].guardrails
        assert rail.verdict == "broken"
        assert rail.low < 200 < rail.high
        assert rail.loss == pytest.approx(200, abs=30)
        assert found.action == "stop"
        assert found.advice.startswith("Stop new: its latency_p95 is worse than that of old by 1")

    def test_a_guardrail_that_is_better_higher(self):
        """Its loss is what the arm has less than the control."""
        rails = {"metric": "active", "guardrails": {"clicks": 0.1}}
        (held,) = self.told(1.0, **rails).contrasts[0].guardrails
        assert held.verdict == "held"
        assert held.low < held.loss < held.high < 0
        for n, effect, verdict in ((1500, 1.0, "broken"), (600, 0.3, "unknown yet")):
            found = self.told(effect, n=n, control="new", **rails)
            (rail,) = found.contrasts[0].guardrails
            assert rail.verdict == verdict
            assert rail.low < rail.loss < rail.high
            assert rail.loss == pytest.approx(effect, abs=0.15)
            assert found.advice.startswith("Stop old: its clicks") == (verdict == "broken")

    def test_what_left_something_out(self):
        def failing(answers):
            some = (pl.col("arm") == "new") & (pl.int_range(pl.len()) % 4 == 0)
            said = pl.when(some).then(pl.lit('["slow"]')).otherwise(pl.lit("[]"))
            return answers.with_columns(degraded=said)

        (rail,) = self.told(0.0, failing, guardrails={"degraded": 0.02}).contrasts[0].guardrails
        assert rail.verdict == "broken"
        assert rail.loss == pytest.approx(0.25, abs=0.03)

    def test_lost_people(self):
        whole, people, *rest = world(1, n=3000, effect=1.0)
        some = people.filter((pl.col("arm") == "old") | (pl.int_range(pl.len()) % 5 > 0))
        found = analysed(whole, some, *rest, now=after(days=9))
        assert found.ratio_p < 1e-4
        counts = [each.exposed for each in found.arms]
        assert found.ratio_p == sample_ratio(counts, [1, 1], peeked=True)
        assert found.action == "look"
        assert found.advice.startswith("Find out first where people were lost")

    def test_people_are_lost_from_one_in_a_hundred_on(self):
        whole, people, *rest = world(1, n=1500)
        new = (people["arm"] == "new").to_numpy()
        kept = int((~new).sum())
        p = [sample_ratio([kept, n], [1, 1], peeked=True) for n in range(1, new.sum())]
        edge = 1 + int(np.argmax(np.array(p) >= 0.01))
        for n, action in ((edge, "go on"), (edge - 1, "look")):
            some = people.filter(pl.Series(~new | (np.cumsum(new) <= n)))
            assert analysed(whole, some, *rest, now=after(days=9)).action == action

    def test_more_arms_share_the_error(self):
        arms = {"a": {"share": 0.4}, "b": {"share": 0.2}, "c": {"share": 0.2}}
        whole, people, events, answers = world(1, n=1500, guardrails={"latency_p95": 5})
        three = Experiment.of(whole.name, {**whole.about(), "arms": arms})
        dealt = pl.Series([assign(three, user) for user in people["user_id"]])
        people = people.with_columns(arm=dealt).drop_nulls()
        answers = answers.with_columns(arm=dealt)
        found = analysed(three, people, events, answers, now=after(days=8))
        assert [each.arm for each in found.contrasts] == ["b", "c"]
        assert {each.level for each in found.contrasts} == {0.975}
        clicks, arm = clicked(people, events)[1], people["arm"].to_numpy()
        ms = 1000 * answers.join(people, on="user_id", how="semi")["seconds"].to_numpy()
        ends = {
            name: quantile_interval(
                ms[arm == name], ms[arm == name], 0.95, planned=1500 * share, level=1 - 0.025 / 2
            )
            for name, share in (("a", 0.5), ("b", 0.25), ("c", 0.25))
        }
        for each in found.contrasts:
            mine = arm != ("c" if each.arm == "b" else "b")
            as_they_are = looks(
                clicks[mine], arm[mine] == each.arm, planned=1500 * 0.75, level=0.975
            )
            last = as_they_are.last
            assert (each.plain.low, each.plain.p) == pytest.approx((last.low, last.p))
            (rail,) = each.guardrails
            (a, a_low, a_high), (b, b_low, b_high) = ends["a"], ends[each.arm]
            wanted = (b - a, b_low - a_high, b_high - a_low)
            assert (rail.loss, rail.low, rail.high) == pytest.approx(wanted)
            assert np.isfinite(wanted).all()


class TestFromTheStore:
    @pytest.fixture
    def store(self, url):
        with Store(url, clock=lambda: self.clock).upgrade() as store:
            self.clock = START.timestamp() + 60
            yield store

    def test_only_of_those_who_agreed(self, store):
        whole = made(metric="clicks", guardrails={"far": {"tolerated": 0.2, "better": "higher"}})
        store.put_experiment(whole.name, whole.about())
        store.put_items({f"i{n}": {"topic": "abc"[n]} for n in range(3)})
        people = {f"p{i}": assign(whole, f"p{i}") for i in range(12)}
        time = after(seconds=30).isoformat()
        for at, (user, arm) in enumerate(people.items()):
            store.consent(user, "essential" if at == 0 else "full")
            plain = {"user_id": user, "time": time}
            shown = {**plain, "kind": "impression", "request_id": f"r{user}", "propensity": 1.0}
            store.served(
                [
                    {
                        "trace_id": f"t{user}",
                        "user_id": user,
                        "time": after(seconds=30),
                        "surface": "home",
                        "model": "m",
                        "seconds": 0.02,
                        "steps": [],
                        "degraded": ["late"] if arm == "new" else [],
                        "experiment": whole.name,
                        "arm": arm,
                        "k": 2,
                        "filled": 2,
                    }
                ]
            )
            store.expose(whole.name, user, arm)
            store.ingest(
                [
                    {**shown, "event_id": f"{user}0", "item_id": "i0", "position": 0},
                    {**shown, "event_id": f"{user}1", "item_id": "i1", "position": 1},
                    {**plain, "kind": "click", "event_id": f"{user}2", "item_id": "i1"},
                ]
            )
        store.consent("p1", "none")
        older = {"level": "none", "time": microseconds(after(days=-1))}
        with store._begin(writing=True) as db:  # as an import of an older store leaves it
            db.execute(sa.insert(CONSENTS), [{"user_id": "p2", **older}])
        far = {"far": IntraListDistance(k=2, by="topic")}
        found = analyse_named(store, "rows", now=after(days=2), lists=far)
        assert sum(each.n for each in found.arms) == 10
        assert [each.mean for each in found.arms] == [1, 1]
        rail = found.contrasts[0].guardrails[0]
        assert sum(rail.n) == 10
        failed = analyse(store, made(metric="degraded"), now=after(days=2))
        assert [each.mean for each in failed.arms] == [0, 1]
        with pytest.raises(UnknownName, match="Give it in `lists`"):
            analyse(store, whole, now=after(days=2))
        with pytest.raises(UnknownName, match="did you mean 'rows'"):
            analyse_named(store, "row", now=after(days=2))


class TestKept:
    """Begun and ended, by whichever way."""

    @pytest.fixture
    def store(self, tmp_path):
        with Store(tmp_path / "events.db").upgrade() as store:
            yield store

    def test_begins_now_or_when_it_says(self, store):
        assert begin(store, "now", TWO, now=START).started == START
        later = begin(store, "later", {**TWO, "started": after(days=3)}, now=START)
        assert Experiment.of("later", store.experiments()["later"]) == later
        assert later.started == after(days=3)
        with pytest.raises(BadParameter, match="has not begun"):
            end(store, "later", now=after(days=2))
        assert end(store, "now", now=after(days=2)).stopped == after(days=2)
        with pytest.raises(BadParameter, match="ended 2026-03-03"):
            end(store, "now", now=after(days=4))
        with pytest.raises(UnknownName, match="did you mean 'now'"):
            end(store, "no", now=after(days=4))

    def test_what_cannot_begin(self, store):
        for about, versions, said in (
            ({"arms": HALVES}, None, "nothing to compare"),
            (TWO, ["v1"], "version 'v2'"),
        ):
            with pytest.raises((BadParameter, UnknownName), match=said):
                begin(store, "rows", about, now=START, versions=versions)
        store.put_experiment("damaged", {"arms": {}})
        begin(store, "rows", TWO, now=START, versions=["v2"])
        with pytest.raises(BadParameter, match="set down once"):
            begin(store, "rows", TWO, now=START)
        begin(store, "columns", {**TWO, "stopped": after(days=1)}, now=START)
        with pytest.raises(BadParameter, match="everybody is in columns, rows already"):
            begin(store, "third", TWO, now=START)
        begin(store, "third", TWO, now=after(days=1))

    def test_by_the_command(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        file = tmp_path / "rows.yaml"

        def call(*words):
            done = CliRunner().invoke(app, ["experiment", *words], catch_exceptions=False)
            assert done.exit_code == 0, done.output
            return done.stdout

        Store("headwater.db").upgrade().close()
        file.write_text("arms: {a: {share: 0.5}, b: {share: 0.5}}")
        with pytest.raises(BadParameter, match="nothing to compare"):
            call("begin", "rows", str(file))
        file.write_text(
            "arms: {a: {share: 0.5}, b: {share: 0.5, model: v2}}\n"
            "guardrails: {'Calibration@10': {tolerated: 0.1, better: lower}}"
        )
        assert json.loads(call("begin", "rows", str(file), "--json"))["stopped"] is None
        with Store("headwater.db") as store:
            store.put_items({"i0": {"genres": ["a"]}})
            store.consent("ann", "full")
            seen = {"user_id": "ann", "time": datetime.now(UTC).isoformat(), "item_id": "i0"}
            seen |= {"kind": "impression", "request_id": "r", "position": 0, "event_id": "e"}
            store.ingest([{**seen, "propensity": 1.0}])
        assert "Go on: nothing is decided" in call("result", "rows")
        assert json.loads(call("stop", "rows", "--json"))["stopped"]
        with pytest.raises(BadParameter, match="ended"):
            call("stop", "rows")


def own(data, users):
    """The topic that most of what somebody chose has."""
    topic = data.catalog.codes("topic")
    return np.array([np.bincount(topic[data.log[[user]].items]).argmax() for user in users])


@pytest.fixture(scope="module")
def logged():
    """What 120 people were shown by chance, twelve times each, and clicked: their own topic."""
    data = blocks()
    rng = np.random.default_rng(0)
    asked = data.queries(np.repeat(np.arange(120), 12))
    asked = replace(asked, now=asked.now + 1 + np.arange(len(asked)))
    chance = build("plackett_luce", temperature=1.0, k=4)
    flow = Flow(retrieve=build("popularity"), stages=(chance,)).fit(data)
    slate = flow.recommend(asked, 5, filter_seen=False)
    same = data.catalog.codes("topic")[slate.items] == own(data, asked.user)[:, None]
    clicks = (rng.random(same.shape) < np.where(same, 0.5, 0.05)).astype(np.float32)
    return replace(data, impressions=Impressions(asked, slate, clicks))


class TestBeforeLaunch:
    def test_an_estimate_is_near_the_truth(self, logged):
        candidate = build("itemknn", k=20).fit(logged)
        found = before_launch(logged, candidate, filter_seen=False)
        shown = logged.impressions
        items = candidate.recommend(shown.queries, 5, filter_seen=False).items[:, :4]
        topic = logged.catalog.codes("topic")[items]
        truth = np.where(topic == own(logged, shown.queries.user)[:, None], 0.5, 0.05).mean()
        assert truth > 0.3
        assert found.value.low < truth < found.value.high
        assert found.high < found.value.low
        assert found.advice.startswith("Better, so far")
        assert found.logged == pytest.approx(shown.clicks[shown.slate.propensity < 1].mean())
        assert (found.slots, found.fixed) == (4 * 1440, 1440)
        worse = before_launch(logged, build("popularity").fit(logged), filter_seen=False)
        assert worse.advice.startswith("Worse, so far")
        assert worse.value.high < found.value.low
        json.dumps(found.as_dict(), allow_nan=False)

    def test_few_are_not_relied_on(self, logged):
        few = replace(logged, impressions=logged.impressions[np.arange(0, 1440, 12)])
        found = before_launch(few, build("itemknn", k=20).fit(logged), filter_seen=False)
        assert found.value.effective < 100
        assert found.advice.startswith("Not to be relied on")

    def test_somebody_unknown_is_somebody_else_each_time(self, logged):
        shown = logged.impressions
        user = shown.queries.user.copy()
        user[:60] = PAD
        data = replace(
            logged, impressions=replace(shown, queries=replace(shown.queries, user=user))
        )
        found = before_launch(data, build("itemknn", k=20).fit(logged), filter_seen=False)
        assert found.value.groups == len(np.unique(user[60:])) + 60

    def test_propensities_that_are_wrong_are_told(self, logged):
        shown, candidate = logged.impressions, build("itemknn", k=20).fit(logged)
        for factor, told in ((1.0, False), (0.5, True)):
            chance = np.where(shown.slate.propensity < 1, shown.slate.propensity * factor, 1)
            slate = replace(shown.slate, propensity=chance.astype(np.float32))
            data = replace(logged, impressions=replace(shown, slate=slate))
            found = before_launch(data, candidate, filter_seen=False)
            assert found.value.weight == pytest.approx(1 / factor, rel=0.2)
            assert ("propensities are wrong" in found.advice) == told

    def test_without_chance_there_is_no_estimate(self, logged):
        shown = logged.impressions
        sure = replace(shown.slate, propensity=np.ones_like(shown.slate.propensity))
        fixed = replace(logged, impressions=replace(shown, slate=sure))
        found = before_launch(fixed, build("itemknn", k=20).fit(logged))
        assert found.value is None
        assert found.slots == 0
        assert "rerank.plackett_luce" in found.advice
        assert found.as_dict()["value"] is None
        likely = replace(shown.slate, propensity=np.full_like(shown.slate.propensity, 0.9))
        drawn = replace(logged, impressions=replace(shown, slate=likely))
        assert before_launch(drawn, build("itemknn", k=20).fit(logged)).fixed == 0

    def test_without_overlap_there_is_none(self, logged):
        class Nothing:
            def recommend(self, queries, k, **_):
                none = np.full((len(queries), k), PAD, np.int32)
                return Slate(none, none.astype(np.float32))

        found = before_launch(logged, Nothing())
        assert found.value is None
        assert "in none of the" in found.advice

    def test_what_cannot_be(self, logged):
        with pytest.raises(DataError, match="needs impressions"):
            before_launch(blocks(), build("popularity").fit(blocks()))
        draws = Flow(retrieve=build("popularity"), stages=(build("plackett_luce"),)).fit(logged)
        with pytest.raises(BadParameter, match="without its exploring stage"):
            before_launch(logged, draws)
        shown = logged.impressions
        bare = replace(
            logged, impressions=replace(shown, slate=replace(shown.slate, propensity=None))
        )
        with pytest.raises(DataError, match="no propensity"):
            before_launch(bare, build("popularity").fit(logged))
