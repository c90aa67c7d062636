import naive_metrics as naive
import numpy as np
import pytest
from small_worlds import small

from headwater.errors import BadParameter, MissingColumn
from headwater.metrics.category_coverage import CategoryCoverage


@naive.on_random_worlds
def test_is_the_definition(seen, k):
    have = naive.genres(seen)
    every = set().union(*have)
    lists = [set().union(*(have[i] for i in row)) for row in naive.shown(seen, k)]
    n = len(every)
    whole = len(set().union(*lists)) / n if n and len(seen) else naive.none
    naive.agree(CategoryCoverage(k=k)(seen), whole)
    alone = [len(each) / n if n else naive.none for each in lists]
    naive.agree(CategoryCoverage(k=k, over="lists")(seen), alone)


def test_by_hand():
    """Two genres, of the even and of the odd items."""
    seen = small([[0, 2], [4, 1], []], [[], [], []])
    assert CategoryCoverage(k=2)(seen) == 1
    assert CategoryCoverage(k=1)(seen) == 0.5
    np.testing.assert_array_equal(CategoryCoverage(k=2, over="lists")(seen), [0.5, 1, 0])


def test_mistakes():
    with pytest.raises(BadParameter, match="over is requests or lists; got 'all'"):
        CategoryCoverage(over="all")
    with pytest.raises(MissingColumn, match="'mood'"):
        CategoryCoverage(by="mood")(small([[1]], [[1]]))
