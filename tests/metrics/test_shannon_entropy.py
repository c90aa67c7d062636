import math

import naive_metrics as naive
import numpy as np
import pytest
from scipy.stats import entropy
from small_worlds import small

from headwater.errors import BadParameter
from headwater.metrics.shannon_entropy import ShannonEntropy


@naive.on_random_worlds
def test_is_scipys(seen, k):
    counts = naive.exposure(seen, k)
    expected = entropy(counts, base=2) if sum(counts) else naive.none
    naive.agree(ShannonEntropy(k=k)(seen), expected)
    most = math.log2(len(counts)) if len(counts) > 1 else naive.none
    naive.agree(ShannonEntropy(k=k, normalise=True)(seen), expected / most)


def test_by_hand():
    four = small([[0, 1], [2, 3]], [[], []], n_items=8)
    assert ShannonEntropy()(four) == 2
    assert ShannonEntropy(k=1)(four) == 1
    np.testing.assert_allclose(ShannonEntropy(normalise=True)(four), 2 / 3)
    pooled = small([[0, 1], [2, 3]], [[], []], pool=[0, 1, 2, 3])
    np.testing.assert_allclose(ShannonEntropy(normalise=True)(pooled), 1)
    assert ShannonEntropy()(small([[3], [3]], [[], []])) == 0
    assert np.isnan(ShannonEntropy()(small([[]], [[]])))
    one = small([[0]], [[]], n_items=1)
    assert ShannonEntropy()(one) == 0
    assert np.isnan(ShannonEntropy(normalise=True)(one))


def test_k_is_positive():
    with pytest.raises(BadParameter, match="k must be at least 1, got 0"):
        ShannonEntropy(k=0)
