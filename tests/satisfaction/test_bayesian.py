import logging
import sys
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from scipy.special import expit, logsumexp

jax = pytest.importorskip("jax")
pytest.importorskip("numpyro")
pytest.importorskip("arviz_stats")

import numpyro  # noqa: E402
from numpyro import distributions as dist  # noqa: E402
from numpyro.infer.util import log_density  # noqa: E402

from headwater.artifact import load, save  # noqa: E402
from headwater.data.toy import visits  # noqa: E402
from headwater.errors import BadParameter, DataError, MissingExtra  # noqa: E402
from headwater.glm import effective  # noqa: E402
from headwater.registry import build  # noqa: E402
from headwater.satisfaction import _drawn, _nuts, bayesian  # noqa: E402

SLOPES = {"a": (0.2, 0.9, -0.5), "b": (-0.4, -0.6, 0.3)}  # intercept, plays, searches
QUICK = {"n_draws": 500, "n_warmup": 300}  # one shape and one count: compiled once


def world(n=200, seed=0, *, both=False):
    """Sessions with intent "a" or "b" (or, ``both``, any of the two), whose log-odds are SLOPES."""
    rng = np.random.default_rng(seed)
    data = visits(n, seed=seed)
    plays, searches = rng.poisson(2, n), rng.gamma(2, 2, n)
    came = np.eye(2, dtype=bool)[rng.integers(0, 2, n)]
    if both:
        came |= rng.random((n, 2)) < 0.3
    x = np.column_stack([np.ones(n), plays, searches])
    each = x @ np.array(list(SLOPES.values())).T  # (S, J)
    logit = (each * came).sum(1) / came.sum(1)
    good = rng.random(n) < expit(logit)
    sessions = replace(
        data.sessions,
        behaviours=x[:, 1:].astype(np.float32),
        names=("num_plays", "num_searches"),
        censored=(),
        intents=came,
        satisfaction=np.where(good, 5, 1).astype(np.int8),
    )
    return replace(data, sessions=sessions)


@pytest.fixture(scope="module")
def data():
    return world()


@pytest.fixture(scope="module")
def fitted(data):
    return build("satisfaction.bayesian", seed=1, **QUICK).fit(data)


def rows_of(data, j):
    """Columns on one scale with a one in front, and answers, of the sessions with intent j."""
    sessions = data.sessions
    x = sessions.behaviours.astype(float)
    x = np.column_stack([np.ones(len(x)), (x - x.mean(0)) / x.std(0)])
    mine = sessions.intents[:, j]
    return x[mine], (sessions.satisfaction[mine] >= 4) * 1.0, sessions.weights[mine].astype(float)


def log_prior(b, scale=2.5):
    """Of (..., 3), intercept first."""
    return stats.t(3, 0, 2.5).logpdf(b[..., 0]) + stats.norm(0, scale).logpdf(b[..., 1:]).sum(-1)


def log_likelihood(x, y, b):
    """Of each answer, (..., S)."""
    logit = b @ x.T
    return y * np.log(expit(logit)) + (1 - y) * np.log(expit(-logit))


def quadrature(x, y, weights, around, wide, n=41):
    """Points (G, 3) and their log posterior up to a constant, on a grid around a guess."""
    axes = [np.linspace(m - 6 * s, m + 6 * s, n) for m, s in zip(around, wide, strict=True)]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3)
    each = log_likelihood(x, y, points)
    return points, log_prior(points) + each @ weights, each


def test_the_density_is_the_formula(data):
    x, y, weights = rows_of(data, 0)
    weights = np.linspace(0.2, 3, len(weights))
    b = np.array([0.3, -1.1, 0.7])
    arrays = (*(_nuts.padded(each) for each in (x, y, weights)), np.asarray(1.7))
    with jax.enable_x64(True):
        found, _ = log_density(bayesian.model, arrays, {}, {"intercept": b[0], "slopes": b[1:]})
    want = log_prior(b, 1.7) + weights @ log_likelihood(x, y, b)
    assert float(found) == pytest.approx(want, rel=1e-10)


