"""The made-up platform does what it says, and what it says can be learned back."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit

from headwater.errors import BadParameter
from headwater.registry import build
from headwater.simulate.platform import Platform
from headwater.visits import reached


def test_log_is_whole_and_repeats():
    world = Platform(n_sessions=500)
    data, again = world.log(), Platform(n_sessions=500).log()
    np.testing.assert_array_equal(data.impressions.clicks, again.impressions.clicks)
    assert data.impressions.clicks.sum() == len(data.log.items)
    plays = data.sessions.column("num_plays")
    np.testing.assert_array_equal(plays, data.impressions.clicks.sum(1))
    np.testing.assert_array_equal(np.isnan(data.sessions.column("time_to_first_play")), plays == 0)
    rows = data.impressions.slate.items
    assert all(len(set(row)) == world.k for row in rows.tolist())
    past = data.impressions.queries.history  # nothing of its own request
    assert past.lengths[0] == 0
    other = Platform(n_sessions=500, seed=1).log()
    assert (other.impressions.clicks != data.impressions.clicks).any()


def test_clicks_and_satisfaction_are_as_likely_as_said():
    world = Platform(n_sessions=8000, asked=1.0, answers=1.0)
    data = world.log()
    s, shown = data.sessions, data.impressions
    intent = s.intents[:, 1] * 1
    chance = world.clicks(s.user, intent, shown.slate.items)
    assert shown.clicks.mean() == pytest.approx(chance.mean(), abs=0.01)
    good = reached(s.satisfaction, "overall")
    mood = world.mood(s.user, intent, shown.slate.items, shown.clicks > 0)
    for low, high in ((-9, -1), (-1, 0), (0, 1), (1, 9)):
        mine = (mood >= low) & (mood < high)
        assert good[mine].mean() == pytest.approx(expit(mood[mine]).mean(), abs=0.05)
    value = world.satisfaction(s.user, intent, shown.slate.items, n_draws=20)
    assert value.mean() == pytest.approx(good.mean(), abs=0.02)


def test_lure_is_not_quality():
    lure, quality = Platform(n_items=2000).items
    assert abs(np.corrcoef(lure, quality)[0, 1]) < 0.06


def test_behaviour_tells_of_satisfaction():
    world = Platform(asked=1.0, answers=1.0)
    data = world.log()
    half = np.arange(3000)
    model = build("satisfaction.logistic", log=True)
    model.fit(replace(data, sessions=data.sessions[half]))
    said = model.chances(data.sessions[3000:])
    good = reached(data.sessions.satisfaction[3000:], "overall")
    assert said[good].mean() > said[~good].mean() + 0.2


def test_requests():
    world = Platform(n_sessions=300)
    data = world.log()
    queries, intent = world.requests(data, 50)
    assert (queries.now > data.log.times.max()).all()
    np.testing.assert_array_equal(queries.history.lengths, data.log.lengths[queries.user])
    told = world.told(queries, intent)
    np.testing.assert_array_equal(told.intents.argmax(1), intent)
    with pytest.raises(BadParameter, match="k must be from 1 to 150"):
        Platform(k=200)
