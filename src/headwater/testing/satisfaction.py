"""What every model of satisfaction must do, as plain functions: each takes an unfitted model.

from headwater.testing import satisfaction
for check in satisfaction.CHECKS:
    check(MyModel())
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from ..artifact import load, save
from ..data.toy import visits
from ..errors import DataError, NotFitted
from ..registry import describe
from ..types import Dataset, Sessions
from ..visits import Satisfaction
from ._chance import no_global_chance

__all__ = ["CHECKS"]


def check_says_chances(model: Any) -> None:
    """One for each session, from 0 to 1; none for no session."""
    assert isinstance(model, Satisfaction)
    data = visits(120)
    trained = model.fresh().fit(data)
    found = trained.chances(asked(data))
    assert found.shape == (120,)
    assert ((found >= 0) & (found <= 1)).all()
    assert trained.chances(asked(data)[:0]).shape == (0,)


def check_learns(model: Any) -> None:
    """Who plays much and searches little is taken to be more satisfied, as the toy has it."""
    data = visits(600, slopes=(1.2, -1.2))
    found = model.fresh().fit(data).chances(asked(data))
    plays, searches = (asked(data).column(name) for name in ("num_plays", "num_searches"))
    assert found[plays > searches + 1].mean() > found[plays < searches - 1].mean() + 0.1


def check_answers_are_not_looked_at(model: Any) -> None:
    data = visits(120)
    trained = model.fresh().fit(data)
    sessions = asked(data)
    silent = replace(sessions, satisfaction=np.zeros(len(sessions), np.int8))
    np.testing.assert_array_equal(trained.chances(sessions), trained.chances(silent))


def check_sessions_one_by_one(model: Any) -> None:
    """A session's chance does not depend on which are asked for with it."""
    data = visits(120)
    trained = model.fresh().fit(data)
    sessions = asked(data)[:12]
    each = [trained.chances(sessions[i : i + 1]) for i in range(12)]
    np.testing.assert_allclose(trained.chances(sessions), np.concatenate(each), atol=1e-6)


def check_same_data_same_model(model: Any) -> None:
    """The same parameters and data give the same chances; a second fit forgets the first."""
    data, other = visits(120, seed=1), visits(120, seed=2)
    again = model.fresh()
    again.fit(other)
    again.fit(data)
    first = model.fresh().fit(data).chances(asked(data))
    np.testing.assert_array_equal(first, again.chances(asked(data)))


def check_unanswered_are_not_learned_from(model: Any) -> None:
    data, more = visits(120), visits(240)
    sessions = asked(more)
    keep = np.where(np.arange(240) < 120, sessions.satisfaction, 0).astype(np.int8)
    some = replace(more, sessions=replace(sessions, satisfaction=keep))
    alone = replace(more, sessions=sessions[:120])
    a, b = (model.fresh().fit(each).chances(asked(data)) for each in (some, alone))
    np.testing.assert_allclose(a, b, atol=1e-6)


def check_inputs_unchanged(model: Any) -> None:
    data = visits(120)
    before = copy.deepcopy((asked(data).behaviours, asked(data).intents, describe(model)))
    model.fresh().fit(data).chances(asked(data))
    np.testing.assert_array_equal(before[0], asked(data).behaviours)
    np.testing.assert_array_equal(before[1], asked(data).intents)
    assert before[2] == describe(model)


def check_leaves_global_randomness(model: Any) -> None:
    data = visits(120)
    with no_global_chance():
        model.fresh().fit(data).chances(asked(data))


def check_saved_and_loaded(model: Any) -> None:
    data = visits(120)
    trained = model.fresh().fit(data)
    with TemporaryDirectory() as folder:
        again = load(save(trained, f"{folder}/m", data))
    assert again.data is not None
    assert describe(again.model) == describe(trained)
    kept: Any = again.model
    np.testing.assert_array_equal(kept.chances(asked(again.data)), trained.chances(asked(data)))


def check_errors(model: Any) -> None:
    data = visits(120)
    refuses(NotFitted, lambda: model.fresh().chances(asked(data)))
    refuses(DataError, lambda: model.fresh().fit(replace(data, sessions=None)))
    same = np.full(120, 5, np.int8)
    alike = replace(data, sessions=replace(asked(data), satisfaction=same))
    refuses(DataError, lambda: model.fresh().fit(alike))
    trained = model.fresh().fit(data)
    names = ("plays", *asked(data).names[1:])
    refuses(DataError, lambda: trained.chances(replace(asked(data), names=names)))


def refuses(error: type[Exception], what: Callable[[], Any]) -> None:
    try:
        what()
    except error:
        return
    raise AssertionError(f"should have raised {error.__name__}")


def asked(data: Dataset) -> Sessions:
    assert data.sessions is not None
    return data.sessions


CHECKS: tuple[Callable[[Any], None], ...] = tuple(
    check for name, check in list(globals().items()) if name.startswith("check_")
)
