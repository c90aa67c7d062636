"""Against the definitions row by row, all outcomes of a small world, and how often the interval is
right."""

from dataclasses import replace
from itertools import product
from math import isnan

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from headwater.data.impressions import read_impressions
from headwater.data.sources import find, load
from headwater.errors import BadParameter, DataError, UnknownName
from headwater.evaluation import Decisions, cross_fitted, decisions, off_policy
from headwater.types import PAD

NAMES = ("dm", "ips", "snips", "dr", "sndr")
WEIGHTED = NAMES[1:]


def logged(rewards, propensity, actions, **more):
    return Decisions(
        rewards=np.array(rewards, float),
        propensity=np.array(propensity, float),
        actions=np.array(actions),
        **more,
    )


def drawn(seed, n=40, wide=4, groups=None):
    """A log, a policy and a model of the reward, with nothing true about them."""
    rng = np.random.default_rng(seed)
    log = logged(
        rng.normal(1, 2, n),
        rng.uniform(0.05, 1, n),
        rng.integers(wide, size=n),
        groups=None if groups is None else rng.integers(groups, size=n) * 7 - 3,
    )
    return log, rng.dirichlet(np.ones(wide), n), rng.normal(1, 1, (n, wide))


def slowly(log, pi, q, name, *, most=np.inf, rows=None):
    """The value, from the definition, of some rows."""
    rows = range(len(log)) if rows is None else rows
    model, weighted, weights, n = 0.0, 0.0, 0.0, 0
    for i in rows:
        a = log.actions[i]
        w = min(pi[i, a] / log.propensity[i], most)
        expected = q[i] if name in ("dm", "dr", "sndr") else np.zeros(pi.shape[1])
        model += sum(pi[i, b] * expected[b] for b in range(pi.shape[1]))
        weighted += w * (log.rewards[i] - expected[a])
        weights += w
        n += 1
    return {
        "dm": model / n,
        "ips": weighted / n,
        "snips": weighted / weights,
        "dr": (model + weighted) / n,
        "sndr": model / n + weighted / weights,
    }[name]


def by_groups(log):
    """The rows of each group, groups in order."""
    if log.groups is None:
        return [[i] for i in range(len(log))]
    return [np.flatnonzero(log.groups == each).tolist() for each in sorted(set(log.groups))]


