from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from textbook import minmax, picks, unit  # noqa: E402

from headwater.data.requests import drawn, split_requests  # noqa: E402
from headwater.data.split import split  # noqa: E402
from headwater.data.toy import blocks  # noqa: E402
from headwater.errors import BadParameter  # noqa: E402
from headwater.evaluation import measure  # noqa: E402
from headwater.rank._net import Requests  # noqa: E402
from headwater.registry import build  # noqa: E402
from headwater.rerank.cdm import Student, relaxed_top  # noqa: E402

RANKER = {"model": "dcn", "embedding_size": 4, "hidden_sizes": [8]}


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def made(**parameters):
    return build("cdm", ranker=RANKER, **parameters)


@pytest.fixture
def world(rng):
    """A student, three requests of six candidates and fewer, and its weights in numpy."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        student = Student(4).double()
    e, u = rng.normal(size=(3, 6, 4)), rng.normal(size=(3, 4))
    there = np.array([6, 4, 1])[:, None] > np.arange(6)
    w = {name: p.detach().numpy() for name, p in student.named_parameters()}
    return student, e, u, there, w


def slow_context(w_i, free, k, sign, values, noise=None):
    """The k likeliest (or drawn), and the mean of their values by how likely they are."""
    at = np.flatnonzero(free)
    if not len(at):
        return np.zeros(values.shape[1])
    logit = sign * w_i[at]
    log_p = logit - np.log(np.exp(logit).sum())
    noisy = log_p + (0 if noise is None else noise[at])
    chosen = np.argsort(-noisy, kind="stable")[:k]
    share = np.exp(noisy[chosen])
    return share / share.sum() @ values[at[chosen]]


@pytest.mark.parametrize("context", ["each", "shared"])
@pytest.mark.parametrize("k", [1, 3, 10])
@pytest.mark.parametrize("tau", [None, 0.7])
@pytest.mark.parametrize("soft", [True, False])
def test_the_contexts_are_the_formula(world, rng, context, k, tau, soft, monkeypatch):
    student, e, u, there, w = world
    model = made(context=context, k=k, soft=soft)
    rows = 1 if context == "shared" else 6
    uniform = [rng.random((3, rows, 6)) * 0.98 + 0.01 for _ in range(2)]
    given = iter(torch.from_numpy(each) for each in uniform)
    monkeypatch.setattr(torch, "rand_like", lambda like: next(given))  # noqa: ARG005
    t = [torch.from_numpy(each) for each in (e, u, there)]
    got = model.contexts(student, *t, tau=tau)
    for b in range(3):
        values = e[b] @ w["value.weight"].T
        keys = e[b] @ w["key.weight"].T
        for i in np.flatnonzero(there[b]):
            q = e[b, i] @ w["query.weight"].T
            asks = u[b] @ w["query.weight"].T if context == "shared" else q
            w_i = keys @ asks / 2
            free = there[b] & (np.arange(6) != i if context == "each" else True)
            row = 0 if context == "shared" else i
            noise = [None if tau is None else -np.log(-np.log(n[b, row])) for n in uniform]
            pos = slow_context(w_i, free, k, 1, values, noise[0])
            neg = slow_context(w_i, free, k, -1, values, noise[1])
            np.testing.assert_allclose(got.positive[b, i].detach(), pos, atol=1e-9)
            np.testing.assert_allclose(got.negative[b, i].detach(), neg, atol=1e-9)
            both = np.concatenate([u[b] * pos, u[b] * neg])
            h = np.maximum(w["mix.0.weight"] @ both + w["mix.0.bias"], 0)
            c = w["mix.2.weight"] @ h + w["mix.2.bias"]
            y = 1 / (1 + np.exp(-q @ c))
            assert got.chance()[b, i].item() == pytest.approx(y, abs=1e-9)
            length = [np.linalg.norm(v) for v in (q, pos, neg)]
            if min(length) > 0:
                far = q @ neg / length[0] / length[2] - q @ pos / length[0] / length[1]
                want = np.log(1 + np.exp(far / 0.1))
                assert got.contrast(0.1)[b, i].item() == pytest.approx(want, abs=1e-8)


def test_the_relaxed_draw(rng):
    """It adds up to k at every temperature, and is the k largest when it is cold."""
    x = torch.from_numpy(rng.normal(size=(2, 7)))
    for tau in (1.0, 0.3, 0.01):
        total = relaxed_top(x, 3, tau)
        np.testing.assert_allclose(total.sum(1), 3)
    np.testing.assert_allclose(np.sort(total, 1)[:, -3:], 1, atol=1e-3)
    left, want = x.numpy().copy(), np.zeros((2, 7))
    for _ in range(3):
        p = np.exp(left / 0.5)
        p /= p.sum(1, keepdims=True)
        want += p
        left += np.log(1 - p)
    np.testing.assert_allclose(relaxed_top(x, 3, 0.5), want)


def test_only_a_soft_draw_has_a_gradient_through_it(world):
    """To what was not drawn: the hard one leaves the keys of those alone."""
    student, e, u, there, _ = world
    reach = {}
    for soft in (True, False):
        x = torch.from_numpy(e).requires_grad_()
        model = made(k=1, soft=soft)
        with torch.random.fork_rng():
            torch.manual_seed(0)
            out = model.contexts(student, x, torch.from_numpy(u), torch.from_numpy(there), tau=1.0)
        out.positive[0, 0].sum().backward()
        reach[soft] = (x.grad[0].abs().sum(1) > 1e-12).sum().item()
    assert reach[True] == 6
    assert reach[False] <= 2


def test_the_loss_is_its_three_parts():
    part = split(blocks(), "random_per_user", seed=0)
    asked = split_requests(part.train, drawn(part, k=8, seed=0), seed=0)
    shown = asked.train.impressions[np.arange(20)]
    found = {}
    for kd, nce in ((0, 0), (1, 0), (0, 1), (2, 3)):
        model = made(beta_kd=kd, beta_nce=nce, how={"n_epochs": 1, "seed": 2}).fit(asked.train)
        if not found:
            first = model.net_.state_dict()
        model.net_.load_state_dict(first)
        batch, _ = model.ranker.begin(asked.train, 0)
        model.ranker.net_ = model.net_["ranker"]
        model.net_.eval()
        requests = batch(np.arange(20), torch.device("cpu"))
        with torch.random.fork_rng(), torch.no_grad():
            torch.manual_seed(3)
            found[kd, nce] = model.loss(model.net_, requests, 0, 0.5).item()
    base = found[0, 0]
    whole = base + 2 * (found[1, 0] - base) + 3 * (found[0, 1] - base)
    assert found[2, 3] == pytest.approx(whole, rel=1e-5)
    assert found[1, 0] > base
    assert found[0, 1] > base
    with torch.no_grad(), torch.random.fork_rng():
        torch.manual_seed(3)
        model.ranker.step(model.net_["ranker"], requests, 0)
        e, u = model.described(model.net_, requests)
        there = requests.items >= 0
        chance = model.contexts(model.net_["student"], e, u, there, tau=0.5).chance()[there].numpy()
    picked = model.picked(shown.queries, shown.slate)[there.numpy()]
    kd = -(picked * np.log(chance) + (1 - picked) * np.log(1 - chance)).mean()
    assert found[1, 0] - base == pytest.approx(kd, rel=1e-3)
    logits = model.ranker.scored(model.net_["ranker"], requests).detach().numpy()
    p = 1 / (1 + np.exp(-logits))
    y = shown.clicks
    assert base == pytest.approx(-(y * np.log(p) + (1 - y) * np.log(1 - p)).mean(), rel=1e-4)


@pytest.mark.parametrize("context", ["each", "shared"])
def test_the_student_learns_what_the_teacher_picks(context):
    """On requests of people it has not seen: AUC of y against the teacher's picks."""
    part = split(blocks(users=400), "random_per_user", seed=0)
    asked = split_requests(part.train, drawn(part, k=20, popularity=0, seed=0), seed=0)
    how = {"n_epochs": 30, "learning_rate": 0.01, "batch_size": 64}
    model = made(
        context=context, picks=5, k=5, teacher={"model": "mmr", "trade": 0.5}, how=how
    ).fit(asked.train)
    picked = model.picked(asked.queries, asked.candidates)
    _, y = model.opinions(asked.queries, asked.candidates)
    auc = []
    for row in range(len(y)):
        a, b = y[row][picked[row] == 1], y[row][picked[row] == 0]
        auc.append((a[:, None] > b).mean())
    assert np.mean(auc) > 0.75


