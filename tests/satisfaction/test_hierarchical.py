import logging
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from scipy.special import expit, logsumexp

jax = pytest.importorskip("jax")
pytest.importorskip("numpyro")
pytest.importorskip("arviz_stats")

from numpyro.infer.util import log_density  # noqa: E402

from headwater.artifact import load, save  # noqa: E402
from headwater.data.toy import visits  # noqa: E402
from headwater.errors import BadParameter, DataError  # noqa: E402
from headwater.registry import build  # noqa: E402
from headwater.satisfaction import _nuts, hierarchical  # noqa: E402

QUICK = {"n_draws": 500, "n_warmup": 500}
CENTRE = np.array([0.3, 0.8, -0.4])  # intercept, plays, searches; on one scale


def world(n=250, seed=0, *, intents=3, centre=CENTRE, spread=0.5, several=0.3):
    """Sessions whose log-odds are the mean over their intents of b_j x, b_j ~ N(centre, spread^2);
    and b (J, 3)."""
    rng = np.random.default_rng(seed)
    data = visits(n, seed=seed)
    came = np.eye(intents, dtype=bool)[rng.integers(0, intents, n)]
    came |= rng.random((n, intents)) < several
    raw = np.column_stack([rng.poisson(2, n), rng.gamma(2, 2, n)])
    x = np.column_stack([np.ones(n), (raw - raw.mean(0)) / raw.std(0)])
    b = centre + spread * rng.normal(size=(intents, 3))
    good = rng.random(n) < expit(((x @ b.T) * came).sum(1) / came.sum(1))
    sessions = replace(
        data.sessions,
        behaviours=raw.astype(np.float32),
        names=("num_plays", "num_searches"),
        censored=(),
        intents=came,
        intent_names=tuple("abcdefgh"[:intents]),
        satisfaction=np.where(good, 4, 2).astype(np.int8),
    )
    return replace(data, sessions=sessions), b


def world_of_priors(seed, prior_scale, spread_scale):
    """One whose centre and spread are drawn too, again until 10 answers are of either kind: which
    answers were seen is no news to a posterior."""
    rng = np.random.default_rng([seed, 1])
    while True:
        centre = np.append(2.5 * rng.standard_t(3), prior_scale * rng.normal(size=2))
        spread = spread_scale * np.abs(rng.normal(size=3))
        again = int(rng.integers(2**31))
        data, b = world(500, again, intents=4, centre=centre, spread=spread)
        good = (data.sessions.satisfaction >= 4).sum()
        if 10 <= good <= 490:
            return data, b


@pytest.fixture(scope="module")
def data():
    return world()[0]


@pytest.fixture(scope="module")
def fitted(data):
    return build("satisfaction.hierarchical", seed=1, **QUICK).fit(data)


def columns(data):
    x = data.sessions.behaviours.astype(float)
    return np.column_stack([np.ones(len(x)), (x - x.mean(0)) / x.std(0)])


def test_the_density_is_the_formula(data):
    """In e = (b - mu) / sigma, and with sigma by its logarithm, where NUTS is."""
    rng = np.random.default_rng(0)
    x, came = columns(data), data.sessions.intents
    y = (data.sessions.satisfaction >= 4) * 1.0
    weights = np.linspace(0.2, 3, len(x))
    came = came & (rng.random(len(x)) < 0.9)[:, None]  # some said nothing
    mu, sigma = rng.normal(size=3), np.exp(rng.normal(size=3))
    e = rng.normal(size=(3, 3))
    member = came / np.maximum(came.sum(1, keepdims=True), 1)
    arrays = [_nuts.padded(each) for each in (x, y, weights, member)]
    given = {"intercept": mu[0], "slopes": mu[1:], "spread": sigma, "apart": e}
    with jax.enable_x64(True):
        found, _ = log_density(
            hierarchical.model, (*arrays, np.asarray(1.7), np.asarray(0.6)), {}, given
        )
    want = stats.t(3, 0, 2.5).logpdf(mu[0]) + stats.norm(0, 1.7).logpdf(mu[1:]).sum()
    want += stats.halfnorm(0, 0.6).logpdf(sigma).sum() + stats.norm.logpdf(e).sum()
    for s in range(len(x)):
        mine = [x[s] @ (mu + sigma * e[j]) for j in range(3) if came[s, j]]
        logit = np.mean(mine) if mine else x[s] @ mu
        want += weights[s] * np.log(expit(logit if y[s] else -logit))
    assert float(found) == pytest.approx(want, rel=1e-10)


