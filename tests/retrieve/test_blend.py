import numpy as np
import pytest

from headwater.data.toy import blocks
from headwater.errors import BadParameter
from headwater.registry import build
from headwater.types import PAD

PARTS = [{"model": "ease", "l2": 1.0}, "popularity", "random"]


@pytest.mark.parametrize("by", ["rank", "score"])
@pytest.mark.parametrize("weights", [None, (1.0, 0.5, 0.25)])
def test_item_by_item(by, weights):
    data = blocks()
    model = build(
        {"model": "blend", "recommenders": PARTS, "by": by, "width": 15, "offset": 10},
        **({"weights": list(weights)} if weights else {}),
    ).fit(data)
    asked = data.queries(np.arange(6))
    slates = [m.recommend(asked, 15) for m in model.recommenders]
    got = model.recommend(asked, 12)
    for row in range(6):
        total, most = {}, {}
        for m, (slate, w) in enumerate(zip(slates, weights or (1, 1, 1), strict=True)):
            s = slate.scores[row].astype(float)
            for rank, item in enumerate(slate.items[row]):
                if by == "rank":
                    part = w / (10 + rank + 1)
                else:
                    part = w * (s[rank] - s.min()) / (s.max() - s.min())
                total[item] = total.get(item, 0) + part
                if part > most.get(item, (0, 0))[0]:
                    most[item] = (part, m)
        best = sorted(total, key=lambda i: (-round(total[i], 9), i))[:12]
        np.testing.assert_allclose(got.scores[row], [total[i] for i in best], rtol=1e-5)
        assert set(got.items[row]) == set(best)
        for item, path in zip(got.items[row], got.path[row], strict=True):
            if item in most:
                assert path == most[item][1]


def test_wrong_weights():
    with pytest.raises(BadParameter, match="3 recommenders and 1 weights"):
        build({"model": "blend", "recommenders": PARTS, "weights": [1.0]})
    with pytest.raises(BadParameter, match="at least 0"):
        build({"model": "blend", "recommenders": PARTS, "weights": [1.0, -1.0, 0.0]})
    with pytest.raises(BadParameter, match="must not be empty"):
        build({"model": "blend", "recommenders": []})


def test_short_lists_leave_holes_at_the_end():
    data = blocks()
    model = build({"model": "blend", "recommenders": ["ease"]}).fit(data)
    slate = model.recommend(data.queries([0]), 60)
    assert (slate.items[0] == PAD).sum() == data.log.lengths[0]
