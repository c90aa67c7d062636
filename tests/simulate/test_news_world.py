"""The made-up news keep what their truth promises, and MIND's files hold the same news."""

import json
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from headwater.cli import app
from headwater.data.requests import split_requests
from headwater.data.sources import load
from headwater.errors import BadParameter, DataError
from headwater.simulate._news_readers import chances, clicked
from headwater.simulate._news_words import ENDINGS, STEMS, TONES, coined, syllables
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
FAMILIES = {stem + end for stem in STEMS for end in ENDINGS}
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


def test_texts_say_what_the_columns_do(made):
    table, truth = made.data.catalog.table, made.truth
    forms = {name: name.split(" ") for name in truth.persons["name"]}
    for title, abstract, people in table.select("title", "abstract", "people").iter_rows():
        words = f"{title} {abstract or ''}".replace(".", "").split()
        families = [forms[name][1] for name in people]
        assert [word for word in words if word in FAMILIES] == families
        for name in set(people):  # in full first
            given, family = forms[name]
            assert words[words.index(family) - 1] == given
    toned = [
        [
            TONES[word.strip(".")]
            for word in f"{title} {abstract or ''}".split()
            if word.strip(".") in TONES
        ]
        for title, abstract in table.select("title", "abstract").iter_rows()
    ]
    mean = [np.mean(each) if each else 0.0 for each in toned]
    np.testing.assert_allclose(table["sentiment"], mean, atol=1e-9)


def test_complexity_is_that_of_the_text(made):
    table = made.data.catalog.table
    for title, abstract, ease, grade in (
        table.select("title", "abstract", "complexity", "grade").head(300).iter_rows()
    ):
        text = (abstract or "").replace("Sen.", "Sen").replace("Rep.", "Rep").replace("Gov.", "Gov")
        n = len(f"{title} {text}".split())
        sentences = 1 + text.count(".")
        heard = syllables(f"{title} {text}")
        assert ease == pytest.approx(206.835 - 1.015 * n / sentences - 84.6 * heard / n)
        assert grade == pytest.approx(0.39 * n / sentences + 11.8 * heard / n - 15.59)


def test_people_are_as_the_gazetteer_says(made):
    table, persons = made.data.catalog.table, made.truth.persons
    assert made.people.columns == ["name", "party", "gender", "wikidata"]
    known = {row["name"]: row for row in made.people.iter_rows(named=True)}
    assert 0 < len(known) < len(persons)
    parties = set()
    for row in table.select("people", "parties", "voices", "genders", "entities").iter_rows():
        people, party, voices, genders, entities = row
        some = [known[name] for name in people if name in known]
        assert voices == ["majority" if name in known else "minority" for name in people]
        assert party == [each["party"] for each in some if each["party"]]
        assert genders == [each["gender"] for each in some]
        assert entities == list(dict.fromkeys(each["wikidata"] for each in some))
        parties.update(party)
    assert len(parties) >= 4
    named = made.truth.named
    first = persons["name"].gather(named.items).to_list()
    assert first == [name for names in table["people"] for name in names]


def test_stories_go_on_within_days_and_share_their_words(made):
    table = made.data.catalog.table.with_columns(item=made.data.items.values)
    chains = table.sort("published", "item").group_by("story", maintain_order=True)
    several = chains.agg(pl.all()).filter(pl.col("item").list.len() > 1)
    assert len(several) > 100
    assert (several["story"] == several["item"].list.first()).all()
    assert (several["subcategory"].list.n_unique() == 1).all()
    gaps = several["published"].list.eval(pl.element().diff().dt.total_seconds()).explode()
    assert gaps.drop_nulls().max() < 3 * DAY
    from sklearn.feature_extraction.text import TfidfVectorizer

    text = (table["title"] + " " + table["abstract"].fill_null("")).to_list()
    x = TfidfVectorizer().fit_transform(text)
    cosine = (x @ x.T).toarray()
    story = table["story"].rank("dense").to_numpy()
    same = (story[:, None] == story) & ~np.eye(len(story), dtype=bool)
    assert (cosine[same] >= 0.5).mean() > 0.6
    linked = np.where(same, cosine, 0).max(1)[same.any(1)] >= 0.5
    assert linked.mean() > 0.85
    category = table["category"].rank("dense").to_numpy()
    other = (category[:, None] == category) & ~same & ~np.eye(len(story), dtype=bool)
    assert (cosine[other] >= 0.5).mean() < 2e-4


