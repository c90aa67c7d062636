"""Mult-DAE: leave out half of a history, and choose all of it among all items.

    minimise   -sum_i x_ui log softmax(f(x_u))_i, averaged over users,  +  l2 / batch_size |W|^2
    f(x) = W_4 tanh(W_3 tanh(W_2 tanh(W_1 x / |x| + b_1) + b_2) + b_3) + b_4

While training, a share ``dropout`` of x / |x| is left out. W is all weights, without the biases.

Source:  Liang, Krishnan, Hoffman, Jebara, "Variational Autoencoders for Collaborative Filtering",
         WWW 2018. arXiv:1802.05814; the tanh after W_2, which Mult-VAE does not have, and what the
         penalty is divided by, from the authors' notebook.
Checked: the loss, for given weights and a given choice of what is left out, against the objective
         written out in numpy, tests/retrieve/matrix/test_multdae.py
Differs: the paper speaks of a weight decay of 0.01, the notebook divides it by the batch size and
         spares the biases; this is the notebook. The notebook has no hidden layer on ML-20M, 200
         numbers only; here there is one on each side, as the paper has it for Mult-VAE. `fit` runs
         all epochs; the authors keep the best by validation NDCG@100.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ...likelihoods import multinomial
from ...model import at_least
from ...rows import Rows
from ...train import Train
from ._autoencoder import Autoencoder
from ._bottleneck import Bottleneck

__all__ = ["MultDAE"]


@dataclass(kw_only=True, eq=False)
class MultDAE(Autoencoder):
    hidden_size: int = 600
    embedding_size: int = 200
    dropout: float = 0.5  # share of the input that the encoder does not see
    l2: float = 0.01  # penalty on the squared weights, once a batch
    how: Train = Train(n_epochs=200, batch_size=500, learning_rate=1e-3)

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least(self, "l2", self.l2, 0)

    def build(self) -> nn.Module:
        return Bottleneck(self.n_items_, self.hidden_size, self.embedding_size, self.embedding_size)

    def loss(self, net: Bottleneck, x: Rows, step: int) -> Tensor:  # noqa: ARG002
        logits = net.decode(torch.tanh(net.encode(x, self.dropout)))
        squares = [p.square().sum() for p in net.parameters() if p.dim() == 2]
        return multinomial(logits, x) + self.l2 / self.how.batch_size * torch.stack(squares).sum()

    def answer(self, net: Bottleneck, x: Rows) -> Tensor:
        scores: Tensor = net.decode(torch.tanh(net.encode(x, 0.0)))
        return scores
