"""RecVAE: Mult-VAE with a deep encoder, a prior that remembers it, and taking turns.

    minimise   -sum_i x_ui log softmax(W z_u + b)_i
               + gamma |x_u| ( log q(z_u | x_u) - log p(z_u | x_u) ),   averaged over users
    z_u ~ q(z_u | x_u) = N(m(x_u), diag s(x_u)^2) while training, its mean when asked
    p(z | x) = prod_d ( w_1 N(z_d; 0, 1) + w_2 q_old(z_d | x) + w_3 N(z_d; 0, e^10) )

q_old is the encoder as it was after its latest turn. In an epoch the encoder takes three passes,
with a share ``dropout`` of the input left out, then the decoder one, seeing everything.

Source:  Shenbin, Alekseev, Tutubalina, Malykh, Nikolenko, "RecVAE: a New Variational Autoencoder
         for Top-N Recommendations with Implicit Feedback", WSDM 2020. arXiv:1912.11160; the
         encoder's layers, the weights w and the turns from the authors' released code.
Checked: both losses, for given weights and noise, against the formula written out in numpy, before
         and after the prior moved; that each turn moves its own half only,
         tests/retrieve/matrix/test_recvae.py; and papers/results/thesis-2.5.json
Differs: the decoder's turn leaves out the second line of the objective, which no weight of the
         decoder is in. `fit` runs all epochs; the authors keep the best by validation NDCG@100.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import silu

from ...likelihoods import multinomial
from ...model import at_least
from ...nets import Bag
from ...rows import Rows
from ...train import Phase, Train
from ._autoencoder import Autoencoder

__all__ = ["RecVAE"]

MIXTURE = (3 / 20, 3 / 4, 1 / 10)  # standard normal, old encoder, wide normal
WIDE = 10.0  # log variance of the wide normal
DEPTH = 5


@dataclass(kw_only=True, eq=False)
class RecVAE(Autoencoder):
    hidden_size: int = 600
    embedding_size: int = 200
    gamma: float = 0.005  # weight of the prior, for each item of the history
    dropout: float = 0.5  # share of the input that the encoder does not see in its turn
    encoder_epochs: int = 3
    decoder_epochs: int = 1
    how: Train = Train(n_epochs=50, batch_size=500, learning_rate=5e-4)

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least(self, "gamma", self.gamma, 0)
        at_least(self, "encoder_epochs", self.encoder_epochs, 1)
        at_least(self, "decoder_epochs", self.decoder_epochs, 1)

    def build(self) -> nn.Module:
        return Net(self.n_items_, self.hidden_size, self.embedding_size)

    def phases(self) -> Sequence[Phase]:
        return (
            Phase(self.loss, ("encoder",), times=self.encoder_epochs),
            Phase(self.decoder_loss, ("decoder",), times=self.decoder_epochs, before=Net.remember),
        )

    def loss(self, net: Net, x: Rows, step: int) -> Tensor:  # noqa: ARG002
        mean, log_variance = net.encoder(x, self.dropout)
        z = sample(mean, log_variance)
        surprise = log_normal(z, mean, log_variance) - net.log_prior(x, z)
        weight = self.gamma * x.lengths
        return multinomial(net.decoder(z), x) + (weight * surprise.sum(1)).mean()

    def decoder_loss(self, net: Net, x: Rows, step: int) -> Tensor:  # noqa: ARG002
        with torch.no_grad():
            z = sample(*net.encoder(x, 0.0))
        return multinomial(net.decoder(z), x)

    def answer(self, net: Net, x: Rows) -> Tensor:
        scores: Tensor = net.decoder(net.encoder(x, 0.0)[0])
        return scores


class Net(nn.Module):
    def __init__(self, n_items: int, hidden: int, latent: int):
        super().__init__()
        self.encoder = Encoder(n_items, hidden, latent)
        self.decoder = nn.Linear(latent, n_items)
        self.old = Encoder(n_items, hidden, latent).requires_grad_(False)

    def remember(self) -> None:
        """The prior looks to the encoder as it is now."""
        self.old.load_state_dict(self.encoder.state_dict())

    def log_prior(self, x: Rows, z: Tensor) -> Tensor:  # (B, D)
        mean, log_variance = self.old(x, 0.0)
        nothing = torch.zeros_like(z)
        parts = (
            log_normal(z, nothing, nothing),
            log_normal(z, mean, log_variance),
            log_normal(z, nothing, nothing + WIDE),
        )
        weights = torch.tensor(MIXTURE, device=z.device).log()
        return torch.logsumexp(torch.stack(parts) + weights[:, None, None], 0)


class Encoder(nn.Module):
    """Five layers, each of which is given the sum of all outputs before it."""

    def __init__(self, n_items: int, hidden: int, latent: int):
        super().__init__()
        self.first = Bag(n_items, hidden)
        self.rest = nn.ModuleList(nn.Linear(hidden, hidden) for _ in range(DEPTH - 1))
        self.norms = nn.ModuleList(nn.LayerNorm(hidden, eps=0.1) for _ in range(DEPTH))
        self.last = nn.Linear(hidden, 2 * latent)

    def forward(self, x: Rows, drop: float) -> tuple[Tensor, Tensor]:
        """Mean and log variance of q, each (B, D)."""
        h = self.norms[0](silu(self.first(x, normalize=True, drop=drop)))
        before = h
        for layer, norm in zip(self.rest, self.norms[1:], strict=True):
            h = norm(silu(layer(h) + before))
            before = before + h
        mean, log_variance = self.last(h).chunk(2, 1)
        return mean, log_variance


def sample(mean: Tensor, log_variance: Tensor) -> Tensor:
    return mean + torch.randn_like(mean) * (log_variance / 2).exp()


def log_normal(z: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    square = (z - mean).square() / log_variance.exp()
    return -(log_variance + square + LOG_2_PI) / 2


LOG_2_PI = 1.8378770664093453
