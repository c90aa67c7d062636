"""From who was shown what and what they did, to what an experiment has shown so far.

Each person is one number, of a time that is fixed when they come: from their first exposure until
``horizon`` hours later. They are taken in the order in which they came, and only those whose time
is over, so what is known after n people never changes, and may be looked at whenever one likes
(`evaluation.looks`).

Checked: people by hand; and 200 experiments of two equal arms with 1,500 people, looked at after
         each of them: 0.5 % false alarms, where a t test on each of six days has 9.5 %. Of 60 with
         an effect of a quarter of a click 80 % are found with what people did before, 63 % without,
         tests/serve/test_experiments.py
"""

from __future__ import annotations

from datetime import datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ...errors import BadParameter
from ...evaluation import (
    AT_LEAST,
    Difference,
    Looks,
    boundary,
    looks,
    quantile_interval,
    sample_ratio,
)
from ..events import microseconds
from ._experiment import LATENCY, Experiment, Guardrail, assign
from ._person import BOUNDS, EXPOSURES, MEASURED, between, checked, needs_columns, numbers
from ._result import ArmSoFar, Contrast, Guarded, Kept, Point, Result, Verdict, advised

__all__ = ["analysed"]

LEVEL = 0.95
DRAWN = 200  # looks that a result keeps for its plot
HOUR = 3_600_000_000  # microseconds

Numbers = NDArray[np.float64]


def analysed(
    experiment: Experiment,
    exposures: pl.DataFrame,
    events: pl.DataFrame,
    answers: pl.DataFrame,
    *,
    now: datetime,
    measured: pl.DataFrame | None = None,
) -> Result:
    """What ``experiment`` has shown at ``now``.

    ``exposures`` has user_id, arm and time, a row for each person; ``events`` user_id, kind, time,
    seconds and satisfaction, also from before they came; ``answers`` user_id, time, seconds,
    degraded (a JSON list), experiment and arm; ``measured`` what somebody else measured: user_id,
    time, name and value. Times are unix microseconds. Further columns do not matter.

    People count from when they were first answered in the experiment, or exposed to it if that was
    earlier. After `stopped`, only those whose time was over by then do.
    """
    if now.tzinfo is None:
        raise BadParameter(f"now needs a time zone, such as UTC; got {now}")
    if experiment.started is None:
        raise BadParameter(f"experiment {experiment.name!r} has not started: set `started`")
    events, answers = needs_columns(events, answers)
    measured = None if measured is None else checked(measured, MEASURED, "what was measured")
    seen = _Seen(experiment, exposures, events, answers, measured, now)
    arms = tuple(seen.arm(name) for name in experiment.arms)
    others = [name for name in experiment.arms if name != experiment.against]
    level = 1 - (1 - LEVEL) / len(others)
    contrasts = tuple(seen.contrast(name, level) for name in others)
    ratio_p = sample_ratio(
        [each.exposed for each in arms], [*experiment.dealt.values()], peeked=True
    )
    action, advice = advised(experiment, arms, contrasts, ratio_p)
    return Result(
        experiment=experiment.name,
        metric=experiment.metric,
        time=now.isoformat(),
        control=experiment.against,
        arms=arms,
        contrasts=contrasts,
        ratio_p=ratio_p,
        action=action,
        advice=advice,
        notes=tuple(seen.notes),
    )


