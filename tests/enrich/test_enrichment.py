import os
import signal
import sqlite3
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from articles import RULES, articles
from polars.testing import assert_frame_equal

from headwater.data.impressions import read_impressions
from headwater.enrich._linking import Record
from headwater.enrich.complexity import Complexity
from headwater.enrich.gazetteer import Gazetteer
from headwater.enrich.sentiment import Sentiment
from headwater.enrich.stories import Stories
from headwater.enrichment import STEPS, enrich, read_articles
from headwater.errors import BadArtifact, BadParameter, DataError, UnknownName

for package in ("textblob", "networkx", "sklearn"):
    pytest.importorskip(package)

PROGRAM = Path(__file__).with_name("articles.py")
PEOPLE = pl.DataFrame(
    {
        "name": ["Nancy Pelosi", "Kevin McCarthy"],
        "party": ["Democrat", "Republican"],
        "gender": ["female", None],
    }
)
NEW = ["complexity", "grade", "sentiment", "people", "parties", "voices", "genders", "story"]


def test_columns_are_what_the_methods_say():
    news = articles(40)
    found = enrich(news, people=PEOPLE, settings=RULES, details=True)
    table = found.table
    assert table.columns == [*news.columns, *NEW[:-1], "names", "story"]
    assert table.schema["published"] == pl.Datetime("us")
    assert table["published"][3] == datetime(2024, 3, 2, 10)
    kinds = [table.schema[name] for name in NEW]
    assert kinds == [*[pl.Float64] * 3, *[pl.List(pl.String)] * 4, pl.String]
    texts = ["\n\n".join(row) for row in news.select("title", "abstract").rows()]
    assert table["complexity"].to_list() == [Complexity().ease(text) for text in texts]
    assert table["grade"].to_list() == [Complexity().grade(text) for text in texts]
    assert table["sentiment"].to_list() == Sentiment().annotate(texts)
    seconds = table["published"].dt.epoch("s").to_list()
    chains = Stories().chains(
        texts,
        ids=news["item_id"].to_list(),
        published=seconds,
        categories=news["category"].to_list(),
    )
    assert table["story"].to_list() == chains
    assert 13 < table["story"].n_unique() < 40
    assert table["people"].to_list()[:4] == [
        ["Nancy Pelosi"],
        ["Kevin McCarthy"],
        ["Ann Zorn"],
        ["Bob Quill"],
    ]
    assert table["parties"].to_list()[:4] == [["Democrat"], ["Republican"], [], []]
    assert table["voices"].to_list()[:3] == [["majority"], ["majority"], ["minority"]]
    assert table["genders"].to_list()[:2] == [["female"], []]
    named = table["names"][0].to_list()[0]
    assert named["text"] == "Nancy Pelosi"
    ((start, end),) = named["spans"]
    assert texts[0][start:end] == "Nancy Pelosi"
    assert "names were found by rules" in found.notes
    assert "something is known of 2 of 4 people named" in found.notes
    assert found.n_texts == 40


def test_some_steps_alone():
    news = articles(6)
    for step, columns in {
        "complexity": NEW[:2],
        "sentiment": ["sentiment"],
        "entities": ["people"],
        "voices": NEW[3:7],
        "stories": ["story"],
    }.items():
        found = enrich(news, steps=[step], people=PEOPLE, settings=RULES)
        assert found.table.columns == [*news.columns, *columns]
    both = enrich(news, steps=("stories", "complexity"), category=None)
    assert both.table.columns == [*news.columns, "complexity", "grade", "story"]


def test_what_cannot_be_done_is_left_out_and_said():
    news = articles(6).drop("published", "category")
    found = enrich(news, settings=RULES)
    assert found.table.columns == [*news.columns, "complexity", "grade", "sentiment", "people"]
    said = " ".join(found.notes)
    assert "voices left out: voices need to know people" in said
    assert "stories left out: stories need to know when articles came out: name the column" in said
    german = enrich(articles(6), language="de")
    assert german.table.columns == [*articles(6).columns, "complexity", "grade", "story"]
    assert german.table["grade"].null_count() == 6
    assert "sentiment left out: Sentiment: the lexicon is English" in " ".join(german.notes)


