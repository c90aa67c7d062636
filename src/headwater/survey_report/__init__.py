"""What a survey of sessions says: pictures with a sentence each, on a page or as PNGs.

    >>> import numpy as np
    >>> import polars as pl
    >>> from headwater.types import Sessions
    >>> n, rng = 60, np.random.default_rng(0)
    >>> sessions = Sessions(
    ...     ids=pl.Series(range(n)), user=np.arange(n, dtype=np.int32),
    ...     start=np.zeros(n, np.int64), seconds=np.ones(n, np.float32),
    ...     behaviours=rng.poisson(2, (n, 1)).astype(np.float32), names=("num_plays",), censored=(),
    ...     intents=np.ones((n, 1), bool), intent_names=("genre",),
    ...     satisfaction=np.repeat([5, 4, 1], 20).astype(np.int8),
    ...     shown=np.ones(n, bool), weights=np.ones(n, np.float32),
    ... )
    >>> charts(sessions, {"genre": "explorative"})["satisfaction"].says
    '67 % were satisfied (4 or 5); 33 % were very dissatisfied (1).'

Nothing is shown of fewer than five answers.
"""

from ._answers import of_intents
from ._models import Posterior
from ._picture import FEWEST, Picture
from ._writing import charts, sheet, write, write_pngs

__all__ = [
    "FEWEST",
    "Picture",
    "Posterior",
    "charts",
    "of_intents",
    "sheet",
    "write",
    "write_pngs",
]
