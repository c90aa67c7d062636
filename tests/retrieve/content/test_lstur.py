"""LSTUR against its formulas, step by step of the GRU."""

import numpy as np
import pytest
from news_in_numpy import (
    IDLE,
    STRANGER,
    additive,
    batch,
    convolved,
    made,
    nce,
    no_drop,
    scored,
    stepped,
    thinned,
    weights,
    words_of,
)

from headwater.errors import BadParameter
from headwater.registry import build


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def gru(w, past, h):
    for x in past:
        gates = w["gru.weight_ih_l0"] @ x + w["gru.bias_ih_l0"]
        own = w["gru.weight_hh_l0"] @ h + w["gru.bias_hh_l0"]
        r, z = (
            sigmoid(a + b) for a, b in zip(*(np.split(v, 3)[:2] for v in (gates, own)), strict=True)
        )
        new = np.tanh(np.split(gates, 3)[2] + r * np.split(own, 3)[2])
        h = (1 - z) * new + z * h
    return h


def expected(net, asked, combine, hidden=(), drop=no_drop):
    w = weights(net)

    def read(item, _):
        words = words_of(net, w, item)
        codes = [int(getattr(net, part)[item]) for part in ("category", "subcategory")]
        if not len(words) and not any(codes):
            return w["silent"]
        title = np.zeros(5)
        if len(words):
            states = convolved(w, "words.words", words, drop)
            title = additive(w, "words.attention", states)
        topics = [
            w[f"topics.{part}.weight"][code] if code else np.zeros(2)
            for part, code in zip(("category", "subcategory"), codes, strict=True)
        ]
        return np.concatenate([title, *topics])

    def reader(b, past):
        user = int(asked.user[b])
        known = user not in (STRANGER, IDLE) and b not in hidden
        lasting = w["lasting.weight"][user] * known
        if not known and not past:
            return w["newcomer"]
        if combine == "ini":
            return gru(w, past, lasting)
        return np.concatenate([gru(w, past, np.zeros(9 - 4)), lasting])

    return scored(asked, read, reader)


@pytest.mark.parametrize("combine", ["ini", "con"])
@pytest.mark.parametrize("steps", [0, 1, 3])
def test_forward_and_loss(combine, steps):
    asked = batch()
    model = stepped(made("lstur", combine=combine, unknown=0.0), asked, steps)
    want = expected(model.net_, asked, combine)
    got = model.net_(asked).detach().numpy()
    np.testing.assert_allclose(got[~np.isnan(want)], want[~np.isnan(want)], rtol=1e-9, atol=1e-12)
    assert model.loss(model.net_, asked, steps).item() == pytest.approx(nce(want), rel=1e-9)


@pytest.mark.usefixtures("thin", "hidden")
@pytest.mark.parametrize("combine", ["ini", "con"])
@pytest.mark.parametrize("steps", [0, 2])
def test_people_are_hidden_while_training(combine, steps):
    """With chance p their vector is 0, whole; the others' stays as it is, and is not scaled up."""
    asked = batch()
    model = made("lstur", combine=combine, unknown=0.5, dropout=0.5)
    model.net_.train()
    stepped(model, asked, steps)
    want = expected(model.net_, asked, combine, hidden=(0, 3), drop=thinned)
    assert model.loss(model.net_, asked, steps).item() == pytest.approx(nce(want), rel=1e-9)


def test_parameters():
    with pytest.raises(BadParameter, match="combine"):
        build("lstur", combine="sum")
    with pytest.raises(BadParameter, match="unknown must be from 0 to 1"):
        build("lstur", unknown=2.0)
