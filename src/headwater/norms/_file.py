"""Norms as code: what a platform asks of its lists, in a YAML file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING, Any, Self

import polars as pl

from ..data._yaml import called, listed, mapping, only, presets, tree
from ..errors import BadParameter, DataError, HeadwaterError, UnknownName
from ..evidence import Evidence, Metric
from ..registry import build, label, load_class, parameters_of
from ..registry import metric as metric_called

if TYPE_CHECKING:
    from ._result import Checked

__all__ = ["LEVELS", "MODELS", "Ends", "Norms", "Target"]

Ends = tuple[float | None, float | None]  # None: as low, or as high, as the metric can be
LEVELS: Mapping[str, Ends] = {"low": (None, 0.9), "medium": (0.9, 1.1), "high": (1.0, None)}
MODELS = tuple(presets("models", __package__))
OWN = ("metric", "target", "segments", "defined", "why")  # of a target; the rest is the metric's
HISTORY = (1.0, 10.0, 50.0)  # where groups by the length of the history begin
KEYS = ("name", "model", "levels", "draws", "segments", "defined", "targets")
Tree = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Target:
    """Of a feature, against a context, a range: the first two are the metric's."""

    name: str
    metric: Metric
    wanted: str | Ends  # a word of the levels, or a range
    segments: Mapping[str, tuple[float, ...] | None]  # column -> where its groups begin
    defined: float = 0.0  # least share of the requests that must have a value
    why: str = ""

    @property
    def said(self) -> str:
        """What the metric is called, with all that is set of it but its name."""
        return label(self.metric)

    @property
    def bounds(self) -> tuple[float, float]:
        found: tuple[float, float] = getattr(self.metric, "bounds", (-float("inf"), float("inf")))
        return found


@dataclass(frozen=True, kw_only=True)
class Norms:
    """What a platform asks of its lists."""

    name: str
    targets: tuple[Target, ...]
    levels: Mapping[str, Ends]  # what the words are, times what chance gives
    draws: int = 5  # lists drawn by chance for each request
    model: str | None = None  # what they began from

    @classmethod
    def of(cls, source: str | PathLike[str] | Tree | Norms) -> Self:
        """From a YAML file, the name of a democratic model (`MODELS`), or its tree.

            name: The Daily
            model: deliberative       # begin with its targets; nothing but targets is needed
            levels: {low: [0, 0.8]}   # times chance; else low to 0.9, medium to 1.1, high from 1
            draws: 5                  # lists by chance for each request
            defined: 0.5              # least share of requests with a value, of every target
            segments: [country, {history: [1, 10]}]   # columns, and where groups of numbers begin
            targets:
              calm: null              # one of the model's, left out
              stories that all share: {target: [0, 0.6]}   # one of the model's, changed
              topics:
                metric: calibration   # and any parameters of it
                by: category
                k: 5
                target: low           # or [0.1, 0.4]; null in it is no end
                segments: [age]
                defined: 0.9
                why: Lists follow the topics that people read.

        `DataError` for what is wrong, with the file and the target; `UnknownName` for a file, a
        model or a key that does not exist.
        """
        if isinstance(source, cls):
            return source
        found, where, base = _whole(source, ())  # type: ignore[arg-type]
        if not found["targets"]:
            raise DataError(f"{where} has no target left")
        levels = _levels(found.get("levels", {}), where)
        draws = found.get("draws", 5)
        if isinstance(draws, bool) or not isinstance(draws, int) or draws < 1:
            raise DataError(f"draws in {where} is a whole number, at least 1; got {draws!r}")
        defined = _share(found.get("defined", 0.0), f"defined in {where}")
        segments = _segments(found.get("segments", []), f"segments in {where}")
        return cls(
            name=called(found["name"], f"name in {where}") if "name" in found else "norms",
            targets=tuple(
                _target(name, given, levels, segments, defined, f"{where}, target {name!r}")
                for name, given in found["targets"].items()
            ),
            levels=levels,
            draws=draws,
            model=base,
        )

    def check(
        self,
        seen: Evidence,
        *,
        segments: Mapping[str, pl.Series] | None = None,
        period: str = "auto",
        seed: int = 0,
        progress: Callable[[str, int, int], None] | None = None,
    ) -> Checked:
        """How the lists of ``seen`` stand to the norms: `Checked`.

        ``segments`` are columns of the requests (B,) beside those of the people; "history" is how
        much somebody had chosen before. ``period`` is day, week (from Monday, UTC), none, or auto:
        days where requests have times, weeks where these are of more than 60 days.

        `MissingColumn` for a column that a target names and is not there, `DataError` for no
        requests, or a metric that is one number for all.
        """
        from ._check import checked

        return checked(
            self, seen, segments=segments or {}, period=period, seed=seed, progress=progress
        )


