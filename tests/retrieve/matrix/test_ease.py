import numpy as np
import pytest

from headwater.data.toy import blocks
from headwater.errors import BadParameter
from headwater.registry import build
from headwater.retrieve.matrix.ease import regression


@pytest.mark.parametrize("l2", [0.5, 20.0, 500.0])
def test_each_column_is_a_ridge_regression(l2):
    """Column j is the ridge regression of item j on all the others, which least squares solves."""
    data = blocks(users=50, items=14)
    x = data.log.matrix().toarray().astype(np.float64)
    weights = build("ease", l2=l2).fit(data).weights_
    assert (np.diag(weights) == 0).all()
    for j in range(14):
        others = np.delete(np.arange(14), j)
        a = np.vstack([x[:, others], np.sqrt(l2) * np.eye(13)])
        b = np.append(x[:, j], np.zeros(13))
        expected = np.linalg.lstsq(a, b)[0]
        np.testing.assert_allclose(weights[others, j], expected, rtol=1e-4, atol=1e-6)


def test_scores_are_the_product():
    data = blocks()
    model = build("ease", l2=3.0).fit(data)
    asked = data.queries([4, 9])
    expected = data.log.matrix().toarray()[[4, 9]] @ model.weights_
    np.testing.assert_allclose(model.scores(asked), expected, rtol=1e-5)


def test_no_regularisation_is_an_error():
    with pytest.raises(BadParameter, match="l2 must be above 0, got 0"):
        build("ease", l2=0)


def test_blocks_join():
    """More items than a block of the last step holds."""
    rng = np.random.default_rng(0)
    half = rng.normal(size=(600, 600))
    p = half @ half.T + np.eye(600)
    expected = -p / np.diag(p)
    np.fill_diagonal(expected, 0)
    np.testing.assert_allclose(regression(np.tril(p)), expected, rtol=1e-5, atol=1e-7)
