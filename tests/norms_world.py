"""A small made-up newspaper, whose lists keep to a norm until a day, and not for everybody."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import polars as pl

from headwater.evidence import Evidence
from headwater.types import Catalog, Dataset, Histories, Ids, Queries, Slate

DAY = 86_400
START = int(datetime(2024, 3, 4, tzinfo=UTC).timestamp())  # a Monday
COUNTRIES = ("DE", "FR", "NL")


def catalog(rng, n, n_kinds=6):
    def some(names, chances):
        return [list(rng.choice(names, rng.integers(0, 4), p=chances)) for _ in range(n)]

    kind = np.arange(n) % n_kinds
    return kind, pl.DataFrame(
        {
            "category": [f"kind {each}" for each in kind],
            "story": [f"story {each // 3}" for each in range(n)],
            "complexity": rng.normal(60, 10, n),
            "sentiment": rng.normal(0, 0.4, n).clip(-1, 1),
            "parties": some(["red", "blue", "green"], [0.5, 0.3, 0.2]),
            "voices": some(["majority", "minority"], [0.8, 0.2]),
        }
    )


def world(
    *,
    users=60,
    days=12,
    n=180,
    k=10,
    breaks=None,  # the first day on which lists no longer follow what people read
    off=(),  # the countries of people for whom they never do
    seed=0,
):
    """Lists once a day and person, of which 8 of 10 are of the one kind that they read; 1 of 10
    where the norm is broken. `START` is the first day."""
    rng = np.random.default_rng(seed)
    kind, table = catalog(rng, n)
    country = np.array(COUNTRIES)[np.arange(users) % len(COUNTRIES)]
    likes = rng.integers(0, kind.max() + 1, users)
    rows, who, now, past = [], [], [], []
    for day in range(days):
        for user in range(users):
            mine, other = np.flatnonzero(kind == likes[user]), np.flatnonzero(kind != likes[user])
            broken = (breaks is not None and day >= breaks) or country[user] in off
            many = 1 if broken else 8
            each = np.concatenate(
                [
                    rng.choice(mine, many, replace=False),
                    rng.choice(other, k - many, replace=False),
                ]
            )
            rows.append(rng.permutation(each))
            who.append(user)
            now.append(START + day * DAY + 60 * user)
            past.append(rng.choice(mine, 5, replace=False))
    b = len(rows)
    history = Histories.of(np.repeat(np.arange(b), 5), np.concatenate(past), n_rows=b, n_items=n)
    data = Dataset(
        users=Ids(pl.Series([f"u{user}" for user in range(users)])),
        items=Ids(pl.Series([f"n{item}" for item in range(n)])),
        log=Histories.empty(users, n),
        catalog=Catalog(table),
        people=pl.DataFrame({"country": country, "age": rng.integers(18, 80, users)}),
    )
    return Evidence(
        Queries(history, np.array(who, np.int32), np.array(now)),
        Slate(np.array(rows, np.int32), np.zeros((b, k), np.float32)),
        Histories.empty(b, n),
        data,
    )


def tables(seen, folder, *, clicks=False):
    """The evidence as the files of a platform: recommendations, items, a log, people."""
    filled = seen.slate.filled
    row, slot = np.nonzero(filled)
    ids, users = seen.data.items.values, seen.data.users.values
    now = seen.queries.now
    shown = pl.DataFrame(
        {
            "request_id": [f"r{each}" for each in row],
            "user_id": users.gather(seen.queries.user[row]),
            "item_id": ids.gather(seen.slate.items[row, slot]),
            "timestamp": now[row],
            "position": slot,
        }
    )
    if clicks:
        shown = shown.with_columns(click=(pl.col("position") == 0).cast(pl.Int8))
    history = seen.queries.history
    first = np.unique(seen.queries.user, return_index=True)[1]  # what each had read before all
    past = history[first]
    log = pl.DataFrame(
        {
            "user_id": users.gather(seen.queries.user[first][past.rows]),
            "item_id": ids.gather(past.items),
            "timestamp": START - DAY - np.arange(len(past.items)),
        }
    )
    items = pl.concat([pl.DataFrame({"item_id": ids}), seen.data.catalog.table], how="horizontal")
    people = pl.concat([pl.DataFrame({"user_id": users}), seen.data.people], how="horizontal")
    folder.mkdir(parents=True, exist_ok=True)
    shown.write_parquet(folder / "shown.parquet")
    log.write_csv(folder / "log.csv")
    items.write_parquet(folder / "items.parquet")
    people.write_csv(folder / "people.csv")
    return folder
