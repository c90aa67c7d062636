"""What a version on the shelf would have earned, from a store that has another numbering."""

from datetime import datetime, timedelta

import numpy as np
import pytest

pytest.importorskip("sqlalchemy", reason="pip install 'headwater[serve]'")

from headwater.artifact import load
from headwater.errors import DataError
from headwater.facade import Fitted
from headwater.registry import build
from headwater.serve.experiments import before_launch, version_before_launch
from headwater.serve.shelf import Shelf
from headwater.simulate.streaming import World


def test_only_what_was_shown_since_it_learned_counts(sqlite, clock, tmp_path):
    world = World(n_users=40, n_items=60)
    begin = int((clock.time - timedelta(days=12)).timestamp())
    lived = world.lived(12, until=begin + 12 * 86_400)
    half = clock.time - timedelta(days=6)
    rows = lived.events()
    first = [row for row in rows if datetime.fromisoformat(row["time"]) < half]
    sqlite.ingest(first)
    early = sqlite.dataset()
    shelf = Shelf(tmp_path)
    name = shelf.add(Fitted(build("popularity").fit(early), early), {})
    with pytest.raises(DataError, match="nothing was shown since"):
        version_before_launch(sqlite, shelf.path(name))
    sqlite.ingest([row for row in rows if row not in first])
    found = version_before_launch(sqlite, shelf.path(name))
    assert found.value is not None
    newest = int(early.impressions.queries.now.max())
    data = sqlite.dataset()
    assert len(data.items) >= len(early.items)
    later = np.flatnonzero(data.impressions.queries.now > newest)
    assert found.slots == int(data.impressions.slate.filled[later].sum())
    assert found.fixed == 0

    model = load(shelf.path(name)).model
    first_list = model.recommend(early.queries([0]), 60, filter_seen=False).items[0]
    order = early.items.decode(first_list).to_list()

    class ByHand:
        """The same model, written out in the numbers of the store."""

        def recommend(self, queries, k, *, filter_seen=True):  # noqa: ARG002
            from headwater.types import PAD, Slate

            items = np.full((len(queries), k), PAD, np.int32)
            known = data.items.encode(order)
            known = known[known != PAD]
            for row in range(len(queries)):
                free = known[~np.isin(known, queries.history[[row]].items)][:k]
                items[row, : len(free)] = free
            scores = np.where(items == PAD, -np.inf, -np.arange(k, dtype=np.float32))
            return Slate(items, scores.astype(np.float32))

    from dataclasses import replace

    want = before_launch(replace(data, impressions=data.impressions[later]), ByHand())
    assert found.value.mean == pytest.approx(want.value.mean)
    assert found.agreed == pytest.approx(want.agreed)