@pytest.mark.parametrize("teacher", [None, {"model": "interest_mmr"}, {"model": "mmr"}])
def test_what_the_teacher_picks(rng, teacher):
    """By definition, of unit vectors and scores from 0 to 1; and not just the best by score."""
    model = made(teacher=teacher, picks=4)
    e, u, f = rng.normal(size=(8, 9, 4)), rng.normal(size=(8, 4)), rng.random((8, 9))
    asked = Requests(None, torch.zeros(8, 9, dtype=torch.int64), None, None, None)
    got = model.taught(*(torch.from_numpy(each) for each in (e, u, f)), asked).numpy()
    x = unit(e)
    other = 0
    for b in range(8):
        relevance = minmax(f[b].astype(np.float32).astype(float))
        wide = x[b] * 4.0 * unit(u[b])  # 4 is the sharpness

        def gain(picked, i, b=b, relevance=relevance, wide=wide):
            if teacher == {"model": "mmr"}:
                return 0.7 * relevance[i] - 0.3 * max(
                    (x[b, i] @ x[b, j] for j in picked), default=0
                )
            near = max((1 / (1 + np.exp(-wide[i] @ wide[j])) for j in picked), default=1)
            return relevance[i] + 0.5 * (1 - near)

        want = picks(relevance, gain, 4)[:4]
        assert set(np.flatnonzero(got[b])) == set(want)
        other += len(set(want) - set(np.argsort(-f[b])[:4]))
    assert other > 0


