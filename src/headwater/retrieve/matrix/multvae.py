"""Mult-VAE: encode a whole history into a Gaussian, decode it into a choice among all items.

    minimise   -sum_i x_ui log softmax(f(z_u))_i  +  beta KL( q(z_u | x_u) || N(0, I) )
    averaged over users;  z_u ~ q(z_u | x_u) = N(m(x_u), diag s(x_u)^2) while training, its mean
    when asked;  beta rises by 1 / anneal_steps at every step, from 0 to beta_cap, and stays there

The encoder sees x_u scaled to length one, a share ``dropout`` of it left out.

Source:  Liang, Krishnan, Hoffman, Jebara, "Variational Autoencoders for Collaborative Filtering",
         WWW 2018. arXiv:1802.05814
Checked: the loss, for given weights and noise, against the objective written out in numpy before,
         at and after the end of the annealing, tests/retrieve/matrix/test_multvae.py; and the table
         of the thesis on MovieLens-1M, papers/results/thesis-2.5.json
Differs: `fit` runs all epochs; to keep the best by validation NDCG@100, as the authors do, ask for
         early stopping.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ...likelihoods import gaussian_kl, multinomial
from ...model import at_least
from ...rows import Rows
from ...train import Train
from ._autoencoder import Autoencoder
from ._bottleneck import Bottleneck

__all__ = ["MultVAE"]


@dataclass(kw_only=True, eq=False)
class MultVAE(Autoencoder):
    hidden_size: int = 600
    embedding_size: int = 200
    dropout: float = 0.5  # share of the input that the encoder does not see
    beta_cap: float = 0.2  # the largest beta
    anneal_steps: int = 200_000  # steps until beta would be 1
    how: Train = Train(n_epochs=200, batch_size=500, learning_rate=1e-3)

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least(self, "anneal_steps", self.anneal_steps, 1)
        at_least(self, "beta_cap", self.beta_cap, 0)

    def build(self) -> nn.Module:
        return Bottleneck(
            self.n_items_, self.hidden_size, self.embedding_size, 2 * self.embedding_size
        )

    def loss(self, net: Bottleneck, x: Rows, step: int) -> Tensor:
        mean, log_variance = net.encode(x, self.dropout).chunk(2, 1)
        z = mean + torch.randn_like(mean) * (log_variance / 2).exp()
        beta = min(self.beta_cap, step / self.anneal_steps)
        return multinomial(net.decode(z), x) + beta * gaussian_kl(mean, log_variance)

    def answer(self, net: Bottleneck, x: Rows) -> Tensor:
        mean, _ = net.encode(x, 0.0).chunk(2, 1)
        scores: Tensor = net.decode(mean)
        return scores
