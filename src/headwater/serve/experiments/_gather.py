"""What an experiment is judged by, out of the event store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from ...errors import DataError, HeadwaterError, UnknownName
from ...evidence import Evidence, Metric
from ...extras import needs
from ...registry import metric as metric_called
from ...types import Dataset
from ..events import CHOSEN, microseconds
from ..store import Store
from ..store._rows import whole
from ..store._standing import last_said
from ..store._tables import ANSWERS as ANSWERED
from ..store._tables import EVENTS as HAPPENED
from ..store._tables import EXPOSURES
from ._analysis import analysed
from ._experiment import METRICS, Experiment
from ._keeping import named
from ._person import ANSWERS, EVENTS
from ._result import Result

with needs("the event store", "serve"):
    import sqlalchemy as sa

__all__ = ["analyse", "analyse_named", "list_metrics", "measured_lists"]


def analyse(
    store: Store,
    experiment: Experiment,
    *,
    now: datetime,
    lists: Mapping[str, Metric] | None = None,
) -> Result:
    """What ``experiment`` has shown at ``now``, from what the ``store`` keeps: `analysed`.

    Only people are counted who agreed to "full", and have not taken it back since: so nothing is
    learned from the others, here neither. ``lists`` are metrics of `headwater.metrics` by which
    what was shown is judged, under the names that the experiment gives them; a person has the mean
    of their lists. `UnknownName` if the experiment names another metric.
    """
    lists = lists or {}
    asked = {experiment.metric, *experiment.guardrails} - {*METRICS}
    unknown = sorted(asked - {*lists})
    if unknown:
        raise UnknownName("metric", unknown[0], [*METRICS, *lists], "Give it in `lists`.")
    agreed = _agreed(store, experiment.name)
    exposures = store.exposures(experiment.name).join(agreed, on="user_id", how="semi")
    began = experiment.started or now
    since = microseconds(began - timedelta(days=experiment.before_days, hours=1))
    kinds = (*CHOSEN, "survey")
    event = (HAPPENED.c.consent == "full") & (HAPPENED.c.time >= since) & HAPPENED.c.kind.in_(kinds)
    answer = (ANSWERED.c.consent == "full") & (ANSWERED.c.time >= since)
    frames = (
        whole(EVENTS, store.frames(EVENTS, where=event)),
        whole(ANSWERS, store.answers(ANSWERS, where=answer)),
    )
    events, answers = (each.join(agreed, on="user_id", how="semi") for each in frames)
    measured = None
    if asked:
        measured = measured_lists(store.dataset(), {name: lists[name] for name in sorted(asked)})
    return analysed(experiment, exposures, events, answers, now=now, measured=measured)


def analyse_named(
    store: Store,
    name: str,
    *,
    now: datetime,
    kinds: str = "genres",
    lists: Mapping[str, Metric] | None = None,
) -> Result:
    """`analyse` of the experiment that the store keeps under ``name``, with the `list_metrics` that
    it names, and ``lists``."""
    made = named(store, name)
    return analyse(store, made, now=now, lists={**list_metrics(made, kinds), **(lists or {})})


def list_metrics(experiment: Experiment, kinds: str) -> dict[str, Metric]:
    """Those of `headwater.metrics` that ``experiment`` names, such as "Calibration@10"; by the
    column ``kinds`` of the catalogue, where a name does not say by which."""
    found: dict[str, Metric] = {}
    for name in sorted({experiment.metric, *experiment.guardrails} - {*METRICS}):
        try:
            made: Any = metric_called(name)
        except HeadwaterError:
            continue  # `analyse` says that nobody has measured it
        by = getattr(made, "by", None)
        if by is not None and by != kinds and "by=" not in name:
            made = replace(made, by=kinds)
        found[name] = made
    return found


def measured_lists(data: Dataset, metrics: Mapping[str, Metric]) -> pl.DataFrame:
    """What each metric says of each list in the impressions of ``data``: user_id, time (unix
    microseconds), name and value, NaN where a metric says nothing.

    `DataError` without impressions, or for a metric that has one number for all lists together.
    """
    shown = data.impressions
    if shown is None:
        raise DataError(
            f"no lists to judge by {', '.join(metrics)}: nothing that was shown is kept"
        )
    seen = Evidence(shown.queries, shown.slate, shown.chosen, data)
    end = shown.queries.now * 1_000_000 + 999_999  # of the second: not before they came
    users = data.users.decode(shown.queries.user).cast(pl.String)
    parts = []
    for name, metric in metrics.items():
        value = np.asarray(metric(seen), np.float64)
        if value.shape != (len(shown),):
            raise DataError(f"{name} has no number for each list, and cannot be a person's")
        columns = {"user_id": users, "time": end, "value": value}
        parts.append(pl.DataFrame(columns).with_columns(name=pl.lit(name)))
    return pl.concat(parts).filter(pl.col("user_id").is_not_null())


def _agreed(store: Store, experiment: str) -> pl.DataFrame:
    """Who was exposed, and agreed to "full" by what they last said; or, who never said so to the
    store, by what the site said with their events, or by what the store takes people to have
    said."""
    last = last_said().subquery()
    said = sa.select(last.c.user_id)
    who = EXPOSURES.c.user_id
    full = [who.in_(said.where(last.c.level == "full"))]
    for table in (HAPPENED, ANSWERED):
        full.append(who.in_(sa.select(table.c.user_id).where(table.c.consent == "full")))
    agreed = sa.true() if store.default == "full" else sa.or_(*full)
    asked = sa.select(who).where(
        EXPOSURES.c.experiment == experiment,
        who.not_in(said.where(last.c.level != "full")),
        agreed,
    )
    with store._begin() as db:
        return pl.DataFrame({"user_id": db.execute(asked).scalars().all()}, {"user_id": pl.String})
