"""Models whose nets have learned nothing, with weights far from 0, so that no term is small."""

import torch

from headwater.registry import build


def random_net(name, n_items, *, std=0.7, **parameters):
    model = build(name, **parameters)
    model.n_items_ = n_items
    model.net_ = model.build()
    torch.manual_seed(0)
    with torch.no_grad():
        for p in model.net_.parameters():
            p.normal_(std=std)
    return model
