"""Policies compared before launch: the same made-up worlds lived through with each.

In each world people first see pages drawn by lot, for some days. From then on a policy makes every
page; at the end of every day it learns again, from all that the platform knows by then. What is
left to chance is drawn from the same numbers for all policies, so that they differ in their pages
alone, and from these on in who comes back.

accuracy      what people chose who chose the same (EASE)
diversified   the same, re-ranked so that a page has more than one kind of thing (MMR by genres)
clicks        a ranker that learns to be clicked
satisfaction  the same ranker; a click is worth the predicted satisfaction of its session
              (`data.worth`), which some of the sessions have an answer for

A policy knows of those alone who agreed to be learned from; others get what it gives to strangers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from ..data.worth import worth
from ..errors import BadParameter, DataError
from ..evaluation import interval
from ..evidence import Evidence
from ..facade import method
from ..metrics.calibration import Calibration
from ..registry import build
from ..types import PAD, Dataset, Histories, Ints, Queries
from ..visits import learnable, reached
from .streaming import Page, Person, Record, Row, World

__all__ = ["MEASURES", "POLICIES", "Compared", "Policy", "compared", "lived_with"]

JUDGE: Mapping[str, Any] = {"model": "satisfaction.logistic", "log": True, "l2": 1.0}
EASE: Mapping[str, Any] = {"model": "retrieve.matrix.ease", "l2": 50}
RANKER: Mapping[str, Any] = {
    "model": "flow",
    "retrieve": "retrieve.matrix.popularity",
    "stages": [
        {
            "model": "rank.logistic",
            "embedding_size": 8,
            "item_columns": ["genres"],
            "how": {"n_epochs": 6, "batch_size": 128, "learning_rate": 5e-3},
        }
    ],
    "width": 100_000,  # everything
}
MEASURES = {
    "satisfied": "% of the visits, as the world knows",
    "answered": "% of the answers that say satisfied, which is all that the platform sees",
    "clicks": "on what was shown, a visit",
    "returning": "% of the people who come, on a day after the first",
    "good_visits": "satisfied ones, of a hundred people on a day",
    "genres": "different ones on a page",
    "coverage": "% of the catalogue that was shown to anybody",
    "calibration": "how far the genres of a page are from those of the history, from 0 to 1",
}


@dataclass(frozen=True)
class Policy:
    """How pages are made: a method or flow, as `registry.build` takes it, and what a click counts
    for those who learn from impressions: 1 ("clicks"), or the predicted satisfaction of its session
    ("satisfaction")."""

    model: Any
    learns: str = "clicks"

    def __post_init__(self) -> None:
        if self.learns not in ("clicks", "satisfaction"):
            raise BadParameter(f"learns is 'clicks' or 'satisfaction'; got {self.learns!r}")

    def fit(self, data: Dataset) -> Any:
        if self.learns == "satisfaction":
            data = _worth(data)
        return method(self.model, fallback=True).fit(data)


POLICIES: Mapping[str, Policy] = {
    "accuracy": Policy(EASE),
    "diversified": Policy(
        {
            "model": "flow",
            "retrieve": EASE,
            "stages": [{"model": "rerank.mmr", "by": "genres", "trade": 0.7, "k": 24}],
        }
    ),
    "clicks": Policy(RANKER),
    "satisfaction": Policy(RANKER, "satisfaction"),
}


def _worth(data: Dataset) -> Dataset:
    sessions = learnable(data)
    good = reached(sessions.satisfaction[sessions.answered], "overall")
    if data.impressions is None or not good.any() or good.all():
        raise DataError(
            f"of {len(good)} answers {int(good.sum())} are satisfied, and to predict satisfaction "
            "it takes some that are and some that are not: more warm-up days or people"
        )
    chances = build(JUDGE).fit(data).chances(sessions)
    return replace(data, impressions=worth(data.impressions, sessions, chances))


def lived_with(
    policy: Policy,
    world: World,
    days: int,
    *,
    before: Record,
    warm_up: int,
    told: Callable[[int], None] | None = None,
) -> dict[str, float | None]:
    """`MEASURES` of ``days`` in ``world`` with the policy, after ``warm_up`` days, ``before``."""
    record = before.also()
    people = list(before.people)
    each: dict[str, list[float]] = {name: [] for name in MEASURES}
    back: list[int] = []
    met = np.zeros(len(world.titles), bool)
    for day in range(warm_up, warm_up + days):
        if told is not None:
            told(day - warm_up)
        data = record.dataset()
        model = policy.fit(data)
        coming = [(at, world.comes(person, day)) for at, person in enumerate(people)]
        came = [(at, when) for at, when in coming if when is not None]
        back.append(len(came))
        if not came:
            continue
        asked = _asked(
            data, [(people[at], record.begin + (day + when) * 86_400) for at, when in came]
        )
        slate = model.recommend(asked, world.rows * world.k)
        seen = Evidence(asked, slate, Histories.empty(len(asked), len(met)), data)
        far = Calibration(by="genres", k=world.rows * world.k)(seen)
        each["calibration"] += far[~np.isnan(far)].tolist()
        met[slate.items[slate.filled]] = True
        for row, (at, when) in enumerate(came):
            person = people[at]
            page = _page(world, slate.items[row], f"{day}-{person.number}")
            visit = world.visit(person, page, world.dice(person, day))
            record.add(day, when, page, visit, 1.0)
            people[at] = visit.person
            each["satisfied"].append(100 * visit.satisfaction)
            each["clicks"].append(sum(a.kind == "click" and a.row != PAD for a in visit.acts))
            mine = slate.items[row][slate.filled[row]]
            each["genres"].append(float((world.titles.mix[mine].sum(0) > 0).sum()))
            if visit.answered:
                each["answered"].append(100.0 * visit.satisfied)
    found: dict[str, float | None] = {
        name: float(np.mean(values)) if values else None for name, values in each.items()
    }
    found["returning"] = 100 * float(np.mean(back[1:] or back)) / len(people)
    found["good_visits"] = float(np.sum(each["satisfied"])) / (days * len(people))
    found["coverage"] = 100 * float(met.mean())
    return found


def _asked(data: Dataset, who: Sequence[tuple[Person, float]]) -> Queries:
    """Those who come, with what may be known of them."""
    user = np.array([p.number if p.consent == "full" else PAD for p, _ in who], np.int32)
    now = np.array([int(when) for _, when in who], np.int64)
    return Queries(data.log.before(user, now), user, now)


def _page(world: World, items: Ints, name: str) -> Page:
    """Strips of a list, each title with its first picture."""
    pictured = np.where(items == PAD, PAD, 0)
    return Page(
        tuple(
            Row(items[at : at + world.k], pictured[at : at + world.k], f"{name}-{at // world.k}")
            for at in range(0, len(items), world.k)
        )
    )


@dataclass(frozen=True, eq=False)
class Compared:
    """What became of each policy: ``per_world[policy][measure]`` has a number for each seed."""

    seeds: tuple[int, ...]
    days: int
    warm_up: int
    per_world: Mapping[str, Mapping[str, Sequence[float | None]]]  # None where there is none

    def table(self) -> pl.DataFrame:
        """A row for each policy and measure: its mean over worlds, and the mean of the differences
        to the first policy, world by world, with its 95 % interval by Student's t."""
        first = next(iter(self.per_world))
        rows = [
            {"policy": name, "measure": measure, **_row(found[measure], base)}
            for measure in MEASURES
            for name, found in self.per_world.items()
            for base in [None if name == first else self.per_world[first][measure]]
        ]
        return pl.DataFrame(rows, infer_schema_length=None)