def _whole(source: str | PathLike[str] | Tree, above: tuple[str, ...]) -> tuple[Any, str, Any]:
    """What a file says, on top of what it begins from: its tree, what to call it, and its base."""
    found, where = tree(source, "models", "democratic model or norms file", __package__)
    found = dict(mapping(found, where))
    only(found, KEYS, where)
    own = found.get("targets", {})
    if isinstance(own, list):
        own = _by_name(own, where)
    own = mapping(own, f"targets in {where}")
    _no_two(own, where)
    base = found.pop("model", None)
    targets: dict[str, Any] = {}
    if base is not None:
        base = called(base, f"model in {where}")
        if base in above:
            raise DataError(f"{where} begins from itself: {' from '.join((*above, base))}")
        under, _, _ = _whole(base, (*above, base))
        targets = dict(under.pop("targets"))
        found = {**{key: under[key] for key in under if key != "name"}, **found}
    elif "targets" not in found:
        raise DataError(
            f"{where} has no 'targets', and no 'model' to begin from ({', '.join(MODELS)}); it "
            f"has: {', '.join(found) or 'nothing'}"
        )
    for name, given in own.items():
        if given is None:
            if name not in targets:
                have = list(targets)
                raise UnknownName("target", name, have, f"{where} leaves it out: nothing to leave.")
            del targets[name]
            continue
        given = mapping(given, f"{where}, target {name!r}")
        before = targets.get(name, {})
        if "metric" in given:  # another metric has other parameters
            before = {key: before[key] for key in before if key in OWN}
        targets[name] = {**before, **given}
    found["targets"] = targets
    return found, where, base


def _by_name(given: list[Any], where: str) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for each in given:
        each = dict(mapping(each, f"a target in {where}"))
        if "name" not in each:
            raise DataError(f"a target in {where} has no name: {each!r}")
        name = called(each.pop("name"), f"a target in {where}")
        if name in out:
            raise DataError(f"{where} has two targets named {name!r}")
        out[name] = each
    return out


def _no_two(targets: Tree, where: str) -> None:
    seen: dict[str, str] = {}
    for name in targets:
        other = seen.setdefault(" ".join(name.casefold().split()), name)
        if other != name:
            raise DataError(f"{where} has two targets named alike: {other!r} and {name!r}")


def _target(
    name: str,
    given: Tree,
    levels: Mapping[str, Ends],
    segments: Mapping[str, tuple[float, ...] | None],
    defined: float,
    where: str,
) -> Target:
    for key in ("metric", "target"):
        if key not in given:
            raise DataError(f"{where} has no {key!r}; it has: {', '.join(given) or 'nothing'}")
    metric = _metric(given, where)
    found = Target(
        name=name,
        metric=metric,
        wanted=given["target"],
        segments={**segments, **_segments(given.get("segments", []), f"segments of {where}")},
        defined=_share(given["defined"], f"defined of {where}") if "defined" in given else defined,
        why=called(given["why"], f"why of {where}") if "why" in given else "",
    )
    wanted = given["target"]
    if isinstance(wanted, str):
        if wanted not in levels:
            have = ", ".join(levels)
            raise DataError(f"{where}: target is {have}, or a range such as [0.1, 0.4]: {wanted!r}")
        return found
    low, high = _range(wanted, f"{where}: target")
    least, most = found.bounds
    if (low is not None and low < least) or (high is not None and high > most):
        raise DataError(
            f"{where}: target [{_end(low)}, {_end(high)}] reaches beyond what {found.said} can "
            f"be, {least:g} to {most:.5g}; null is no end"
        )
    return Target(**{**vars(found), "wanted": (low, high)})


