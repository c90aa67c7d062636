"""What every stage must do, as plain functions: each takes an unfitted stage and asserts.

from headwater.testing import stages
for check in stages.CHECKS:
    check(MyStage(k=10))
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
from ..data.requests import drawn
from ..data.split import split
from ..data.toy import blocks, histories, world
from ..errors import NotFitted
from ..flow import Flow
from ..model import Model, Stage
from ..registry import build, describe
from ..types import PAD, Dataset, Histories, Impressions, Queries, Slate
from ._chance import no_global_chance
from .recommenders import fitted, learns, people, same_histories

__all__ = ["CHECKS"]


def check_is_stage(stage: Any) -> None:
    assert isinstance(stage, Model)
    assert isinstance(stage, Stage)


def check_same_candidates(stage: Any) -> None:
    """Nothing is lost, nothing comes twice, empty slots are last, every column moves along."""
    data = asked_world()
    queries, slate = candidates(data)
    got = fitted(stage, data)(queries, slate)
    assert got.items.shape == slate.items.shape
    assert got.creative is not None
    assert got.path is not None
    for row in range(len(slate)):
        items = got.items[row][got.filled[row]]
        n = len(items)
        assert (got.items[row, n:] == PAD).all(), "a hole in the slate"
        assert sorted(items.tolist()) == sorted(slate.items[row][slate.filled[row]].tolist())
        assert np.isfinite(got.scores[row, :n]).all()
        assert np.isneginf(got.scores[row, n:]).all()
        if not getattr(stage, "chooses_pictures", False):
            np.testing.assert_array_equal(got.creative[row, :n], items + 1)
        np.testing.assert_array_equal(got.path[row, :n], items % 2)


def check_batch_is_rows(stage: Any) -> None:
    """A batch of requests gets what each of them gets alone, however wide the batch is."""
    data = asked_world()
    trained = fitted(stage, data)
    queries, slate = candidates(data)
    whole = trained(queries, slate)
    for i in range(len(queries)):
        same_lists(trained(queries[i : i + 1], slate[[i]]), whole[[i]])
        n = int(slate.filled[i].sum())
        if n:
            narrow = trained(queries[i : i + 1], slate[[i]].top(n))
            np.testing.assert_array_equal(narrow.items[0], whole.items[i, :n])


def check_same_seed_same_stage(stage: Any) -> None:
    """The same parameters and data give the same answers; a second fit forgets the first."""
    data, other = asked_world(seed=1), asked_world(seed=2)
    again = stage.fresh()
    again.fit(other)
    again.fit(data)
    queries, slate = candidates(data)
    same_lists(fitted(stage, data)(queries, slate), again(queries, slate))


def check_leaves_global_randomness(stage: Any) -> None:
    data = asked_world()
    with no_global_chance():
        fitted(stage, data)(*candidates(data))


def check_newcomers(stage: Any) -> None:
    """Who did nothing yet, and a user nobody has seen, get all that there is."""
    data = asked_world()
    trained = fitted(stage, data)
    _, slate = candidates(data)
    nobody = data.newcomers(Histories.empty(len(slate), len(data.items)))
    got = trained(nobody, slate)
    np.testing.assert_array_equal(np.sort(got.items), np.sort(slate.items))


def check_inputs_unchanged(stage: Any) -> None:
    data = asked_world()
    queries, slate = candidates(data)
    before = copy.deepcopy((data.log, queries.history, slate, describe(stage)))
    fitted(stage, data)(queries, slate)
    same_histories(before[0], data.log)
    same_histories(before[1], queries.history)
    for name in ("items", "scores", "creative", "path"):
        np.testing.assert_array_equal(getattr(before[2], name), getattr(slate, name))
    assert before[3] == describe(stage)


def check_not_fitted(stage: Any) -> None:
    if not learns(stage):
        return
    fresh = stage.fresh()
    assert not fresh.fitted
    said = ""
    try:
        fresh(*candidates(asked_world()))
    except NotFitted as error:
        said = str(error)
    assert "call fit" in said, "an unfitted stage must raise NotFitted, which says what to do"


def check_tree(stage: Any) -> None:
    """`describe` and `build` are each other's inverse."""
    again = build(describe(stage))
    assert describe(again) == describe(stage)
    assert repr(again) == repr(stage)


def check_saves_in_a_flow(stage: Any) -> None:
    """Behind any recommender; saved and loaded, the same lists."""
    data = asked_world()
    flow = fitted(Flow(retrieve=build("itemknn", k=20), stages=(stage.fresh(),), width=25), data)
    asked = people(data)
    first = flow.recommend(asked, 10)
    assert first.items.shape == (len(asked), 10)
    with TemporaryDirectory() as folder:
        save(flow, Path(folder) / "flow", data)
        found = load(Path(folder) / "flow", mapped=True)
    again = found.model.recommend(asked, 10)
    same_lists(again, first)


def check_tiny(stage: Any) -> None:
    """One user, one item, one event; no candidates; no requests."""
    data = world(histories([(0, 0)], n_rows=1, n_items=1))
    slate = Slate(np.zeros((1, 1), np.int32), np.zeros((1, 1), np.float32))
    data = replace(
        data, impressions=Impressions(data.queries(), slate, np.ones((1, 1), np.float32))
    )
    trained = fitted(stage, data)
    asked = data.queries()
    one = trained(asked, Slate(np.zeros((1, 1), np.int32), np.ones((1, 1), np.float32)))
    assert one.items.tolist() == [[0]]
    empty = Slate(np.full((1, 3), PAD, np.int32), np.full((1, 3), -np.inf, np.float32))
    assert (trained(asked, empty).items == PAD).all()
    nobody = trained(data.queries([]), empty[[]])
    assert nobody.items.shape == (0, 3)
    none = trained(asked, empty.top(0))
    assert none.items.shape == (1, 0)


CHECKS: tuple[Callable[[Any], None], ...] = (
    check_is_stage,
    check_same_candidates,
    check_batch_is_rows,
    check_same_seed_same_stage,
    check_leaves_global_randomness,
    check_newcomers,
    check_inputs_unchanged,
    check_not_fitted,
    check_tree,
    check_saves_in_a_flow,
    check_tiny,
)
"""What holds for every stage that orders candidates."""


def asked_world(seed: int = 0) -> Dataset:
    """`blocks`, and from everybody a request in which what they chose is among other items."""
    data = blocks(seed=seed)
    part = split(data, "random_per_user", seed=seed)
    return replace(part.train, impressions=drawn(part, k=10, seed=seed))


def candidates(data: Dataset, *, width: int = 12, seed: int = 0) -> tuple[Queries, Slate]:
    """Requests of known users and newcomers, each with candidates; the last ones have few, or none.

    An item's picture is its number and one, its path whether it is odd.
    """
    queries = people(data)
    rng = np.random.default_rng(seed)
    b = len(queries)
    items = np.array([rng.permutation(len(data.items))[:width] for _ in range(b)], np.int32)
    scores = -np.sort(-rng.random(items.shape).astype(np.float32), axis=1)
    for row, size in zip(range(b - 4, b), (5, 2, 1, 0), strict=True):
        items[row, size:] = PAD
        scores[row, size:] = -np.inf
    filled = items != PAD
    slate = Slate(items, scores, path=np.where(filled, items % 2, PAD).astype(np.int8))
    return queries, replace(
        slate, creative=np.where(filled, items + 1, PAD).astype(np.int32), paths=("even", "odd")
    )


def same_lists(one: Slate, other: Slate) -> None:
    np.testing.assert_array_equal(one.items, other.items)
    np.testing.assert_allclose(one.scores, other.scores, rtol=1e-5)