def test_one_error_names_all_bad_columns():
    news = articles(4).with_columns(title=pl.lit(3), published=pl.lit("soon")).drop("category")
    news = pl.concat([news, news[:1]])
    with pytest.raises(DataError) as error:
        enrich(news, steps=["voices", "stories"], text=["title", "body"])
    for said in (
        "'title' is Int32, not text",
        "no column 'body' (text)",
        "5 times in 'published' cannot be read, such as 'soon'",
        "voices need to know people",
        "Their columns are: item_id, title, abstract, published",
    ):
        assert said in str(error.value)
    with pytest.raises(DataError) as error:
        enrich(
            news.with_columns(published=pl.lit(1_700_000_000)), steps=["stories"], text=["abstract"]
        )
    for said in ("'item_id' (id) has 'n0000' more than once", "no column 'category' (category)"):
        assert said in str(error.value)
    with pytest.raises(DataError, match="no column 'when' "):
        enrich(articles(2), published="when")
    with pytest.raises(DataError, match="no column of text: neither 'title' nor 'abstract'"):
        enrich(articles(2).drop("title", "abstract"))
    with pytest.raises(DataError, match="stories need to know when articles came out"):
        enrich(articles(2).drop("published"), steps=["stories"])


def test_bad_parameters():
    news = articles(2)
    with pytest.raises(UnknownName, match=r"no step 'storys'; did you mean 'stories'"):
        enrich(news, steps=["storys"])
    with pytest.raises(BadParameter, match="steps are a list"):
        enrich(news, steps="stories")
    with pytest.raises(BadParameter, match="got none"):
        enrich(news, steps=[])
    with pytest.raises(BadParameter, match="text is a list of columns"):
        enrich(news, text="title")
    with pytest.raises(UnknownName, match="no step to give settings to 'tone'"):
        enrich(news, settings={"tone": {}})
    with pytest.raises(UnknownName, match="parameter of Stories 'lest'"):
        enrich(news, settings={"stories": {"lest": 1}})
    with pytest.raises(DataError, match="got a dict"):
        enrich({"title": ["a"]})
    with pytest.raises(BadParameter, match="language is one of"):
        enrich(news, steps=["complexity"], settings={"complexity": {"language": "la"}})


def test_columns_of_kinds_that_are_no_names():
    lists = articles(2).with_columns(
        pl.concat_list("item_id").alias("item_id"), pl.struct("category").alias("category")
    )
    with pytest.raises(DataError) as error:
        enrich(lists, steps=["stories"])
    assert "'item_id' (id) is List(String), no text or numbers" in str(error.value)
    assert "'category' (category) is Struct({'category': String}), no text" in str(error.value)
    with pytest.raises(DataError) as error:
        enrich(articles(2).with_columns(published=pl.lit("soon")))
    assert "2 times in 'published' cannot be read" in str(error.value)
    assert "stories need to know when" not in str(error.value)
    never = enrich(articles(3).with_columns(published=None), steps=["stories"]).table
    assert never["story"].to_list() == never["item_id"].to_list()


def test_tags_and_other_letters_are_said():
    news = articles(5).with_columns(
        title=pl.Series(
            [
                "<p>A <b>good</b> day</p>",
                "Law &amp; order",
                "a < b > c & d",
                "東京で地震が発生",
                "Новости",
            ]
        ),
        abstract=pl.lit(""),
    )
    found = enrich(news, steps=["complexity", "sentiment"])
    assert any(note.startswith("2 of 5 texts have HTML in them") for note in found.notes)
    assert any(note.startswith("2 of 5 texts are in other letters") for note in found.notes)
    for name in ("complexity", "grade", "sentiment"):
        assert found.table[name].is_null().to_list() == [False] * 3 + [True] * 2


