import naive_metrics as naive
import numpy as np
import pytest
from small_worlds import small

from headwater.errors import BadParameter
from headwater.metrics.catalog_coverage import CatalogCoverage


@naive.on_random_worlds
def test_is_the_definition(seen, k):
    naive.agree(CatalogCoverage(k=k)(seen), naive.coverage(seen, k))


def test_by_hand():
    asked = [[0, 1, 5], [1], []], [[], [], []]
    assert CatalogCoverage(k=3)(small(*asked)) == 3 / 10
    assert CatalogCoverage(k=2)(small(*asked)) == 2 / 10
    assert CatalogCoverage(k=3)(small(*asked, pool=[1, 2, 3, 4])) == 1 / 4
    assert CatalogCoverage()(small([[]], [[]])) == 0
    assert np.isnan(CatalogCoverage()(small([], [])))
    assert np.isnan(CatalogCoverage()(small([[]], [[]], pool=[])))


def test_k_is_positive():
    with pytest.raises(BadParameter, match="k must be at least 1, got 0"):
        CatalogCoverage(k=0)