def _row(values: Sequence[float | None], base: Sequence[float | None] | None) -> dict[str, Any]:
    mine = np.array(values, np.float64)
    known = mine[~np.isnan(mine)]
    out: dict[str, Any] = {"mean": round(float(known.mean()), 3) if len(known) else None}
    out |= dict.fromkeys(("difference", "low", "high", "ahead"))
    if base is None:
        return out
    gain = mine - np.array(base, np.float64)
    gain = gain[~np.isnan(gain)]
    if not len(gain):
        return out
    low, high = interval(gain, normal=False)
    return {
        **out,
        "difference": round(float(gain.mean()), 3),
        "low": None if np.isnan(low) else round(low, 3),
        "high": None if np.isnan(high) else round(high, 3),
        "ahead": f"{int((gain > 0).sum())} of {len(gain)}",
    }


def compared(
    *,
    worlds: int = 5,
    days: int = 7,
    warm_up: int = 14,
    users: int = 250,
    items: int = 300,
    seed: int = 0,
    catalogue: Dataset | None = None,
    policies: Mapping[str, Policy] = POLICIES,
    progress: Callable[[str, int, int], None] | None = None,
) -> Compared:
    """Each of ``policies`` for ``days`` in each of ``worlds``, whose seeds are seed, seed + 1, ...;
    differences are to the first."""
    for name, value in (("worlds", worlds), ("days", days), ("warm_up", warm_up)):
        if value < 1:
            raise BadParameter(f"{name} must be at least 1; got {value}")
    if not policies:
        raise BadParameter("no policies to compare")
    seeds = tuple(range(seed, seed + worlds))
    got: dict[str, dict[str, list[float | None]]] = {
        name: {measure: [] for measure in MEASURES} for name in policies
    }
    total = worlds * len(policies) * days
    done = 0
    for each in seeds:
        world = World(n_users=users, n_items=items, seed=each, catalogue=catalogue)
        before = world.lived(warm_up)
        for name, policy in policies.items():

            def told(day: int, name: str = name, each: int = each, done: int = done) -> None:
                if progress is not None:
                    progress(f"policies\t{name}, world {each}", done + day, total)

            found = lived_with(policy, world, days, before=before, warm_up=warm_up, told=told)
            done += days
            for measure, figure in found.items():
                got[name][measure].append(figure)
    if progress is not None:
        progress("policies", total, total)
    return Compared(seeds, days, warm_up, got)
