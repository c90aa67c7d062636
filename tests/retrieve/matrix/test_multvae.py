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
BETA = {0: 0, 1: 5e-6, 30_000: 0.15, 40_000: 0.2, 100_000: 0.2, 200_000: 0.2, 300_000: 0.2}


@pytest.fixture
def x():
    return blocks(users=9, items=N, length=6).log.matrix()


def made(**parameters):
    return random_net("multvae", N, hidden_size=6, embedding_size=3, **parameters)


def encoded(net, x):
    """Mean and log variance of q, for an input that is scaled and thinned out already."""
    w = {name: p.detach().double().numpy() for name, p in net.named_parameters()}
    h = np.tanh(x @ w["first.weight"] + w["first.bias"])
    return np.split(h @ w["second.weight"].T + w["second.bias"], 2, axis=1)


def decoded(net, z):
    w = {name: p.detach().double().numpy() for name, p in net.named_parameters()}
    h = np.tanh(z @ w["decode.0.weight"].T + w["decode.0.bias"])
    return h @ w["decode.2.weight"].T + w["decode.2.bias"]


def objective(net, x, seen, noise, beta):
    mean, log_variance = encoded(net, seen)
    logits = decoded(net, mean + noise * np.exp(log_variance / 2))
    nll = -(x * log_softmax(logits, axis=1)).sum(1)
    kl = (np.exp(log_variance) + mean**2 - 1 - log_variance).sum(1) / 2
    return (nll + beta * kl).mean()


def scaled(x):
    return x / np.sqrt(np.maximum((x**2).sum(1, keepdims=True), 1))


@pytest.mark.parametrize("step", BETA)
@pytest.mark.usefixtures("double")
def test_loss_is_the_objective(drawn, x, step):
    model = made(dropout=0.0)
    loss = model.loss(model.net_, Rows.of(x), step).item()
    dense = x.toarray().astype(float)
    (noise,) = drawn
    expected = objective(model.net_, dense, scaled(dense), noise, BETA[step])
    assert loss == pytest.approx(expected, rel=1e-12)


@pytest.mark.usefixtures("double")
def test_dropout_comes_after_scaling(drawn, x, monkeypatch):
    """What is left out is left out of x / |x|; what stays is doubled, and no longer of length 1."""
    kept = np.random.default_rng(1).random(x.nnz) < 0.5
    asked = []

    def dropout(values, share, training):
        asked.append((share, training))
        return values * torch.tensor(kept) / (1 - share)

    monkeypatch.setattr("headwater.nets.dropout", dropout)
    model = made(dropout=0.5)
    loss = model.loss(model.net_.train(), Rows.of(x), 30_000).item()
    mask = x.copy()
    mask.data = kept * 2.0
    dense = x.toarray().astype(float)
    seen = scaled(dense) * mask.toarray()
    expected = objective(model.net_, dense, seen, drawn[0], 0.15)
    assert asked == [(0.5, True)]
    assert loss == pytest.approx(expected, rel=1e-12)


def test_beta_rises_with_every_batch(monkeypatch):
    """Two epochs of three batches are six steps, not two."""
    steps = []
    model = build("multvae", hidden_size=4, embedding_size=2, how={"n_epochs": 2, "batch_size": 4})
    loss = model.loss

    def watched(net, x, step):
        steps.append(step)
        return loss(net, x, step)

    monkeypatch.setattr(model, "loss", watched)
    model.fit(blocks(users=12, items=N))
    assert steps == [0, 1, 2, 3, 4, 5]


@pytest.mark.usefixtures("no_chance")
def test_asked_it_takes_the_mean(x):
    model = made()
    model.net_.train()  # even so
    data = blocks(users=9, items=N, length=6)
    found = model.scores(data.queries())
    mean, _ = encoded(model.net_, scaled(x.toarray().astype(float)))
    np.testing.assert_allclose(found, decoded(model.net_, mean), rtol=1e-4, atol=1e-5)


def test_no_history():
    model = made()
    data = blocks(users=9, items=N)
    found = model.scores(data.newcomers(Histories.empty(2, N)))
    mean, _ = encoded(model.net_, np.zeros((2, N)))
    np.testing.assert_allclose(found, decoded(model.net_, mean), rtol=1e-4, atol=1e-5)


def test_an_event_twice_is_one():
    log = blocks(users=12, items=N).log
    rows, items = np.tile(log.rows, 2), np.tile(log.items, 2)
    twice = Histories.of(rows, items, n_rows=len(log), n_items=N)
    model = build("multvae", hidden_size=4, embedding_size=2, how={"n_epochs": 3, "batch_size": 5})
    assert list(model.fresh().epochs(world(log))) == list(model.fresh().epochs(world(twice)))


def test_number_of_weights():
    """As the thesis counts them for MovieLens-1M, Table 2.6, its commas put right."""
    model = build("multvae")
    model.n_items_ = 3416
    assert sum(p.numel() for p in model.build().parameters()) == 4_464_216


def test_anneal_steps_are_counted_from_one():
    with pytest.raises(BadParameter, match="anneal_steps must be at least 1, got 0"):
        build("multvae", anneal_steps=0)
