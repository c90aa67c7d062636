"""Evidence from a few lists, for examples that one can work out by hand."""

import numpy as np

from headwater.data.toy import world
from headwater.evidence import Evidence
from headwater.types import PAD, Histories, Queries, Slate


def rows(lists, n_items, values=None):
    """Histories of one list of items a row."""
    at = np.repeat(np.arange(len(lists)), [len(each) for each in lists])
    items = np.array([item for each in lists for item in each], int)
    worth = None if values is None else np.array([v for each in values for v in each], float)
    return Histories.of(at, items, n_rows=len(lists), n_items=n_items, values=worth)


def small(slates, truth, *, n_items=10, values=None, past=None, log=(), pool=None):
    """One slate and one list of choices a request; ``log`` has one list a user."""
    width = max((len(slate) for slate in slates), default=0)
    items = np.full((len(slates), width), PAD, np.int32)
    for row, slate in enumerate(slates):
        items[row, : len(slate)] = slate
    scores = np.where(items == PAD, -np.inf, -np.arange(width)).astype(np.float32)
    b = len(slates)
    history = rows(past if past is not None else [[] for _ in slates], n_items)
    if pool is not None:
        pool = np.isin(np.arange(n_items), pool)
    return Evidence(
        queries=Queries(history, np.full(b, PAD, np.int32), np.zeros(b, np.int64), pool),
        slate=Slate(items, scores),
        truth=rows(truth, n_items, values),
        data=world(rows(log, n_items)),
    )