class TestDefinition:
    @pytest.mark.parametrize("name", NAMES)
    @pytest.mark.parametrize("most", [None, 1.5])
    @pytest.mark.parametrize("groups", [None, 9])
    def test_row_by_row(self, name, most, groups):
        for seed in range(5):
            log, pi, q = drawn(seed, groups=groups)
            found = off_policy(log, pi, name, q=q, most=most)
            wanted = slowly(log, pi, q, name, most=most or np.inf)
            assert found.mean == pytest.approx(wanted, rel=1e-12)
            assert (found.name, found.n, found.groups) == (name, 40, len(by_groups(log)))

    def test_against_the_open_bandit_pipeline(self):
        """obp 0.4.1, obp.ope.estimators: estimate_policy_value of these six rows."""
        pi = [
            [0.2, 0.3, 0.5],
            [0.6, 0.4, 0],
            [0, 0, 1],
            [0.1, 0.8, 0.1],
            [1, 0, 0],
            [0.3, 0.3, 0.4],
        ]
        q = [
            [0.9, 0.1, 0.4],
            [0.3, 0.2, 0.7],
            [0, 0.5, 0.6],
            [0.8, 0.9, 0.2],
            [0.1, 0.1, 0.3],
            [0.5, 1.5, 1],
        ]
        log = logged([1, 0, 0.5, 1, 0, 2], [0.5, 0.2, 0.8, 0.25, 0.1, 0.4], [0, 1, 2, 1, 0, 2])
        theirs = {
            "dm": 0.5316666666666666,
            "ips": 1.0374999999999999,
            "snips": 0.34873949579831925,
            "dr": 0.5041666666666667,
            "sndr": 0.5224229691876751,
        }
        for name, wanted in theirs.items():
            found = off_policy(log, np.array(pi), name, q=np.array(q)).mean
            assert found == pytest.approx(wanted, rel=1e-12)

    @pytest.mark.parametrize("name", NAMES)
    @pytest.mark.parametrize("groups", [None, 12])
    def test_interval_by_the_delta_method(self, name, groups):
        """Sums of the groups, their covariance, and the slope of the estimate, by differences."""
        log, pi, q = drawn(3, n=60, groups=groups)
        modelled = name in ("dm", "dr", "sndr")
        sums = []
        for rows in by_groups(log):
            w = pi[rows, log.actions[rows]] / log.propensity[rows]
            model = q[rows] if modelled else np.zeros_like(q[rows])
            error = w * (log.rewards[rows] - model[np.arange(len(rows)), log.actions[rows]])
            sums.append([len(rows), (pi[rows] * model).sum(), error.sum(), w.sum()])

        def value(s):
            direct, error = s[1] / s[0], s[2] / (s[3] if name in ("snips", "sndr") else s[0])
            return direct if name == "dm" else direct + error

        sums = np.array(sums)
        at, step = sums.mean(0), 1e-6
        slope = [(value(at + step * e) - value(at - step * e)) / (2 * step) for e in np.eye(4)]
        error = np.sqrt(slope @ np.cov(sums.T) @ slope / len(sums))
        wide = stats.t.ppf(0.975, len(sums) - 1) * error
        found = off_policy(log, pi, name, q=q)
        assert found.low == pytest.approx(value(at) - wide, rel=1e-6)
        assert found.high == pytest.approx(value(at) + wide, rel=1e-6)

    @pytest.mark.parametrize("name", NAMES)
    @pytest.mark.parametrize("groups", [None, 8])
    def test_bootstrap_draws_groups_and_divides_again(self, name, groups):
        log, pi, q = drawn(5, n=25, groups=groups)
        units = by_groups(log)
        draws = np.random.default_rng(11).integers(len(units), size=(200, len(units)))
        means = [slowly(log, pi, q, name, rows=[i for u in row for i in units[u]]) for row in draws]
        found = off_policy(log, pi, name, q=q, resamples=200, seed=11)
        low, high = np.quantile(means, [0.025, 0.975])
        assert (found.low, found.high) == pytest.approx((low, high), rel=1e-9)
        assert found.mean == off_policy(log, pi, name, q=q).mean

    def test_what_it_rests_on(self):
        pi = np.array([[0.5, 0.5, 0], [0.2, 0.2, 0.6], [0, 1, 0], [1, 0, 0]])
        log = logged([1, 0, 0, 1], [0.5, 0.4, 0.25, 0.5], [0, 1, 1, 0])  # weights 1 0.5 4 2
        found = off_policy(log, pi, "ips")
        assert found.effective == pytest.approx(7.5**2 / (1 + 0.25 + 16 + 4))
        assert (found.largest, found.weight, found.cut) == pytest.approx((4, 7.5 / 4, 0))
        assert found.unsupported == pytest.approx(0.6 / 4)
        cut = off_policy(log, pi, "ips", most=1.5)  # weights 1 0.5 1.5 1.5
        assert cut.effective == pytest.approx(4.5**2 / (1 + 0.25 + 2.25 + 2.25))
        assert (cut.largest, cut.weight, cut.cut) == pytest.approx((1.5, 4.5 / 4, 3 / 4))
        assert cut.mean == pytest.approx((1 + 1.5) / 4)

    def test_what_is_unsupported_in_its_cell(self):
        """Cell 5 has seen 0 and 1, cell 8 only 1; nobody has seen 2."""
        log = logged([0, 0, 1], [0.5, 0.5, 0.5], [0, 1, 1], cells=np.array([5, 5, 8]))
        pi = np.array([[0.1, 0.2, 0.7], [0.5, 0.5, 0], [0.3, 0.6, 0.1]])
        assert off_policy(log, pi, "ips").unsupported == pytest.approx((0.7 + 0 + 0.4) / 3)

    def test_where_there_is_too_little(self):
        one = off_policy(logged([1], [0.5], [0]), np.ones((1, 1)), "ips")
        assert one.mean == 2
        assert isnan(one.low)
        assert isnan(one.high)
        pair = logged([1, 0], [0.5, 0.5], [0, 0], groups=np.array([4, 4]))
        for resamples in (None, 50):
            found = off_policy(pair, np.ones((2, 1)), "snips", resamples=resamples)
            assert (found.mean, found.groups) == (0.5, 1)
            assert isnan(found.low)
        # a draw of the second row alone has no weight, so nobody can say what it would give
        never = np.array([[1.0, 0.0], [1.0, 0.0]])
        found = off_policy(logged([1, 0], [0.5, 0.5], [0, 1]), never, "snips", resamples=50)
        assert found.mean == 1
        assert isnan(found.low)
        only = off_policy(logged([1, 0], [0.5, 0.5], [1, 1]), never, "dm", q=np.full((2, 2), 0.3))
        assert (only.mean, only.effective, only.unsupported) == (pytest.approx(0.3), 0, 1)


