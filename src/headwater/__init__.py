"""Headwater: the whole personalization flow, measured.

    import headwater as hw

    data = hw.read("ratings.csv", items="movies.csv", like=4)
    model = hw.fit("ease", data)
    hw.recommend(model, users=[1, 7], k=10)
    hw.compare(["popularity", "ease"], data, splits=1)
    hw.save(model, "films.hw")

Everything is imported when it is first used, so that importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__all__ = [
    "Dataset",
    "Fitted",
    "HeadwaterError",
    "Split",
    "build",
    "compare",
    "evaluate",
    "fit",
    "load",
    "metric",
    "read",
    "read_flow",
    "read_impressions",
    "read_labelled",
    "read_sessions",
    "recommend",
    "save",
    "similar_items",
    "source",
    "split",
    "splits",
    "validate",
]

_HOME = {
    "Dataset": "types",
    "Fitted": "facade",
    "HeadwaterError": "errors",
    "Split": "data.split",
    "build": "registry",
    "compare": "facade",
    "evaluate": "facade",
    "fit": "facade",
    "load": "facade",
    "metric": "registry",
    "read": "data.frame",
    "read_flow": "flow",
    "read_impressions": "data.impressions",
    "read_labelled": "data.labelled",
    "read_sessions": "data.sessions",
    "recommend": "facade",
    "save": "facade",
    "similar_items": "facade",
    "source": "data.sources",
    "split": "data.split",
    "splits": "data.split",
    "validate": "data.validate",
}

if TYPE_CHECKING:
    from .data.frame import read
    from .data.impressions import read_impressions
    from .data.sessions import read_sessions
    from .data.sources import load as source
    from .data.split import Split, split, splits
    from .data.validate import validate
    from .errors import HeadwaterError
    from .facade import Fitted, compare, evaluate, fit, load, recommend, save, similar_items
    from .flow import read_flow
    from .registry import build, metric
    from .types import Dataset


def __getattr__(name: str) -> Any:
    if name in _HOME:
        found = import_module(f"{__name__}.{_HOME[name]}")
        return found.load if name == "source" else getattr(found, name)
    try:
        return import_module(f"{__name__}.{name}")
    except ModuleNotFoundError as error:
        if error.name != f"{__name__}.{name}":
            raise
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None


def __dir__() -> list[str]:
    return sorted(__all__)