def test_the_posterior_is_that_of_quadrature():
    """Of intercepts alone, the column being the same for all: over b_j, then over mu and sigma."""
    data = visits(200)
    n, good = np.array([100, 70, 30]), np.array([70, 20, 25])
    of = np.repeat(np.arange(3), n)
    y = np.concatenate([np.arange(size) < some for size, some in zip(n, good, strict=True)])
    sessions = replace(
        data.sessions,
        behaviours=np.ones((200, 1), np.float32),
        names=("num_plays",),
        censored=(),
        intents=np.eye(3, dtype=bool)[of],
        intent_names=("a", "b", "c"),
        satisfaction=np.where(y, 4, 2).astype(np.int8),
    )
    how = {"n_draws": 2000, "n_warmup": 500, "target_accept": 0.95, "seed": 3}
    model = build("satisfaction.hierarchical", **how).fit(replace(data, sessions=sessions))
    b = np.linspace(-6, 6, 401)
    mu, sigma = np.linspace(-5, 5, 101), np.linspace(0.02, 3.98, 100)
    within = stats.norm.logpdf(b, mu[:, None, None], sigma[:, None])  # (mu, sigma, b)
    prior = stats.t(3, 0, 2.5).logpdf(mu)[:, None] + stats.halfnorm.logpdf(sigma)
    likely = [
        some * np.log(expit(b)) + (size - some) * np.log(expit(-b))
        for size, some in zip(n, good, strict=True)
    ]
    worth = prior + sum(logsumexp(within + each, axis=-1) for each in likely)
    share = np.exp(worth - logsumexp(worth))  # (mu, sigma)
    for draws, at, p in (
        (model.centre_[..., 0], mu, share.sum(1)),
        (model.spread_[..., 0], sigma, share.sum(0)),
    ):
        mean = p @ at
        deviation = np.sqrt(p @ (at - mean) ** 2)
        assert draws.mean() == pytest.approx(mean, abs=0.1 * deviation)
        assert draws.std() == pytest.approx(deviation, rel=0.1)
    for j, each in enumerate(likely):
        rest = worth - logsumexp(within + each, axis=-1)
        p = np.exp(rest[..., None] + within + each - logsumexp(worth)).sum((0, 1))
        mean = p @ b
        deviation = np.sqrt(p @ (b - mean) ** 2)
        draws = model.draws_[:, :, j, 0]
        assert draws.mean() == pytest.approx(mean, abs=0.06 * deviation)
        assert draws.std() == pytest.approx(deviation, rel=0.06)
    # the column says nothing: its slopes are the priors
    assert model.centre_[..., 1].std() == pytest.approx(2.5, rel=0.1)
    assert model.spread_[..., 1].mean() == pytest.approx(np.sqrt(2 / np.pi), rel=0.1)


def test_chances_are_means_over_draws(data, fitted):
    """The mean of the log-odds of a session's intents; mu for who said none."""
    ten = data.sessions[:10]
    x = columns(data)[:10]
    came = np.array([[1, 0, 0], [0, 1, 1], [1, 1, 1], [0, 0, 0], [0, 0, 1]] * 2, bool)
    draws = fitted.draws_.reshape(-1, 3, 3).astype(float)
    mu = fitted.centre_.reshape(-1, 3).astype(float)
    want = [
        expit((draws[:, came[s]].mean(1) if came[s].any() else mu) @ x[s]).mean() for s in range(10)
    ]
    np.testing.assert_allclose(fitted.chances(replace(ten, intents=came)), want, rtol=1e-10)


def test_slopes_are_per_unit(fitted):
    raw, scaled = fitted.posterior(), fitted.posterior(per="deviation")
    np.testing.assert_allclose(raw[..., 1:], scaled[..., 1:] / fitted.deviation_)
    at_means = raw[..., 0] + raw[..., 1:] @ fitted.mean_
    np.testing.assert_allclose(at_means, scaled[..., 0], atol=1e-9)
    centre = fitted.centre()
    np.testing.assert_allclose(centre[..., 1:], fitted.centre_[..., 1:] / fitted.deviation_)
    said = fitted.coefficients()
    assert list(said) == ["a", "b", "c"]
    assert said["b"][2].estimate == pytest.approx(np.median(raw[:, :, 1, 2]))


