import numpy as np
import pytest
from textbook import agrees, unit, world

from headwater.rerank.gsp import GSP


@pytest.mark.parametrize("size", [4, 20])
def test_is_the_distance_from_the_span(size):
    data = world(size=size)

    def gain_of(row, items, relevance):  # noqa: ARG001
        x = unit(data.catalog.vectors["text"][items].astype(float))

        def gain(picked, i):
            if not picked:
                return relevance[i]
            span = x[picked].T
            rest = x[i] - span @ np.linalg.lstsq(span, x[i], rcond=1e-9)[0]
            length = np.linalg.norm(rest)
            return relevance[i] + 0.9 * (length if length > 1e-5 else 0)

        return gain

    agrees(GSP(gamma=0.9, by="text", k=min(size, 9)), data, gain_of)
