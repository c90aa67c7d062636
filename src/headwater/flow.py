"""A flow: one recommender, then stages, each turning the slate into a better one.

A flow file is the same tree that `registry.build` takes, in YAML; what is wrong with it is said
with its line.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

import yaml

from .data.requests import answered, renumbered
from .data.split import RandomPerUser, split
from .errors import BadFlow, BadParameter, HeadwaterError
from .model import Model, Recommender, Stage, at_least
from .registry import build, describe
from .trace import Step, note
from .types import Dataset, Queries, Slate
from .waiting import Late, in_time

__all__ = ["Flow"]


log = logging.getLogger("headwater")

HELD_OUT = 0.2  # of everybody's choices, to learn a ranking from


@dataclass(kw_only=True, eq=False)
class Flow(Model):
    """Itself a recommender, so flows nest.

    A ranker learns from requests. Where the data have no impressions they are made: a fifth of
    everybody's choices is held out, the retriever learns from the rest, and what it then finds is
    what was shown, what was held out what was clicked. After that it learns again, from all.
    """

    retrieve: Recommender
    stages: tuple[Stage, ...] = ()
    width: int = 200  # candidates that go into the first stage
    degrade: bool = False  # go on without a stage that fails; False: the error is raised
    limit: float | None = None  # seconds that a stage may take for a batch, if it may be left out

    def __post_init__(self) -> None:
        at_least(self, "width", self.width, 1)
        if self.limit is not None:
            at_least(self, "limit", self.limit, 0, above=True)
            if not self.degrade:
                raise BadParameter("Flow: a limit is for a flow that may degrade: degrade=True")

    def lessons(self, data: Dataset) -> Iterator[tuple[Model, Dataset]]:
        learners = [stage for stage in self.stages if isinstance(stage, Model)]
        shown = data
        if data.impressions is None and any(each.learns_from_impressions for each in learners):
            held = split(data, RandomPerUser(held_out=HELD_OUT))
            if isinstance(self.retrieve, Model):
                yield self.retrieve, held.train
            asked = answered(self.retrieve, held, self.width)
            asked = renumbered(asked, held.train.users, data.users)
            shown = replace(data, impressions=asked)
        for stage in learners:
            yield stage, shown
        if isinstance(self.retrieve, Model):
            yield self.retrieve, data

    def recommend(self, queries: Queries, k: int, *, filter_seen: bool = True) -> Slate:
        wide = max(k, self.width) if self.stages else k
        began = perf_counter()
        slate = self.retrieve.recommend(queries, wide, filter_seen=filter_seen)
        note(Step(_name(self.retrieve), "", perf_counter() - began, slate))
        for stage in self.stages:
            slate = self.staged(stage, queries, slate)
        return slate.top(k)

    def staged(self, stage: Stage, queries: Queries, slate: Slate) -> Slate:
        """What ``stage`` makes of ``slate``, or ``slate`` if the flow degrades and it fails."""
        began = perf_counter()
        failed, made = "", slate
        try:
            made = (
                stage(queries, slate)
                if self.limit is None
                else in_time(stage, lambda: stage(queries, slate), self.limit)
            )
        except HeadwaterError:  # a mistake of whoever asks, which no retry mends
            raise
        except Late as late:
            failed = str(late)
        except Exception as error:
            if not self.degrade:
                raise
            failed = f"{type(error).__name__}: {error}"
        if failed:
            log.warning("%s is left out: it %s", _name(stage), failed)
        reason = getattr(stage, "reason", "by its rule")
        note(Step(_name(stage), reason, perf_counter() - began, made, failed))
        return made


def _name(part: object) -> str:
    return str(getattr(part, "address", type(part).__name__))


def read_flow(path: str | Path) -> Model:
    """The method that the YAML file at ``path`` describes; `BadFlow` with file and line if none."""
    path = Path(path)
    try:
        loader = Loader(path.read_text(encoding="utf-8"))
        node = loader.get_single_node()
    except UnicodeDecodeError as error:
        raise BadFlow(f"{path}: not UTF-8 text at byte {error.start}") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise BadFlow(f"{path}, line {line}: not YAML: {error.problem}") from None
    if node is None:
        raise BadFlow(f"{path}, line 1: the file is empty; it must name a method: `model: ease`")
    made = _made(loader, node, path, ())
    if isinstance(made, str):
        made = _built(made, path, node, {})
    if not isinstance(made, Model):
        raise BadFlow(f"{path}, line 1: no key 'model'; it names the method: `model: ease`")
    return made


def write_flow(model: Model) -> str:
    """The YAML text that `read_flow` makes ``model`` from again."""
    return yaml.safe_dump(describe(model), sort_keys=False, allow_unicode=True)


class Loader(yaml.SafeLoader):
    """YAML whose numbers are those of YAML 1.2: 1e3 is one."""


Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)[eE][-+]?\d+$"), "-+.0123456789"
)


def _made(loader: Loader, node: yaml.Node, path: Path, above: tuple[yaml.Node, ...]) -> Any:
    """The plain value of ``node``, with every mapping that has the key `model` built."""
    if node in above:
        raise BadFlow(f"{path}, line {node.start_mark.line + 1}: this contains itself")
    above = (*above, node)
    if isinstance(node, yaml.SequenceNode):
        return [_made(loader, each, path, above) for each in node.value]
    if not isinstance(node, yaml.MappingNode):
        return loader.construct_object(node)
    tree: dict[str, Any] = {}
    lines: dict[str, yaml.Node] = {}
    for key, value in node.value:
        name = str(loader.construct_object(key))
        if name in tree:
            raise BadFlow(f"{path}, line {key.start_mark.line + 1}: {name!r} is given twice")
        tree[name], lines[name] = _made(loader, value, path, above), key
    return _built(tree, path, node, lines) if "model" in tree else tree


def _built(tree: Any, path: Path, node: yaml.Node, lines: dict[str, yaml.Node]) -> Any:
    try:
        return build(tree)
    except HeadwaterError as error:
        where = lines.get(error.about or "model", node)
        raise BadFlow(f"{path}, line {where.start_mark.line + 1}: {error}") from None
