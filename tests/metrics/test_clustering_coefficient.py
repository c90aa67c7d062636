from dataclasses import replace
from itertools import combinations

import naive_metrics as naive
import numpy as np
import polars as pl
import pytest
from small_worlds import small

from headwater.metrics.clustering_coefficient import ClusteringCoefficient
from headwater.types import Catalog

networkx = pytest.importorskip("networkx")


def graph(seen, items):
    genres = seen.data.catalog.table["genres"].to_list()
    found = networkx.Graph()
    found.add_nodes_from(range(len(items)))
    for i, j in combinations(range(len(items)), 2):
        if set(genres[items[i]] or []) & set(genres[items[j]] or []):
            found.add_edge(i, j)
    return found


@naive.on_random_worlds
def test_is_the_transitivity_of_the_list(seen, k):
    want = []
    for items in naive.shown(seen, k):
        found = graph(seen, items)
        meets = any(degree > 1 for _, degree in found.degree)
        want.append(networkx.transitivity(found) if meets else np.nan)
    naive.agree(ClusteringCoefficient(k=k)(seen), want)


def test_by_hand():
    """All alike; a chain, whose ends are not linked; nothing in common."""
    genres = [["a"], ["a"], ["a"], ["b"], ["b", "c"], ["c"], ["d"], []]
    seen = small([[0, 1, 2], [3, 4, 5], [0, 3, 6], [7, 0, 1]], [[0]] * 4, n_items=8)
    catalog = Catalog(pl.DataFrame({"genres": genres}))
    seen = replace(seen, data=replace(seen.data, catalog=catalog))
    np.testing.assert_array_equal(ClusteringCoefficient(k=3)(seen), [1, 0, np.nan, np.nan])
