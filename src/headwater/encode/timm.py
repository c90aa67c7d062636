"""Any image model of the package timm, by its name, with its last linear layer left out.

    x = pool(f(image))

f, the pooling, the size and crop of the image, its mean and deviation are the model's own.

Source:  Wightman, "PyTorch Image Models", github.com/huggingface/pytorch-image-models, 2019
Checked: a net of random weights in a file, layer by layer, and EfficientNet-Lite0 against
         encode.efficientnet_lite, tests/encode/test_timm.py. With timm 1.0.31 that ran only beside
         a torchvision 0.28.0 whose compiled operators, which are not used here, were replaced by
         empty ones: PyPI's torchvision does not import beside torch for the CPU, and the tests are
         skipped where it does not. No model was fetched from a hub
Differs: in nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from ..errors import BadParameter
from ..extras import needs
from ..frozen import device_of, digest
from ..images import decoded
from ..types import Floats
from ._images import ImageEncoder

__all__ = ["Timm"]


@dataclass(kw_only=True, eq=False)
class Timm(ImageEncoder):
    name: str  # "vit_base_patch16_clip_224.openai"; timm.list_models(pretrained=True) has all
    weights: str | None = None  # a file of weights; None: those that the name has on the hub
    device: str = "cpu"  # "cpu", "cuda", "mps" or "auto"

    @property
    def dimensions(self) -> int:
        size: int = self._loaded()[2]
        return size

    def identity(self) -> dict[str, Any]:
        net, transform, _ = self._loaded()
        return {"name": self.name, "transform": repr(transform), "weights": digest(net)}

    def ready(self, content: bytes) -> Tensor:  # (3, height, width)
        pixels: Tensor = self._loaded()[1](decoded(content, self.max_pixels))
        return pixels

    @torch.inference_mode()
    def vectors(self, batch: Sequence[Tensor]) -> Floats:
        net = self._loaded()[0]
        x = torch.stack(list(batch)).to(next(net.parameters()).device)
        found: Floats = net(x).float().cpu().numpy()
        return found

    def _loaded(self) -> tuple[Any, Any, int]:
        device = device_of(type(self).__name__, self.device)
        return _load(self.name, self.weights, device)


@lru_cache(maxsize=2)
def _load(name: str, weights: str | None, device: str) -> tuple[Any, Any, int]:
    """The net, what makes its input out of an image, and D."""
    with needs("encode.timm", "timm"):
        import timm
        from timm.data import create_transform, resolve_model_data_config
    where = {} if weights is None else {"pretrained_cfg_overlay": {"file": weights}}
    try:
        with torch.random.fork_rng(devices=[]):
            net = timm.create_model(name, pretrained=True, num_classes=0, **where)
    except (OSError, RuntimeError, ValueError) as error:
        file = "" if weights is None else f" with the weights in {weights}"
        raise BadParameter(f"Timm: no model {name!r}{file}: {error}") from None
    settings = resolve_model_data_config(net.eval())
    with torch.inference_mode():
        size = net(torch.zeros(1, *settings["input_size"])).shape[1]
    return net.to(device), create_transform(**settings, is_training=False), int(size)
