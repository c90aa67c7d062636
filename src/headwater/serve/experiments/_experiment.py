"""What an experiment is, and who is in which of its arms."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cached_property
from itertools import accumulate
from typing import Annotated, Any, Literal

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from ...errors import BadParameter, UnknownName
from ..events import UNKEPT

__all__ = ["BUCKETS", "CURRENT", "LATENCY", "METRICS", "Arm", "Experiment", "Guardrail", "assign"]

BUCKETS = 10_000
CURRENT = "current"  # the version that is published, whichever that is
LATENCY = "latency_p95"
Better = Literal["higher", "lower"]
METRICS: dict[str, tuple[Better, str]] = {  # which way is better, and what one of them is called
    "clicks": ("higher", "clicks a person"),
    "plays": ("higher", "plays a person"),
    "bookmarks": ("higher", "bookmarks a person"),
    "minutes": ("higher", "minutes a person"),
    "active": ("higher", "of the people who clicked, played or kept something"),
    "satisfaction": ("higher", "points of satisfaction, from 1 to 5"),
    "degraded": ("lower", "of a person's answers that left something out"),
    LATENCY: ("lower", "ms that 95 % of the answers take at most"),
}


class _Read(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def _plain(value: Any) -> Any:
    if isinstance(value, str) and (value != value.strip() or UNKEPT.search(value)):
        raise ValueError("begins or ends with a space, or has characters in it that are none")
    return value


Name = Annotated[str, Field(min_length=1, max_length=200), BeforeValidator(_plain)]


class Arm(_Read):
    """One of the ways that are compared."""

    share: Annotated[float, Field(gt=0, le=1)]  # of all people
    model: Name = CURRENT  # the version that answers them
    settings: dict[str, Any] = {}  # whatever else is different, for whoever serves it


class Guardrail(_Read):
    """What must not get worse by more than ``tolerated``, in the unit of the metric."""

    tolerated: Annotated[float, Field(ge=0)]
    better: Better | None = None  # of a metric that Headwater does not know
    people: Annotated[int, Field(gt=0)] | None = None  # who will have it; None: all of them


def _short(value: Any) -> Any:
    """``latency_p95: 20`` is ``latency_p95: {tolerated: 20}``."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return {"tolerated": value} if number else value


