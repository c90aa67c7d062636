"""Open Bandit: fashion that was shown by a random policy and by Thompson sampling, with the chance
of each showing.

Source: Saito, Aihara, Matsutani, Narita, "Open Bandit Dataset and Pipeline", NeurIPS 2021 Datasets.
        arXiv:2008.07146; the sample of 10,000 rounds for each campaign and policy.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl

from .sources import Layout, Remote, Source, Tables, clicked

__all__ = ["SOURCES"]

SITE = "https://raw.githubusercontent.com/st-tech/zr-obp/master/obp/dataset/obd"
KNOWN = [f"user_feature_{i}" for i in range(4)]


def _tables(rounds: pl.DataFrame, items: pl.DataFrame) -> Tables:
    who = pl.concat_str([pl.col(name).str.head(8) for name in KNOWN], separator="-")
    rounds = rounds.with_row_index("request_id").with_columns(user_id=who)
    shown = rounds.select(
        "request_id",
        "user_id",
        pl.col("item_id").cast(pl.Int32),
        pl.col("timestamp").str.to_datetime(time_unit="us", time_zone="UTC"),
        "position",
        "click",
        propensity="propensity_score",
    )
    kept = [name for name in items.columns if name.startswith("item_")]
    return Tables(
        events=clicked(shown),
        items=items.select(kept).cast({"item_id": pl.Int32}),
        users=rounds.select("user_id", *KNOWN).unique(maintain_order=True),
        shown=shown,
    )


def _official(campaign: str) -> Callable[[Path], Tables]:
    def read(base: Path) -> Tables:
        rounds = pl.read_csv(base / f"{campaign}.csv")
        return _tables(rounds, pl.read_csv(base / "item_context.csv"))

    return read


def _parquet(policy: str, campaign: str) -> Callable[[Path], Tables]:
    def read(base: Path) -> Tables:
        rounds = pl.read_parquet(base / f"{policy}_{campaign}.parquet")
        return _tables(rounds, pl.read_parquet(base / f"items_{campaign}.parquet"))

    return read


SIZES = {  # users, items, clicks
    ("random", "all"): (240, 80, 38),
    ("random", "men"): (230, 34, 46),
    ("random", "women"): (205, 46, 46),
    ("bts", "all"): (253, 80, 42),
    ("bts", "men"): (238, 34, 69),
    ("bts", "women"): (212, 46, 46),
}
SOURCES = tuple(
    Source(
        name=f"open-bandit-{policy}-{campaign}",
        title=f"Open Bandit sample, campaign {campaign!r}, policy {policy!r}",
        home="https://research.zozo.com/data.html",
        files=(
            Remote(url=f"{SITE}/{policy}/{campaign}/{campaign}.csv"),
            Remote(url=f"{SITE}/{policy}/{campaign}/item_context.csv"),
        ),
        terms="CC BY 4.0: use, change and pass on, with the source named.",
        terms_url="https://creativecommons.org/licenses/by/4.0/",
        citation="Yuta Saito, Shunsuke Aihara, Megumi Matsutani, and Yusuke Narita. 2021. Open "
        "Bandit Dataset and Pipeline: Towards Realistic and Reproducible Off-Policy Evaluation. In "
        "NeurIPS 2021 Datasets and Benchmarks.",
        sizes=dict(zip(("users", "items", "events"), SIZES[policy, campaign], strict=True)),
        layouts=(
            Layout(
                kind="parquet",
                folders=("open-bandit-sample",),
                needs=(f"{policy}_{campaign}.parquet", f"items_{campaign}.parquet"),
                read=_parquet(policy, campaign),
            ),
            Layout(
                kind="official",
                needs=(f"{campaign}.csv", "item_context.csv"),
                read=_official(campaign),
            ),
        ),
        also="Nobody is named: a user is everybody with the same four features. Each round is one "
        "of three places on the page, and which one is in the table only.",
    )
    for policy in ("random", "bts")
    for campaign in ("all", "men", "women")
)
