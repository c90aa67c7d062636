import numpy as np
import pytest
from textbook import agrees, lists, shares, wanted, world

from headwater.rerank.xquad import XQuAD


@pytest.mark.parametrize("trade", [0.0, 0.5, 1.0])
def test_is_the_definition(trade):
    data = world()

    def gain_of(row, items, relevance):
        has, p = shares(data, items) > 0, wanted(data, row)

        def gain(picked, i):
            new = 0
            for a in range(len(p)):
                unmet = np.prod([1 - relevance[j] * has[j, a] for j in picked])
                new += p[a] * relevance[i] * has[i, a] * unmet
            return (1 - trade) * relevance[i] + trade * new

        return gain

    agrees(XQuAD(trade=trade, k=8), data, gain_of)


@pytest.mark.parametrize("name", ["xquad", "pm2"])
def test_of_what_is_equally_good_the_kinds_decide(name):
    from headwater.registry import build

    data = world()
    queries, slate = lists(data)
    slate.scores[slate.filled] = 1
    got = build(name).fit(data)(queries, slate)
    assert (got.items != slate.items).any(1).sum() > 4
