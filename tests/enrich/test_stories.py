import random
import time

import numpy as np
import pytest

from headwater.enrich import stories as module
from headwater.enrich._communities import communities
from headwater.enrich.stories import Stories
from headwater.errors import BadParameter, DataError

pytest.importorskip("sklearn")
nx = pytest.importorskip("networkx")
DAY = 86_400


def news(n, seed=0, days=12):
    """Made-up articles, some of which retell others."""
    rng = np.random.default_rng(seed)
    chance = 1 / np.arange(1, 401)
    chance /= chance.sum()
    texts, when, kinds = [], [], []
    while len(texts) < n:
        base, start, kind = rng.choice(400, 30, p=chance), rng.uniform(0, days), rng.integers(3)
        for _ in range(rng.integers(1, 6)):
            said = np.where(rng.random(30) < 0.35, rng.choice(400, 30, p=chance), base)
            texts.append(" ".join(f"w{i}" for i in said))
            when.append(int((start + rng.uniform(0, 5)) * DAY))
            kinds.append(f"kind{kind}")
    ids = [f"n{i}" for i in rng.permutation(len(texts))]
    return texts[:n], ids[:n], when[:n], kinds[:n]


def pairs_by_hand(texts, when, kinds, least, days):
    """Every pair, in dense numpy, with TF-IDF written out."""
    words = sorted({word for text in texts for word in text.split()})
    column = {word: i for i, word in enumerate(words)}
    count = np.zeros((len(texts), len(words)))
    for i, text in enumerate(texts):
        for word in text.split():
            count[i, column[word]] += 1
    x = count * (np.log((1 + len(texts)) / (1 + (count > 0).sum(0))) + 1)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    cosine = x @ x.T
    day = np.array(when) // DAY
    near = np.abs(day[:, None] - day) <= days
    same = np.array([[a == b for b in kinds] for a in kinds])
    i, j = np.nonzero((cosine >= least) & near & same)
    return {(a, b): cosine[a, b] for a, b in zip(i, j, strict=True) if a < b}


@pytest.mark.parametrize(("least", "days"), [(0.5, 3), (0.35, 0), (0.9, 20)])
def test_links_are_all_pairs(least, days, monkeypatch):
    texts, _, when, kinds = news(300)
    order = np.argsort(when, kind="stable")
    texts, when, kinds = ([each[i] for i in order] for each in (texts, when, kinds))
    expected = pairs_by_hand(texts, when, kinds, least, days)
    assert len(expected) > 20 or least == 0.9
    model = Stories(least=least, days=days)
    found = {(i, j): s for i, j, s in model.links(texts, np.array(when), kinds)}
    assert set(found) == set(expected)
    assert all(found[pair] == pytest.approx(expected[pair], abs=1e-9) for pair in expected)
    monkeypatch.setattr(module, "ROWS", 7)  # in blocks that do not come out even
    monkeypatch.setattr(module, "COLUMNS", 11)
    monkeypatch.setattr(module, "DENSE", 3)
    again = {(i, j): s for i, j, s in model.links(texts, np.array(when), kinds)}
    assert again == found


def test_any_order_of_rows_gives_the_same():
    texts, ids, when, kinds = news(200, seed=1)
    expected = Stories().chains(texts, ids=ids, published=when, categories=kinds)
    chain = dict(zip(ids, expected, strict=True))
    assert 50 < len(set(expected)) < 190
    for seed in range(3):
        rows = random.Random(seed).sample(range(200), 200)
        args = [[each[i] for i in rows] for each in (texts, ids, when, kinds)]
        again = Stories().chains(args[0], ids=args[1], published=args[2], categories=args[3])
        assert dict(zip(args[1], again, strict=True)) == chain


def test_a_story_is_called_by_its_first_article():
    texts, ids, when, kinds = news(200, seed=2)
    found = Stories().chains(texts, ids=ids, published=when, categories=kinds)
    for story in set(found):
        members = [i for i, each in enumerate(found) if each == story]
        assert story == ids[min(members, key=lambda i: (when[i], ids[i]))]
        assert len({kinds[i] for i in members}) == 1


