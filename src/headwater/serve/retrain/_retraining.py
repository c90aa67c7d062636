"""One retraining, step by step, each kept in a folder."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from secrets import token_hex
from typing import Any

import numpy as np
import polars as pl

from ... import artifact
from ...atomic import atomic_path
from ...data.worth import valued, worth
from ...errors import BadArtifact, BadParameter, DataError, HeadwaterError
from ...evaluation import fit
from ...facade import Fitted, Progress, method
from ...model import Model
from ...registry import build, describe
from ...types import Dataset, Mask
from ...visits import learnable
from ..events import microseconds
from ..shelf import Shelf, usable
from ..store import Store
from ..translated import Translated
from ._erasure import forget, held, known_to, read_at
from ._judging import TooLittle, judged, over, said, window
from ._terms import Terms
from ._work import Work

__all__ = ["Anew", "Retraining"]

REMOVED = "removed"  # the catalogue's column of items that are gone
AVAILABLE = "retrieve.available"
POPULARITY = "popularity"  # what a first model is compared with
JUDGE = {"model": "satisfaction.logistic", "log": True}  # of satisfaction
STALE = timedelta(days=1)  # after which work that was broken off is begun anew
log = logging.getLogger("headwater")


class Anew(Exception):
    """Somebody was erased after the data were read."""


@dataclass(eq=False)
class Retraining:
    store: Store
    shelf: Shelf
    terms: Terms
    work: Work
    dry_run: bool
    progress: Progress | None

    def run(self) -> dict[str, Any]:
        current = self.shelf.current
        live = None if current is None else usable(self.shelf.path(current))
        recipe = self._recipe(live)
        asked = self._asked(recipe)
        final = {} if self.dry_run else self.work.read("final") or {}
        plan = self._planned(asked, current, final.get("name"))
        if plan is None:
            self.work.clear()
            plan = self._begin(asked, current)
        elif current is not None and final.get("name") == current:  # killed after publishing it
            return self._end(self.shelf.report(current))
        data = self.work.data()
        self._nobody_erased(data, plan)
        found = self.work.read("evaluation")
        if found is None:
            found = self._judge(data, recipe, live, plan)
            self.work.write("evaluation", found)
        report = {**plan, **found, "judged": found["verdict"]}
        if report["verdict"] != "published" and live is not None and self._knows_erased(current):
            recipe = _bare(live.model)
            report |= {
                "verdict": "renewed",
                "reason": "the live method was fitted again on everything, since the live model "
                f"knew people who were erased; the candidate: {found['reason']}",
            }
        report["method"] = describe(recipe)
        if self.dry_run:
            self.work.clear()
            return {**report, "dry_run": True}
        if report["verdict"] not in ("published", "renewed"):
            return self._end(report)
        name = self._final(data, recipe, report)
        try:
            self._nobody_erased(data, plan)
        except Anew:
            self.shelf.remove(name)
            raise
        self.shelf.publish(name)
        return self._end(self.shelf.report(name))

    # The steps

    def _asked(self, recipe: Model) -> dict[str, Any]:
        told = {f.name: getattr(self.terms, f.name) for f in fields(Terms)}
        guards = None if self.terms.guards is None else dict(self.terms.guards)
        told |= {"method": describe(recipe), "settings": {}, "guards": guards}
        plain: dict[str, Any] = json.loads(json.dumps(told))  # as it is read back
        return plain

    def _planned(
        self, asked: dict[str, Any], current: str | None, final: str | None
    ) -> dict[str, Any] | None:
        """The plan of a call that was killed, if that is what is asked for now."""
        plan = self.work.read("plan")
        if plan is None:
            return None
        try:
            same = plan["terms"] == asked
            same &= plan["live"] == current or (current is not None and final == current)
            age = self.store.now() - datetime.fromisoformat(plan["read"])
            self.work.data()
        except (BadArtifact, KeyError, TypeError, ValueError):
            return None
        if not same or abs(age) > STALE:
            log.info("a retraining that was broken off was of something else: it begins anew")
            return None
        log.info("a retraining that was broken off is gone on with")
        return plan

    def _begin(self, asked: dict[str, Any], live: str | None) -> dict[str, Any]:
        """Read the data as of now, and keep them."""
        read = self.store.now()
        data = self.store.dataset()
        gone = data.items.encode(pl.Series(sorted(self.store.removed()), dtype=pl.String))
        out = np.isin(np.arange(len(data.items)), gone)
        if out.any():
            table = data.catalog.table.with_columns(pl.Series(REMOVED, out))
            data = replace(data, catalog=replace(data.catalog, table=table))
        elif REMOVED in data.catalog.table.columns:  # somebody's own, which means something else
            data = replace(
                data, catalog=replace(data.catalog, table=data.catalog.table.drop(REMOVED))
            )
        self.work.keep(data)
        plan = {"run": token_hex(8), "read": read.isoformat(), "live": live, "terms": asked}
        self.work.write("plan", plan)
        return plan

    def _judge(
        self, data: Dataset, recipe: Model, live: Fitted | None, plan: Mapping[str, Any]
    ) -> dict[str, Any]:
        terms = self.terms
        seen = None if live is None else int(live.data.log.times.max(initial=0))
        try:
            split = window(
                data, days=terms.window, seen=seen, out=_removed(data), least=terms.least
            )
        except TooLittle as little:
            return {"verdict": "nothing to do", "reason": f"{little}", "counts": _counts(data)}
        if terms.worth:
            data = _valued(data, split.cut)
            split = window(
                data, days=terms.window, seen=seen, out=_removed(data), least=terms.least
            )
        model = self._candidate(split.train, recipe)
        if live is None:
            base, name = build(POPULARITY).fit(split.train), POPULARITY
        else:
            base, name = Translated(live, split.train), str(plan["live"])
        found = judged(
            model,
            base,
            split,
            name=name,
            metric=terms.metric,
            tolerance=terms.tolerance,
            guards=terms.guards,
            valued=terms.worth,
            seed=terms.seed,
            progress=self.progress,
        )
        target = found["metrics"][0]
        against = f"{name}, since no model answers yet" if live is None else f"the live {name}"
        told = (
            f"{target['metric']} is {target['candidate']:.4f} against {target['baseline']:.4f} of "
            f"{against}, for {len(split):,} requests"
        )
        passed = found.pop("passed")
        why = found.pop("reason")
        return {
            "verdict": "published" if passed else "rejected",
            "reason": told + ("" if passed else f", but {why}"),
            "against": name,
            **found,
            "window": {
                "from": said(split.cut or 0),
                "to": said(int(data.log.times.max())),
                "live_has_seen": None if seen is None else said(seen),
            },
            "counts": {
                **_counts(data),
                "events_before": len(split.train.log.items),
                "requests": len(split),
                "held_out": len(split.truth.items),
                "dropped": dict(split.dropped),
            },
        }

    def _candidate(self, train: Dataset, recipe: Model) -> Any:
        """Fitted on what is before the window, here or by the call that was killed."""
        folder = self.work.folder / "candidate"
        try:
            found = artifact.load(folder)
            if found.about["model"] == describe(_within(recipe, train)):
                return found.model
        except HeadwaterError:
            pass
        made = self._fitted(recipe, train, "candidate")
        artifact.save(made, folder, train, with_data=False)
        return made

    def _final(self, data: Dataset, recipe: Model, report: Mapping[str, Any]) -> str:
        """The method fitted on everything, on the shelf; its name."""
        name = next((n for n in self.shelf.names() if self._run_of(n) == report["run"]), None)
        if name is None:
            learned = _valued(data, None) if self.terms.worth else data
            model = self._fitted(recipe, learned, "everything")
            name = self.shelf.add(Fitted(model, replace(data, sessions=None)), report)
        self.work.write("final", {"name": name})
        return name

    def _end(self, report: Mapping[str, Any]) -> dict[str, Any]:
        """With nobody who was erased left on the shelf, and no copy of the data."""
        told = {**report, "forgotten": len(forget(self.store, self.shelf))}
        told["version"] = self.shelf.current
        with atomic_path(self.shelf.folder / "retrain.json") as temp:
            temp.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
        self.work.clear()
        return told

    # How

    def _recipe(self, live: Fitted | None) -> Model:
        asked = self.terms.method
        if asked is None and live is None:
            raise BadParameter(
                f"nothing is published on {self.shelf.folder} whose method could be fitted again: "
                "name one, such as method='ease'"
            )
        if asked is None:
            asked = _bare(live.model)  # type: ignore[union-attr]
        return _bare(method(asked, fallback=True, **self.terms.settings))

    def _fitted(self, recipe: Model, data: Dataset, what: str) -> Any:
        made = _within(recipe, data)
        fit(made, data, what=f"fit on {what}", progress=self.progress)
        return made

    def _nobody_erased(self, data: Dataset, plan: Mapping[str, Any]) -> None:
        since = microseconds(datetime.fromisoformat(plan["read"]))
        if held(self.store, data.users.values.cast(pl.String).to_list(), since):
            raise Anew

    def _knows_erased(self, name: str | None) -> bool:
        assert name is not None
        users = known_to(self.shelf.path(name))
        return bool(held(self.store, users, read_at(self.shelf, name)))

    def _run_of(self, name: str) -> str | None:
        try:
            return self.shelf.report(name).get("run")
        except BadArtifact:
            return None


def _bare(model: Model) -> Model:
    """What is fitted, without what keeps removed items out."""
    inner = model.first if model.address == AVAILABLE else model
    assert isinstance(inner, Model)
    return inner.fresh()


def _within(recipe: Model, data: Dataset) -> Model:
    """Not learned yet, and kept from recommending what is not in the catalogue of ``data``."""
    if not _removed(data).any():
        return recipe.fresh()
    kept: Model = build({"model": AVAILABLE, "first": recipe.fresh(), "by": REMOVED})
    return kept


def _removed(data: Dataset) -> Mask:  # (N,)
    table = data.catalog.table
    if REMOVED not in table.columns:
        return np.zeros(len(data.items), bool)
    return np.asarray(table[REMOVED].to_numpy(), bool)


def _valued(data: Dataset, cut: int | None) -> Dataset:
    """Clicks and events worth the predicted satisfaction of their visits, which is learned from the
    answers of those that were over before ``cut``."""
    sessions = learnable(data)
    known = sessions if cut is None else sessions[over(sessions, cut)]
    if not known.answered.any():
        raise DataError(
            "nobody of those who may be learned from had answered a survey by then: what clicks "
            "were worth cannot be predicted; retrain without worth"
        )
    chances = build(JUDGE).fit(replace(data, sessions=known)).chances(sessions)
    shown = data.impressions
    data = valued(data, chances)
    return data if shown is None else replace(data, impressions=worth(shown, sessions, chances))


def _counts(data: Dataset) -> dict[str, int]:
    return {
        "users": len(data.users),
        "items": len(data.items),
        "removed": int(_removed(data).sum()),
        "events": len(data.log.items),
    }
