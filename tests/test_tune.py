import pytest

from headwater.data.split import split
from headwater.data.toy import blocks
from headwater.errors import BadParameter, UnknownName
from headwater.registry import build, metric
from headwater.tune import Search, searches, tune

pytest.importorskip("optuna")


@pytest.fixture(scope="module")
def part():
    return split(blocks(users=200), "random_per_user", seed=0)


def watched(monkeypatch):
    """Every split that the search measures on, in order."""
    seen = []
    from headwater import tune as tuning

    measure = tuning.measure

    def spy(model, where, metrics):
        seen.append(where)
        return measure(model, where, metrics)

    monkeypatch.setattr(tuning, "measure", spy)
    return seen


def test_the_test_part_is_looked_at_only_at_the_end(part, monkeypatch):
    seen = watched(monkeypatch)
    tune(build("ease"), part, metric("ndcg@5"), trials=4)
    assert all(where is part.validation for where in seen[:4])
    assert [where is part for where in seen[4:]] == [True, True]


def test_more_is_better_or_less_is_better(part):
    """The best of the trials by its own direction: the most NDCG, the least popularity."""
    space = {"k": Search.parse("1..60", whole=True)}
    most = tune(build("itemknn"), part, metric("ndcg@5"), space=space, trials=8)
    assert most.validation == most.trials["value"].max()
    from headwater.registry import addresses, load_class

    low = [w for w in addresses("metrics.") if load_class(w).best == "low"]
    assert low, "no metric says that less is better"
    name = next(w for w in low if "predicted" not in getattr(load_class(w), "needs", ()))
    least = tune(build("itemknn"), part, build(name), space=space, trials=8)
    assert least.validation == least.trials["value"].min()
    assert least.trials["value"].n_unique() > 1


def test_never_below_what_was_given(part):
    given = build("ease", l2=3.0)
    best = tune(given, part, metric("ndcg@5"), trials=3)
    assert best.trials["l2"][0] == 3.0
    assert best.validation >= best.trials["value"][0]
    assert best.parameters == {"l2": best.model.l2}


def test_same_seed_same_search(part):
    runs = [tune(build("ease"), part, metric("ndcg@5"), trials=4, seed=7) for _ in range(2)]
    assert runs[0].trials.equals(runs[1].trials)


def test_parts_of_a_flow(part):
    flow = build({"model": "fallback", "first": "ease", "then": "popularity"})
    space = {"first.l2": Search.parse("1..100 log")}
    found = tune(flow, part, metric("ndcg@5"), space=space, trials=2)
    assert found.model.first.l2 == found.parameters["first.l2"]


def test_mistakes(part):
    with pytest.raises(UnknownName, match="did you mean 'l2'"):
        tune(build("ease"), part, metric("ndcg@5"), space={"l3": Search(low=1, high=2)})
    with pytest.raises(BadParameter, match="not a target"):
        tune(build("ease"), part, lambda seen: seen.wanted)
    with pytest.raises(BadParameter, match="trials must be at least 1"):
        tune(build("ease"), part, metric("ndcg@5"), trials=0)
    with pytest.raises(BadParameter, match="no parameter to tune"):
        tune(build("random"), part, metric("ndcg@5"))
    with pytest.raises(BadParameter, match="l2 must be above 0, got -5"):
        tune(build("ease"), part, metric("ndcg@5"), space={"l2": Search(low=-5, high=5)})
    with pytest.raises(BadParameter, match="is no range"):
        Search.parse("5..1")


def test_default_searches():
    found = searches(build("itemknn"))
    assert found["similarity_by"].choices == ("cosine", "jaccard", "tfidf", "bm25")
    assert found["k"].whole
    assert "seed" not in searches(build("random"))
