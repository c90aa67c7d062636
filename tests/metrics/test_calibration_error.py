import numpy as np
import pytest

from headwater.errors import BadParameter
from headwater.metrics.calibration_error import CalibrationError
from headwater.testing.metrics import worlds


@pytest.mark.parametrize("bins", [1, 3, 10])
def test_is_the_gap_of_each_bin(bins):
    for seen in worlds():
        pairs = []
        for row in range(len(seen)):
            here = seen.chances[[row]]
            chosen = seen.truth.items[seen.truth.start[row] : seen.truth.start[row + 1]]
            pairs += list(zip(here.data, np.isin(here.indices, chosen), strict=True))
        ours = CalibrationError(bins=bins)(seen)
        if not pairs:
            assert np.isnan(ours)
            continue
        gap = 0.0
        for at in range(bins):
            mine = [(p, y) for p, y in pairs if at / bins <= p < (at + 1) / bins]
            if at == bins - 1:
                mine += [(p, y) for p, y in pairs if p == 1]
            if mine:
                p, y = np.mean(mine, axis=0)
                gap += len(mine) / len(pairs) * abs(p - y)
        assert ours == pytest.approx(gap)


def test_at_least_one_bin():
    with pytest.raises(BadParameter, match="bins must be at least 1"):
        CalibrationError(bins=0)