# --------------------------------------------------------------------------- a world known whole

CONTEXTS = np.array([0.3, 0.7])  # how often each is met
TASTE = np.array([[0.1, 0.8, 0.4], [0.6, 0.2, 0.9]])  # chance of a reward of 1
LOGGING = np.array([[0.6, 0.3, 0.1], [0.2, 0.5, 0.3]])
WANTED = np.array([[0.1, 0.2, 0.7], [0.3, 0.3, 0.4]])
TRUTH = float(CONTEXTS @ (WANTED * TASTE).sum(1))
WRONG = np.array([[0.9, 0.3, 0.0], [-1.0, 0.5, 2.0]])


def expectation(name, *, said=LOGGING, q=WRONG, most=None, what="mean"):
    """Over all logs of two rows, each as likely as it is; ``said`` are the logged chances."""
    cells = list(product(range(2), range(3), range(2)))
    total = likely = 0.0
    for pair in product(cells, repeat=2):
        x, a, r = (np.array(column) for column in zip(*pair, strict=True))
        chance = CONTEXTS[x] * LOGGING[x, a] * np.where(r, TASTE[x, a], 1 - TASTE[x, a])
        found = off_policy(logged(r, said[x, a], a), WANTED[x], name, q=q[x], most=most)
        total += chance.prod() * getattr(found, what)
        likely += chance.prod()
    assert likely == pytest.approx(1)
    return total


class TestExpectation:
    @pytest.mark.parametrize("name", ["ips", "dr"])
    def test_no_bias_whatever_the_model(self, name):
        assert expectation(name) == pytest.approx(TRUTH, abs=1e-12)
        assert expectation(name, what="weight") == pytest.approx(1, abs=1e-12)

    def test_doubly_robust(self):
        off = np.array([[0.2, 0.3, 0.5], [0.9, 0.05, 0.05]])
        assert expectation("dr", said=off, q=TASTE) == pytest.approx(TRUTH, abs=1e-12)
        assert abs(expectation("dr", said=off) - TRUTH) > 0.1
        assert abs(expectation("ips", said=off) - TRUTH) > 0.1
        assert abs(expectation("ips", said=off, what="weight") - 1) > 0.1
        assert expectation("dm", q=TASTE) == pytest.approx(TRUTH, abs=1e-12)
        assert abs(expectation("dm") - TRUTH) > 0.05

    def test_clipping_makes_it_lower_by_what_was_cut(self):
        most = 1.2
        lost = CONTEXTS[:, None] * LOGGING * np.maximum(WANTED / LOGGING - most, 0)
        found = expectation("ips", most=most)
        assert found == pytest.approx(TRUTH - (lost * TASTE).sum(), abs=1e-12)
        assert found < TRUTH - 0.05
        cut = expectation("ips", most=most, what="cut")
        assert cut == pytest.approx(lost.sum(), abs=1e-12)
        assert TRUTH - found <= cut  # rewards are at most 1
        missed = (lost * (TASTE - WRONG)).sum()
        assert expectation("dr", most=most) == pytest.approx(TRUTH - missed, abs=1e-12)
        assert expectation("dr", q=TASTE, most=most) == pytest.approx(TRUTH, abs=1e-12)


