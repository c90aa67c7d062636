"""Write the one data file of a run, read and split by Headwater: `python prepare.py ml-1m out.npz`.

The data sets:

ml-1m     every rating as a choice, 20 % of each user's at random held out
gowalla   the published split
toy       a made-up world of a few hundred people, for trying things out
"""

from __future__ import annotations

import sys
from pathlib import Path

from common import World, write_world
from scipy.sparse import csr_matrix

from headwater.data import sources
from headwater.data.split import RandomPerUser, Split, split
from headwater.data.toy import blocks
from headwater.types import Histories


def main(name: str, out: Path) -> None:
    if name == "ml-1m":
        world = _arrays(split(sources.load("movielens-1m"), RandomPerUser()))
    elif name == "gowalla":
        world = _published("gowalla")
    elif name == "toy":
        world = _arrays(split(blocks(600, 400, length=30), RandomPerUser()))
    else:
        raise SystemExit(f"no data set {name!r}; there are ml-1m, gowalla, toy")
    write_world(world, out)


def _arrays(parts: Split) -> World:
    """Rows are the users of the training part; whoever is not among them was not asked about."""
    n_users = len(parts.train.users)
    known = parts.queries.user >= 0
    held_out = parts.truth[known]
    rows = parts.queries.user[known][held_out.rows]
    test = Histories.of(rows, held_out.items, n_rows=n_users, n_items=held_out.n_items)
    return World(csr_matrix(parts.train.log.matrix()), csr_matrix(test.matrix()))


def _published(name: str) -> World:
    import polars as pl

    train, test = sources.official(name)
    users = pl.concat([train["user_id"], test["user_id"]]).unique().sort()
    items = pl.concat([train["item_id"], test["item_id"]]).unique().sort()

    def matrix(events: pl.DataFrame) -> csr_matrix:
        rows = users.search_sorted(events["user_id"]).to_numpy()
        columns = items.search_sorted(events["item_id"]).to_numpy()
        log = Histories.of(rows, columns, n_rows=len(users), n_items=len(items))
        return csr_matrix(log.matrix())

    return World(matrix(train), matrix(test))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