@pytest.mark.parametrize("j", [0, 1])
def test_the_posterior_is_that_of_quadrature(data, fitted, j):
    x, y, weights = rows_of(data, j)
    draws = fitted.posterior(per="deviation")[:, :, j].reshape(-1, 3)
    points, worth, _ = quadrature(x, y, weights, draws.mean(0), draws.std(0))
    share = np.exp(worth - logsumexp(worth))
    mean = share @ points
    deviation = np.sqrt(share @ (points - mean) ** 2)
    np.testing.assert_allclose(draws.mean(0), mean, atol=4 * deviation.max() / np.sqrt(1000))
    np.testing.assert_allclose(draws.std(0), deviation, rtol=0.08)
    for c in range(3):
        order = np.argsort(points[:, c])
        total = np.cumsum(share[order])
        for at in (0.025, 0.5, 0.975):
            exact = points[order, c][np.searchsorted(total, at)]
            assert np.quantile(draws[:, c], at) == pytest.approx(exact, abs=0.35 * deviation[c])
    chance = expit(points @ x.T)  # (G, S)
    named = build("satisfaction.bayesian", **QUICK)
    assert named.address == "satisfaction.bayesian"
    alone = data.sessions[data.sessions.intents[:, j]]
    np.testing.assert_allclose(fitted.chances(alone), share @ chance, atol=0.02)


def test_an_answer_counts_by_its_weight(data, fitted):
    """Weights are of a sample: twice as much for all is the same; three times as much for half has
    the mean of repeats, and is as sure as Kish's effective number of answers."""
    n = len(data.sessions)
    twice = replace(data.sessions, weights=np.full(n, 2, np.float32))
    heavy = build("satisfaction.bayesian", seed=1, **QUICK).fit(replace(data, sessions=twice))
    np.testing.assert_array_equal(heavy.draws_, fitted.draws_)
    times = np.where(np.arange(n) % 2, 3, 1)
    some = replace(data.sessions, weights=times.astype(np.float32))
    weighed = build("satisfaction.bayesian", seed=1, **QUICK).fit(replace(data, sessions=some))
    again = data.sessions[np.repeat(np.arange(n), times)]
    repeated = build("satisfaction.bayesian", seed=1, **QUICK).fit(replace(data, sessions=again))
    a, b = (m.posterior().reshape(-1, 2, 3) for m in (weighed, repeated))
    np.testing.assert_allclose(a.mean(0), b.mean(0), atol=0.1)
    wider = (times.sum() / effective(times).sum()) ** 0.5
    np.testing.assert_allclose(a.std(0) / b.std(0), wider, rtol=0.2)


def test_slopes_are_per_unit(data, fitted):
    """The same log-odds from columns as they are as from those on one scale."""
    x = data.sessions.behaviours.astype(float)
    raw = np.column_stack([np.ones(len(x)), x]) @ fitted.posterior()[0, 7].T
    scaled = (x - fitted.mean_) / fitted.deviation_
    b = fitted.posterior(per="deviation")[0, 7].T
    np.testing.assert_allclose(raw, np.column_stack([np.ones(len(x)), scaled]) @ b, atol=1e-9)
    for j, (intent, said) in enumerate(fitted.coefficients().items()):
        draws = fitted.posterior()[:, :, j].reshape(-1, 3)
        assert [each.name for each in said] == ["intercept", "num_plays", "num_searches"]
        for c, each in enumerate(said):
            at = (0.001, 0.025, 0.25, 0.5, 0.75, 0.975, 0.999)
            got = (each.outer[0], each.low, each.inner[0], each.estimate, each.inner[1])
            got += (each.high, each.outer[1])
            np.testing.assert_allclose(got, np.quantile(draws[:, c], at))
            assert each.low < SLOPES[intent][c] < each.high


def test_several_intents_and_none(data, fitted):
    """The mean over the intents of a session; over all of them where nobody said."""
    ten = data.sessions[:10]
    one = [
        fitted.chances(replace(ten, intents=np.tile(np.eye(2, dtype=bool)[j], (10, 1))))
        for j in range(2)
    ]
    both = fitted.chances(replace(ten, intents=np.ones((10, 2), bool)))
    none = fitted.chances(replace(ten, intents=np.zeros((10, 2), bool)))
    np.testing.assert_allclose(both, np.mean(one, 0), rtol=1e-12)
    np.testing.assert_allclose(none, both, rtol=1e-12)
    assert np.abs(one[0] - one[1]).max() > 0.1


