"""Table 5.4 of the thesis: DART's metrics by rank-aware Kullback-Leibler divergence, whole lists.

Its caption says a cut-off at 10; the authors' repository prints the same figures as without one.
Fragmentation is the mean of both directions, as the text says; their code takes one.
"""

from __future__ import annotations

from ..evidence import Metric
from . import Asked, Reproduction
from ._radio import DATA, dart, tabled
from ._radio import DEFAULT as DEFAULT

TITLE = "Thesis, Table 5.4: DART's metrics by rank-aware KL divergence, whole lists"
METHODS = DATA
SPLITS = 3
RESUMES = True

PAPER = {
    "lstur": (2.6038, 1.1432, 7.7201, 0.1481, 0.1078, 0.0142),
    "naml": (2.5333, 1.1287, 7.3926, 0.1531, 0.1047, 0.0127),
    "npa": (2.5945, 1.1390, 7.6202, 0.1521, 0.1237, 0.0134),
    "nrms": (2.5013, 1.1204, 7.4519, 0.1442, 0.1114, 0.0113),
    "pop": (2.9384, 1.1082, 7.6377, 0.1605, 0.1028, 0.0102),
    "random": (3.6038, 1.5985, 8.6295, 0.8079, 1.1248, 0.0420),
}


def reproduce(asked: Asked) -> Reproduction:
    whole = {**dart(None, divergence="kl"), **_at_ten()}
    return tabled(asked, "thesis-5.4", TITLE, whole, PAPER, scale=1.0)


def _at_ten() -> dict[str, Metric]:
    return {f"{name}, at 10": each for name, each in dart(10, divergence="kl").items()}
