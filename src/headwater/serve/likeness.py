"""What is like an item, by what was learned, or by its kinds where nothing was learned of it."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from ..errors import UnknownName
from ..model import best
from ..types import Ints, Mask
from .answers import Answer, new_trace
from .live import Live
from .newcomers import title_of

__all__ = ["KINDS", "alike", "similar"]

KINDS = "kinds"  # the path of what shares kinds with an item


def similar(live: Live, item_id: str, k: int, *, exclude: Collection[str] = ()) -> Answer:
    """The k items most like one; `UnknownName` if nobody knows it."""
    version = live.version
    out = live.gone | version.mask(exclude)
    if item_id in version.items and not live.is_gone(item_id):
        out[version.items[item_id]] = True
        return alike(live, version.items[item_id], k, out)
    if item_id not in live.new.about:
        raise UnknownName("item", item_id, ())
    return _of_the_same_kinds(live, item_id, k, out)


def alike(live: Live, at: int, k: int, out: Mask) -> Answer:
    """The k items most like item number ``at``, without those in ``out`` (N,)."""
    version = live.version
    scorer = version.scorer
    if scorer is None:
        said = f"{version.name} knows nothing of likeness"
        return Answer(new_trace(), version.name, (), said)
    s = np.array(scorer.similarity(np.array([at]), len(version.names)), np.float32)
    if version.choosy and (s == version.plain).all():
        said = f"{type(scorer).__name__} knows nothing of which items are alike"
        return Answer(new_trace(), version.name, (), said)
    np.copyto(s[0], -np.inf, where=out)
    slate = best(s, k)
    number = int(slate.filled.sum())
    reason = f"like {live.title(at)}"
    shown = tuple(live.shown(slate, slot, reason, scorer.address) for slot in range(number))
    missing = "" if number == k else f"only {number} of the {k} asked for: there are no more"
    return Answer(new_trace(), version.name, shown, missing)


def _of_the_same_kinds(live: Live, item_id: str, k: int, out: Mask) -> Answer:
    """For an item that the model has not learned of: what shares most of its kinds."""
    version = live.version
    mine = live.new.has[[live.new.at[item_id]]].toarray()[0]
    many = np.maximum(version.has.sum(1), 1)
    shared = np.asarray(version.has @ mine) / many
    order: Ints = version.popular[np.argsort(-shared[version.popular], kind="stable")]
    order = order[~out[order] & (shared[order] > 0)][:k]
    said = f"of the same {version.by} as {title_of(item_id, live.new.about[item_id])}"
    shown = tuple(live.plainly(int(at), KINDS, said) for at in order)
    free = ~out
    free[order] = False
    shown += live.most(free, k - len(shown))
    missing = "" if len(shown) == k else f"only {len(shown)} of the {k} asked for"
    return Answer(new_trace(), version.name, shown, missing)
