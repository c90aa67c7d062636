import numpy as np
import pytest
from textbook import agrees, lists, unit, world

from headwater.errors import BadParameter, MissingColumn
from headwater.rerank.mmr import MMR


@pytest.mark.parametrize("trade", [0.0, 0.3, 0.7, 1.0])
@pytest.mark.parametrize("k", [1, 5, 30])
def test_is_the_definition(trade, k):
    data = world()

    def gain_of(row, items, relevance):  # noqa: ARG001
        x = unit(data.catalog.vectors["text"][items].astype(float))

        def gain(picked, i):
            near = max((x[i] @ x[j] for j in picked), default=0)
            return trade * relevance[i] - (1 - trade) * near

        return gain

    agrees(MMR(trade=trade, by="text", k=k), data, gain_of)


def test_without_features_by_who_chose_them():
    """Two groups of people: the second pick is of the other group, as no column tells."""
    data = world(users=60, items=40)
    queries, slate = lists(data)
    stage = MMR(trade=0.0, k=5, size=8).fit(data)
    assert stage.vectors_.shape == (40, 8)
    got = stage(queries, slate)
    near = stage.vectors_ @ stage.vectors_.T
    full = slate.filled.all(1)
    first, second = got.items[full, 0], got.items[full, 1]
    best = np.array([near[f, row].min() for f, row in zip(first, slate.items[full], strict=True)])
    np.testing.assert_allclose(near[first, second], best, atol=1e-6)


def test_mistakes():
    with pytest.raises(BadParameter, match="trade must be from 0 to 1"):
        MMR(trade=1.5)
    with pytest.raises(MissingColumn, match="'mood'"):
        MMR(by="mood").fit(world())


@pytest.mark.parametrize("name", ["mmr", "dpp", "xquad", "calibrated"])
def test_scores_of_minus_infinity_come_last(name):
    from headwater.registry import build
    from headwater.types import Slate

    data = world()
    queries = data.queries([0])
    never = np.array([[1.0, 0.5, -np.inf, -np.inf]], np.float32)
    got = build(name, k=4).fit(data)(queries, Slate(np.array([[3, 8, 5, 1]], np.int32), never))
    assert set(got.items[0, :2].tolist()) == {3, 8}
    assert set(got.items[0, 2:].tolist()) == {5, 1}
