"""What clicks were worth: sessions and their satisfaction, back in what rankers learn from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..errors import DataError
from ..types import Dataset, Floats, Impressions, Ints, Queries, Sessions
from ..visits import learnable

__all__ = ["came_for", "session_of", "valued", "worth"]

LATE = 1800  # seconds after its last event that a session is not over


def session_of(queries: Queries, sessions: Sessions, *, late: float = LATE) -> Ints:  # (B,)
    """The row of the session in which each request was made, PAD where there is none.

    That is the latest of the same person that had begun, and whose last event was at most ``late``
    seconds before. `DataError` where nobody knows when requests were made.
    """
    if len(queries) and not queries.now.any():
        raise DataError("nobody says when the requests were made, so in which session is unknown")
    return sessions.at(queries.user, queries.now, late=late)


def worth(shown: Impressions, sessions: Sessions, chances: Floats) -> Impressions:
    """``shown``, each click worth the chance (S,) that its session was satisfying.

    A ranker that learns from them learns to be clicked in sessions that end well. A click outside
    of every session is worth their mean. `DataError` for chances that are none.
    """
    each = _checked(sessions, chances)
    at = session_of(shown.queries, sessions)
    known = np.append(each, each.mean() if len(each) else 1.0)[at]
    return replace(shown, clicks=(shown.clicks * known[:, None]).astype(np.float32))


def valued(data: Dataset, chances: Floats) -> Dataset:
    """``data``, each event of its log worth the chance (S,) that its session was satisfying.

    What learns from values, and metrics of value, then go by satisfaction. An event outside of
    every session is worth the mean.
    """
    sessions = learnable(data)
    each = _checked(sessions, chances)
    log = data.log
    who = Queries(log, log.rows.astype(np.int32), log.times)
    at = session_of(who, sessions)
    values = np.append(each, each.mean() if len(each) else 1.0)[at].astype(np.float32)
    return replace(data, log=replace(log, values=values))


def _checked(sessions: Sessions, chances: Floats) -> Floats:
    chances = np.asarray(chances, np.float64)
    if chances.shape != (len(sessions),) or not ((chances >= 0) & (chances <= 1)).all():
        raise DataError(
            f"there must be a chance, from 0 to 1, for each of {len(sessions):,} sessions; got an "
            f"array of the shape {chances.shape}"
        )
    return chances


def came_for(queries: Queries, sessions: Sessions, chances: Floats | None = None) -> Queries:
    """``queries`` that say why they were made: the intents of their sessions, where these say them;
    else the ``chances`` (S, J) of an intent model, else unknown."""
    if not sessions.intent_names:
        raise DataError("these sessions know no intents: `data.surveys` joins the answers")
    at = session_of(queries, sessions)
    said = sessions.intents.any(1, keepdims=True)
    otherwise = np.nan if chances is None else chances
    each = np.where(said, sessions.intents, otherwise).astype(np.float32)
    unknown = np.full((1, each.shape[1]), np.nan, np.float32)
    return replace(queries, intents=np.concatenate([each, unknown])[at])
