import numpy as np
import pytest
import torch
from random_nets import random_net

from headwater.data.toy import blocks
from headwater.errors import BadParameter
from headwater.registry import build
from headwater.rows import Rows

BOTH = pytest.mark.parametrize("name", ["recfusion_unet1d", "recfusion_unet2d"])


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("steps", [2, 3, 4, 6])
@BOTH
def test_loss_is_the_objective(name, steps, drawn):
    """Given what the net answers, and that it is asked for the right z and time."""
    x = blocks(users=6, items=9, length=4).log.matrix()
    model = random_net(name, 9, noise_steps=steps)
    net, asked, answers = model.net_, [], []

    def watched(images, t):
        asked.append((images.detach().numpy().reshape(6, 9), t))
        out = net(images, t)
        answers.append(out.detach().numpy().reshape(6, 9))
        return out

    loss = model.loss(watched, Rows.of(x), 0).item()
    b = np.linspace(1e-4**0.5, 0.1**0.5, steps) ** 2
    z = [x.toarray().astype(float)]
    for beta, e in zip(b, drawn, strict=True):
        z.append(np.sqrt(1 - beta) * z[-1] + np.sqrt(beta) * e)
    assert [t for _, t in asked] == list(range(1, steps))
    for given, t in asked:
        np.testing.assert_allclose(given, z[t + 1], rtol=1e-12)
    c = 1 - (1 - np.sqrt(1 - b)) ** 2 / b
    h = dict(enumerate(answers, 1))
    expected = ((z[0] - h[1]) ** 2).sum(1) + c[0] * (h[steps - 1] ** 2).sum(1)
    for i in range(2, steps - 1):
        expected += c[i - 1] * (h[i] ** 2).sum(1)
    assert loss == pytest.approx(expected.mean() / 2, rel=1e-12)


@pytest.mark.parametrize("n_items", [1, 2, 3, 8, 9])
@BOTH
def test_any_number_of_items(name, n_items):
    model = random_net(name, n_items)
    for users in (1, 2, 5):
        x = torch.rand(users, n_items)
        for found in (model.together(model.net_, x, 2), model.alone(model.net_, x, 1)):
            assert found.shape == x.shape
            assert found.isfinite().all()


@BOTH
def test_a_batch_is_its_rows(name):
    data = blocks(users=7, items=13, length=5)
    model = random_net(name, 13)
    whole = model.scores(data.queries())
    assert (whole[0] != whole[1]).any()
    for i in range(7):
        np.testing.assert_allclose(model.scores(data.queries([i]))[0], whole[i], atol=1e-5)


def test_learning_from_an_image_mixes_people():
    """What the authors do when asked too; in the one along the items nobody has neighbours."""
    x = torch.rand(6, 10)
    other = torch.cat([x[:5], torch.rand(1, 10)])
    for name, mixes in (("recfusion_unet1d", False), ("recfusion_unet2d", True)):
        model = random_net(name, 10)
        one, two = (model.together(model.net_, each, 1)[0] for each in (x, other))
        assert (not torch.allclose(one, two, atol=1e-6)) == mixes


@BOTH
def test_the_net_is_told_the_time(name):
    model = random_net(name, 10)
    x = torch.rand(4, 10)
    assert not torch.allclose(model.alone(model.net_, x, 1), model.alone(model.net_, x, 2))
    e = torch.randn(model.net_.time[-1].out_features)
    block = model.net_.down
    h = torch.rand(2, block.first.in_channels, *[6] * (block.first.weight.dim() - 2))
    scale, shift = block.time(torch.nn.functional.silu(e)).chunk(2)
    shape = (-1, *[1] * (h.dim() - 2))
    inner = block.norms[0](block.first(h)) * (1 + scale.view(shape)) + shift.view(shape)
    second = block.norms[1](block.second(torch.nn.functional.silu(inner)))
    want = torch.nn.functional.silu(second) + block.around(h)
    torch.testing.assert_close(block(h, e), want)


@BOTH
def test_learns_to_give_back(name):
    """Every loss of the net falls: gradients reach all of it."""
    data = blocks(users=60, items=20)
    model = build(name, width=2, how={"n_epochs": 30, "learning_rate": 0.01, "batch_size": 20})
    losses = list(model.epochs(data))
    assert losses[-1] < 0.6 * losses[0]
    value = model.loss(model.net_, Rows.of(data.log.matrix()), 0)
    value.backward()
    assert all(p.grad is not None for p in model.net_.parameters())


@BOTH
def test_impossible_settings(name):
    with pytest.raises(BadParameter, match="noise_steps must be at least 2, got 1"):
        build(name, noise_steps=1)
    with pytest.raises(BadParameter, match="width must be at least 1, got 0"):
        build(name, width=0)
