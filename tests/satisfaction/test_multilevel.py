"""The random intercept: its likelihood against quadrature, its estimates against both."""

import numpy as np
import polars as pl
import pytest
from scipy.optimize import minimize
from scipy.sparse import csr_array
from scipy.special import expit, logsumexp

from headwater.data.toy import visits
from headwater.glm import newton
from headwater.registry import build
from headwater.satisfaction.multilevel import laplace, marginal

RNG = np.random.default_rng(5)


def grouped(n=800, groups=20, spread=0.8, seed=0):
    """Every session in one group, so that the integral falls apart into one for each group."""
    rng = np.random.default_rng(seed)
    x = np.column_stack([np.ones(n), rng.normal(size=n)])
    of = rng.integers(groups, size=n)
    y = (rng.random(n) < expit(x @ [0.3, -0.7] + spread * rng.normal(size=groups)[of])) * 1.0
    z = csr_array((np.ones(n), (np.arange(n), of)), shape=(n, groups))
    return x, z, of, y


def quadrature(x, of, y, b, spread, nodes):
    """-2 log likelihood by Gauss-Hermite, on nodes around each group's mode."""
    at, weight = np.polynomial.hermite_e.hermegauss(nodes)
    total = 0.0
    for g in range(of.max() + 1):
        offset, mine = (x @ b)[of == g], y[of == g]

        def joint(v, offset=offset, mine=mine):
            eta = offset[:, None] + spread * np.atleast_1d(v)
            return (
                -np.logaddexp(0, np.where(mine[:, None] > 0, -eta, eta)).sum(0)
                - np.atleast_1d(v) ** 2 / 2
            )

        mode = minimize(lambda v: -joint(v)[0], 0.0, method="BFGS", options={"gtol": 1e-9}).x[0]
        p = expit(offset + spread * mode)
        wide = (1 + spread**2 * (p * (1 - p)).sum()) ** -0.5
        v = mode + wide * at
        total += logsumexp(joint(v) + at**2 / 2, b=weight * wide) - np.log(2 * np.pi) / 2
    return -2 * total


def test_marginal_is_quadrature_of_one_node():
    x, z, of, y = grouped()
    b, spread = np.array([0.1, -0.5]), 0.6
    ours, _, _ = marginal(x, z, y, np.ones(len(y)), b, spread, np.zeros(20))
    assert ours == pytest.approx(quadrature(x, of, y, b, spread, 1), abs=1e-6)
    assert ours == pytest.approx(quadrature(x, of, y, b, spread, 25), rel=2e-3)


def test_slope_of_the_likelihood():
    x, _, _, y = grouped(300)
    member = (RNG.random((300, 5)) < 0.4) * 1.0
    z = csr_array(member / np.maximum(member.sum(1, keepdims=True), 1))
    weights, at = RNG.uniform(0.5, 2, 300), np.array([0.2, -0.4, 0.7])

    def worth(at):
        return marginal(x, z, y, weights, at[:2], at[2], np.zeros(5))[0]

    slope = marginal(x, z, y, weights, at[:2], at[2], np.zeros(5))[1]
    near = [(worth(at + 1e-5 * e) - worth(at - 1e-5 * e)) / 2e-5 for e in np.eye(3)]
    np.testing.assert_allclose(slope, near, rtol=1e-5, atol=1e-5)


def test_estimates_are_those_of_quadrature():
    x, z, of, y = grouped(1500, 30)
    b, covariance, spread, _ = laplace(x, z, y, np.ones(len(y)))
    best = minimize(
        lambda at: quadrature(x, of, y, at[:2], abs(at[2]), 25),
        [0, 0, 0.5],
        method="Nelder-Mead",
        options={"maxiter": 120, "xatol": 1e-3, "fatol": 1e-3},
    )
    np.testing.assert_allclose(b, best.x[:2], atol=0.02)
    assert spread == pytest.approx(abs(best.x[2]), rel=0.05)
    errors = np.sqrt(np.diag(covariance))
    assert errors[0] > 1.5 * errors[1] > 0  # an intercept is as unsure as 30 groups make it


