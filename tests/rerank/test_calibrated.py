import numpy as np
import pytest
from textbook import agrees, lists, shares, wanted, world

from headwater.errors import BadParameter, MissingColumn
from headwater.rerank.calibrated import Calibrated


@pytest.mark.parametrize("trade", [0.0, 0.4, 1.0])
def test_is_the_definition(trade):
    data = world()

    def gain_of(row, items, relevance):
        have, p = shares(data, items), wanted(data, row)

        def gain(picked, i):
            q = have[[*picked, i]].sum(0)
            q = q / q.sum() if q.sum() else q
            q = 0.9 * q + 0.1 * p
            off = sum(a * np.log(a / b) for a, b in zip(p, q, strict=True) if a > 0)
            return (1 - trade) * relevance[i] - trade * off

        return gain

    agrees(Calibrated(trade=trade, mix=0.1, k=8), data, gain_of)


def test_who_chose_nothing_gets_the_order_as_it_was():
    from headwater.types import Histories

    data = world()
    _, slate = lists(data)
    nobody = data.newcomers(Histories.empty(len(slate), len(data.items)))
    got = Calibrated().fit(data)(nobody, slate)
    np.testing.assert_array_equal(got.items, slate.items)


def test_mistakes():
    with pytest.raises(BadParameter, match="mix must be above 0"):
        Calibrated(mix=0)
    with pytest.raises(MissingColumn, match="'mood'"):
        Calibrated(by="mood").fit(world())
