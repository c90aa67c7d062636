"""Satisfaction where nobody said why they came."""

from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import pytest

pytest.importorskip("torch")

from headwater.data.toy import visits
from headwater.errors import DataError
from headwater.registry import build
from headwater.satisfaction.marginal import Marginal
from headwater.visits import Intent, Satisfaction


@dataclass(kw_only=True, eq=False)
class Known(Intent):
    """Intents whose chances are given."""

    many: int = 2

    def fit(self, data):  # noqa: ARG002
        return self

    @property
    def intents(self):
        return tuple("abcdefghijklmno"[: self.many])

    def chances(self, sessions):
        plays = sessions.column("num_plays")
        return np.stack([1 / (2 + plays + j) for j in range(self.many)], 1)


@dataclass(kw_only=True, eq=False)
class Counted(Satisfaction):
    """Satisfaction falls with every second intent, so that it matters which they are."""

    target = "overall"

    def learn(self, answers, y):
        pass

    def chances(self, sessions):
        j = np.arange(sessions.intents.shape[1])
        return 1 / (1 + np.exp(sessions.intents @ np.where(j % 2, 1.0, -0.5)))


def silent(data, many):
    n = len(data.sessions)
    names = tuple("abcdefghijklmno"[:many])
    return replace(data.sessions, intents=np.zeros((n, many), bool), intent_names=names)


def test_sum_over_every_set():
    data = visits(50)
    sessions = silent(data, 3)
    q = Known(many=3).chances(sessions)
    want = np.zeros(50)
    for came in product([False, True], repeat=3):
        given = replace(sessions, intents=np.tile(came, (50, 1)))
        want += np.where(came, q, 1 - q).prod(1) * Counted().chances(given)
    model = Marginal(base=Counted(), intent=Known(many=3))
    np.testing.assert_allclose(model.chances(sessions), want)


def test_draws_come_to_the_sum():
    sessions = silent(visits(40), 9)
    q = Known(many=9).chances(sessions)
    exact = np.zeros(40)
    for came in product([False, True], repeat=9):
        given = replace(sessions, intents=np.tile(came, (40, 1)))
        exact += np.where(came, q, 1 - q).prod(1) * Counted().chances(given)
    drawn = Marginal(base=Counted(), intent=Known(many=9), n_draws=4000)
    np.testing.assert_allclose(drawn.chances(sessions), exact, atol=0.02)
    np.testing.assert_array_equal(drawn.chances(sessions), drawn.chances(sessions))


def test_who_said_why_is_believed():
    data = visits(400)
    model = build(
        "satisfaction.marginal",
        base={"model": "satisfaction.logistic", "intents": True},
        intent="intent.behaviour",
    ).fit(data)
    said = data.sessions.intents.any(1)
    assert 0 < said.sum() < 400
    inner = model.base.chances(data.sessions)
    found = model.chances(data.sessions)
    np.testing.assert_array_equal(found[said], inner[said])
    assert np.abs(found[~said] - inner[~said]).max() > 1e-3
    assert model.target == "overall"


def test_other_intents_are_refused():
    data = visits(50)
    with pytest.raises(DataError, match="learned from the intents a, b, c"):
        Marginal(base=Counted(), intent=Known(many=3)).chances(data.sessions)
