import naive_metrics as naive
import numpy as np
import pytest
from small_worlds import small

from headwater.errors import BadParameter
from headwater.metrics.err_ia import ERRIA


@naive.on_random_worlds
def test_is_the_definition(seen, k):
    have = naive.genres(seen)
    want = []
    rows = zip(
        naive.slates(seen, k),
        naive.choices(seen),
        naive.rows_of(seen.queries.history),
        strict=True,
    )
    for row, chosen, past in rows:
        came_for = {}
        for item in {item for item, _ in past}:
            for a in have[item]:
                came_for[a] = came_for.get(a, 0) + 1 / len(have[item])
        whole = sum(came_for.values())
        if not chosen or not whole:
            want.append(naive.none)
            continue
        total = 0.0
        for a, share in came_for.items():
            open_ = 1.0
            for rank, item in enumerate(row, 1):
                r = 0.5 if item in chosen and a in have[item] else 0
                total += share / whole * r * open_ / rank
                open_ *= 1 - r
        want.append(total)
    naive.agree(ERRIA(k=k)(seen), want)


def test_by_hand():
    """Half of the history is even, half odd; one hit of each: the second pays less, later."""
    seen = small([[0, 1, 2]], [[0, 1, 2]], past=[[4, 5]])
    np.testing.assert_allclose(ERRIA(k=3)(seen), [0.5 * (0.5 + 0.25 / 3) + 0.5 * (0.5 / 2)])


def test_k_is_positive():
    with pytest.raises(BadParameter, match="k must be at least 1, got 0"):
        ERRIA(k=0)
