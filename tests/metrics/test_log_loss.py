import numpy as np
from scipy.sparse import csr_array
from sklearn.metrics import log_loss
from small_worlds import small

from headwater.metrics.log_loss import LogLoss
from headwater.testing.metrics import worlds


def test_is_that_of_scikit_learn():
    found = 0
    for seen in worlds():
        ours = LogLoss()(seen)
        for row in range(len(seen)):
            here = seen.chances[[row]]
            if not here.nnz:
                assert np.isnan(ours[row])
                continue
            chosen = seen.truth.items[seen.truth.start[row] : seen.truth.start[row + 1]]
            y = np.isin(here.indices, chosen)
            want = log_loss(y, here.data.clip(1e-7, 1 - 1e-7), labels=[False, True])
            np.testing.assert_allclose(ours[row], want, rtol=1e-9)
            found += 1
    assert found > 50


def test_a_certainty_that_is_wrong_costs_much_but_not_everything():
    seen = small([[0, 1]], [[1]], n_items=2)
    seen = type(seen)(
        seen.queries, seen.slate, seen.truth, seen.data, chances=csr_array([[1.0, 1e-30]])
    )
    np.testing.assert_allclose(LogLoss()(seen), -np.log(1e-7), rtol=1e-6)
