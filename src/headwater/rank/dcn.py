"""DCN: features crossed explicitly, a degree more with each layer, beside a deep net.

    x_{l+1} = x_0 (w_l' x_l) + b_l + x_l,   l = 0 ... cross_layers - 1
    h_{l+1} = ReLU(W_l h_l + c_l),   h_0 = x_0
    logit   = v' [x_L, h_D] + v_0

x_0 is all that is known of who asks, when, after what, and of the candidate (`nets.FieldEncoder`).

Source:  Wang, Fu, Fu, Wang, "Deep & Cross Network for Ad Click Predictions", ADKDD 2017.
         arXiv:1708.05123
Checked: the net, for given weights, against the formula written out in numpy, and every loss
         against its own, tests/rank/test_dcn.py
Differs: no batch normalisation; dropout behind each deep layer; of a feature with many values at
         once the mean; and the history as the mean of its items, also times the candidate.
"""

from __future__ import annotations

from dataclasses import dataclass

from ._cross import Crossed

__all__ = ["DCN"]


@dataclass(kw_only=True, eq=False)
class DCN(Crossed):
    pass
