"""Table 5.3 of the thesis: DART's metrics by rank-aware Jensen-Shannon divergence, at 10.

Beside them the accuracy at which the recommenders have them. The paper's figures are of MIND-large
with scraped articles: values of other news are others, and what can be compared is their order.
"""

from __future__ import annotations

from ..registry import metric
from . import Asked, Reproduction
from ._radio import DATA, dart, tabled
from ._radio import DEFAULT as DEFAULT

TITLE = "Thesis, Table 5.3: DART's metrics, rank-aware, at 10 (x 100)"
METHODS = DATA
SPLITS = 3
RESUMES = True

PAPER = {
    "lstur": (58.47, 36.32, 90.46, 18.19, 12.61, 4.09),
    "naml": (57.09, 35.93, 88.36, 18.42, 12.30, 3.84),
    "npa": (58.38, 36.19, 89.79, 18.41, 13.59, 3.90),
    "nrms": (56.62, 35.48, 88.72, 17.94, 12.78, 3.62),
    "pop": (65.26, 34.77, 89.23, 19.49, 12.68, 3.42),
    "random": (66.36, 39.81, 94.39, 27.15, 25.78, 6.98),
}


def reproduce(asked: Asked) -> Reproduction:
    metrics = {**dart(), "NDCG@10": metric("NDCG@10"), "AUC": metric("AUC")}
    return tabled(asked, "thesis-5.3", TITLE, metrics, PAPER)