def test_missing_texts_and_times():
    news = articles(5).with_columns(
        title=pl.Series(["A word.", None, "", "!", "A word."]),
        abstract=pl.Series([None, None, " ", None, None], dtype=pl.String),
        published=pl.Series(["2024-01-01", "2024-01-01", None, "", "2024-01-02"]),
        category=pl.lit("news"),
    )
    found = enrich(news, people=PEOPLE, settings=RULES)
    assert found.table["complexity"].is_null().to_list() == [False, True, True, True, False]
    assert found.table["sentiment"].is_null().to_list() == [False, True, True, True, False]
    assert found.table["people"].to_list() == [[]] * 5
    assert found.table["story"].to_list() == ["n0000", "n0001", "n0002", "n0003", "n0000"]
    assert "2 of 5 articles have no text" in found.notes
    assert found.n_texts == 3
    empty = enrich(news[:0], people=PEOPLE, settings=RULES).table
    assert empty.height == 0
    assert set(NEW) < set(empty.columns)


def test_linkers_one_after_the_other():
    later = Gazetteer(people=(Record(name="Ann Zorn", party=("Z",)), Record(name="Nancy Pelosi")))
    table = enrich(articles(4), people=PEOPLE, linker=later, settings=RULES).table
    assert table["parties"].to_list() == [["Democrat"], ["Republican"], ["Z"], []]
    assert table["voices"].explode().to_list() == ["majority"] * 3 + ["minority"]
    alone = enrich(articles(4), linker=later, settings=RULES).table
    assert alone["parties"].to_list() == [[], [], ["Z"], []]
    by_gender = enrich(articles(4), people=PEOPLE, settings={**RULES, "voices": {"by": "gender"}})
    assert by_gender.table["voices"].to_list() == [["minority"], [], [], []]


def test_columns_that_were_there_are_replaced():
    once = enrich(articles(6), people=PEOPLE, settings=RULES).table
    again = enrich(once, people=PEOPLE, settings=RULES)
    assert_frame_equal(again.table, once)
    assert any(note.startswith("columns that were there are replaced") for note in again.notes)


def test_a_dataset_says_when_articles_were_shown():
    news = articles(6).drop("published", "category").with_columns(category=pl.lit("news"))
    shown = [
        {
            "request_id": 1,
            "user_id": "u",
            "item_id": "n0001",
            "timestamp": 1_700_000_500,
            "click": 1,
        },
        {
            "request_id": 1,
            "user_id": "u",
            "item_id": "n0000",
            "timestamp": 1_700_000_500,
            "click": 0,
        },
        {
            "request_id": 2,
            "user_id": "v",
            "item_id": "n0000",
            "timestamp": 1_700_000_100,
            "click": 0,
        },
        {
            "request_id": 2,
            "user_id": "v",
            "item_id": "n0002",
            "timestamp": 1_700_000_100,
            "click": 1,
        },
    ]
    data = read_impressions(shown, items=news)
    found = enrich(data, settings={**RULES, "stories": {"least": 0.3}})
    assert found.data.catalog.table is found.table
    assert found.data.notes[-len(found.notes) :] == found.notes
    assert found.data.items is data.items
    when = dict(zip(data.items.values, found.table["published"].dt.epoch("s"), strict=True))
    assert (when["n0000"], when["n0001"], when["n0002"]) == (
        1_700_000_100,
        1_700_000_500,
        1_700_000_100,
    )
    story = dict(zip(data.items.values, found.table["story"], strict=True))
    assert [story[f"n000{i}"] for i in range(3)] == ["n0000"] * 3
    assert any("published is when an article was first shown" in note for note in found.notes)
    assert "abstract" not in found.table.columns  # a dataset calls it text, and that is read
    whole = enrich(news, steps=["complexity"]).table
    ease = dict(zip(whole["item_id"], whole["complexity"], strict=True))
    assert found.table["complexity"].to_list() == [ease[name] for name in data.items.values]


