from dataclasses import replace

import naive_metrics as naive
import numpy as np
import pytest
from small_worlds import small

from headwater.errors import DataError
from headwater.metrics.auc import AUC
from headwater.testing.metrics import ranked


@naive.on_random_worlds
def test_is_the_share_of_pairs_in_order(seen, k):
    scores = np.random.default_rng(k).integers(0, k, (len(seen), seen.truth.n_items))
    naive.agree(AUC()(ranked(seen, scores)), naive.auc(seen, scores))


def test_by_hand():
    seen = small([[]] * 5, [[0, 2, 2], [0], [3], [0, 1, 2, 3], []], n_items=4)
    scores = np.array([[9, 1, 5, 7], [1, 1, 1, 1], [1, 2, 3, 0], [1, 2, 3, 0], [1, 2, 3, 0]])
    np.testing.assert_allclose(AUC()(ranked(seen, scores)), [3 / 4, 1 / 2, 0, np.nan, np.nan])


def test_only_candidates_count():
    seen = small([[]] * 3, [[0, 1], [0], [3]], n_items=4, past=[[0], [0], []], pool=[0, 1, 2])
    scores = np.array([[0, 5, 3, 9], [5, 1, 1, 1], [1, 1, 1, 1]])
    np.testing.assert_allclose(AUC()(ranked(seen, scores)), [1, np.nan, np.nan])


def test_needs_ranks():
    seen = small([[1]], [[1]])
    with pytest.raises(DataError, match="AUC needs the column 'ranks'"):
        AUC()(seen)
    with pytest.raises(DataError, match="AUC needs the column 'candidates'"):
        AUC()(replace(seen, ranks=np.ones(1)))
