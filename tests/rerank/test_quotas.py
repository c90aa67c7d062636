import numpy as np
import pytest
from textbook import agrees, lists, shares, world

from headwater.rerank.quotas import Quotas


@pytest.mark.parametrize("most", [1, 2])
@pytest.mark.parametrize("window", [None, 1, 3, 5])
def test_is_the_rule(most, window):
    data = world()

    def gain_of(row, items, relevance):  # noqa: ARG001
        has = shares(data, items) > 0

        def gain(picked, i):
            last = (
                picked if window is None else picked[len(picked) - min(window - 1, len(picked)) :]
            )
            full = has[last].sum(0) >= most
            return relevance[i] - 10.0 * (has[i] & full).any()

        return gain

    agrees(Quotas(most=most, window=window, k=9), data, gain_of)


def test_quotas_hold_where_they_can():
    data = world(items=40)
    data.catalog.table.replace_column(0, data.catalog.table["genres"].list.head(1))
    queries, slate = lists(data, width=40)
    got = Quotas(most=2, k=6).fit(data)(queries, slate)
    for row in np.flatnonzero(slate.filled.all(1)):
        assert (shares(data, got.items[row, :6]).sum(0) <= 2).all()