def test_an_intent_of_no_answer_is_the_prior_and_is_not_asked(data):
    came = np.column_stack([data.sessions.intents, np.zeros(len(data.sessions), bool)])
    sessions = replace(data.sessions, intents=came, intent_names=("a", "b", "c"))
    model = build("satisfaction.bayesian", seed=1, **QUICK).fit(replace(data, sessions=sessions))
    slopes = model.draws_[:, :, 2, 1:].ravel()
    assert abs(slopes.mean()) < 0.3
    assert slopes.std() == pytest.approx(2.5, rel=0.1)
    none = model.chances(replace(sessions, intents=np.zeros_like(came)))
    only_c = model.chances(replace(sessions, intents=np.eye(3, dtype=bool)[np.full(len(came), 2)]))
    np.testing.assert_allclose(only_c, none, rtol=1e-12)
    said = model.diagnostics(replace(data, sessions=sessions))
    assert said["c"].loo is None
    assert said["a"].loo is not None


def test_answers_without_weight_are_not_left_out(data):
    weights = np.where(np.arange(len(data.sessions)) < 20, 0, 1).astype(np.float32)
    some = replace(data, sessions=replace(data.sessions, weights=weights))
    model = build("satisfaction.bayesian", seed=1, **QUICK).fit(some)
    alone = model.diagnostics(some)["a"].loo
    assert alone is not None
    assert np.isfinite(alone.elpd)
    assert alone.elpd < 0


def test_nobody_came_for_one_thing_alone(data):
    both = replace(data.sessions, intents=np.ones((len(data.sessions), 2), bool))
    with pytest.raises(DataError, match="none of 200 answers names one intent alone"):
        build("satisfaction.bayesian", alone=True, **QUICK).fit(replace(data, sessions=both))


def test_alone_learns_from_those_who_came_for_nothing_else():
    data = world(both=True)
    came = data.sessions.intents
    model = build("satisfaction.bayesian", alone=True, seed=1, **QUICK).fit(data)
    several = came.sum(1) > 1
    assert several.sum() > 20
    np.testing.assert_array_equal(model.answers_, came[~several].sum(0))
    scale = data.sessions[~several]
    few = build("satisfaction.bayesian", seed=1, **QUICK)
    few.begin_with_intents(data.sessions)
    every = build("satisfaction.bayesian", seed=1, **QUICK).fit(data)
    np.testing.assert_array_equal(every.answers_, came.sum(0))
    assert len(scale) < len(data.sessions)
    assert np.abs(every.draws_.mean((0, 1)) - model.draws_.mean((0, 1))).max() > 0.05


def test_classes_told_apart_without_a_fault():
    """Where the likelihood has no maximum there is still a posterior."""
    data = world()
    plays = data.sessions.column("num_plays")
    split = np.where(plays > 2, 5, 1).astype(np.int8)
    model = build("satisfaction.bayesian", seed=1, **QUICK).fit(
        replace(data, sessions=replace(data.sessions, satisfaction=split))
    )
    said = model.coefficients()["a"][1]
    assert 0 < said.low < said.high < 30
    assert model.chances(data.sessions)[plays > 3].min() > 0.9


