import numpy as np
import pytest
import torch
from recfusion_in_numpy import SCHEDULES, again, c, forward, loss_of, made, noised, world

from headwater.data.toy import blocks, checkers
from headwater.registry import build

BOTH = pytest.mark.parametrize("embed", ["input", "output"])


def time_of(net, t):
    """Z_t, one number for each item."""
    k = np.arange(64)
    at = t * 10_000.0 ** (-k / 63)
    weight, bias = (p.detach().double().numpy() for p in net.time.parameters())
    return weight @ np.concatenate([np.sin(at), np.cos(at)]) + bias


def answer(model, x, t):
    net, depth = model.net_.net, model.depth
    if model.embed == "input":
        return np.tanh(forward(net, x + time_of(model.net_, t), depth))
    return np.tanh(forward(net, x, depth)) + time_of(model.net_, t)


def timed(embed, **parameters):
    model = made("recfusion_t", embed=embed, **parameters)
    torch.nn.init.normal_(model.net_.time.weight, std=0.05)
    return model


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("steps", [1, 2, 5])
@BOTH
def test_loss(embed, steps, schedule):
    model = timed(embed, noise_steps=steps, schedule=schedule, depth=steps - 1)
    rows, x = world()
    b = model.betas()
    z = noised(x, b, 7)
    h = [answer(model, each, t) for t, each in enumerate(z, 1)]
    expected = ((x - h[0]) ** 2).sum(1) / 2
    if embed == "input":
        expected += again(z, h, b)
    else:
        expected += c(b[0]) / 2 * (h[-1] ** 2).sum(1)
        for t in range(2, steps):
            expected += c(b[t - 1]) / 2 * (h[t - 1] ** 2).sum(1)
    np.testing.assert_allclose(loss_of(model, rows, 7), expected.mean(), rtol=1e-4)


@pytest.mark.parametrize(("embed", "t"), [("input", 1), ("output", 2)])
def test_scores_are_one_pass_over_the_history(embed, t):
    data = blocks()
    model = build("recfusion_t", embed=embed, hidden_size=8, how={"n_epochs": 2}).fit(data)
    asked = data.queries([4, 9])
    x = data.log.matrix().toarray()[[4, 9]].astype(np.float64)
    expected = answer(model, x, t)
    np.testing.assert_allclose(model.scores(asked), expected, rtol=1e-4, atol=1e-5)


@BOTH
def test_number_of_weights(embed):
    """Those of RecFusion, and 128 and a bias for each item."""
    model = build("recfusion_t", embed=embed)
    model.n_items_ = 3416
    found = sum(p.numel() for p in model.build().parameters())
    assert found == 1_410_218 + 129 * 3416


@BOTH
def test_learns(embed):
    data, asked = checkers(12)
    how = {"n_epochs": 150, "learning_rate": 0.01}
    model = build("recfusion_t", embed=embed, hidden_size=4, how=how)
    best = model.fit(data).recommend(asked, 1)
    np.testing.assert_array_equal(best.items.ravel(), np.arange(12))
