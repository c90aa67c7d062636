import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from headwater.data.toy import blocks
from headwater.errors import BadParameter, DataError, NotFitted
from headwater.model import Scorer, top
from headwater.registry import build

VALUES = st.sampled_from([-np.inf, -1.0, 0.0, 0.5, 1.0, 2.0])


@given(arrays(np.float32, array_shapes(min_dims=2, max_dims=2, max_side=12), elements=VALUES))
def test_top_is_a_stable_sort(scores):
    for k in range(1, scores.shape[1] + 2):
        expected = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        np.testing.assert_array_equal(top(scores, k), expected)


@pytest.mark.parametrize("n", [129, 640, 3000])
def test_top_of_many(n):
    """With noise, with few levels, with rows of one level, with little that can be chosen, with
    hardly anything but zeros."""
    rng = np.random.default_rng(n)
    noise = rng.normal(size=(40, n)).astype(np.float32)
    levels = np.round(noise * 2)
    flat = np.zeros_like(noise)
    rare = np.where(rng.random((40, n)) < 0.005, noise, -np.inf).astype(np.float32)
    zeros = np.where(rng.random((40, n)) < 0.02, noise, 0).astype(np.float32)
    zeros[:, ::9] = -np.inf
    mixed = np.concatenate([noise[:10], levels[:10], flat[:10], rare[:10], zeros[:10]])
    for scores in (noise, levels, flat, rare, zeros, mixed):
        for k in (1, 3, 10, 50, n - 1, n):
            expected = np.argsort(-scores, axis=1, kind="stable")[:, :k]
            np.testing.assert_array_equal(top(scores, k), expected)


def test_top_of_what_is_nearly_all_equal():
    """Few above the level, more than asked for above it, and the level only far behind."""
    rng = np.random.default_rng(0)
    scores = np.zeros((4, 30_000), np.float32)
    for row, above in enumerate((0, 7, 2_000)):
        scores[row, rng.choice(30_000, above, replace=False)] = rng.integers(1, 4, above)
    scores[3, :20_000] = -np.inf
    for k in (1, 12, 40):
        expected = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        np.testing.assert_array_equal(top(scores, k), expected)


@pytest.mark.parametrize("kind", [np.int64, np.int8, np.uint8, bool])
def test_top_of_whole_numbers(kind):
    scores = np.stack([np.arange(640)[::-1] % 100, np.arange(640) % 40, np.zeros(640)]).astype(kind)
    for k in (2, 12, 640):
        expected = np.argsort(-scores.astype(float), axis=1, kind="stable")[:, :k]
        np.testing.assert_array_equal(top(scores, k), expected)


@pytest.mark.parametrize("filter_seen", [True, False])
def test_scores_may_be_whole_numbers(filter_seen):
    class Whole(Scorer):
        def scores(self, queries):
            return np.tile(np.arange(queries.history.n_items), (len(queries), 1))

    data = blocks()
    slate = Whole().recommend(data.queries([0]), 3, filter_seen=filter_seen)
    free = np.setdiff1d(np.arange(60), data.log[[0]].items if filter_seen else [])
    assert slate.items[0].tolist() == free[::-1][:3].tolist()


def test_unfitted_says_what_to_do():
    with pytest.raises(NotFitted, match=r"EASE has no weights_ yet: call fit\(data\) first"):
        build("ease").scores(blocks().queries())
    with pytest.raises(AttributeError, match="has no attribute 'weight'"):
        _ = build("ease").weight


@pytest.mark.parametrize(
    ("wrong", "said"), [(np.full((1, 60), np.nan), "NaN"), (np.zeros((1, 3)), r"shape \(1, 3\)")]
)
def test_wrong_scores_are_an_error(wrong, said):
    class Wrong(Scorer):
        def scores(self, _queries):
            return wrong

    with pytest.raises(DataError, match=f"Wrong.scores gave {said}"):
        Wrong().recommend(blocks().queries([0]), 2)


def test_k_must_be_positive():
    data = blocks()
    with pytest.raises(BadParameter, match="k must be at least 1, got 0"):
        build("ease").fit(data).recommend(data.queries([0]), 0)


def test_requests_are_scored_in_bounded_parts(monkeypatch):
    data = blocks()
    model = build("ease").fit(data)
    whole = model.recommend(data.queries(), 5)
    sizes = []
    scores = type(model).scores

    def watched(self, queries):
        sizes.append(len(queries))
        return scores(self, queries)

    monkeypatch.setattr(type(model), "scores", watched)
    monkeypatch.setattr("headwater.model.CELLS", 600)
    np.testing.assert_array_equal(model.recommend(data.queries(), 5).items, whole.items)
    assert max(sizes) == 10


def test_a_property_that_looks_at_what_is_not_learned_says_so():
    model = build("satisfaction.logistic")
    with pytest.raises(NotFitted, match="no names_ yet"):
        _ = model.columns
