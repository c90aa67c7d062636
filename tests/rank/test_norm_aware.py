from dataclasses import replace

import numpy as np
import polars as pl
import pytest

torch = pytest.importorskip("torch")

from headwater.data.requests import drawn  # noqa: E402
from headwater.data.split import split  # noqa: E402
from headwater.data.toy import blocks  # noqa: E402
from headwater.errors import BadParameter  # noqa: E402
from headwater.evidence import Evidence  # noqa: E402
from headwater.metrics.calibration import Calibration  # noqa: E402
from headwater.rank._net import Requests  # noqa: E402
from headwater.registry import build  # noqa: E402
from headwater.types import Catalog, Histories  # noqa: E402

SMALL = {"by": "genres", "hidden_sizes": [4], "embedding_size": 4}


@pytest.fixture(scope="module")
def data():
    part = split(blocks(), "random_per_user", seed=0)
    tone = np.random.default_rng(1).normal(size=60)
    table = part.train.catalog.table.with_columns(tone=pl.Series([None, *tone[1:].tolist()]))
    train = replace(part.train, catalog=Catalog(table, part.train.catalog.vectors))
    return replace(train, impressions=drawn(part, k=8, seed=0))


def smooth_mix(s, kinds, temperature):
    rank = 1 + np.array([sum(1 / (1 + np.exp(-(o - x) / temperature)) for o in s) - 0.5 for x in s])
    q = (kinds / rank[:, None]).sum(0)
    return q / q.sum()


@pytest.mark.parametrize("to", ["history", "mix"])
@pytest.mark.parametrize("epochs", [1, 3])
def test_the_loss_is_the_formula(data, to, epochs):
    mix = {"g1": 3.0, "g2": 1.0} if to == "mix" else None
    model = build("norm_aware", to=to, mix=mix, weight=2.0, how={"n_epochs": epochs}, **SMALL)
    model.fit(data)
    shown = data.impressions[np.arange(12)]
    asked = Requests.of(
        shown.queries, shown.slate, model.history, "cpu", clicks=shown.clicks.astype(np.float32)
    )
    with torch.no_grad():
        got = model.step(model.net_, asked, 0).item()
    s = model.logits(shown.queries, shown.slate).astype(float)
    clicked = -(shown.clicks * np.log(1 / (1 + np.exp(-s)))) - (1 - shown.clicks) * np.log(
        1 / (1 + np.exp(s))
    )
    each = data.catalog.multi_hot("genres").toarray()
    kinds = data.catalog.kinds("genres")
    off = []
    for row in range(12):
        mine = each[shown.slate.items[row]]
        if to == "mix":
            p = np.array([{"g1": 3, "g2": 1}.get(k, 0) for k in kinds])
        else:
            past = shown.queries.history[[row]].items[::-1][: model.history]
            p = sum(each[item] / rank for rank, item in enumerate(past, 1))
        p, q = p / p.sum(), smooth_mix(s[row], mine, 0.1)
        m = (p + q) / 2
        with np.errstate(divide="ignore", invalid="ignore"):
            js = (np.nansum(p * np.log2(p / m)) + np.nansum(q * np.log2(q / m))) / 2
        off.append(np.sqrt(js))
    assert got == pytest.approx(clicked.mean() + 2 * np.mean(off), rel=1e-4)


def shown_by(data, **parameters):
    model = build("norm_aware", how={"n_epochs": 15, "learning_rate": 0.01}, **SMALL, **parameters)
    shown = data.impressions
    return model.fit(data)(shown.queries, shown.slate)


def test_lists_move_to_the_history_as_the_weight_rises(data):
    shown = data.impressions

    def far(weight):
        nothing = Histories.empty(len(shown), 60)
        seen = Evidence(shown.queries, shown_by(data, weight=weight), nothing, data)
        return np.nanmean(Calibration(by="genres", k=3)(seen))

    assert far(0.0) > far(30.0)


def test_lists_move_to_a_mix_as_the_weight_rises(data):
    each = data.catalog.multi_hot("genres").toarray()
    at = data.catalog.kinds("genres").index("g2")

    def share(weight):
        slate = shown_by(data, weight=weight, to="mix", mix={"g2": 1.0})
        return each[slate.items[:, :3]].mean((0, 1))[at]

    shares = [share(weight) for weight in (0.0, 0.5, 30.0)]
    assert shares == sorted(shares)
    assert shares[2] > shares[0] + 0.1


def test_numbers_are_cut_at_quantiles(data):
    model = build("norm_aware", by="tone", bins=4)
    table = model.table(data.catalog)
    assert table.shape == (60, 4)
    assert not table[0].any(), "nothing is known of the first"
    np.testing.assert_array_equal(table[1:].sum(1), 1)
    tone = data.catalog.table["tone"].to_numpy()[1:]
    edges = np.quantile(tone, [0.25, 0.5, 0.75])
    np.testing.assert_array_equal(table[1:].argmax(1), np.searchsorted(edges, tone, side="right"))


def test_mistakes():
    with pytest.raises(BadParameter, match="to is history or mix"):
        build("norm_aware").__class__(to="platform")
    with pytest.raises(BadParameter, match="weight must be at least 0"):
        build("norm_aware", weight=-1.0)
    assert not build("norm_aware").says_chances
    assert build("norm_aware", weight=0.0).says_chances
