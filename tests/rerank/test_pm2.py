import numpy as np
import pytest
from textbook import agrees, shares, wanted, world

from headwater.rerank.pm2 import PM2


@pytest.mark.parametrize("trade", [0.2, 0.5, 1.0])
def test_is_the_election(trade):
    data = world()

    def gain_of(row, items, relevance):
        meets, v = (shares(data, items) > 0) * relevance[:, None], wanted(data, row)

        def gain(picked, i):
            seats = np.zeros(len(v))
            for j in picked:
                if meets[j].sum() > 0:
                    seats += meets[j] / meets[j].sum()
            quotient = v / (2 * seats + 1)
            first = quotient.argmax()
            others = sum(quotient[a] * meets[i, a] for a in range(len(v)) if a != first)
            own = quotient[first] * meets[i, first]
            return trade * own + (1 - trade) * others

        return gain

    agrees(PM2(trade=trade, k=8), data, gain_of)
