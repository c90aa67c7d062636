"""What an experiment has shown so far, and what to do, in words and as plain values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from math import isfinite
from typing import Any, Literal

from ._experiment import METRICS, Experiment

__all__ = [
    "ArmSoFar",
    "Contrast",
    "Guarded",
    "Kept",
    "Point",
    "Result",
    "Verdict",
    "advised",
    "plain_values",
]

Action = Literal["go on", "stop", "look"]
Verdict = Literal["better", "worse", "unknown yet"]
Kept = Literal["held", "broken", "unknown yet"]  # of a guardrail


@dataclass(frozen=True)
class ArmSoFar:
    """``mean`` of the metric of ``n`` people, ``low`` to ``high`` however often one looks."""

    name: str
    model: str
    exposed: int  # people who have seen it
    n: int  # those of them whose time is over
    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Guarded:
    """How much worse the arm is than the control: ``loss``, in the unit of the metric."""

    metric: str
    tolerated: float
    loss: float
    low: float
    high: float
    n: tuple[int, int]  # people with a number, of the control and of the arm
    verdict: Kept


@dataclass(frozen=True)
class Point:
    """What was known after ``n`` people."""

    n: int
    mean: float
    low: float
    high: float
    p: float


@dataclass(frozen=True)
class Contrast:
    """An arm less the control. ``plain`` is of the numbers as they are; ``adjusted``, by which it
    is judged, less what was known of people before. ``level`` is shared out among the arms."""

    arm: str
    level: float
    plain: Point
    adjusted: Point
    reduction: float  # share of the variance that what was known before takes
    path: tuple[Point, ...]  # of the adjusted one, to be drawn
    guardrails: tuple[Guarded, ...]
    verdict: Verdict


@dataclass(frozen=True)
class Result:
    """All that is known at ``time``. ``ratio_p``: that the arms have people by their shares."""

    experiment: str
    metric: str
    time: str  # ISO
    control: str
    arms: tuple[ArmSoFar, ...]
    contrasts: tuple[Contrast, ...]
    ratio_p: float
    action: Action
    advice: str
    notes: tuple[str, ...] = field(default=())

    def as_dict(self) -> dict[str, Any]:
        """As plain values for JSON; what is infinite or not known is None."""
        found: dict[str, Any] = plain_values(asdict(self))
        return found


def plain_values(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: plain_values(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain_values(each) for each in value]
    return None if isinstance(value, float) and not isfinite(value) else value


RATIO = 0.01  # below it the arms have lost people


def advised(
    experiment: Experiment, arms: Sequence[ArmSoFar], contrasts: Sequence[Contrast], ratio_p: float
) -> tuple[Action, str]:
    """What to do, and one sentence on why."""
    unit = METRICS.get(experiment.metric, ("", experiment.metric))[1]
    against = experiment.against
    if ratio_p < RATIO:
        have = ", ".join(f"{each.name} {each.exposed:,}" for each in arms)
        want = ", ".join(f"{name} {share:.1%}" for name, share in experiment.dealt.items())
        return "look", (
            f"Find out first where people were lost: the arms have {have}, and should have {want} "
            f"(p = {ratio_p:.2g}); until then nothing that is said here compares like with like."
        )
    for each in contrasts:
        for rail in each.guardrails:
            if rail.verdict == "broken":
                return "stop", (
                    f"Stop {each.arm}: its {rail.metric} is worse than that of {against} by "
                    f"{_ends(rail.low, rail.high)}, and {rail.tolerated:g} was to be tolerated."
                )
    won = [each for each in contrasts if each.verdict == "better"]
    if won:
        best = max(won, key=lambda each: abs(each.adjusted.mean))
        open_ = [rail.metric for rail in best.guardrails if rail.verdict == "unknown yet"]
        what = f"{best.arm} has {_more(best.adjusted, unit)} than {against}"
        if open_:
            wait = f"Go on: {what}, but whether {' and '.join(open_)} hold"
            return "go on", f"{wait}{'s' * (len(open_) == 1)} is not known yet."
        rest = ", and the guardrails hold" if best.guardrails else ""
        return "stop", f"Stop, and keep {best.arm}: {what}{rest}."
    lost = [each for each in contrasts if each.verdict == "worse"]
    if lost and len(lost) == len(contrasts):
        said = "; ".join(f"{each.arm} has {_more(each.adjusted, unit)}" for each in lost)
        return "stop", f"Stop, and keep {against}: {said} than {against}."
    n = sum(each.n for each in arms)
    off = (
        f" ({', '.join(each.arm for each in lost)} did worse, and can be left out)" if lost else ""
    )
    said = f"nothing is decided after {n:,} of {experiment.people:,} people{off}"
    left = next(each for each in contrasts if each.verdict == "unknown yet").adjusted
    if isfinite(left.low) and isfinite(left.high):
        said += f"; the difference lies between {left.low:+.3g} and {left.high:+.3g} {unit}"
    if n < experiment.people:
        return "go on", f"Go on: {said}."
    return "go on", f"Go on only if a difference as small as that matters: {said}."


def _more(point: Point, unit: str) -> str:
    which = "more" if point.mean > 0 else "fewer"
    low, high = sorted((abs(point.low), abs(point.high)))
    return f"{_ends(low, high)} {which} {unit}"


def _ends(low: float, high: float) -> str:
    return f"{low:.3g} to {high:.3g}" if isfinite(high) else f"{low:.3g} or more"
