from dataclasses import replace

import numpy as np
import pytest
import torch
from random_nets import random_net
from scipy.special import expit, log_softmax, logsumexp
from scipy.stats import norm

from headwater.data.toy import blocks
from headwater.registry import build
from headwater.rows import Rows
from headwater.types import Histories

N = 17


@pytest.fixture
def x():
    return blocks(users=9, items=N, length=6).log.matrix()[[0, 1, 2, 3]]


def made(**parameters):
    return random_net("recvae", N, hidden_size=6, embedding_size=3, **parameters)


def weights(part):
    return {name: p.detach().double().numpy() for name, p in part.named_parameters()}


def encoded(encoder, seen):
    """Mean and log variance; five layers, each is given the sum of all the outputs before it."""
    w = weights(encoder)

    def out(i, h):
        h = h * expit(h)
        h = (h - h.mean(1, keepdims=True)) / np.sqrt(h.var(1, keepdims=True) + 0.1)
        return h * w[f"norms.{i}.weight"] + w[f"norms.{i}.bias"]

    outputs = [out(0, seen @ w["first.weight"] + w["first.bias"])]
    for i in range(4):
        h = outputs[-1] @ w[f"rest.{i}.weight"].T + w[f"rest.{i}.bias"]
        outputs.append(out(i + 1, h + sum(outputs)))
    return np.split(outputs[-1] @ w["last.weight"].T + w["last.bias"], 2, axis=1)


def decoded(decoder, z):
    w = weights(decoder)
    return z @ w["weight"].T + w["bias"]


def scaled(x):
    return x / np.sqrt(np.maximum((x**2).sum(1, keepdims=True), 1))


def log_prior(net, x, z):
    mean, log_variance = encoded(net.old, scaled(x))
    parts = [
        np.log(3 / 20) + norm.logpdf(z),
        np.log(3 / 4) + norm.logpdf(z, mean, np.exp(log_variance / 2)),
        np.log(1 / 10) + norm.logpdf(z, 0, np.exp(5)),
    ]
    return logsumexp(parts, axis=0)


def objective(net, x, seen, noise, gamma):
    mean, log_variance = encoded(net.encoder, seen)
    deviation = np.exp(log_variance / 2)
    z = mean + noise * deviation
    nll = -(x * log_softmax(decoded(net.decoder, z), axis=1)).sum(1)
    surprise = (norm.logpdf(z, mean, deviation) - log_prior(net, x, z)).sum(1)
    return (nll + gamma * x.sum(1) * surprise).mean()


@pytest.mark.parametrize("remembers", [False, True])
@pytest.mark.usefixtures("double")
def test_loss_of_the_encoder(drawn, x, remembers):
    model = made(dropout=0.0, gamma=0.03)
    net = model.net_
    if remembers:
        net.remember()
    loss = model.loss(net, Rows.of(x), 0).item()
    dense = x.toarray().astype(float)
    assert loss == pytest.approx(objective(net, dense, scaled(dense), drawn[0], 0.03), rel=1e-12)


@pytest.mark.parametrize("remembers", [False, True])
@pytest.mark.usefixtures("double")
def test_prior_is_the_mixture(x, remembers):
    net = made().net_
    if remembers:
        net.remember()
    z = np.random.default_rng(0).normal(scale=3, size=(4, 3))
    found = net.log_prior(Rows.of(x), torch.tensor(z)).detach().numpy()
    np.testing.assert_allclose(found, log_prior(net, x.toarray().astype(float), z), rtol=1e-12)