def _metric(given: Tree, where: str) -> Metric:
    """The metric that a target names, with the parameters beside it."""
    asked = called(given["metric"], f"metric of {where}")
    settings = {key: given[key] for key in given if key not in OWN}
    try:
        plain = metric_called(asked.removeprefix("metrics."))
        kind = type(plain)
        have = parameters_of(kind)
        for key in settings:
            if key not in have:
                raise UnknownName(f"key of a target or parameter of {asked}", key, [*OWN, *have])
        depth = {"k": vars(plain)["k"]} if "@" in asked else {}
        if depth and "k" in settings:
            raise BadParameter(f"{asked} says how deep, and so does k: {settings['k']!r}")
        made = build(_address(kind), **{**depth, **settings})
    except HeadwaterError as error:
        raise DataError(f"{where}: {error}") from None
    needs = getattr(made, "needs", ())
    if needs:
        raise DataError(
            f"{where}: {asked} looks at the {', '.join(needs)} of every candidate, and norms look "
            "at lists alone"
        )
    return made  # type: ignore[no-any-return]


def _address(kind: type) -> str:
    found = kind.__module__.split(".", 1)[1]
    assert load_class(found) is kind
    return found


def _levels(given: Any, where: str) -> Mapping[str, Ends]:
    given = mapping(given, f"levels in {where}")
    only(given, LEVELS, f"levels in {where}")
    found = {word: _range(ends, f"level {word!r} in {where}") for word, ends in given.items()}
    for word, ends in found.items():
        if any(end is not None and end < 0 for end in ends):
            raise DataError(
                f"level {word!r} in {where} is times what chance gives, at least 0; got "
                f"[{_end(ends[0])}, {_end(ends[1])}]"
            )
    return {**LEVELS, **{word: (low or None, high) for word, (low, high) in found.items()}}


def _range(given: Any, where: str) -> Ends:
    fits = isinstance(given, list | tuple) and len(given) == 2
    if not fits or any(
        end is not None
        and (isinstance(end, bool) or not isinstance(end, int | float) or end != end)
        for end in given
    ):
        raise DataError(
            f"{where} is two numbers, such as [0.1, 0.4], null for no end; got {given!r}"
        )
    low, high = (None if end is None else float(end) for end in given)
    if low is None and high is None:
        raise DataError(f"{where} has no end: everything is in it")
    if low is not None and high is not None and low > high:
        raise DataError(f"{where}: the low end, {low:g}, is above the high end, {high:g}")
    return low, high


def _end(end: float | None) -> str:
    return "null" if end is None else f"{end:g}"


def _share(given: Any, where: str) -> float:
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 <= given <= 1:
        raise DataError(f"{where} is a share of the requests, from 0 to 1; got {given!r}")
    return float(given)


def _segments(given: Any, where: str) -> dict[str, tuple[float, ...] | None]:
    if isinstance(given, Mapping):
        given = [given]
    out: dict[str, tuple[float, ...] | None] = {}
    for each in given if isinstance(given, list) else [given]:
        if not isinstance(each, Mapping):
            (name,) = listed(each, where)
            out[name] = HISTORY if name == "history" else None
            continue
        for name, begin in mapping(each, where).items():
            numbers = isinstance(begin, list) and all(
                isinstance(at, int | float) and not isinstance(at, bool) for at in begin
            )
            if not numbers or not begin or sorted(set(begin)) != begin:
                raise DataError(
                    f"{where}: {name!r} says where its groups begin, in rising order, such as "
                    f"[1, 10, 50]; got {begin!r}"
                )
            out[name] = tuple(float(at) for at in begin)
    return out
