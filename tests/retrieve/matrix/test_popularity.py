import numpy as np
import pytest

from headwater.data.toy import world
from headwater.errors import BadParameter, DataError
from headwater.registry import build
from headwater.types import Histories

DAY = 86_400
#         user item day
EVENTS = [(0, 0, 1), (0, 1, 9), (1, 0, 2), (1, 2, 10), (2, 0, 3), (2, 1, 4), (2, 1, 8)]


def data(timed=True):
    u, i, t = np.array(EVENTS).T
    return world(Histories.of(u, i, n_rows=3, n_items=4, times=t * DAY if timed else None))


def test_all_time_counts_people():
    assert build("popularity").fit(data()).weight_.tolist() == [3, 2, 1, 0]
    assert build("popularity").fit(data(timed=False)).weight_.tolist() == [3, 2, 1, 0]


def test_window_counts_the_last_days():
    """The newest is of day 10, so two days back is day 8: (0, 1, 9), (1, 2, 10), (2, 1, 8)."""
    assert build("popularity", days=2.0).fit(data()).weight_.tolist() == [0, 2, 1, 0]


@pytest.mark.parametrize("half_life", [1.0, 5.0, 30.0])
def test_decay(half_life):
    newest = {}
    for u, i, t in EVENTS:
        newest[u, i] = max(t, newest.get((u, i), 0))
    expected = [0.0] * 4
    for (_, i), t in newest.items():
        expected[i] += 0.5 ** ((10 - t) / half_life)
    got = build("popularity", half_life=half_life).fit(data()).weight_
    np.testing.assert_allclose(got, expected, rtol=1e-6)


def test_needs_times_for_days():
    with pytest.raises(DataError, match="need times"):
        build("popularity", days=3.0).fit(data(timed=False))
    with pytest.raises(BadParameter, match="not both"):
        build("popularity", days=3.0, half_life=1.0)
    with pytest.raises(BadParameter, match="days must be above 0"):
        build("popularity", days=0)