class _Seen:
    """The people of an experiment, and their numbers."""

    def __init__(
        self,
        experiment: Experiment,
        exposures: pl.DataFrame,
        events: pl.DataFrame,
        answers: pl.DataFrame,
        measured: pl.DataFrame | None,
        now: datetime,
    ):
        assert experiment.started is not None
        self.experiment, self.notes = experiment, list[str]()
        self.events, self.measured = events, measured
        self.mine = answers.filter(pl.col("experiment") == experiment.name)
        end = now if experiment.stopped is None else min(now, experiment.stopped)
        first = self.mine.group_by("user_id", "arm").agg(answered=pl.col("time").min())
        people = checked(exposures, EXPOSURES, "the exposures")
        people = people.join(first, on=["user_id", "arm"], how="left")
        people = people.with_columns(start=pl.min_horizontal("time", "answered"))
        people = people.filter(pl.col("start") < microseconds(now))
        known = people.filter(pl.col("arm").is_in([*experiment.arms]))
        self._note(len(people) - len(known), "left out, who saw an arm that there is no more")
        started, ended = microseconds(experiment.started), microseconds(end)
        people = known.filter((pl.col("start") >= started) & (pl.col("start") < ended))
        self._note(len(known) - len(people), "left out, who came when it did not run")
        rows = zip(people["user_id"], people["arm"], strict=True)
        moved = sum(assign(experiment, user_id) != arm for user_id, arm in rows)
        self._note(
            moved,
            "who saw another arm than they are assigned now (salt or shares were changed after it "
            "began, or somebody else assigns: begin a new experiment)",
        )
        self.exposed = people.sort("start", "user_id")
        width = round(experiment.horizon * HOUR)
        ready = self.exposed.filter(pl.col("start") + width <= ended)
        self.people = ready.with_columns(end=pl.col("start") + width)
        before = round(experiment.before_days * 24 * HOUR)
        self.earlier = ready.with_columns(start=pl.col("start") - before, end=pl.col("start"))
        late = len(self.exposed) - len(ready)
        hours = f"{experiment.horizon:g} hours"
        over = experiment.stopped is not None and experiment.stopped <= now
        said = f"left out, who came less than {hours} before it stopped"
        self._note(late, said if over else f"who came less than {hours} ago, and count later")
        self.answers = answers
        self._numbers: dict[str, Numbers] = {}

    def _note(self, n: int, said: str) -> None:
        if n:
            self.notes.append(f"people {said}: {n:,}")

    def number(self, metric: str) -> Numbers:
        """Of each person; NaN where there is none."""
        if metric not in self._numbers:
            found = numbers(metric, self.people, self.events, self.mine, self.measured)
            self._numbers[metric] = found.cast(pl.Float64).fill_null(np.nan).to_numpy()
        return self._numbers[metric]

    def known(self, metric: str) -> Numbers | None:  # (n, 1 or 2)
        """The same from before they came, and, where some have none, who that is."""
        if not self.experiment.before_days or not len(self.people):
            return None
        x = numbers(metric, self.earlier, self.events, self.answers, self.measured).to_numpy()
        x = x.astype(np.float64)
        none = np.isnan(x)
        if none.all():
            return None
        x = np.where(none, x[~none].mean(), x)
        return np.column_stack([x, none]) if none.any() else x[:, None]

    def arm(self, name: str) -> ArmSoFar:
        y = self.number(self.experiment.metric)[self.people["arm"].to_numpy() == name]
        y = y[~np.isnan(y)]
        mean, wide = (float(y.mean()) if len(y) else np.nan), np.inf
        if len(y) >= AT_LEAST and np.ptp(y):
            planned = self.experiment.people * self.experiment.dealt[name]
            wide = float(boundary(len(y), planned) * np.sqrt(y.var(ddof=1) / len(y)))
        exposed = int((self.exposed["arm"] == name).sum())
        model = self.experiment.model_of(name)
        return ArmSoFar(name, model, exposed, len(y), mean, mean - wide, mean + wide)

    def compared(
        self, metric: str, arm: str, level: float, people: int, *, adjusted: bool
    ) -> Looks:
        """``arm`` less the control, after every person."""
        y, z = self.number(metric), self.known(metric) if adjusted else None
        of = self.people["arm"].to_numpy()
        among = np.isin(of, (arm, self.experiment.against)) & ~np.isnan(y)
        dealt = self.experiment.dealt
        return looks(
            y[among],
            (of[among] == arm).astype(np.int64),
            planned=people * (dealt[arm] + dealt[self.experiment.against]),
            covariates=None if z is None else z[among],
            bounds=BOUNDS.get(metric),
            level=level,
        )

    def contrast(self, arm: str, level: float) -> Contrast:
        metric, people = self.experiment.metric, self.experiment.people
        plain = self.compared(metric, arm, level, people, adjusted=False)
        found = self.compared(metric, arm, level, people, adjusted=True)
        rails = tuple(
            self.guarded(name, rail, arm, level)
            for name, rail in self.experiment.guardrails.items()
        )
        last = found.last
        verdict: Verdict = "unknown yet"
        if last.p < 1 - level and (last.low > 0 or last.high < 0):
            good = (last.mean > 0) == self.experiment.higher(metric)
            verdict = "better" if good else "worse"
        elif last.p < 1 - level:
            self.notes.append(
                f"{arm} did differ, and does no more: what is true seems to change with time"
            )
        path = tuple(
            Point(
                int(found.n[i]),
                *(float(x[i]) for x in (found.mean, found.low, found.high, found.p)),
            )
            for i in found.thinned(DRAWN)
        )
        return Contrast(
            arm=arm,
            level=level,
            plain=_point(plain.last),
            adjusted=_point(last),
            reduction=found.reduction,
            path=path,
            guardrails=rails,
            verdict=verdict,
        )

    def guarded(self, metric: str, rail: Guardrail, arm: str, level: float) -> Guarded:
        people = rail.people or self.experiment.people
        if metric == LATENCY:
            loss, low, high, n = self.slower(arm, level, people)
        else:
            last = self.compared(metric, arm, level, people, adjusted=True).last
            loss, low, high, n = last.mean, last.low, last.high, last.n
            if self.experiment.higher(metric):
                loss, low, high = -loss, -high, -low
        verdict: Kept = "unknown yet"
        if low > rail.tolerated:
            verdict = "broken"
        elif high <= rail.tolerated:
            verdict = "held"
        return Guarded(metric, rail.tolerated, loss, low, high, n, verdict)

    def slower(
        self, arm: str, level: float, people: int
    ) -> tuple[float, float, float, tuple[int, int]]:
        """By how many ms the slowest 5 % of the answers of an arm begin later than the control's;
        each arm has an interval of half the error, so both hold together."""
        found, sizes = [], []
        for name in (self.experiment.against, arm):
            those = self.people.filter(pl.col("arm") == name)
            rows = between(those, self.mine.filter(pl.col("arm") == name))
            who, ms = rows["user_id"].to_physical(), rows["seconds"].to_numpy() * 1000
            planned = people * self.experiment.dealt[name]
            who_at = who.rank("dense").to_numpy() if len(who) else np.zeros(0, np.int64)
            half = 1 - (1 - level) / 2
            found.append(quantile_interval(ms, who_at, 0.95, planned=planned, level=half))
            sizes.append(who.n_unique())
        (a, a_low, a_high), (b, b_low, b_high) = found
        return b - a, b_low - a_high, b_high - a_low, (sizes[0], sizes[1])


def _point(found: Difference) -> Point:
    return Point(sum(found.n), found.mean, found.low, found.high, found.p)
