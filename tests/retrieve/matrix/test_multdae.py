import numpy as np
import pytest
import torch
from random_nets import random_net
from scipy.special import log_softmax

from headwater.data.toy import blocks, world
from headwater.errors import BadParameter
from headwater.registry import build
from headwater.rows import Rows
from headwater.types import Histories

N = 17


@pytest.fixture
def x():
    return blocks(users=9, items=N, length=6).log.matrix()


def made(**parameters):
    return random_net("multdae", N, hidden_size=6, embedding_size=3, **parameters)


def weights(net):
    return {name: p.detach().double().numpy() for name, p in net.named_parameters()}


def logits(net, seen):
    w = weights(net)
    h = np.tanh(seen @ w["first.weight"] + w["first.bias"])
    z = np.tanh(h @ w["second.weight"].T + w["second.bias"])
    h = np.tanh(z @ w["decode.0.weight"].T + w["decode.0.bias"])
    return h @ w["decode.2.weight"].T + w["decode.2.bias"]


def objective(net, x, seen, l2):
    w = weights(net)
    nll = -(x * log_softmax(logits(net, seen), axis=1)).sum(1).mean()
    return nll + l2 * sum((p**2).sum() for name, p in w.items() if name.endswith("weight"))


def scaled(x):
    return x / np.sqrt(np.maximum((x**2).sum(1, keepdims=True), 1))


@pytest.mark.parametrize(("l2", "size"), [(0.0, 500), (0.01, 500), (0.3, 50)])
@pytest.mark.usefixtures("double", "no_chance")
def test_loss_is_the_objective(x, l2, size):
    model = made(dropout=0.0, l2=l2, how={"batch_size": size})
    loss = model.loss(model.net_, Rows.of(x), 0).item()
    dense = x.toarray().astype(float)
    expected = objective(model.net_, dense, scaled(dense), l2 / size)
    assert loss == pytest.approx(expected, rel=1e-12)


@pytest.mark.usefixtures("double")
def test_dropout_comes_after_scaling(x, monkeypatch):
    kept = np.random.default_rng(1).random(x.nnz) < 0.5

    def dropout(values, share, training):
        assert (share, training) == (0.5, True)
        return values * torch.tensor(kept) / (1 - share)

    monkeypatch.setattr("headwater.nets.dropout", dropout)
    model = made()
    loss = model.loss(model.net_.train(), Rows.of(x), 0).item()
    mask = x.copy()
    mask.data = kept * 2.0
    dense = x.toarray().astype(float)
    expected = objective(model.net_, dense, scaled(dense) * mask.toarray(), 0.01 / 500)
    assert loss == pytest.approx(expected, rel=1e-12)


@pytest.mark.usefixtures("no_chance")
def test_asked_it_sees_everything(x):
    model = made()
    model.net_.train()  # even so
    found = model.scores(blocks(users=9, items=N, length=6).queries())
    expected = logits(model.net_, scaled(x.toarray().astype(float)))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_no_history():
    model = made()
    found = model.scores(blocks(users=9, items=N).newcomers(Histories.empty(2, N)))
    np.testing.assert_allclose(found, logits(model.net_, np.zeros((2, N))), rtol=1e-4, atol=1e-5)


def test_an_event_twice_is_one():
    log = blocks(users=12, items=N).log
    rows, items = np.tile(log.rows, 2), np.tile(log.items, 2)
    twice = Histories.of(rows, items, n_rows=len(log), n_items=N)
    model = build("multdae", hidden_size=4, embedding_size=2, how={"n_epochs": 3, "batch_size": 5})
    assert list(model.fresh().epochs(world(log))) == list(model.fresh().epochs(world(twice)))


def test_number_of_weights():
    """Those of Mult-VAE without the half of the encoder's last layer that is the variance."""
    model = build("multdae")
    model.n_items_ = 3416
    count = sum(p.numel() for p in model.build().parameters())
    assert count == 4_464_216 - 600 * 200 - 200


def test_no_penalty_below_zero():
    with pytest.raises(BadParameter, match="l2 must be at least 0, got -1"):
        build("multdae", l2=-1)
