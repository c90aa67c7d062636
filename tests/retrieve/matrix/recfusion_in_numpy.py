"""RecFusion's net, noise and loss written out in float64, for the tests of it and its variants."""

import numpy as np
import torch

from headwater.data.toy import blocks
from headwater.registry import build
from headwater.rows import Rows

SCHEDULES = ["constant", "linear", "quadratic", "cosine", "sohl-dickstein"]


def world():
    """The histories of six people among ten items, as tensors and as numpy has them."""
    data = blocks(users=6, items=10, length=4)
    x = data.log.matrix()
    return Rows.of(x), x.toarray().astype(np.float64)


def made(method="recfusion", **parameters):
    """A method with a net whose weights, the slopes of PReLU too, are all different."""
    model = build(method, **{"hidden_size": 5, **parameters})
    model.n_items_ = 10
    torch.manual_seed(3)
    model.net_ = model.build()
    for p in model.net_.parameters():
        torch.nn.init.normal_(p, std=0.4)
    return model


def forward(net, x, depth):
    """The net in float64, before what comes last: the weights of the middle are one pair."""
    w = [p.detach().double().numpy() for p in net.parameters()]
    first, middle, last = (w[:3], w[3:6], w[6:]) if depth else (w[:3], None, w[3:])
    assert len(last) == 2

    def layer(h, weight, bias, slope):
        h = h @ weight.T + bias
        return np.where(h > 0, h, slope * h)

    h = layer(x, *first)
    for _ in range(depth):
        h = layer(h, *middle)
    return h @ last[0].T + last[1]


def noised(x, betas, seed):
    """z_1 ... z_T with the noise that torch draws from this seed."""
    torch.manual_seed(seed)
    out = []
    for b in betas:
        e = torch.randn(x.shape).double().numpy()
        x = np.sqrt(1 - b) * x + np.sqrt(b) * e
        out.append(x)
    return out


def loss_of(model, rows, seed):
    torch.manual_seed(seed)
    return float(model.loss(model.net_, rows, 0).detach())


def c(b):
    return 1 - (1 - np.sqrt(1 - b)) ** 2 / b if b else 1.0


def again(z, h, betas):
    out = c(betas[0]) / 2 * (h[-1] ** 2).sum(1)
    for zt, ht, b in zip(z, h, betas, strict=True):
        out += np.exp(-b) / 2 * ((zt - ht) ** 2).sum(1)
    return out