def test_gamma_is_the_students_share():
    part = split(blocks(), "random_per_user", seed=0)
    asked = split_requests(part.train, drawn(part, k=12, seed=0), seed=0)
    model = made(how={"n_epochs": 2}).fit(asked.train)
    f, y = model.opinions(asked.queries, asked.candidates)
    for gamma in (0.0, 0.5):
        model.gamma = gamma
        np.testing.assert_allclose(
            model.logits(asked.queries, asked.candidates), f + gamma * y, rtol=1e-6
        )
    assert measure(model, asked, ["NDCG@5"])["NDCG@5"].shape == (len(asked),)


def test_each_seed_starts_the_ranker_elsewhere():
    part = split(blocks(), "random_per_user", seed=0)
    asked = split_requests(part.train, drawn(part, k=8, seed=0), seed=0)
    how = {"n_epochs": 1, "learning_rate": 1e-12}
    first = [
        made(how={**how, "seed": seed}).fit(asked.train).net_["ranker"].state_dict()
        for seed in (0, 1, 0)
    ]
    name = "fields.tables.item_id.weight"
    assert torch.equal(first[0][name], first[2][name])
    assert not torch.allclose(first[0][name], first[1][name], atol=1e-3)


def test_while_learning_nothing_is_hidden_from_the_teacher(monkeypatch):
    part = split(blocks(), "random_per_user", seed=0)
    asked = split_requests(part.train, drawn(part, k=8, seed=0), seed=0)
    ranker = {**RANKER, "unknown": 0.9}
    model = build("cdm", ranker=ranker, picks=3, how={"n_epochs": 1}).fit(asked.train)
    shown = asked.train.impressions[np.arange(20)]
    requests = replace(
        model.ranker.requests(shown.queries, shown.slate, "cpu"),
        clicks=torch.from_numpy(shown.clicks),
    )
    want = model.picked(shown.queries, shown.slate)
    taught, got = model.taught, []
    monkeypatch.setattr(model, "taught", lambda *given: got.append(taught(*given)) or got[-1])
    net = model.net_.train()
    model.loss(net, requests, 0, 0.5)
    np.testing.assert_array_equal(got[0].numpy(), want)
    assert net["ranker"].training


def test_mistakes():
    with pytest.raises(BadParameter, match="ranker must have a net of its own"):
        build("cdm", ranker={"model": "lambdamart"})
    with pytest.raises(BadParameter, match="teacher must compare vectors"):
        made(teacher={"model": "calibrated"})
    with pytest.raises(BadParameter, match="needs ranker"):
        build("cdm")


@pytest.mark.parametrize("teacher", ["mmr", "interest_mmr", "dpp"])
def test_a_teacher_may_look_at_something_else(teacher):
    """With vectors of its own it picks what it would pick as a stage behind the ranker."""
    part = split(blocks(), "random_per_user", seed=0)
    asked = split_requests(part.train, drawn(part, k=12, seed=0), seed=0)
    one = {"model": teacher, "by": "text", "k": 4}
    model = made(teacher=one, picks=4, how={"n_epochs": 1}).fit(asked.train)
    f, _ = model.opinions(asked.queries, asked.candidates)
    stage = build(one).fit(asked.train)
    ordered = replace(asked.candidates, scores=np.where(asked.candidates.filled, f, -np.inf))
    want = stage(asked.queries, ordered).items[:, :4]
    picked = model.picked(asked.queries, asked.candidates) > 0
    for row, items in enumerate(asked.candidates.items):
        assert set(items[picked[row]]) == set(want[row])


@pytest.mark.parametrize("apart", [False, True])
def test_apart_the_student_leaves_the_ranker_alone(apart):
    part = split(blocks(), "random_per_user", seed=0)
    asked = split_requests(part.train, drawn(part, k=8, seed=0), seed=0)
    model = made(apart=apart, beta_nce=1.0, how={"n_epochs": 1}).fit(asked.train)
    net = model.net_.eval()
    shown = asked.train.impressions[np.arange(20)]
    requests = replace(
        model.ranker.requests(shown.queries, shown.slate, "cpu"),
        clicks=torch.from_numpy(shown.clicks),
    )
    names = [name for name, _ in net["ranker"].named_parameters()]
    whole = torch.autograd.grad(
        model.loss(net, requests, 0, 0.5), list(net["ranker"].parameters()), allow_unused=True
    )
    alone = torch.autograd.grad(
        model.ranker.step(net["ranker"], requests, 0),
        list(net["ranker"].parameters()),
        allow_unused=True,
    )
    moved = {
        n
        for n, a, b in zip(names, whole, alone, strict=True)
        if a is not None and not torch.allclose(a, b)
    }
    assert moved == set() if apart else "fields.tables.item_id.weight" in moved
