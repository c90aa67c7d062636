import numpy as np
import pytest

torch = pytest.importorskip("torch")

from dataclasses import replace  # noqa: E402

from headwater.data.toy import blocks, checkers, histories, world  # noqa: E402
from headwater.errors import BadParameter, UnknownName  # noqa: E402
from headwater.registry import build  # noqa: E402
from headwater.retrieve.matrix.recfusion_guided import Batch, mix  # noqa: E402
from headwater.rows import Rows  # noqa: E402
from headwater.train import seeded  # noqa: E402
from headwater.types import Guide, Histories  # noqa: E402


def small(**parameters):
    how = {"n_epochs": 60, "learning_rate": 0.01, **parameters.pop("how", {})}
    return build("recfusion_guided", hidden_size=16, how=how, **parameters)


@pytest.fixture(scope="module")
def fitted():
    return small(how={"n_epochs": 150}).fit(blocks())


def numpy_net(net, view, guide=None, known=None):
    """The net written out, for a dense ``view``."""
    w = {name: t.detach().numpy().astype(float) for name, t in net.state_dict().items()}
    swish = lambda h: h / (1 + np.exp(-h))  # noqa: E731

    def norm(h, i):
        mean, var = h.mean(1, keepdims=True), h.var(1, keepdims=True)
        return (h - mean) / np.sqrt(var + 0.1) * w[f"norms.{i}.weight"] + w[f"norms.{i}.bias"]

    length = np.sqrt(np.maximum((view**2).sum(1, keepdims=True), 1))
    h = view / length @ w["first.weight"] + w["first.bias"]
    if known is not None:
        h = h + known @ w["known.weight"].T / np.sqrt(known.shape[1])
    if guide is not None:
        h = h + guide @ w["guide.weight"].T
    h = before = norm(swish(h), 0)
    for i in range(sum(name.startswith("rest") for name in w) // 2):
        h = norm(swish(h @ w[f"rest.{i}.weight"].T + w[f"rest.{i}.bias"] + before), i + 1)
        before = before + h
    return h @ w["last.weight"].T + w["last.bias"]


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
@pytest.mark.parametrize("depth", [0, 1, 3])
def test_the_loss_is_the_formula(share, depth):
    rng = np.random.default_rng(3)
    model = small(depth=depth)
    model.n_items_, model.kinds_ = 9, '["a", "b"]'
    net = model.build().train()
    x = (rng.random((5, 9)) < 0.6).astype(np.float32)
    x[4] = 0
    x[4, 2] = 1
    seen = x * (rng.random(x.shape) < share)
    guide = rng.random((5, 2)).astype(np.float32)
    known = np.maximum(seen, (rng.random(x.shape) < 0.3) * (1 - x)).astype(np.float32)
    rows = Rows.of(world(from_dense(x)).log.matrix())
    in_view = torch.from_numpy(seen[rows.rows, rows.items] > 0)
    for k in (None, known):
        want = 0.0
        f = numpy_net(net, seen, guide, k)
        for u in range(5):
            open_ = (seen[u] == 0) if k is None else (k[u] == 0)
            log_p = f[u] - np.log(np.exp(f[u][open_]).sum())
            want -= log_p[(x[u] > 0) & (seen[u] == 0)].sum() / 5
        t = None if k is None else torch.from_numpy(k)
        got = model.loss_of(net, rows, in_view, torch.from_numpy(guide), t)
        assert got.item() == pytest.approx(want, rel=1e-5)


def from_dense(x):
    row, item = np.nonzero(x)
    return histories(list(zip(row, item, strict=True)), n_rows=len(x), n_items=x.shape[1])


def test_the_mix_of_kinds():
    x = Rows.of(from_dense(np.array([[1, 1, 1], [0, 1, 0]])).matrix())
    kinds = torch.tensor([[1.0, 0], [1, 1], [0, 0]])
    which = torch.tensor([True, True, True, False])
    np.testing.assert_allclose(mix(kinds, x, which), [[2 / 3, 1 / 3], [0, 0]])


def open_chances(f, closed):
    """The softmax over what is not closed."""
    p = np.where(closed, 0, np.exp(f - f.max(1, keepdims=True)))
    return p / p.sum(1, keepdims=True)


def test_one_step_is_the_net_and_chances_sum_to_one(fitted):
    asked = blocks().queries(np.arange(6))
    dense = asked.history.matrix().toarray()
    want = open_chances(numpy_net(fitted.net_, dense), dense > 0)
    np.testing.assert_allclose(np.exp(fitted.scores(asked)), want, atol=1e-5)
    more = lent(fitted, steps=4, sampler="deterministic")
    np.testing.assert_allclose(np.exp(more.scores(asked)).sum(1), 1, rtol=1e-4)


def lent(model, **changes):
    """The same net with other ways of asking."""
    other = replace(model, **changes)
    other.n_items_, other.kinds_, other.net_ = model.n_items_, model.kinds_, model.net_
    return other


@pytest.mark.parametrize("sampler", ["deterministic", "ddpm"])
def test_steps_by_hand(fitted, sampler):
    """Two steps: what the first brings into view is in the view of the second."""
    asked = blocks().queries(np.arange(4))
    x = asked.history.matrix().toarray().astype(float)
    model = lent(fitted, steps=2, sampler=sampler, chains=1, share_in_view=0.5)
    p = np.exp(lent(fitted, steps=1).scores(asked)).astype(float)
    lacking = x.sum(1) * (1 / 0.5 - 1)
    if sampler == "deterministic":
        state = np.minimum(x + lacking[:, None] / 2 * p, 1)
    else:
        noise = torch.rand(x.shape[1], generator=torch.Generator().manual_seed(0)).numpy()
        value = np.where(x == 1, -np.inf, np.log(p.clip(1e-30)) - np.log(-np.log(noise)))
        state = x.copy()
        for u in range(4):
            state[u, np.argsort(-value[u])[: round(lacking[u] / 2)]] = 1
    second = open_chances(numpy_net(fitted.net_, state), state >= 1)
    second = np.where(state >= 1, p, second)  # what came into view keeps the chance it had
    np.testing.assert_allclose(np.exp(model.scores(asked)), (p + second) / 2, atol=2e-4)


@pytest.mark.parametrize("steps", [1, 2, 5, 16])
def test_as_much_comes_into_view_as_is_lacking(fitted, steps, monkeypatch):
    """Rounded over the whole way, not step by step."""
    asked = blocks().queries(np.arange(4))
    model = lent(fitted, steps=steps, sampler="ddpm", chains=1, share_in_view=0.7)
    states = []
    forward = type(fitted.net_).forward
    monkeypatch.setattr(
        type(fitted.net_),
        "forward",
        lambda net, x, *rest: states.append(x) or forward(net, x, *rest),
    )
    model.scores(asked)
    have = asked.history.matrix().toarray().sum(1)
    lacking = have * (1 / 0.7 - 1)
    for step, state in enumerate(states[1:], 1):
        want = np.round(lacking * step / steps)
        np.testing.assert_allclose(state.sum(1).numpy() - have, want)


def kinds_of(data):
    table = data.catalog.multi_hot("genres").toarray()
    return table, list(data.catalog.kinds("genres"))


def test_guided_lists_lean_to_the_kind_more_and_more(fitted):
    data = blocks()
    table, names = kinds_of(data)
    asked = data.queries()
    for kind in names[:3]:
        shares = []
        for strength in (0.0, 1.0, 2.0, 4.0):
            guide = Guide("genres", (kind,), strength)
            slate = fitted.recommend(replace(asked, guide=guide), 10)
            shares.append(table[slate.items, names.index(kind)].mean())
        assert (np.diff(shares) > -0.01).all(), shares
        assert shares[-1] > shares[0] + 0.05, shares
    plain = fitted.recommend(asked, 10)
    none = fitted.recommend(replace(asked, guide=Guide("genres", ("g0",), 0.0)), 10)
    np.testing.assert_array_equal(plain.items, none.items)


def test_a_guide_is_for_each_row_alone(fitted):
    asked = replace(blocks().queries(np.arange(5)), guide=Guide("genres", ("g0",), 2.0))
    rows = [fitted.scores(asked[i : i + 1]) for i in range(5)]
    np.testing.assert_allclose(fitted.scores(asked), np.concatenate(rows), rtol=1e-4, atol=1e-5)


def test_what_was_declined_tells_tastes_apart():
    """Two kinds of people with the same history: who declined the one likes the other."""
    pairs = []
    for u in range(60):
        liked = [0, 1, 2, 3, 4] if u % 2 else [0, 5, 6, 7, 8]
        pairs += [(u, i) for i in liked]
    data = world(histories(pairs, n_rows=60, n_items=9))
    model = small(blocks=0.8, least_kept=0.1, how={"n_epochs": 200}).fit(data)
    past = histories([(0, 0), (1, 0)], n_rows=2, n_items=9)
    declined = histories([(0, 1), (0, 2), (1, 5), (1, 6)], n_rows=2, n_items=9)
    asked = replace(data.newcomers(past), declined=declined)
    scores = model.scores(asked)
    assert scores[0, [7, 8]].min() > scores[0, [3, 4]].max()
    assert scores[1, [3, 4]].min() > scores[1, [7, 8]].max()
    lists = model.recommend(asked, 9).items
    assert not set(lists[0].tolist()) & {0, 1, 2}, "what is known is not recommended"
    assert not set(lists[1].tolist()) & {0, 5, 6}


def test_how_histories_are_hidden(monkeypatch):
    """The share in view, the guide out of what is hidden, and how often there is none."""
    data = blocks()
    model = small(least_kept=0.3, most_kept=0.6, unguided=0.4, blocks=0.25)
    model.n_items_, model.kinds_ = len(data.items), '["a", "b", "c"]'
    kinds = torch.from_numpy(data.catalog.multi_hot("genres").toarray())
    x = Rows.of(data.log.matrix())
    views = []
    monkeypatch.setattr(model, "loss_of", lambda *given: views.append(given[2:]) or torch.zeros(()))
    with seeded([3]):
        for _ in range(300):
            model.hiding_loss(None, Batch(x, kinds), 0)
    shares, led, known_in_view = [], [], []
    for in_view, guide, known in views:
        share = torch.bincount(x.rows[in_view], minlength=len(x)) / x.lengths
        shares.append(share.mean().item())
        mine = guide.sum(1) > 0
        led.append(mine.float().mean().item())
        torch.testing.assert_close(guide[mine], mix(kinds, x, ~in_view)[mine])
        if known is not None:
            assert (known[x.rows, x.items] > 0).equal(in_view)
            known_in_view.append(known.mean().item())
    assert np.mean(shares) == pytest.approx(0.45, abs=0.01)
    assert min(shares) > 0.3
    assert max(shares) < 0.6
    assert np.mean(led) == pytest.approx(0.6, abs=0.02)
    assert len(known_in_view) == pytest.approx(75, abs=20)
    assert np.mean(known_in_view) == pytest.approx(0.45, abs=0.01)


def test_mistakes(fitted):
    asked = blocks().queries([0])
    with pytest.raises(BadParameter, match="guided by 'genres'; got guide='topic'"):
        fitted.scores(replace(asked, guide=Guide("topic", ("t0",))))
    with pytest.raises(UnknownName, match="no kind in 'genres' 'Horror'"):
        fitted.scores(replace(asked, guide=Guide("genres", ("Horror",))))
    bare = small(guide_by="colour", how={"n_epochs": 1}).fit(blocks())
    assert bare.recommend(asked, 3).filled.all()
    with pytest.raises(BadParameter, match="has no kinds"):
        bare.scores(replace(asked, guide=Guide("colour", ("red",))))
    for bad in ({"least_kept": 0.9, "most_kept": 0.5}, {"unguided": 2.0}, {"steps": 0}):
        with pytest.raises(BadParameter):
            small(**bad)


def test_nothing_hidden_has_no_loss():
    model = small()
    model.n_items_, model.kinds_ = 4, "[]"
    net = model.build()
    x = Rows.of(Histories.empty(2, 4).matrix())
    assert model.hiding_loss(net, Batch(x, torch.zeros(4, 0)), 0).item() == 0
    assert model.fit(checkers(8)[0]).fitted
