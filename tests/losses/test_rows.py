"""Losses of rows against sums written out, and in their limits against scikit-learn."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
sklearn = pytest.importorskip("sklearn.metrics")

from headwater.errors import BadParameter  # noqa: E402
from headwater.registry import build  # noqa: E402

RNG = np.random.default_rng(0)
S = RNG.normal(size=(5, 6)) * 2
THERE = np.array([6, 5, 3, 1, 0])[:, None] > np.arange(6)
Y = ((RNG.random((5, 6)) < 0.4) & THERE).astype(float)
Y[1] = 0  # nobody clicked
Y[2, :3] = 1  # everything was
GRADES = Y * RNG.integers(1, 4, Y.shape)
W = RNG.random((5, 6)) + 0.5
ALL = np.ones(Y.shape, bool)
WEIGHTED = pytest.mark.parametrize("weights", [None, W], ids=["alike", "weighted"])


def said(loss, y=Y, s=S, there=THERE, weights=None, **parameters):
    made = build(f"losses.{loss}", **parameters)
    w = None if weights is None else torch.from_numpy(weights)
    return made(*(torch.from_numpy(each) for each in (s, y, there)), w).item()


def sigmoid(x):
    return 1 / (1 + np.exp(-np.asarray(x, float)))


def mean(each, weights, there=THERE):
    return (each * (1 if weights is None else weights))[there].mean()


def over_rows(term):
    """The mean of what ``term`` says of each row, of those of which it says anything."""
    found = [term(b, np.flatnonzero(THERE[b])) for b in range(5)]
    return np.mean([each for each in found if each is not None])


@WEIGHTED
@pytest.mark.parametrize("positive", [1.0, 3.0])
def test_bce(weights, positive):
    p = sigmoid(S)
    each = -(positive * Y * np.log(p) + (1 - Y) * np.log(1 - p))
    got = said("bce", weights=weights, positive_weight=positive)
    assert got == pytest.approx(mean(each, weights))
    if weights is None and positive == 1:
        assert got == pytest.approx(sklearn.log_loss(Y[THERE], p[THERE]))


@WEIGHTED
@pytest.mark.parametrize(("gamma", "alpha"), [(2.0, 0.25), (0.5, None), (0.0, None)])
def test_focal(weights, gamma, alpha):
    p = sigmoid(S)
    p_t = np.where(Y == 1, p, 1 - p)
    a_t = 1 if alpha is None else np.where(Y == 1, alpha, 1 - alpha)
    each = -a_t * (1 - p_t) ** gamma * np.log(p_t)
    got = said("focal", weights=weights, gamma=gamma, alpha=alpha)
    assert got == pytest.approx(mean(each, weights))
    if gamma == 0:
        assert got == pytest.approx(said("bce", weights=weights))


@WEIGHTED
@pytest.mark.parametrize(("plus", "minus", "margin"), [(0, 4, 0.05), (1, 4, 0.05), (1, 2, 0.0)])
def test_asymmetric(weights, plus, minus, margin):
    p = sigmoid(S)
    p_m = np.maximum(p - margin, 0)
    each = -Y * (1 - p) ** plus * np.log(p) - (1 - Y) * p_m**minus * np.log(1 - p_m)
    how = {"gamma_positive": float(plus), "gamma_negative": float(minus), "margin": margin}
    assert said("asymmetric", weights=weights, **how) == pytest.approx(
        mean(each, weights), rel=1e-6
    )


@pytest.mark.parametrize("through", [False, True])
def test_the_gradient_of_the_asymmetric_weights(through):
    """By differences of the formula, with the weights held where they are or not."""
    made = build(
        "losses.asymmetric", gamma_positive=1.0, gamma_negative=3.0, through_weights=through
    )
    s = torch.tensor([[0.3, 1.2, -0.7]], dtype=torch.float64, requires_grad=True)
    y = torch.tensor([[1.0, 0.0, 0.0]], dtype=torch.float64)
    made(s, y).backward()

    def formula(x, w):
        p, q = sigmoid(x), sigmoid(w)
        p_m, q_m = max(p - 0.05, 0), max(q - 0.05, 0)
        return np.array([-(1 - q) * np.log(p), -(q_m**3) * np.log(1 - p_m)])

    at = s.detach().numpy()[0]
    for i, x in enumerate(at):
        kind = 0 if i == 0 else 1
        up, down = (formula(x + h, x + h if through else x)[kind] for h in (1e-6, -1e-6))
        assert s.grad[0, i].item() == pytest.approx((up - down) / 2e-6 / 3, rel=1e-5)


@WEIGHTED
@pytest.mark.parametrize("epsilon", [-1.0, 0.0, 2.0])
def test_poly(weights, epsilon):
    p = sigmoid(S)
    p_t = np.where(Y == 1, p, 1 - p)
    each = -np.log(p_t) + epsilon * (1 - p_t)
    got = said("poly", weights=weights, epsilon=epsilon)
    assert got == pytest.approx(mean(each, weights))
    if epsilon == 0:
        assert got == pytest.approx(said("bce", weights=weights))


@WEIGHTED
@pytest.mark.parametrize("surrogate", ["logistic", "hinge"])
def test_pairwise(weights, surrogate):
    def term(b, at):
        pairs = [
            (
                np.log(1 + np.exp(S[b, j] - S[b, i]))
                if surrogate == "logistic"
                else max(0, 1 - S[b, i] + S[b, j])
            )
            * (1 if weights is None else weights[b, i])
            for i in at
            for j in at
            if Y[b, i] == 1 and Y[b, j] == 0
        ]
        return np.mean(pairs) if pairs else None

    assert said("pairwise", weights=weights, surrogate=surrogate) == pytest.approx(over_rows(term))


def test_pairwise_is_the_ranking_loss_where_a_wrong_pair_costs_one():
    """Scores of 0 and 1 with a hinge: a wrong pair costs 2, a tie 1 and a right one nothing."""
    y = (RNG.random((40, 7)) < 0.4).astype(float)
    s = (RNG.random((40, 7)) < 0.5).astype(float)
    some = (y.sum(1) > 0) & (y.sum(1) < 7)  # scikit-learn counts the others as 0
    y, s = y[some], s[some]
    got = said("pairwise", y, s, np.ones(y.shape, bool), surrogate="hinge")
    strict = sklearn.label_ranking_loss(y, s - 1e-9 * (1 - y))  # a tie is right
    loose = sklearn.label_ranking_loss(y, s + 1e-9 * (1 - y))  # a tie is wrong
    assert got == pytest.approx(strict + loose)


@WEIGHTED
def test_listwise(weights):
    def term(b, at):
        total = np.exp(S[b, at]).sum()
        terms = [
            -np.log(np.exp(S[b, i]) / total) * (1 if weights is None else weights[b, i])
            for i in at
            if Y[b, i] == 1
        ]
        return np.mean(terms) if terms else None

    assert said("listwise", weights=weights) == pytest.approx(over_rows(term))


def soft_rank(b, i, at, temperature):
    return 1 + sum(sigmoid((S[b, j] - S[b, i]) / temperature) for j in at if j != i)


@WEIGHTED
@pytest.mark.parametrize("temperature", [0.3, 1.0])
def test_approx_ndcg(weights, temperature):
    def term(b, at):
        gains = 2 ** GRADES[b, at] - 1
        best = (np.sort(gains)[::-1] / np.log2(np.arange(2, len(at) + 2))).sum()
        if not best:
            return None
        dcg = sum(
            g
            * (1 if weights is None else weights[b, i])
            / np.log2(1 + soft_rank(b, i, at, temperature))
            for g, i in zip(gains, at, strict=True)
        )
        return 1 - dcg / best

    got = said("approx_ndcg", GRADES, weights=weights, temperature=temperature)
    assert got == pytest.approx(over_rows(term))


def test_approx_ndcg_is_ndcg_in_the_limit():
    y = RNG.integers(0, 4, (30, 8)).astype(float)
    s = RNG.normal(size=(30, 8))
    got = said("approx_ndcg", y, s, np.ones(y.shape, bool), temperature=1e-6)
    assert got == pytest.approx(1 - sklearn.ndcg_score(2**y - 1, s), rel=1e-9)


@WEIGHTED
@pytest.mark.parametrize("scheme", ["lambdarank", "ndcg_loss2", "ndcg_loss2++"])
def test_lambda_loss(weights, scheme):
    def d(r):
        return 1 / np.log2(1 + r)

    def term(b, at):
        gains = 2 ** GRADES[b] - 1
        best = (np.sort(gains[at])[::-1] * d(np.arange(1, len(at) + 1))).sum()
        if not best:
            return None
        order = sorted(at, key=lambda i: -S[b, i])
        rank = {i: r for r, i in enumerate(order, 1)}
        total = 0
        for i in at:
            for j in at:
                if GRADES[b, i] <= GRADES[b, j]:
                    continue
                apart = abs(rank[i] - rank[j])
                swap, near = abs(d(rank[i]) - d(rank[j])), abs(d(apart) - d(apart + 1))
                w = {"lambdarank": swap, "ndcg_loss2": near, "ndcg_loss2++": swap + 5 * near}[
                    scheme
                ]
                pair = np.log2(1 + np.exp(-2 * (S[b, i] - S[b, j])))
                pair *= 1 if weights is None else weights[b, i]
                total += w * abs(gains[i] - gains[j]) / best * pair
        return total

    got = said("lambda_loss", GRADES, weights=weights, scheme=scheme, sigma=2.0, mu=5.0)
    assert got == pytest.approx(over_rows(term))


@WEIGHTED
@pytest.mark.parametrize("k", [1, 3])
def test_recall_at_k(weights, k):
    def term(b, at):
        missed = [
            (1 if weights is None else weights[b, i])
            * (1 - sigmoid((k + 0.5 - soft_rank(b, i, at, 0.2)) / 0.7))
            for i in at
            if Y[b, i] == 1
        ]
        return np.mean(missed) if missed else None

    got = said("recall_at_k", weights=weights, k=k, temperature=0.2, rank_temperature=0.7)
    assert got == pytest.approx(over_rows(term))


@pytest.mark.parametrize("k", [1, 2, 5])
def test_recall_at_k_is_recall_in_the_limit(k):
    y = (RNG.random((50, 8)) < 0.3).astype(float)
    y[:, 0] = 1
    s = RNG.normal(size=(50, 8))
    first = np.argsort(-s, 1)[:, :k]
    recall = np.take_along_axis(y, first, 1).sum(1) / y.sum(1)
    got = said(
        "recall_at_k", y, s, np.ones(y.shape, bool), k=k, temperature=1e-6, rank_temperature=1e-3
    )
    assert got == pytest.approx(1 - recall.mean(), abs=1e-9)


@pytest.mark.parametrize(
    ("loss", "parameters"),
    [
        ("bce", {"positive_weight": 0.0}),
        ("focal", {"gamma": -1.0}),
        ("focal", {"alpha": 1.5}),
        ("asymmetric", {"margin": 1.0}),
        ("asymmetric", {"gamma_negative": -1.0}),
        ("poly", {"epsilon": -2.0}),
        ("pairwise", {"surrogate": "exponential"}),
        ("approx_ndcg", {"temperature": 0.0}),
        ("lambda_loss", {"sigma": 0.0}),
        ("lambda_loss", {"scheme": "arp"}),
        ("recall_at_k", {"k": 0}),
        ("recall_at_k", {"rank_temperature": 0.0}),
        ("sigmoid_f1", {"beta": 0.0}),
        ("smooth_metric", {"metric": "auc"}),
        ("smooth_metric", {"recall_weight": 0.0}),
        ("unbounded_f1", {"least": 0.0}),
        ("rank_js", {"temperature": 0.0}),
    ],
)
def test_mistakes(loss, parameters):
    with pytest.raises(BadParameter, match=next(iter(parameters))):
        build(f"losses.{loss}", **parameters)