def test_sections_differ():
    data = NewsWorld(n_articles=6000, n_users=50, n_impressions=50).make().data
    table = data.catalog.table
    means = (
        table.group_by("category").agg(pl.col("sentiment", "complexity").mean()).sort("category")
    )
    tone = dict(means.select("category", "sentiment").iter_rows())
    ease = dict(means.select("category", "complexity").iter_rows())
    assert tone["news"] < 0 < tone["foodanddrink"]
    assert ease["finance"] < ease["video"] - 5
    sub = table.group_by("subcategory").agg(pl.col("complexity").mean(), pl.len())
    assert sub.filter(pl.col("len") > 50)["complexity"].std() > 2
    party = table.select("subcategory", "parties").explode("parties").drop_nulls()
    count = party.group_by("parties").len().sort("len", descending=True)
    assert count["len"][:2].sum() > 0.6 * count["len"].sum()
    share = party.group_by("subcategory").agg(
        n=pl.len(), first=(pl.col("parties") == count["parties"][0]).mean()
    )
    share = share.filter(pl.col("n") > 40)["first"]
    assert share.max() - share.min() > 0.1


def test_longer_histories_are_broader_and_tell_more(made):
    truth, asked = made.truth, made.data.impressions.queries
    tastes = truth.tastes
    np.testing.assert_allclose(tastes.sum(1), 1, rtol=1e-4)
    read = made.data.log.lengths
    assert np.median(read) == pytest.approx(22, abs=5)
    assert (asked.history.lengths == 0).any()
    assert read.max() > 8 * np.median(read)
    entropy = -(tastes * np.log(tastes + 1e-12)).sum(1)
    assert np.corrcoef(entropy, np.log1p(read))[0, 1] > 0.3
    # the divergence of what was read from what is liked falls with how much was read
    off = []
    for low, high in ((1, 5), (15, 30), (60, 1000)):
        mine = np.flatnonzero((read >= low) & (read < high))
        past = made.data.log[mine]
        p = np.zeros((len(mine), tastes.shape[1]))
        np.add.at(p, (past.rows, truth.subcategory[past.items]), 1)
        off.append(np.abs(p / p.sum(1, keepdims=True) - tastes[mine]).sum(1).mean() / 2)
    assert off[0] > off[1] + 0.05
    assert off[1] > off[2] + 0.03


def test_command_writes_the_same_news(tmp_path):
    words = ["news", "simulate", str(tmp_path / "made"), "--articles", "2000", "--users", "300"]
    words += ["--requests", "500", "--json"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    made = NewsWorld(n_articles=2000, n_users=300, n_impressions=500).make()
    assert told["clicks"] == made.data.impressions.clicks.sum()
    assert pl.read_parquet(told["people"]).equals(made.people)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"n_articles": 100}, "at least 1,680"),
        ({"clicks": 0.9}, "clicks"),
        ({"before": 400}, "days . before"),
        ({"by_taste": 0.7}, "by_popularity"),
        ({"n_persons": 5}, "n_persons"),
        ({"n_users": 0}, "n_users"),
    ],
)
def test_mistakes_are_named(wrong, said):
    with pytest.raises(BadParameter, match=said):
        replace(SMALL, **wrong)


def test_fewer_clicks_than_requests_are_not_to_be_had():
    with pytest.raises(BadParameter, match="less than one click a request"):
        replace(SMALL, n_impressions=100, clicks=0.01).make()


def test_words():
    made = coined(300, (2, 4), np.random.default_rng(0))
    assert {syllables(word) for word in made} == {2, 4}
    assert len(set(made)) == 300
    assert syllables("Jane table were") == 4
