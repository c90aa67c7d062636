"""Against the sums slot by slot, and against what a made-up world says."""

from dataclasses import replace

import numpy as np
import pytest

from headwater.data.worth import valued
from headwater.evidence import Evidence
from headwater.metrics.expected_satisfaction import ExpectedSatisfaction
from headwater.registry import build, metric
from headwater.simulate.platform import Platform
from headwater.types import PAD, Histories, Slate


def seen(data, queries, items):
    scores = np.where(items == PAD, -np.inf, 1).astype(np.float32)
    truth = Histories.empty(len(items), len(data.items))
    return Evidence(queries, Slate(items.astype(np.int32), scores), truth, data)


def test_slot_by_slot():
    world = Platform(n_sessions=200, n_items=20)
    data = valued(world.log(), np.random.default_rng(0).random(200))
    queries, _ = world.requests(data, 3)
    items = np.array([[4, 0, 7, 1], [3, PAD, PAD, PAD], [PAD, PAD, PAD, PAD]])
    log, m = data.log, data.log.values.mean()
    for k, persistence, strength in ((4, 0.8, 10), (2, 0.5, 1), (3, 0.0, 3)):
        worth = [
            (log.values[log.items == i].sum() + strength * m) / ((log.items == i).sum() + strength)
            for i in range(20)
        ]
        top = 0.0
        weight = 0.0
        for r, item in enumerate(items[0, :k]):
            top += persistence**r * worth[item]
            weight += persistence**r
        found = ExpectedSatisfaction(k=k, persistence=persistence, strength=strength)(
            seen(data, queries, items)
        )
        np.testing.assert_allclose(found, [top / weight, worth[3], np.nan], rtol=1e-5)


def test_it_goes_with_what_is_true():
    """Over many random lists it rises with the satisfaction that the world gives them."""
    world = Platform()
    data = world.log()
    judge = build("satisfaction.logistic", log=True).fit(data)
    data = valued(data, judge.chances(data.sessions))
    queries, intent = world.requests(data, 400)
    rng = np.random.default_rng(0)
    items = rng.random((400, world.n_items)).argsort(1)[:, : world.k]
    said = metric("expected_satisfaction@8")(seen(data, queries, items))
    true = world.satisfaction(queries.user, intent, items)
    shuffled = rng.permutation(said)
    assert np.corrcoef(said, true)[0, 1] > 0.3 > abs(np.corrcoef(shuffled, true)[0, 1])
    plain = replace(data, log=replace(data.log, values=np.ones_like(data.log.values)))
    np.testing.assert_allclose(metric("expected_satisfaction@8")(seen(plain, queries, items)), 1)


def test_wrong_settings():
    with pytest.raises(ValueError, match="strength must be above 0"):
        ExpectedSatisfaction(strength=0)
    with pytest.raises(ValueError, match="persistence must be from 0 to 1"):
        ExpectedSatisfaction(persistence=1.5)
