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

    judge = tuning.judge

    def spy(model, where, metric):
        seen.append(where)
        return judge(model, where, metric)

    monkeypatch.setattr(tuning, "judge", spy)
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
    fewest = build("metrics.popularity_bias")
    assert fewest.best == "low"
    least = tune(build("itemknn"), part, fewest, space=space, trials=8)
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


def test_a_search_goes_on_as_if_it_had_never_stopped(part, tmp_path):
    """Interrupted in its fourth trial; and asked for six at once: the same trials."""
    space = {"l2": Search.parse("1..1000 log")}
    file = tmp_path / "studies" / "ease.log"
    asked = {"space": space, "seed": 3, "study": file}

    def interrupt(*told):
        if told[1] == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tune(build("ease"), part, metric("ndcg@5"), trials=6, progress=interrupt, **asked)
    told = []
    late = tune(
        build("ease"),
        part,
        metric("ndcg@5"),
        trials=6,
        progress=lambda *what: told.append(what[1]),
        **asked,
    )
    assert told == [4, 5, 6], "the first three are not made again"
    whole = tune(build("ease"), part, metric("ndcg@5"), space=space, trials=6, seed=3)
    assert late.trials.equals(whole.trials)
    fewer = tune(build("ease"), part, metric("ndcg@5"), trials=2, **asked)
    assert fewer.trials.equals(whole.trials.head(2))
    assert fewer.validation == fewer.trials["value"].max()
    assert fewer.parameters["l2"] in fewer.trials["l2"].to_list()
    other = tune(build("ease"), part, metric("ndcg@10"), trials=1, **asked)
    assert other.trials.height == 1, "another search in the same file"


def test_each_trial_stops_early(part):
    """How a neural method trains is searched too; what is far behind is given up."""
    pytest.importorskip("torch")
    from headwater.evaluation import EarlyStopping

    model = build(
        "multvae", hidden_size=20, embedding_size=5, how={"n_epochs": 15, "batch_size": 50}
    )
    found = searches(model)
    assert found["how.batch_size"].whole
    assert "how.learning_rate" in found
    assert not {"how.n_epochs", "how.device", "how.seed"} & set(found)
    best = tune(
        model,
        part,
        metric("ndcg@5"),
        space={"how.learning_rate": Search.parse("0.000001..0.01 log")},
        trials=9,
        early_stopping=EarlyStopping(metric="NDCG@5", patience=20),
    )
    trials = best.trials
    assert trials["epoch"].is_between(1, 15).all()
    assert trials["value"].null_count() > 0, "none was given up"
    assert best.validation == trials["value"].max()
    assert best.model.how.learning_rate == best.parameters["how.learning_rate"]


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


def test_default_searches_are_possible():
    """Of every method that has something to search: both ends of each range can be built."""
    from headwater.model import Scorer
    from headwater.registry import addresses, describe, load_class
    from headwater.tune import _chosen

    for where in addresses("retrieve.matrix."):
        model = build(where)
        assert issubclass(load_class(where), Scorer)
        found = searches(model)
        if found:
            assert _chosen(model, describe(model), None)
        if "dropout" in found:
            assert 0 < found["dropout"].low < 0.5 < found["dropout"].high < 1
    assert searches(build("recfusion_unet1d"))["noise_steps"].ends() == (2, 12)


def test_what_diverges_is_given_up(part):
    """And the search goes on; all by itself it would draw the same again."""
    pytest.importorskip("torch")
    model = build("multvae", hidden_size=8, embedding_size=4, how={"n_epochs": 2})
    space = {"how.learning_rate": Search.parse("0.001..1e32 log")}
    best = tune(model, part, metric("ndcg@5"), space=space, trials=6)
    assert best.trials["value"].null_count() > 0
    assert best.trials["given up"].str.contains("the loss is nan").any()
    assert best.parameters["how.learning_rate"] < 1e6


def test_default_searches():
    found = searches(build("itemknn"))
    assert found["similarity_by"].choices == ("cosine", "jaccard", "tfidf", "bm25")
    assert found["k"].whole
    assert "seed" not in searches(build("random"))