def simulated(seed, people=2000, each=1, taste=0.0, stay=0.0):
    """A log of people with ``each`` rows, whose rewards and contexts have something in common."""
    rng = np.random.default_rng(seed)
    who = np.repeat(np.arange(people), each)
    x = rng.choice(2, size=people * each, p=CONTEXTS)
    x = np.where(rng.random(len(x)) < stay, x[who * each], x)
    a = (rng.random(len(x))[:, None] > LOGGING[x].cumsum(1)[:, :2]).sum(1)
    r = (rng.random(len(x)) < TASTE[x, a]) + taste * rng.normal(size=people)[who]
    return logged(r, LOGGING[x, a], a, groups=who, cells=x), WANTED[x]


def covered(found):
    return sum(each.low <= TRUTH <= each.high for each in found)


class TestCoverage:
    def test_rows_on_their_own(self):
        found = {name: [] for name in WEIGHTED}
        for seed in range(100):
            log, pi = simulated(seed)
            q = cross_fitted(log, 3, seed=seed)
            for name in WEIGHTED:
                found[name].append(off_policy(log, pi, name, q=q))
        wide = {}
        for name, each in found.items():
            assert covered(each) >= 90, name
            means = np.array([value.mean for value in each])
            wide[name] = np.mean([value.high - value.low for value in each])
            # not too wide either: as wide as the values are spread
            assert wide[name] / (2 * 1.96) == pytest.approx(means.std(), rel=0.25), name
            assert abs(means.mean() - TRUTH) < 4 * means.std() / 10, name
        assert wide["dr"] < 0.9 * wide["ips"]  # what the model is for

    def test_rows_of_a_person(self):
        """Ten of each: taken as independent, they say too much."""
        grouped, alone = ({name: [] for name in WEIGHTED} for _ in range(2))
        again = []
        for seed in range(100):
            log, pi = simulated(seed, people=200, each=10, taste=0.6, stay=0.8)
            q = cross_fitted(log, 3, seed=seed)
            for name in WEIGHTED:
                grouped[name].append(off_policy(log, pi, name, q=q))
                alone[name].append(off_policy(replace(log, groups=None), pi, name, q=q))
            again.append(off_policy(log, pi, "snips", resamples=200))
        for name in WEIGHTED:
            assert covered(grouped[name]) >= 90, name
            assert covered(alone[name]) <= 85, name
        assert covered(again) >= 90


# ----------------------------------------------------------------------------- what always holds


@st.composite
def logs(draw):
    n, wide = draw(st.integers(2, 12)), draw(st.integers(2, 4))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    groups = rng.integers(3, size=n) if draw(st.booleans()) else None
    log = logged(rng.random(n), rng.uniform(0.1, 1, n), rng.integers(wide, size=n), groups=groups)
    return log, rng.dirichlet(np.ones(wide), n), rng.normal(size=(n, wide))


