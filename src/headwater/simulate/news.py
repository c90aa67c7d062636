"""A world of news made up, of which it is known who likes what, who is who, and what is one story.

Its shape is that of MIND: articles with a title and an abstract, people with histories, and
requests with candidates of which some were clicked.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ..errors import BadParameter
from ..model import at_least, between
from ..types import (
    PAD,
    Catalog,
    Dataset,
    Floats,
    Histories,
    Ids,
    Impressions,
    Ints,
    Queries,
    Slate,
)
from ._news_articles import DAY, SECTION, SUBCATEGORIES, Articles, Persons
from ._news_files import write
from ._news_readers import Likes, Readers, Shelf
from ._news_requests import MOST, Shown, histories, requests
from ._news_texts import Texts
from ._news_words import ENDINGS, PARTIES, SECTIONS, STEMS

__all__ = ["MadeNews", "NewsTruth", "NewsWorld"]

BEGIN = 1_572_566_400  # 2019-11-01
LONGEST = 365  # days; draws of more are too small for numbers


@dataclass(frozen=True, eq=False)
class NewsTruth:
    """What a world of news was made of; persons of the news are numbered as in ``persons``.

    Somebody clicks what they are shown with log-odds

        intercept + taste log(1 + S tastes_us) - level (levels_u - difficulty_i)^2
                  + heat attractiveness_i - age days_i

    S being the number of subcategories, s the one of the article and days its age; each slot alone,
    but for this, that every request has a click.
    """

    subcategories: tuple[str, ...]  # S
    tastes: NDArray[np.float32]  # (U, S) shares, adding up to 1
    levels: Floats  # (U,) the difficulty that each likes best
    politics: Floats  # (U,) interest in politics, in deviations
    subcategory: Ints  # (N,) a number in ``subcategories``
    attractiveness: Floats  # (N,) mean 0, deviation 1
    difficulty: Floats  # (N,)
    story: Ints  # (N,) the first article of its story
    tone: Floats  # (N,) the sentiment that it was written with
    chances: NDArray[np.float32]  # (B, K) of a click on each slot shown; 0 where there is none
    persons: pl.DataFrame  # (P,) name, party, gender, wikidata; known: whether in the gazetteer
    named: Histories  # N rows of numbers of persons, in the order in which they are named
    intercept: float
    likes: Likes
    order: Ints  # (N,) the place in time of each article

    def liking(self, user: Ints, items: Ints) -> Floats:
        """What is the person's own of the log-odds; ``user`` and ``items`` of shapes that fit."""
        return self.likes.own(user, self.order[items])

    def log_odds(self, user: Ints, items: Ints, now: Ints) -> Floats:
        """All of them, at the unix times ``now``; -inf where an item is PAD."""
        all_ = self.intercept + self.likes(user, self.order[items], now)
        return np.where(np.asarray(items) == PAD, -np.inf, all_)


@dataclass(frozen=True, eq=False)
class MadeNews:
    """A world of news: the data that anybody could have, and the truth behind them."""

    data: Dataset
    people: pl.DataFrame  # the gazetteer: name, party, gender, wikidata
    truth: NewsTruth

    def write_mind(self, folder: str | Path) -> Path:
        """Write the files of MIND, behaviors.tsv and news.tsv, to ``folder``, and what MIND does
        not have: people.parquet, the gazetteer, and articles.parquet, the whole catalogue.

        `headwater.data.sources.load("mind-small", folder=folder)` reads it. All of the folder is
        written, or nothing of it; `DataError` if it holds something already.
        """
        return write(self.data, self.people, folder)


