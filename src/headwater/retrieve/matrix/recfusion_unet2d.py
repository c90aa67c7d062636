"""RecFusion with a U-Net over people and items: a batch of histories is one image.

    z_0 = x,   z_t = sqrt(1 - b_t) z_{t-1} + sqrt(b_t) e,   e ~ N(0, I),   t = 1 ... T
    h_i = f(z_{i+1}, i),   i = 1 ... T - 1,   x and z and h of a whole batch, people x items
    minimise   1/2 |x - h_1|^2  +  c_1/2 |h_{T-1}|^2  +  sum_{1 < i < T-1} c_i/2 |h_i|^2
    averaged over users;   c_i = 1 - (1 - sqrt(1 - b_i))^2 / b_i

f is a U-Net of two levels with convolutions, told i. When asked, the scores are f(x, 1), where the
image is one history alone.

Source:  RecFusion, chapter 2 of a thesis on diffusion for recommendation, and Benedict, Odijk,
         de Rijke, Moens, "RecFusion: A Binomial Diffusion Process for 1D Data for Recommendation",
         2023. arXiv:2306.08947; the loss and the sizes from the released code.
Checked: the loss, for given answers of the net and given noise, against the formula written out in
         numpy, for several T; odd and even numbers of items and of people, and a batch against its
         rows, tests/retrieve/matrix/test_recfusion_unet.py
Differs: the authors ask with an image of a whole batch too, so that what one gets depends on who
         else asks; here each is asked alone, above a line of zeros, which is not what f has
         learned from. Images of an odd height or width get a line of zeros, where the authors
         leave out the least popular item and fill incomplete batches up. Convolutions without
         standardised weights, no dropout, and i as 128 waves, not 4. As there, only h_1 is to be
         like x, and the h_i after it are to be 0; and who is beside whom is chance.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from ._unet import UNet, UNetFusion

__all__ = ["RecFusionUNet2D"]


@dataclass(kw_only=True, eq=False)
class RecFusionUNet2D(UNetFusion):
    def build(self) -> nn.Module:
        return UNet(nn.Conv2d, self.width)

    def together(self, net: nn.Module, x: Tensor, t: int) -> Tensor:
        image: Tensor = net(x[None, None], t)
        return image[0, 0]

    def alone(self, net: nn.Module, x: Tensor, t: int) -> Tensor:
        images: Tensor = net(x[:, None, None], t)
        return images[:, 0, 0]