class TestAlways:
    @given(logs(), st.floats(0.01, 1))
    def test_snips_needs_propensities_up_to_a_factor_only(self, made, factor):
        log, pi, q = made
        scaled = replace(log, propensity=log.propensity * factor)
        for name in ("snips", "sndr"):
            one, other = (off_policy(each, pi, name, q=q) for each in (log, scaled))
            assert one.mean == pytest.approx(other.mean)
            assert (one.low, one.high) == pytest.approx((other.low, other.high), nan_ok=True)
            assert other.weight == pytest.approx(one.weight / factor)

    @given(logs())
    def test_the_policy_that_wrote_the_log_earned_the_mean(self, made):
        log, pi, _ = made
        row = np.arange(len(log))
        rest = pi.copy()
        rest[row, log.actions] = 0
        own = rest * ((1 - log.propensity) / rest.sum(1))[:, None]
        own[row, log.actions] = log.propensity
        for name in ("ips", "snips"):
            found = off_policy(log, own, name)
            assert found.mean == pytest.approx(log.rewards.mean())
            assert found.effective == pytest.approx(len(log))
            assert (found.largest, found.weight) == pytest.approx((1, 1))

    @given(logs())
    def test_snips_stays_within_the_rewards(self, made):
        log, pi, _ = made
        found = off_policy(log, pi, "snips").mean
        assert log.rewards.min() - 1e-12 <= found <= log.rewards.max() + 1e-12

    @given(logs(), st.floats(-3, 3))
    def test_a_model_that_says_the_same_of_all(self, made, constant):
        log, pi, q = made
        flat = np.full_like(q, constant)
        assert off_policy(log, pi, "dm", q=flat).mean == pytest.approx(constant)
        sndr, snips = off_policy(log, pi, "sndr", q=flat), off_policy(log, pi, "snips")
        assert sndr.mean == pytest.approx(snips.mean)
        assert (sndr.low, sndr.high) == pytest.approx((snips.low, snips.high), nan_ok=True)
        dr, ips = off_policy(log, pi, "dr", q=0 * q), off_policy(log, pi, "ips")
        assert (dr.mean, dr.low) == pytest.approx((ips.mean, ips.low), nan_ok=True)

    @given(logs(), st.floats(0.1, 5))
    def test_clipping_never_adds(self, made, most):
        log, pi, _ = made  # rewards from 0 to 1
        whole, cut = off_policy(log, pi, "ips"), off_policy(log, pi, "ips", most=most)
        assert whole.mean - cut.cut - 1e-12 <= cut.mean <= whole.mean + 1e-12
        assert cut.largest <= most
        assert cut.weight + cut.cut == pytest.approx(whole.weight)

    @given(logs(), st.randoms(use_true_random=False))
    def test_the_order_of_the_rows_does_not_matter(self, made, random):
        log, pi, q = made
        order = np.array(random.sample(range(len(log)), len(log)))
        groups = None if log.groups is None else log.groups[order] + 100
        other = logged(log.rewards[order], log.propensity[order], log.actions[order], groups=groups)
        for name in NAMES:
            a, b = off_policy(log, pi, name, q=q), off_policy(other, pi[order], name, q=q[order])
            assert (a.mean, a.low, a.high) == pytest.approx((b.mean, b.low, b.high), nan_ok=True)


