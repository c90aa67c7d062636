import itertools

import numpy as np
import pytest
import torch
from recfusion_in_numpy import SCHEDULES, again, forward, loss_of, made, world
from test_recfusion_t import time_of

from headwater.data.toy import blocks, checkers
from headwater.registry import build
from headwater.rows import Rows

TOWARD = ["activity", "coin", "nothing"]
EACH_END = pytest.mark.parametrize("toward", TOWARD)


def bits(toward, **parameters):
    model = made("recfusion_bin", toward=toward, depth=1, **parameters)
    if model.timed:
        torch.nn.init.normal_(model.net_.time.weight, std=0.05)
    model.share_ = np.linspace(0.05, 0.6, 10).astype(np.float32)
    return model


def logits(model, x, t):
    if not model.timed:
        return forward(model.net_, x, 1)
    return forward(model.net_.net, x + time_of(model.net_, t), 1)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def chances(model):
    """The betas, what is kept after each, and p, as the docstring has them."""
    b = model.betas()
    p = {"activity": model.share_.astype(np.float64), "coin": 0.5, "nothing": 0.0}[model.toward]
    if model.toward == "nothing":
        b = b / 2
    return b, np.concatenate([[1], np.cumprod(1 - b)]), p


def way_back(model, xt, x0, t):
    """q(x_{t-1} = 1 | x_t, x_0) by Bayes; where x_t cannot be, q(x_{t-1} = 1 | x_0)."""
    b, kept, p = chances(model)
    prior = kept[t - 1] * x0 + (1 - kept[t - 1]) * p
    up = [b[t - 1] * p, 1 - b[t - 1] + b[t - 1] * p]
    one, none = (np.where(xt > 0, each, 1 - each) for each in reversed(up))
    total = one * prior + none * (1 - prior)
    return np.where(total > 0, one * prior / np.where(total > 0, total, 1), prior)


def term(model, x0, xt, t):
    """The part of the loss at t, for these bits: one number for each row."""
    s = sigmoid(logits(model, xt, t))
    if t == 1:
        return -np.log(np.where(x0 > 0, s, 1 - s)).sum(1)
    q = way_back(model, xt, x0, t)
    p = s * way_back(model, xt, 1 + 0 * x0, t) + (1 - s) * way_back(model, xt, 0 * x0, t)
    out = np.zeros(len(x0))
    for a, c in ((q, p), (1 - q, 1 - p)):
        out += (a * np.log(np.where(a > 0, a, 1) / np.where(a > 0, c, 1))).sum(1)
    return out


def drawn(model, x, seed, at=None):
    """The bits that a loss draws, by the same seed: each x_t straight from x."""
    _, kept, p = chances(model)
    torch.manual_seed(seed)
    if at is not None:
        torch.randint(1, model.noise_steps + 1, (len(x),))
    out = []
    for t in at if at is not None else range(1, model.noise_steps + 1):
        a = kept[np.asarray(t)][..., None]
        chance = torch.tensor(a * x + (1 - a) * p, dtype=torch.float32)
        out.append(torch.bernoulli(chance).double().numpy())
    return out


@pytest.mark.parametrize("timed", [True, False])
@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("steps", [1, 2, 5, 8])
@EACH_END
def test_loss(toward, steps, schedule, timed):
    model = bits(toward, noise_steps=steps, schedule=schedule, timed=timed, first_beta=0.02)
    rows, x = world()
    every = enumerate(drawn(model, x, 7), 1)
    expected = sum(term(model, x, xt, t) for t, xt in every).mean()
    np.testing.assert_allclose(loss_of(model, rows, 7), expected, rtol=1e-4)


@EACH_END
def test_loss_of_many_steps(toward):
    """One t for each person, and it counts for all."""
    model = bits(toward, noise_steps=30)
    rows, x = world()
    torch.manual_seed(7)
    t = torch.randint(1, 31, (len(x),)).numpy()
    (xt,) = drawn(model, x, 7, at=[t])
    each = [term(model, x[[i]], xt[[i]], t[i])[0] for i in range(len(x))]
    np.testing.assert_allclose(loss_of(model, rows, 7), 30 * np.mean(each), rtol=1e-4)


def test_one_t_for_each_is_right_on_average(monkeypatch):
    model = bits("coin", noise_steps=6)
    rows, _ = world()
    every = np.array([loss_of(model, rows, seed) for seed in range(100)])
    monkeypatch.setattr("headwater.retrieve.matrix.recfusion_bin.ALL_STEPS", 0)
    one = np.array([loss_of(model, rows, seed) for seed in range(500)])
    error = np.hypot(every.std() / 100**0.5, one.std() / 500**0.5)
    assert abs(every.mean() - one.mean()) < 4 * error


