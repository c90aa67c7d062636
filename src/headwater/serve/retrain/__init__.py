"""Retraining: a new model from what a store has now, published only if it is good enough.

    data -> window held out -> candidate fitted on what is before -> candidate against live, on the
    same requests -> if good enough, the same method fitted on everything -> published

    the mean difference of the metric is not below -tolerance, nor is the lower end of its interval;
    no guard loses more than it may; single requests take not much longer

Every step is kept in a folder, and a call that was killed is gone on with by the next one. People
who were erased are in no version that is left afterwards, whether the candidate was good or not: if
it was not, and the live model knows some of them, the live method is fitted again without them.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from ...atomic import Taken, locked
from ...errors import BadParameter, StoreError
from ...facade import Progress
from ..shelf import Shelf
from ..store import Store
from ._retraining import Anew, Retraining
from ._terms import GUARDS, Terms
from ._work import Work

__all__ = ["GUARDS", "Terms", "retrain"]

ATTEMPTS = 3
log = logging.getLogger("headwater")


def retrain(
    store: Store,
    shelf: Shelf,
    terms: Terms | None = None,
    *,
    work: str | Path | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Train on what ``store`` has and publish on ``shelf`` if that is good; the report.

    Its "verdict" is "published", "rejected" (nothing was published), "renewed" (nothing was, but
    that the live method was fitted again without people who were erased) or "nothing to do", for
    which "reason" is a sentence. Plain values, without an id of anybody. The last one is in
    `retrain.json` on the shelf, that of a version in its report.

    ``work`` is the folder of steps, `.retrain` on the shelf if None. With ``dry_run`` all is done
    but for what would change the shelf. `BadParameter` if another one is at work on the shelf.
    """
    terms = terms or Terms()
    try:
        with locked(shelf.folder / ".retrain.lock", wait=False):
            kept = Work(Path(work) if work is not None else shelf.folder / ".retrain")
            for _ in range(ATTEMPTS):
                try:
                    return Retraining(store, shelf, terms, kept, dry_run, progress).run()
                except Anew:
                    log.warning("somebody was erased meanwhile: retraining begins anew")
                    kept.clear()
    except Taken:
        raise BadParameter(
            f"another retraining is at work on {shelf.folder}: wait for it to end"
        ) from None
    raise StoreError(
        f"people were erased in each of {ATTEMPTS} attempts at retraining: try again when fewer are"
    )
