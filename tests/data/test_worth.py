"""Sessions back in what rankers learn from."""

from dataclasses import replace

import numpy as np
import pytest

from headwater.data.toy import visits
from headwater.data.worth import LATE, came_for, session_of, valued, worth
from headwater.errors import DataError
from headwater.simulate.platform import Platform
from headwater.types import PAD, Histories, Queries


def asked(user, now):
    b = len(user)
    past = Histories.empty(b, 3)
    return Queries(past, np.array(user, np.int32), np.array(now, np.int64))


def some():
    """Three sessions of person 0 and one of 1."""
    sessions = visits(8).sessions[:4]
    return replace(
        sessions,
        user=np.array([0, 0, 1, 0], np.int32),
        start=np.array([1000, 50_000, 1000, 9000]),
        seconds=np.array([100, 100, 5, 100], np.float32),
    )


def test_session_of_a_request():
    cases = {
        (0, 1000): 0,
        (0, 999): PAD,
        (0, 1100 + LATE): 0,
        (0, 1101 + LATE): PAD,
        (0, 9050): 3,
        (0, 50_001): 1,
        (1, 1002): 2,
        (1, 9050): PAD,
        (2, 1000): PAD,
        (PAD, 1000): PAD,
    }
    users, times = zip(*cases, strict=True)
    found = session_of(asked(users, times), some())
    assert found.tolist() == list(cases.values())
    nobody = replace(some(), user=np.full(4, PAD, np.int32))
    assert (session_of(asked(users, times), nobody) == PAD).all()
    assert session_of(asked([], []), some()).tolist() == []
    with pytest.raises(DataError, match="nobody says when"):
        session_of(asked([0], [0]), some())


def test_session_of_is_the_definition():
    rng = np.random.default_rng(0)
    n = 60
    sessions = visits(n).sessions
    sessions = replace(
        sessions,
        user=rng.integers(-1, 5, n).astype(np.int32),
        start=rng.permutation(n) * 700 + 1,
        seconds=rng.integers(0, 3000, n).astype(np.float32),
    )
    user, now = rng.integers(-1, 6, 500), rng.integers(1, 700 * n, 500)
    found = session_of(asked(user, now), sessions)
    for u, t, got in zip(user, now, found, strict=True):
        mine = np.flatnonzero((sessions.user == u) & (u != PAD) & (sessions.start <= t))
        want = mine[sessions.start[mine].argmax()] if len(mine) else PAD
        if want != PAD and t > sessions.start[want] + sessions.seconds[want] + LATE:
            want = PAD
        assert got == want


def test_clicks_are_worth_their_sessions():
    data = Platform(n_sessions=300).log()
    chances = np.random.default_rng(0).random(300)
    found = worth(data.impressions, data.sessions, chances)
    np.testing.assert_allclose(found.clicks, data.impressions.clicks * chances[:, None], rtol=1e-6)
    late = replace(data.impressions.queries, now=data.impressions.queries.now + 10**8)
    outside = worth(replace(data.impressions, queries=late), data.sessions, chances)
    np.testing.assert_allclose(outside.clicks, data.impressions.clicks * chances.mean(), rtol=1e-6)
    with pytest.raises(DataError, match="for each of 300 sessions"):
        worth(data.impressions, data.sessions, chances[:5])
    with pytest.raises(DataError, match="from 0 to 1"):
        worth(data.impressions, data.sessions, chances + 1)


def test_events_are_worth_their_sessions():
    data = Platform(n_sessions=300).log()
    chances = np.random.default_rng(0).random(300)
    log = valued(data, chances).log
    at = session_of(Queries(log, log.rows.astype(np.int32), log.times), data.sessions)
    assert (at != PAD).all()
    np.testing.assert_allclose(log.values, chances[at], rtol=1e-6)
    np.testing.assert_array_equal(log.items, data.log.items)


def test_requests_say_why():
    data = Platform(n_sessions=300).log()
    queries, sessions = data.impressions.queries, data.sessions
    said = sessions.intents.any(1)
    assert 0 < said.sum() < 300
    plain = came_for(queries, sessions).intents
    np.testing.assert_array_equal(plain[said], sessions.intents[said])
    assert np.isnan(plain[~said]).all()
    guess = np.random.default_rng(0).random((300, 2))
    guessed = came_for(queries, sessions, guess).intents
    np.testing.assert_allclose(guessed[~said], guess[~said], rtol=1e-6)
    np.testing.assert_array_equal(guessed[said], plain[said])
