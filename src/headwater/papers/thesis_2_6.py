"""Table 2.6 of the RecFusion thesis: how many weights the models have.

Data      none: the counts follow from the number of items, 3,416, which is that of MovieLens-1M
          without a threshold (thesis-2.3 counts it).
Differs   the thesis prints the same digits with the commas elsewhere. CODIGEM's count is that of
          the authors' port, in which the hidden layers of a net are one and the same (``tied``).
"""

from __future__ import annotations

import polars as pl

from ..registry import build
from . import Asked, Reproduction

__all__ = ["METHODS", "TITLE", "reproduce"]

TITLE = "RecFusion thesis, Table 2.6: number of weights at 3,416 items"
N_ITEMS = 3416
ROWS = {
    "multvae": ({"model": "multvae"}, 4_464_216),
    "codigem": ({"model": "codigem", "tied": True}, 5_603_886),
    "recfusion": ({"model": "recfusion"}, 1_410_218),
}
METHODS = tuple(ROWS)
SPLITS = 1  # nothing is split


def reproduce(asked: Asked) -> Reproduction:
    rows = []
    for i, name in enumerate(asked.methods):
        tree, printed = ROWS[name]
        model = build(tree)
        model.n_items_ = N_ITEMS
        ours = sum(p.numel() for p in model.build().parameters())
        rows.append({"method": name, "paper": printed, "ours": ours, "accepted": ours == printed})
        asked.tell("thesis-2.6", i + 1, len(asked.methods))
    return Reproduction(
        name="thesis-2.6",
        title=TITLE,
        table=pl.DataFrame(rows),
        about={"command": "headwater reproduce thesis-2.6", "n_items": N_ITEMS},
    )
