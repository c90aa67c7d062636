"""Table 5.5: what lists that differ in DART's metrics have by measures that know no norms.

Intra-list distance, the mean over pairs of 1 - cosine of the texts' TF-IDF, is the baseline that
chapter 5 sets its metrics against; the distance of subcategories and the coverage of categories are
beside it. The thesis's own figures of it are not at hand. The notes say how far the order of the
recommenders by each is that by DART's metrics (Kendall's tau over the means of table 5.3).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import product
from typing import Any, ClassVar

import numpy as np
import polars as pl
from scipy.stats import kendalltau

from ..errors import MissingExtra
from ..evidence import Evidence, Metric
from ..metrics._slots import ratio
from ..metrics.intra_list_distance import cosines
from ..registry import build, metric
from ..types import Catalog, Floats
from . import Asked, Reproduction
from ._radio import DATA, REPEATS, dart, tabled
from ._radio import DEFAULT as DEFAULT

TITLE = "Thesis, Table 5.5: distance within lists and coverage beside DART, at 10 (x 100)"
METHODS = DATA
SPLITS = 3
RESUMES = True

BESIDE: Mapping[str, Any] = {
    "category coverage": ("category_coverage", {"by": "category", "over": "lists"}),
    "subcategory distance": ("intra_list_distance", {"by": "subcategory"}),
}


class TextDistance:
    """Intra-list distance by TF-IDF of titles and abstracts, sparse; in [0, 1]."""

    best: ClassVar[str] = "high"

    def __init__(self, k: int = 10):
        self.k = k
        self.of: Catalog | None = None
        self.x: Any = None

    def __call__(self, seen: Evidence) -> Floats:  # (B,)
        if self.of is not seen.data.catalog:
            self.of, self.x = seen.data.catalog, vectors(seen.data.catalog)
        there = np.append(np.diff(self.x.indptr) > 0, False)
        items, filled = seen.slate.items[:, : self.k], seen.slate.filled[:, : self.k]
        filled = there[np.where(filled, items, len(there) - 1)]
        alike = cosines(self.x, items[filled], np.nonzero(filled)[0], len(items))
        m = filled.sum(1).astype(np.float64)
        return ratio((m * m - alike).clip(0), m * (m - 1))


def vectors(catalog: Catalog) -> Any:  # (N, terms) csr
    try:
        from sklearn.feature_extraction.text import TfidfVectorizer
    except ModuleNotFoundError:
        raise MissingExtra("thesis-5.5", "sklearn", "labels") from None
    columns = [name for name in ("title", "abstract", "text") if name in catalog.table.columns]
    texts = catalog.table.select(pl.concat_str(columns, separator=" ", ignore_nulls=True))
    return TfidfVectorizer(min_df=2).fit_transform(texts.to_series().to_list())


def reproduce(asked: Asked) -> Reproduction:
    beside: dict[str, Metric] = {"distance of texts": TextDistance()}
    beside |= {name: build(f"metrics.{m}", k=10, **how) for name, (m, how) in BESIDE.items()}
    beside["NDCG@10"] = metric("NDCG@10")
    found = tabled(asked, "thesis-5.5", TITLE, {**beside, **dart()}, {})
    notes = [note for note in found.notes if not any(f": {name}:" in note for name in dart())]
    return replace(found, notes=(*notes, *taus(found.table, list(beside)[:-1])))


def taus(table: pl.DataFrame, plain: list[str]) -> list[str]:
    said = []
    for (source,), rows in table.group_by(["data"], maintain_order=True):
        means = {
            name: mine.sort("method")["ours"].cast(float).to_numpy()
            for (name,), mine in rows.filter(pl.col("method") != REPEATS).group_by(["metric"])
        }
        for one, other in product(plain, dart()):
            if np.isnan(means[one]).any() or np.isnan(means[other]).any():
                continue
            tau = kendalltau(means[one], means[other]).statistic
            said.append(f"{source}: {one} and {other}: Kendall's tau {tau:+.2f}")
    return said