def test_by_hand():
    flood = "flood in the quiet valley"
    texts = [flood, flood, flood, flood, "a goal at last", "", flood]
    ids = ["b", "a", "c", "d", "e", "f", "g"]
    when = [0, 0, 3 * DAY, 8 * DAY, 0, 0, None]
    # a and b say the same at once, c three days later; d too late, g at nobody knows when
    assert Stories().chains(texts, ids=ids, published=when) == ["a", "a", "a", "d", "e", "f", "g"]
    kinds = ["x", "y", "x", "x", "x", "x", "x"]
    by_kind = Stories().chains(texts, ids=ids, published=when, categories=kinds)
    assert by_kind == ["b", "a", "b", "d", "e", "f", "g"]
    unknown = Stories().chains([flood] * 2, ids=["a", "b"], published=[0, 0], categories=[None] * 2)
    assert unknown == ["a", "a"]
    assert Stories(days=2).chains(texts[:3], ids=ids[:3], published=when[:3]) == ["a", "a", "c"]
    late = Stories().chains([flood] * 2, ids=["a", "b"], published=[-1, 3 * DAY - 1])
    assert late == ["a", "a"]  # days begin before 1970, too
    assert Stories().chains([], ids=[], published=[]) == []
    assert Stories().chains(["", "!"], ids=["a", "b"], published=[0, 0]) == ["a", "b"]


def test_communities_are_those_of_the_whole_graph():
    """Rings of cliques: the parts of the graph alone, and together as networkx finds them."""
    rng = np.random.default_rng(0)
    links = []
    for start in range(0, 90, 30):
        for clique in range(start, start + 30, 5):
            links += [(clique + i, clique + j, 1.0) for i in range(5) for j in range(i + 1, 5)]
        links += [(c, c + 5, 0.6) for c in range(start, start + 25, 5)]
    found = communities(95, [links[i] for i in rng.permutation(len(links))], seed=0)
    graph = nx.Graph()
    graph.add_nodes_from(range(95))
    graph.add_weighted_edges_from(links)
    whole = nx.community.louvain_communities(graph, seed=0)
    assert sorted(found) == sorted(map(sorted, whole))
    assert found[-5:] == [[90], [91], [92], [93], [94]]


def test_more_pairs_than_memory_has_room_for(monkeypatch):
    """Of many texts from one template nearly all are linked, and their pairs are squares."""
    monkeypatch.setattr(module, "MOST", 20 * 19)
    given = {"published": [0] * 40, "categories": ["a"] * 20 + ["b"] * 20}
    ids = [f"n{i:02d}" for i in range(40)]
    assert set(Stories().chains(["rain in the south"] * 40, ids=ids, **given)) == {"n00", "n20"}
    monkeypatch.setattr(module, "MOST", 20 * 19 - 1)
    with pytest.raises(DataError, match=r"more than 379 pairs are alike by 0.5.* raise least"):
        Stories().chains(["rain in the south"] * 40, ids=ids, **given)


def test_bad_input():
    with pytest.raises(DataError, match="2 texts with 1 ids, 2 times and 2 categories"):
        Stories().chains(["a", "b"], ids=["a"], published=[0, 0])
    many = [str(i) for i in range(50_000)]
    started = time.perf_counter()
    with pytest.raises(DataError, match="two articles have the id '7'"):
        Stories().chains([""] * 50_001, ids=[*many, "7"], published=[None] * 50_001)
    assert time.perf_counter() - started < 5
    with pytest.raises(DataError, match="two articles have the id 'a'"):
        Stories().chains(["a", "b"], ids=["a", "a"], published=[0, 0])
    with pytest.raises(BadParameter, match="least"):
        Stories(least=0)
    with pytest.raises(BadParameter, match="days"):
        Stories(days=-1)
