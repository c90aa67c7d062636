"""The made-up news keep what their truth promises, and MIND's files hold the same news."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from headwater.data.requests import split_requests
from headwater.data.sources import load
from headwater.errors import BadParameter, DataError
from headwater.simulate._news_readers import chances, clicked
from headwater.simulate._news_words import coined, syllables
from headwater.simulate.news import NewsWorld
from headwater.types import PAD

DAY = 86_400
COLUMNS = {
    "title": pl.String,
    "abstract": pl.String,
    "category": pl.String,
    "subcategory": pl.String,
    "published": pl.Datetime("us"),
    "url": pl.String,
    "complexity": pl.Float64,
    "grade": pl.Float64,
    "story": pl.String,
    "sentiment": pl.Float64,
    "people": pl.List(pl.String),
    "parties": pl.List(pl.String),
    "voices": pl.List(pl.String),
    "genders": pl.List(pl.String),
    "entities": pl.List(pl.String),
}
SMALL = NewsWorld(n_articles=2000, n_users=1000, n_impressions=3000)


@pytest.fixture(scope="module")
def made():
    return SMALL.make()


def shown(made):
    """Users and times as columns, items, and where there are any."""
    seen = made.data.impressions
    there = seen.slate.filled
    items = np.where(there, seen.slate.items, 0)
    return seen.queries.user[:, None], seen.queries.now[:, None], items, there


def auc(scores, clicks, there):
    """The mean over requests of how often what was clicked has the higher score."""
    found = []
    for score, click, some in zip(np.broadcast_to(scores, there.shape), clicks, there, strict=True):
        good, bad = score[some & (click > 0)], score[some & (click == 0)]
        if len(bad):
            over = good[:, None] - bad
            found.append(((over > 0) + 0.5 * (over == 0)).mean())
    return np.mean(found)


def test_same_seed_same_world(made):
    again, other = SMALL.make(), replace(SMALL, seed=1).make()
    assert again.data.catalog.table.equals(made.data.catalog.table)
    for one, two in ((again.data.log, made.data.log), (again.truth.named, made.truth.named)):
        np.testing.assert_array_equal(one.items, two.items)
        np.testing.assert_array_equal(one.times, two.times)
    one, two = again.data.impressions, made.data.impressions
    np.testing.assert_array_equal(one.slate.items, two.slate.items)
    np.testing.assert_array_equal(one.clicks, two.clicks)
    assert not other.data.catalog.table.equals(made.data.catalog.table)


def test_catalogue_has_the_agreed_columns(made):
    table = made.data.catalog.table
    assert dict(table.schema) == COLUMNS
    assert table.drop("abstract").null_count().sum_horizontal()[0] == 0
    assert table["category"].n_unique() >= 14
    assert table["category"].value_counts(sort=True)["category"][0] == "news"
    nested = table.group_by("subcategory").agg(pl.col("category").n_unique())
    assert (nested["category"] == 1).all()
    assert len(nested) >= 100
    title = table["title"].str.split(" ").list.len()
    abstract = table["abstract"].drop_nulls().str.split(" ").list.len()
    assert (title.min(), title.max()) == (6, 14)
    assert abstract.min() >= 1
    assert abstract.max() <= 60


def test_nobody_is_shown_what_is_old_or_read(made):
    user, now, items, there = shown(made)
    seen = made.data.impressions
    published = made.data.catalog.table["published"].dt.epoch("s").to_numpy()
    age = (now - published[items])[there]
    assert age.min() >= 0
    assert age.max() < 2 * DAY
    assert (np.diff(seen.queries.now) >= 0).all()
    k = there.sum(1)
    assert (k.min(), k.max()) == (10, 60)
    assert all(len(set(row[row != PAD])) == n for row, n in zip(seen.slate.items, k, strict=True))
    assert (seen.clicks.sum(1) >= 1).all()
    assert not seen.clicks[~there].any()
    rows = np.broadcast_to(np.arange(len(seen))[:, None], items.shape)
    assert not seen.queries.history.has(rows[there], items[there]).any()
    log = made.data.log
    np.testing.assert_array_equal(
        seen.queries.history.items, log.before(user.ravel(), now.ravel()).items
    )
    assert len(np.unique(log.rows * log.n_items + log.items)) == len(log.items)
    assert (log.times >= published[log.items]).all()


def test_clicks_are_as_likely_as_said(made):
    seen, truth = made.data.impressions, made.truth
    user, now, items, there = shown(made)
    odds = truth.log_odds(user, np.where(there, items, PAD), now)
    np.testing.assert_allclose(truth.chances, chances(odds), rtol=1e-4)
    assert seen.clicks.sum() / there.sum() == pytest.approx(SMALL.clicks, abs=0.002)
    order = np.argsort(truth.chances[there])
    parts = zip(
        np.array_split(truth.chances[there][order], 8),
        np.array_split(seen.clicks[there][order], 8),
        strict=True,
    )
    for said, happened in parts:
        noise = np.sqrt((said * (1 - said)).sum()) / len(said)
        assert abs(said.mean() - happened.mean()) < 4 * noise


def test_one_click_at_least_and_each_as_often_as_its_chance():
    logits = np.array([[-1.0, -2.0, -np.inf, 0.5, -4.0]])
    p = 1 / (1 + np.exp(-logits))
    every = np.array(np.meshgrid(*[[0, 1]] * 5, indexing="ij")).reshape(5, -1).T[1:]
    weight = np.where(every, p, 1 - p).prod(1)  # all 31 outcomes with a click
    expected = (weight[:, None] * every).sum(0) / weight.sum()
    np.testing.assert_allclose(chances(logits)[0], expected, rtol=1e-9)
    n = 200_000
    took = clicked(np.repeat(logits, n, 0), np.random.default_rng(0))
    assert took.any(1).all()
    np.testing.assert_allclose(took.mean(0), expected, atol=0.005)
    both = (weight * every[:, 0] * every[:, 3]).sum() / weight.sum()
    assert (took[:, 0] & took[:, 3]).mean() == pytest.approx(both, abs=0.005)


def test_taste_is_far_better_than_popularity_and_that_than_chance(made):
    truth, clicks = made.truth, made.data.impressions.clicks
    user, now, items, there = shown(made)
    log = made.data.log
    span = np.int64(1 << 34)
    by_item = np.sort(log.items * span + log.times)
    before = np.searchsorted(by_item, items * span + now) - np.searchsorted(by_item, items * span)
    rng = np.random.default_rng(0)
    whole = auc(truth.log_odds(user, items, now), clicks, there)
    own = auc(truth.liking(user, items), clicks, there)
    popular = auc(before, clicks, there)
    random = auc(rng.random(items.shape), clicks, there)
    assert whole > own + 0.03
    assert own > popular + 0.1
    assert popular > random + 0.03
    assert random == pytest.approx(0.5, abs=0.02)


def test_read_back_from_the_files_of_mind(made, tmp_path):
    folder = made.write_mind(tmp_path / "mind")
    back, data = load("mind-small", folder=folder), made.data
    old, new = data.impressions, back.impressions
    assert new.ids.to_list() == old.ids.to_list()
    np.testing.assert_array_equal(new.queries.now, old.queries.now)
    assert back.users.decode(new.queries.user).equals(data.users.decode(old.queries.user))
    np.testing.assert_array_equal(new.clicks, old.clicks[:, : new.clicks.shape[1]])
    slots = [
        world.items.decode(seen.slate.items[seen.slate.filled])
        for world, seen in ((back, new), (data, old))
    ]
    assert slots[0].equals(slots[1])
    np.testing.assert_array_equal(new.queries.history.start, old.queries.history.start)
    past = [
        world.items.decode(seen.queries.history.items) for world, seen in ((back, new), (data, old))
    ]
    assert past[0].equals(past[1])
    mine = data.catalog.table[data.items.encode(back.items.values)]
    theirs = back.catalog.table
    for column in ("title", "category", "subcategory", "entities"):
        assert theirs[column].equals(mine[column]), column
    text = theirs["abstract" if "abstract" in theirs.columns else "text"]  # a reader's name for it
    assert text.equals(mine["abstract"])
    assert pl.read_parquet(folder / "people.parquet").equals(made.people)
    articles = pl.read_parquet(folder / "articles.parquet")
    assert articles.drop("item_id").equals(data.catalog.table)
    with pytest.raises(DataError, match="holds something already"):
        made.write_mind(folder)


def test_splits_like_any_requests(made):
    split = split_requests(made.data)
    assert len(split) > 100
    assert split.train.impressions is not None


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"n_articles": 100}, "at least 1,680"),
        ({"clicks": 0.9}, "clicks"),
        ({"by_taste": 0.7}, "by_popularity"),
        ({"n_persons": 5}, "n_persons"),
        ({"n_users": 0}, "n_users"),
    ],
)
def test_mistakes_are_named(wrong, said):
    with pytest.raises(BadParameter, match=said):
        replace(SMALL, **wrong)


def test_words():
    made = coined(300, (2, 4), np.random.default_rng(0))
    assert {syllables(word) for word in made} == {2, 4}
    assert len(set(made)) == 300
    assert syllables("Jane table were") == 4
