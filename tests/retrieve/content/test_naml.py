"""NAML against its formulas, view by view."""

import json
from dataclasses import replace

import numpy as np
import pytest
from news_in_numpy import (
    additive,
    batch,
    convolved,
    made,
    nce,
    no_drop,
    scored,
    small,
    stepped,
    thinned,
    weights,
    words_of,
)

from headwater.errors import BadParameter
from headwater.registry import build
from headwater.types import Catalog


def expected(net, asked, drop=no_drop):
    w = weights(net)

    def read(item, _):
        views = []
        for part in ("title", "body"):
            words = words_of(net, w, item, part)
            if len(words):
                states = convolved(w, f"views.{part}.words", words, drop)
                views.append(additive(w, f"views.{part}.attention", states))
        for part in ("category", "subcategory"):
            code = int(getattr(net, part)[item])
            if code:
                e = w[f"views.{part}.0.weight"][code]
                dense = w[f"views.{part}.1.weight"] @ e + w[f"views.{part}.1.bias"]
                views.append(np.maximum(dense, 0))
        return additive(w, "weigh_views", views) if views else w["silent"]

    def reader(_, past):
        return additive(w, "weigh_clicks", past) if past else w["newcomer"]

    return scored(asked, read, reader)


@pytest.mark.parametrize("steps", [0, 1, 3])
def test_forward_and_loss(steps):
    asked = batch()
    model = stepped(made("naml"), asked, steps)
    want = expected(model.net_, asked)
    got = model.net_(asked).detach().numpy()
    np.testing.assert_allclose(got[~np.isnan(want)], want[~np.isnan(want)], rtol=1e-9, atol=1e-12)
    assert model.loss(model.net_, asked, steps).item() == pytest.approx(nce(want), rel=1e-9)


@pytest.mark.usefixtures("thin")
@pytest.mark.parametrize("steps", [0, 2])
def test_dropout_is_of_words_and_of_their_states(steps):
    asked = batch()
    model = made("naml", dropout=0.5)
    model.net_.train()
    want = expected(stepped(model, asked, steps).net_, asked, thinned)
    assert model.loss(model.net_, asked, steps).item() == pytest.approx(nce(want), rel=1e-9)


def test_it_reads_what_there_is():
    """The columns that it found are among what it learned."""
    read = json.loads(made("naml").contents_)
    assert {part: each["column"] for part, each in read.items()} == {
        "title": "title",
        "body": "abstract",
        "category": "category",
        "subcategory": "subcategory",
    }
    data = small()
    table = data.catalog.table.drop("subcategory", "category").rename({"abstract": "text"})
    read = json.loads(made("naml", replace(data, catalog=Catalog(table))).contents_)
    assert {part: each["column"] for part, each in read.items()} == {
        "title": "title",
        "body": "text",
    }


def test_parameters():
    with pytest.raises(BadParameter, match="window must be odd, got 2"):
        build("naml", window=2)
