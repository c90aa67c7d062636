"""Multilabel metrics against scikit-learn and sums written out."""

import numpy as np
import pytest

sklearn = pytest.importorskip("sklearn.metrics")
from hypothesis import given  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from hypothesis.extra.numpy import arrays  # noqa: E402

from headwater.errors import BadParameter  # noqa: E402
from headwater.evaluation import multilabel  # noqa: E402

SHAPES = st.tuples(st.integers(1, 8), st.integers(2, 5))


@given(st.data())
def test_is_scikit_learn(data):
    shape = data.draw(SHAPES)
    y, said = (data.draw(arrays(bool, shape)) for _ in range(2))
    scores = data.draw(arrays(float, shape, elements=st.integers(0, 5).map(lambda i: i / 5)))
    found = multilabel(y, said, scores)
    for average in ("micro", "macro", "weighted", "samples"):
        for name in ("f1", "precision", "recall"):
            want = getattr(sklearn, f"{name}_score")(y, said, average=average, zero_division=0)
            assert found[f"{name}_{average}"] == pytest.approx(want)
    assert found["hamming_loss"] == pytest.approx((y != said).mean())
    assert found["subset_accuracy"] == pytest.approx(sklearn.accuracy_score(y, said))
    has = np.flatnonzero(y.any(0))
    if not len(has):
        assert np.isnan(found["average_precision"])
        return
    each = [sklearn.average_precision_score(y[:, c], scores[:, c]) for c in has]
    assert found["average_precision"] == pytest.approx(np.mean(each))
    weighted = np.average(each, weights=y.sum(0)[has])
    assert found["average_precision_weighted"] == pytest.approx(weighted)
    assert found["average_precision_interpolated"] >= found["average_precision"] - 1e-12


def test_the_names_are_those_of_the_averages():
    """A frequent class that is right and a rare one that is wrong: pooled high, mean low."""
    y = np.zeros((100, 2), bool)
    y[:50, 0], y[:2, 1] = True, True
    said = y.copy()
    said[:, 1] = False
    found = multilabel(y, said)
    assert found["f1_macro"] == pytest.approx(0.5)
    assert found["f1_micro"] == pytest.approx(100 / 102)
    assert found["f1_weighted"] == pytest.approx(50 / 52)
    assert "average_precision" not in found


def test_interpolated_precision_by_hand():
    """Right, wrong, wrong, right, right: precisions 1, 2/4, 3/5, of which 2/4 becomes 3/5."""
    y = np.array([[1, 0, 0, 1, 1], [0, 0, 0, 0, 1]], bool).T
    scores = np.array([[0.9, 0.8, 0.7, 0.6, 0.5], [0, 0, 0, 0, 1]]).T
    found = multilabel(y, scores > 0.55, scores)
    assert found["average_precision"] == pytest.approx(((1 + 2 / 4 + 3 / 5) / 3 + 1) / 2)
    assert found["average_precision_interpolated"] == pytest.approx(((1 + 6 / 5) / 3 + 1) / 2)


def test_mistakes():
    y = np.ones((3, 2), bool)
    with pytest.raises(BadParameter, match=r"one shape \(n, C\)"):
        multilabel(y, y[:2])
    with pytest.raises(BadParameter, match=r"one shape"):
        multilabel(y, y, np.ones((3, 3)))
    with pytest.raises(BadParameter, match=r"one shape"):
        multilabel(y[:, 0], y[:, 0])
