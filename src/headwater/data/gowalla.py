"""Gowalla check-ins in the split of NGCF and LightGCN: who was where, without times.

Source: Wang et al., "Neural Graph Collaborative Filtering", SIGIR 2019, from Cho, Myers, Leskovec,
        "Friendship and Mobility", KDD 2011.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from ._files import adjacency, tidy
from .sources import Layout, Remote, Source, Tables

__all__ = ["SOURCES", "marked"]

SITE = (
    "https://raw.githubusercontent.com/xiangwang1223/neural_graph_collaborative_filtering/master/"
    "Data/gowalla"
)


def marked(train: pl.DataFrame, test: pl.DataFrame) -> pl.DataFrame:
    """Both parts in one table, with a column ``test``."""
    parts = [train.with_columns(test=pl.lit(False)), test.with_columns(test=pl.lit(True))]
    return tidy(pl.concat(parts))


def _read(base: Path) -> Tables:
    return Tables(events=marked(adjacency(base / "train.txt"), adjacency(base / "test.txt")))


def _parquet(base: Path) -> Tables:
    train, test = (pl.read_parquet(base / f"{part}.parquet") for part in ("train", "test"))
    return Tables(events=marked(train, test))


SOURCES = (
    Source(
        name="gowalla",
        title="Gowalla, NGCF split",
        home="https://snap.stanford.edu/data/loc-gowalla.html",
        files=(
            Remote(url=f"{SITE}/train.txt", size=4_700_000),
            Remote(url=f"{SITE}/test.txt", size=1_400_000),
        ),
        terms="Published for research by SNAP and by the authors of NGCF; name both in "
        "publications.",
        terms_url="https://snap.stanford.edu/data/loc-gowalla.html",
        citation="Xiang Wang, Xiangnan He, Meng Wang, Fuli Feng, and Tat-Seng Chua. 2019. Neural "
        "Graph Collaborative Filtering. In SIGIR 2019. And: Eunjoon Cho, Seth A. Myers, and Jure "
        "Leskovec. 2011. Friendship and Mobility. In KDD 2011.",
        sizes={"users": 29_858, "items": 40_981, "events": 1_027_370},
        layouts=(
            Layout(kind="parquet", needs=("train.parquet", "test.parquet"), read=_parquet),
            Layout(kind="official", needs=("train.txt", "test.txt"), read=_read),
        ),
        splits=("test",),
    ),
)
