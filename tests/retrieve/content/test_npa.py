"""NPA against its formulas: every person reads with weights of their own."""

import numpy as np
import pytest
from news_in_numpy import (
    IDLE,
    STRANGER,
    batch,
    convolved,
    made,
    nce,
    no_drop,
    scored,
    softmax,
    stepped,
    thinned,
    weights,
    words_of,
)

from headwater.registry import build
from headwater.retrieve.content import npa


def expected(net, asked, hidden=(), drop=no_drop):
    w = weights(net)

    def asks(name, b):
        user = int(asked.user[b])
        known = user not in (STRANGER, IDLE) and b not in hidden
        e = w["person.weight"][user + 1 if known else 0]
        q = np.maximum(w[f"{name}.0.weight"] @ e + w[f"{name}.0.bias"], 0)
        return np.tanh(w[f"{name}.2.weight"] @ q + w[f"{name}.2.bias"])

    def read(item, b):
        words = words_of(net, w, item)
        if not len(words):
            return w["silent"]
        states = np.stack(convolved(w, "words", words, drop))
        return softmax(states @ asks("ask_words", b)) @ states

    def reader(b, past):
        if not past:
            return w["newcomer"]
        x = np.stack(past)
        return softmax(x @ asks("ask_news", b)) @ x

    return scored(asked, read, reader)


@pytest.mark.parametrize("steps", [0, 1, 3])
def test_forward_and_loss(steps):
    asked = batch()
    model = stepped(made("npa"), asked, steps)
    want = expected(model.net_, asked)
    got = model.net_(asked).detach().numpy()
    np.testing.assert_allclose(got[~np.isnan(want)], want[~np.isnan(want)], rtol=1e-9, atol=1e-12)
    assert model.loss(model.net_, asked, steps).item() == pytest.approx(nce(want), rel=1e-9)


@pytest.mark.usefixtures("thin", "hidden")
@pytest.mark.parametrize("steps", [0, 2])
def test_people_are_hidden_while_training(steps):
    asked = batch()
    model = made("npa", unknown=0.5, dropout=0.5)
    model.net_.train()
    want = expected(stepped(model, asked, steps).net_, asked, hidden=(0, 3), drop=thinned)
    assert model.loss(model.net_, asked, steps).item() == pytest.approx(nce(want), rel=1e-9)


def test_a_catalogue_in_parts_that_are_not_kept(monkeypatch):
    """As one whose words' states are kept, and at once."""
    from news_in_numpy import small

    model, asked = made("npa"), small().queries()
    whole = model.scores(asked)
    assert model.net_.states is not None
    monkeypatch.setattr(npa, "KEPT", 0)
    monkeypatch.setattr(npa, "ITEMS", 2)
    model.net_.train()
    np.testing.assert_allclose(model.scores(asked), whole, rtol=1e-6)
    assert model.net_.states is None


def test_parameters():
    assert repr(build("npa", unknown=0.0))