class TestCrossFitted:
    @pytest.mark.parametrize("cells", [False, True])
    def test_row_by_row(self, cells):
        rng = np.random.default_rng(2)
        n, wide, folds, prior, seed = 50, 3, 4, 2.5, 9
        actions, cell = rng.integers(wide, size=n), rng.integers(4, size=n) * 5 - 2
        rewards = 0.6 * (actions == 0) + 0.6 * (cell == 3) + 0.2 * rng.random(n)
        log = logged(
            np.minimum(rewards, 1),  # so that what action and cell add up to is more than there is
            np.full(n, 0.5),
            actions,
            groups=rng.integers(20, size=n) * 3,
            cells=cell if cells else None,
        )
        names = sorted(set(log.groups))
        fold = np.random.default_rng(seed).permutation(len(names)) % folds
        of = np.array([fold[names.index(each)] for each in log.groups])
        found = cross_fitted(log, wide, folds=folds, prior=prior, seed=seed)

        def shrunken(rows, to):
            rows = list(rows)
            return (sum(log.rewards[j] for j in rows) + prior * to) / (len(rows) + prior)

        for i in range(n):
            rest = [j for j in range(n) if of[j] != of[i]]
            r = log.rewards[rest]
            for a in range(wide):
                action = [j for j in rest if log.actions[j] == a]
                wanted = shrunken(action, r.mean())
                if cells:
                    cell = [j for j in rest if log.cells[j] == log.cells[i]]
                    wanted += shrunken(cell, r.mean()) - r.mean()
                    wanted = min(max(wanted, r.min()), r.max())
                    wanted = shrunken(set(action) & set(cell), wanted)
                assert found[i, a] == pytest.approx(wanted)

    @pytest.mark.parametrize("cells", [None, np.tile([0, 1], 15)])
    def test_nobody_is_predicted_from_himself(self, cells):
        rng = np.random.default_rng(0)
        groups = np.repeat(np.arange(10), 3)
        log = logged(rng.random(30), np.full(30, 0.5), rng.integers(2, size=30), groups=groups)
        log = replace(log, cells=cells)
        before = cross_fitted(log, 2)
        for who in range(10):
            own = groups == who
            after = cross_fitted(replace(log, rewards=log.rewards + 5 * own), 2)
            np.testing.assert_array_equal(after[own], before[own])
            assert (np.abs(after[~own] - before[~own]).max(1) > 0).sum() >= 20

    def test_finds_what_the_cells_say(self):
        log, _ = simulated(0, people=20_000)
        found = cross_fitted(log, 3)
        np.testing.assert_allclose(found, TASTE[log.cells], atol=0.05)
        flat = cross_fitted(replace(log, cells=None), 3)
        share = CONTEXTS[:, None] * LOGGING  # what the log saw each action in
        np.testing.assert_allclose(flat.mean(0), (share * TASTE).sum(0) / share.sum(0), atol=0.02)

    @pytest.mark.parametrize(
        ("arguments", "error", "said"),
        [
            ({"prior": 0}, BadParameter, "prior"),
            ({"prior": np.nan}, BadParameter, "prior"),
            ({"folds": 1}, BadParameter, "at least 2"),
            ({"folds": 5}, BadParameter, "5 folds of 4 groups"),
            ({"n_actions": 2}, DataError, "has action 2, and n_actions speaks of 2"),
        ],
    )
    def test_mistakes(self, arguments, error, said):
        log = logged([0, 1, 1, 0], [0.5] * 4, [0, 1, 2, 0])
        with pytest.raises(error, match=said):
            cross_fitted(log, **{"n_actions": 3, "folds": 2, **arguments})


SHOWN = pl.DataFrame(
    {
        "request_id": ["a", "a", "a", "b", "b", "c"],
        "user_id": ["ann", "ann", "ann", "bob", "bob", "ann"],
        "item_id": [1, 2, 3, 3, 1, 2],
        "timestamp": [50, 50, 50, 100, 100, 300],
        "position": [2, 1, 3, 1, 2, 1],
        "click": [1, 0, 0, 0, 1, 1],
        "propensity_score": [0.5, 0.25, 0.125, 1.0, 0.75, 0.0625],
    }
)


