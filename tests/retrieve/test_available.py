from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from headwater.artifact import load, save
from headwater.data.toy import blocks
from headwater.errors import DataError
from headwater.registry import build
from headwater.types import Catalog

TREE = {"model": "available", "first": {"model": "fallback", "first": "ease", "then": "popularity"}}


def without(data, gone):
    column = pl.Series("removed", np.isin(np.arange(len(data.items)), gone))
    return replace(data, catalog=Catalog(data.catalog.table.with_columns(column)))


def test_what_is_gone_is_learned_from_and_never_recommended(tmp_path):
    data = blocks()
    plain = build(TREE).fit(data)
    assert not plain.gone_.any()
    best = plain.recommend(data.queries(), 3).items
    gone = np.unique(best[:, 0])
    model = build(TREE).fit(without(data, gone))
    folder = save(model, tmp_path / "m", without(data, gone))
    for made in (model, load(folder).model):
        slate = made.recommend(data.queries(), 40)
        assert not np.isin(slate.items, gone).any()
        np.testing.assert_array_equal(  # the same model otherwise: nothing was forgotten
            made.first.first.weights_, plain.first.first.weights_
        )
    pool = np.zeros(len(data.items), bool)
    pool[:20] = True
    asked = replace(data.queries(), pool=pool)
    listed = model.recommend(asked, 20).items
    assert set(listed[listed >= 0]) <= set(range(20)) - set(gone.tolist())


def test_a_column_of_something_else():
    data = blocks()
    with pytest.raises(DataError, match="yes or no"):
        build({"model": "available", "first": "ease", "by": "topic"}).fit(data)
