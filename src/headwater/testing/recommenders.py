"""What every recommender must do, as plain functions: each takes an unfitted method and asserts.

from headwater.testing import recommenders
for check in recommenders.CHECKS:
    check(MyMethod(embedding_size=8))
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from ..artifact import load, save
from ..data.toy import blocks, checkers, histories, world
from ..errors import NotFitted
from ..model import Model, Recommender
from ..registry import build, describe
from ..types import PAD, Dataset, Histories, Queries, Slate
from ._chance import no_global_chance

__all__ = ["CHECKS", "check_learns_checkers", "check_relabelling"]


def check_is_recommender(model: Any) -> None:
    assert isinstance(model, Model)
    assert isinstance(model, Recommender)


def check_learns_checkers(model: Any) -> None:
    """Of a checkerboard with one square hidden in each row, the hidden one comes first."""
    data, asked = checkers(12)
    best = fitted(model, data).recommend(asked, 1)
    np.testing.assert_array_equal(best.items.ravel(), np.arange(12))


def check_batch_is_rows(model: Any) -> None:
    """A batch of requests gets what each of them gets alone."""
    data = blocks()
    trained = fitted(model, data)
    asked = people(data)
    whole = trained.recommend(asked, 7)
    alone = [trained.recommend(asked[i : i + 1], 7) for i in range(len(asked))]
    for i, one in enumerate(alone):
        same_slate(one, whole, i)


def check_same_seed_same_model(model: Any) -> None:
    """The same parameters and data give the same answers; a second fit forgets the first."""
    data, other = blocks(seed=1), blocks(seed=2)
    first = fitted(model, data)
    again = model.fresh()
    again.fit(other)
    again.fit(data)
    asked = people(data)
    same_slate(first.recommend(asked, 10), again.recommend(asked, 10))


def check_leaves_global_randomness(model: Any) -> None:
    data = blocks()
    with no_global_chance():
        fitted(model, data).recommend(people(data), 5)


def check_newcomers(model: Any) -> None:
    """An empty history, and a user nobody has seen, get a full slate of finite scores."""
    data = blocks()
    trained = fitted(model, data)
    nobody = data.newcomers(Histories.empty(3, len(data.items)))
    slate = trained.recommend(nobody, 10)
    assert slate.filled.all()
    assert np.isfinite(slate.scores).all()
    three = data.newcomers(data.log[[0, 1]].where(data.log[[0, 1]].recency <= 3))
    slate = trained.recommend(three, 10)
    assert slate.filled.all()
    assert np.isfinite(slate.scores).all()


def check_masks(model: Any) -> None:
    """Never what is in the history, never outside the pool, no repeats, best first, PAD last."""
    data = blocks()
    trained = fitted(model, data)
    n = len(data.items)
    pool = np.zeros(n, bool)
    pool[: n // 3] = True
    for asked in (people(data), replace(people(data), pool=pool)):
        slate = trained.recommend(asked, n)
        seen = asked.history.matrix().toarray() > 0
        for row, items in enumerate(slate.items):
            got = items[items != PAD]
            assert len(set(got.tolist())) == len(got), "an item twice in one slate"
            assert not seen[row, got].any(), "an item of the history"
            assert asked.pool is None or pool[got].all(), "an item outside the pool"
            assert (items[len(got) :] == PAD).all(), "a hole in the slate"
            wanted = (~seen[row] & (pool if asked.pool is not None else True)).sum()
            assert len(got) == wanted, f"{len(got)} items where {wanted} can be recommended"
        assert np.isneginf(slate.scores[~slate.filled]).all()
    again = trained.recommend(people(data), n, filter_seen=False)
    assert again.filled.all()


def check_score(model: Any) -> None:
    """What it says of some items alone is what it says of them among all."""
    if not hasattr(model, "scores"):
        return
    data = blocks()
    trained = fitted(model, data)
    asked = people(data)
    some = np.random.default_rng(0).integers(-1, len(data.items), (len(asked), 7))
    want = np.take_along_axis(trained.scores(asked), np.maximum(some, 0), 1)
    want = np.where(some == PAD, -np.inf, want)
    np.testing.assert_allclose(trained.score(asked, some), want, rtol=1e-4, atol=1e-5)


def check_k(model: Any) -> None:
    """The first k of more are the k."""
    data = blocks()
    trained = fitted(model, data)
    asked = people(data)
    longer = trained.recommend(asked, 20)
    shorter = trained.recommend(asked, 5)
    np.testing.assert_array_equal(longer.items[:, :5], shorter.items)


def check_inputs_unchanged(model: Any) -> None:
    data = blocks()
    before = copy.deepcopy((data.log, describe(model)))
    asked = people(data)
    past = copy.deepcopy(asked.history)
    fitted(model, data).recommend(asked, 5)
    same_histories(before[0], data.log)
    same_histories(past, asked.history)
    assert before[1] == describe(model)


def check_not_fitted(model: Any) -> None:
    data = blocks()
    if not learns(model):
        return
    fresh = model.fresh()
    assert not fresh.fitted
    said = ""
    try:
        fresh.recommend(people(data), 3)
    except NotFitted as error:
        said = str(error)
    assert "call fit" in said, "an unfitted model must raise NotFitted, which says what to do"


def check_tree(model: Any) -> None:
    """`describe` and `build` are each other's inverse."""
    again = build(describe(model))
    assert describe(again) == describe(model)
    assert repr(again) == repr(model)


