import naive_metrics as naive
import numpy as np
import pytest
from small_worlds import small

from headwater.errors import BadParameter
from headwater.metrics.value_recall import ValueRecall


@naive.on_random_worlds
def test_is_the_definition(seen, k):
    want = []
    for row, chosen in zip(naive.shown(seen, k), naive.choices(seen), strict=True):
        worth = {item: max(value, 0) for item, value in chosen.items()}
        whole = sum(worth.values())
        want.append(sum(worth.get(i, 0) for i in row) / whole if whole else naive.none)
    np.testing.assert_allclose(ValueRecall(k=k)(seen), want, rtol=1e-6)


def test_by_hand():
    seen = small([[1, 2], [3], [4]], [[1, 5], [9], []], values=[[30, 90], [5], []])
    np.testing.assert_allclose(ValueRecall()(seen), [0.25, 0, np.nan])


def test_k_is_positive():
    with pytest.raises(BadParameter, match="k must be at least 1, got 0"):
        ValueRecall(k=0)