class TestDecisions:
    def test_every_filled_slot_is_one(self):
        data = read_impressions(SHOWN)
        log = decisions(data.impressions)
        assert data.items.decode(log.actions).to_list() == [2, 1, 3, 3, 1, 2]
        assert log.rewards.tolist() == [0, 1, 0, 0, 1, 1]
        assert log.propensity.tolist() == [0.25, 0.5, 0.125, 1, 0.75, 0.0625]
        assert log.groups.tolist() == [0, 0, 0, 1, 1, 2]
        assert log.cells is None
        assert len(log) == 6
        people = replace(log, groups=data.impressions.queries.user[log.groups])
        assert data.users.decode(people.groups).to_list() == ["ann"] * 3 + ["bob"] * 2 + ["ann"]
        pi = np.full((6, 3), 1 / 3)
        assert off_policy(log, pi, "snips").groups == 3
        assert off_policy(people, pi, "snips").groups == 2

    def test_pictures(self):
        data = read_impressions(SHOWN)
        shown = data.impressions
        creative = np.array([[4, 0, PAD], [1, 2, PAD], [0, PAD, PAD]], np.int32)
        chance = np.array([[0.5, 0.25, 0], [1, 0.75, 0], [0.125, 0, 0]], np.float32)
        pictured = replace(shown.slate, creative=creative, creative_propensity=chance)
        shown = replace(shown, slate=pictured)
        log = decisions(shown, "creative")
        assert log.propensity.tolist() == [0.5, 0.25, 1, 0.75, 0.125]  # not that of the items
        assert log.actions.tolist() == [4, 0, 1, 2, 0]
        assert data.items.decode(log.cells).to_list() == [2, 1, 3, 1, 2]
        assert log.groups.tolist() == [0, 0, 1, 1, 2]
        assert log.rewards.tolist() == [0, 1, 0, 1, 1]
        # of item 2 pictures 4 and 0 were shown, of 1 it is 0 and 2, of 3 it is 1
        found = off_policy(log, np.full((5, 5), 0.2), "ips")
        assert found.unsupported == pytest.approx(0.2 * (3 + 3 + 4 + 3 + 3) / 5)

    def test_what_is_missing(self):
        shown = read_impressions(SHOWN.drop("propensity_score")).impressions
        with pytest.raises(DataError, match="no propensity"):
            decisions(shown)
        shown = read_impressions(SHOWN).impressions
        with pytest.raises(DataError, match="no creative"):
            decisions(shown, "creative")
        pictures = replace(shown, slate=replace(shown.slate, creative=shown.slate.items))
        with pytest.raises(DataError, match="no creative_propensity"):
            decisions(pictures, "creative")
        with pytest.raises(UnknownName, match="did you mean 'items'"):
            decisions(shown, "item")
        with pytest.raises(DataError, match="it has none"):
            decisions(shown[:0])


class TestMistakes:
    @pytest.mark.parametrize(
        ("wrong", "said"),
        [
            ({"propensity": [0.5, 0, 0.5]}, "1 of 3 are not, the first is 0 in row 1"),
            ({"propensity": [0.5, -0.1, 0.5]}, "the first is -0.1 in row 1"),
            ({"propensity": [0.5, 0.5, 1.5]}, "the first is 1.5 in row 2"),
            ({"propensity": [0.5, np.nan, 0.5]}, "propensity: 1 of 3 are NaN"),
            ({"propensity": [0.5, 0.5]}, r"propensity must be \(3,\), got \(2,\)"),
            ({"rewards": [0, np.nan, 1]}, "rewards: 1 of 3 are NaN"),
            ({"rewards": [0, np.inf, 1]}, "rewards: 1 of 3 are NaN or infinite"),
            ({"rewards": [[0, 1, 1]]}, r"rewards must be \(3,\), got \(1, 3\)"),
            ({"rewards": ["a", "b", "c"]}, "rewards must be numbers"),
            ({"rewards": []}, "at least one row"),
            ({"actions": [0, 1]}, r"actions must be \(3,\), got \(2,\)"),
            ({"actions": [0.0, 1.0, 1.0]}, "actions must be integers, got float64"),
            ({"actions": [0, -1, 1]}, "numbered from 0; there is -1"),
            ({"groups": [0, 1]}, r"groups must be \(3,\)"),
            ({"groups": [0.5, 1, 2]}, "groups must be integers"),
            ({"cells": [0, 1]}, r"cells must be \(3,\)"),
            ({"cells": [0, 1, 0.5]}, "cells must be integers"),
        ],
    )
    def test_of_the_log(self, wrong, said):
        right = {"rewards": [0, 1, 1], "propensity": [0.5, 0.5, 1], "actions": [0, 1, 1]}
        Decisions(**{name: np.array(each) for name, each in right.items()})
        with pytest.raises(DataError, match=said):
            Decisions(**{name: np.array(each) for name, each in {**right, **wrong}.items()})

    @pytest.mark.parametrize(
        ("policy", "said"),
        [
            ([[0.5, 0.5]] * 2, r"the policy must be \(3, 2\), got \(2, 2\)"),
            ([0.5, 0.5], r"the policy must be \(3, A\), got \(2,\)"),
            (
                [[0.5, 0.5], [0.5, 0.4], [0.5, 0.5]],
                "1 of 3 rows do not, the first is row 1 with 0.9",
            ),
            ([[0.5, 0.5], [1.5, -0.5], [0.5, 0.5]], "there is -0.5"),
            ([[0.5, 0.5], [np.nan, 1], [0.5, 0.5]], "the policy: 1 of 6 are NaN"),
            ([[1.0]] * 3, "has action 1, and the policy speaks of 1"),
            ([[0, 0, 1.0]] * 3, "chance 0 of all that was done in 3 rows"),
        ],
    )
    def test_of_the_policy(self, policy, said):
        log = logged([0, 1, 1], [0.5, 0.5, 1], [0, 1, 1])
        with pytest.raises(DataError, match=said):
            off_policy(log, np.array(policy), "snips")

    @pytest.mark.parametrize(
        ("arguments", "error", "said"),
        [
            ({"estimator": "sips"}, UnknownName, "did you mean 'snips'"),
            ({"most": 0}, BadParameter, "most is the largest weight"),
            ({"most": np.nan}, BadParameter, "most is the largest weight"),
            ({"resamples": 0}, BadParameter, "resamples must be at least 1"),
            ({"estimator": "dm"}, BadParameter, r"dm needs q.*\(3, 2\)"),
            ({"estimator": "dr"}, BadParameter, "dr needs q"),
            ({"estimator": "sndr"}, BadParameter, "sndr needs q"),
            ({"estimator": "dr", "q": np.ones(2)}, DataError, r"q must be \(3, 2\), got \(2,\)"),
            ({"estimator": "dr", "q": np.full((3, 2), np.nan)}, DataError, "q: 6 of 6 are NaN"),
        ],
    )
    def test_of_the_rest(self, arguments, error, said):
        log = logged([0, 1, 1], [0.5, 0.5, 1], [0, 1, 1])
        with pytest.raises(error, match=said):
            off_policy(log, np.full((3, 2), 0.5), **{"estimator": "ips", **arguments})

    def test_chances_of_32_bits_sum_to_1_nearly(self):
        wide = 2000
        policy = np.random.default_rng(0).dirichlet(np.ones(wide), 5).astype(np.float32)
        assert np.abs(policy.astype(float).sum(1) - 1).max() > 0
        off_policy(logged([0, 1, 0, 1, 0], [0.5] * 5, range(5)), policy, "ips")


