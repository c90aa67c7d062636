"""Sample ratio: whether the arms have as many people as they should.

    chi-square   sum_a (x_a - n s_a)^2 / (n s_a),  arms - 1 degrees of freedom: for one look
    any time     1 / p = G(c) / G(c + n)  prod_a  G(c s_a + x_a) / G(c s_a) / s_a^x_a

x_a of n people are in arm a, whose share is s_a; G is the gamma function. The second is the chance
of the counts with shares drawn from Dirichlet(c s) over that with the shares s: a martingale from 1
upwards if s is true. An experiment whose arms are off has lost people, and not by chance: its
numbers compare other people with other people.

Source:  Fabijan et al., "Diagnosing Sample Ratio Mismatch in Online Controlled Experiments", KDD
         2019. doi:10.1145/3292500.3330722. Any time: Lindon, Malek, "Anytime-Valid Inference for
         Multinomial Count Data", NeurIPS 2022. arXiv:2011.03567
Checked: against SciPy's chisquare and the ratio by numerical integration, and by false alarms when
         looked at after every person, tests/test_sequential.py
Differs: c is 1,000 by default, for shares that are off by some hundredths, where Lindon and Malek
         leave it open; p is that of the present counts, not the least so far, which is higher.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import special

from ..errors import BadParameter, DataError

__all__ = ["sample_ratio"]


def sample_ratio(
    counts: Sequence[int],
    shares: Sequence[float],
    *,
    peeked: bool = False,
    concentration: float = 1000.0,
) -> float:
    """p that ``counts`` of people were dealt by ``shares``, in proportion; 1 where nobody was.

    ``peeked`` holds however often one looks. `DataError` for other than two or more arms with
    shares above 0.

    >>> round(sample_ratio([5200, 4800], [0.5, 0.5]), 6), round(sample_ratio([50, 48], [1, 1]), 2)
    (6.3e-05, 0.84)
    """
    x, s = np.asarray(counts, np.float64), np.asarray(shares, np.float64)
    if x.shape != s.shape or x.ndim != 1 or len(x) < 2:
        raise DataError(f"two arms or more, a count and a share each; got {x.shape} and {s.shape}")
    if not ((s > 0).all() and np.isfinite(s).all() and (x >= 0).all()):
        raise DataError("shares are above 0, and counts not below")
    if not concentration > 0:
        raise BadParameter(f"concentration is above 0; got {concentration!r}")
    s, n = s / s.sum(), x.sum()
    if not n:
        return 1.0
    if not peeked:
        return float(special.chdtrc(len(x) - 1, ((x - n * s) ** 2 / (n * s)).sum()))
    prior = concentration * s
    ratio = special.gammaln(concentration) - special.gammaln(concentration + n)
    ratio += (special.gammaln(prior + x) - special.gammaln(prior) - x * np.log(s)).sum()
    return float(np.exp(-max(ratio, 0.0)))
