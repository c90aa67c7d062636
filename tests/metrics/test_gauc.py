import naive_metrics as naive
import numpy as np
import pytest

from headwater.errors import BadParameter
from headwater.metrics.gauc import GAUC
from headwater.testing.metrics import ranked


def candidates(seen):
    """The items of the pool that each has not chosen before."""
    past = [{item for item, _ in row} for row in naive.rows_of(seen.queries.history)]
    return [[i for i in naive.catalogue(seen) if i not in known] for known in past]


@naive.on_random_worlds
def test_is_the_weighted_mean_of_auc(seen, k):
    scores = np.random.default_rng(k).integers(0, k, (len(seen), seen.truth.n_items))
    seen = ranked(seen, scores)
    each = np.array(naive.auc(seen, scores), float)
    known = ~np.isnan(each)
    weights = {
        "candidates": seen.candidates,
        "chosen": [
            len({i for i in row if i in set(free)})
            for row, free in zip(naive.choices(seen), candidates(seen), strict=True)
        ],
    }
    for weight, w in weights.items():
        w = np.asarray(w, float)[known]
        want = (w * each[known]).sum() / w.sum() if known.any() else np.nan
        naive.agree(GAUC(weight=weight)(seen), want)


def test_weights_that_there_are_not():
    with pytest.raises(BadParameter, match="weight is candidates or chosen"):
        GAUC(weight="users")
