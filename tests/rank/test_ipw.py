from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from headwater.data.requests import drawn  # noqa: E402
from headwater.data.split import split  # noqa: E402
from headwater.data.toy import blocks  # noqa: E402
from headwater.errors import BadParameter  # noqa: E402
from headwater.rank._net import Requests  # noqa: E402
from headwater.registry import build  # noqa: E402


@pytest.fixture(scope="module")
def data():
    part = split(blocks(), "random_per_user", seed=0)
    return replace(part.train, impressions=drawn(part, k=8, seed=0))


def test_weights_by_category(data):
    shown = data.impressions
    got = build("ipw", least=0.2, normalise=False).weights(data, shown)
    genres = data.catalog.table["genres"].to_list()
    for row in range(0, len(shown), 17):
        past = set(shown.queries.history[[row]].items.tolist())
        for slot, item in enumerate(shown.slate.items[row]):
            share = np.mean([genres[i] == genres[item] for i in past])
            assert got[row, slot] == pytest.approx(1 / max(share, 0.2))
    assert build("ipw").weights(data, shown).mean() == pytest.approx(1)


def test_weights_by_popularity(data):
    shown = data.impressions
    got = build("ipw", by="popularity", eta=0.7, least=0.05, normalise=False).weights(data, shown)
    chosen = np.bincount(data.log.items, minlength=60)
    theta = np.maximum((chosen / chosen.max()) ** 0.7, 0.05)
    np.testing.assert_allclose(got, 1 / theta[shown.slate.items])
    normal = build("ipw", by="popularity").weights(data, shown)
    assert normal[shown.clicks > 0].mean() == pytest.approx(1)


def test_the_loss_by_popularity(data):
    """Clicks count w, and what is left of them, 1 - w, counts against them."""
    model = build("ipw", by="popularity", hidden_sizes=[4], how={"n_epochs": 1}).fit(data)
    shown = data.impressions[np.arange(20)]
    w = model.weights(data, data.impressions)[:20]
    asked = Requests.of(
        shown.queries,
        shown.slate,
        model.history,
        "cpu",
        clicks=shown.clicks,
        weights=w.astype(np.float32),
    )
    s = model.logits(shown.queries, shown.slate).astype(float)
    p = 1 / (1 + np.exp(-s))
    r = w * shown.clicks
    want = -(r * np.log(p) + (1 - r) * np.log(1 - p)).mean()
    assert model.step(model.net_, asked, 0).item() == pytest.approx(want, rel=1e-5)


def test_what_is_rare_in_a_history_gains(data):
    """Than with DCN, whose weights are all alike: the share of the other genres rises."""
    how = {"n_epochs": 30, "learning_rate": 0.01, "batch_size": 32}
    genres = np.array([each[0] for each in data.catalog.table["genres"].to_list()])
    shown = data.impressions
    past = shown.queries.history
    main = [
        np.unique(genres[past[[r]].items], return_counts=True)[0][
            np.unique(genres[past[[r]].items], return_counts=True)[1].argmax()
        ]
        for r in range(len(shown))
    ]
    share = {}
    for name in ("dcn", "ipw"):
        model = build(name, hidden_sizes=[8], how=how).fit(data)
        first = model(shown.queries, shown.slate).items[:, 0]
        share[name] = np.mean([genres[i] != m for i, m in zip(first, main, strict=True)])
    assert share["ipw"] > share["dcn"]


def test_mistakes():
    with pytest.raises(BadParameter, match="least must be above 0"):
        build("ipw", least=0)
    with pytest.raises(BadParameter, match="weighs the clicks of bce"):
        build("ipw", by="popularity", loss="listwise")
