from dataclasses import replace

import naive_metrics as naive
import numpy as np
import polars as pl
import pytest
from small_worlds import small

from headwater.errors import BadParameter, MissingColumn
from headwater.metrics import intra_list_distance
from headwater.metrics.intra_list_distance import IntraListDistance
from headwater.testing.metrics import evidence
from headwater.types import Catalog


@pytest.mark.parametrize("by", ["genres", "topic"])
@pytest.mark.parametrize(
    ("distance", "between"), [("jaccard", naive.jaccard), ("cosine", naive.cosine_of_sets)]
)
def test_is_the_definition_for_sets(by, distance, between):
    @naive.on_random_worlds
    def check(seen, k):
        ours = IntraListDistance(k=k, by=by, distance=distance)(seen)
        naive.agree(ours, naive.distance(seen, k, naive.kinds(seen, by), between))

    check()


@naive.on_random_worlds
def test_is_the_definition_for_vectors(seen, k):
    vectors = seen.data.catalog.vectors["text"].tolist()
    ours = IntraListDistance(k=k, by="text")(seen)
    naive.agree(ours, naive.distance(seen, k, vectors, naive.cosine))


def films(slates, genres, vectors=None):
    seen = small(slates, [[] for _ in slates], n_items=len(genres))
    table = pl.DataFrame({"genres": genres}, schema={"genres": pl.List(pl.String)})
    return replace(seen, data=replace(seen.data, catalog=Catalog(table, vectors or {})))


def test_by_hand():
    genres = [["a", "b"], ["b"], ["c"], [], None, ["b", "a", "a"]]
    slates = [[0, 1, 2], [0, 5], [0, 3, 4, 2], [0, 3], []]
    seen = films(slates, genres)
    jaccard = IntraListDistance(distance="jaccard")(seen)
    np.testing.assert_allclose(jaccard, [(1 / 2 + 1 + 1) / 3, 0, 1, np.nan, np.nan])
    cosine = IntraListDistance()(seen)
    first = (1 - np.sqrt(1 / 2) + 1 + 1) / 3
    np.testing.assert_allclose(cosine, [first, 0, 1, np.nan, np.nan], atol=1e-15)
    assert np.isnan(IntraListDistance(k=1)(seen)).all()


def test_opposite_vectors_are_at_2():
    vectors = {"text": np.array([[1, 0], [-3, 0], [0, 5], [0, 0]], np.float32)}
    seen = films([[0, 1], [0, 2], [3, 0, 1], [3, 0]], [[]] * 4, vectors)
    np.testing.assert_allclose(IntraListDistance(by="text")(seen), [2, 1, 2, np.nan])


@pytest.mark.parametrize("distance", ["cosine", "jaccard"])
def test_chunks_change_nothing(monkeypatch, distance):
    seen = evidence(3, requests=50)
    whole = IntraListDistance(distance=distance)(seen)
    monkeypatch.setattr(intra_list_distance, "CELLS", 3 * 8 * 8)
    np.testing.assert_allclose(IntraListDistance(distance=distance)(seen), whole, rtol=1e-12)


def test_says_what_is_wrong():
    seen = evidence()
    with pytest.raises(MissingColumn, match="no column 'actors' in the catalogue; it has: title,"):
        IntraListDistance(by="actors")(seen)
    with pytest.raises(BadParameter, match="'text' is a vector; take distance='cosine'"):
        IntraListDistance(by="text", distance="jaccard")(seen)
    with pytest.raises(BadParameter, match="cosine or jaccard; got 'euclid'"):
        IntraListDistance(distance="euclid")
    with pytest.raises(BadParameter, match="k must be at least 1, got 0"):
        IntraListDistance(k=0)
