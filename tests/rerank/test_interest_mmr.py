import numpy as np
import pytest
from textbook import agrees, unit, world

from headwater.rerank.interest_mmr import InterestMMR


@pytest.mark.parametrize("diversity", [0.0, 0.5, 3.0])
@pytest.mark.parametrize("sharpness", [1.0, 6.0])
def test_is_the_definition(diversity, sharpness):
    data = world()
    every = unit(data.catalog.vectors["text"].astype(float))

    def gain_of(row, items, relevance):
        history = data.log.items[data.log.start[row] : data.log.start[row + 1]]
        u = sharpness * unit(every[np.unique(history)].sum(0))
        x = every[items] * u

        def gain(picked, i):
            near = max((1 / (1 + np.exp(-x[i] @ x[j])) for j in picked), default=1)
            return relevance[i] + diversity * (1 - near)

        return gain

    agrees(InterestMMR(diversity=diversity, sharpness=sharpness, by="text", k=6), data, gain_of)


def test_who_chose_nothing_gets_the_order_as_it_was():
    from textbook import lists

    from headwater.types import Histories

    data = world()
    _, slate = lists(data)
    nobody = data.newcomers(Histories.empty(len(slate), len(data.items)))
    got = InterestMMR(by="text").fit(data)(nobody, slate)
    np.testing.assert_array_equal(got.items, slate.items)
