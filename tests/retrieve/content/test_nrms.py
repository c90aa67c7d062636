"""NRMS against its formulas, word by word."""

import numpy as np
import pytest
from news_in_numpy import (
    additive,
    batch,
    heads_of,
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


def expected(net, asked, drop=no_drop):
    w = weights(net)

    def read(item, _):
        words = words_of(net, w, item)
        if not len(words):
            return w["silent"]
        return additive(w, "weigh_words", drop(np.stack(heads_of(w, "words", drop(words), 2))))

    def reader(_, past):
        if not past:
            return w["newcomer"]
        return additive(w, "weigh_clicks", heads_of(w, "clicks", past, 2))

    return scored(asked, read, reader)


@pytest.mark.parametrize("steps", [0, 1, 3])
def test_forward_and_loss(steps):
    asked = batch()
    model = stepped(made("nrms"), asked, steps)
    want = expected(model.net_, asked)
    got = model.net_(asked).detach().numpy()
    np.testing.assert_allclose(got[~np.isnan(want)], want[~np.isnan(want)], rtol=1e-9, atol=1e-12)
    assert model.loss(model.net_, asked, steps).item() == pytest.approx(nce(want), rel=1e-9)


@pytest.mark.usefixtures("thin")
@pytest.mark.parametrize("steps", [0, 2])
def test_dropout_is_of_words_and_of_what_the_heads_find(steps):
    asked = batch()
    model = made("nrms", dropout=0.5)
    model.net_.train()
    want = expected(stepped(model, asked, steps).net_, asked, thinned)
    assert model.loss(model.net_, asked, steps).item() == pytest.approx(nce(want), rel=1e-9)


def test_parameters():
    with pytest.raises(BadParameter, match="heads must be at least 1"):
        build("nrms", heads=0)