def check_saves(model: Any) -> None:
    """Saved and loaded, the same answers and the same parameters."""
    data = blocks()
    trained = fitted(model, data)
    asked = people(data)
    with TemporaryDirectory() as folder:
        save(trained, Path(folder) / "model", data)
        found = load(Path(folder) / "model", mapped=True)
    assert repr(found.model) == repr(trained)
    same_slate(found.model.recommend(asked, 10), trained.recommend(asked, 10))
    assert found.data is not None
    same_histories(found.data.log, data.log)


def check_tiny(model: Any) -> None:
    """One user, one item, one event: no crash, no NaN."""
    data = world(histories([(0, 0)], n_rows=1, n_items=1))
    slate = fitted(model, data).recommend(data.queries(), 3, filter_seen=False)
    assert slate.items.tolist() == [[0]]
    assert not np.isnan(slate.scores).any()
    assert (fitted(model, data).recommend(data.queries(), 3).items == PAD).all()


def check_no_requests(model: Any) -> None:
    data = blocks()
    slate = fitted(model, data).recommend(data.queries([]), 4)
    assert slate.items.shape == (0, 4)


def check_relabelling(model: Any) -> None:
    """With the items numbered otherwise, the same items are recommended (no ties, no chance)."""
    data = blocks()
    n = len(data.items)
    new = np.random.default_rng(5).permutation(n).astype(np.int32)
    renamed = replace(data, log=replace(data.log, items=new[data.log.items]))
    one = fitted(model, data).scores(data.queries())
    two = fitted(model, renamed).scores(renamed.queries())
    np.testing.assert_allclose(two[:, new], one, rtol=2e-3, atol=1e-5)


CHECKS: tuple[Callable[[Any], None], ...] = (
    check_is_recommender,
    check_batch_is_rows,
    check_same_seed_same_model,
    check_leaves_global_randomness,
    check_newcomers,
    check_masks,
    check_score,
    check_k,
    check_inputs_unchanged,
    check_not_fitted,
    check_tree,
    check_saves,
    check_tiny,
    check_no_requests,
)
"""What holds for every recommender. Those that learn from who chose what also pass
`check_learns_checkers`; scorers without chance in them also pass `check_relabelling`."""


def fitted(model: Any, data: Dataset) -> Any:
    """A copy of ``model``, its parts too, fitted on ``data``."""
    return model.fresh().fit(data)


def people(data: Dataset) -> Queries:
    """Known users and newcomers, with histories of all lengths down to none."""
    known = data.queries(np.arange(8))
    short = data.log[np.arange(8, 16)]
    short = short.where(short.recency <= np.arange(8).repeat(short.lengths))
    new = data.newcomers(short)
    h = known.history
    both = replace(
        h,
        start=np.concatenate([h.start, h.start[-1] + short.start[1:]]),
        items=np.concatenate([h.items, short.items]),
        times=np.concatenate([h.times, short.times]),
        values=np.concatenate([h.values, short.values]),
    )
    now = np.concatenate([known.now, new.now])
    return Queries(both, np.concatenate([known.user, new.user]), now)


def learns(model: Model) -> bool:
    from dataclasses import fields

    own = any(f.metadata.get("learned") for f in fields(model))
    return own or any(learns(part) for part in model.parts())


def same_slate(one: Slate, other: Slate, row: int | None = None) -> None:
    """The same scores; the same items, but for the order of those whose scores are equal."""
    items = other.items if row is None else other.items[row : row + 1]
    scores = other.scores if row is None else other.scores[row : row + 1]
    np.testing.assert_allclose(one.scores, scores, rtol=1e-4, atol=1e-5)
    differ = one.items != items
    gap = np.abs(np.diff(scores, axis=1, append=-np.inf))
    near = np.isclose(gap, 0, atol=2e-5)
    beside = near | np.roll(near, 1, 1)
    assert not (differ & ~beside).any(), f"{one.items}\n{items}"


def same_histories(one: Histories, other: Histories) -> None:
    for name in ("start", "items", "times", "values"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