def run(cache, out, dies_at):
    command = [sys.executable, str(PROGRAM), str(cache), str(out), str(dies_at)]
    return subprocess.run(
        command, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True
    )


def rows(cache):
    with sqlite3.connect(cache) as file:
        return file.execute("SELECT count(*) FROM facts").fetchone()[0]


def test_killed_in_the_middle_it_goes_on(tmp_path, monkeypatch):
    cache, out = tmp_path / "facts.sqlite", tmp_path / "out.parquet"
    killed = run(cache, out, 6)  # within the second step
    assert killed.returncode == -signal.SIGKILL
    assert killed.stdout.split("\n")[-2] == "sentiment 512 1000"
    assert not out.exists()
    assert rows(cache) == 1000 + 512
    computed = []
    for kind in (Complexity, Sentiment):
        real = kind.found
        monkeypatch.setattr(
            kind,
            "found",
            lambda self, texts, real=real: (
                computed.append((type(self), len(texts))) or real(self, texts)
            ),
        )
    found = enrich(articles(1000), cache=cache, settings=RULES).table
    assert sum(n for kind, n in computed if kind is Complexity) == 0
    assert sum(n for kind, n in computed if kind is Sentiment) == 1000 - 512
    assert_frame_equal(found, enrich(articles(1000), settings=RULES).table)
    whole = run(cache, out, 0)
    assert whole.returncode == 0, whole.stderr
    assert_frame_equal(pl.read_parquet(out), found)


def test_cache_is_by_content_and_by_method(tmp_path):
    cache = tmp_path / "facts.sqlite"
    steps = ["complexity", "sentiment"]
    news = articles(10)
    enrich(news, steps=steps, cache=cache)
    assert rows(cache) == 20
    enrich(news.reverse(), steps=steps, cache=cache)
    enrich(pl.concat([news, news]), steps=steps, cache=cache)
    assert rows(cache) == 20
    enrich(articles(12), steps=steps, cache=cache)
    assert rows(cache) == 24
    enrich(news, steps=["complexity"], language="nl", cache=cache)
    assert rows(cache) == 34
    with sqlite3.connect(cache) as file:
        file.execute("UPDATE facts SET fact = x'7b'")
    with pytest.raises(BadArtifact, match="is damaged: a fact is no JSON; delete it"):
        enrich(news, steps=steps, cache=cache)


def test_order_of_rows_changes_nothing():
    news = articles(60)
    table = enrich(news, people=PEOPLE, settings=RULES).table
    order = np.random.default_rng(0).permutation(60)
    again = enrich(news[order], people=PEOPLE, settings=RULES).table
    assert_frame_equal(again.sort("item_id"), table)


def test_read_articles(tmp_path):
    path = tmp_path / "news.csv"
    articles(3).write_csv(path)
    assert read_articles(path).height == 3
    path.write_text('item_id,title\n1,a,b,c\n2,"x"\n')
    with pytest.raises(DataError, match="rows cannot be read"):
        read_articles(path)


def test_real_news(shared):
    """On MIND's sample: who is a member of the House is found with the right party."""
    path = shared / "mind-demo" / "news_sample.parquet"
    if not path.exists():
        pytest.skip("mind-demo is not in HEADWATER_DATA")
    found = enrich(read_articles(path), people="us_house_116", settings=RULES)
    table = found.table
    assert table["complexity"].is_not_null().sum() == 1000
    assert 50 < table["complexity"].median() < 70
    assert (table["people"].list.len() > 0).mean() > 0.25
    some = table.filter(pl.col("people").list.contains("Nancy Pelosi"))
    assert some.height >= 2
    assert some["parties"].list.contains("Democrat").all()
    assert set(table["parties"].explode().drop_nulls()) == {"Democrat", "Republican"}
    assert STEPS[-1] in " ".join(found.notes)
