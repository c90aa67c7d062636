"""Small surveys for the tests of what is drawn of them."""

import numpy as np
import polars as pl

from headwater.types import Sessions

INTENTS = ("catch_up", "continue_watching", "live_tv", "specific_title", "add_to_watchlist")
INTENTS += ("genre", "new", "watchlist")
GROUPS = {name: "decisive" if i < 4 else "explorative" for i, name in enumerate(INTENTS)}
NAMES = ("num_plays", "time_to_first_play", "num_trailer_plays", "num_searches", "session_length")


def survey(n=600, *, seed=0, effect=0.0, intent_effect=0.0, answers=None, intents=INTENTS):
    """``n`` answered sessions; ``effect`` of a search and ``intent_effect`` of the third intent on
    satisfaction, in deviations of a level."""
    rng = np.random.default_rng(seed)
    came = rng.random((n, len(intents))) < 0.27
    searches = rng.poisson(0.4, n)
    length = np.exp(rng.normal(6.5, 0.8, n))
    plays = rng.poisson(0.8, n)
    first = np.where(plays > 0, np.minimum(np.exp(rng.normal(4, 0.8, n)), length), np.nan)
    trailers = (rng.random(n) < 0.03).astype(float)
    if answers is None:
        score = rng.normal(size=n) + effect * searches
        if len(intents) > 2:
            score += intent_effect * came[:, 2]
        answers = 1 + np.searchsorted([-1.55, -1.2, -0.8, 0.27], score)
    return Sessions(
        ids=pl.Series([f"session-{i}" for i in range(n)]),
        user=np.arange(n, dtype=np.int32),
        start=1_700_000_000 + 3600 * np.arange(n, dtype=np.int64),
        seconds=length.astype(np.float32),
        behaviours=np.column_stack([plays, first, trailers, searches, length]).astype(np.float32),
        names=NAMES,
        censored=("time_to_first_play",),
        intents=came,
        intent_names=intents,
        satisfaction=np.asarray(answers, np.int8),
        shown=np.ones(n, bool),
        weights=np.ones(n, np.float32),
    )
