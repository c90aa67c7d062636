"""Losses of the smooth confusion matrix against the formulas in numpy, and scikit-learn's metrics
in the limit."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
sklearn = pytest.importorskip("sklearn.metrics")

from headwater.registry import build  # noqa: E402

RNG = np.random.default_rng(1)
S = RNG.normal(size=(12, 5)) * 2
Y = (RNG.random((12, 5)) < 0.4).astype(float)
W = RNG.random((12, 5)) + 0.5
THERE = RNG.random((12, 5)) < 0.9
AVERAGES = pytest.mark.parametrize("average", ["macro", "micro", "samples"])
INPUTS = pytest.mark.parametrize("given", ["logits", "probabilities"])
SCORES = {
    "f_beta": lambda tp, fp, fn, _: 5 * tp / (5 * tp + 4 * fn + fp),  # recall_weight=2
    "precision": lambda tp, fp, *_: tp / (tp + fp),
    "recall": lambda tp, _, fn, __: tp / (tp + fn),
    "specificity": lambda _, fp, __, tn: tn / (tn + fp),
    "npv": lambda *n: n[3] / (n[3] + n[2]),
    "accuracy": lambda *n: (n[0] + n[3]) / sum(n),
    "jaccard": lambda tp, fp, fn, _: tp / (tp + fp + fn),
    "mcc": lambda tp, fp, fn, tn: (
        (tp * tn - fp * fn) / np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
    ),
}


def said(loss, s=S, y=Y, there=None, weights=None, **parameters):
    given = (None if each is None else torch.from_numpy(each) for each in (s, y, there, weights))
    return build(f"losses.{loss}", **parameters)(*given).item()


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def counts(share, average, weights=1.0):
    """One confusion matrix for each class, each row, or one in all; by loops."""
    cells = {
        "macro": [[(b, c) for b in range(12)] for c in range(5)],
        "micro": [[(b, c) for b in range(12) for c in range(5)]],
        "samples": [[(b, c) for c in range(5)] for b in range(12)],
    }[average]
    w = np.broadcast_to(weights, Y.shape)
    return [
        [
            sum(w[at] * part(share[at], Y[at]) for at in group)
            for part in (
                lambda u, y: u * y,
                lambda u, y: u * (1 - y),
                lambda u, y: (1 - u) * y,
                lambda u, y: (1 - u) * (1 - y),
            )
        ]
        for group in cells
    ]


def f1(tp, fp, fn, _):
    return 2 * tp / (2 * tp + fp + fn)


@AVERAGES
@INPUTS
@pytest.mark.parametrize(("beta", "eta"), [(1.0, 0.0), (10.0, -0.75), (3.0, 1.0)])
def test_sigmoid_f1(average, given, beta, eta):
    u = S if given == "logits" else sigmoid(S)
    share = sigmoid(beta * (u + eta))
    want = 1 - np.mean([f1(*each) for each in counts(share, average)])
    how = {"average": average, "input": given, "beta": beta, "eta": eta}
    assert said("sigmoid_f1", **how) == pytest.approx(want)
    want = 1 - np.mean([f1(*each) for each in counts(share, average, W * THERE)])
    assert said("sigmoid_f1", there=THERE, weights=W, **how) == pytest.approx(want)


@AVERAGES
@INPUTS
def test_sigmoid_f1_is_f1_in_the_limit(average, given):
    """The threshold on probabilities is -eta, and 0 on logits is that of a half."""
    share = sigmoid(S)
    for threshold in (0.5, 0.8):
        at = threshold if given == "probabilities" else np.log(threshold / (1 - threshold))
        hard = sklearn.f1_score(Y, share > threshold, average=average, zero_division=0)
        gaps = [
            abs(
                said("sigmoid_f1", average=average, input=given, beta=beta, eta=-float(at))
                - (1 - hard)
            )
            for beta in (1.0, 1e2, 1e4, 1e6)
        ]
        assert gaps[-1] < 1e-6
        assert gaps[0] > gaps[-1]


@AVERAGES
@INPUTS
@pytest.mark.parametrize("metric", SCORES)
def test_smooth_metrics(average, given, metric):
    u = S if given == "logits" else sigmoid(S)
    share = sigmoid(4.0 * (u - 0.3))
    with np.errstate(invalid="ignore"):  # 0 / 0, for a row in which nothing is true, is 0
        want = 1 - np.mean(np.nan_to_num([SCORES[metric](*n) for n in counts(share, average)]))
    how = {"average": average, "input": given, "beta": 4.0, "eta": -0.3, "metric": metric}
    assert said("smooth_metric", recall_weight=2.0, **how) == pytest.approx(want)


@pytest.mark.parametrize(
    ("metric", "hard"),
    [
        ("f_beta", lambda y, z: sklearn.fbeta_score(y, z, beta=2)),
        ("precision", sklearn.precision_score),
        ("recall", sklearn.recall_score),
        ("specificity", lambda y, z: sklearn.recall_score(1 - y, 1 - z)),
        ("npv", lambda y, z: sklearn.precision_score(1 - y, 1 - z)),
        ("accuracy", sklearn.accuracy_score),
        ("jaccard", sklearn.jaccard_score),
        ("mcc", sklearn.matthews_corrcoef),
    ],
)
def test_smooth_metrics_are_the_metrics_in_the_limit(metric, hard):
    want = np.mean([hard(Y[:, c], (S[:, c] > 0).astype(float)) for c in range(5)])
    got = said("smooth_metric", metric=metric, beta=1e6, recall_weight=2.0)
    assert got == pytest.approx(1 - want, abs=1e-6)
    pooled = said("smooth_metric", metric=metric, beta=1e6, recall_weight=2.0, average="micro")
    assert pooled == pytest.approx(1 - hard(Y.ravel(), (S > 0).astype(float).ravel()), abs=1e-6)


@AVERAGES
def test_unbounded_f1(average):
    for given, u in (("logits", S), ("probabilities", sigmoid(S))):
        want = 1 - np.mean([f1(*each) for each in counts(u, average)])
        assert said("unbounded_f1", input=given, average=average) == pytest.approx(want)
    assert said("unbounded_f1", average=average) == pytest.approx(
        said("sigmoid_f1", average=average)
    )


def test_unbounded_f1_is_kept_from_dividing_by_nothing():
    s, y = np.array([[-1.0], [0.0]]), np.array([[1.0], [0.0]])  # sum u + sum y = 0
    assert said("unbounded_f1", s, y, input="logits", least=0.5) == pytest.approx(1 + 2 / 0.5)
    below = np.array([[-1.1], [0.0]])
    assert said("unbounded_f1", below, y, input="logits", least=0.5) == pytest.approx(1 - 2.2 / 0.5)


def test_a_class_that_nobody_has_costs_one_and_pulls_nowhere():
    y = Y.copy()
    y[:, 2] = 0
    s = torch.from_numpy(S).requires_grad_()
    loss = build("losses.sigmoid_f1")
    value = loss(s, torch.from_numpy(y))
    value.backward()
    assert (s.grad[:, 2] == 0).all()
    assert (s.grad[:, [0, 1, 3, 4]] != 0).all()
    others = [0, 1, 3, 4]
    rest = loss(torch.from_numpy(S[:, others]), torch.from_numpy(y[:, others])).item()
    assert value.item() == pytest.approx((4 * rest + 1) / 5)


def test_a_large_batch_in_float32():
    """The product of four counts of a million each would be above what float32 can hold."""
    y = torch.zeros(4_000_000, 1)
    y[::2] = 1
    s = torch.where(torch.arange(4_000_000)[:, None] % 4 < 2, 3.0, -3.0)
    loss = build("losses.smooth_metric", metric="mcc", average="micro")
    assert loss(s, y).item() == pytest.approx(1, abs=1e-3)