def test_an_intent_with_few_answers_leans_on_the_others():
    """Where intents are alike; its own posterior, on its own, is far wider."""
    rng = np.random.default_rng(0)
    data, _ = world(250, spread=0.0, several=0.0)
    came = np.eye(3, dtype=bool)[rng.choice(3, 250, p=(0.1, 0.45, 0.45))]
    data = replace(data, sessions=replace(data.sessions, intents=came))
    together = build("satisfaction.hierarchical", spread_scale=0.3, seed=1, **QUICK).fit(data)
    apart = build("satisfaction.bayesian", seed=1, n_draws=500, n_warmup=300).fit(data)
    few = int(data.sessions.intents.sum(0).argmin())
    a, b = (m.draws_[:, :, few].std((0, 1)) for m in (together, apart))
    assert (a < 0.75 * b).all()
    off = np.abs(together.draws_.mean((0, 1))[few] - CENTRE)
    assert (off < np.abs(apart.draws_.mean((0, 1))[few] - CENTRE) + 0.2).all()


def test_leaving_one_out(data, fitted):
    """Against the plain importance sum, which it smooths, and less than what was fitted."""
    (one,) = fitted.diagnostics(data).values()
    log_odds = fitted.log_odds(hierarchical.EVERYTHING, data.sessions).reshape(
        len(columns(data)), -1
    )
    y = data.sessions.satisfaction >= 4
    likely = -np.logaddexp(0, np.where(y, -1, 1)[:, None] * log_odds)
    plain = -(logsumexp(-likely, axis=1) - np.log(likely.shape[1]))
    inside = logsumexp(likely, axis=1) - np.log(likely.shape[1])
    assert one.answers == len(y)
    assert one.loo.elpd == pytest.approx(plain.sum(), abs=0.5)
    assert one.loo.p == pytest.approx((inside - plain).sum(), abs=0.5)
    assert 2 < one.loo.p < 11
    assert one.loo.doubtful < 0.02
    with pytest.raises(DataError, match="the data that it learned from"):
        fitted.diagnostics(replace(data, sessions=data.sessions[:50]))


def test_the_same_seed_is_the_same_posterior(data, fitted):
    again = build("satisfaction.hierarchical", seed=1, **QUICK).fit(data)
    np.testing.assert_array_equal(again.draws_, fitted.draws_)
    assert fitted.draws_.shape == (4, 500, 3, 3)
    assert fitted.spread_.shape == fitted.centre_.shape == (4, 500, 3)


def test_saved_and_loaded(tmp_path, data, fitted):
    found = load(save(fitted, tmp_path / "model", data))
    np.testing.assert_array_equal(found.model.chances(data.sessions), fitted.chances(data.sessions))
    assert found.model.coefficients() == fitted.coefficients()
    assert found.model.diagnostics() == fitted.diagnostics()


def test_chains_that_diverge_are_warned_of(caplog):
    """Alike intents put sigma near 0, where long steps lose the energy."""
    data, _ = world(60, spread=0.0)
    how = {**QUICK, "seed": 0, "target_accept": 0.5}
    with caplog.at_level(logging.WARNING, "headwater"):
        model = build("satisfaction.hierarchical", **how).fit(data)
    (one,) = model.diagnostics().values()
    assert one.divergences > 0
    assert f"all intents: {one.divergences} of 2000 draws diverged" in caplog.text


def test_bad_parameters():
    with pytest.raises(BadParameter, match="spread_scale must be above 0"):
        build("satisfaction.hierarchical", spread_scale=0.0)
    with pytest.raises(BadParameter, match="n_draws must be at least 4"):
        build("satisfaction.hierarchical", n_draws=1)


@pytest.mark.slow
def test_intervals_cover_what_was_drawn_from_the_priors():
    """95 % intervals hold 95 % of coefficients that come from where the model thinks they do."""
    scales = {"prior_scale": 0.7, "spread_scale": 0.5}
    covered = np.zeros((4, 3))
    for seed in range(100):
        data, b = world_of_priors(seed, **scales)
        model = build("satisfaction.hierarchical", seed=seed, **scales, **QUICK).fit(data)
        draws = model.posterior(per="deviation").reshape(-1, 4, 3)
        low, high = np.quantile(draws, (0.025, 0.975), axis=0)
        covered += (low < b) & (b < high)
    assert (covered >= 90).all(), covered
    assert 93 <= covered.mean() <= 97, covered