class Experiment(_Read):
    """A comparison of arms, as it is to be set down before it begins.

    The result is ``metric``, one number for each person: of what they did within ``horizon`` hours
    of their first exposure. A metric or guardrail that is not in `METRICS` is one that somebody
    measures elsewhere; ``better`` says which way. Shares may sum to less than 1: the other people
    are outside. With the same salt and proportions, raising all shares leaves everybody who was in
    where they were.
    """

    name: Name
    arms: Annotated[dict[Name, Arm], Field(min_length=2, max_length=20)]
    control: Name | None = None  # what the others are compared with; None: the first arm
    salt: Name | None = None  # None: the name
    started: AwareDatetime | None = None
    stopped: AwareDatetime | None = None
    horizon: Annotated[float, Field(gt=0, le=24 * 366)] = 24.0  # hours
    metric: Name = "clicks"
    better: Better | None = None
    guardrails: dict[Name, Annotated[Guardrail, BeforeValidator(_short)]] = {}
    people: Annotated[int, Field(ge=200)] = 10_000  # in all arms, when the interval is narrowest
    before_days: Annotated[float, Field(ge=0, le=366)] = 14.0  # what is known of people; 0: nothing

    @classmethod
    def of(cls, name: str, about: Mapping[str, Any]) -> Experiment:
        """From plain values, as `about` gives them; `BadParameter` names all that is wrong.

        >>> Experiment.of("rows", {"arms": {"old": {"share": 0.5}, "new": {"shares": 0.5}}})
        Traceback (most recent call last):
        ...
        headwater.errors.BadParameter: experiment 'rows': arms.new.share: Field required; \
arms.new.shares: Extra inputs are not permitted
        """
        if not isinstance(about, Mapping):
            raise BadParameter(f"experiment {name!r}: a mapping of names to values; got {about!r}")
        try:
            return cls.model_validate({**about, "name": name})
        except ValidationError as error:
            found = error.errors(include_url=False, include_input=False, include_context=False)
            said = "; ".join(
                ": ".join(
                    part
                    for part in (
                        ".".join(map(str, each["loc"])),
                        each["msg"].removeprefix("Value error, "),
                    )
                    if part
                )
                for each in found
            )
            raise BadParameter(f"experiment {name!r}: {said}") from None

    def about(self) -> dict[str, Any]:
        """As plain values for JSON, all but the name."""
        return self.model_dump(mode="json", exclude={"name"})

    @model_validator(mode="after")
    def _sound(self) -> Experiment:
        total = sum(arm.share for arm in self.arms.values())
        if total > 1 + 1e-9:
            raise ValueError(f"arms: shares sum to {total:g}, which is more than 1")
        edges = self.edges
        if any(b <= a for a, b in zip((0, *edges), edges, strict=False)):
            raise ValueError(f"arms: a share is less than 1 in {BUCKETS:,} of what is shared out")
        if self.control is not None and self.control not in self.arms:
            raise ValueError(f"control: there is no arm {self.control!r}: {', '.join(self.arms)}")
        if self.stopped and (self.started is None or self.stopped < self.started):
            raise ValueError("stopped: that is before it started")
        if self.metric == LATENCY:
            raise ValueError(f"metric: {LATENCY} is no number of a person; it can be a guardrail")
        asked = {self.metric: self.better}
        asked |= {name: each.better for name, each in self.guardrails.items()}
        for name, better in asked.items():
            if name not in METRICS and better is None:
                hint = "One that is measured elsewhere needs better: higher, or lower."
                raise ValueError(str(UnknownName("metric", name, METRICS, hint)))
            if name in METRICS and better not in (None, METRICS[name][0]):
                raise ValueError(f"{name} is better {METRICS[name][0]}, not {better}")
        return self

    @cached_property
    def edges(self) -> tuple[int, ...]:
        """The bucket, of those who are in, with which each arm ends."""
        shares = [arm.share for arm in self.arms.values()]
        return tuple(round(each / sum(shares) * BUCKETS) for each in accumulate(shares))

    @property
    def against(self) -> str:
        """The arm that the others are compared with."""
        return self.control or next(iter(self.arms))

    @property
    def dealt(self) -> dict[str, float]:
        """The share of each arm of those who are in, to the bucket."""
        edges = self.edges
        return {
            name: (b - a) / BUCKETS
            for name, a, b in zip(self.arms, (0, *edges), edges, strict=False)
        }

    @property
    def models(self) -> tuple[str, ...]:
        """The versions that the arms need."""
        return tuple(dict.fromkeys(arm.model for arm in self.arms.values()))

    @property
    def window(self) -> timedelta:
        return timedelta(hours=self.horizon)

    def model_of(self, arm: str) -> str:
        if arm not in self.arms:
            raise UnknownName(f"arm of experiment {self.name}", arm, self.arms)
        return self.arms[arm].model

    def runs(self, now: datetime) -> bool:
        """Whether people are put into arms at ``now``."""
        begun = self.started is not None and self.started <= now
        return begun and (self.stopped is None or now < self.stopped)

    def higher(self, metric: str) -> bool:
        """Whether more of ``metric`` is better."""
        if metric in METRICS:
            return METRICS[metric][0] == "higher"
        rail = self.guardrails.get(metric)
        better = rail.better if rail is not None and rail.better else self.better
        return better == "higher"


def assign(experiment: Experiment, user_id: str) -> str | None:
    """The arm of ``user_id``, the same for good; None for who is outside.

    By SHA-256 of salt and id: one half of it says who is in, the other in which arm, each by
    10,000 buckets. Experiments with different salts know nothing of each other.

    >>> about = {"arms": {"old": {"share": 0.25}, "new": {"share": 0.25}}}
    >>> [assign(Experiment.of("rows", about), name) for name in ("ann", "bob", "cay", "dan")]
    ['old', None, None, 'new']
    """
    digest = hashlib.sha256(f"{experiment.salt or experiment.name}\0{user_id}".encode()).digest()
    inside, place = (int.from_bytes(part) % BUCKETS for part in (digest[:16], digest[16:]))
    total = sum(arm.share for arm in experiment.arms.values())
    if inside >= round(total * BUCKETS):
        return None
    edges = experiment.edges
    return next(name for name, edge in zip(experiment.arms, edges, strict=True) if place < edge)