def test_no_spread_where_there_is_none():
    rng = np.random.default_rng(2)
    x = np.column_stack([np.ones(2000), rng.normal(size=2000)])
    z = csr_array((np.ones(2000), (np.arange(2000), np.arange(2000) % 8)), shape=(2000, 8))
    y = (rng.random(2000) < expit(x @ [0.3, 0.5])) * 1.0
    _, covariance, spread, intercepts = laplace(x, z, y, np.ones(2000))
    assert spread < 0.12
    assert np.abs(intercepts).max() < 0.2
    assert (np.diag(covariance) > 0).all()


def test_learns_and_says():
    data = visits(3000)
    model = build("satisfaction.multilevel").fit(data)
    found = {c.name: c for c in model.coefficients()}
    assert found["num_plays"].low < 0.8 < found["num_plays"].high
    assert model.intercepts_[0] > 0.05 > -0.05 > model.intercepts_[1]
    x = np.column_stack([np.ones(3000), model.looks(data.sessions)])
    came = data.sessions.intents / np.maximum(data.sessions.intents.sum(1, keepdims=True), 1)
    np.testing.assert_allclose(
        model.chances(data.sessions), expit(x @ model.slopes_ + came @ model.intercepts_)
    )
    total = build("satisfaction.multilevel", membership="sum").fit(data)
    assert np.abs(total.chances(data.sessions) - model.chances(data.sessions)).max() > 1e-3


def ratings(shared, by):
    """InstEval: whether a rating is 4 or 5, whether the lecture was for another department, and a
    column of groups."""
    frame = pl.read_parquet(shared / "insteval/ratings.parquet")
    y = (frame["rating"] >= 4).to_numpy() * 1.0
    of = frame[by].rank("dense").to_numpy().astype(int) - 1
    x = np.column_stack([np.ones(len(y)), frame["service"].to_numpy()]).astype(float)
    return x, y, of


@pytest.mark.paper
def test_ratings_of_departments(shared):
    """Laplace on 73,421 real ratings is at the optimum of quadrature with 9 nodes."""
    x, y, of = ratings(shared, "dept")
    z = csr_array((np.ones(len(y)), (np.arange(len(y)), of)), shape=(len(y), of.max() + 1))
    b, covariance, spread, _ = laplace(x, z, y, np.ones(len(y)))
    at = np.append(b, spread)
    worth = quadrature(x, of, y, b, spread, 9)
    for e in np.eye(3):
        for step in (-0.05, 0.05):
            aside = at + step * e
            assert worth < quadrature(x, of, y, aside[:2], aside[2], 9)
    assert 0.05 < spread < 0.5
    assert (np.diag(covariance) > 0).all()


@pytest.mark.paper
def test_ratings_of_lecturers(shared):
    """1,128 groups, by sparse columns: Laplace is quadrature of one node, and at its optimum."""
    x, y, of = ratings(shared, "item_id")
    j = of.max() + 1
    z = csr_array((np.ones(len(y)), (np.arange(len(y)), of)), shape=(len(y), j))
    b, covariance, spread, intercepts = laplace(x, z, y, np.ones(len(y)))
    worth, slope, _ = marginal(x, z, y, np.ones(len(y)), b, spread, intercepts / spread)
    assert worth == pytest.approx(quadrature(x, of, y, b, spread, 1), rel=1e-8)
    np.testing.assert_allclose(slope / len(y), 0, atol=1e-6)
    assert 0.5 < spread < 1.5
    assert (np.diag(covariance) > 0).all()


@pytest.mark.paper
def test_ratings_without_groups_are_statsmodels(shared):
    statsmodels = pytest.importorskip("statsmodels.api")
    x, y, _ = ratings(shared, "dept")
    b, covariance = newton(x, y, np.ones(len(y)), np.zeros(2))
    theirs = statsmodels.Logit(y, x).fit(disp=0)
    np.testing.assert_allclose(b, theirs.params, rtol=1e-7)
    np.testing.assert_allclose(np.sqrt(np.diag(covariance)), theirs.bse, rtol=1e-5)
