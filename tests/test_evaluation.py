"""Against the definitions written out, and against scipy."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from headwater.data.split import RandomPerUser, Split, Temporal, splits
from headwater.data.toy import blocks, world
from headwater.errors import BadParameter, DataError, UnknownName
from headwater.evaluation import (
    DEFAULT,
    Comparison,
    Evaluation,
    Run,
    Sampled,
    _asking,
    compare,
    evaluate,
    holm,
    measure,
)
from headwater.evaluation._asking import collect
from headwater.evaluation._statistics import bootstrap, interval, paired_p
from headwater.metrics.auc import AUC
from headwater.metrics.catalog_coverage import CatalogCoverage
from headwater.metrics.hit import Hit
from headwater.metrics.ndcg import NDCG
from headwater.metrics.rmse import RMSE
from headwater.model import Scorer, learned
from headwater.retrieve.fallback import Fallback
from headwater.retrieve.matrix.ease import EASE
from headwater.retrieve.matrix.mf import MF
from headwater.retrieve.matrix.popularity import Popularity
from headwater.types import PAD, Histories, Queries, Slate


@dataclass(kw_only=True, eq=False)
class Fixed(Scorer):
    """Scores that were given, by the number of the user; counts how often it was asked."""

    predicts_values: ClassVar[bool] = True
    table: np.ndarray
    asked: int = 0

    def fit(self, data):  # noqa: ARG002
        return self

    def scores(self, queries):
        self.asked += len(queries)
        return self.table[queries.user]


@dataclass(kw_only=True)
class Lister:
    """A recommender that is no scorer: it only gives the lists of one."""

    scorer: Scorer
    shorter: int = 0

    def recommend(self, queries, k, *, filter_seen=True):
        slate = self.scorer.recommend(queries, k, filter_seen=filter_seen)
        return slate.top(max(slate.items.shape[1] - self.shorter, 1))


@dataclass(frozen=True, kw_only=True)
class Everything:
    """Keeps the evidence that it is shown."""

    needs: ClassVar[tuple[str, ...]] = ("ranks", "candidates", "predicted")
    k: int = 3

    def __call__(self, seen):
        return np.zeros(len(seen))


def made_split(histories, truths, n_items, pool=None):
    """A split with these items for each request, whose users are all in training."""
    b = len(histories)

    def rows(lists):
        row = np.repeat(np.arange(b), [len(each) for each in lists]).astype(int)
        items = np.array([i for each in lists for i in each], int)
        values = 1 + np.arange(len(row)) % 5
        return Histories.of(row, items, n_rows=b, n_items=n_items, values=values)

    data = world(rows(histories))
    asked = Queries(data.log, np.arange(b, dtype=np.int32), np.zeros(b, np.int64), pool)
    return Split(train=data, queries=asked, truth=rows(truths), users=data.users.values)


@st.composite
def asked(draw):
    """A split and scores with many ties and some -inf."""
    n = draw(st.integers(1, 8))
    b = draw(st.integers(1, 6))
    histories, truths = [], []
    for _ in range(b):
        role = draw(st.lists(st.sampled_from("htf"), min_size=n, max_size=n))
        histories.append([i for i in range(n) if role[i] == "h"])
        truth = [i for i in range(n) if role[i] == "t"]
        truths.append(truth + truth[: draw(st.integers(0, 1))])
    pool = draw(st.none() | st.lists(st.booleans(), min_size=n, max_size=n).map(np.array))
    score = st.sampled_from([0.0, 1.0, 2.0, -np.inf])
    table = draw(st.lists(st.lists(score, min_size=n, max_size=n), min_size=b, max_size=b))
    return made_split(histories, truths, n, pool), np.array(table, np.float32)


def naive(split, table):
    """Candidates of each request, and rank of each held-out event, by counting one by one."""
    candidates, ranks, predicted = [], [], []
    for row in range(len(split.queries)):
        seen = split.queries.history[row : row + 1].items
        pool = split.queries.pool
        free = [
            i for i in range(split.truth.n_items) if i not in seen and (pool is None or pool[i])
        ]
        candidates.append(len(free))
        for item in split.truth[row : row + 1].items:
            predicted.append(table[row, item] if item in free else np.nan)
            if item not in free:
                ranks.append(np.nan)
                continue
            better = sum(table[row, i] > table[row, item] for i in free)
            equal = sum(table[row, i] == table[row, item] for i in free)
            ranks.append(np.mean([better + 1 + j for j in range(equal)]))
    return np.array(candidates, float), np.array(ranks, float), np.array(predicted, float)


class TestEvidence:
    @settings(max_examples=150, deadline=None)
    @given(given_=asked(), rows=st.integers(1, 4))
    def test_ranks_candidates_and_predictions(self, given_, rows):
        split, table = given_
        model = Fixed(table=table)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(_asking, "chunk", lambda n: rows)  # noqa: ARG005
            seen, _ = collect(model, split, [Everything()])
        candidates, ranks, predicted = naive(split, table)
        np.testing.assert_array_equal(seen.candidates, candidates)
        np.testing.assert_array_equal(seen.ranks, ranks)
        np.testing.assert_array_equal(seen.predicted, predicted)
        plain = Fixed(table=table).recommend(split.queries, 3)
        np.testing.assert_array_equal(seen.slate.items, plain.items)
        np.testing.assert_array_equal(seen.slate.scores, plain.scores)
        assert model.asked == len(split)  # once each, whatever is needed

    @settings(max_examples=50, deadline=None)
    @given(given_=asked())
    def test_the_places_in_a_list_are_the_ranks_of_a_lister(self, given_):
        split, table = given_
        table = (np.argsort(np.argsort(table, axis=1), axis=1)).astype(np.float32)  # no ties
        metric = replace_needs(Everything(), ("ranks", "candidates"))
        mine, _ = collect(Lister(scorer=Fixed(table=table)), split, [metric])
        theirs, _ = collect(Fixed(table=table), split, [metric])
        np.testing.assert_array_equal(mine.ranks, theirs.ranks)
        np.testing.assert_array_equal(mine.candidates, theirs.candidates)
        np.testing.assert_array_equal(mine.slate.items, theirs.slate.items)
        assert mine.predicted is None

    def test_what_a_list_leaves_out_is_at_the_end(self):
        split = made_split([[0]], [[1, 4]], 6)
        table = np.array([[9, 5, 4, 3, 2, 1]], np.float32)
        short = Lister(scorer=Fixed(table=table), shorter=3)  # of six slots, with one unfilled
        seen, _ = collect(short, split, [replace_needs(Everything(), ("ranks", "candidates"))])
        # listed: 1 2 3; not listed: 4 5, which share places 4 and 5
        assert (seen.ranks.tolist(), seen.candidates.tolist()) == ([1, 4.5], [5])

    def test_only_what_is_asked_for(self):
        split = made_split([[0], [1]], [[1], [0]], 3)
        model = Fixed(table=np.eye(2, 3, dtype=np.float32))
        seen, _ = collect(model, split, [NDCG(k=1)])
        assert seen.ranks is seen.candidates is seen.predicted is None

    def test_slates_are_as_long_as_the_deepest_metric(self):
        split = made_split([[], []], [[1], [0]], 9)
        model = Fixed(table=np.eye(2, 9, dtype=np.float32))
        for metrics, k in (([NDCG(k=2), Hit(k=5)], 5), ([NDCG(k=50)], 9), ([AUC()], 9)):
            seen, _ = collect(model, split, metrics)
            assert seen.slate.items.shape == (2, k)

    def test_a_scorer_with_a_recommend_of_its_own_answers_with_it(self):
        class Reversed(Fixed):
            def recommend(self, queries, k, *, filter_seen=True):
                slate = super().recommend(queries, 99, filter_seen=filter_seen)
                return Slate(slate.items[:, ::-1][:, :k].copy(), slate.scores[:, :k])

        split = made_split([[]], [[1]], 4)
        seen, _ = collect(Reversed(table=np.array([[4.0, 3, 2, 1]])), split, [Everything(k=2)])
        assert seen.slate.items.tolist() == [[3, 2]]
        assert seen.ranks.tolist() == [2]

    def test_what_cannot_be_given(self):
        split = made_split([[]], [[1]], 4)
        lister = Lister(scorer=Fixed(table=np.zeros((1, 4))))
        with pytest.raises(DataError, match=r"RMSE compares scores .* Lister gives lists"):
            measure(lister, split, [RMSE()])
        data = RandomPerUser()(blocks())
        with pytest.raises(DataError, match="the scores of EASE are on a scale of their own"):
            measure(EASE().fit(data.train), data, ["rmse"])
        log = replace(data.train.log, values=np.ones_like(data.train.log.values))
        liked = replace(data, train=replace(data.train, log=log))
        with pytest.raises(DataError, match="every value is 1: read the data with its ratings"):
            measure(Fixed(table=np.zeros((120, 60))), liked, ["mae"])
        with pytest.raises(BadParameter, match="a metric can need ranks"):
            measure(lister, split, [replace_needs(Everything(), ("luck",))])

    def test_the_same_item_twice_is_no_list(self):
        split = made_split([[0]], [[1]], 4)

        class Twice:
            def recommend(self, queries, k, *, filter_seen=True):  # noqa: ARG002
                return Slate(np.array([[2, 1, 2]], np.int32), np.array([[3, 2, 1]], np.float32))

        with pytest.raises(DataError, match="Twice recommends item 2 twice to one request"):
            measure(Twice(), split, ["recall@3"])

    def test_lists_of_equal_scores_are_said_to_be_chance(self, caplog):
        split = made_split([[0], [1]], [[1], [2]], 4)
        measure(Fixed(table=np.ones((2, 4))), split, ["recall@3"])
        assert "scores all that it lists alike in 2 of 2 requests" in caplog.text

    def test_what_a_split_drops_is_told(self, caplog):
        data = blocks()
        found = evaluate(Popularity(), Temporal()(data))
        assert found.splits()[0]["requests"] == len(found.runs[0].users)
        dropped = {"held-out events on items unknown in training": 10**6}
        again = evaluate(Popularity(), replace(Temporal()(data), dropped=dropped))
        assert again.splits()[0]["dropped"] == dropped
        assert "held-out events cannot be measured" in caplog.text
        first = repr(found).splitlines()
        assert first[0].split() == ["model", "metric", "mean", "low", "high", "splits"]
        assert first[1].startswith("popularity  NDCG@10")

    def test_nobody_asks(self):
        whole = made_split([[0], [1]], [[1], [0]], 3)
        none = Split(
            train=whole.train,
            queries=whole.queries[:0],
            truth=whole.truth[:0],
            users=whole.users[:0],
        )
        model = Fixed(table=np.zeros((2, 3), np.float32))
        found = measure(model, none, ["NDCG@2", "AUC", "CatalogCoverage@2"])
        assert {name: np.shape(value) for name, value in found.items()} == {
            "NDCG@2": (0,),
            "AUC": (0,),
            "CatalogCoverage@2": (),
        }
        table = evaluate(model, none, ["NDCG@2", "CatalogCoverage@2"], fitted=True).table()
        assert table["mean"].to_list() == [None, None]
        assert table["defined"].to_list() == [0, None]


def replace_needs(metric, names):
    object.__setattr__(metric, "needs", names)
    return metric


class TestSampled:
    split = RandomPerUser()(blocks(items=200, length=20))

    def test_ranks_among_the_chosen_and_so_many_others(self):
        model = EASE(l2=50).fit(self.split.train)
        metric = replace_needs(Everything(), ("ranks", "candidates"))
        seen, _ = collect(model, self.split, [metric], sampled=Sampled(negatives=30))
        chosen = self.split.truth.lengths
        np.testing.assert_array_equal(seen.candidates, chosen + 30)
        assert (seen.ranks <= (chosen + 30)[self.split.truth.rows]).all()
        every, _ = collect(model, self.split, [metric], sampled=Sampled(negatives=10_000))
        full, _ = collect(model, self.split, [metric])
        np.testing.assert_array_equal(every.ranks, full.ranks)

    def test_against_one_request_written_out(self):
        split = made_split([[0, 1]], [[2]], 10)
        table = np.arange(10, dtype=np.float32)[None]
        pool = np.arange(10) != 9
        split = replace(split, queries=replace(split.queries, pool=pool))
        metric = replace_needs(Everything(k=10), ("ranks",))
        seen_together = set()
        for seed in range(60):
            sampled = Sampled(negatives=3, seed=seed)
            seen, _ = collect(Fixed(table=table), split, [metric], sampled=sampled)
            shown = [i for i in seen.slate.items[0] if i != PAD]
            assert len(shown) == 4
            assert shown == sorted(shown, reverse=True)
            assert set(shown) <= {2, 3, 4, 5, 6, 7, 8}
            assert seen.ranks.tolist() == [4]
            seen_together |= set(shown)
        assert seen_together == {2, 3, 4, 5, 6, 7, 8}

    def test_the_draw_is_the_same_for_all_and_does_not_depend_on_chunks(self, monkeypatch):
        model = EASE(l2=50).fit(self.split.train)
        once = measure(model, self.split, ["NDCG@10"], sampled=Sampled())
        monkeypatch.setattr(_asking, "chunk", lambda n: 7)  # noqa: ARG005
        again = measure(model, self.split, ["NDCG@10"], sampled=Sampled())
        np.testing.assert_array_equal(*(each["NDCG@10 (sampled 100)"] for each in (once, again)))

    def test_the_label_says_so_and_it_is_easier(self):
        found = evaluate(EASE(l2=50), self.split, ["NDCG@10"], sampled=Sampled(negatives=20))
        assert found.metrics == ["NDCG@10 (sampled 20)"]
        full = evaluate(EASE(l2=50), self.split, ["NDCG@10"])
        assert found.table()["mean"][0] > full.table()["mean"][0]

    def test_bad(self):
        with pytest.raises(BadParameter, match="negatives"):
            Sampled(negatives=0)


class TestMeasure:
    def test_names_and_metrics(self):
        split = RandomPerUser()(blocks())
        model = Popularity().fit(split.train)
        named = measure(model, split, ["ndcg@5", "CatalogCoverage@5"])
        made = measure(model, split, [NDCG(k=5), CatalogCoverage(k=5)])
        assert list(named) == list(made) == ["NDCG@5", "CatalogCoverage@5"]
        for name in named:
            np.testing.assert_array_equal(named[name], made[name])

    def test_one_by_one_it_is_the_same(self, monkeypatch):
        data = blocks()
        values = np.random.default_rng(0).integers(1, 6, len(data.log.items)).astype(np.float32)
        split = RandomPerUser()(replace(data, log=replace(data.log, values=values)))
        model = MF(embedding_size=4).fit(split.train)
        whole = measure(model, split, [*DEFAULT, "AUC", "RMSE"])
        monkeypatch.setattr(_asking, "chunk", lambda n: 1)  # noqa: ARG005
        for name, value in measure(model, split, [*DEFAULT, "AUC", "RMSE"]).items():
            np.testing.assert_allclose(value, whole[name], rtol=1e-5)

    def test_mistakes(self):
        split = RandomPerUser()(blocks())
        model = Popularity().fit(split.train)
        for metrics in ([], ["NDCG@5", NDCG(k=5)]):
            with pytest.raises(BadParameter, match="each only once"):
                measure(model, split, metrics)
        with pytest.raises(UnknownName, match="NDGC"):
            measure(model, split, ["NDGC@5"])

        def wide(seen):
            return np.zeros((len(seen), 2))

        with pytest.raises(DataError, match=r"wide gave shape \(120, 2\)"):
            measure(model, split, [wide])

    def test_progress(self, monkeypatch):
        told = []
        split = RandomPerUser()(blocks())
        monkeypatch.setattr(_asking, "chunk", lambda n: 50)  # noqa: ARG005
        evaluate(Popularity(), split, ["NDCG@5"], progress=lambda *each: told.append(each))
        assert told == [
            ("popularity: fit", 0, 1),
            ("popularity: fit", 1, 1),
            *(("popularity: recommend", done, 120) for done in (50, 100, 120)),
        ]
        told.clear()
        several = splits(blocks(), "random_per_user", n=2)
        evaluate(Popularity(), several, ["NDCG@5"], progress=lambda *each: told.append(each))
        assert told[-1] == ("popularity, split 2 of 2: recommend", 120, 120)


@dataclass(kw_only=True, eq=False)
class Counting(Popularity):
    """Notes how many it was fitted on."""

    fits: ClassVar[list[int]] = []
    users_: int = learned()

    def fit(self, data):
        self.fits.append(len(data.log.items))
        self.users_ = len(data.users)
        return super().fit(data)


class TestEvaluate:
    def test_fits_a_fresh_copy_for_each_split(self):
        Counting.fits.clear()
        inner = Counting()
        model = Fallback(first=EASE(l2=50), then=inner)
        parts = splits(blocks(), "strong_generalization", n=3)
        found = evaluate(model, parts, ["NDCG@5"])
        assert Counting.fits == [len(each.train.log.items) for each in parts]
        assert not model.fitted
        assert not inner.fitted
        assert found.model == "fallback"
        assert [run.seed for run in found.runs] == [0, 1, 2]

    def test_fitted_is_taken_as_it_is(self):
        part = RandomPerUser()(blocks())
        model = EASE(l2=50).fit(part.train)
        weights = model.weights_
        found = evaluate(model, part, ["NDCG@5"], fitted=True, name="mine")
        assert model.weights_ is weights
        assert found.table().row(0)[:2] == ("mine", "NDCG@5")
        again = evaluate(EASE(l2=50), part, ["NDCG@5"])
        assert found.table()["mean"].to_list() == again.table()["mean"].to_list()

    def test_what_is_no_model_is_not_fitted(self):
        part = RandomPerUser()(blocks())
        lister = Lister(scorer=EASE(l2=50).fit(part.train))
        found = evaluate(lister, part, ["NDCG@5"])
        assert found.model == "Lister"

    def test_no_split(self):
        with pytest.raises(DataError, match="no split"):
            evaluate(Popularity(), [], ["NDCG@5"])

    def test_any_iterable_of_splits(self):
        parts = splits(blocks(), "random_per_user", n=2)
        one = evaluate(Popularity(), (each for each in parts), ["NDCG@5"])
        assert one.table().equals(evaluate(Popularity(), parts, ["NDCG@5"]).table())

    def test_times(self):
        times = evaluate(Popularity(), splits(blocks(), "random_per_user", n=2), ["AUC"]).times()
        assert times["seed"].to_list() == [0, 1]
        for name in ("fit_seconds", "recommend_seconds", "metric_seconds"):
            assert times[name].is_between(0, 5).all()


def run(values, users, **more):
    values = {"m": np.asarray(values, float), **more}
    return Run(
        split="made",
        seed=0,
        users=pl.Series(users),
        values=values,
        fit_seconds=0,
        recommend_seconds=0,
        metric_seconds=0,
    )


class TestTable:
    def test_by_hand(self):
        """a asks in both splits, b in one of which the metric is undefined, c in the second."""
        found = Evaluation(
            "x",
            (
                run([0.2, np.nan, 0.4], ["a", "b", "d"], s=np.array(0.5)),
                run([0.6, 0.8, 0.7], ["a", "c", "b"], s=np.array(0.7)),
            ),
        )
        users = np.array([0.4, 0.4, 0.8, 0.7])  # a d c b
        assert found.users("m").sort("user").to_dict(as_series=False) == {
            "user": ["a", "b", "c", "d"],
            "value": pytest.approx([0.4, 0.7, 0.8, 0.4]),
        }
        row, system = found.table().to_dicts()
        low, high = stats.norm.interval(0.95, users.mean(), stats.sem(users))
        means = [0.3, 0.7]
        split_low, split_high = stats.t.interval(0.95, 1, np.mean(means), stats.sem(means))
        assert row == {
            "model": "x",
            "metric": "m",
            "mean": pytest.approx(0.575),
            "low": pytest.approx(low),
            "high": pytest.approx(high),
            "split_mean": pytest.approx(0.5),
            "split_low": pytest.approx(split_low),
            "split_high": pytest.approx(split_high),
            "median": pytest.approx(0.5),
            "defined": 5,
            "asked": 6,
            "splits": 2,
        }
        split_low, split_high = stats.t.interval(0.95, 1, 0.6, stats.sem([0.5, 0.7]))
        assert system == {
            "model": "x",
            "metric": "s",
            "mean": pytest.approx(0.6),
            "low": None,
            "high": None,
            "split_mean": pytest.approx(0.6),
            "split_low": pytest.approx(split_low),
            "split_high": pytest.approx(split_high),
            "median": pytest.approx(0.6),
            "defined": None,
            "asked": None,
            "splits": 2,
        }
        assert len(found.users("s")) == 0

    @pytest.mark.parametrize(
        ("values", "mean"), [([np.nan, np.nan], None), ([0.5, np.nan], 0.5), ([], None)]
    )
    def test_where_there_is_too_little(self, values, mean):
        users = pl.Series([f"u{i}" for i in range(len(values))], dtype=pl.String)
        row = Evaluation("x", (run(values, users),)).table().to_dicts()[0]
        assert row["mean"] == row["median"] == mean
        assert row["low"] is row["high"] is row["split_low"] is row["split_high"] is None
        assert row["defined"] == (0 if mean is None else 1)
        assert row["asked"] == len(values)

    @given(st.lists(st.floats(-5, 5), min_size=2, max_size=30))
    def test_intervals_against_scipy(self, values):
        x = np.array(values)
        error = stats.sem(x)
        for normal, theirs in (
            (True, stats.norm.interval(0.95) * np.array(1.0)),
            (False, stats.t.interval(0.95, len(x) - 1) * np.array(1.0)),
        ):
            wanted = x.mean() + np.array(theirs) * error
            np.testing.assert_allclose(interval(x, normal=normal), wanted, rtol=1e-9, atol=1e-12)
        assert np.isnan(interval(x[:1], normal=True)).all()


class TestStatistics:
    @pytest.mark.parametrize("n", [2, 5, 40, 300])
    @pytest.mark.parametrize("ties", [False, True])
    def test_p_against_scipy(self, n, ties):
        rng = np.random.default_rng(n)
        for shift in (0, 0.1, 1):
            a, b = rng.normal(shift, 1, n), rng.normal(0, 1, n)
            if ties:
                a, b = a.round(), b.round()
            d = a - b
            if not d.any():
                continue
            if d.std() > 0:
                wanted = stats.ttest_rel(a, b).pvalue
                assert paired_p(d, "t") == pytest.approx(wanted, rel=1e-9)
            assert paired_p(d, "wilcoxon") == pytest.approx(stats.wilcoxon(a, b).pvalue)

    @pytest.mark.parametrize("test", ["t", "wilcoxon"])
    def test_p_at_the_edges(self, test):
        assert paired_p(np.zeros(5), test) == 1
        assert np.isnan(paired_p(np.ones(1), test))
        assert np.isnan(paired_p(np.zeros(0), test))
        assert paired_p(np.full(30, 0.5), test) < 1e-5

    def test_bootstrap_against_the_loop(self):
        rng = np.random.default_rng(0)
        d = rng.normal(0.1, 1, (9, 3))
        d[2, 1] = d[5, 1] = np.nan
        d[:, 2] *= -5
        low, high, p = bootstrap(d, resamples=500, seed=3)
        for column in range(3):
            x = d[~np.isnan(d[:, column]), column]
            draws = np.random.default_rng(3)
            means = []
            for row in draws.integers(len(x), size=(500, len(x))):
                means.append(x[row].mean())
            ends = np.quantile(means, [0.025, 0.975])
            np.testing.assert_allclose([low[column], high[column]], ends)
            below, above = np.sum(np.array(means) <= 0), np.sum(np.array(means) >= 0)
            assert p[column] == pytest.approx(min(1, 2 * (1 + min(below, above)) / 501))

    def test_bootstrap_against_scipy(self):
        d = np.random.default_rng(1).exponential(1, 60) - 0.8
        low, high, p = bootstrap(d[:, None], resamples=10_000, seed=0)
        theirs = stats.bootstrap(
            (d,), np.mean, method="percentile", n_resamples=10_000, rng=5
        ).confidence_interval
        assert (low[0], high[0]) == pytest.approx(tuple(theirs), abs=0.025)
        assert p[0] == pytest.approx(stats.ttest_1samp(d, 0).pvalue, abs=0.05)

    def test_bootstrap_in_pieces_is_the_same(self, monkeypatch):
        from headwater.evaluation import _statistics

        d = np.random.default_rng(0).normal(size=(50, 2))
        whole = bootstrap(d, resamples=333, seed=1)
        monkeypatch.setattr(_statistics, "CELLS", 170)
        for a, b in zip(whole, bootstrap(d, resamples=333, seed=1), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12)

    def test_bootstrap_at_the_edges(self):
        d = np.array([[0, np.nan, 1, 0.5], [0, np.nan, np.nan, 0.5]])
        low, high, p = bootstrap(d, resamples=99, seed=0)
        np.testing.assert_array_equal(p, [1, np.nan, np.nan, 0.02])
        np.testing.assert_array_equal(low, [0, np.nan, np.nan, 0.5])
        np.testing.assert_array_equal(high, [0, np.nan, np.nan, 0.5])

    @pytest.mark.parametrize(
        ("p", "wanted"),
        [
            ([0.01, 0.02, 0.03, 0.04, 0.05], [0.05, 0.08, 0.09, 0.09, 0.09]),
            ([0.05, 0.01, 0.03], [0.06, 0.03, 0.06]),
            ([0.5, 0.6], [1, 1]),
            ([0.02, np.nan, 0.5], [0.04, np.nan, 0.5]),
            ([], []),
        ],
    )
    def test_holm(self, p, wanted):
        np.testing.assert_allclose(holm(p), wanted)

    @given(st.lists(st.floats(0, 1), min_size=1, max_size=12), st.floats(0.01, 0.3))
    def test_holm_decides_as_the_stepwise_procedure(self, p, level):
        rejected = set()
        for step, i in enumerate(sorted(range(len(p)), key=lambda i: p[i])):
            if p[i] * (len(p) - step) > level:
                break
            rejected.add(i)
        assert {i for i, each in enumerate(holm(p)) if each <= level} == rejected


class TestCompare:
    def runs(self, *values, users=None):
        return tuple(
            run(each, users[i] if users else [f"u{j}" for j in range(len(each))])
            for i, each in enumerate(values)
        )

    def test_pairs_users_over_splits(self):
        """The mean over the requests of a user for which both are defined, then the test."""
        rng = np.random.default_rng(0)
        who = [[f"u{i}" for i in rng.permutation(40)[:30]] for _ in range(4)]
        a, b = rng.random((2, 4, 30))
        a[rng.random(a.shape) < 0.2] = np.nan
        b[rng.random(b.shape) < 0.2] = np.nan
        found = Comparison(
            evaluations={
                "a": Evaluation("a", self.runs(*a, users=who)),
                "b": Evaluation("b", self.runs(*b, users=who)),
            },
            kinds=("t", "wilcoxon", "bootstrap"),
        )
        gaps = {}
        for users, left, right in zip(who, a, b, strict=True):
            for user, x, y in zip(users, left, right, strict=True):
                if not np.isnan(x + y):
                    gaps.setdefault(user, []).append(x - y)
        d = np.array([np.mean(each) for each in gaps.values()])
        row = found.tests().to_dicts()[0]
        assert (row["metric"], row["model_a"], row["model_b"]) == ("m", "a", "b")
        assert row["users"] == len(d)
        assert row["difference"] == pytest.approx(d.mean())
        assert row["p_t"] == row["p_t_holm"] == pytest.approx(stats.ttest_1samp(d, 0).pvalue)
        assert row["p_wilcoxon"] == pytest.approx(stats.wilcoxon(d).pvalue)
        low, high = stats.norm.interval(0.95, d.mean(), stats.sem(d))
        assert (row["low"], row["high"]) == pytest.approx((low, high), abs=0.01)

    def test_holm_over_all_rows(self):
        rng = np.random.default_rng(1)
        n = 25

        def values(shift):
            one = run(rng.normal(shift, 1, n), range(n), other=rng.normal(shift, 1, n))
            return (replace(one, values={**one.values, "s": np.array(0.5)}),)

        names = {name: Evaluation(name, values(i / 2)) for i, name in enumerate("abc")}
        found = Comparison(evaluations=names, kinds=("t",)).tests()
        assert list(zip(found["metric"], found["model_a"], found["model_b"], strict=True)) == [
            (metric, *pair) for metric in ("m", "other") for pair in ("ab", "ac", "bc")
        ]
        np.testing.assert_allclose(found["p_t_holm"], holm(found["p_t"].to_numpy()))
        assert "low" not in found.columns
        against = Comparison(evaluations=names, kinds=("t",), baseline="b").tests()
        assert (
            list(zip(against["model_a"], against["model_b"], strict=True))
            == [
                ("a", "b"),
                ("c", "b"),
            ]
            * 2
        )

    def test_undefined_everywhere_or_for_one(self):
        nothing, some = [np.nan] * 3, [0.1, 0.2, np.nan]
        found = Comparison(
            evaluations={
                "a": Evaluation("a", self.runs(nothing)),
                "b": Evaluation("b", self.runs(some)),
                "c": Evaluation("c", self.runs([0.1, 0.3, 0.4])),
            },
            kinds=("bootstrap", "t", "wilcoxon"),
        ).tests()
        assert found["users"].to_list() == [0, 0, 2]
        assert found["difference"].to_list() == [None, None, pytest.approx(-0.05)]
        assert found["p_t"].to_list()[:2] == [None, None]
        assert found["p_t_holm"][2] == found["p_t"][2]

    def test_the_whole_way(self):
        parts = splits(blocks(), "strong_generalization", n=2)
        models = {"ease": EASE(l2=50), "popular": Popularity(), "again": Popularity()}
        found = compare(models, parts, ["NDCG@10", "CatalogCoverage@10"], baseline="popular")
        assert found.table()["model"].to_list() == ["ease"] * 2 + ["popular"] * 2 + ["again"] * 2
        assert found.times().height == 6
        tests = found.tests()
        assert tests["model_a"].to_list() == ["ease", "again"]
        assert tests["metric"].unique().to_list() == ["NDCG@10"]
        better, same = tests.to_dicts()
        assert better["difference"] > 0
        assert better["p_bootstrap_holm"] == pytest.approx(2 * 2 / 10_001)
        assert (same["difference"], same["p_t"], same["p_wilcoxon"], same["p_bootstrap"]) == (
            0,
            1,
            1,
            1,
        )
        alone = evaluate(EASE(l2=50), parts, ["NDCG@10", "CatalogCoverage@10"], name="ease")
        assert alone.table().equals(found.table().head(2))

    def test_one_model_has_nothing_to_be_tested_against(self):
        found = compare({"p": Popularity()}, RandomPerUser()(blocks()), ["NDCG@10"])
        assert found.tests().height == 0
        assert "p_bootstrap_holm" in found.tests().columns

    @pytest.mark.parametrize(
        ("arguments", "error", "said"),
        [
            ({"models": {}}, BadParameter, "nothing to compare"),
            ({"baseline": "popula"}, UnknownName, "did you mean 'popular'"),
            ({"tests": ("ttest",)}, UnknownName, "no test 'ttest'"),
            ({"resamples": 0}, BadParameter, "resamples"),
        ],
    )
    def test_mistakes(self, arguments, error, said):
        with pytest.raises(error, match=said):
            compare(**{"models": {"popular": Popularity()}, "splits": [], **arguments})