# ------------------------------------------------------------- real data, where HEADWATER_DATA is


@pytest.mark.parametrize(
    ("campaign", "wanted", "clicked", "largest"),
    [("all", 0.0023, 38, 278), ("men", 0.0032, 46, 178), ("women", 0.0024, 46, 21_739)],
)
def test_thompson_sampling_tells_what_random_would_earn(campaign, wanted, clicked, largest, shared):
    """Open Bandit showed the same items at the same time by both."""
    names = [f"open-bandit-{policy}-{campaign}" for policy in ("bts", "random")]
    for name in names:
        if find(name, shared) is None:
            pytest.skip(f"{name} is not in {shared}")
    thompson, random = (load(name, folder=shared) for name in names)
    n_items = len(random.items)
    assert len(thompson.items) == n_items
    truth, log = decisions(random.impressions), decisions(thompson.impressions)
    np.testing.assert_allclose(truth.propensity, 1 / n_items, rtol=1e-6)
    assert (len(truth), truth.rewards.sum()) == (10_000, clicked)

    uniform = np.full((10_000, n_items), 1 / n_items)
    seen = off_policy(truth, uniform, "ips")
    assert seen.mean == pytest.approx(clicked / 10_000)
    assert seen.effective == pytest.approx(10_000)
    found = off_policy(log, uniform, "snips")
    assert found.mean == pytest.approx(wanted, abs=1e-4)
    assert found.largest == pytest.approx(largest, abs=1)
    assert found.unsupported == 0
    assert found.low <= seen.high
    assert seen.low <= found.high
    # one showing in women had a chance of one in a million: that log says next to nothing
    assert (found.effective < 3) == (campaign == "women")
    assert (abs(found.weight - 1) > 1) == (campaign == "women")