def test_rhat_is_the_formula_and_the_effective_draws_are_plausible():
    """Rank-normalised, split, of the middle and folded; on independent and on sticky chains."""
    rng = np.random.default_rng(0)
    draws = rng.normal(size=(4, 400, 3))
    draws[..., 1] += np.arange(4)[:, None] * 0.3  # chains that do not agree
    for t in range(1, 400):  # and some that hardly move
        draws[:, t, 2] = 0.9 * draws[:, t - 1, 2] + draws[:, t, 2] * np.sqrt(1 - 0.81)

    def plain(z):
        within, between = z.var(1, ddof=1).mean(), z.shape[1] * z.mean(1).var(ddof=1)
        n = z.shape[1]
        return np.sqrt(((n - 1) / n * within + between / n) / within)

    def normal(z):
        rank = stats.rankdata(z).reshape(z.shape)
        return stats.norm.ppf((rank - 3 / 8) / (z.size + 1 / 4))

    def rhat(one):
        split = np.concatenate([one[:, :200], one[:, 200:]])
        return max(plain(normal(split)), plain(normal(np.abs(split - np.median(split)))))

    want = [rhat(draws[..., c]) for c in range(3)]
    np.testing.assert_allclose(_drawn._rhats(draws), want, rtol=1e-6)
    assert want[0] < 1.01 < want[1]
    bulk, tail = _drawn._effective(draws)
    assert 1200 < bulk[0] < 2000
    assert 1100 < tail[0] < 2000
    assert bulk[2] == pytest.approx(1600 * (1 - 0.9) / (1 + 0.9), rel=0.4)


def test_leaving_one_out_is_what_refits_say(data, fitted):
    """Against each session's exact posterior without it, by quadrature."""
    said = fitted.diagnostics(data)
    assert list(said) == ["a", "b"]
    for j, name in enumerate("ab"):
        x, y, weights = rows_of(data, j)
        draws = fitted.posterior(per="deviation")[:, :, j].reshape(-1, 3)
        _, worth, each = quadrature(x, y, weights, draws.mean(0), draws.std(0))
        without = worth[:, None] - each
        exact = logsumexp(worth[:, None], axis=0) - logsumexp(without, axis=0)
        inside = logsumexp(worth[:, None] + each, axis=0) - logsumexp(worth)
        loo = said[name].loo
        assert said[name].answers == len(y)
        assert loo.elpd == pytest.approx(exact.sum(), abs=0.25)
        assert loo.se == pytest.approx(exact.std() * np.sqrt(len(y)), rel=0.02)
        assert loo.p == pytest.approx((inside - exact).sum(), abs=0.25)
        assert loo.doubtful == 0


def test_leaving_out_an_answer_that_stands_for_several():
    """Its likelihood counts as often: of an exact posterior, with and without the copies."""
    rng = np.random.default_rng(0)
    y = np.array([1, 0, 1, 1, 0, 1, 1, 1])
    weights = np.array([1, 1, 2, 1, 1, 1, 1, 3], float)
    p = rng.beta(1 + weights @ y, 1 + weights @ (1 - y), (4, 20_000))  # uniform prior
    likelihood = np.where(y[:, None, None] > 0, np.log(p), np.log(1 - p))
    elpd, k, _ = _drawn.left_out(likelihood, weights, 1.0)
    for s in range(len(y)):
        yes, no = (weights @ v - weights[s] * v[s] for v in (y, 1 - y))
        with_it = stats.betabinom.pmf  # all copies alike
        count = int(weights[s])
        want = np.log(with_it(count if y[s] else 0, count, 1 + yes, 1 + no))
        assert elpd[s] == pytest.approx(want, abs=0.03)
    assert (k < 0.7).all()


def test_the_data_to_leave_out_must_be_those_it_learned_from(data, fitted):
    with pytest.raises(DataError, match="the data that it learned from"):
        fitted.diagnostics(replace(data, sessions=data.sessions[:50]))


def test_the_same_seed_is_the_same_posterior(data, fitted):
    again = build("satisfaction.bayesian", seed=1, **QUICK).fit(data)
    np.testing.assert_array_equal(again.draws_, fitted.draws_)
    other = build("satisfaction.bayesian", seed=2, **QUICK).fit(data)
    assert np.abs(other.draws_ - fitted.draws_).max() > 0.1
    assert fitted.draws_.shape == (4, 500, 2, 3)
    assert fitted.draws_.dtype == np.float32
    chains = fitted.draws_[:, 0, 0, 0]
    assert len(set(chains.tolist())) == 4


def test_saved_and_loaded(tmp_path, data, fitted):
    found = load(save(fitted, tmp_path / "model", data))
    np.testing.assert_array_equal(found.model.chances(data.sessions), fitted.chances(data.sessions))
    assert found.model.coefficients() == fitted.coefficients()
    assert found.model.diagnostics() == fitted.diagnostics()