@dataclass(frozen=True, kw_only=True)
class NewsWorld:
    """``make`` gives articles of ``before + days`` days, what people had read before the last
    ``days`` of them, and in these the requests that they made.

    >>> made = NewsWorld(n_articles=2000, n_users=300, n_impressions=500).make()
    >>> made.data
    Dataset(300 users, 2,000 items, 9,127 events)
    """

    n_articles: int = 50_000
    n_users: int = 20_000
    n_impressions: int = 100_000
    days: float = 7  # in which there are requests
    before: float = 21  # days before them, of which the histories are
    history: float = 19  # articles that people had read before, the median
    newcomers: float = 0.03  # share of people with none
    chained: float = 0.45  # share of articles in stories of several
    n_persons: int | None = None  # who are in the news; None is one for 40 articles, 60 to 1,500
    known: float = 0.55  # share of them in the gazetteer; of politicians more
    clicks: float = 0.04  # share of what is shown
    taste: float = 1.0
    heat: float = 0.7
    level: float = 0.15
    age: float = 0.5  # log-odds lost in a day
    by_popularity: float = 0.5  # share of the candidates that are drawn so; the rest by chance
    by_taste: float = 0.2
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("n_users", "n_impressions"):
            at_least(self, name, getattr(self, name), 1)
        for name in ("taste", "heat", "level", "age"):
            at_least(self, name, getattr(self, name), 0)
        for name in ("newcomers", "chained", "known", "by_popularity", "by_taste"):
            between(self, name, getattr(self, name), 0, 1)
        between(self, "by_popularity + by_taste", self.by_popularity + self.by_taste, 0, 1)
        between(self, "clicks", self.clicks, 0, 0.5)
        at_least(self, "days", self.days, 1)
        at_least(self, "before", self.before, 3)
        between(self, "days + before", self.days + self.before, 4, LONGEST)
        between(self, "history", self.history, 1, 200)
        between(self, "n_persons", self._n_persons, 10, len(STEMS) * len(ENDINGS))
        need = int(np.ceil(2 * MOST * (self.days + self.before) / 2))
        if self.n_articles < need:
            raise BadParameter(
                f"NewsWorld: {self.n_articles:,} articles in {self.days + self.before:g} days are "
                f"too few for lists of up to {MOST} of two days: n_articles must be at least "
                f"{need:,}, or days and before smaller"
            )

    @property
    def _n_persons(self) -> int:
        own = int(np.clip(self.n_articles // 40, 60, 1_500))
        return own if self.n_persons is None else self.n_persons

    def _rng(self, *what: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, *what])

    def make(self) -> MadeNews:
        """The data, the gazetteer and the truth; the same for the same settings."""
        persons = Persons.of(self._n_persons, self.known, self._rng(1))
        days = self.before + self.days
        articles = Articles.of(self.n_articles, BEGIN, days, self.chained, persons, self._rng(2))
        readers = Readers.of(self.n_users, self.history, self.newcomers, self._rng(4))
        likes = Likes(readers, articles, self.taste, self.heat, self.level, self.age)
        rest = 1 - self.by_popularity - self.by_taste
        mixed = (self.by_popularity, self.by_taste, rest)
        shelf = Shelf.of(articles, readers, mixed, popular=1.2)
        first, last = BEGIN + int(self.before * DAY), BEGIN + int(days * DAY)
        past = histories(shelf, likes, BEGIN + 2 * DAY, first, self.seed)
        shown, intercept = requests(
            shelf,
            likes,
            past,
            n=self.n_impressions,
            begin=first,
            end=last,
            share=self.clicks,
            seed=self.seed,
        )
        return self._numbered(persons, articles, likes, past, shown, intercept)

    def _numbered(
        self,
        persons: Persons,
        articles: Articles,
        likes: Likes,
        past: Histories,
        shown: Shown,
        intercept: float,
    ) -> MadeNews:
        """All of it in numbers that do not tell when an article came out."""
        n = self.n_articles
        place = self._rng(11).permutation(n)  # of the article that came out i-th
        order = np.argsort(place)
        texts = Texts.of(articles, persons, self._rng(3))
        ids = pl.Series([f"N{i + 1}" for i in range(n)])
        story = place[articles.story][order]
        table, named = _table(articles, texts, persons, order, ids, story)
        row, slot = np.nonzero(shown.clicks)
        items = np.where(shown.items == PAD, PAD, place[shown.items]).astype(np.int32)
        log = Histories.of(
            np.concatenate([past.rows, shown.user[row]]),
            np.concatenate([place[past.items], items[row, slot]]),
            n_rows=self.n_users,
            n_items=n,
            times=np.concatenate([past.times, shown.now[row]]),
        )
        user = shown.user.astype(np.int32)
        scores = np.where(items == PAD, -np.inf, -np.arange(MOST)).astype(np.float32)
        data = Dataset(
            users=Ids(pl.Series([f"U{u + 1}" for u in range(self.n_users)])),
            items=Ids(ids),
            log=log,
            catalog=Catalog(table),
            impressions=Impressions(
                queries=Queries(log.before(user, shown.now), user, shown.now),
                slate=Slate(items, scores),
                clicks=shown.clicks.astype(np.float32),
                ids=pl.Series(np.arange(1, len(user) + 1, dtype=np.int32)),
            ),
            notes=(f"made up by {self!r}",),
        )
        everybody = persons.table
        truth = NewsTruth(
            subcategories=SUBCATEGORIES,
            tastes=likes.readers.tastes,
            levels=likes.readers.level,
            politics=likes.readers.politics,
            subcategory=articles.subcategory[order],
            attractiveness=articles.attractiveness[order],
            difficulty=articles.difficulty[order],
            story=story,
            tone=articles.tone[order],
            chances=shown.chances,
            persons=everybody,
            named=named,
            intercept=intercept,
            likes=likes,
            order=order,
        )
        return MadeNews(data, everybody.filter("known").drop("known"), truth)


def _table(
    articles: Articles, texts: Texts, persons: Persons, order: Ints, ids: pl.Series, story: Ints
) -> tuple[pl.DataFrame, Histories]:
    """The catalogue, and the persons that each article names."""
    names = np.array([each.name for each in SECTIONS])
    subs = articles.subcategory[order]
    who = texts.people[order]
    row, slot = np.nonzero(who >= 0)
    who = who[row, slot]
    named = Histories.of(row, who, n_rows=len(order), n_items=len(persons.name))
    known, party = persons.known[who], persons.party[who]

    def lists(values: Ints | NDArray[np.str_], keep: NDArray[np.bool_]) -> pl.Series:
        found = pl.DataFrame({"row": row[keep], "value": np.asarray(values)[keep]})
        lists_ = found.group_by("row").agg("value")
        every = pl.DataFrame({"row": np.arange(len(order))})
        joined = every.join(lists_, on="row", how="left", maintain_order="left")["value"]
        return joined.fill_null(pl.Series([[]], dtype=pl.List(pl.String)))

    always = np.ones(len(row), bool)
    wikidata = persons.table["wikidata"].to_numpy()
    table = pl.DataFrame(
        {
            "title": texts.title.gather(order),
            "abstract": texts.abstract.gather(order),
            "category": names[SECTION[subs]],
            "subcategory": np.array(SUBCATEGORIES)[subs],
            "published": pl.from_epoch(pl.Series(articles.published[order]), "s").cast(
                pl.Datetime("us")
            ),
            "url": pl.select(pl.format("https://news.example/{}", ids)).to_series(),
            "complexity": texts.complexity[order],
            "grade": texts.grade[order],
            "story": ids.gather(story),
            "sentiment": texts.sentiment[order],
            "people": lists(np.array(persons.name)[who], always),
            "parties": lists(np.array(list(PARTIES))[party], known & (party >= 0)),
            "voices": lists(np.where(known, "majority", "minority"), always),
            "genders": lists(np.array(persons.gender)[who], known),
            "entities": lists(wikidata[who], known),
        }
    ).with_columns(pl.col("entities").list.unique(maintain_order=True))
    return table, named
