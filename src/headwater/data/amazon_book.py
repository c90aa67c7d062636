"""Amazon books in the split of KGAT: who reviewed what, with the books' ASIN and Freebase ids.

Source: Wang et al., "KGAT: Knowledge Graph Attention Network for Recommendation", KDD 2019, from
        the review data of McAuley et al., SIGIR 2015.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from ._files import adjacency, lines, tidy
from .gowalla import marked
from .sources import Layout, Remote, Source, Tables

__all__ = ["SOURCES"]

SITE = (
    "https://raw.githubusercontent.com/xiangwang1223/knowledge_graph_attention_network/"
    "7bbdb5d080093e9680c97eff76b78278a8500034/Data/amazon-book"  # a commit: it cannot change
)


def _read(base: Path) -> Tables:
    items = None
    if (base / "item_list.txt").exists():
        _, *rows = [line.split(" ") for line in lines(base / "item_list.txt")]
        items = pl.DataFrame(rows, schema=["asin", "item_id", "freebase_id"], orient="row")
        items = tidy(items.select("item_id", "asin", "freebase_id"))
    events = marked(adjacency(base / "train.txt"), adjacency(base / "test.txt"))
    return Tables(events=events, items=items)


def _parquet(base: Path) -> Tables:
    train, test = (pl.read_parquet(base / f"{part}.parquet") for part in ("train", "test"))
    items = None
    if (base / "item_map.parquet").exists():
        items = tidy(pl.read_parquet(base / "item_map.parquet"))
        items = items.select("item_id", "asin", "freebase_id")
    return Tables(events=marked(train, test), items=items)


SOURCES = (
    Source(
        name="amazon-book",
        title="Amazon books, KGAT split",
        home="https://github.com/xiangwang1223/knowledge_graph_attention_network",
        files=(
            Remote(url=f"{SITE}/train.txt", size=3_897_477),
            Remote(url=f"{SITE}/test.txt", size=1_478_039),
            Remote(url=f"{SITE}/item_list.txt", size=658_401),
        ),
        terms="For research. Name the source in publications, no commercial use and no passing on "
        "without the authors' permission, and do not try to find out who the people are.",
        terms_url="https://github.com/xiangwang1223/knowledge_graph_attention_network/blob/master/"
        "Data/README.md",
        citation="Xiang Wang, Xiangnan He, Yixin Cao, Meng Liu, and Tat-Seng Chua. 2019. KGAT: "
        "Knowledge Graph Attention Network for Recommendation. In KDD 2019. And: Julian McAuley, "
        "Christopher Targett, Qinfeng Shi, and Anton van den Hengel. 2015. Image-Based "
        "Recommendations on Styles and Substitutes. In SIGIR 2015.",
        sizes={"users": 70_679, "items": 24_915, "events": 846_434},
        layouts=(
            Layout(
                kind="parquet",
                folders=("kgat-amazon-book",),
                needs=("train.parquet", "test.parquet"),
                read=_parquet,
            ),
            Layout(
                kind="official",
                folders=("kgat-amazon-book",),
                needs=("train.txt", "test.txt"),
                read=_read,
            ),
        ),
        splits=("test",),
        also="Not the set of the same name in the NGCF and LightGCN papers, which has 52,643 "
        "users and 91,599 items. The paper says 847,733 events; the released files have 846,434.",
    ),
)