@pytest.mark.parametrize("schedule", ["constant", "sohl-dickstein"])
@EACH_END
def test_the_bound_is_one(toward, schedule):
    """-log p(x_0), added up over all x_1 and x_2, is no more than the loss, its mean over all bits
    that can be drawn, and the divergence of the last step that the loss leaves out."""
    few = np.array(list(itertools.product([0.0, 1.0], repeat=3)))
    shape = {"hidden_size": 5, "depth": 1, "noise_steps": 2, "last_beta": 0.3}
    model = build("recfusion_bin", toward=toward, schedule=schedule, **shape)
    model.n_items_, model.share_ = 3, np.array([0.1, 0.3, 0.6], np.float32)
    torch.manual_seed(0)
    model.net_ = model.build()
    _, kept, p = chances(model)

    def product(chance, x):  # of independent bits: (..., 3) -> (...)
        return np.where(x > 0, chance, 1 - chance).prod(-1)

    def back(xt, t):  # p(x_{t-1} = 1 | x_t)
        s = sigmoid(logits(model, xt, t))
        one, none = way_back(model, xt, 1 + 0 * xt, t), way_back(model, xt, 0 * xt, t)
        return s * one + (1 - s) * none

    # p(x_2) ends as the process does after endless steps, but for a trace of everything else
    end = 0.98 * p + 0.01
    at_2 = product(end, few)
    at_1 = (at_2[:, None] * product(back(few, 2)[:, None], few[None])).sum(0)
    at_0 = (at_1[:, None] * product(back(few, 1)[:, None], few[None])).sum(0)
    np.testing.assert_allclose([at_2.sum(), at_1.sum(), at_0.sum()], 1)
    process = model.process(torch.device("cpu"))
    for row, x0 in enumerate(few):
        bound = 0.0
        for t in (1, 2):
            xt = torch.tensor(few, dtype=torch.float32)
            x = torch.tensor(x0, dtype=torch.float32).expand(8, 3)
            found = model.logits(model.net_, xt, torch.tensor([t]))
            parts = process.divergence(xt, x, found, t).detach().double().numpy()
            bound += (product(kept[t] * x0 + (1 - kept[t]) * p, few) * parts).sum()
        last = product(kept[2] * x0 + (1 - kept[2]) * p, few)
        bound += (last * np.log(np.where(last > 0, last, 1) / at_2)).sum()
        assert bound >= -np.log(at_0[row]) - 1e-5


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("steps", [1, 3])
@EACH_END
def test_released_loss(toward, steps, schedule):
    """As the released code has it: torch's own cross-entropy, its arguments the wrong way round."""
    model = bits(toward, noise_steps=steps, schedule=schedule, released=True, timed=False)
    rows, x = world()
    _, _, p = chances(model)
    torch.manual_seed(7)
    z = []
    for b in model.betas():
        before = z[-1] if z else x
        if toward == "coin":  # flip with chance b
            chance = (1 - b) * before + b * (1 - before)
        elif toward == "nothing":  # draw a bit near the old one; what was 0 stays 0
            chance = before * (1 - b / 2)
        else:
            chance = (1 - b) * before + b * p
        z.append(torch.bernoulli(torch.tensor(chance, dtype=torch.float32)).double().numpy())
    h = [sigmoid(logits(model, each, 1)) for each in z]
    swapped = torch.nn.functional.binary_cross_entropy(torch.tensor(x), torch.tensor(h[0]))
    expected = float(swapped) + again(z, h, model.betas()).mean()
    np.testing.assert_allclose(loss_of(model, rows, 7), expected, rtol=1e-4)


@pytest.mark.parametrize("timed", [True, False])
@pytest.mark.parametrize("released", [True, False])
def test_scores_are_one_pass_over_the_history(released, timed):
    data = blocks()
    how = {"n_epochs": 2}
    model = build("recfusion_bin", hidden_size=8, depth=1, released=released, timed=timed, how=how)
    model.fit(data)
    asked = data.queries([4, 9])
    x = data.log.matrix().toarray()[[4, 9]].astype(np.float64)
    expected = logits(model, x, 1)
    np.testing.assert_allclose(model.scores(asked), expected, rtol=1e-4, atol=1e-5)


def test_share_is_of_the_people_who_chose_something():
    data = blocks(users=5, items=8, length=3)
    model = build("recfusion_bin", hidden_size=2, how={"n_epochs": 1})
    expected = data.log.matrix().toarray().mean(0)
    np.testing.assert_allclose(model.fit(data).share_, expected, rtol=1e-6)
    assert model.share_.dtype == np.float32


def test_finite_where_nothing_can_change():
    """An item that everybody chose, one that nobody did, no noise at first, all noise at last."""
    model = bits("activity", first_beta=0.0, last_beta=1.0, noise_steps=4)
    model.share_[:2] = 0, 1
    rows, x = world()
    x[:, 0], x[:, 1] = 0, 1
    where = np.nonzero(x)
    start = np.concatenate([[0], np.cumsum(x.sum(1))]).astype(int)
    rows = Rows(torch.tensor(where[1]), torch.tensor(start), 10)
    loss = model.loss(model.net_, rows, 0)
    loss.backward()
    assert torch.isfinite(loss)
    assert all(torch.isfinite(p.grad).all() for p in model.net_.parameters())


@pytest.mark.parametrize(("timed", "extra"), [(True, 129 * 3416), (False, 0)])
def test_number_of_weights(timed, extra):
    model = build("recfusion_bin", timed=timed)
    model.n_items_ = 3416
    assert sum(p.numel() for p in model.build().parameters()) == 1_410_218 + extra


@pytest.mark.parametrize("steps", [3, 12])
@EACH_END
def test_learns(toward, steps):
    data, asked = checkers(12)
    how = {"n_epochs": 150, "learning_rate": 0.01}
    model = build("recfusion_bin", toward=toward, hidden_size=4, noise_steps=steps, how=how)
    best = model.fit(data).recommend(asked, 1)
    np.testing.assert_array_equal(best.items.ravel(), np.arange(12))
