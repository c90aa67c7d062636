import numpy as np
import pytest
import torch
from random_nets import random_net
from scipy.stats import norm

from headwater.data.toy import blocks
from headwater.errors import BadParameter
from headwater.registry import build
from headwater.rows import Rows

N = 11


@pytest.fixture
def x():
    return blocks(users=9, items=N, length=4).log.matrix()


def made(**parameters):
    return random_net("codigem", N, std=0.3, hidden_size=5, **parameters)


def passed(layers, x):
    """Linear and PReLU layers in turn."""
    for layer in layers:
        w = [p.detach().double().numpy() for p in layer.parameters()]
        if isinstance(layer, torch.nn.Linear):
            x = x @ w[0].T + w[1]
        elif isinstance(layer, torch.nn.PReLU):
            x = np.maximum(x, 0) + w[0] * np.minimum(x, 0)
        else:
            x = np.tanh(x)
    return x


def objective(net, x, noise, b, pairs):
    """``pairs``: which z is compared, which net speaks, and which z it is given."""
    z = [x]
    for e in noise:
        z.append(np.sqrt(1 - b) * z[-1] + np.sqrt(b) * e)
    re = norm.logpdf(x, passed(net.decoder, z[1])).sum(1)
    kl = -norm.logpdf(z[-1]).sum(1)
    for i in range(1, len(z)):
        kl += norm.logpdf(z[i], np.sqrt(1 - b) * z[i - 1], np.sqrt(b)).sum(1)
    for i, j, given in pairs:
        mean, log_variance = np.split(passed(net.back[j - 1], z[given]), 2, axis=1)
        kl -= norm.logpdf(z[i], mean, np.exp(log_variance / 2)).sum(1)
    return -(re - kl).mean()


RIGHT = {2: [(1, 1, 2)], 3: [(1, 1, 2), (2, 2, 3)], 4: [(1, 1, 2), (2, 2, 3), (3, 3, 4)]}
RELEASED = {2: [(1, 1, 2)], 3: [(1, 2, 3), (2, 1, 2)], 4: [(1, 3, 4), (2, 2, 3), (3, 1, 2)]}


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("released", [False, True])
@pytest.mark.parametrize("steps", [2, 3, 4])
@pytest.mark.usefixtures("double")
def test_loss_is_the_objective(drawn, x, steps, released, tied):
    model = made(noise_steps=steps, beta=0.2, released_pairing=released, tied=tied)
    loss = model.loss(model.net_, Rows.of(x), 0).item()
    pairs = (RELEASED if released else RIGHT)[steps]
    expected = objective(model.net_, x.toarray().astype(float), drawn, 0.2, pairs)
    assert len(drawn) == steps
    assert loss == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("steps", [2, 3, 4])
def test_pairings_differ_from_three_steps_on(x, steps):
    losses = []
    for released in (False, True):
        model = made(noise_steps=steps, beta=0.2, released_pairing=released)
        torch.manual_seed(1)
        losses.append(model.loss(model.net_, Rows.of(x), 0).item())
    assert (losses[0] != losses[1]) == (steps > 2)


def test_the_way_back_changes_no_answer():
    """The decoder shares no weight with the nets of the steps, so the pairing is all one to it."""
    data = blocks(users=12, items=N)
    right, released = (
        build("codigem", hidden_size=5, released_pairing=how, how={"n_epochs": 3}).fit(data)
        for how in (False, True)
    )
    back = [m.net_.back[0][0].weight for m in (right, released)]
    assert not torch.equal(*back)
    np.testing.assert_array_equal(right.scores(data.queries()), released.scores(data.queries()))


@pytest.mark.parametrize(
    ("tied", "steps", "count"),
    [
        (True, 3, 5_603_886),  # Table 2.6 of the thesis, its commas put right
        (True, 2, 5_603_886 - 2_096_834),
        (False, 3, 5_603_886 + 3 * 3 * 40_201),  # three more hidden layers in each of three nets
    ],
)
def test_number_of_weights(tied, steps, count):
    model = build("codigem", tied=tied, noise_steps=steps)
    model.n_items_ = 3416
    assert sum(p.numel() for p in model.build().parameters()) == count


@pytest.mark.usefixtures("no_chance")
def test_asked_it_decodes_the_history(x):
    model = made(tied=True)
    found = model.scores(blocks(users=9, items=N, length=4).queries())
    expected = passed(model.net_.decoder, x.toarray().astype(float))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_noise_when_asked_does_not_depend_on_the_others():
    data = blocks(users=9, items=N, length=4)
    model = made(test_noise=True, beta=0.3, how={"seed": 5})
    whole = model.scores(data.queries())
    np.testing.assert_array_equal(whole, model.scores(data.queries()))
    for i in range(9):
        np.testing.assert_allclose(model.scores(data.queries([i]))[0], whole[i], rtol=1e-5)
    plain = made(beta=0.3, how={"seed": 5}).scores(data.queries())
    other = made(test_noise=True, beta=0.3, how={"seed": 6}).scores(data.queries())
    assert (plain != whole).any()
    assert (other != whole).any()
    noise = torch.randn(N, generator=torch.Generator().manual_seed(5)).numpy()
    z = np.sqrt(0.7) * data.log.matrix().toarray() + np.sqrt(0.3) * noise
    np.testing.assert_allclose(whole, passed(model.net_.decoder, z), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"beta": 0}, "beta must be above 0, got 0"),
        ({"beta": 2.0}, "betas are shares of noise"),
        ({"noise_steps": 0}, "number of noise steps must be at least 1"),
        ({"depth": -1}, "depth must be at least 0, got -1"),
    ],
)
def test_impossible_settings(wrong, said):
    with pytest.raises(BadParameter, match=said):
        build("codigem", **wrong)