@pytest.mark.usefixtures("double")
def test_encoder_sees_half_of_it_after_scaling(drawn, x, monkeypatch):
    """The prior, and the weight of it, look at all of the history."""
    kept = np.random.default_rng(1).random(x.nnz) < 0.5
    asked = []

    def dropout(values, share, training):
        asked.append((share, training))
        return values * torch.tensor(kept) / (1 - share)

    monkeypatch.setattr("headwater.nets.dropout", dropout)
    model = made()
    loss = model.loss(model.net_.train(), Rows.of(x), 0).item()
    mask = x.copy()
    mask.data = kept * 2.0
    dense = x.toarray().astype(float)
    expected = objective(model.net_, dense, scaled(dense) * mask.toarray(), drawn[0], 0.005)
    assert asked == [(0.5, True)]
    assert loss == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("remembers", [False, True])
@pytest.mark.usefixtures("double")
def test_loss_of_the_decoder(drawn, x, remembers, monkeypatch):
    """The multinomial part alone, of the whole history, and nothing for the encoder to learn."""
    monkeypatch.setattr("headwater.nets.dropout", None)  # called, it would fail
    model = made()
    net = model.net_.train()
    if remembers:
        net.remember()
    value = model.decoder_loss(net, Rows.of(x), 0)
    value.backward()
    dense = x.toarray().astype(float)
    assert value.item() == pytest.approx(
        objective(net, dense, scaled(dense), drawn[0], 0), rel=1e-12
    )
    assert all(p.grad is None for p in net.encoder.parameters())
    assert all(p.grad is not None for p in net.decoder.parameters())


@pytest.mark.parametrize(("turn", "moving"), [(0, "encoder"), (1, "decoder")])
def test_a_turn_moves_its_half(monkeypatch, turn, moving):
    model = build("recvae", hidden_size=6, embedding_size=3, how={"n_epochs": 1})
    phases = model.phases()
    assert [phase.times for phase in phases] == [3, 1]
    before = {}

    def watched(net, x, step):
        if not before:
            before.update({name: p.detach().clone() for name, p in net.named_parameters()})
        return phases[turn].loss(net, x, step)

    monkeypatch.setattr(model, "phases", lambda: [replace(phases[turn], loss=watched, before=None)])
    model.fit(blocks(users=12, items=N))
    moved = {n for n, p in model.net_.named_parameters() if not torch.equal(p, before[n])}
    assert moved == {name for name in before if name.startswith(f"{moving}.")}


def test_the_old_encoder_is_what_the_encoder_was(monkeypatch):
    """In the encoder's turn it is the encoder at the end of the turn before, and stays."""
    model = build("recvae", hidden_size=6, embedding_size=3, how={"n_epochs": 3, "batch_size": 5})
    encoders, olds = [], []
    inner = model.loss

    def watched(net, x, step):
        encoders.append(net.encoder.rest[0].weight.detach().clone())
        olds.append(net.old.rest[0].weight.detach().clone())
        return inner(net, x, step)

    monkeypatch.setattr(model, "loss", watched)
    ends = []
    for _ in model.epochs(blocks(users=12, items=N)):
        ends.append(model.net_.encoder.rest[0].weight.detach().clone())
        assert torch.equal(ends[-1], model.net_.old.rest[0].weight)
    assert len(olds) == 3 * 9  # three epochs of three passes of three batches
    assert all(torch.equal(old, ends[0]) for old in olds[9:18])
    assert all(torch.equal(old, ends[1]) for old in olds[18:])
    assert torch.equal(encoders[9], ends[0])
    assert not torch.equal(ends[0], ends[1])


@pytest.mark.usefixtures("no_chance")
def test_asked_it_takes_the_mean():
    model = made()
    model.net_.train()  # even so
    data = blocks(users=9, items=N, length=6)
    found = model.scores(data.queries())
    mean, _ = encoded(model.net_.encoder, scaled(data.log.matrix().toarray().astype(float)))
    np.testing.assert_allclose(found, decoded(model.net_.decoder, mean), rtol=1e-4, atol=1e-4)
    found = model.scores(data.newcomers(Histories.empty(2, N)))
    mean, _ = encoded(model.net_.encoder, np.zeros((2, N)))
    np.testing.assert_allclose(found, decoded(model.net_.decoder, mean), rtol=1e-4, atol=1e-4)
