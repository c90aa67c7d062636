"""How lists come about: the parts of the model, what each does and takes, and its versions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from ...errors import HeadwaterError
from ...registry import describe
from ...serve.live import Live
from ...serve.reply import Inside
from ...serve.shelf import Shelf
from ...types import PAD
from .._latency import latency
from ..page import Asked, Page, Went

__all__ = ["FLOW"]

TOP = 10


def flow(asked: Asked) -> dict[str, Any]:
    service = asked.service
    user = next(iter(asked.query.ids("user")), None)
    hours = asked.query.number("hours", 6, least=1, most=72)
    fleet, shelf = service.fleet, service.shelf
    live = fleet.live() if fleet.current else None
    return {
        "user": user,
        "hours": hours,
        "trouble": fleet.trouble or service.trouble,
        "model": None if live is None else {"name": live.model, "part": part(live.version.model)},
        "inside": None if live is None else inside(service.inside(user, TOP)),
        "suggested": asked.suggested,
        "latency": latency(service.store, now=service.clock(), hours=hours),
        "shadow": service.shadow.as_dict() if service.settings.shadow else None,
        "recorder": {
            "waiting": len(service.recorder),
            "lost": service.recorder.lost,
            "trouble": service.recorder.trouble,
        },
        "since": _or_none(lambda: shelf.since),
        "before": _or_none(lambda: shelf.before),
        "versions": _versions(shelf),
    }


def part(model: Any, role: str = "") -> dict[str, Any]:
    """A method with its settings, and the methods that it is made of."""
    return _part(describe(model), role)


def _part(tree: Any, role: str) -> dict[str, Any]:
    if not _is_part(tree):
        return {"role": role, "name": str(tree), "settings": {}, "parts": []}
    settings: dict[str, str] = {}
    parts = []
    for name, value in tree.items():
        if name == "model":
            continue
        if _is_part(value):
            parts.append(_part(value, name))
        elif isinstance(value, Sequence) and any(_is_part(each) for each in value):
            parts += [_part(each, f"{name} {at}") for at, each in enumerate(value, 1)]
        else:
            settings[name] = _said(value)
    return {"role": role, "name": tree["model"], "settings": settings, "parts": parts}


def _is_part(value: Any) -> bool:
    return isinstance(value, Mapping) and "model" in value


def _said(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_said(each)}" for name, each in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_said, value)) or "none"
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "none"}[value]
    return f"{value:g}" if isinstance(value, float) else str(value)


def inside(made: Inside) -> dict[str, Any]:
    """What each step did, and where it had the items that were listed in the end."""
    steps, before = [], int(made.asked.free.sum())
    for step in made.asked.steps:
        after = int(step.slate.filled[0].sum())
        steps.append(
            {
                "step": step.name,
                "reason": step.reason,
                "in": before,
                "out": after,
                "seconds": step.seconds,
                "failed": step.failed,
                "first": [_known(made.live, i) for i in step.slate.items[0, :TOP].tolist()],
            }
        )
        before = after
    numbers = made.live.version.items
    top = []
    for place, each in enumerate(made.answer.items, 1):
        at = numbers.get(each.item_id)
        places = [_place(step.slate.items[0].tolist(), at) for step in made.asked.steps]
        shown = asdict(each)
        kept = ("item_id", "title", "path", "why", "score", "propensity", "creative")
        top.append({"place": place, **{n: shown[n] for n in kept}, "places": places})
    return {
        "model": made.live.model,
        "consent": made.consent,
        "arm": made.arm,
        "seconds": made.seconds,
        "steps": steps,
        "top": top,
        "degraded": list(made.answer.degraded),
        "missing": made.answer.missing,
    }


def _known(live: Live, at: int) -> str | None:
    return None if at == PAD else live.title(at)


def _place(items: Sequence[int], at: int | None) -> int | None:
    return None if at is None or at not in items else items.index(at) + 1


def _versions(shelf: Shelf) -> list[dict[str, Any]]:
    """Those on the shelf, the newest first."""
    current, made = _or_none(lambda: shelf.current), []
    for name in reversed(shelf.names()):
        try:
            report, wrong = shelf.report(name), ""
        except HeadwaterError as error:
            report, wrong = {}, str(error)
        made.append({"name": name, "current": name == current, "report": report, "wrong": wrong})
    return made


def _or_none(read: Any) -> Any:
    """What the shelf says, unless its pointer is damaged: `Fleet.trouble` says that."""
    try:
        return read()
    except HeadwaterError:
        return None


def publish(asked: Asked) -> Went:
    """Another version answers."""
    name = asked.form.must("version")
    asked.service.shelf.publish(name)
    asked.service.look()
    return Went("/studio/flow", f"{name} answers from now on.")


def roll_back(asked: Asked) -> Went:
    """The version before answers again."""
    name = asked.service.shelf.roll_back()
    asked.service.look()
    return Went("/studio/flow", f"{name} answers again.")


FLOW = Page("flow", "Flow", flow, {"publish": publish, "roll_back": roll_back})
