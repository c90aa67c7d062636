"""A survey among sessions: what is asked and of whom, and the answers beside what was done."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from os import PathLike
from typing import Any

import numpy as np
import polars as pl
from scipy.special import expit

from ..errors import BadParameter, DataError
from ..features import moments, standardised
from ..glm import newton, with_one
from ..types import Dataset, Floats, Ids, Sessions
from ..visits import columns, learnable
from ._answers import Answers, read_answers
from ._placing import Known, asked_in, on_time
from ._survey import Survey

__all__ = ["Answers", "Survey", "join", "read_answers", "response_weights"]

log = logging.getLogger("headwater")


def join(
    data: Dataset,
    answers: Any,
    survey: str | PathLike[str] | Mapping[str, Any] | Survey = "video",
    *,
    asked: Any = None,
    tolerance: float = 3600,
    weighted: bool = False,
    **columns: Any,
) -> Dataset:
    """``data`` with the ``answers`` beside their sessions.

    ``answers`` is what `read_answers` gives, or what it takes, ``columns`` being its arguments.
    ``asked`` is a table with the sessions that were shown the survey, if ``answers`` does not say
    so, read in the same ``encoding``; without either only those who answered count as shown. With
    ``weighted`` the answers have `response_weights`.

    An answer belongs to the session that it names, of its user where it says who that is. If it
    names none, or the log has none of those that the answers name, it belongs to the latest session
    of its user that had begun by then and was not over for more than ``tolerance`` seconds.

    Left out, and counted in `Dataset.notes`: answers for sessions that are not there or are of
    somebody else, answers more than ``tolerance`` seconds before their session began or after it
    ended, whose clock is wrong, and all but the first answer of a session. An answer without a time
    is taken as it is.

    `DataError` if no answer is left.

    >>> from headwater.data.sessions import read_sessions
    >>> at = 1_700_000_000
    >>> data = read_sessions([{"user_id": 1, "timestamp": at, "event": "play", "session_id": "x"}])
    >>> join(data, [{"session_id": "x", "satisfaction": 4, "intents": "new"}]).sessions.satisfaction
    array([4], dtype=int8)
    """
    if tolerance < 0:
        raise BadParameter(f"tolerance is in seconds, at least 0; got {tolerance}")
    sessions = learnable(data)
    found = answers if isinstance(answers, Answers) else read_answers(answers, survey, **columns)
    encoding = columns.pop("encoding", "utf-8")
    if found is answers and columns:
        raise BadParameter(f"the answers are read already: leave {', '.join(columns)} out")
    notes = list(found.notes)
    known = Known(data, tolerance)
    rows = known.placed(found.table.with_row_index("row"), "rows of the survey", notes)
    rows = on_time(rows, sessions, tolerance, notes)
    rows = rows.sort(
        pl.col("satisfaction").is_null(), "time", "row", nulls_last=True, maintain_order=True
    )
    given = rows["satisfaction"].is_not_null().sum()
    rows = rows.unique("at", keep="first", maintain_order=True)
    first = rows.filter(pl.col("satisfaction").is_not_null())
    if given > len(first):
        notes.append(
            f"left out {given - len(first):,} answers of sessions that had answered before: the "
            "first one counts"
        )
    if len(first) == 0:
        raise DataError(f"no answer belongs to a session: {'; '.join(notes)}")
    satisfaction = np.zeros(len(sessions), np.int8)
    satisfaction[first["at"].to_numpy()] = first["satisfaction"].to_numpy()
    intents = np.zeros((len(sessions), len(found.survey.names)), bool)
    each = first.select("at", "intents").explode("intents").drop_nulls("intents")
    intents[each["at"].to_numpy(), Ids(pl.Series(found.survey.names)).encode(each["intents"])] = (
        True
    )
    shown = np.zeros(len(sessions), bool)
    shown[rows["at"].to_numpy()] = True
    if asked is not None:
        shown |= asked_in(asked, known, encoding, notes)
    elif not found.silence:
        notes.append("nobody says who was asked and kept silent: only who answered counts as asked")
    notes.append(
        f"{len(first):,} answers of {len(sessions):,} sessions; {int(shown.sum()):,} were asked"
    )
    joined = replace(
        sessions,
        satisfaction=satisfaction,
        intents=intents,
        intent_names=found.survey.names,
        shown=shown,
        weights=np.ones(len(sessions), np.float32),
    )
    if weighted:
        joined = replace(joined, weights=response_weights(joined))
    for note in notes:
        log.info(note)
    return replace(data, sessions=joined, notes=(*data.notes, *notes))


def response_weights(sessions: Sessions, *, l2: float = 1.0, most: float = 10.0) -> Floats:
    """How many sessions each answer stands for, (S,) float32, their mean being 1; 0 without one.

    Weights are one over the chance that who was asked answers, which a logistic regression learns
    from log(1 + x) of the behaviours, on one scale and with a penalty of ``l2``. They are at most
    ``most``. That mends what behaviour explains of who answers, and nothing else. `DataError` if
    all or none of those who were asked answered.

        w_s = 1 / p_s,   p_s = P(answered | behaviours)
    """
    if l2 < 0:
        raise BadParameter(f"l2 must be at least 0; got {l2}")
    if most < 1:
        raise BadParameter(f"most is at least 1, the mean of the weights; got {most}")
    at = np.flatnonzero(sessions.shown)
    asked = sessions[at]
    y = asked.answered.astype(np.float64)
    if not y.any() or y.all():
        raise DataError(
            f"of {len(y):,} sessions that were asked {int(y.sum()):,} answered; weights for those "
            "who kept silent take some of both. Who was asked is in the column `shown` of the "
            "answers, or in a table of its own, asked='its path'"
        )
    _, x = columns(asked, log=True)
    x = with_one(standardised(x, *moments(x)))
    penalty = np.full(x.shape[1], float(l2))
    penalty[0] = 0
    slopes, _ = newton(x, y, np.ones(len(y)), penalty)
    weights: Floats = 1 / expit(x @ slopes)[y > 0]
    weights = _at_most(weights / weights.mean(), most)
    out = np.zeros(len(sessions), np.float32)
    out[at[y > 0]] = weights
    return out


def _at_most(weights: Floats, most: float) -> Floats:
    """With a mean of 1 and none above ``most``: what is cut off goes to the others."""
    while weights.max() > most * (1 + 1e-9):
        capped = weights >= most
        free = len(weights) - most * capped.sum()
        weights = np.where(capped, most, weights * free / weights[~capped].sum())
    return weights
