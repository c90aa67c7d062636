"""Figure 2.3 of the RecFusion thesis: noise and the way back, for the three kinds of noise.

Data      MovieLens-100k, ratings of at least 4 as likes; shown are the 40 users with the most and
          the 60 items chosen most, of a batch that is noised and brought back whole.
Noise     ten steps. activity: constant b = 0.3, every item keeps its mean; coin: constant b = 0.3
          towards 1/2; nothing: b_t = 1 / (T - t + 1), so that half of what is left goes in the
          last step (survival is 1 - b / 2).
Model     `recfusion_bin` after 20 epochs of batches of 20; the way back draws x_{t-1} from the
          mixture of exact posteriors, from the last noised state.
Table     the share of ones: as counted, and as the closed form of q(x_t | x_0) says.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from ..data import sources
from ..pictures import altair, png
from ..registry import build
from ..types import Floats
from . import Asked, Reproduction

__all__ = ["METHODS", "TITLE", "reproduce"]

TITLE = "RecFusion thesis, Figure 2.3: forward and reverse process on MovieLens-100k"
STEPS = 10
NOISE: dict[str, dict[str, Any]] = {
    "activity": {"schedule": "constant", "last_beta": 0.3},
    "coin": {"schedule": "constant", "last_beta": 0.3},
    "nothing": {"schedule": "sohl-dickstein"},
}
METHODS = tuple(NOISE)
SPLITS = 1  # nothing is tested
SHOWN = (0, 3, 6, 10)  # t
USERS, ITEMS = 40, 60


def reproduce(asked: Asked) -> Reproduction:
    data = sources.load("movielens-100k", like=4)
    x = data.log.matrix().toarray()
    rows = np.argsort(-x.sum(1), kind="stable")[:USERS]
    columns = np.argsort(-x.sum(0), kind="stable")[:ITEMS]
    table, panels = [], []
    for i, toward in enumerate(asked.methods):
        how = {"n_epochs": 20, "batch_size": 20, "learning_rate": 1e-3, "seed": asked.seed}
        model = build(
            "recfusion_bin", toward=toward, noise_steps=STEPS, how=how, **NOISE[toward]
        ).fit(data)
        forward, expected, back = walk(model, x, asked.seed)
        for t in range(STEPS + 1):
            table.append(
                {
                    "toward": toward,
                    "t": t,
                    "ones forward, %": round(100 * float(forward[t].mean()), 3),
                    "closed form, %": round(100 * float(expected[t]), 3),
                    "ones on the way back, %": round(100 * float(back[t].mean()), 3),
                }
            )
        shown = [(f"x_{t}", forward[t]) for t in SHOWN]
        shown += [(f"back at {t}", back[t]) for t in reversed(SHOWN[:-1])]
        panels += [(f"{toward}: {name}", state[np.ix_(rows, columns)]) for name, state in shown]
        asked.tell("figure-2.3", i + 1, len(asked.methods))
    return Reproduction(
        name="figure-2.3",
        title=TITLE,
        table=pl.DataFrame(table),
        notes=(
            "towards nothing the way back ends far too full: items are drawn independently of each "
            "other, what is drawn too many is never taken back, and each makes others more likely",
        ),
        picture=picture(panels, len(panels) // len(asked.methods)),
        about={
            "command": asked.command("figure-2.3"),
            "seeds": [asked.seed],
        },
    )


def walk(model: Any, x: Floats, seed: int) -> tuple[list[Floats], list[float], list[Floats]]:
    """x_0 ... x_T, the mean that each should have, and the states of the way back, by t."""
    import torch

    from ..train import seeded

    with torch.inference_mode(), seeded([seed]):
        start = torch.from_numpy(x)
        process = model.process(start.device)
        forward = [start, *process.chain(start)]
        expected = [float(process.marginal(start, t).mean()) for t in range(STEPS + 1)]
        back = [forward[-1]]
        for t in range(STEPS, 0, -1):
            guess = model.logits(model.net_, back[-1], torch.full((1,), t)).sigmoid()
            back.append(torch.bernoulli(process.posterior(back[-1], guess, t).clamp(0, 1)))
        return [s.numpy() for s in forward], expected, [s.numpy() for s in back[::-1]]


def picture(panels: list[tuple[str, Floats]], across: int) -> bytes:
    """The panels as a PNG."""
    alt = altair("figure-2.3")
    charts = []
    for title, state in panels:
        row, item = np.nonzero(state)
        ones = pl.DataFrame({"user": row, "item": item}).to_dicts()
        scale = {"x": alt.Scale(domain=[0, ITEMS], nice=False), "y": alt.Scale(domain=[USERS, 0])}
        charts.append(
            alt.Chart(alt.Data(values=ones), title=title, width=150, height=100)
            .mark_square(size=5, opacity=1, color="#222")
            .encode(
                x=alt.X("item:Q", axis=None, scale=scale["x"]),
                y=alt.Y("user:Q", axis=None, scale=scale["y"]),
            )
        )
    grid = alt.concat(*charts, columns=across).configure_view(stroke="#bbb")
    return png(grid)