def test_chains_that_go_well_say_nothing(data, caplog):
    with caplog.at_level(logging.WARNING, "headwater"):
        model = build("satisfaction.bayesian", seed=1, **QUICK).fit(data)
    assert not caplog.records
    for each in model.diagnostics().values():
        assert each.rhat < 1.01
        assert each.bulk > 800
        assert each.divergences == 0
        assert each.loo is None


def test_chains_that_do_not_agree_are_warned_of(data, caplog):
    with caplog.at_level(logging.WARNING, "headwater"):
        model = build("satisfaction.bayesian", seed=1, n_draws=10, n_warmup=2).fit(data)
    assert any("chains do not agree" in record.message for record in caplog.records)
    assert max(each.rhat for each in model.diagnostics().values()) > 1.01


def funnel(scale):
    """Neal's: steps that fit its mouth lose the energy in its neck."""
    v = numpyro.sample("intercept", dist.Normal(0, scale))
    numpyro.sample("slopes", dist.Normal(0, jax.numpy.exp(v / 2)).expand([9]).to_event(1))


def test_divergences_are_counted_and_told(fitted, caplog):
    sampler = _nuts.Sampler(n_chains=2, n_draws=300, n_warmup=300, target_accept=0.6, seed=0)
    (found,) = sampler(funnel, [(np.asarray(3.0),)], dense=())
    lost = int(found.diverging.sum())
    assert lost > 0
    assert found.diverging.shape == (2, 300)
    model = build("satisfaction.bayesian", **QUICK)
    for name in ("names_", "mean_", "deviation_", "intents_", "answers_", "draws_"):
        setattr(model, name, getattr(fitted, name))
    calm = found._replace(diverging=np.zeros((4, 500), bool))
    wild = found._replace(diverging=np.pad(found.diverging, ((0, 2), (0, 200))))
    with caplog.at_level(logging.WARNING, "headwater"):
        model.end([calm, wild])
    assert [each.divergences for each in model.diagnostics().values()] == [0, lost]
    assert f"b: {lost} of 2000 draws diverged" in caplog.text


def test_it_leaves_jax_as_it_was(fitted):
    assert fitted.fitted
    assert jax.numpy.ones(1).dtype == np.float32
    assert not jax.config.jax_enable_x64


@pytest.mark.parametrize("package", ["numpyro", "jax", "arviz_stats"])
def test_without_what_it_needs(monkeypatch, package):
    for name in [name for name in sys.modules if name.startswith("headwater.satisfaction")]:
        monkeypatch.delitem(sys.modules, name)
    for name in [name for name in sys.modules if name.split(".")[0] == package]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtra, match=rf"needs {package}.*headwater\[bayes\]"):
        build("satisfaction.bayesian")


def test_what_it_cannot_learn_from(data, fitted):
    nobody = replace(data.sessions, intents=np.zeros((len(data.sessions), 2), bool))
    with pytest.raises(DataError, match="nobody said why they came"):
        build("satisfaction.bayesian", **QUICK).fit(replace(data, sessions=nobody))
    with pytest.raises(DataError, match="it learned from the intents a, b"):
        fitted.chances(replace(data.sessions, intent_names=("a", "c")))
    with pytest.raises(BadParameter, match="prior_scale must be above 0"):
        build("satisfaction.bayesian", prior_scale=0.0)
    with pytest.raises(BadParameter, match=r"target_accept must be from 0\.5 to below 1"):
        build("satisfaction.bayesian", target_accept=1.0)


@pytest.mark.slow
def test_intervals_cover_what_was_planted():
    """95 % intervals of each coefficient, in 100 simulations."""
    covered = np.zeros((2, 3))
    for seed in range(100):
        data = world(400, seed)
        said = build("satisfaction.bayesian", seed=seed, **QUICK).fit(data).coefficients()
        covered += [
            [one.low < true < one.high for one, true in zip(said[name], SLOPES[name], strict=True)]
            for name in "ab"
        ]
    assert (covered >= 90).all(), covered
    assert 92 <= covered.mean() <= 98, covered
