from itertools import permutations

import naive_metrics as naive
import numpy as np
import pytest
from small_worlds import small

from headwater.errors import BadParameter
from headwater.metrics.alpha_ndcg import AlphaNDCG


def gained(order, have, alpha):
    """Of a list of sets of kinds, one a slot."""
    total, came = 0.0, {}
    for rank, slot in enumerate(order, 1):
        kinds = have[slot] if slot is not None else ()
        total += sum((1 - alpha) ** came.get(a, 0) for a in kinds) / np.log2(rank + 1)
        for a in kinds:
            came[a] = came.get(a, 0) + 1
    return total


def greedy(items, have, alpha, k):
    order, came = [], {}
    for _ in range(min(k, len(items))):
        left = [i for i in sorted(items) if i not in order]
        often = {a: sum(a in have[i] for i in left) for i in left for a in have[i]}
        value = {
            i: sum((1 - alpha) ** came.get(a, 0) + 1e-7 / often[a] for a in have[i]) for i in left
        }
        most = max(value.values())
        best = next(i for i in left if value[i] > most - 1e-12)
        order.append(best)
        for a in have[best]:
            came[a] = came.get(a, 0) + 1
    return order


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0])
def test_is_the_definition(alpha):
    @naive.on_random_worlds
    def check(seen, k):
        have = naive.genres(seen)
        want = []
        for row, chosen in zip(naive.slates(seen, k), naive.choices(seen), strict=True):
            ideal = gained(greedy(chosen, have, alpha, k), have, alpha)
            order = [item if item in chosen else None for item in row]
            want.append(gained(order, have, alpha) / ideal if ideal else naive.none)
        naive.agree(AlphaNDCG(k=k, alpha=alpha)(seen), want)

    check()


def test_by_hand():
    """Genres of the even and of the odd: a second even item is worth half."""
    seen = small([[0, 2, 1], [0, 1, 2]], [[0, 1, 2], [0, 1, 2]])
    best = 1 + 1 / np.log2(3) + 0.5 / 2
    np.testing.assert_allclose(AlphaNDCG(k=3)(seen), [(1 + 0.5 / np.log2(3) + 1 / 2) / best, 1])


def test_the_greedy_order_is_near_the_best():
    have = [{0, 1}, {0, 2}, {1, 3}, {2}]
    most = max(gained(order, have, 0.5) for order in permutations(range(4)))
    assert gained(greedy(range(4), have, 0.5, 4), have, 0.5) == pytest.approx(most, rel=0.02)


def test_mistakes():
    with pytest.raises(BadParameter, match="alpha must be from 0 to 1, got 2"):
        AlphaNDCG(alpha=2)
